import Foundation
import Shared

/// JSON written by hand, so that the same message is the same bytes.
enum JSONText {
    /// A string with its quotes.
    static func quoted(_ text: String) -> String { JSONValue.string(text).text }

    /// An object of members whose values are JSON already.
    static func object(_ members: [(name: String, value: String)]) -> String {
        "{" + members.map { quoted($0.name) + ":" + $0.value }.joined(separator: ",") + "}"
    }

    /// A list of strings.
    static func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ",") + "]" }

    /// Whether a text is one JSON object.
    static func isObject(_ text: String) -> Bool {
        (try? JSONDecoder().decode(AnyObject.self, from: Data(text.utf8))) != nil
    }

    private struct AnyObject: Decodable {
        enum NoKeys: CodingKey {}

        init(from decoder: any Decoder) throws { _ = try decoder.container(keyedBy: NoKeys.self) }
    }
}
