/// What a person thinks of an answer.
public struct Feedback: Hashable, Sendable {
    /// Verdict of the person.
    public enum Verdict: Hashable, Sendable {
        /// Thumb up.
        case accurate
        /// Thumb down.
        case inaccurate
        /// Taken back.
        case withdrawn
        /// A verdict that this version does not know.
        case unknown(Int)
    }

    /// Event id, for deduplication.
    public var id: MessageID
    /// Id that the answer was sent with.
    public var feedbackID: String
    /// Verdict.
    public var verdict: Verdict
    /// Words of the person.
    public var content: String?
    /// Reasons for a thumb down: 1 unrelated, 2 incomplete, 3 wrong, 4 data analysis.
    public var reasons: [Int]
    /// Where it was given.
    public var conversation: Conversation
    /// Who gave it.
    public var sender: Sender

    /// Creates a feedback.
    public init(
        id: MessageID, feedbackID: String, verdict: Verdict, content: String? = nil, reasons: [Int] = [],
        conversation: Conversation, sender: Sender
    ) {
        self.id = id
        self.feedbackID = feedbackID
        self.verdict = verdict
        self.content = content
        self.reasons = reasons
        self.conversation = conversation
        self.sender = sender
    }
}

/// What a transport hands to the engine.
public enum InboundEvent: Hashable, Sendable {
    /// A message, or a click on a card, with the address for the answer.
    case message(InboundMessage, ReplyRoute)
    /// Someone opened the direct chat for the first time today.
    case enterChat(MessageID, Sender, ReplyRoute)
    /// Someone judged an answer.
    case feedback(Feedback)
    /// A kind of event that needs no answer or is not known.
    case other(MessageID, type: String)
}
