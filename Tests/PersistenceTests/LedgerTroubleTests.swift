import Foundation
import GRDB
import Shared
import Testing

@testable import Persistence

/// What is said when the file cannot be used, and that it works again when the cause is gone.
@Suite struct LedgerTroubleTests {
    /// A connection that may hold its lock between two calls.
    private static func lockable(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    @Test("WS-15: a full disk is said, nothing of the batch is kept, and the next call works once there is space")
    func full() async throws {
        try await withSQLite { ledger, _ in
            let id = try await ledger.begin(entry("m1"))
            let pages = try await ledger.pool.writeWithoutTransaction { db in
                let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
                try db.execute(sql: "PRAGMA max_page_count = \(pages + 2)")
                return pages
            }
            let long = String(repeating: "x", count: 200_000)
            for _ in 0..<3 {
                await #expect(throws: LedgerTrouble.full) { try await ledger.accept([entry("m2"), entry("m3", long)]) }
                await #expect(throws: LedgerTrouble.full) { try await ledger.write([answered(id, [.text(long)])]) }
            }
            #expect(try await ledger.counts() == [.accepted: 1, .answered: 0, .done: 0, .dead: 0])
            try await ledger.pool.writeWithoutTransaction {
                try $0.execute(sql: "PRAGMA max_page_count = \(pages + 10_000)")
            }
            try await ledger.write([answered(id, [.text(long)])])
            _ = try await ledger.begin(entry("m2"))
            #expect(try await ledger.counts() == [.accepted: 1, .answered: 1, .done: 0, .dead: 0])
        }
    }

    @Test("WS-15: a lock of another connection is said, and the next call works once it is gone")
    func busy() async throws {
        try await withSQLite(busySeconds: 0.05) { ledger, file in
            let id = try await ledger.begin(entry("m1"))
            let other = try Self.lockable(file.path)
            try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
            await #expect(throws: LedgerTrouble.busy) { try await ledger.accept([entry("m2")]) }
            await #expect(throws: LedgerTrouble.busy) { try await ledger.write([answered(id)]) }
            #expect(try await ledger.counts()[.accepted] == 1)
            try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
            try await ledger.write([answered(id)])
            _ = try await ledger.begin(entry("m2"))
            #expect(try await ledger.counts() == [.accepted: 1, .answered: 1, .done: 0, .dead: 0])
            try other.close()
        }
    }

    @Test("WS-15: a short lock is waited for")
    func shortLock() async throws {
        try await withSQLite { ledger, file in
            let other = try Self.lockable(file.path)
            try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
            async let id = ledger.begin(entry("m1"))
            try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
            #expect(try await id == TaskID(1))
            try other.close()
        }
    }

    @Test("WS-15: a damaged file is refused with its path and what to do, and is left as it is")
    func damaged() throws {
        let file = LedgerPath()
        defer { file.remove() }
        let bytes = Data("no database, whatever its name says\n".utf8) + Data(repeating: 7, count: 9_000)
        try bytes.write(to: URL(fileURLWithPath: file.path))
        let trouble = try #require(throws: LedgerTrouble.self) { try SQLiteLedger(path: file.path) }
        #expect(
            trouble.description.contains(file.path + " is damaged")
                && trouble.description.contains("move the file away"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)) == bytes)
    }

    @Test("WS-15: damage inside the file is said with its path when it is met")
    func damagedInside() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        do {
            let ledger = try SQLiteLedger(path: file.path)
            _ = try await ledger.accept((0..<200).map { entry("m\($0)", String(repeating: "text ", count: 100)) })
            ledger.close()
        }
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file.path))
        for position in stride(from: 40_960, to: bytes.count, by: 4_096) {
            bytes.replaceSubrange(position..<position + 64, with: Data(repeating: 0xEE, count: 64))
        }
        try bytes.write(to: URL(fileURLWithPath: file.path))
        let ledger = try SQLiteLedger(path: file.path)
        defer { ledger.close() }
        let trouble = await #expect(throws: LedgerTrouble.self) { try await ledger.unfinished(account: bot) }
        #expect(trouble?.description.contains(file.path + " is damaged") == true, "\(String(describing: trouble))")
    }

    @Test("WS-15: everything is in the one file once it was closed")
    func oneFile() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        let ledger = try SQLiteLedger(path: file.path)
        _ = try await ledger.begin(entry("m1"))
        _ = try await ledger.counts()
        ledger.close()
        for suffix in ["-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: file.path + suffix)
        }
        let again = try SQLiteLedger(path: file.path)
        defer { again.close() }
        #expect(try await again.task("m1") != nil)
    }

    @Test(
        "WS-15: a row that cannot be understood is named by its number, without its text, and keeps no other from being read",
        arguments: [
            "UPDATE text SET body = '{\"private\":1}' WHERE id = 1", "DELETE FROM text WHERE id = 1",
            "UPDATE task SET origin = 'elsewhere' WHERE id = 1",
            "INSERT INTO part (task, idx, kind, state, attempts, content) VALUES (1, 0, 'text', 'elsewhere', 0, 'private')",
        ])
    func unreadable(damage: String) async throws {
        try await withSQLite { ledger, _ in
            let first = try await ledger.begin(entry("m1"))
            let second = try await ledger.begin(entry("m2"))
            try await ledger.pool.write { try $0.execute(sql: damage) }
            let open = try await ledger.unfinished(account: bot)
            #expect(open.map(\.id) == [first, second] && open.map(\.isReadable) == [false, true])
            let standIn = try #require(try await ledger.task("m1"))
            #expect(standIn.reason == "its row in the ledger cannot be read" && standIn.state == .accepted)
            #expect(
                standIn.entry.message.account == bot && standIn.entry.message.parts.isEmpty && standIn.parts.isEmpty)
            #expect(standIn.entry.route.conversation == chat)
            try await ledger.write([.finished(first, reason: LedgerTask.unreadable, at: 9)])
            #expect(try await ledger.unfinished(account: bot).map(\.id) == [second])
            #expect(try await ledger.tasks(in: [.dead], limit: 9).map(\.finishedAt) == [9])
        }
    }

    @Test("WS-15, P31: what an earlier run left is found while another process holds the lock")
    func unfinishedWhileBusy() async throws {
        try await withSQLite(busySeconds: 0.05) { ledger, file in
            let id = try await ledger.begin(entry("m1"))
            try await ledger.write([answered(id), .part(id, index: 0, .sent(.push), at: 3)])
            let other = try Self.lockable(file.path)
            try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
            let open = try await ledger.unfinished(account: bot)
            #expect(open.first?.parts.map(\.state) == [.unknown] && open.first?.parts.map(\.doubts) == [1])
            try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
            try other.close()
        }
    }

    @Test("WS-15: a file of a newer version is refused and left as it is")
    func newer() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        do {
            let ledger = try SQLiteLedger(path: file.path)
            try await ledger.pool.write { db in
                try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('2-later')")
            }
            ledger.close()
        }
        let trouble = try #require(throws: LedgerTrouble.self) { try SQLiteLedger(path: file.path) }
        #expect(trouble.description.contains("\(file.path) was written by a newer version"))
    }

    @Test("WS-15: a folder that does not exist is said with the path")
    func noFolder() throws {
        let path = NSTemporaryDirectory() + "/wecom-no-such-\(UUID().uuidString)/ledger.sqlite"
        let trouble = try #require(throws: LedgerTrouble.self) { try SQLiteLedger(path: path) }
        #expect(trouble == .broken("\(path) cannot be opened: No such file or directory"))
    }

    @Test("WS-15: errors hold no text of messages")
    func noText() async throws {
        try await withSQLite { ledger, _ in
            let id = try await ledger.begin(entry("m1"))
            try await ledger.pool.write { try $0.execute(sql: "DROP TABLE part") }
            let trouble = await #expect(throws: LedgerTrouble.self) {
                try await ledger.write([answered(id, [.text("a secret")])])
            }
            guard case .broken(let words) = trouble else {
                Issue.record("\(String(describing: trouble))")
                return
            }
            #expect(!words.contains("secret") && !words.contains("INSERT"))
        }
    }

    @Test("WS-15: the file and its neighbours are for their owner only")
    func modes() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        _ = FileManager.default.createFile(atPath: file.path, contents: nil, attributes: [.posixPermissions: 0o644])
        let ledger = try SQLiteLedger(path: file.path)
        defer { ledger.close() }
        _ = try await ledger.begin(entry("m1"))
        for suffix in ["", "-wal", "-shm"] { #expect(try file.mode(suffix) == 0o600, "\(suffix)") }
    }

    @Test("WS-15: commits wait for the disk as asked", arguments: [SQLiteLedger.Synchronous.full, .normal])
    func synchronous(mode: SQLiteLedger.Synchronous) async throws {
        let file = LedgerPath()
        defer { file.remove() }
        let ledger = try SQLiteLedger(path: file.path, synchronous: mode)
        defer { ledger.close() }
        let pragmas = try await ledger.pool.writeWithoutTransaction { db in
            try ["synchronous", "journal_mode", "foreign_keys"].map { try String.fetchOne(db, sql: "PRAGMA \($0)") }
        }
        #expect(pragmas == [mode == .full ? "2" : "1", "wal", "1"])
    }
}
