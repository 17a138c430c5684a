import Foundation
import Testing

@testable import Shared

/// Media of bot callbacks come under the callback key, without the frame that messages have.
@Suite("callback media vectors")
struct MediaVectorTests {
    struct Vector: Decodable, Sendable, CustomTestStringConvertible {
        let id: String
        let account: String
        let encryptedBase64: String
        let plainBase64: String?

        var testDescription: String { id }
    }

    @Test(
        "WB-7: media open under the callback key, damaged ones do not", arguments: Vectors.all("media", of: Vector.self)
    )
    func media(vector: Vector) throws {
        let account = try Vectors.account(vector.account)
        let key = try #require(MediaKey(base64: account.encodingAESKey))
        let encrypted = try #require(Data(base64Encoded: vector.encryptedBase64))
        let plain = Result {
            var cipher = try MediaCipher(key: key)
            var plain: [UInt8] = []
            try encrypted.withUnsafeBytes { try cipher.update($0) { plain += $0 } }
            try cipher.finish { plain += $0 }
            return plain
        }
        guard let expected = vector.plainBase64 else {
            #expect(throws: MediaCipherError.self) { try plain.get() }
            return
        }
        #expect(try Data(plain.get()) == Data(base64Encoded: expected))
    }
}
