/// What became of one frame. A time-out is never a failure: the platform may have shown the message.
public enum SendOutcome: Hashable, Sendable {
    /// The platform accepted it. `body` is the answer's body as JSON text, where one came.
    case acknowledged(body: String? = nil)
    /// The platform refused it; nothing is shown.
    case rejected(PlatformError)
    /// Written, and no answer came.
    case unknown(UnknownReason)
    /// Never written; sending it later cannot make a duplicate.
    case notSent(NotSentReason)

    /// Why nobody knows.
    public enum UnknownReason: String, Hashable, Sendable, Codable {
        /// No ack within the time-out.
        case ackTimeout
        /// The connection ended before the ack.
        case sessionLost
    }

    /// Why it was not written.
    public enum NotSentReason: String, Hashable, Sendable {
        /// No subscribed connection.
        case offline
        /// A final snapshot of the same reply came first.
        case overtaken
        /// The lane or the socket's queue is full.
        case overflow
        /// The client is shutting down.
        case closed
    }
}

/// What is learned later about a frame whose outcome had been given as unknown.
public enum LateVerdict: Hashable, Sendable {
    /// Something that was sent after it on the same connection was acknowledged, and a connection keeps the order: the
    /// platform had it.
    case overtaken
    /// The platform had accepted it.
    case acknowledged
    /// The platform had refused it.
    case rejected(PlatformError)

    /// What is known when something was known before: that a frame arrived says less than what became of it.
    func sharpened(by earlier: LateVerdict?) -> LateVerdict { self == .overtaken ? earlier ?? self : self }
}
