/// Ledger in memory, for programs that need no memory beyond their own life, and for tests.
///
/// Ended tasks, cards and verdicts are bounded each; the oldest go first, and with a task its message id is forgotten.
/// Tasks that are not ended are never dropped: their number is bounded by who accepts them. Calls finish without
/// suspending and never throw.
public final class InMemoryLedger: LedgerStore {
    /// Forgets with the process.
    public let isDurable = false

    private let memory: Locked<LedgerMemory>

    /// Creates an empty ledger.
    ///
    /// - Parameter maxEnded: ended tasks kept, at least 1; as many cards, and as many verdicts.
    public init(maxEnded: Int = 2_000) { memory = Locked(LedgerMemory(maxEnded: maxEnded)) }

    /// Begins tasks in order; all of them become visible at once.
    public func accept(_ entries: [LedgerEntry]) -> [Acceptance] {
        memory.withLock { memory in entries.map { memory.accept($0) } }
    }

    /// Takes steps in order; all of them become visible at once.
    public func write(_ transitions: [LedgerTransition]) {
        memory.withLock { memory in for step in transitions { memory.write(step) } }
    }

    /// Tasks of an account that are not ended, oldest first; parts that were `sent` become `unknown`.
    public func unfinished(account: AccountID) -> [LedgerTask] {
        memory.withLock { $0.unfinished(account: account) }
    }

    /// What was said in a session, oldest first.
    public func history(
        account: AccountID, conversation: Conversation, session: Int, limit: Int
    ) -> [HistoryEntry] {
        memory.withLock { $0.history(account: account, conversation: conversation, session: session, limit: limit) }
    }

    /// Number of the current session, from 0.
    public func session(account: AccountID, conversation: Conversation) -> Int {
        memory.withLock { $0.session(account: account, conversation: conversation) }
    }

    /// Number of the session in which a task was accepted.
    public func session(of task: TaskID) -> Int { memory.withLock { $0.session(of: task) } }

    /// Begins a new session and returns its number. The numbers of the 10,000 conversations reset last are remembered.
    public func resetSession(account: AccountID, conversation: Conversation, at: Int64) -> Int {
        memory.withLock { $0.resetSession(account: account, conversation: conversation) }
    }

    /// Times of what counts against the quota, ascending, since `since` (Unix milliseconds).
    public func sends(account: AccountID, since: Int64) -> [Conversation: [Int64]] {
        memory.withLock { $0.sends(account: account, since: since) }
    }

    /// Keeps a card; one with the same task id and account is replaced.
    public func remember(_ card: SentCard) { memory.withLock { $0.remember(card) } }

    /// Card by task id.
    public func card(taskID: String, account: AccountID) -> SentCard? {
        memory.withLock { $0.card(taskID: taskID, account: account) }
    }

    /// Keeps a verdict. False when the event id was known.
    public func record(_ feedback: FeedbackRecord) -> Bool { memory.withLock { $0.record(feedback) } }

    /// Tasks with this message id.
    public func trace(messageID: MessageID) -> [LedgerTask] { memory.withLock { $0.trace(messageID: messageID) } }

    /// Task whose bubbles have this name.
    public func task(stream: String, account: AccountID) -> LedgerTask? {
        memory.withLock { $0.task(stream: stream, account: account) }
    }

    /// Tasks in one of these states, oldest first.
    public func tasks(in states: Set<TaskState>, limit: Int) -> [LedgerTask] {
        memory.withLock { $0.tasks(in: states, limit: limit) }
    }

    /// Tasks that were given up and can be made deliverable again, oldest first.
    public func retriable(limit: Int) -> [LedgerTask] { memory.withLock { $0.retriable(limit: limit) } }

    /// Number of tasks by state; every state is named.
    public func counts() -> [TaskState: Int] { memory.withLock { $0.counts() } }

    /// Makes a dead task deliverable again.
    public func revive(_ task: TaskID, at: Int64) -> Bool { memory.withLock { $0.revive(task, at: at) } }

    /// Gives a task up. False when it had ended.
    public func drop(_ task: TaskID, at: Int64) -> Bool { memory.withLock { $0.drop(task, at: at) } }

    /// Verdicts since `since`, oldest first, joined to their turns.
    public func feedback(since: Int64) -> [FeedbackRecord] { memory.withLock { $0.feedback(since: since) } }

    /// Files of tasks that are not ended, or retriable.
    public func filesInUse() -> Set<String> { memory.withLock { $0.filesInUse() } }

    /// Removes what is old.
    public func prune(before: Int64, cardsBefore: Int64) {
        memory.withLock { $0.prune(before: before, cardsBefore: cardsBefore) }
    }
}
