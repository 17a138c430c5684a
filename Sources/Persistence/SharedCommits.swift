import Dispatch
import Foundation
import GRDB
import Shared

/// Brings writes together: what comes while one transaction runs shares the next one, whoever asks for it, since a commit
/// costs nearly the same for one step as for a hundred.
///
/// After a transaction that carried many steps the next one begins a moment later, so that it carries more: under load most
/// of the cost is pages that are written again and again. One that carried few is followed at once.
final class SharedCommits: @unchecked Sendable {
    /// Steps of a transaction after which the next one waits for company.
    static let manySteps = 8
    /// How long it waits.
    private static let pause = DispatchTimeInterval.microseconds(500)

    /// One caller's share of a transaction.
    struct Share: Sendable {
        /// Steps that it writes.
        let steps: Int
        /// Writes them; returns what is to be called once they are committed.
        let work: @Sendable (Database) throws -> @Sendable () -> Void
        /// Hears that nothing of it was written.
        let fail: @Sendable (LedgerTrouble) -> Void
    }

    // The fields below are touched under `lock` alone.
    private let lock = NSLock()
    private var waiting: [Share] = []
    /// Whether a transaction runs, or is about to.
    private var isBusy = false

    private let pool: DatabasePool
    private let path: String
    private let timer = DispatchQueue(label: "ledger-commits")

    init(pool: DatabasePool, path: String) {
        self.pool = pool
        self.path = path
    }

    /// Writes the share with the next transaction. Shares keep the order in which they were added.
    func add(_ share: Share) {
        let begins = lock.withLock { () -> Bool in
            waiting.append(share)
            defer { isBusy = true }
            return !isBusy
        }
        if begins { pool.asyncWriteWithoutTransaction { self.write($0) } }
    }

    private func write(_ db: Database) {
        let shares = lock.withLock { () -> [Share] in
            defer { waiting = [] }
            return waiting
        }
        commit(shares, db)
        if shares.reduce(0, { $0 + $1.steps }) < Self.manySteps {
            goOn()
        } else {
            timer.asyncAfter(deadline: .now() + Self.pause) { self.goOn() }
        }
    }

    private func goOn() {
        let goesOn = lock.withLock { () -> Bool in
            isBusy = !waiting.isEmpty
            return isBusy
        }
        if goesOn { pool.asyncWriteWithoutTransaction { self.write($0) } }
    }

    private func commit(_ shares: [Share], _ db: Database) {
        do {
            for done in try transaction(shares, db) { done() }
        } catch {
            let trouble = LedgerFile.trouble(error, path: path, writing: true)
            // What fails for all would fail for each; what one of them has done wrong is not the others' fault.
            guard shares.count > 1, case .broken = trouble else { return shares.forEach { $0.fail(trouble) } }
            for share in shares { commit([share], db) }
        }
    }

    private func transaction(_ shares: [Share], _ db: Database) throws -> [@Sendable () -> Void] {
        var done: [@Sendable () -> Void] = []
        // A closed connection cannot even be asked whether it is inside a transaction.
        guard db.sqliteConnection != nil else { throw LedgerTrouble.broken("\(path) was closed") }
        if db.isInsideTransaction { try db.rollback() }
        try db.inTransaction(.immediate) {
            done = try shares.map { try $0.work(db) }
            return .commit
        }
        return done
    }
}
