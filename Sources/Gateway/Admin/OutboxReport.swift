public import Shared

/// What is not delivered: tasks that are on the way, and those that were given up.
public struct OutboxReport: Sendable, Hashable, Codable {
    /// One task.
    public struct Item: Sendable, Hashable, Codable {
        /// Number in the ledger.
        public var task: Int64
        /// Id of the message, or the key of a send; may be empty.
        public var messageID: String
        /// `message`, `line` or `push`.
        public var origin: LedgerEntry.Origin
        /// Account.
        public var account: String
        /// Whom to.
        public var conversation: Conversation
        /// Where it stands.
        public var state: TaskState
        /// Seconds since it was accepted.
        public var ageSeconds: Double
        /// Parts of the answer; 0 while the handler is at it.
        public var parts: Int
        /// Parts that the platform has.
        public var delivered: Int
        /// Why it is not delivered, as far as known.
        public var reason: String?

        private enum CodingKeys: String, CodingKey {
            case task
            case messageID = "messageId"
            case origin, account, conversation, state, ageSeconds, parts, delivered, reason
        }
    }

    /// Longest list.
    public static let limit = 1_000

    /// On the way, then given up; the oldest of each first.
    public var items: [Item]
    /// Whether there are more than the list holds.
    public var truncated: Bool

    /// Report on tasks; `now` in Unix milliseconds.
    public init(_ tasks: [LedgerTask], now: Int64) {
        truncated = tasks.count > Self.limit
        items = tasks.prefix(Self.limit).map { Item($0, now: now) }
    }

    /// The report for a person, one line a task.
    public var lines: [String] {
        guard !items.isEmpty else { return ["nothing is waiting, nothing was given up"] }
        return items.map(\.line) + (truncated ? ["… and more; only the first \(Self.limit) are listed"] : [])
    }
}

extension OutboxReport.Item {
    fileprivate init(_ task: LedgerTask, now: Int64) {
        let message = task.entry.message
        let stuck = task.parts.last { $0.state != .acked && $0.state != .assumed }
        let platform = stuck?.errcode.map { PlatformError(code: $0).description }
        self.init(
            task: task.id.rawValue, messageID: message.id.rawValue, origin: task.entry.origin,
            account: message.account.rawValue, conversation: message.conversation, state: task.state,
            ageSeconds: Double(now - task.entry.acceptedAt) / 1000, parts: task.parts.count,
            delivered: task.parts.filter { $0.state == .acked || $0.state == .assumed }.count,
            reason: stuck?.reason ?? task.reason ?? platform)
    }

    fileprivate var line: String {
        let progress = parts == 0 ? "no answer yet" : "\(delivered) of \(parts) delivered"
        let words = [
            "\(task)", state.rawValue, Moments.age(seconds: ageSeconds), account,
            "\(conversation.kind.rawValue) \(conversation.id)", origin.rawValue,
            messageID.isEmpty ? "-" : messageID, progress,
        ]
        return words.joined(separator: "  ") + (reason.map { "  \($0)" } ?? "")
    }
}

/// What a retry or a drop did.
public struct OutboxChange: Sendable, Hashable, Codable {
    /// Tasks that were changed.
    public var changed: [Int64] = []
    /// Tasks that it does not apply to: unknown, or in another state.
    public var unchanged: [Int64] = []

    /// Nothing done.
    public init() {}
}
