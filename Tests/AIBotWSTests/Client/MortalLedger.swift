import Foundation
import Shared

/// A ledger as one run of the program sees it: durable, and out of reach once the program is dead.
final class MortalLedger: LedgerStore, @unchecked Sendable {
    let isDurable = true
    private let disk: any LedgerStore
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var isDead = false

    init(over disk: any LedgerStore) { self.disk = disk }

    /// The program is killed: nothing that it still does reaches the disk.
    func die() { lock.withLock { isDead = true } }

    private func living() throws(LedgerTrouble) -> any LedgerStore {
        if lock.withLock({ isDead }) { throw .broken("dead") }
        return disk
    }

    func accept(_ entries: [LedgerEntry]) async throws(LedgerTrouble) -> [Acceptance] {
        try await living().accept(entries)
    }
    func write(_ transitions: [LedgerTransition]) async throws(LedgerTrouble) { try await living().write(transitions) }
    func unfinished(account: AccountID) async throws(LedgerTrouble) -> [LedgerTask] {
        try await living().unfinished(account: account)
    }
    func history(
        account: AccountID, conversation: Conversation, session: Int, limit: Int
    ) async throws(LedgerTrouble) -> [HistoryEntry] {
        try await living().history(account: account, conversation: conversation, session: session, limit: limit)
    }
    func session(account: AccountID, conversation: Conversation) async throws(LedgerTrouble) -> Int {
        try await living().session(account: account, conversation: conversation)
    }
    func resetSession(account: AccountID, conversation: Conversation, at: Int64) async throws(LedgerTrouble) -> Int {
        try await living().resetSession(account: account, conversation: conversation, at: at)
    }
    func sends(account: AccountID, since: Int64) async throws(LedgerTrouble) -> [Conversation: [Int64]] {
        try await living().sends(account: account, since: since)
    }
    func remember(_ card: SentCard) async throws(LedgerTrouble) { try await living().remember(card) }
    func card(taskID: String, account: AccountID) async throws(LedgerTrouble) -> SentCard? {
        try await living().card(taskID: taskID, account: account)
    }
    func record(_ feedback: FeedbackRecord) async throws(LedgerTrouble) -> Bool { try await living().record(feedback) }
    func trace(messageID: MessageID) async throws(LedgerTrouble) -> [LedgerTask] {
        try await living().trace(messageID: messageID)
    }
    func task(stream: String, account: AccountID) async throws(LedgerTrouble) -> LedgerTask? {
        try await living().task(stream: stream, account: account)
    }
    func tasks(in states: Set<TaskState>, limit: Int) async throws(LedgerTrouble) -> [LedgerTask] {
        try await living().tasks(in: states, limit: limit)
    }
    func counts() async throws(LedgerTrouble) -> [TaskState: Int] { try await living().counts() }
    func session(of task: TaskID) async throws(LedgerTrouble) -> Int { try await living().session(of: task) }
    func revive(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool {
        try await living().revive(task, at: at)
    }
    func drop(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool {
        try await living().drop(task, at: at)
    }
    func feedback(since: Int64) async throws(LedgerTrouble) -> [FeedbackRecord] {
        try await living().feedback(since: since)
    }
    func retriable(limit: Int) async throws(LedgerTrouble) -> [LedgerTask] {
        try await living().retriable(limit: limit)
    }
    func filesInUse() async throws(LedgerTrouble) -> Set<String> { try await living().filesInUse() }
    func prune(before: Int64, cardsBefore: Int64) async throws(LedgerTrouble) {
        try await living().prune(before: before, cardsBefore: cardsBefore)
    }
}
