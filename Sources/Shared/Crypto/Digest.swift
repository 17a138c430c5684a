import COpenSSL
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Why a digest could not be made.
public enum DigestError: Error, Hashable, Sendable {
    /// The file cannot be opened or read; the system's error number.
    case unreadable(Int32)
    /// The cryptographic library refuses the algorithm, as one in FIPS mode does with MD5.
    case unavailable
}

/// Streaming digest of bytes or of a file, in constant memory.
public struct Digest: ~Copyable {
    /// Algorithms in use: MD5 is what the platform wants with an upload, SHA-1 what it signs callbacks with, SHA-256 is
    /// for everything else.
    public enum Algorithm: Sendable {
        /// 16 bytes.
        case md5
        /// 20 bytes.
        case sha1
        /// 32 bytes.
        case sha256
    }

    private static let bufferBytes = 65_536
    // Owned by this value alone, freed once in `deinit`.
    private let context: OpaquePointer

    /// Begins a digest.
    public init(_ algorithm: Algorithm) throws(DigestError) { context = try Self.makeContext(algorithm) }

    private static func makeContext(_ algorithm: Algorithm) throws(DigestError) -> OpaquePointer {
        guard let context = EVP_MD_CTX_new() else { throw .unavailable }
        let type =
            switch algorithm {
            case .md5: EVP_md5()
            case .sha1: EVP_sha1()
            case .sha256: EVP_sha256()
            }
        guard EVP_DigestInit_ex(context, type, nil) == 1 else {
            EVP_MD_CTX_free(context)
            throw .unavailable
        }
        return context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes in bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) throws(DigestError) {
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else { throw .unavailable }
    }

    /// Ends it; lower-case hexadecimal.
    public consuming func finish() throws(DigestError) -> String {
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard EVP_DigestFinal_ex(context, &bytes, &count) == 1 else { throw .unavailable }
        var text = ""
        for byte in bytes.prefix(Int(count)) {
            text += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return text
    }

    /// MD5 of a file, lower-case hexadecimal. Blocks while it reads.
    public static func md5(ofFile path: String) throws(DigestError) -> String { try of(file: path, .md5) }

    /// SHA-256 of a file, lower-case hexadecimal. Blocks while it reads.
    public static func sha256(ofFile path: String) throws(DigestError) -> String { try of(file: path, .sha256) }

    /// SHA-256 of bytes, as lower-case hexadecimal digits.
    ///
    /// - Throws: `.unavailable` when the library refuses the algorithm.
    public static func sha256(of bytes: some Sequence<UInt8>) throws(DigestError) -> String {
        let digest = try Digest(.sha256)
        let succeeded = Array(bytes).withUnsafeBytes {
            EVP_DigestUpdate(digest.context, $0.baseAddress, $0.count) == 1
        }
        guard succeeded else { throw .unavailable }
        return try digest.finish()
    }

    private static func of(file path: String, _ algorithm: Algorithm) throws(DigestError) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .unreadable(errno) }
        defer { close(file) }
        let digest = try Digest(algorithm)
        var buffer = [UInt8](repeating: 0, count: bufferBytes)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count == 0 { return try digest.finish() }
            if count < 0 {
                if errno == EINTR { continue }
                throw .unreadable(errno)
            }
            let succeeded = buffer.withUnsafeBytes { EVP_DigestUpdate(digest.context, $0.baseAddress, count) == 1 }
            guard succeeded else { throw .unavailable }
        }
    }
}
