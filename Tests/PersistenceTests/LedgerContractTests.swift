import Shared
import Testing

/// What both stores promise: acceptance and delivery.
@Suite struct LedgerContractTests {
    @Test("WS-9: a message id is accepted once per account, also within one batch", arguments: StoreKind.allCases)
    func duplicates(kind: StoreKind) async throws {
        try await kind.run { store in
            let first = try await store.accept([entry("m1"), entry("m1"), entry("m2"), entry("m1", account: "other")])
            guard case .accepted(let one) = first[0], case .accepted(let two) = first[2],
                case .accepted(let other) = first[3]
            else {
                Issue.record("not accepted")
                return
            }
            #expect(first[1] == .known(one))
            #expect(Set([one, two, other]).count == 3)
            #expect(one < two)
            try await store.write([.finished(one, reason: nil, at: 5)])
            #expect(try await store.accept([entry("m1", "again")]) == [.known(one)])
            #expect(try await store.trace(messageID: "m1").map(\.id) == [one, other])
            #expect(try await store.task("m1")?.entry.message.text == "hello")
        }
    }

    @Test("WS-9: an entry without an id is never known", arguments: StoreKind.allCases)
    func emptyID(kind: StoreKind) async throws {
        try await kind.run { store in
            let results = try await store.accept([entry("", origin: .push), entry("", origin: .push)])
            #expect(Set(results).count == 2)
            #expect(!results.contains { if case .known = $0 { true } else { false } })
            #expect(try await store.trace(messageID: "").isEmpty)
        }
    }

    @Test("WS-15: an accepted task is there as it was given", arguments: StoreKind.allCases)
    func accepted(kind: StoreKind) async throws {
        try await kind.run { store in
            let given = entry("m1", "line \"1\"\nline 2 \u{1} 你好", in: group)
            let id = try await store.begin(given)
            #expect(try await store.unfinished(account: bot) == [LedgerTask(id: id, entry: given)])
            #expect(try await store.unfinished(account: "other").isEmpty)
        }
    }

    @Test("WS-15: every kind of message is kept whole", arguments: StoreKind.allCases)
    func messages(kind: StoreKind) async throws {
        try await kind.run { store in
            var texts = ["", "plain", "\"\\\n\t\u{8}\u{0}\u{1f}/", "👩‍👩‍👧 你好", "e\u{301}"].map {
                entry("t\($0.hashValue)", $0)
            }
            texts[0].message.parts = []
            texts[1].message.sender = Sender(id: "mei\"chen", corporation: "c\n", name: "Mei")
            texts[2].message.mentioned = false
            texts[3].message.parts = [
                .voice(transcript: "said"), .media(picture("/tmp/a")), .unknown(type: "location"),
            ]
            texts[4].message.quote = Quote(type: "mixed", parts: [.text("quoted"), .media(picture(nil))])
            var click = entry("click")
            click.message.click = CardClick(cardType: "vote", taskID: "t", eventKey: "k", selected: ["q": ["1", "2"]])
            click.route.takesReplies = false
            let all = texts + [click, entry("push", origin: .push)]
            _ = try await store.accept(all)
            #expect(try await store.unfinished(account: bot).map(\.entry) == all)
        }
    }

    @Test("WS-15: what is refused has ended at once and is kept without its text", arguments: StoreKind.allCases)
    func refused(kind: StoreKind) async throws {
        try await kind.run { store in
            for origin in [LedgerEntry.Origin.message, .line] {
                var given = entry("r-\(origin)", "private", origin: origin, refusal: "policy")
                given.message.quote = Quote(type: "text", parts: [.text("private too")])
                let id = try await store.begin(given)
                let task = try #require(try await store.task("r-\(origin)"))
                #expect(task.state == .dead && task.reason == "policy" && task.finishedAt == 1_000)
                #expect(task.entry.message.parts.isEmpty && task.entry.message.quote == nil)
                #expect(task.entry.refusal == "policy")
                #expect(try await store.revive(id, at: 7) == false)
            }
            #expect(try await store.unfinished(account: bot).isEmpty)
        }
    }

