import Shared
import Testing

/// What both stores promise: history, quota, cards, verdicts, and what the operator asks for.
@Suite struct LedgerQueryTests {
    @Test("GW-6: the history has both sides, the newest of them, oldest first", arguments: StoreKind.allCases)
    func history(kind: StoreKind) async throws {
        try await kind.run { store in
            for (index, origin) in [LedgerEntry.Origin.message, .line, .message, .push, .message].enumerated() {
                var given = entry("m\(index)", "question \(index)", origin: origin, at: Int64(index) * 10)
                if origin == .push { given.message.parts = [] }
                if index == 2 { given.message.parts = [.text("one"), .media(picture(nil)), .voice(transcript: "two")] }
                let id = try await store.begin(given)
                guard index < 4 else { break }
                try await store.write([
                    .answered(
                        id, answer: "answer \(index)", failure: nil, parts: [], firstPart: 0, at: Int64(index) * 10 + 5),
                    .finished(id, reason: nil, at: Int64(index) * 10 + 6),
                ])
            }
            let all = try await store.history(account: bot, conversation: chat, limit: 20)
            #expect(
                all == [
                    HistoryEntry(role: .user, text: "question 0", at: 0),
                    HistoryEntry(role: .assistant, text: "answer 0", at: 5),
                    HistoryEntry(role: .user, text: "one\ntwo", at: 20),
                    HistoryEntry(role: .assistant, text: "answer 2", at: 25),
                    HistoryEntry(role: .assistant, text: "answer 3", at: 35),
                ])
            for limit in 0...5 {
                #expect(try await store.history(account: bot, conversation: chat, limit: limit) == all.suffix(limit))
            }
            #expect(try await store.history(account: bot, conversation: chat, limit: -1).isEmpty)
            let elsewhere = Conversation(kind: .group, id: chat.id)
            #expect(try await store.history(account: bot, conversation: elsewhere, limit: 9).isEmpty)
            #expect(try await store.history(account: "other", conversation: chat, limit: 9).isEmpty)
        }
    }

    @Test("GW-6: a new session begins with an empty history", arguments: StoreKind.allCases)
    func sessions(kind: StoreKind) async throws {
        try await kind.run { store in
            func said(_ id: String, in conversation: Conversation) async throws {
                let task = try await store.begin(entry(id, id, in: conversation))
                try await store.write([answered(task, [])])
            }
            try await said("a", in: chat)
            try await said("b", in: group)
            let late = try await store.begin(entry("late", in: chat))
            #expect(try await store.session(account: bot, conversation: chat) == 0)
            #expect(try await store.resetSession(account: bot, conversation: chat, at: 9) == 1)
            try await store.write([answered(late, [])])
            #expect(try await store.history(account: bot, conversation: chat, limit: 9).isEmpty)
            #expect(try await store.history(account: bot, conversation: group, limit: 9).map(\.text) == ["b", "hi"])
            try await said("c", in: chat)
            #expect(try await store.history(account: bot, conversation: chat, limit: 9).map(\.text) == ["c", "hi"])
            #expect(try await store.resetSession(account: bot, conversation: chat, at: 10) == 2)
            #expect(try await store.session(account: bot, conversation: chat) == 2)
            #expect(try await store.session(account: bot, conversation: group) == 0)
            #expect(try await store.session(account: "other", conversation: chat) == 0)
        }
    }

    @Test(
        "WS-20: a first bubble that waited counts from when it was opened, and not before",
        arguments: StoreKind.allCases)
    func lateBubble(kind: StoreKind) async throws {
        try await kind.run { store in
            let one = try await store.begin(entry("one", at: 100))
            try await store.write([.bubble(one, index: 0, at: 100)])
            #expect(try await store.sends(account: bot, since: 0).isEmpty)
            try await store.write([.bubble(one, index: 1, at: 160)])
            #expect(try await store.sends(account: bot, since: 101) == [chat: [160]])
            try await store.write([
                answered(one), .part(one, index: 0, .acked, at: 161), .finished(one, reason: nil, at: 162),
            ])
            #expect(try await store.sends(account: bot, since: 101) == [chat: [160]])
        }
    }

    @Test(
        "WS-15: the quota counts first bubbles by acceptance, everything else by when it was sent",
        arguments: StoreKind.allCases)
    func sends(kind: StoreKind) async throws {
        try await kind.run { store in
            let one = try await store.begin(entry("one", at: 100))
            try await store.write([
                answered(one, [.text("a"), .text("b"), .text("c")]), .part(one, index: 0, .sent(.bubble), at: 210),
                .part(one, index: 1, .sent(.reply), at: 220), .finished(one, reason: "x", at: 230),
            ])
            let pushed = try await store.begin(entry("push", origin: .push, in: group, at: 150))
            try await store.write([answered(pushed), .part(pushed, index: 0, .sent(.push), at: 160)])
            let late = try await store.begin(entry("late", in: group, at: 155))
            try await store.write([answered(late), .part(late, index: 0, .sent(.push), at: 158)])
            _ = try await store.begin(entry("event", at: 170, takesReplies: false))
            _ = try await store.begin(entry("silent", at: 171, refusal: "policy"))
            _ = try await store.begin(entry("line", origin: .line, at: 172, refusal: "queue full"))
            _ = try await store.begin(entry("other", account: "other", at: 173))
            #expect(try await store.sends(account: bot, since: 0) == [chat: [100, 172, 220], group: [155, 158, 160]])
            #expect(try await store.sends(account: bot, since: 156) == [chat: [172, 220], group: [158, 160]])
            #expect(try await store.sends(account: bot, since: 221).isEmpty)
        }
    }

    @Test("WS-18: a card is found by its id and account, the newest one", arguments: StoreKind.allCases)
    func cards(kind: StoreKind) async throws {
        try await kind.run { store in
            var card = SentCard(taskID: "t1", account: bot, conversation: group, json: "{\"a\":1}", sentAt: 5)
            try await store.remember(card)
            #expect(try await store.card(taskID: "t1", account: bot) == card)
            #expect(try await store.card(taskID: "t1", account: "other") == nil)
            #expect(try await store.card(taskID: "t2", account: bot) == nil)
            (card.json, card.conversation, card.sentAt) = ("{}", chat, 6)
            try await store.remember(card)
            #expect(try await store.card(taskID: "t1", account: bot) == card)
            try await store.prune(before: 0, cardsBefore: 6)
            #expect(try await store.card(taskID: "t1", account: bot) == card)
            try await store.prune(before: 0, cardsBefore: 7)
            #expect(try await store.card(taskID: "t1", account: bot) == nil)
        }
    }

    @Test("WS-15: a verdict is kept once and joined to its turn", arguments: StoreKind.allCases)
    func feedback(kind: StoreKind) async throws {
        try await kind.run { store in
            _ = try await store.begin(entry("m1", account: "other"))
            _ = try await store.begin(entry("m1"))
            _ = try await store.begin(entry("m2"))
            func verdict(_ id: String, on feedbackID: String, _ verdict: Feedback.Verdict, at: Int64) -> FeedbackRecord
            {
                let feedback = Feedback(
                    id: MessageID(id), feedbackID: feedbackID, verdict: verdict, content: id == "e2" ? "why\"" : nil,
                    reasons: id == "e2" ? [1, 4] : [], conversation: group,
                    sender: Sender(id: "mei.chen", corporation: "corp", name: nil))
                return FeedbackRecord(feedback: feedback, account: bot, at: at)
            }
            let records = [
                verdict("e1", on: FeedbackID.make(stream: "s_m1", part: 2), .accurate, at: 30),
                verdict("e2", on: "foreign", .inaccurate, at: 10), verdict("", on: "trace_gone_1", .withdrawn, at: 20),
                verdict("", on: "trace_gone_1", .unknown(9), at: 20),
            ]
            for record in records { #expect(try await store.record(record)) }
            #expect(try await store.record(verdict("e1", on: "x", .withdrawn, at: 40)) == false)
            let found = try await store.feedback(since: 10)
            #expect(found.map(\.feedback) == [1, 2, 3, 0].map { records[$0].feedback })
            #expect(found.map(\.at) == [10, 20, 20, 30] && found.allSatisfy { $0.account == bot })
            #expect(found.map { $0.task?.entry.message.id } == [nil, nil, nil, "m1"])
            #expect(found.last?.task?.entry.message.account == bot)
            #expect(try await store.feedback(since: 21).count == 1)
            try await store.prune(before: 30, cardsBefore: 0)
            #expect(try await store.feedback(since: 0).count == 1)
        }
    }

    @Test("WS-15: tasks are listed by state with their parts, oldest first", arguments: StoreKind.allCases)
    func listing(kind: StoreKind) async throws {
        try await kind.run { store in
            #expect(try await store.counts() == [.accepted: 0, .answered: 0, .done: 0, .dead: 0])
            var ids: [TaskID] = []
            for index in 0..<8 { ids.append(try await store.begin(entry("m\(index)"))) }
            for index in 0..<6 { try await store.write([answered(ids[index])]) }
            for index in [3, 0] { try await store.write([.finished(ids[index], reason: "old", at: 9)]) }
            try await store.write([.finished(ids[1], reason: nil, at: 9)])
            #expect(try await store.counts() == [.accepted: 2, .answered: 3, .done: 1, .dead: 2])
            let dead = try await store.tasks(in: [.dead], limit: 5)
            #expect(dead.map(\.id) == [ids[0], ids[3]])
            #expect(dead.allSatisfy { $0.parts.map(\.state) == [.dead] })
            #expect(try await store.tasks(in: [.accepted, .answered], limit: 3).map(\.id) == [ids[2], ids[4], ids[5]])
            #expect(try await store.tasks(in: [], limit: 3).isEmpty)
            #expect(try await store.tasks(in: [.dead], limit: 0).isEmpty)
        }
    }

    @Test("WS-15: the operator revives and drops", arguments: StoreKind.allCases)
    func operation(kind: StoreKind) async throws {
        try await kind.run { store in
            let id = try await store.begin(entry("m1"))
            try await store.write([
                answered(id, [.text("a"), .text("b"), .text("c")]), .part(id, index: 0, .acked, at: 3),
                .part(id, index: 1, .failed(reason: "refused", errcode: 7), at: 4),
            ])
            #expect(try await store.revive(id, at: 7) == false)
            #expect(try await store.drop(id, at: 5))
            #expect(try await store.drop(id, at: 6) == false)
            let dropped = try #require(try await store.task("m1"))
            #expect(dropped.state == .dead && dropped.finishedAt == 5 && dropped.reason == "dropped by the operator")
            #expect(dropped.parts.map(\.state) == [.acked, .failed, .dead])
            #expect(try await store.revive(id, at: 7))
            let revived = try #require(try await store.unfinished(account: bot).first)
            #expect(revived.state == .answered && revived.finishedAt == nil && revived.reason == nil)
            #expect(revived.revivedAt == 7 && dropped.revivedAt == nil)
            #expect(revived.parts.map(\.state) == [.acked, .pending, .pending])
            #expect(revived.parts.map(\.errcode) == [nil, nil, nil] && revived.parts.map(\.reason) == [nil, nil, nil])
            let early = try await store.begin(entry("m2"))
            #expect(try await store.drop(early, at: 5))
            #expect(try await store.revive(early, at: 7))
            #expect(try await store.task("m2")?.state == .accepted)
            try await store.write([.finished(early, reason: nil, at: 8)])
            #expect(try await store.revive(early, at: 7) == false)
            #expect(try await store.revive(TaskID(99), at: 7) == false)
            #expect(try await store.drop(TaskID(99), at: 1) == false)
        }
    }

    @Test("WS-15: what was refused is not retriable, however much of it there is", arguments: StoreKind.allCases)
    func retriable(kind: StoreKind) async throws {
        try await kind.run { store in
            for index in 0..<5 { _ = try await store.begin(entry("stranger\(index)", refusal: "policy")) }
            let lost = try await store.begin(entry("lost"))
            let other = try await store.begin(entry("other"))
            for id in [lost, other] { try await store.write([answered(id), .finished(id, reason: "old", at: 9)]) }
            let delivered = try await store.begin(entry("fine"))
            try await store.write([.finished(delivered, reason: nil, at: 9)])
            _ = try await store.begin(entry("open"))
            #expect(try await store.retriable(limit: 2).map(\.id) == [lost, other])
            #expect(try await store.retriable(limit: 1).map(\.id) == [lost])
            #expect(try await store.retriable(limit: 1).first?.parts.map(\.state) == [.dead])
            #expect(try await store.revive(lost, at: 7))
            #expect(try await store.retriable(limit: 9).map(\.id) == [other])
        }
    }

    @Test(
        "WS-15: retention removes what has ended; files are in use while a task needs them, or may again",
        arguments: StoreKind.allCases)
    func prune(kind: StoreKind) async throws {
        try await kind.run { store in
            func task(_ id: String, files: [String], sends: String?, ends: Int64?, reason: String? = nil) async throws {
                var given = entry(id)
                given.message.parts = files.map { .media(picture($0)) }
                let task = try await store.begin(given)
                let parts = sends.map { [PartContent.media(path: $0, kind: .file, name: "n", bytes: 1)] } ?? []
                try await store.write([answered(task, parts)])
                if let ends { try await store.write([.finished(task, reason: reason, at: ends)]) }
            }
            try await task("old", files: ["/m/own", "/m/shared"], sends: "/m/sent", ends: 10)
            try await task("lost", files: ["/m/shared"], sends: "/m/lost", ends: 11, reason: "too old")
            try await task("young", files: ["/m/kept"], sends: nil, ends: 20)
            try await task("open", files: [], sends: "/m/open", ends: nil)
            #expect(try await store.filesInUse() == ["/m/shared", "/m/lost", "/m/open"])
            try await store.prune(before: 10, cardsBefore: 0)
            #expect(try await store.counts() == [.accepted: 0, .answered: 1, .done: 2, .dead: 1])
            try await store.prune(before: 12, cardsBefore: 0)
            #expect(try await store.task("old") == nil)
            #expect(try await store.counts() == [.accepted: 0, .answered: 1, .done: 1, .dead: 0])
            #expect(try await store.filesInUse() == ["/m/open"])
            #expect(try await store.history(account: bot, conversation: chat, limit: 9).count == 2)
            try await store.prune(before: 21, cardsBefore: 0)
            let again = try await store.begin(entry("old"))
            #expect(again.rawValue == 5)
        }
    }
}
