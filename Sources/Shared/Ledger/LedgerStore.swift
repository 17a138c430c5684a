/// One part of an answer, as the ledger has it.
public struct LedgerPart: Sendable, Hashable {
    /// Position in the answer, from 0.
    public var index: Int
    /// What it is.
    public var content: PartContent
    /// Where it stands.
    public var state: PartState
    /// How often it was written to the wire.
    public var attempts: Int
    /// How often nobody knew what had become of that, since the content is what it is.
    public var doubts = 0
    /// How it went out last.
    public var via: DeliveryRoute?
    /// Number of the last refusal.
    public var errcode: Int?
    /// Why it failed, or was given up.
    public var reason: String?
    /// Unix milliseconds when it was last written to the wire.
    public var sentAt: Int64?
    /// Unix milliseconds when it was settled.
    public var settledAt: Int64?

    /// Creates a part that is still to be sent.
    public init(index: Int, content: PartContent) {
        self.index = index
        self.content = content
        state = .pending
        attempts = 0
    }
}

/// A task, as the ledger has it.
public struct LedgerTask: Sendable, Hashable {
    /// Number.
    public var id: TaskID
    /// What began it.
    public var entry: LedgerEntry
    /// Where it stands.
    public var state: TaskState
    /// How often the handler was started.
    public var attempts: Int
    /// Bubbles opened; 1 from acceptance on, 0 while the first one waits for the quota.
    public var bubbles: Int
    /// Unix milliseconds of the opening of the last bubble.
    public var bubbleOpenedAt: Int64
    /// Digests of the segments of an unfinished answer that people surely see.
    public var shown: [String] = []
    /// Whether no bubble is to be used any more.
    public var isHandedOver: Bool
    /// Whole text of the answer.
    public var answer: String?
    /// Why the handler failed, or why the task was given up.
    public var reason: String?
    /// Unix milliseconds of the complete answer.
    public var answeredAt: Int64?
    /// Unix milliseconds of the end.
    public var finishedAt: Int64?
    /// Unix milliseconds of the last time it was made deliverable again; nil when it never was.
    public var revivedAt: Int64?
    /// False of a row that cannot be read: a stand-in without the message, which can only be given up.
    public var isReadable = true
    /// Parts of the answer in order.
    public var parts: [LedgerPart]

    /// Reason of a task of which nothing can be read.
    public static let unreadable = "its row in the ledger cannot be read"

    /// Bubbles that show what an earlier start of the handler had said, and that the answer does not count in.
    public var earlierBubbles: Int {
        guard attempts > 1, answeredAt != nil, !isHandedOver else { return 0 }
        let texts = parts.last { if case .text = $0.content { true } else { false } }
        return max(0, bubbles - (texts?.index ?? 0) - 1)
    }

    /// Creates a task that was just accepted.
    public init(id: TaskID, entry: LedgerEntry) {
        self.id = id
        self.entry = entry
        state = .accepted
        attempts = 0
        bubbles = 1
        bubbleOpenedAt = entry.acceptedAt
        isHandedOver = false
        parts = []
    }
}

/// A card that was sent, kept so that a click on it can be judged and redrawn (30 days).
public struct SentCard: Sendable, Hashable {
    /// Id that it was sent with.
    public var taskID: String
    /// Account that sent it.
    public var account: AccountID
    /// Where it was sent.
    public var conversation: Conversation
    /// The card as JSON text.
    public var json: String
    /// Unix milliseconds.
    public var sentAt: Int64

    /// Creates a record.
    public init(taskID: String, account: AccountID, conversation: Conversation, json: String, sentAt: Int64) {
        self.taskID = taskID
        self.account = account
        self.conversation = conversation
        self.json = json
        self.sentAt = sentAt
    }
}

/// A verdict of a person on an answer, joined to the turn it belongs to as far as that is known.
public struct FeedbackRecord: Sendable, Hashable {
    /// What the person said.
    public var feedback: Feedback
    /// Account.
    public var account: AccountID
    /// Unix milliseconds of arrival.
    public var at: Int64
    /// The turn it belongs to.
    public var task: LedgerTask?

    /// Creates a record.
    public init(feedback: Feedback, account: AccountID, at: Int64, task: LedgerTask? = nil) {
        self.feedback = feedback
        self.account = account
        self.at = at
        self.task = task
    }
}

/// Why the ledger could not write.
public enum LedgerTrouble: Error, Sendable, Hashable, CustomStringConvertible {
    /// No space left.
    case full
    /// Another process holds the database for too long.
    case busy
    /// The database cannot be read or written; the words hold no message text.
    case broken(String)

    /// Sentence for log and operator.
    public var description: String {
        switch self {
        case .full: "no space left for the ledger: free space on the disk of gateway.stateDir"
        case .busy: "the ledger is locked by another process"
        case .broken(let detail): "the ledger cannot be used: \(detail)"
        }
    }
}

