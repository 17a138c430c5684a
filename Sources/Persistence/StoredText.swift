import Foundation
import GRDB
import Shared

/// Strings and contents as they stand in the tables.
enum StoredText {
    /// Text without NUL characters: SQLite would end it at the first of them, and nothing shows them.
    static func clean(_ text: String) -> String {
        text.containsByte(0) ? text.filter { $0 != "\0" } : text
    }

    /// Kind and content of a part.
    static func content(_ content: PartContent) throws -> (kind: String, text: String) {
        switch content {
        case .text(let text): ("text", clean(text))
        case .card(let json, let taskID, let text):
            ("card", try encode(Card(json: json, taskID: taskID, text: text)))
        case .media(let path, let kind, let name, let bytes):
            ("media", try encode(Media(path: path, kind: kind, name: name, bytes: bytes)))
        }
    }

    /// The same for a part of an answer. Most answers are one part, whose text need not be written twice.
    static func content(_ content: PartContent, of answer: String) throws -> (kind: String, text: String) {
        if case .text(let text) = content, text.isSameBytes(as: answer) { return ("answer", "") }
        return try Self.content(content)
    }

    /// The reverse; nil for a row that no version wrote.
    static func content(kind: String, text: String, of answer: String?) -> PartContent? {
        switch kind {
        case "answer": return answer.map { .text($0) }
        case "text": return .text(text)
        case "card":
            guard let card = try? decode(Card.self, text) else { return nil }
            return .card(json: card.json, taskID: card.taskID, text: card.text)
        case "media":
            guard let media = try? decode(Media.self, text) else { return nil }
            return .media(path: media.path, kind: media.kind, name: media.name, bytes: media.bytes)
        default: return nil
        }
    }

    static func message(_ text: String) -> InboundMessage? { try? decode(InboundMessage.self, text) }

    /// JSON text with the keys in order, the same for the same value.
    static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    private struct Card: Codable {
        var json: String
        var taskID: String
        var text: String
    }

    private struct Media: Codable {
        var path: String
        var kind: MediaReference.Kind
        var name: String
        var bytes: Int
    }
}

extension Feedback.Verdict {
    /// Word in the table; a number for what this version does not know.
    var stored: String {
        switch self {
        case .accurate: "accurate"
        case .inaccurate: "inaccurate"
        case .withdrawn: "withdrawn"
        case .unknown(let number): String(number)
        }
    }

    init(stored: String) {
        switch stored {
        case "accurate": self = .accurate
        case "inaccurate": self = .inaccurate
        case "withdrawn": self = .withdrawn
        default: self = .unknown(Int(stored) ?? 0)
        }
    }
}
