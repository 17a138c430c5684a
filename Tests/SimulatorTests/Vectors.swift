import Foundation
import Simulator
import Testing

/// The webhook vectors of the repository.
enum Vectors {
    static func read(_ name: String) throws -> [JSONValue] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../fixtures/webhook")
        let data = try Data(contentsOf: folder.appendingPathComponent("\(name).json"))
        let file = try JSONValue.parse(Array(data))
        return try #require((file["vectors"] ?? file["accounts"])?.arrayValue)
    }

    static func cipher(of vector: JSONValue) throws -> CallbackCipher {
        if let token = vector["token"]?.stringValue {
            return try CallbackCipher(token: token, encodingAESKey: WebhookHarness.key, receiveID: "")
        }
        let account = try #require(try read("keys").first { $0["account"] == vector["account"] })
        return try CallbackCipher(
            token: text(account, "token"), encodingAESKey: text(account, "encodingAESKey"),
            receiveID: text(account, "receiveId"))
    }

    static func text(_ value: JSONValue?, _ key: String) throws -> String {
        try #require(value?[key]?.stringValue)
    }

    /// Envelope of a vector that has `query`.
    static func envelope(_ vector: JSONValue, sealed: String) throws -> CallbackEnvelope {
        CallbackEnvelope(
            sealed: sealed, signature: try text(vector["query"], "msg_signature"),
            timestamp: try text(vector["query"], "timestamp"), nonce: try text(vector["query"], "nonce"))
    }
}
