public import Shared

/// What `trace`, `outbox` and `feedback` read and change: in the running program, or in its ledger while it is down.
public struct LedgerReports: Sendable {
    private let ledger: any LedgerStore
    private let control: (any GatewayControl)?
    private let wallClock: any WallClock

    /// Works on a ledger whose program is down: what is changed takes effect with its next start.
    public init(ledger: any LedgerStore, wallClock: any WallClock = SystemWallClock()) {
        self.ledger = ledger
        self.wallClock = wallClock
        control = nil
    }

    /// Works through the running program.
    init(control: any GatewayControl, wallClock: any WallClock) {
        ledger = control.ledger
        self.control = control
        self.wallClock = wallClock
    }

    /// Story of a message; nil when the ledger does not know it. `text` includes what was said.
    public func trace(_ id: MessageID, text: Bool) async throws(LedgerTrouble) -> TraceReport? {
        let tasks = try await ledger.trace(messageID: id)
        return tasks.isEmpty ? nil : TraceReport(messageID: id, tasks: tasks, text: text)
    }

    /// What is not delivered. Messages that policy refused are no part of it: there is nothing to deliver.
    public func outbox() async throws(LedgerTrouble) -> OutboxReport {
        let limit = OutboxReport.limit + 1
        var tasks = try await ledger.tasks(in: [.accepted, .answered], limit: limit)
        // What is on the way is not crowded out by what was given up.
        tasks += try await ledger.retriable(limit: limit - tasks.count)
        return OutboxReport(tasks, now: wallClock.unixMilliseconds)
    }

    /// Makes dead tasks deliverable again; nil for all of them.
    public func retry(_ tasks: [TaskID]?) async throws(LedgerTrouble) -> OutboxChange {
        var change = OutboxChange()
        let now = wallClock.unixMilliseconds
        let chosen: [TaskID]
        if let tasks { chosen = tasks } else { chosen = try await ledger.retriable(limit: Self.all).map(\.id) }
        for task in chosen {
            let done = if let control { try await control.retry(task) } else { try await ledger.revive(task, at: now) }
            if done { change.changed.append(task.rawValue) } else { change.unchanged.append(task.rawValue) }
        }
        return change
    }

    /// Gives tasks up; nil for everything that is not delivered.
    public func drop(_ tasks: [TaskID]?) async throws(LedgerTrouble) -> OutboxChange {
        var change = OutboxChange()
        let now = wallClock.unixMilliseconds
        let chosen: [TaskID]
        if let tasks {
            chosen = tasks
        } else {
            chosen = try await ledger.tasks(in: [.accepted, .answered], limit: Self.all).map(\.id)
        }
        for task in chosen {
            let done =
                if let control { try await control.drop(task, at: now) } else { try await ledger.drop(task, at: now) }
            if done { change.changed.append(task.rawValue) } else { change.unchanged.append(task.rawValue) }
        }
        return change
    }

    private static let all = 1_000_000

    /// Verdicts since `since` (Unix milliseconds).
    public func feedback(since: Int64) async throws(LedgerTrouble) -> FeedbackReport {
        FeedbackReport(try await ledger.feedback(since: since))
    }

    /// Figures for the status. A ledger that cannot be read is one of them, not an error.
    func figures() async -> LedgerFigures {
        var figures = LedgerFigures()
        do {
            for (state, count) in try await ledger.counts() { figures.tasks[state.rawValue] = count }
            if let oldest = try await ledger.tasks(in: [.accepted, .answered], limit: 1).first {
                let age = wallClock.unixMilliseconds - oldest.entry.acceptedAt
                figures.oldestUndeliveredSeconds = Double(max(0, age)) / 1000
            }
        } catch {
            figures.trouble = "\(error)"
        }
        return figures
    }
}
