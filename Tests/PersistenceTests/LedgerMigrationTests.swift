import Foundation
import GRDB
import Shared
import Testing

@testable import Persistence

/// Files of earlier versions.
@Suite struct LedgerMigrationTests {
    /// A file as the version before "3-texts" left it: one task ended, one answered, one accepted, one refused; the newest
    /// one, number 5, was removed.
    private static func earlier(_ path: String) throws {
        let queue = try DatabaseQueue(path: path)
        try LedgerSchema.migrator.migrate(queue, upTo: "2-callbacks")
        try queue.write { db in
            for (id, state, answer, reason, finished) in [
                (1, "done", "first answer", nil, 40), (2, "answered", "second answer", "time-out", nil),
                (3, "accepted", nil, nil, nil), (4, "dead", nil, "policy", 30), (5, "done", "gone", nil, 50),
            ] as [(Int, String, String?, String?, Int?)] {
                let text = try MessageJSON.encode(message("m\(id)", "question \(id)", at: Int64(id)))
                try db.execute(
                    sql: """
                        INSERT INTO task (account, msgid, conversation_kind, conversation, session, origin, state,
                            accepted_at, answered_at, finished_at, attempts, bubbles, bubble_opened_at, handed_over,
                            stream, route_key, takes_replies, refusal, reason, shown, message, answer, late_url, late_until)
                        VALUES ('bot', ?, 'direct', 'lin.wei', 0, 'message', ?, ?, ?, ?, 2, 3, 8, 1, ?, ?, 1, ?, ?, 'a b',
                            ?, ?, 'https://example.com/late', 99)
                        """,
                    arguments: [
                        "m\(id)", state, id, answer == nil ? nil : 20 + id, finished, "s_m\(id)", "req-m\(id)",
                        state == "dead" ? reason : nil, reason, text, answer,
                    ])
            }
            try db.execute(
                sql: """
                    INSERT INTO part (task, idx, kind, state, attempts, content) VALUES (1, 0, 'answer', 'acked', 1, ''),
                        (2, 0, 'answer', 'sent', 1, ''), (2, 1, 'text', 'pending', 0, 'more'), (5, 0, 'answer', 'acked', 1, '');
                    INSERT INTO task_file (task, path) VALUES (1, '/m/one'), (5, '/m/five');
                    DELETE FROM task WHERE id = 5;
                    """)
        }
        try queue.close()
    }

