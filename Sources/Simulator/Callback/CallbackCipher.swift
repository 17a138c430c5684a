import Crypto
import Foundation
import _CryptoExtras

/// Why a sealed callback, or the answer to one, cannot be read. Carries none of its content.
public enum CallbackCipherError: Error, Sendable, Hashable {
    /// The EncodingAESKey does not stand for 32 bytes.
    case key
    /// Not base64, or not whole blocks.
    case ciphertext
    /// Padding outside 1 to 32, or not uniform.
    case padding
    /// Shorter than its header, or a length beyond its end.
    case frame
    /// Another receive id at the end.
    case receiveID
    /// Another signature.
    case signature
}

/// The cipher and signature of callbacks: AES-256-CBC with PKCS#7 to a multiple of 32 around
/// `random16 ‖ length ‖ message ‖ receive id`, and SHA-1 over four sorted texts.
public struct CallbackCipher: Sendable, Hashable {
    /// Token of the signature.
    public let token: String
    /// AES-256 key; its first 16 bytes are the IV.
    public let key: [UInt8]
    /// What follows the message: empty for bots of the own enterprise, the corp id for applications.
    public let receiveID: String

    /// - Throws: `CallbackCipherError.key` unless `encodingAESKey` stands for 32 bytes. Spare bits of its last
    ///   character are ignored.
    public init(token: String, encodingAESKey: String, receiveID: String) throws(CallbackCipherError) {
        guard let key = Self.key(encodingAESKey) else { throw .key }
        self.token = token
        self.key = key
        self.receiveID = receiveID
    }

    /// Seals a message; `random` are 16 bytes. The result is base64.
    public func seal(_ message: [UInt8], random: [UInt8]) throws(CallbackCipherError) -> String {
        var frame = Array(random.prefix(16))
        guard frame.count == 16, let length = UInt32(exactly: message.count) else { throw .frame }
        withUnsafeBytes(of: length.bigEndian) { frame.append(contentsOf: $0) }
        frame += message
        frame.append(contentsOf: receiveID.utf8)
        return Data(try encrypt(frame)).base64EncodedString()
    }

    /// Opens what `seal` made, and checks the receive id.
    public func open(_ sealed: String) throws(CallbackCipherError) -> [UInt8] {
        guard let data = Data(base64Encoded: sealed) else { throw .ciphertext }
        let frame = try decrypt(Array(data))
        guard frame.count >= 20 else { throw .frame }
        let length = frame[16..<20].reduce(0) { $0 << 8 | Int($1) }
        guard length <= frame.count - 20 else { throw .frame }
        guard Array(frame[(20 + length)...]) == Array(receiveID.utf8) else { throw .receiveID }
        return Array(frame[20..<(20 + length)])
    }

    /// Encrypts bytes without a frame, as media are.
    public func encrypt(_ plain: [UInt8]) throws(CallbackCipherError) -> [UInt8] {
        let padding = 32 - plain.count % 32
        let padded = plain + Array(repeating: UInt8(padding), count: padding)
        do {
            let sealed = try AES._CBC.encrypt(
                padded, using: SymmetricKey(data: key), iv: AES._CBC.IV(ivBytes: key.prefix(16)), noPadding: true)
            return Array(sealed)
        } catch {
            throw .ciphertext
        }
    }

    /// Decrypts bytes without a frame.
    public func decrypt(_ sealed: [UInt8]) throws(CallbackCipherError) -> [UInt8] {
        guard !sealed.isEmpty, sealed.count % 16 == 0 else { throw .ciphertext }
        let plain: [UInt8]
        do {
            let opened = try AES._CBC.decrypt(
                sealed, using: SymmetricKey(data: key), iv: AES._CBC.IV(ivBytes: key.prefix(16)), noPadding: true)
            plain = Array(opened)
        } catch {
            throw .ciphertext
        }
        guard let padding = plain.last.map({ Int($0) }), (1...32).contains(padding), padding <= plain.count,
            plain.suffix(padding).allSatisfy({ Int($0) == padding })
        else { throw .padding }
        return Array(plain.dropLast(padding))
    }

    /// Signature of a sealed text: 40 lower-case hexadecimal digits.
    public func signature(timestamp: String, nonce: String, sealed: String) -> String {
        let parts = [token, timestamp, nonce, sealed].map { Array($0.utf8) }
        let sorted = parts.sorted { $0.lexicographicallyPrecedes($1) }
        return hexadecimal(Insecure.SHA1.hash(data: sorted.flatMap { $0 }))
    }

    private static func key(_ text: String) -> [UInt8]? {
        var text = text.filter { !$0.isWhitespace }
        if text.hasSuffix("=") { text.removeLast() }
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        guard text.utf8.count == 43 else { return nil }
        var bits = 0
        var count = 0
        var bytes: [UInt8] = []
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = (bits << 6 | value) & 0xFFFF
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes.count == 32 ? bytes : nil
    }
}

/// Lower-case hexadecimal digits of bytes.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
