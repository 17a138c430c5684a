import Foundation
import Testing

@testable import Shared

/// Fixture files of media.
enum MediaFixture {
    static func json(_ name: String) throws -> [String: Any] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: root.appendingPathComponent("fixtures/media/\(name)"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }
}

@Suite struct MediaCryptoTests {
    /// Decrypts in pieces of the given size.
    private func decrypt(_ bytes: [UInt8], key: String, pieces: Int) throws -> [UInt8] {
        guard let key = MediaKey(base64: key) else { throw MediaFailure.badKey }
        var cipher = try MediaCipher(key: key)
        var plain: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let piece = Array(bytes[start..<min(start + pieces, bytes.count)])
            try piece.withUnsafeBytes { try cipher.update($0) { plain.append(contentsOf: $0) } }
            start += piece.count
        }
        try cipher.finish { plain.append(contentsOf: $0) }
        return plain
    }

    @Test("WS-16: published vectors decrypt, with either form of key and however the bytes are cut")
    func vectors() throws {
        let positive = try #require(MediaFixture.json("vector-media-decrypt.json")["positive"] as? [[String: Any]])
        #expect(positive.count == 4)
        for vector in positive {
            let sealed = try #require((vector["ciphertext_base64"] as? String).flatMap { Data(base64Encoded: $0) })
            let expected = try #require(vector["plaintext_utf8"] as? String)
            for form in ["aeskey_unpadded_43", "aeskey_padded_44"] {
                let key = try #require(vector[form] as? String)
                let urlSafe = key.replacing("+", with: "-").replacing("/", with: "_")
                for pieces in [1, 7, 16, 33, 1_000] {
                    #expect(try decrypt(Array(sealed), key: key, pieces: pieces) == Array(expected.utf8))
                    #expect(try decrypt(Array(sealed), key: urlSafe, pieces: pieces) == Array(expected.utf8))
                }
            }
        }
    }

    @Test("WS-16: published vectors that must fail do fail, each for its reason")
    func negativeVectors() throws {
        let negative = try #require(MediaFixture.json("vector-media-decrypt.json")["negative"] as? [[String: Any]])
        var reasons: [String: String] = [:]
        for vector in negative {
            let name = try #require(vector["name"] as? String)
            let sealed = try #require((vector["ciphertext_base64"] as? String).flatMap { Data(base64Encoded: $0) })
            let key = try #require(vector["aeskey_unpadded_43"] as? String)
            do {
                _ = try decrypt(Array(sealed), key: key, pieces: 64)
                reasons[name] = "none"
            } catch {
                reasons[name] = "\(error)"
            }
        }
        #expect(
            reasons == [
                "ciphertext-not-multiple-of-16": "truncated", "wrong-key": "badPadding", "key-not-32-bytes": "badKey",
            ])
    }

    @Test("WS-16: every length around a block comes back, and long ones across the buffer")
    func lengths() throws {
        for count in Array(0...97) + [65_503, 65_535, 65_536, 65_537, 200_000] {
            let plain = Sample.file([], count: count, seed: UInt64(count))
            #expect(try decrypt(Sealed.seal(plain), key: Sealed.keyText, pieces: 70_001) == plain)
        }
    }

    @Test("WS-16: padding is 1 to 32 equal bytes and nothing else")
    func paddings() throws {
        let plain = Sample.file([], count: 32, seed: 3)
        let good = [UInt8](repeating: 32, count: 32)
        #expect(try decrypt(Sealed.seal(plain, padding: good), key: Sealed.keyText, pieces: 64) == plain)
        let zero = [UInt8](repeating: 0, count: 32)
        let large = [UInt8](repeating: 33, count: 32)
        var unequal = good
        unequal[0] = 31
        for padding in [zero, large, unequal] {
            let sealed = try Sealed.seal(plain, padding: padding)
            #expect(throws: MediaCipherError.badPadding) {
                try decrypt(sealed, key: Sealed.keyText, pieces: 64)
            }
        }
        // Padding that claims more than there is.
        let short = try Sealed.seal([], padding: [UInt8](repeating: 32, count: 16))
        #expect(throws: MediaCipherError.badPadding) { try decrypt(short, key: Sealed.keyText, pieces: 64) }
        #expect(throws: MediaCipherError.truncated) { try decrypt([], key: Sealed.keyText, pieces: 64) }
    }

    @Test(
        "WS-16: keys are base64 of 32 bytes",
        arguments: [
            "", "short", String(repeating: "A", count: 42), String(repeating: "A", count: 44),
            String(repeating: "A", count: 42) + "!", String(repeating: "A", count: 42) + "==",
            String(repeating: "钥", count: 43),
        ])
    func badKeys(text: String) {
        #expect(MediaKey(base64: text) == nil)
        #expect(MediaKey(base64: String(repeating: "A", count: 43))?.bytes == [UInt8](repeating: 0, count: 32))
    }

    @Test("WS-17: digests of files are the standard ones")
    func digests() throws {
        let scratch = try Scratch()
        let empty = try scratch.write("empty", [])
        #expect(try Digest.md5(ofFile: empty) == "d41d8cd98f00b204e9800998ecf8427e")
        let abc = try scratch.write("abc", Array("abc".utf8))
        #expect(try Digest.md5(ofFile: abc) == "900150983cd24fb0d6963f7d28e17f72")
        #expect(
            try Digest.sha256(ofFile: abc) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        var digest = try Digest(.md5)
        for piece in ["ab", "", "c"] { try Array(piece.utf8).withUnsafeBytes { try digest.update($0) } }
        #expect(try digest.finish() == "900150983cd24fb0d6963f7d28e17f72")
        // A million times "a", which is longer than the buffer.
        let long = try scratch.write("long", [UInt8](repeating: 0x61, count: 1_000_000))
        #expect(try Digest.md5(ofFile: long) == "7707d6ae4e027c70eea2a935c2296f21")
        #expect(throws: DigestError.unreadable(ENOENT)) { try Digest.md5(ofFile: scratch.path + "/none") }
    }
}
