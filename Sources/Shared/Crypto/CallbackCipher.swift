import COpenSSL
import Foundation

/// Why a ciphertext was not opened or a message not sealed. No case holds bytes, ids or keys.
public enum CallbackCipherError: Error, Hashable, Sendable {
    /// Not base64 as an encoder writes it, with all its padding and nothing else.
    case notBase64
    /// Nothing, or no multiple of the cipher's block of 16 bytes.
    case truncated
    /// The padding does not fit: another key, or damaged bytes.
    case badPadding
    /// Fewer than 20 bytes, or the length inside points past the end.
    case badFrame
    /// The id at the end is not the one of this account.
    case receiveIDMismatch
    /// More than `CallbackCipher.maxBytes`.
    case tooLarge
    /// The cryptographic library refused.
    case unavailable
}

/// The id at the end of every encrypted message, which says for whom it is.
public enum ReceiveID: Hashable, Sendable {
    /// Nothing is configured: what comes is not compared, and replies carry none. Bots of an enterprise are so.
    case any
    /// It must be there and equal, byte by byte: the corp id of a self-built application.
    case exactly(String)

    /// What is configured; empty means `any`.
    public init(configured: String) { self = configured.isEmpty ? .any : .exactly(configured) }

    fileprivate var bytes: [UInt8] {
        switch self {
        case .any: []
        case .exactly(let id): Array(id.utf8)
        }
    }
}

/// Encryption of callbacks and of their replies: AES-256-CBC, the IV is the first half of the key, PKCS#7 padding to
/// multiples of **32** bytes, base64.
///
/// Inside: 16 random bytes, the length of the message as 32 bits big-endian, the message, the receive id. The cipher proves
/// nothing about the sender: a signature is checked before anything is opened.
public struct CallbackCipher: Sendable {
    /// Most bytes of a message, and of a ciphertext in base64.
    public static let maxBytes = 64 << 20
    private static let paddingBlock = 32
    private static let cipherBlock = 16
    private static let randomBytes = 16
    private static let headBytes = 20

    private let key: CallbackKey
    private let receiveID: ReceiveID

    /// A cipher under one key for one receiver.
    public init(key: CallbackKey, receiveID: ReceiveID) {
        self.key = key
        self.receiveID = receiveID
    }

    /// Opens a ciphertext in base64; the bytes of the message, untouched.
    public func open(_ base64: String) throws(CallbackCipherError) -> [UInt8] {
        guard base64.utf8.count <= Self.maxBytes else { throw .tooLarge }
        // Foundation passes over surplus padding and spare bits; one ciphertext shall have one spelling.
        guard let sealed = Data(base64Encoded: base64), sealed.base64EncodedString() == base64 else {
            throw .notBase64
        }
        guard !sealed.isEmpty, sealed.count.isMultiple(of: Self.cipherBlock) else { throw .truncated }
        let padded = try transform([UInt8](sealed), encrypting: false)
        guard let last = padded.last, (1...Self.paddingBlock).contains(Int(last)), Int(last) <= padded.count,
            padded.suffix(Int(last)).allSatisfy({ $0 == last })
        else { throw .badPadding }
        return try message(of: padded.dropLast(Int(last)))
    }

    private func message(of frame: ArraySlice<UInt8>) throws(CallbackCipherError) -> [UInt8] {
        guard frame.count >= Self.headBytes else { throw .badFrame }
        // In 64 bits: 0xFFFFFFFF plus 20 must not become small.
        let length = frame.prefix(Self.headBytes).suffix(4).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let rest = frame.dropFirst(Self.headBytes)
        guard length <= UInt64(rest.count) else { throw .badFrame }
        if case .exactly = receiveID, !rest.dropFirst(Int(length)).elementsEqual(receiveID.bytes) {
            throw .receiveIDMismatch
        }
        return Array(rest.prefix(Int(length)))
    }

    /// Seals a message; base64.
    public func seal(
        _ message: some Collection<UInt8>, using generator: inout some RandomNumberGenerator
    ) throws(CallbackCipherError) -> String {
        guard message.count <= Self.maxBytes, let length = UInt32(exactly: message.count) else { throw .tooLarge }
        var frame: [UInt8] = []
        frame.reserveCapacity(Self.headBytes + message.count + Self.paddingBlock * 2)
        while frame.count < Self.randomBytes {
            let bits: UInt64 = generator.next()
            withUnsafeBytes(of: bits.littleEndian) { frame.append(contentsOf: $0) }
        }
        withUnsafeBytes(of: length.bigEndian) { frame.append(contentsOf: $0) }
        frame += message
        frame += receiveID.bytes
        let padding = Self.paddingBlock - frame.count % Self.paddingBlock
        frame.append(contentsOf: repeatElement(UInt8(padding), count: padding))
        return Data(try transform(frame, encrypting: true)).base64EncodedString()
    }

    /// Whole blocks in, as many bytes out.
    private func transform(_ input: [UInt8], encrypting: Bool) throws(CallbackCipherError) -> [UInt8] {
        guard let count = Int32(exactly: input.count), let context = EVP_CIPHER_CTX_new() else { throw .unavailable }
        defer { EVP_CIPHER_CTX_free(context) }
        let iv = Array(key.bytes.prefix(Self.cipherBlock))
        var output = [UInt8](repeating: 0, count: input.count + Self.cipherBlock)
        var written: Int32 = 0
        guard EVP_CipherInit_ex(context, EVP_aes_256_cbc(), nil, key.bytes, iv, encrypting ? 1 : 0) == 1,
            EVP_CIPHER_CTX_set_padding(context, 0) == 1,
            EVP_CipherUpdate(context, &output, &written, input, count) == 1, written == count
        else { throw .unavailable }
        output.removeLast(Self.cipherBlock)
        return output
    }
}
