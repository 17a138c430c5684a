import Foundation
import GRDB
import Shared
import Testing

@testable import Persistence

/// What only the ledger in a file promises.
@Suite struct SQLiteLedgerTests {
    @Test("WS-15: what was written is there after the file was closed and opened")
    func reopen() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        var before: [LedgerTask] = []
        do {
            let ledger = try SQLiteLedger(path: file.path)
            let id = try await ledger.begin(entry("m1"))
            _ = try await ledger.begin(entry("m2"))
            try await ledger.write([answered(id, [.text("a"), .text("b")]), .part(id, index: 0, .sent(.push), at: 3)])
            try await ledger.remember(SentCard(taskID: "t", account: bot, conversation: chat, json: "{}", sentAt: 1))
            _ = try await ledger.resetSession(account: bot, conversation: group, at: 1)
            before = try await ledger.tasks(in: [.accepted, .answered], limit: 9)
            ledger.close()
        }
        let ledger = try SQLiteLedger(path: file.path)
        defer { ledger.close() }
        #expect(before.count == 2)
        #expect(try await ledger.tasks(in: [.accepted, .answered], limit: 9) == before)
        #expect(try await ledger.accept([entry("m1")]) == [.known(before[0].id)])
        #expect(try await ledger.card(taskID: "t", account: bot) != nil)
        #expect(try await ledger.session(account: bot, conversation: group) == 1)
        #expect(try await ledger.unfinished(account: bot).first?.parts.map(\.state) == [.unknown, .pending])
    }

    @Test("WS-15: a task id is never used twice, not even after everything was removed")
    func numbers() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        var first = TaskID(0)
        do {
            let ledger = try SQLiteLedger(path: file.path)
            first = try await ledger.begin(entry("m1"))
            try await ledger.write([.finished(first, reason: nil, at: 1)])
            try await ledger.prune(before: 2, cardsBefore: 0)
            ledger.close()
        }
        let ledger = try SQLiteLedger(path: file.path)
        defer { ledger.close() }
        #expect(try await ledger.begin(entry("m1")) > first)
    }

    @Test("WS-15: a call after the end is an error, and so is one of a closed file")
    func closed() async throws {
        try await withSQLite { ledger, _ in
            ledger.close()
            ledger.close()
            await #expect(throws: LedgerTrouble.self) { try await ledger.accept([entry("m1")]) }
            await #expect(throws: LedgerTrouble.self) { try await ledger.counts() }
        }
    }

    @Test("WS-15: writers of many tasks do not disturb each other")
    func concurrency() async throws {
        try await withSQLite { ledger, _ in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for writer in 0..<16 {
                    tasks.addTask {
                        for turn in 0..<12 {
                            // Every id is offered by two writers.
                            let results = try await ledger.accept([
                                entry("m\(writer / 2)-\(turn)"), entry("x\(writer)-\(turn)"),
                            ])
                            for case .accepted(let id) in results {
                                try await ledger.write([answered(id)])
                                try await ledger.write([
                                    .part(id, index: 0, .acked, at: 5), .finished(id, reason: nil, at: 6),
                                ])
                            }
                            _ = try await ledger.history(account: bot, conversation: chat, limit: 5)
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(try await ledger.counts() == [.accepted: 0, .answered: 0, .done: 16 * 12 + 8 * 12, .dead: 0])
        }
    }

    @Test("WS-15: a step of a cancelled task is written all the same")
    func cancelled() async throws {
        try await withSQLite { ledger, _ in
            let id = try await ledger.begin(entry("m1"))
            await withTaskGroup(of: Void.self) { tasks in
                tasks.cancelAll()
                tasks.addTask {
                    #expect(Task.isCancelled)
                    await #expect(throws: Never.self) { try await ledger.write([answered(id)]) }
                    await #expect(throws: Never.self) { try await ledger.begin(entry("m2")) }
                    await #expect(throws: Never.self) { try await ledger.counts() }
                }
            }
            #expect(try await ledger.counts() == [.accepted: 1, .answered: 1, .done: 0, .dead: 0])
        }
    }

    @Test("WS-15: an answer with a NUL character keeps what follows it")
    func nul() async throws {
        try await withSQLite { ledger, _ in
            let id = try await ledger.begin(entry("m1"))
            try await ledger.write([
                .answered(id, answer: "a\0b", failure: nil, parts: [.text("a\0b")], firstPart: 0, at: 2),
                .part(id, index: 0, .dead(reason: "c\0d"), at: 3),
            ])
            let task = try #require(try await ledger.task("m1"))
            #expect(task.answer == "ab" && task.parts.map(\.content) == [.text("ab")])
            #expect(task.parts.map(\.reason) == ["cd"])
        }
    }

    @Test("WS-15: retention removes any number of tasks")
    func largePrune() async throws {
        try await withSQLite { ledger, _ in
            let results = try await ledger.accept((0..<1_203).map { entry("m\($0)") })
            try await ledger.write(
                results.flatMap { result -> [LedgerTransition] in
                    guard case .accepted(let id) = result else { return [] }
                    return [answered(id), .finished(id, reason: nil, at: id.rawValue)]
                })
            try await ledger.prune(before: 1_202, cardsBefore: 0)
            #expect(try await ledger.counts()[.done] == 2)
            let left = try await ledger.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM part") }
            #expect(left == 2)
        }
    }

    @Test("WS-15: texts go with their task, and one that comes twice leaves none")
    func texts() async throws {
        try await withSQLite { ledger, _ in
            func texts() async throws -> [String] {
                try await ledger.pool.read { try String.fetchAll($0, sql: "SELECT body FROM text ORDER BY id") }
            }
            let old = try await ledger.begin(entry("old"))
            let young = try await ledger.begin(entry("young"))
            _ = try await ledger.accept([entry("old"), entry("young")])
            try await ledger.write([
                answered(young), answered(old), answered(old), .fetched(old, message("old", "new")),
            ])
            #expect(try await texts().count == 4)
            #expect(try await ledger.task("old")?.entry.message.text == "new")
            try await ledger.write([.finished(old, reason: nil, at: 1), .finished(young, reason: nil, at: 5)])
            try await ledger.write([.fetched(old, message("old", "late"))])
            try await ledger.prune(before: 2, cardsBefore: 0)
            #expect(try await texts().count == 2)
            #expect(try await ledger.task("young")?.answer == "hi")
            try await ledger.prune(before: 6, cardsBefore: 0)
            #expect(try await texts().isEmpty)
            let next = try await ledger.begin(entry("next"))
            try await ledger.write([answered(next)])
            #expect(try await ledger.task("next")?.answer == "hi")
        }
    }

    @Test("WS-15: a ledger that nobody closed ends its thread with itself", .timeLimit(.minutes(1)))
    func notClosed() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        weak var pool: DatabasePool?
        do {
            let ledger = try SQLiteLedger(path: file.path)
            _ = try await ledger.begin(entry("m1"))
            pool = ledger.pool
        }
        // The thread keeps it while it lives.
        while pool != nil { await Task.yield() }
        let again = try SQLiteLedger(path: file.path)
        defer { again.close() }
        #expect(try await again.task("m1") != nil)
    }

    @Test("WS-15: the message id of a known entry is found by index, and so is what is to be done")
    func indexes() async throws {
        try await withSQLite { ledger, _ in
            let plans = try await ledger.pool.read { db in
                try [
                    "SELECT id FROM task WHERE msgid = 'a' AND account = 'b'",
                    "SELECT id FROM task WHERE msgid = 'a' ORDER BY id",
                    "SELECT id FROM task WHERE account = 'a' AND finished_at IS NULL ORDER BY id",
                    "SELECT id FROM task WHERE account = 'a' AND conversation = 'c' AND conversation_kind = 'direct' ORDER BY id DESC",
                    "SELECT id FROM task WHERE state IN ('done', 'dead') AND finished_at < 5",
                    LedgerReader.ids(in: [.dead]),
                    "SELECT id FROM task WHERE stream = 's' AND account = 'a' ORDER BY id DESC",
                ].map { sql in
                    try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + sql).map { $0["detail"] as String? ?? "" }
                }
            }
            let names = [
                "task_msgid", "task_msgid", "task_unfinished", "task_conversation", "task_ended", "task_ended",
                "task_stream",
            ]
            for (plan, name) in zip(plans, names) {
                #expect(plan.contains { $0.hasPrefix("SEARCH") && $0.contains(name) }, "\(plan)")
            }
            for plan in [plans[2], plans[3]] {
                #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
            }
        }
    }
}
