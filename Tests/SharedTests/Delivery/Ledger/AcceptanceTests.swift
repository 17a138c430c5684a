import Testing

@testable import Shared

private let words = ReplyWords()

@Suite("ReplyEngine on a ledger: acceptance")
struct AcceptanceTests {
    @Test("WS-15: a message is in the ledger before its first frame and before the handler starts")
    func before() async {
        let world = World()
        let atFrame = Locked([TaskState?]())
        world.platform.set { _ in
            atFrame.withLock { $0.append(world.state(1)) }
            return .take
        }
        let atHandler = Locked(TaskState?.none)
        await world.life(handler: { _, reply in
            atHandler.withLock { $0 = world.state(1) }
            try await reply.append("x")
        }) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("done") { world.state(1) == .done }
        }
        #expect(atHandler.withLock { $0 } == .accepted)
        #expect(atFrame.withLock { $0.first } != .some(nil))
        #expect(world.platform.shown("r1") == ["x"])
        #expect(world.task(1)?.answer == "x")
        #expect(world.task(1)?.parts.map(\.state) == [.acked])
    }

    @Test("WS-15: the answer is in the ledger before its final frame goes out")
    func answerBeforeFinal() async {
        let world = World()
        let atFinal = Locked([TaskState?]())
        world.platform.set { operation in
            if case .stream(_, _, _, finish: true, _) = operation { atFinal.withLock { $0.append(world.state(1)) } }
            return .take
        }
        await world.life { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("done") { world.state(1) == .done }
        }
        #expect(atFinal.withLock { $0 } == [.answered])
    }

    @Test("dedupe.restart: P8, WS-9: a message delivered again after a restart is handled once, whatever became of it")
    func restart() async {
        let world = World()
        let calls = Locked(0)
        let handler: MessageHandler = { message, reply in
            calls.withLock { $0 += 1 }
            try await reply.append("re: " + message.text)
        }
        for _ in 0..<3 {
            await world.life(handler: handler) { engine, _ in
                for _ in 0..<5 { engine.accept(EngineBench.message(1)) }
                engine.accept(EngineBench.message(2, user: "mei.chen"))
                await eventually("answered") {
                    world.state(1) == .done && world.state(2) == .done && engine.openTurns == 0
                }
            }
        }
        #expect(calls.withLock { $0 } == 2)
        #expect(world.platform.shown("r1") == ["re: hello"])
        #expect(world.platform.all.count == 2)
    }

    @Test("dedupe.restart: P8: the same message id in two accounts is two messages")
    func accounts() async {
        let world = World()
        for account in ["a", "b"] as [AccountID] {
            await world.life(account: account) { engine, _ in
                engine.accept(EngineBench.message(1, user: "user-\(account)", account: account))
                await eventually("answered") { world.memory.counts()[.accepted] == 0 && engine.openTurns == 0 }
            }
        }
        #expect(world.memory.trace(messageID: "m1").count == 2)
        #expect(world.platform.all.count == 2)
    }

    @Test("WS-15: a full disk: a polite line, nothing accepted, a repetition counts as new, and it recovers by itself")
    func full() async {
        let world = World()
        let calls = Locked(0)
        await world.life(handler: { _, reply in
            calls.withLock { $0 += 1 }
            try await reply.append("answer")
        }) { engine, ledger in
            ledger.fail(.full)
            engine.accept(EngineBench.message(1))
            await eventually("refused") { world.platform.shown("r1") == [words.notAccepted] && engine.openTurns == 0 }
            #expect(world.task(1) == nil)
            ledger.fail(.busy)
            engine.accept(EngineBench.message(2, user: "mei.chen"))
            await eventually("refused") { world.platform.shown("r2") == [words.notAccepted] && engine.openTurns == 0 }
            #expect(calls.withLock { $0 } == 0)
            ledger.fail(nil)
            engine.accept(EngineBench.message(1))
            await eventually("done") { world.state(1) == .done }
            #expect(world.platform.shown("r1").last == "answer")
        }
        #expect(calls.withLock { $0 } == 1)
    }

    @Test("WS-15, GW-4: a full disk tells nothing to people whom the policy keeps out in silence")
    func fullAndKeptOut() async {
        let world = World()
        await world.life(gate: { $0.sender.id == "lin.wei" ? .allow : .deny(line: nil, reason: "policy") }) {
            engine, ledger in
            ledger.fail(.full)
            engine.accept(EngineBench.message(1, user: "stranger"))
            engine.accept(EngineBench.message(2))
            await eventually("refused") { world.platform.shown("r2") == [words.notAccepted] && engine.openTurns == 0 }
            #expect(world.platform.shown("r1").isEmpty)
        }
    }

    @Test("WS-15: the disk is full when the answer is complete: it is delivered all the same, and written down later")
    func fullAtAnswer() async {
        let world = World()
        let gate = Gate()
        await world.life(handler: { _, reply in
            await gate.wait()
            try await reply.append("answer")
        }) { engine, ledger in
            engine.accept(EngineBench.message(1))
            await eventually("accepted") { world.task(1)?.attempts == 1 }
            ledger.fail(.full, writesOnly: true)
            gate.open()
            await eventually("delivered") { world.platform.shown("r1") == ["answer"] && engine.openTurns == 0 }
            #expect(world.state(1) == .accepted)
            ledger.fail(nil)
            await world.pass(.seconds(10)) { world.state(1) == .done }
            #expect(world.state(1) == .done)
            #expect(world.task(1)?.answer == "answer")
        }
        await world.life { engine, _ in
            await world.settle()
            #expect(engine.openTurns == 0)
        }
        #expect(world.platform.all.count == 1)
    }

    @Test("WS-15: a message that the policy keeps out is recorded as refused, without its words, and never asked")
    func keptOut() async {
        let world = World()
        await world.life(gate: { _ in .deny(line: nil, reason: "not listed") }) { engine, _ in
            engine.accept(EngineBench.message(1, "my secret"))
            await eventually("recorded") { world.state(1) == .dead }
        }
        #expect(world.task(1)?.reason == "policy: not listed")
        #expect(world.task(1)?.entry.message.parts.isEmpty == true)
        await world.life { engine, _ in
            engine.accept(EngineBench.message(2, user: "mei.chen"))
            await eventually("answered") { world.state(2) == .done }
        }
        #expect(world.platform.shown("r1").isEmpty)
    }

    @Test(
        "busy.queue: P9, WS-15: one message too many gets its line, is recorded as refused, and is not asked after a restart"
    )
    func queueFull() async {
        let world = World()
        let gate = Gate()
        await world.life(
            { $0.queuedPerConversation = 1 },
            handler: { message, reply in
                await gate.wait()
                try await reply.append("re: " + message.text)
            }
        ) { engine, _ in
            for number in 1...3 { engine.accept(EngineBench.message(number, "\(number)")) }
            await eventually("refused") { world.state(3) == .dead && world.platform.shown("r3") == [words.queueFull] }
            gate.open()
            await eventually("answered") { world.state(1) == .done && world.state(2) == .done && engine.openTurns == 0 }
        }
        #expect(world.task(3)?.reason == "refused: queue full")
        let before = world.platform.all.count
        await world.life { _, _ in await world.settle() }
        #expect(world.platform.all.count == before)
    }
}
