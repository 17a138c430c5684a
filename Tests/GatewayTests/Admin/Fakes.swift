import Foundation
import Shared

@testable import Gateway

/// A ledger in memory with what the admin listener reads and changes; what it never asks for does nothing.
final class FakeLedger: LedgerStore, @unchecked Sendable {
    let isDurable = true

    // `stored` is touched under `lock` alone.
    private let lock = NSLock()
    private var stored: [LedgerTask]
    private let verdicts: [FeedbackRecord]
    private let trouble: LedgerTrouble?

    init(_ tasks: [LedgerTask] = [], feedback: [FeedbackRecord] = [], trouble: LedgerTrouble? = nil) {
        stored = tasks
        verdicts = feedback
        self.trouble = trouble
    }

    var tasks: [LedgerTask] { lock.withLock { stored } }

    func task(stream: String, account: AccountID) async throws(LedgerTrouble) -> LedgerTask? {
        try check()
        return tasks.first { $0.entry.stream == stream && $0.entry.message.account == account }
    }
    func trace(messageID: MessageID) async throws(LedgerTrouble) -> [LedgerTask] {
        try check()
        return tasks.filter { $0.entry.message.id == messageID }
    }

    func tasks(in states: Set<TaskState>, limit: Int) async throws(LedgerTrouble) -> [LedgerTask] {
        try check()
        return Array(tasks.filter { states.contains($0.state) }.prefix(limit))
    }

    func retriable(limit: Int) async throws(LedgerTrouble) -> [LedgerTask] {
        try check()
        return Array(tasks.filter { $0.state == .dead && $0.entry.refusal == nil }.prefix(limit))
    }

    func counts() async throws(LedgerTrouble) -> [TaskState: Int] {
        try check()
        return Dictionary(grouping: tasks, by: \.state).mapValues(\.count)
    }

