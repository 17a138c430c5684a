public final class InMemoryLedger: LedgerStore {
    public init() {}
    public var isDurable: Bool { false }
    let n = Locked<Int64>(0)
    public func accept(_ entries: [LedgerEntry]) async throws(LedgerTrouble) -> [Acceptance] { n.withLock { n in entries.map { _ in n += 1; return .accepted(TaskID(n)) } } }
    public func write(_ transitions: [LedgerTransition]) async throws(LedgerTrouble) {}
    public func unfinished(account: AccountID) async throws(LedgerTrouble) -> [LedgerTask] { [] }
    public func history(account: AccountID, conversation: Conversation, limit: Int) async throws(LedgerTrouble) -> [HistoryEntry] { [] }
    public func session(account: AccountID, conversation: Conversation) async throws(LedgerTrouble) -> Int { 0 }
    public func resetSession(account: AccountID, conversation: Conversation, at: Int64) async throws(LedgerTrouble) -> Int { 1 }
    public func sends(account: AccountID, since: Int64) async throws(LedgerTrouble) -> [Conversation: [Int64]] { [:] }
    public func remember(_ card: SentCard) async throws(LedgerTrouble) {}
    public func card(taskID: String, account: AccountID) async throws(LedgerTrouble) -> SentCard? { nil }
    public func record(_ feedback: FeedbackRecord) async throws(LedgerTrouble) -> Bool { true }
    public func trace(messageID: MessageID) async throws(LedgerTrouble) -> [LedgerTask] { [] }
    public func tasks(in states: Set<TaskState>, limit: Int) async throws(LedgerTrouble) -> [LedgerTask] { [] }
    public func counts() async throws(LedgerTrouble) -> [TaskState: Int] { [:] }
    public func revive(_ task: TaskID) async throws(LedgerTrouble) -> Bool { false }
    public func drop(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool { false }
    public func feedback(since: Int64) async throws(LedgerTrouble) -> [FeedbackRecord] { [] }
    public func prune(before: Int64, cardsBefore: Int64) async throws(LedgerTrouble) -> [String] { [] }
}
