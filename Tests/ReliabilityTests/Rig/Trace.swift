import Foundation

/// What the ledger says about one message, read from `trace ID --json`.
struct Trace: Sendable {
    private struct Report: Decodable {
        struct Story: Decodable {
            var state: String
            var attempts: Int
            var bubbles: Int
            var earlierBubbles: Int
            var answeredAt: Int64?
            var handedOver: Bool
            var reason: String?
            var parts: [Part]
        }

        struct Part: Decodable {
            var kind: String
            var via: String?
            var errcode: Int?
            var reason: String?
            var state: String
            var attempts: Int
            var possibleDuplicate: Bool
        }

        var stories: [Story]
    }

    /// The parts in words.
    let parts: String
    /// The whole in words.
    let summary: String
    /// Whether the ledger knows it.
    let hasTask: Bool
    /// Whether a message went to an address that takes one, once, and nobody knows what became of it.
    let isDoubtful: Bool
    /// Whether the ledger has the complete answer.
    let hasAnswer: Bool
    /// Whether it says that a person may have seen something twice: a part was written more than once or nobody is sure of
    /// its ack, or a bubble was handed over, so that it may show the beginning of what was pushed, or the answer was made
    /// again and was another one.
    let namesDuplicate: Bool
    /// Whether it was given up after too many deaths of the program.
    let isApology: Bool
    /// How often people may have seen a piece of it, by what the ledger says: as often as a part was written to the wire,
    /// once more in a bubble that was handed over, and once more for each start whose answer was another one.
    let mostSightings: Int

    init(_ outcome: Program.Outcome) {
        let report = try? JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
        hasTask = outcome.status == 0 && report?.stories.isEmpty == false
        isDoubtful =
            report?.stories.contains { story in
                story.parts.contains { $0.via == "reply" && ["assumed", "unknown"].contains($0.state) }
            } ?? false
        hasAnswer = hasTask && report?.stories.allSatisfy { $0.answeredAt != nil } == true
        parts = report?.stories.map(Self.words).joined(separator: "; ") ?? ""
        summary = parts.isEmpty ? String((outcome.errors + outcome.output).prefix(300)) : parts
        isApology = report?.stories.contains { $0.reason?.hasSuffix("before the answer was complete") == true } ?? false
        mostSightings =
            report?.stories.map { story in
                (story.parts.map(\.attempts).max() ?? 0) + (story.handedOver ? 1 : 0)
                    + (story.earlierBubbles > 0 ? story.attempts - 1 : 0)
            }.max() ?? 0
        namesDuplicate =
            report?.stories.contains { story in
                story.handedOver || story.earlierBubbles > 0
                    || story.parts.contains { part in
                        part.attempts > 1 || part.possibleDuplicate || ["assumed", "unknown"].contains(part.state)
                    }
            } ?? false
    }
}

extension Trace {
    private static func words(_ story: Report.Story) -> String {
        let parts = story.parts.map { part in
            "\(part.kind) \(part.state) by \(part.via ?? "nothing") in \(part.attempts) tries"
                + (part.errcode.map { " \($0)" } ?? "") + (part.reason.map { " (\($0))" } ?? "")
        }
        return "task \(story.state), handler started \(story.attempts) times, \(story.bubbles) bubbles"
            + (story.handedOver ? ", handed over" : "") + (story.reason.map { ", \($0)" } ?? "")
            + ": " + (parts.isEmpty ? "no parts" : parts.joined(separator: ", "))
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
