import Shared
import Testing

@testable import Persistence

/// Random operations on both stores: whatever is asked, they say the same.
@Suite struct LedgerModelTests {
    private static let accounts: [AccountID] = ["bot", "other"]
    private static let conversations = [chat, group, Conversation(kind: .group, id: chat.id)]

    @Test("WS-15: both stores agree about every sequence", arguments: [1, 2, 3] as [UInt64])
    func agree(seed: UInt64) async throws {
        try await withSQLite { sqlite, _ in
            let memory = InMemoryLedger(maxEnded: 100_000)
            var random = SeededGenerator(seed: seed)
            for step in 0..<2_000 {
                let now = Int64(step) * 10
                try await Self.operate(sqlite, memory, now: now, &random)
                if step % 100 == 99 { try await Self.compare(sqlite, memory, now: now, seed: seed) }
            }
        }
    }

    private static func operate(
        _ sqlite: SQLiteLedger, _ memory: InMemoryLedger, now: Int64, _ random: inout SeededGenerator
    ) async throws {
        let account = accounts.randomElement(using: &random) ?? bot
        let conversation = conversations.randomElement(using: &random) ?? chat
        let task = TaskID(Int64.random(in: max(now / 30 - 40, 0)...now / 20 + 3, using: &random))
        switch Int.random(in: 0..<40, using: &random) {
        case 0..<12:
            let entries = (0...Int.random(in: 0...2, using: &random)).map { _ in randomEntry(now: now, &random) }
            #expect(try await sqlite.accept(entries) == memory.accept(entries))
        case 12..<33:
            let steps = (0...Int.random(in: 0...9, using: &random)).map { _ in
                randomStep(TaskID(task.rawValue + Int64.random(in: 0...5, using: &random)), now: now, &random)
            }
            try await sqlite.write(steps)
            memory.write(steps)
        case 33: #expect(try await sqlite.revive(task, at: 7) == memory.revive(task, at: 7))
        case 34: #expect(try await sqlite.drop(task, at: now) == memory.drop(task, at: now))
        case 35:
            try same(await sqlite.unfinished(account: account), memory.unfinished(account: account), "unfinished", now)
        case 36:
            let number = try await sqlite.resetSession(account: account, conversation: conversation, at: now)
            #expect(number == memory.resetSession(account: account, conversation: conversation, at: now))
        case 37:
            let card = SentCard(
                taskID: "t\(now % 7)", account: account, conversation: conversation, json: "{\"n\":\(now)}", sentAt: now
            )
            try await sqlite.remember(card)
            memory.remember(card)
        case 38:
            let verdict = randomVerdict(account, conversation, now: now, &random)
            #expect(try await sqlite.record(verdict) == memory.record(verdict))
        default:
            let before = now - Int64.random(in: 0...8_000, using: &random)
            try await sqlite.prune(before: before, cardsBefore: before + 2_000)
            memory.prune(before: before, cardsBefore: before + 2_000)
        }
    }

