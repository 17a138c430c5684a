import Foundation
import Hummingbird
import Shared

/// Body of `POST /api/send`.
enum SendBody {
    private static let keys: Set<String> = ["account", "to", "text", "markdown", "file", "card", "key"]
    private static let fix = #"Send {"to": ["user:ID"], "text": "…"}; instead of text also markdown, file or card."#
    /// Most targets of one request.
    static let maxTargets = 1_000

    /// Reads a body.
    static func request(from data: Data) throws -> SendRequest {
        guard let object = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] else {
            throw AdminProblem.badRequest("the body is no JSON object", fix: fix)
        }
        if let unknown = object.keys.filter({ !keys.contains($0) }).min() {
            throw AdminProblem.badRequest("unknown key '\(unknown.prefix(40))'", fix: fix)
        }
        return SendRequest(
            account: try string("account", object), targets: try targets(object["to"]), content: try content(object),
            key: try string("key", object))
    }

    /// Body for a request.
    static func data(for request: SendRequest) throws -> Data {
        var object: [String: Any] = ["to": request.targets.map(\.description)]
        object["account"] = request.account
        object["key"] = request.key
        switch request.content {
        case .text(let text): object["text"] = text
        case .markdown(let text): object["markdown"] = text
        case .file(let path): object["file"] = path
        case .card(let json): object["card"] = try JSONSerialization.jsonObject(with: Data(json.utf8))
        }
        return try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
    }

    private static func string(_ key: String, _ object: [String: Any]) throws -> String? {
        guard let value = object[key] else { return nil }
        guard let text = value as? String, !text.isEmpty else {
            throw AdminProblem.badRequest("\(key) is no text, or empty", fix: fix)
        }
        return text
    }

    private static func targets(_ value: Any?) throws -> [Target] {
        let texts = (value as? String).map { [$0] } ?? value as? [String] ?? []
        guard (1...maxTargets).contains(texts.count) else {
            throw AdminProblem.badRequest("to is no list of 1 to \(maxTargets) targets", fix: fix)
        }
        return try texts.map { try Target($0) }
    }

    private static func content(_ object: [String: Any]) throws -> SendRequest.Content {
        var found: [SendRequest.Content] = []
        if let text = try string("text", object) { found.append(.text(text)) }
        if let text = try string("markdown", object) { found.append(.markdown(text)) }
        if let path = try string("file", object) {
            guard path.hasPrefix("/") else {
                throw AdminProblem.badRequest(
                    "file is no absolute path", fix: "Name it as the running program sees it, from / on.")
            }
            found.append(.file(path: path))
        }
        if let card = object["card"] { found.append(.card(json: try cardText(card))) }
        guard let content = found.first, found.count == 1 else {
            throw AdminProblem.badRequest("there must be exactly one of text, markdown, file and card", fix: fix)
        }
        return content
    }

    private static func cardText(_ card: Any) throws -> String {
        guard card is [String: Any] else {
            throw AdminProblem.badRequest("card is no JSON object", fix: "Send the card itself, with its card_type.")
        }
        let data = try JSONSerialization.data(withJSONObject: card, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }
}

/// Answer to `POST /api/send`.
struct SendAnswer: Codable {
    var results: [SendResult]
}

/// Body of `POST /api/reconnect`.
struct ReconnectBody: Codable {
    var account: String?
}

/// Answer to `POST /api/reconnect`.
struct ReconnectAnswer: Codable {
    var accounts: [String]
}

/// Body of a retry or a drop: ids, or one flag for all.
enum OutboxSelection {
    /// Tasks that are named; nil for all.
    static func read(_ request: Request, all flag: String) async throws -> [TaskID]? {
        let data = try await AdminRoutes.body(of: request)
        let object = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] ?? [:]
        let ids = (object["tasks"] as? [Int64])?.map { TaskID($0) }
        switch (ids, object[flag] as? Bool ?? false) {
        case (let ids?, false) where !ids.isEmpty && object.count == 1: return ids
        case (nil, true) where object.count == 1: return nil
        default:
            throw AdminProblem.badRequest(
                "the body names no tasks", fix: #"Send {"tasks": [12, 13]} or {"\#(flag)": true}."#)
        }
    }

    static func data(for tasks: [TaskID]?, all flag: String) throws -> Data {
        let object: [String: Any] = tasks.map { ["tasks": $0.map(\.rawValue)] } ?? [flag: true]
        return try JSONSerialization.data(withJSONObject: object)
    }
}
