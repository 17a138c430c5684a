import Foundation

/// What the ledger says about one message, read from `trace ID --json` without relying on more of its shape than this:
/// somewhere in it are objects with `parts`, and a part has `state` and `attempts`.
struct Trace: Sendable {
    let text: String
    private(set) var hasTask = false
    private(set) var namesDuplicate = false

    init(_ outcome: Program.Outcome) {
        text = outcome.output.isEmpty ? outcome.errors : outcome.output
        guard outcome.status == 0, let json = try? JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) else {
            return
        }
        read(json)
    }

    private mutating func read(_ value: Any) {
        if let list = value as? [Any] {
            for element in list { read(element) }
        } else if let object = value as? [String: Any] {
            if let parts = object["parts"] as? [[String: Any]] {
                hasTask = true
                // A bubble that was handed over may show the beginning of what was pushed.
                if (object["isHandedOver"] ?? object["handedOver"]) as? Bool == true { namesDuplicate = true }
                for part in parts { judge(part) }
            } else if object["state"] is String, object["id"] != nil {
                hasTask = true
            }
            for element in object.values { read(element) }
        }
    }

    private mutating func judge(_ part: [String: Any]) {
        if let attempts = part["attempts"] as? Int, attempts > 1 { namesDuplicate = true }
        if let state = part["state"] as? String, state == "assumed" || state == "unknown" { namesDuplicate = true }
    }
}