    @Test("WS-15: tasks, parts, files and the last number of an earlier file are there after the texts moved")
    func texts() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        try Self.earlier(file.path)
        let ledger = try SQLiteLedger(path: file.path)
        defer { ledger.close() }
        let tasks = try await ledger.tasks(in: Set(TaskState.allCases), limit: 9)
        #expect(tasks.map(\.id.rawValue) == [1, 2, 3, 4])
        #expect(tasks.map(\.state) == [.done, .answered, .accepted, .dead])
        #expect(tasks.map(\.entry.message.text) == (1...4).map { "question \($0)" })
        #expect(tasks.map(\.answer) == ["first answer", "second answer", nil, nil])
        #expect(tasks.map(\.reason) == [nil, "time-out", nil, "policy"])
        #expect(tasks.map(\.entry.refusal) == [nil, nil, nil, "policy"])
        #expect(tasks.map(\.answeredAt) == [21, 22, nil, nil] && tasks.map(\.finishedAt) == [40, nil, nil, 30])
        #expect(tasks.map(\.entry.acceptedAt) == [1, 2, 3, 4] && tasks.map(\.entry.stream).last == "s_m4")
        #expect(tasks.allSatisfy { $0.attempts == 2 && $0.bubbles == 3 && $0.bubbleOpenedAt == 8 && $0.isHandedOver })
        #expect(tasks.allSatisfy { $0.shown == ["a", "b"] && $0.entry.route.late?.expiresAt == 99 })
        #expect(tasks[0].parts.map(\.content) == [.text("first answer")])
        #expect(tasks[1].parts.map(\.content) == [.text("second answer"), .text("more")])
        #expect(try await ledger.unfinished(account: bot).map(\.id.rawValue) == [2, 3])
        #expect(try await ledger.history(account: bot, conversation: chat, limit: 9).count == 4)
        #expect(try await ledger.accept([entry("m1")]) == [.known(TaskID(1))])
        let broken = try await ledger.pool.read { try Row.fetchAll($0, sql: "PRAGMA foreign_key_check").count }
        #expect(broken == 0)
    }

    @Test("WS-15: an earlier file is written on: numbers, steps, retention")
    func goesOn() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        try Self.earlier(file.path)
        let ledger = try SQLiteLedger(path: file.path)
        defer { ledger.close() }
        let next = try await ledger.begin(entry("m5"))
        #expect(next.rawValue == 6)
        try await ledger.write([
            answered(TaskID(3)), .part(TaskID(2), index: 1, .acked, at: 45), .finished(TaskID(2), reason: nil, at: 45),
        ])
        #expect(try await ledger.task("m3")?.answer == "hi")
        #expect(try await ledger.task("m2")?.answer == "second answer")
        try await ledger.prune(before: 46, cardsBefore: 0)
        let left = try await ledger.pool.read { db in
            try ["text", "part", "task_file"].map { try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0)") }
        }
        #expect(left == [3, 1, 0])
        #expect(try await ledger.task("m3")?.entry.message.text == "question 3")
    }

    @Test("WS-15: doubts of an earlier file: one for what nobody knows the outcome of")
    func doubts() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        let queue = try DatabaseQueue(path: file.path)
        try LedgerSchema.migrator.migrate(queue, upTo: "3-texts")
        try await queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO text (id, body) VALUES (1, ?);
                    INSERT INTO task (id, account, msgid, conversation_kind, conversation, session, origin, state, accepted_at,
                        attempts, bubbles, bubble_opened_at, handed_over, takes_replies, message, stream, route_key)
                    VALUES (1, 'bot', 'm1', 'direct', 'lin.wei', 0, 'message', 'answered', 1, 1, 1, 1, 0, 1, 1, 's', 'r');
                    INSERT INTO part (task, idx, kind, state, attempts, content)
                    VALUES (1, 0, 'text', 'unknown', 3, 'a'), (1, 1, 'text', 'sent', 1, 'b'), (1, 2, 'text', 'pending', 2, 'c');
                    """, arguments: [try MessageJSON.encode(message("m1"))])
        }
        try queue.close()
        let ledger = try SQLiteLedger(path: file.path)
        defer { ledger.close() }
        #expect(try await ledger.unfinished(account: bot).first?.parts.map(\.doubts) == [1, 1, 0])
    }

    @Test("WS-15, GW-12: who only reads leaves an earlier file as it is, and says what brings it up to date")
    func reader() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        try Self.earlier(file.path)
        let trouble = #expect(throws: LedgerTrouble.self) { try SQLiteLedger(path: file.path, migrates: false) }
        #expect(trouble?.description.contains("`wecom-aibot run` brings it up to date") == true)
        let queue = try DatabaseQueue(path: file.path)
        #expect(try await queue.read(LedgerSchema.migrator.completedMigrations).last == "2-callbacks")
        try queue.close()
        try SQLiteLedger(path: file.path).close()
        let reader = try SQLiteLedger(path: file.path, migrates: false)
        defer { reader.close() }
        #expect(try await reader.counts()[.done] == 1)
    }

    @Test("WS-15: an empty file of an earlier version is written on")
    func empty() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        let queue = try DatabaseQueue(path: file.path)
        try LedgerSchema.migrator.migrate(queue, upTo: "2-callbacks")
        try queue.close()
        let ledger = try SQLiteLedger(path: file.path)
        defer { ledger.close() }
        #expect(try await ledger.begin(entry("m1")).rawValue == 1)
    }
}