/// Durable memory of what was accepted, answered and delivered. All calls may come from any task; each write is durable
/// when the call returns.
///
/// A step that does not fit (for a task that does not exist, or one that has ended) is ignored: it stems from a race with
/// the operator or with retention.
public protocol LedgerStore: Sendable {
    /// Whether what is written outlives the process.
    var isDurable: Bool { get }
    /// Begins tasks in order, in one transaction. An entry whose account and message id are known already changes nothing;
    /// an empty id is never known.
    func accept(_ entries: [LedgerEntry]) async throws(LedgerTrouble) -> [Acceptance]
    /// Writes steps in order, in one transaction.
    func write(_ transitions: [LedgerTransition]) async throws(LedgerTrouble)
    /// Tasks in state `accepted` or `answered` of an account, oldest first, also when nothing can be written just now. Parts
    /// that were `sent` when the process died are `unknown` here.
    func unfinished(account: AccountID) async throws(LedgerTrouble) -> [LedgerTask]
    /// What was said in a session of a conversation, oldest first, both sides, at most `limit` messages: tasks of origin
    /// `message` and `push` with a complete answer.
    func history(account: AccountID, conversation: Conversation, session: Int, limit: Int) async throws(LedgerTrouble)
        -> [HistoryEntry]
    /// Number of the current session of a conversation, from 0.
    func session(account: AccountID, conversation: Conversation) async throws(LedgerTrouble) -> Int
    /// Number of the session in which a task was accepted; 0 for a task that does not exist.
    func session(of task: TaskID) async throws(LedgerTrouble) -> Int
    /// Begins a new session: the history is empty from here on. Returns its number.
    func resetSession(account: AccountID, conversation: Conversation, at: Int64) async throws(LedgerTrouble) -> Int
    /// Times at which an account's conversations were sent something that counts against the quota, since `since` (Unix
    /// milliseconds): first bubbles by their acceptance or, if they had to wait, by when they were opened; parts beyond the
    /// first by when they were sent.
    func sends(account: AccountID, since: Int64) async throws(LedgerTrouble) -> [Conversation: [Int64]]
    /// Keeps a card; one with the same task id and account is replaced.
    func remember(_ card: SentCard) async throws(LedgerTrouble)
    /// Card by task id.
    func card(taskID: String, account: AccountID) async throws(LedgerTrouble) -> SentCard?
    /// Keeps a verdict. False when the event id was known.
    func record(_ feedback: FeedbackRecord) async throws(LedgerTrouble) -> Bool

    /// Everything about the tasks with this message id, of any account.
    func trace(messageID: MessageID) async throws(LedgerTrouble) -> [LedgerTask]
    /// The task whose bubbles' ids begin with this name; nil when there is none of that account.
    func task(stream: String, account: AccountID) async throws(LedgerTrouble) -> LedgerTask?
    /// Tasks in one of these states, oldest first, with their parts, at most `limit`.
    func tasks(in states: Set<TaskState>, limit: Int) async throws(LedgerTrouble) -> [LedgerTask]
    /// Tasks that were given up and can be made deliverable again, oldest first, with their parts, at most `limit`: dead
    /// ones, without those that were refused from the start.
    func retriable(limit: Int) async throws(LedgerTrouble) -> [LedgerTask]
    /// Number of tasks by state.
    func counts() async throws(LedgerTrouble) -> [TaskState: Int]
    /// Makes a dead task deliverable again: its unsettled, failed and dead parts become `pending`, its state `answered`
    /// (or `accepted` when it never had an answer), and it is kept as if it were new. False when there is none such.
    func revive(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool
    /// Gives a task up. False when it had ended.
    func drop(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool
    /// All verdicts since `since`, oldest first, joined to their turns by the id of the bubble or part they name.
    func feedback(since: Int64) async throws(LedgerTrouble) -> [FeedbackRecord]
    /// Paths of all files that a task names which is not ended, or which is retriable.
    func filesInUse() async throws(LedgerTrouble) -> Set<String>
    /// Removes tasks that ended before `before`, cards sent before `cardsBefore`, verdicts before `before` (Unix
    /// milliseconds).
    func prune(before: Int64, cardsBefore: Int64) async throws(LedgerTrouble)
}

/// Ids that answers carry so that verdicts on them can be joined to their turn. The platform shows its buttons only for ids
/// that begin with `trace_` (protocol reference, Q9).
public enum FeedbackID {
    /// Id for a bubble or a further part of the task whose bubbles begin with `stream`.
    public static func make(stream: String, part: Int) -> String { "trace_\(stream)_\(part)" }

    /// Beginning of the bubble ids of the task that an id names; nil for an id of another make.
    public static func stream(of id: String) -> String? {
        guard id.hasPrefix("trace_"), let end = id.lastIndex(of: "_") else { return nil }
        let start = id.index(id.startIndex, offsetBy: 6)
        guard start < end else { return nil }
        return String(id[start..<end])
    }
}
