import Testing

@testable import Shared

private let words = ReplyWords()

@Suite("ReplyEngine on a ledger: commands, history, feedback")
struct LedgerCommandTests {
    @Test(
        "GW-5: /new and /reset forget what was said; the session is counted, also over a restart",
        arguments: ["/new", "/reset"])
    func newSession(command: String) async {
        let world = World()
        let seen = Locked([(history: [String], session: Int)]())
        let handler: MessageHandler = { message, reply in
            let info = await reply.turnInfo
            let history = await info.history(10).map { "\($0.role.rawValue): \($0.text)" }
            seen.withLock { $0.append((history, info.session)) }
            try await reply.append("a\(message.text)")
        }
        await world.life(handler: handler) { engine, _ in
            for number in 1...2 {
                engine.accept(EngineBench.message(number, "\(number)"))
                await eventually("answered") { world.state(number) == .done && engine.openTurns == 0 }
            }
        }
        await world.life(handler: handler) { engine, _ in
            engine.accept(EngineBench.message(3, "3"))
            await eventually("answered") { world.state(3) == .done && engine.openTurns == 0 }
            engine.accept(EngineBench.message(4, command))
            await eventually("reset") { world.platform.shown("r4") == [words.newSession] && engine.openTurns == 0 }
            engine.accept(EngineBench.message(5, "5"))
            await eventually("answered") { world.state(5) == .done && engine.openTurns == 0 }
        }
        let all = seen.withLock { $0 }
        #expect(all.map(\.session) == [0, 0, 0, 1])
        #expect(
            all.map(\.history) == [
                [], ["user: 1", "assistant: a1"], ["user: 1", "assistant: a1", "user: 2", "assistant: a2"], [],
            ])
    }

    @Test("GW-5: what is said right behind /new belongs to the new session, however close it comes")
    func behindNewSession() async {
        let world = World()
        let seen = Locked([(history: [String], session: Int)]())
        let handler: MessageHandler = { message, reply in
            let info = await reply.turnInfo
            let history = await info.history(10).map(\.text)
            seen.withLock { $0.append((history, info.session)) }
            try await reply.append("a\(message.text)")
        }
        await world.life(handler: handler) { engine, _ in
            // All at once, as after a wait for the ledger.
            for (number, text) in [(1, "/new"), (2, "2")] { engine.accept(EngineBench.message(number, text)) }
            await eventually("answered") { world.state(2) == .done && engine.openTurns == 0 }
            engine.accept(EngineBench.message(3, "3"))
            await eventually("answered") { world.state(3) == .done && engine.openTurns == 0 }
        }
        let all = seen.withLock { $0 }
        #expect(all.map(\.session) == [1, 1])
        #expect(all.map(\.history) == [[], ["2", "a2"]])
    }

    @Test("GW-5: what waited when a new session began is answered in the one it was said in")
    func beforeNewSession() async {
        let world = World()
        let seen = Locked([(history: [String], session: Int)]())
        let gate = Gate()
        await world.life(handler: { message, reply in
            let info = await reply.turnInfo
            let history = await info.history(10).map(\.text)
            seen.withLock { $0.append((history, info.session)) }
            if message.text == "1" { await gate.wait() }
            try await reply.append("a\(message.text)")
        }) { engine, _ in
            for (number, text) in [(1, "1"), (2, "2"), (3, "/new")] { engine.accept(EngineBench.message(number, text)) }
            await eventually("reset") { world.platform.shown("r3") == [words.newSession] }
            gate.open()
            await eventually("answered") { world.state(2) == .done && engine.openTurns == 0 }
            engine.accept(EngineBench.message(4, "4"))
            await eventually("answered") { world.state(4) == .done && engine.openTurns == 0 }
        }
        let all = seen.withLock { $0 }
        #expect(all.map(\.session) == [0, 0, 1])
        #expect(all.map(\.history) == [[], ["1", "a1"], []])
    }

    @Test("isolation.matrix: P10: the history of a conversation is its own: not of another person, not of a group")
    func historyIsolation() async {
        let world = World()
        let seen = Locked([String: [String]]())
        await world.life(handler: { message, reply in
            let history = await reply.turnInfo.history(100).map(\.text)
            seen.withLock { $0[message.text] = history }
            try await reply.append("re " + message.text)
        }) { engine, _ in
            var number = 0
            for round in 0..<3 {
                for (user, group) in [("lin.wei", nil), ("mei.chen", nil), ("lin.wei", "wr1"), ("mei.chen", "wr2")] {
                    number += 1
                    engine.accept(
                        EngineBench.message(number, "\(round) \(user) \(group ?? "-")", user: user, group: group))
                    await eventually("answered") { world.state(number) == .done && engine.openTurns == 0 }
                }
            }
        }
        seen.withLock { seen in
            #expect(seen.count == 12)
            for (text, history) in seen {
                let place = String(text.dropFirst(2))
                #expect(history.count == 2 * (Int(text.prefix(1)) ?? 0))
                #expect(history.allSatisfy { $0.hasSuffix(place) }, "\(text) saw \(history)")
            }
        }
    }

    @Test("GW-5: /help and /status are answered by the program, also while an answer is at work")
    func lines() async {
        let world = World()
        let gate = Gate()
        await world.life(handler: { _, reply in
            await gate.wait()
            try await reply.append("x")
        }) { engine, _ in
            for number in 1...3 { engine.accept(EngineBench.message(number)) }
            await eventually("at work") { engine.waitingTurns == 2 }
            engine.accept(EngineBench.message(4, "/status"))
            engine.accept(EngineBench.message(5, "/help", user: "mei.chen"))
            await eventually("told") {
                world.platform.shown("r4") == [words.status(running: 1, waiting: 2, session: 0)]
                    && world.platform.shown("r5") == [words.help]
            }
            gate.open()
            await eventually("answered") { engine.openTurns == 0 }
        }
        await world.life(handler: { _, reply in
            let history = await reply.turnInfo.history(10)
            #expect(history.isEmpty)
            try await reply.append("x")
        }) { engine, _ in
            engine.accept(EngineBench.message(6, user: "mei.chen"))
            await eventually("answered") { world.state(6) == .done }
        }
    }

    @Test(
        "feedback.loop: P38: a verdict is kept once, also over a restart, and joined to its turn by the id on the bubble"
    )
    func feedback() async throws {
        let world = World()
        await world.life { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("answered") { world.state(1) == .done }
        }
        let sent = world.platform.operations.compactMap { operation -> String? in
            if case .stream(_, _, _, _, let feedback) = operation { feedback } else { nil }
        }
        let id = try #require(sent.first)
        #expect(id.hasPrefix("trace_"))
        for _ in 0..<2 {
            await world.life { engine, _ in
                let verdict = Feedback(
                    id: "e1", feedbackID: id, verdict: .inaccurate, content: "wrong", reasons: [2],
                    conversation: Conversation(kind: .direct, id: "lin.wei"), sender: Sender(id: "lin.wei"))
                engine.accept(.feedback(verdict))
                await eventually("recorded") { world.memory.feedback(since: 0).count == 1 }
                await world.settle()
            }
        }
        let records = world.memory.feedback(since: 0)
        #expect(records.count == 1)
        #expect(records.first?.feedback.reasons == [2])
        #expect(records.first?.task?.entry.message.id == "m1")
    }
}
