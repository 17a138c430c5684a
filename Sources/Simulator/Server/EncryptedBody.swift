import Crypto
import _CryptoExtras

/// Bytes of a download, encrypted piece by piece: AES-256-CBC, IV from the key, PKCS#7 to a multiple of 32.
struct EncryptedBody: Sendable {
    private static let pieceBytes = 64 << 10

    private let link: MediaLink
    private var offset = 0
    private var iv: [UInt8]
    private var isDone = false

    /// Bytes of the whole ciphertext.
    let totalBytes: Int

    init(_ link: MediaLink) {
        self.link = link
        iv = Array(link.key.prefix(16))
        totalBytes = (link.media.bytes.count / 32 + 1) * 32
    }

    /// The next piece of ciphertext; nil at the end.
    mutating func next() -> [UInt8]? {
        guard !isDone else { return nil }
        let plain = link.media.bytes
        var piece = Array(plain[offset..<min(offset + Self.pieceBytes, plain.count)])
        offset += piece.count
        if piece.count < Self.pieceBytes {
            isDone = true
            let padding = 32 - plain.count % 32
            piece.append(contentsOf: Array(repeating: UInt8(padding), count: padding))
        }
        guard let vector = try? AES._CBC.IV(ivBytes: iv),
            let sealed = try? AES._CBC.encrypt(piece, using: SymmetricKey(data: link.key), iv: vector, noPadding: true)
        else {
            isDone = true
            return nil
        }
        iv = Array(sealed.suffix(16))
        return Array(sealed)
    }
}