    /// Ends the sequence at the first task that differs: what comes later says nothing new.
    private static func same(_ found: [LedgerTask], _ expected: [LedgerTask], _ what: String, _ now: Int64) throws {
        for (one, other) in zip(found, expected) { try #require(one == other, "\(what), step \(now / 10)") }
        try #require(found.count == expected.count, "\(what), step \(now / 10)")
    }

    private static func compare(_ sqlite: SQLiteLedger, _ memory: InMemoryLedger, now: Int64, seed: UInt64) async throws
    {
        let states = Set(TaskState.allCases)
        let all = memory.tasks(in: states, limit: 5_000)
        try same(await sqlite.tasks(in: states, limit: 5_000), all, "seed \(seed)", now)
        try same(await sqlite.retriable(limit: 20), memory.retriable(limit: 20), "retriable, seed \(seed)", now)
        #expect(try await sqlite.filesInUse() == memory.filesInUse())
        #expect(try await sqlite.counts() == memory.counts())
        #expect(try await sqlite.feedback(since: now - 5_000) == memory.feedback(since: now - 5_000))
        for account in accounts {
            let since = now - 3_000
            #expect(
                try await sqlite.sends(account: account, since: since) == memory.sends(account: account, since: since))
            for number in 0..<7 {
                let id = "t\(number)"
                #expect(
                    try await sqlite.card(taskID: id, account: account) == memory.card(taskID: id, account: account))
            }
            for place in conversations {
                let history = try await sqlite.history(account: account, conversation: place, limit: 30)
                #expect(try await history == memory.history(account: account, conversation: place, limit: 30))
                let session = try await sqlite.session(account: account, conversation: place)
                #expect(session == memory.session(account: account, conversation: place))
            }
        }
        for id in Set(all.map(\.entry.message.id)).prefix(20) {
            #expect(try await sqlite.trace(messageID: id) == memory.trace(messageID: id))
        }
    }

    private static func randomEntry(now: Int64, _ random: inout SeededGenerator) -> LedgerEntry {
        let id = Bool.random(using: &random) ? "m\(now)-\(random.next() % 4)" : "m\(random.next() % 60)"
        let origins: [LedgerEntry.Origin] = [.message, .message, .message, .line, .push]
        var made = entry(
            random.next() % 9 == 0 ? "" : id, "text \(random.next() % 100) 你\"好\n",
            origin: origins.randomElement(using: &random) ?? .push,
            account: accounts.randomElement(using: &random) ?? bot,
            in: conversations.randomElement(using: &random) ?? chat, at: now, takesReplies: random.next() % 5 != 0,
            refusal: random.next() % 6 == 0 ? "policy" : nil)
        made.stream = "s_\(random.next() % 400)"
        made.message.parts = randomParts(made.message.parts, &random)
        if random.next() % 8 == 0 { made.message.quote = Quote(type: "mixed", parts: randomParts([], &random)) }
        return made
    }

    private static func randomParts(_ parts: [MessagePart], _ random: inout SeededGenerator) -> [MessagePart] {
        switch random.next() % 8 {
        case 0: []
        case 1: [.voice(transcript: "said")] + parts
        case 2: parts + [.media(picture("/m/\(random.next() % 12)"))]
        case 3: [.media(picture(nil)), .unknown(type: "x")] + parts + [.text("")]
        default: parts
        }
    }

    private static func randomContent(_ random: inout SeededGenerator) -> PartContent {
        switch random.next() % 6 {
        case 0: .media(path: "/m/\(random.next() % 12)", kind: .video, name: "v.mp4", bytes: 5)
        case 1: .card(json: "{\"a\":\"\(random.next() % 9)\"}", taskID: "t", text: "card")
        default: .text("part \(random.next() % 1_000)")
        }
    }

    private static func randomStep(_ task: TaskID, now: Int64, _ random: inout SeededGenerator) -> LedgerTransition {
        switch random.next() % 18 {
        case 17:
            let isOpen = Bool.random(using: &random)
            return .lateAddress(task, isOpen ? LateAddress(url: "https://example.com/\(now)", expiresAt: now) : nil)
        case 16: return .shown(task, segments: Array(repeating: "d\(now)", count: Int(random.next() % 3)))
        case 0: return .began(task, attempt: Int(random.next() % 4), at: now)
        case 1:
            var fetched = message("fetched", "fetched \(now)")
            fetched.parts = randomParts(fetched.parts, &random)
            return .fetched(task, fetched)
        case 2: return .bubble(task, index: Int(random.next() % 5), at: now)
        case 3: return .handedOver(task, random.next() % 4 != 0)
        case 4..<8:
            let parts = (0..<Int(random.next() % 4)).map { _ in randomContent(&random) }
            return .answered(
                task, answer: random.next() % 5 == 0 ? "" : "answer \(now)",
                failure: random.next() % 4 == 0 ? "failed" : nil,
                parts: parts, firstPart: Int(random.next() % 2), at: now)
        case 8..<14:
            return .part(task, index: Int(random.next() % 4), randomChange(&random), at: now)
        default: return .finished(task, reason: Bool.random(using: &random) ? "given up" : nil, at: now)
        }
    }

    private static func randomChange(_ random: inout SeededGenerator) -> PartChange {
        switch random.next() % 11 {
        case 0...2: .sent(DeliveryRoute.allCases.randomElement(using: &random) ?? .push)
        case 3: .acked
        case 4: .unknown(Bool.random(using: &random) ? .ackTimeout : .sessionLost)
        case 5: .assumed
        case 6: .refused(errcode: Int(random.next() % 99))
        case 7: .failed(reason: "no", errcode: Bool.random(using: &random) ? 40_058 : nil)
        case 8: .dead(reason: "old")
        case 9: .notSent
        default: .replaced(randomContent(&random))
        }
    }

    private static func randomVerdict(
        _ account: AccountID, _ conversation: Conversation, now: Int64, _ random: inout SeededGenerator
    ) -> FeedbackRecord {
        let verdicts: [Feedback.Verdict] = [.accurate, .inaccurate, .withdrawn, .unknown(17)]
        let feedback = Feedback(
            id: MessageID(random.next() % 5 == 0 ? "" : "e\(random.next() % 30)"),
            feedbackID: FeedbackID.make(stream: "s_\(random.next() % 400)", part: 1),
            verdict: verdicts.randomElement(using: &random) ?? .accurate, conversation: conversation,
            sender: Sender(id: "mei.chen"))
        return FeedbackRecord(feedback: feedback, account: account, at: now)
    }
}
