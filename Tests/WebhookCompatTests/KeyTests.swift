import Foundation
import Shared
import Testing

@Suite("callback keys")
struct KeyTests {
    private static let text = "M7gMYkBJXYy6ISI6etq4rp2qcW5IbMHNNyKWUC0mNpk"

    @Test("WB-1: a key is read with what was pasted around it, and with spare bits in its last character")
    func lenient() throws {
        let key = try CallbackKey(encodingAESKey: Self.text)
        #expect(try CallbackKey(encodingAESKey: " \(Self.text)\r\n") == key)
        #expect(try CallbackKey(encodingAESKey: "\(Self.text)=") == key)
        // k, l, m and n differ in the two bits that no byte needs; o does not.
        #expect(try CallbackKey(encodingAESKey: Self.text.dropLast() + "n") == key)
        #expect(try CallbackKey(encodingAESKey: Self.text.dropLast() + "o") != key)
    }

    @Test("WB-1: a key of another length or alphabet is refused with a reason that does not show it")
    func strict() {
        #expect(throws: CallbackKeyError.wrongLength(42)) {
            try CallbackKey(encodingAESKey: String(Self.text.dropLast()))
        }
        #expect(throws: CallbackKeyError.wrongLength(44)) { try CallbackKey(encodingAESKey: Self.text + "A") }
        #expect(throws: CallbackKeyError.wrongLength(0)) { try CallbackKey(encodingAESKey: "") }
        for character in ["+", "/", "-", "_", "=", " ", "\u{0}"] {
            let text = "M" + character + Self.text.dropFirst(2)
            #expect(throws: CallbackKeyError.wrongCharacter(2)) { try CallbackKey(encodingAESKey: text) }
        }
        // Two bytes each: 43 bytes, no 43 letters.
        #expect(throws: CallbackKeyError.wrongCharacter(1)) {
            try CallbackKey(encodingAESKey: "é" + Self.text.dropFirst(2))
        }
        let description = CallbackKeyError.wrongCharacter(2).description
        #expect(description.contains("character 2") && !description.contains("+"))
    }

    @Test("OPS-3: keys and tokens show in no description and in no dump")
    func redacted() throws {
        let credentials = try CallbackCredentials(
            token: Secret("tokenTOKEN"), key: CallbackKey(encodingAESKey: Self.text))
        let ring = CallbackKeyRing(current: credentials, previous: credentials, receiveID: .any)
        var printed = "\(credentials) \(ring) \(String(reflecting: ring)) \(String(reflecting: credentials.key))"
        dump(ring, to: &printed)
        #expect(printed.contains("<secret>"))
        #expect(!printed.contains("TOKEN"))
        #expect(!printed.contains("M7gM"))
        // The first byte of the key, 0x33.
        #expect(!printed.contains("51, 184"))
    }

    @Test("WB-1: an empty token is refused, since everybody could sign with it")
    func emptyToken() throws {
        let key = try CallbackKey(encodingAESKey: Self.text)
        #expect(throws: CallbackKeyError.emptyToken) { try CallbackCredentials(token: Secret(""), key: key) }
    }
}
