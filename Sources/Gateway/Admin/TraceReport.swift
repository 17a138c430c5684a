public import Shared

/// The whole story of a message: what is known of every task that began with its id.
public struct TraceReport: Sendable, Hashable, Codable {
    /// One task.
    public struct Story: Sendable, Hashable, Codable {
        /// Number in the ledger.
        public var task: Int64
        /// `message`, `line` or `push`.
        public var origin: LedgerEntry.Origin
        /// Account.
        public var account: String
        /// Transport.
        public var channel: String
        /// Where it was said.
        public var conversation: Conversation
        /// Who said it; nil for what the program sent on its own account.
        public var sender: String?
        /// Unix milliseconds of the message, by the platform.
        public var createdAt: Int64
        /// Unix milliseconds at which it was durable.
        public var acceptedAt: Int64
        /// Why the handler never saw it.
        public var refusal: String?
        /// Where it stands.
        public var state: TaskState
        /// How often the handler was started.
        public var attempts: Int
        /// Bubbles that were opened.
        public var bubbles: Int
        /// How many of them show what an earlier start of the handler had said differently.
        public var earlierBubbles: Int
        /// Whether the bubble's time was over before the answer was.
        public var handedOver: Bool
        /// Unix milliseconds of the complete answer.
        public var answeredAt: Int64?
        /// Size of the answer in bytes.
        public var answerBytes: Int?
        /// Unix milliseconds of the end.
        public var finishedAt: Int64?
        /// Why the handler failed, or why the task was given up.
        public var reason: String?
        /// Parts of the answer.
        public var parts: [Part]
        /// Text of the message; only when asked for.
        public var text: String?
        /// Text of the answer; only when asked for.
        public var answer: String?
    }

    /// One part of an answer.
    public struct Part: Sendable, Hashable, Codable {
        /// Position, from 0.
        public var index: Int
        /// `text`, `card`, or a kind of media.
        public var kind: String
        /// Size in bytes.
        public var bytes: Int
        /// Where it stands.
        public var state: PartState
        /// How it went out last.
        public var via: DeliveryRoute?
        /// How often it was written to the wire.
        public var attempts: Int
        /// Number of the last refusal.
        public var errcode: Int?
        /// Why it failed, or was given up.
        public var reason: String?
        /// What to do about it.
        public var advice: String?
        /// Unix milliseconds when it was last written to the wire.
        public var sentAt: Int64?
        /// Unix milliseconds when it was settled.
        public var settledAt: Int64?
        /// Whether the person may have seen it twice.
        public var possibleDuplicate: Bool
        /// Its text, card or file; only when asked for.
        public var content: String?
    }

    /// Message id that was asked for.
    public var messageID: String
    /// Oldest first.
    public var stories: [Story]

    private enum CodingKeys: String, CodingKey {
        case messageID = "messageId"
        case stories
    }

    /// Report on the tasks of one message. `text` includes what was said.
    public init(messageID: MessageID, tasks: [LedgerTask], text: Bool) {
        self.messageID = messageID.rawValue
        stories = tasks.sorted { $0.id < $1.id }.map { Story($0, text: text) }
    }
}

extension TraceReport.Story {
    fileprivate init(_ task: LedgerTask, text: Bool) {
        let message = task.entry.message
        self.init(
            task: task.id.rawValue, origin: task.entry.origin, account: message.account.rawValue,
            channel: message.channel,
            conversation: message.conversation,
            sender: task.entry.origin == .push ? nil : message.sender.id.rawValue,
            createdAt: message.createdAt, acceptedAt: task.entry.acceptedAt, refusal: task.entry.refusal,
            state: task.state, attempts: task.attempts, bubbles: task.bubbles,
            earlierBubbles: task.earlierBubbles, handedOver: task.isHandedOver,
            answeredAt: task.answeredAt, answerBytes: task.answer?.utf8.count, finishedAt: task.finishedAt,
            reason: task.reason, parts: task.parts.map { TraceReport.Part($0, text: text) },
            text: text ? message.text : nil, answer: text ? task.answer : nil)
    }
}

extension TraceReport.Part {
    fileprivate init(_ part: LedgerPart, text: Bool) {
        let shape = part.content.shape
        self.init(
            index: part.index, kind: shape.kind, bytes: shape.bytes, state: part.state, via: part.via,
            attempts: part.attempts, errcode: part.errcode, reason: part.reason,
            advice: part.state == .acked ? nil : part.errcode.flatMap { SendResult.advice(PlatformError(code: $0)) },
            sentAt: part.sentAt, settledAt: part.settledAt, possibleDuplicate: part.mayBeShownTwice,
            content: text ? shape.text : nil)
    }
}

extension PartContent {
    /// What it is, how large it is, and what it says.
    fileprivate var shape: (kind: String, bytes: Int, text: String) {
        switch self {
        case .text(let text): ("text", text.utf8.count, text)
        case .card(let json, _, _): ("card", json.utf8.count, json)
        case .media(let path, let kind, _, let bytes): (kind.rawValue, bytes, path)
        }
    }
}
