import Foundation
public import Shared

/// Verdicts of people, each with what they were about, as far as the ledger knows.
public struct FeedbackReport: Sendable, Hashable, Codable {
    /// One verdict.
    public struct Line: Sendable, Hashable, Codable {
        /// Unix milliseconds.
        public var at: Int64
        /// Account.
        public var account: String
        /// Who gave it.
        public var user: String
        /// `direct` or `group`.
        public var conversationKind: Conversation.Kind
        /// User id or chat id.
        public var conversation: String
        /// `accurate`, `inaccurate`, `withdrawn`, or the platform's number.
        public var verdict: String
        /// Reasons for a thumb down: `unrelated`, `incomplete`, `wrong`, `data analysis`, or the platform's number.
        public var reasons: [String]
        /// Words of the person.
        public var comment: String?
        /// Message that was answered.
        public var messageID: String?
        /// Text of that message.
        public var prompt: String?
        /// Text of the answer.
        public var answer: String?
        /// Seconds from the message to the complete answer.
        public var backendSeconds: Double?
        /// Task of the ledger.
        public var task: Int64?

        private enum CodingKeys: String, CodingKey {
            case at, account, user, conversationKind, conversation, verdict, reasons, comment
            case messageID = "messageId"
            case prompt, answer, backendSeconds, task
        }
    }

    /// Oldest first.
    public var feedback: [Line]

    /// Report on verdicts.
    public init(_ records: [FeedbackRecord]) { feedback = records.map(Line.init) }

    /// One JSON object per line.
    public func jsonLines() throws -> String {
        try feedback.map { try AdminJSON.text($0) + "\n" }.joined()
    }

    /// A table with a header line (RFC 4180). Cells that a spreadsheet would take for a formula get an apostrophe first.
    public var csv: String {
        let rows = feedback.map { line in
            [
                Moments.text(line.at), line.account, line.user, line.conversationKind.rawValue, line.conversation,
                line.verdict, line.reasons.joined(separator: ", "), line.comment ?? "", line.messageID ?? "",
                line.prompt ?? "", line.answer ?? "", line.backendSeconds.map { "\($0)" } ?? "",
                line.task.map { "\($0)" } ?? "",
            ]
        }
        return ([Self.header] + rows).map { $0.map(Self.cell).joined(separator: ",") + "\r\n" }.joined()
    }

    private static let header = [
        "at", "account", "user", "conversationKind", "conversation", "verdict", "reasons", "comment", "messageId",
        "prompt", "answer", "backendSeconds", "task",
    ]

    private static func cell(_ text: String) -> String {
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
        let safe = isFormula ? "'" + text : text
        // By scalars: a CRLF is one character.
        let needsQuotes = safe.unicodeScalars.contains { "\",\r\n".unicodeScalars.contains($0) }
        return needsQuotes ? "\"" + safe.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : safe
    }
}

extension FeedbackReport.Line {
    fileprivate init(_ record: FeedbackRecord) {
        let feedback = record.feedback
        let message = record.task?.entry.origin == .push ? nil : record.task?.entry.message
        self.init(
            at: record.at, account: record.account.rawValue, user: feedback.sender.id.rawValue,
            conversationKind: feedback.conversation.kind, conversation: feedback.conversation.id,
            verdict: feedback.verdict.word, reasons: feedback.reasons.map(Self.reason), comment: feedback.content,
            messageID: message?.id.rawValue, prompt: message?.text, answer: record.task?.answer,
            backendSeconds: message == nil
                ? nil
                : record.task.flatMap { task in
                    task.answeredAt.map { Double($0 - task.entry.acceptedAt) / 1000 }
                },
            task: record.task?.id.rawValue)
    }

    private static func reason(_ number: Int) -> String {
        let words = [1: "unrelated", 2: "incomplete", 3: "wrong", 4: "data analysis"]
        return words[number] ?? String(number)
    }
}

extension Feedback.Verdict {
    fileprivate var word: String {
        switch self {
        case .accurate: "accurate"
        case .inaccurate: "inaccurate"
        case .withdrawn: "withdrawn"
        case .unknown(let number): String(number)
        }
    }
}