    @Test("WS-15: a task goes from acceptance to its end", arguments: StoreKind.allCases)
    func life(kind: StoreKind) async throws {
        try await kind.run { store in
            let id = try await store.begin(entry("m1"))
            var fetched = message("m1")
            fetched.parts = [.media(picture("/tmp/f1"))]
            try await store.write([
                .began(id, attempt: 2, at: 1_100), .fetched(id, fetched), .bubble(id, index: 3, at: 1_200),
                .shown(id, segments: ["a1", "b2"]), .handedOver(id),
            ])
            var task = try #require(try await store.task("m1"))
            #expect(task.attempts == 2 && task.bubbles == 3 && task.bubbleOpenedAt == 1_200 && task.isHandedOver)
            #expect(task.entry.message == fetched && task.state == .accepted && task.shown == ["a1", "b2"])
            try await store.write([answered(id, [.text("a"), .text("b")], from: 4, failure: "time-out")])
            task = try #require(try await store.task("m1"))
            #expect(task.state == .answered && task.answer == "hi" && task.reason == "time-out")
            #expect(task.answeredAt == 2_000 && task.finishedAt == nil)
            #expect(
                task.parts == [LedgerPart(index: 4, content: .text("a")), LedgerPart(index: 5, content: .text("b"))])
            try await store.write([
                .part(id, index: 4, .sent(.bubble), at: 2_100), .part(id, index: 4, .acked, at: 2_200),
                .part(id, index: 5, .sent(.push), at: 2_300), .part(id, index: 5, .acked, at: 2_400),
                .finished(id, reason: nil, at: 2_500),
            ])
            task = try #require(try await store.task("m1"))
            #expect(task.state == .done && task.finishedAt == 2_500 && task.reason == "time-out")
            #expect(task.parts.map(\.state) == [.acked, .acked])
            #expect(task.parts.map(\.via) == [.bubble, .push])
            #expect(task.parts.map(\.settledAt) == [2_200, 2_400])
            #expect(try await store.unfinished(account: bot).isEmpty)
        }
    }

    @Test("WS-15: an answer without parts is answered until it is finished", arguments: StoreKind.allCases)
    func noParts(kind: StoreKind) async throws {
        try await kind.run { store in
            let id = try await store.begin(entry("m1"))
            try await store.write([answered(id, [])])
            #expect(try await store.unfinished(account: bot).map(\.state) == [.answered])
            try await store.write([.finished(id, reason: nil, at: 3)])
            #expect(try await store.unfinished(account: bot).isEmpty)
        }
    }

    @Test("WS-15: every change of a part says what is known", arguments: StoreKind.allCases)
    func parts(kind: StoreKind) async throws {
        try await kind.run { store in
            let id = try await store.begin(entry("m1"))
            try await store.write([answered(id)])
            var expected = LedgerPart(index: 0, content: .text("hi"))
            func step(_ change: PartChange, _ edit: (inout LedgerPart) -> Void) async throws {
                try await store.write([.part(id, index: 0, change, at: 3_000)])
                edit(&expected)
                #expect(try await store.task("m1")?.parts == [expected], "after \(change)")
            }
            try await step(.sent(.reply)) { part in
                (part.state, part.attempts, part.via, part.sentAt) = (.sent, 1, .reply, 3_000)
            }
            try await step(.refused(errcode: 846_607)) { ($0.state, $0.errcode) = (.pending, 846_607) }
            try await step(.sent(.push)) { ($0.state, $0.attempts, $0.via) = (.sent, 2, .push) }
            try await step(.notSent) { ($0.state, $0.attempts, $0.sentAt) = (.pending, 1, nil) }
            try await step(.sent(.push)) { ($0.state, $0.attempts, $0.sentAt) = (.sent, 2, 3_000) }
            try await step(.unknown(.ackTimeout)) { part in
                (part.state, part.reason, part.doubts) = (.unknown, "ackTimeout", 1)
            }
            try await step(.unknown(.ackTimeout)) { _ in }
            try await step(.sent(.push)) { ($0.state, $0.attempts, $0.reason) = (.sent, 3, nil) }
            // The try before it may have been shown.
            try await step(.notSent) { ($0.state, $0.attempts, $0.sentAt) = (.unknown, 2, nil) }
            try await step(.replaced(.text("hi"))) { ($0.state, $0.doubts) = (.pending, 0) }
            try await step(.sent(.push)) { ($0.state, $0.attempts, $0.sentAt) = (.sent, 3, 3_000) }
            try await step(.unknown(.ackTimeout)) { part in
                (part.state, part.reason, part.doubts) = (.unknown, "ackTimeout", 1)
            }
            try await step(.assumed) { ($0.state, $0.settledAt) = (.assumed, 3_000) }
            try await step(.acked) { ($0.state, $0.reason) = (.acked, nil) }
            try await step(.failed(reason: "no", errcode: nil)) { ($0.state, $0.reason) = (.failed, "no") }
            try await step(.failed(reason: "no", errcode: 6)) { $0.errcode = 6 }
            try await step(.dead(reason: "old")) { ($0.state, $0.reason) = (.dead, "old") }
            let file = PartContent.media(path: "/tmp/\"f\"", kind: .file, name: "名.pdf", bytes: 7)
            try await step(.replaced(file)) { part in
                (part.state, part.content, part.settledAt, part.doubts) = (.pending, file, nil, 0)
            }
            let card = PartContent.card(json: "{\"card_type\":\"vote\"}", taskID: "t1", text: "a vote")
            try await step(.replaced(card)) { $0.content = card }
        }
    }

    @Test("WS-15: giving a task up settles what is not settled", arguments: StoreKind.allCases)
    func givenUp(kind: StoreKind) async throws {
        try await kind.run { store in
            let id = try await store.begin(entry("m1"))
            try await store.write([
                answered(id, (0..<5).map { .text("\($0)") }),
                .part(id, index: 0, .sent(.bubble), at: 1), .part(id, index: 0, .acked, at: 2),
                .part(id, index: 1, .sent(.push), at: 3),
                .part(id, index: 2, .failed(reason: "refused", errcode: 1), at: 4),
                .part(id, index: 3, .unknown(.ackTimeout), at: 5), .finished(id, reason: "too old", at: 6),
            ])
            let task = try #require(try await store.task("m1"))
            #expect(task.state == .dead && task.reason == "too old")
            #expect(task.parts.map(\.state) == [.acked, .dead, .failed, .dead, .dead])
            #expect(task.parts.map(\.reason) == [nil, "too old", "refused", "too old", "too old"])
            #expect(task.parts.map(\.settledAt) == [2, 6, 4, 6, 6])
        }
    }

    @Test("WS-15: steps that do not fit change nothing, also within a batch", arguments: StoreKind.allCases)
    func misfits(kind: StoreKind) async throws {
        try await kind.run { store in
            let ended = try await store.begin(entry("ended"))
            try await store.write([answered(ended), .finished(ended, reason: nil, at: 3)])
            let before = try await store.task("ended")
            let open = try await store.begin(entry("open"))
            let missing = TaskID(987_654)
            for id in [ended, missing] {
                try await store.write([
                    .began(id, attempt: 9, at: 9), .fetched(id, message("x")), .bubble(id, index: 9, at: 9),
                    .shown(id, segments: ["x"]), .handedOver(id), .lateAddress(id, nil), answered(id),
                    .part(id, index: 0, .acked, at: 9),
                    .finished(id, reason: "no", at: 9), .began(open, attempt: 4, at: 9),
                    .part(open, index: 8, .acked, at: 9),
                ])
            }
            #expect(try await store.task("ended") == before)
            #expect(try await store.task("open")?.attempts == 4)
            try await store.write([answered(open), answered(open, [.text("other"), .text("more")])])
            #expect(try await store.task("open")?.parts.count == 1)
            #expect(try await store.counts() == [.accepted: 0, .answered: 1, .done: 1, .dead: 0])
        }
    }

    @Test("WS-15: after a restart what was sent is unknown, durably", arguments: StoreKind.allCases)
    func restart(kind: StoreKind) async throws {
        try await kind.run { store in
            let id = try await store.begin(entry("m1"))
            let other = try await store.begin(entry("m2", account: "other"))
            for id in [id, other] {
                try await store.write([
                    answered(id, [.text("a"), .text("b")]), .part(id, index: 0, .sent(.bubble), at: 7),
                ])
            }
            let found = try await store.unfinished(account: bot)
            #expect(found.map(\.parts).first?.map(\.state) == [.unknown, .pending])
            #expect(found.first?.parts.first?.reason == "sessionLost" && found.first?.parts.first?.doubts == 1)
            #expect(try await store.task("m1") == found.first)
            #expect(try await store.task("m2")?.parts.first?.state == .sent)
        }
    }
}
