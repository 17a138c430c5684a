/// What a handler or backend answers into. Every transport gives it the same shape.
///
/// All calls return as soon as the text is taken; pacing, chunking and delivery are the engine's business.
/// They throw `CancellationError` once the task was stopped, and `GatewayError.answerTooLarge` past the bound.
public protocol Replying: Sendable {
    /// Adds text to the end of the answer.
    func append(_ delta: String) async throws
    /// Replaces the whole answer so far. Text that was already sealed into an earlier bubble stays there.
    func replace(with text: String) async throws
    /// Adds reasoning, which is dropped or folded as configured and never mixes with the answer.
    func think(_ delta: String) async throws
    /// Adds a file, a card or anything else that is not text.
    func attach(_ attachment: Attachment) async throws
    /// What is known about the turn besides its message.
    var turnInfo: TurnInfo { get async }
}

extension Replying {
    /// A first try without a past.
    public var turnInfo: TurnInfo {
        get async { TurnInfo() }
    }
}

/// Something in an answer that is not text.
public enum Attachment: Hashable, Sendable {
    /// A file by path or URL.
    case file(location: String, kind: MediaReference.Kind?, name: String?)
    /// A template card as JSON text.
    case card(json: String)
}

/// An earlier message of the conversation.
public struct HistoryEntry: Hashable, Sendable {
    /// Who said it.
    public enum Role: String, Sendable {
        /// The person.
        case user
        /// The bot.
        case assistant
    }

    /// Who said it.
    public var role: Role
    /// What was said.
    public var text: String
    /// Unix milliseconds.
    public var at: Int64

    /// Creates an entry.
    public init(role: Role, text: String, at: Int64) {
        self.role = role
        self.text = text
        self.at = at
    }
}

/// What a backend is asked.
public struct BackendRequest: Sendable {
    /// The message.
    public var message: InboundMessage
    /// Earlier messages, oldest first.
    public var history: [HistoryEntry]
    /// Stable name of the session, safe as a folder name.
    public var sessionID: String
    /// Folder that belongs to the session; nil when the program keeps none.
    public var workspace: String?
    /// 1 for the first try, more after a restart.
    public var attempt: Int

    /// Creates a request.
    public init(
        message: InboundMessage, history: [HistoryEntry] = [], sessionID: String, workspace: String? = nil,
        attempt: Int = 1
    ) {
        self.message = message
        self.history = history
        self.sessionID = sessionID
        self.workspace = workspace
        self.attempt = attempt
    }
}

/// Computes answers. Cancelling the surrounding task must end the work, processes and requests included.
public protocol Backend: Sendable {
    /// Whether it heeds history, session and workspace of a request; looking them up costs time.
    var keepsSessions: Bool { get }
    /// Answers one message.
    ///
    /// - Throws: `BackendFailure` with words for the person; any other error is shown as a general apology.
    func answer(_ request: BackendRequest, to reply: any Replying) async throws
}

/// A failed answer, in words for the person and words for the log.
public struct BackendFailure: Error, Sendable, CustomStringConvertible {
    /// Shown to the person; nil means the general apology.
    public var userText: String?
    /// For the log: what failed, without message text or secrets.
    public var detail: String

    /// Creates a failure.
    public init(userText: String? = nil, detail: String) {
        self.userText = userText
        self.detail = detail
    }

    /// The log words alone.
    public var description: String { detail }
}

extension Backend {
    /// Most backends do.
    public var keepsSessions: Bool { true }
}
