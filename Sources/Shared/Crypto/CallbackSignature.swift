import COpenSSL

/// Signature of callbacks and of encrypted replies: SHA-1 over token, timestamp, nonce and ciphertext, sorted by their
/// bytes and joined without separators; 40 lower-case hexadecimal digits.
public struct CallbackSignature: Sendable {
    /// The 40 digits.
    public let hexadecimal: String

    /// Signs.
    ///
    /// - Parameters:
    ///   - timestamp: the text as it came or as it will be sent; a number printed anew may differ from it.
    ///   - encrypted: ciphertext in base64, as it came or as it will be sent.
    /// - Throws: `DigestError.unavailable` where the cryptographic library refuses SHA-1.
    public init(token: Secret, timestamp: String, nonce: String, encrypted: String) throws(DigestError) {
        // Bytes, since strings compare by Unicode equivalence.
        let parts = [token.reveal(), timestamp, nonce, encrypted].map { Array($0.utf8) }
        var digest = try Digest(.sha1)
        for part in parts.sorted(by: { $0.lexicographicallyPrecedes($1) }) { try digest.update(part) }
        hexadecimal = try digest.finish()
    }

    /// Whether `text` is this signature. The time it takes does not depend on where they differ.
    public func matches(_ text: String) -> Bool {
        let ours = Array(hexadecimal.utf8)
        let theirs = Array(text.utf8)
        guard ours.count == theirs.count else { return false }
        return CRYPTO_memcmp(ours, theirs, ours.count) == 0
    }
}

extension Digest {
    /// Takes in bytes.
    fileprivate mutating func update(_ bytes: [UInt8]) throws(DigestError) {
        let result = bytes.withUnsafeBytes { buffer in Result { () throws(DigestError) in try update(buffer) } }
        try result.get()
    }
}
