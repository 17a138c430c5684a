import Foundation

/// What the ledger says about one message, read from `trace ID --json`.
struct Trace: Sendable {
    private struct Report: Decodable {
        struct Story: Decodable {
            var handedOver: Bool
            var parts: [Part]
        }

        struct Part: Decodable {
            var state: String
            var attempts: Int
            var possibleDuplicate: Bool
        }

        var stories: [Story]
    }

    let text: String
    /// Whether the ledger knows it.
    let hasTask: Bool
    /// Whether it says that a person may have seen something twice: a part was written more than once or nobody is sure of
    /// its ack, or a bubble was handed over, so that it may show the beginning of what was pushed.
    let namesDuplicate: Bool

    init(_ outcome: Program.Outcome) {
        text = outcome.output.isEmpty ? outcome.errors : outcome.output
        let report = try? JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
        hasTask = outcome.status == 0 && report?.stories.isEmpty == false
        namesDuplicate =
            report?.stories.contains { story in
                story.handedOver
                    || story.parts.contains { part in
                        part.attempts > 1 || part.possibleDuplicate || ["assumed", "unknown"].contains(part.state)
                    }
            } ?? false
    }
}

/// What is still on its way, or was given up, read from `outbox list --json`.
struct Outbox: Decodable, Sendable {
    struct Item: Decodable, Sendable {
        var messageId: String
        var origin: String
        var state: String
        var reason: String?
    }

    var items: [Item]
}
