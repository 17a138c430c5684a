import Foundation
import GRDB
import Shared

/// Brings writes together: what comes while one transaction runs shares the next one, whoever asks for it, since a commit
/// costs nearly the same for one step as for a hundred.
///
/// After a transaction that carried many steps the next one begins a moment later, so that it carries more: under load most
/// of the cost is pages that are written again and again. One that carried few is followed at once.
///
/// A thread of its own writes: nothing is handed from thread to thread, and its pause needs no timer. It begins with the
/// first share and ends with `end`, or with this object.
final class SharedCommits: Sendable {
    /// Steps of a transaction after which the next one waits for company.
    static let manySteps = 8

    /// One caller's share of a transaction.
    struct Share: Sendable {
        /// Steps that it writes.
        let steps: Int
        /// Writes them; returns what is to be called once they are committed.
        let work: @Sendable (Database) throws -> @Sendable () -> Void
        /// Hears that nothing of it was written.
        let fail: @Sendable (LedgerTrouble) -> Void
    }

    private let thread: CommitThread

    init(pool: DatabasePool, path: String) { thread = CommitThread(pool: pool, path: path) }

    deinit { thread.end(waits: false) }

    /// Writes the share with the next transaction. Shares keep the order in which they were added.
    func add(_ share: Share) { thread.add(share) }

    /// Writes what was added and ends the thread; returns when it has ended. What is added later fails.
    func end() { thread.end(waits: true) }
}

/// What the thread knows. It keeps this alive, not the `SharedCommits` that owns it.
private final class CommitThread: @unchecked Sendable {
    private enum Life {
        /// Nothing was added yet.
        case new
        case running
        case ending
        case ended
    }

    /// How long the next transaction waits after a full one.
    private static let pauseMicroseconds: UInt32 = 500

    // The fields below are touched under `condition` alone.
    private let condition = NSCondition()
    private var waiting: [SharedCommits.Share] = []
    private var life = Life.new
    /// Whether the thread waits to be told.
    private var isIdle = false

    private let pool: DatabasePool
    private let path: String

    init(pool: DatabasePool, path: String) {
        self.pool = pool
        self.path = path
    }

    func add(_ share: SharedCommits.Share) {
        condition.lock()
        guard life == .new || life == .running else {
            condition.unlock()
            return share.fail(closed)
        }
        waiting.append(share)
        let isFirst = life == .new
        life = .running
        if isIdle { condition.broadcast() }
        condition.unlock()
        if isFirst { start() }
    }

    func end(waits: Bool) {
        condition.lock()
        switch life {
        case .new: life = .ended
        case .running: life = .ending
        case .ending, .ended: break
        }
        condition.broadcast()
        while waits, life != .ended { condition.wait() }
        condition.unlock()
    }

    private var closed: LedgerTrouble { .broken("\(path) was closed") }

    private func start() {
        let thread = Thread { [self] in run() }
        thread.name = "ledger"
        thread.start()
    }

    private func run() {
        while awaitShares() {
            let steps = pool.writeWithoutTransaction { db in
                // Taken only now: what came while somebody else had the writer comes along.
                let shares = takeShares()
                commit(shares, db)
                return shares.reduce(0) { $0 + $1.steps }
            }
            if steps >= SharedCommits.manySteps { usleep(Self.pauseMicroseconds) }
        }
    }

    /// False at the end, when everything is written.
    private func awaitShares() -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while waiting.isEmpty {
            guard life == .running else {
                life = .ended
                condition.broadcast()
                return false
            }
            isIdle = true
            condition.wait()
            isIdle = false
        }
        return true
    }

    private func takeShares() -> [SharedCommits.Share] {
        condition.lock()
        defer { condition.unlock() }
        defer { waiting = [] }
        return waiting
    }

    private func commit(_ shares: [SharedCommits.Share], _ db: Database) {
        do {
            for done in try transaction(shares, db) { done() }
        } catch {
            let trouble = LedgerFile.trouble(error, path: path, writing: true)
            // What fails for all would fail for each; what one of them has done wrong is not the others' fault.
            guard shares.count > 1, case .broken = trouble else { return shares.forEach { $0.fail(trouble) } }
            for share in shares { commit([share], db) }
        }
    }

    private func transaction(_ shares: [SharedCommits.Share], _ db: Database) throws -> [@Sendable () -> Void] {
        // A closed connection cannot even be asked whether it is inside a transaction.
        guard db.sqliteConnection != nil else { throw closed }
        if db.isInsideTransaction { try db.rollback() }
        try db.cachedStatement(sql: "BEGIN IMMEDIATE TRANSACTION").execute()
        do {
            let done = try shares.map { share in
                let done = try share.work(db)
                // Some errors of SQLite end the transaction; nothing may be written outside of one.
                guard db.isInsideTransaction else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
                return done
            }
            try db.cachedStatement(sql: "COMMIT TRANSACTION").execute()
            return done
        } catch {
            try? db.rollback()
            throw error
        }
    }
}
