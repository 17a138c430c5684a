import Foundation
import GRDB
public import Shared

/// Ledger in one SQLite file, for one process. What a call has written is there when the call returns; each `accept` and
/// each `write` is part of one transaction, so a batch costs one commit at most.
///
/// The file and its `-wal` and `-shm` neighbours are readable by their owner alone. They can be looked at with the
/// `sqlite3` shell while the program runs: tables `task`, `text`, `part`, `session`, `card`, `feedback`.
public final class SQLiteLedger: LedgerStore {
    /// How hard a commit pushes its bytes to the disk.
    public enum Synchronous: String, Sendable {
        /// Every commit waits for the disk. Survives the death of the process and a power cut. A commit costs what a flush of
        /// the disk costs, some milliseconds on many machines.
        case full = "FULL"
        /// Commits wait for nothing; the disk is awaited at checkpoints. Survives the death of the process (also `kill -9`)
        /// with everything that was written; after a power cut or a crash of the system the last commits may be missing,
        /// and the file is whole.
        case normal = "NORMAL"
    }

    /// Outlives the process.
    public let isDurable = true

    let pool: DatabasePool
    let path: String
    let statements = LedgerStatements()
    private let commits: SharedCommits

    /// Opens a ledger, and makes it when there is none.
    ///
    /// - Parameters:
    ///   - path: file; its folder exists.
    ///   - synchronous: what a commit survives.
    ///   - migrates: whether a file of an earlier version is brought up to date. Only whoever holds the state folder may
    ///     want that.
    /// - Throws: `.broken` with the path and what to do when the file is damaged, of another version, or cannot be opened.
    public convenience init(
        path: String, synchronous: Synchronous = .normal, migrates: Bool = true
    ) throws(LedgerTrouble) {
        try self.init(path: path, synchronous: synchronous, migrates: migrates, busySeconds: 5)
    }

    /// - Parameter busySeconds: how long a lock of another process is waited for.
    init(
        path: String, synchronous: Synchronous, migrates: Bool = true, busySeconds: Double
    ) throws(LedgerTrouble) {
        self.path = path
        do {
            try LedgerFile.prepare(path)
            var configuration = Configuration()
            configuration.busyMode = .timeout(busySeconds)
            configuration.foreignKeysEnabled = true
            // Else GRDB stops the program when even a rollback failed; here the next call begins with one.
            configuration.allowsUnsafeTransactions = true
            // Of a new file. A message changes a few bytes here and there, and whole pages are written.
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA page_size = 2048") }
            pool = try DatabasePool(path: path, configuration: configuration)
            commits = SharedCommits(pool: pool, path: path)
            guard try !pool.read(LedgerSchema.migrator.hasBeenSuperseded) else { throw LedgerFile.newer(path) }
            if migrates {
                try LedgerSchema.migrator.migrate(pool)
            } else if try !pool.read(LedgerSchema.migrator.hasCompletedMigrations) {
                throw LedgerFile.older(path)
            }
            try pool.writeWithoutTransaction { db in
                let pageSize = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 4_096
                try db.execute(sql: Self.settings(synchronous, pageSize: pageSize))
            }
        } catch {
            throw LedgerFile.trouble(error, path: path, writing: true)
        }
    }

    /// Settings of the writer, after the pool's own set-up, which chooses NORMAL. Pages that every message touches are
    /// copied into the database once per 16 MiB of log. 1 MB of pages stays in memory: enough for those, and little beside
    /// the program.
    private static func settings(_ synchronous: Synchronous, pageSize: Int) -> String {
        """
        PRAGMA synchronous = \(synchronous.rawValue);
        PRAGMA wal_autocheckpoint = \((16 << 20) / pageSize);
        PRAGMA cache_size = -1000;
        """
    }

    /// Closes the file after what is under way; later calls throw. What was written stays.
    public func close() {
        commits.end()
        // The pool closes its readers last, and those leave the log beside the file; not needed, and still tidier without.
        try? pool.writeWithoutTransaction { db in
            statements.clear()
            if db.sqliteConnection != nil { _ = try db.checkpoint(.truncate) }
        }
        try? pool.close()
    }

    // MARK: Work on the writer and on the readers

    /// Part of one transaction. GRDB's own asynchronous calls end when the task is cancelled; what is to be durable must not.
    ///
    /// - Parameter steps: how much it writes.
    func write<Value: Sendable>(
        steps: Int = 1, _ work: @escaping @Sendable (Database) throws -> Value
    ) async throws(LedgerTrouble) -> Value {
        let result: Result<Value, LedgerTrouble> = await withCheckedContinuation { continuation in
            let share = SharedCommits.Share(steps: steps) { db in
                let value = try work(db)
                return { continuation.resume(returning: .success(value)) }
            } fail: { trouble in
                continuation.resume(returning: .failure(trouble))
            }
            commits.add(share)
        }
        return try result.get()
    }

    /// One look at the state as it is now.
    func read<Value: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Value
    ) async throws(LedgerTrouble) -> Value {
        let path = path
        let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
            pool.asyncRead { db in continuation.resume(returning: Result { try work(db.get()) }) }
        }
        do { return try result.get() } catch { throw LedgerFile.trouble(error, path: path, writing: false) }
    }
}
