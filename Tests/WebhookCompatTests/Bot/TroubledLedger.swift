import Shared

/// A ledger in memory that can be called durable, and whose questions by name can be left unanswered.
final class TroubledLedger: LedgerStore {
    let isDurable: Bool
    private let inner: InMemoryLedger
    private let trouble = Locked<LedgerTrouble?>(nil)

    init(_ inner: InMemoryLedger, isDurable: Bool = false) {
        self.inner = inner
        self.isDurable = isDurable
    }

    /// From now on `trace` and `task` fail with this.
    func fail(_ trouble: LedgerTrouble?) { self.trouble.withLock { $0 = trouble } }

    private func check() throws(LedgerTrouble) { if let trouble = trouble.withLock({ $0 }) { throw trouble } }

    func trace(messageID: MessageID) async throws(LedgerTrouble) -> [LedgerTask] {
        try check()
        return inner.trace(messageID: messageID)
    }

    func task(stream: String, account: AccountID) async throws(LedgerTrouble) -> LedgerTask? {
        try check()
        return inner.task(stream: stream, account: account)
    }

    func accept(_ entries: [LedgerEntry]) async -> [Acceptance] { inner.accept(entries) }
    func write(_ transitions: [LedgerTransition]) async { inner.write(transitions) }
    func unfinished(account: AccountID) async -> [LedgerTask] { inner.unfinished(account: account) }
    func history(account: AccountID, conversation: Conversation, session: Int, limit: Int) async -> [HistoryEntry] {
        inner.history(account: account, conversation: conversation, session: session, limit: limit)
    }
    func session(of task: TaskID) async -> Int { inner.session(of: task) }
    func session(account: AccountID, conversation: Conversation) async -> Int {
        inner.session(account: account, conversation: conversation)
    }
    func resetSession(account: AccountID, conversation: Conversation, at time: Int64) async -> Int {
        inner.resetSession(account: account, conversation: conversation, at: time)
    }
    func sends(account: AccountID, since: Int64) async -> [Conversation: [Int64]] {
        inner.sends(account: account, since: since)
    }
    func remember(_ card: SentCard) async { inner.remember(card) }
    func card(taskID: String, account: AccountID) async -> SentCard? { inner.card(taskID: taskID, account: account) }
    func record(_ feedback: FeedbackRecord) async -> Bool { inner.record(feedback) }
    func tasks(in states: Set<TaskState>, limit: Int) async -> [LedgerTask] { inner.tasks(in: states, limit: limit) }
    func counts() async -> [TaskState: Int] { inner.counts() }
    func revive(_ task: TaskID, at time: Int64) async -> Bool { inner.revive(task, at: time) }
    func drop(_ task: TaskID, at time: Int64) async -> Bool { inner.drop(task, at: time) }
    func feedback(since: Int64) async -> [FeedbackRecord] { inner.feedback(since: since) }
    func retriable(limit: Int) async -> [LedgerTask] { inner.retriable(limit: limit) }
    func filesInUse() async -> Set<String> { inner.filesInUse() }
    func prune(before: Int64, cardsBefore: Int64) async { inner.prune(before: before, cardsBefore: cardsBefore) }
}