    func revive(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool {
        let isRefused = tasks.contains { $0.id == task && $0.entry.refusal != nil }
        return !isRefused && change(task, from: [.dead], to: .answered)
    }

    func drop(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool {
        change(task, from: [.accepted, .answered], to: .dead)
    }

    func feedback(since: Int64) async throws(LedgerTrouble) -> [FeedbackRecord] {
        try check()
        return verdicts.filter { $0.at >= since }
    }

    private func check() throws(LedgerTrouble) { if let trouble { throw trouble } }

    private func change(_ id: TaskID, from states: Set<TaskState>, to state: TaskState) -> Bool {
        lock.withLock {
            guard let index = stored.firstIndex(where: { $0.id == id && states.contains($0.state) }) else {
                return false
            }
            stored[index].state = state
            return true
        }
    }

    func accept(_ entries: [LedgerEntry]) async throws(LedgerTrouble) -> [Acceptance] { [] }
    func write(_ transitions: [LedgerTransition]) async throws(LedgerTrouble) {}
    func unfinished(account: AccountID) async throws(LedgerTrouble) -> [LedgerTask] { [] }
    func history(account: AccountID, conversation: Conversation, session: Int, limit: Int) async throws(LedgerTrouble)
        -> [HistoryEntry]
    { [] }
    func session(account: AccountID, conversation: Conversation) async throws(LedgerTrouble) -> Int { 0 }
    func session(of task: TaskID) async throws(LedgerTrouble) -> Int { 0 }
    func resetSession(account: AccountID, conversation: Conversation, at: Int64) async throws(LedgerTrouble) -> Int {
        0
    }
    func sends(account: AccountID, since: Int64) async throws(LedgerTrouble) -> [Conversation: [Int64]] { [:] }
    func remember(_ card: SentCard) async throws(LedgerTrouble) {}
    func card(taskID: String, account: AccountID) async throws(LedgerTrouble) -> SentCard? { nil }
    func record(_ feedback: FeedbackRecord) async throws(LedgerTrouble) -> Bool { false }
    func filesInUse() async throws(LedgerTrouble) -> Set<String> { [] }
    func prune(before: Int64, cardsBefore: Int64) async throws(LedgerTrouble) {}
}

/// A running program that remembers what it was asked.
final class FakeControl: GatewayControl, @unchecked Sendable {
    // What varies is touched under `lock` alone.
    let ledger: any LedgerStore
    private let lock = NSLock()
    private var sends: [SendRequest] = []
    private var accounts: [AccountStatus]

    init(ledger: FakeLedger = FakeLedger(), accounts: [AccountStatus] = [.up]) {
        self.ledger = ledger
        self.accounts = accounts
    }

    var sent: [SendRequest] { lock.withLock { sends } }

    func set(_ accounts: [AccountStatus]) { lock.withLock { self.accounts = accounts } }

    func status() async -> GatewayStatus {
        GatewayStatus(version: "0.1.0", pid: 4711, uptimeSeconds: 7_300, accounts: lock.withLock { accounts })
    }

    func send(_ request: SendRequest) async throws(GatewayError) -> [SendResult] {
        lock.withLock { sends.append(request) }
        if let account = request.account, account != "default" {
            throw GatewayError(.invalidConfiguration, "no account \(account) runs")
        }
        return request.targets.map { target in
            do throws(GatewayError) {
                _ = try target.botConversation()
                return SendResult(target: target, task: .sample(state: .done))
            } catch {
                return SendResult(target: target, refused: error)
            }
        }
    }

    func reconnect(account: String?) async throws(GatewayError) -> [String] {
        guard account == nil || account == "default" else {
            throw GatewayError(.invalidConfiguration, "no account \(account ?? "") runs")
        }
        return ["default"]
    }

    func retry(_ task: TaskID) async throws(LedgerTrouble) -> Bool { try await ledger.revive(task, at: 0) }
    func drop(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool { try await ledger.drop(task, at: at) }
}

struct FixedClock: WallClock {
    var unixMilliseconds: Int64 = 1_795_248_000_000
}

extension AccountStatus {
    static let up = AccountStatus(
        name: "default", botID: "aibFixture", state: "online", since: 1_795_247_000_000, online: true, openTurns: 2,
        waiting: 1, lastInboundAt: 1_795_247_990_000)
    static let taken = AccountStatus(
        name: "second", botID: "aibSecond", state: "superseded", since: 1_795_247_000_000,
        reason: "another connection took the bot over", online: false)
}

extension LedgerTask {
    /// A message that policy kept out, of which nothing was kept.
    static func refused(_ id: Int64) -> LedgerTask {
        let accepted = sample(id, state: .accepted)
        var entry = accepted.entry.kept
        entry.refusal = "sender-not-paired"
        var task = LedgerTask(id: accepted.id, entry: entry)
        task.state = .dead
        task.reason = entry.refusal
        task.finishedAt = start
        return task
    }

    static let start: Int64 = 1_795_247_400_000

    /// A task with a secret word in message and answer, and one part.
    static func sample(_ id: Int64 = 12, message: MessageID = "msg/1+2", state: TaskState = .done) -> LedgerTask {
        let conversation = Conversation(kind: .group, id: "wrFixture")
        let message = InboundMessage(
            id: message, account: "default", channel: "aibot-ws", conversation: conversation,
            sender: Sender(id: "lin.wei"), parts: [.text("planted question")], createdAt: start - 200)
        var task = LedgerTask(
            id: TaskID(id),
            entry: LedgerEntry(
                origin: .message, message: message, route: ReplyRoute(key: "r1", conversation: conversation),
                stream: "s1", acceptedAt: start))
        task.state = state
        task.attempts = 1
        guard state != .accepted else { return task }
        task.answer = "planted answer"
        task.answeredAt = start + 2_500
        var part = LedgerPart(index: 0, content: .text("planted answer"))
        part.state = state == .done ? .acked : state == .dead ? .dead : .pending
        if state == .done {
            part.attempts = 1
            part.via = .bubble
            part.sentAt = start + 2_510
            part.settledAt = start + 2_700
            task.finishedAt = start + 2_700
        }
        if state == .dead {
            part.errcode = 93006
            part.reason = "the conversation cannot be reached"
            task.reason = "too old"
            task.finishedAt = start + 9_000
        }
        task.parts = [part]
        return task
    }
}
