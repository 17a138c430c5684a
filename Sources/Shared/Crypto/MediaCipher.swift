import COpenSSL

/// Why bytes could not be decrypted. Never carries bytes or keys.
enum MediaCipherError: Error, Equatable {
    /// The cryptographic library gave no context.
    case unavailable
    /// Nothing came, or the length is no multiple of the cipher's block: the end is missing.
    case truncated
    /// The length fits, the padding does not: another key, or damaged bytes.
    case badPadding
}

/// Streaming decryption of the platform's media: AES-256-CBC, the IV is the first half of the key, PKCS#7 padding to
/// multiples of **32** bytes.
///
/// Memory is constant: one output buffer of 64 KB. The last 32 bytes of plain text are held back until `finish`, as
/// they may be padding. What was handed out before an error is worthless: a caller keeps it from everybody until
/// `finish` has succeeded.
struct MediaCipher: ~Copyable {
    private static let sliceBytes = 65_536
    /// Block of the padding, which is twice the cipher's own.
    private static let paddingBlock = 32
    private static let cipherBlock = 16

    // Owned by this value alone, freed once in `deinit`.
    private let context: OpaquePointer
    private var output: [UInt8]
    /// Plain text at the start of `output` that was not handed out yet.
    private var held = 0
    private var received = 0

    init(key: MediaKey) throws(MediaCipherError) {
        context = try Self.makeContext(key)
        output = [UInt8](repeating: 0, count: Self.sliceBytes + Self.paddingBlock + Self.cipherBlock)
    }

    private static func makeContext(_ key: MediaKey) throws(MediaCipherError) -> OpaquePointer {
        guard let context = EVP_CIPHER_CTX_new() else { throw .unavailable }
        let iv = Array(key.bytes.prefix(cipherBlock))
        guard EVP_DecryptInit_ex(context, EVP_aes_256_cbc(), nil, key.bytes, iv) == 1,
            EVP_CIPHER_CTX_set_padding(context, 0) == 1
        else {
            EVP_CIPHER_CTX_free(context)
            throw .unavailable
        }
        return context
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// Decrypts any number of bytes; hands plain text to `sink` in pieces of at most 64 KB.
    mutating func update(
        _ input: UnsafeRawBufferPointer, sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var start = 0
        while start < input.count {
            let slice = UnsafeRawBufferPointer(rebasing: input[start..<min(start + Self.sliceBytes, input.count)])
            start += slice.count
            try decrypt(slice, sink)
        }
    }

    private mutating func decrypt(_ slice: UnsafeRawBufferPointer, _ sink: (UnsafeRawBufferPointer) throws -> Void)
        throws
    {
        let start = held
        var written: Int32 = 0
        let succeeded = output.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return false }
            let bytes = slice.bindMemory(to: UInt8.self).baseAddress
            return EVP_DecryptUpdate(context, base + start, &written, bytes, Int32(slice.count)) == 1
        }
        guard succeeded else { throw MediaCipherError.unavailable }
        received += slice.count
        held += Int(written)
        let ready = held - Self.paddingBlock
        guard ready > 0 else { return }
        try output.withUnsafeBytes { try sink(UnsafeRawBufferPointer(rebasing: $0[..<ready])) }
        output.withUnsafeMutableBufferPointer { buffer in
            for index in 0..<Self.paddingBlock { buffer[index] = buffer[ready + index] }
        }
        held = Self.paddingBlock
    }

    /// Checks the padding and hands out the rest. Called once, after the last byte.
    mutating func finish(sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard received > 0, received.isMultiple(of: Self.cipherBlock) else { throw MediaCipherError.truncated }
        let tail = output[..<held]
        guard let last = tail.last, (1...Self.paddingBlock).contains(Int(last)), Int(last) <= held,
            tail.suffix(Int(last)).allSatisfy({ $0 == last })
        else { throw MediaCipherError.badPadding }
        let rest = held - Int(last)
        try output.withUnsafeBytes { try sink(UnsafeRawBufferPointer(rebasing: $0[..<rest])) }
        held = 0
    }
}
