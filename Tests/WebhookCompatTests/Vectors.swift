import Foundation
import Shared
import Testing
import WebhookCompat

/// Accounts and vectors of `fixtures/webhook`.
enum Vectors {
    struct Account: Decodable {
        let account: String
        let kind: String
        let path: String
        let token: String
        let encodingAESKey: String
        let receiveId: String
        let agentId: Int64?

        func credentials() throws -> CallbackCredentials {
            try CallbackCredentials(token: Secret(token), key: CallbackKey(encodingAESKey: encodingAESKey))
        }

        func endpoint() throws -> CallbackEndpoint {
            CallbackEndpoint(
                account: account, paths: [path],
                kind: kind == "bot" ? .bot(receiveID: receiveId) : .agent(corpID: receiveId, agentID: agentId),
                current: try credentials())
        }
    }

    struct Vector: Decodable, CustomTestStringConvertible, Sendable {
        struct Expectation: Decodable, Sendable {
            let status: Int
            let body: String?
            let reason: String?
            let processed: Bool?
        }

        struct Builder: Decodable, Sendable {
            let prefix: String
            let `repeat`: String
            let count: Int
            let suffix: String
        }

        struct Envelope: Decodable, Sendable, Equatable {
            let encrypt: String
            let msgsignature: String
            let timestamp: Int64
            let nonce: String
        }

        let id: String
        let account: String
        let token: String?
        let timestamp: String?
        let nonce: String?
        let encrypt: String?
        let plaintext: String?
        let random16: String?
        let msgSignature: String?
        let method: String?
        let path: String?
        let rawQuery: String?
        let body: String?
        let bodyBuilder: Builder?
        let expect: Expectation?
        let fields: [String: String]?
        let envelope: Envelope?
        let callbackNonce: String?

        var testDescription: String { id }

        var request: CallbackRequest {
            let text =
                bodyBuilder.map { $0.prefix + String(repeating: $0.repeat, count: $0.count) + $0.suffix } ?? body ?? ""
            return CallbackRequest(
                method: method ?? "", path: path ?? "", query: rawQuery ?? "", body: Array(text.utf8))
        }
    }

    private struct Keys: Decodable { let accounts: [Account] }
    private struct File<Value: Decodable>: Decodable { let vectors: [Value] }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: data(name))
    }

    private static func data(_ name: String) throws -> Data {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try Data(contentsOf: root.appending(path: "fixtures/webhook/\(name).json"))
    }

    static func accounts() throws -> [Account] { try decode(Keys.self, "keys").accounts }

    static func account(_ name: String) throws -> Account {
        guard let account = try accounts().first(where: { $0.account == name }) else {
            throw CocoaError(.featureUnsupported)
        }
        return account
    }

    /// For arguments of tests: a file that cannot be read shows as an empty list, which `everyFile` finds.
    static func all<Value: Decodable>(_ name: String, of type: Value.Type = Vector.self) -> [Value] {
        (try? decode(File<Value>.self, name).vectors) ?? []
    }

    static func gate() throws -> CallbackGate { CallbackGate(endpoints: try accounts().map { try $0.endpoint() }) }
}

/// Gives out chosen bytes, then zeros.
struct FixedRandom: RandomNumberGenerator {
    private var words: [UInt64] = []

    init(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while bytes.count >= 8 {
            words.append(bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
            bytes = bytes.dropFirst(8)
        }
    }

    mutating func next() -> UInt64 { words.isEmpty ? 0 : words.removeFirst() }
}
