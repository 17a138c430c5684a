import Foundation
import Shared
import Testing

@Suite("callback cipher")
struct CipherTests {
    private static func cipher() throws -> CallbackCipher {
        CallbackCipher(
            key: try CallbackKey(encodingAESKey: "M7gMYkBJXYy6ISI6etq4rp2qcW5IbMHNNyKWUC0mNpk"), receiveID: .any)
    }

    @Test(
        "WB-5: base64 is strict: nothing around or inside it, its own alphabet, all its padding",
        arguments: ["A", "AA", "AAA", "AAAA\n", " AAAA", "AA AA", "AA-_", "====", "AAAA=", "AAAA====", "AB==", "你你"])
    func base64(text: String) throws {
        #expect(throws: CallbackCipherError.notBase64) { try Self.cipher().open(text) }
    }

    @Test("WB-5: nothing at all is not a ciphertext")
    func empty() throws {
        #expect(throws: CallbackCipherError.truncated) { try Self.cipher().open("") }
    }

    @Test("WB-5: a length that points one byte past the end is refused, the end itself is not")
    func lengthAtTheEnd() throws {
        var random = SeededGenerator(seed: 1)
        let sealed = try #require(Data(base64Encoded: try Self.cipher().seal("four".utf8, using: &random)))
        // In CBC a changed bit of the first block changes the same bit of the second, which begins with the length.
        func opened(lengthChangedBy bits: UInt8) throws -> [UInt8] {
            var bytes = sealed
            bytes[3] ^= bits
            return try Self.cipher().open(bytes.base64EncodedString())
        }
        #expect(try opened(lengthChangedBy: 0) == Array("four".utf8))
        #expect(try opened(lengthChangedBy: 4 ^ 3) == Array("fou".utf8))
        #expect(throws: CallbackCipherError.badFrame) { try opened(lengthChangedBy: 4 ^ 5) }
    }

    @Test("WB-5: a ciphertext beyond the limit is refused before it is decoded")
    func tooLarge() throws {
        let text = String(decoding: [UInt8](repeating: 65, count: CallbackCipher.maxBytes + 4), as: UTF8.self)
        #expect(throws: CallbackCipherError.tooLarge) { try Self.cipher().open(text) }
    }

    @Test("WB-1: the same message is never sealed alike twice")
    func random() throws {
        var random = SystemRandomNumberGenerator()
        let sealed = try (0..<100).map { _ in try Self.cipher().seal("x".utf8, using: &random) }
        #expect(Set(sealed).count == 100)
    }
}
