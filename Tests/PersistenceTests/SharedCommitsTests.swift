import Dispatch
import GRDB
import Shared
import Testing

@testable import Persistence

/// Writes of several callers in one transaction.
@Suite struct SharedCommitsTests {
    /// Counts commits; GRDB calls it on the writer's queue alone.
    private final class Commits: TransactionObserver, @unchecked Sendable {
        var count = 0
        func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { true }
        func databaseDidChange(with event: DatabaseEvent) {}
        func databaseDidCommit(_ db: Database) { count += 1 }
        func databaseDidRollback(_ db: Database) {}
    }

    private static func insert(_ number: Int) -> @Sendable (Database) throws -> Void {
        { db in
            try db.execute(
                sql:
                    "INSERT INTO feedback (account, feedback_id, verdict, reasons, conversation_kind, conversation, sender, at)"
                    + " VALUES ('a', ?, 'like', '', 'direct', 'c', 's', 0)", arguments: ["\(number)"])
        }
    }

    /// Adds all of them while the writer is busy, so that they come together. Results in the order in which they came.
    private static func together(
        _ works: [@Sendable (Database) throws -> Void], steps: Int = 1, in ledger: SQLiteLedger,
        _ commits: SharedCommits? = nil
    ) async -> [(index: Int, trouble: LedgerTrouble?)] {
        let commits = commits ?? SharedCommits(pool: ledger.pool, path: "ledger")
        let (results, continuation) = AsyncStream.makeStream(of: (index: Int, trouble: LedgerTrouble?).self)
        let gate = DispatchSemaphore(value: 0)
        ledger.pool.asyncWriteWithoutTransaction { _ in gate.wait() }
        for (index, work) in works.enumerated() {
            commits.add(
                SharedCommits.Share(steps: steps) { db in
                    try work(db)
                    return { continuation.yield((index, nil)) }
                } fail: { trouble in
                    continuation.yield((index, trouble))
                })
        }
        gate.signal()
        var found: [(index: Int, trouble: LedgerTrouble?)] = []
        for await result in results {
            found.append(result)
            if found.count == works.count { break }
        }
        return found
    }

    private static func rows(_ ledger: SQLiteLedger) async throws -> [String] {
        try await ledger.pool.read { try String.fetchAll($0, sql: "SELECT feedback_id FROM feedback ORDER BY id") }
    }

    @Test("WS-15: what comes together is one commit, in order")
    func together() async throws {
        try await withSQLite { ledger, _ in
            let commits = Commits()
            ledger.pool.add(transactionObserver: commits)
            let results = await Self.together((0..<20).map(Self.insert), in: ledger)
            #expect(results.map(\.index) == Array(0..<20))
            #expect(results.allSatisfy { $0.trouble == nil })
            let rows = try await Self.rows(ledger)
            #expect(rows == (0..<20).map(String.init))
            let count = try await ledger.pool.writeWithoutTransaction { _ in commits.count }
            #expect(count == 1)
        }
    }

    @Test("WS-15: what one caller does wrong fails for that one alone", arguments: [0, 3, 5])
    func oneIsWrong(position: Int) async throws {
        try await withSQLite { ledger, _ in
            var works = (0..<6).map(Self.insert)
            works[position] = { db in
                // Written, and then wrong: nothing of it may stay.
                try Self.insert(99)(db)
                try db.execute(sql: "INSERT INTO task (id) VALUES (NULL)")
            }
            let results = await Self.together(works, in: ledger)
            for (index, trouble) in results { #expect((trouble != nil) == (index == position)) }
            let rows = try await Self.rows(ledger)
            #expect(rows == (0..<6).filter { $0 != position }.map(String.init))
        }
    }

    @Test("WS-15: after a full transaction the next one waits for company, and still comes")
    func fullOnes() async throws {
        try await withSQLite { ledger, _ in
            let commits = SharedCommits(pool: ledger.pool, path: "ledger")
            for round in 0..<5 {
                let works = (0..<4).map { Self.insert(round * 4 + $0) }
                _ = await Self.together(works, steps: SharedCommits.manySteps, in: ledger, commits)
            }
            let rows = try await Self.rows(ledger)
            #expect(rows.count == 20)
        }
    }

    @Test("WS-15: a file that was closed is said to every caller")
    func closed() async throws {
        try await withSQLite { ledger, _ in
            ledger.close()
            let results = await Self.together([Self.insert(1), Self.insert(2)], in: ledger)
            #expect(results.count == 2)
            for (_, trouble) in results {
                guard case .broken? = trouble else { return #expect(Bool(false), "written to a closed file") }
            }
        }
    }

    @Test("WS-15: the end writes what was added, and takes nothing more")
    func end() async throws {
        try await withSQLite { ledger, _ in
            let commits = SharedCommits(pool: ledger.pool, path: "ledger")
            let (results, continuation) = AsyncStream.makeStream(of: LedgerTrouble?.self)
            let share = { @Sendable (number: Int) in
                SharedCommits.Share(steps: 1) { db in
                    try Self.insert(number)(db)
                    return { continuation.yield(nil) }
                } fail: { trouble in
                    continuation.yield(trouble)
                }
            }
            let gate = DispatchSemaphore(value: 0)
            ledger.pool.asyncWriteWithoutTransaction { _ in gate.wait() }
            for number in 0..<3 { commits.add(share(number)) }
            DispatchQueue.global().async { gate.signal() }
            commits.end()
            commits.add(share(3))
            var found: [LedgerTrouble?] = []
            for await result in results {
                found.append(result)
                if found.count == 4 { break }
            }
            #expect(found == [nil, nil, nil, .broken("ledger was closed")])
            let rows = try await Self.rows(ledger)
            #expect(rows == ["0", "1", "2"])
        }
    }
}
