import Testing

@testable import Shared

private let words = ReplyWords()

/// Never answers before it is cancelled.
private let silent: MessageHandler = { _, _ in
    await Signal().wait()
    throw CancellationError()
}

@Suite("ReplyEngine on a ledger: restarts")
struct RestartTests {
    @Test("restart.kill: P31, WS-15: killed after acceptance: asked again as attempt 2, in the same bubble")
    func accepted() async {
        let world = World()
        await world.life(handler: { _, reply in
            try await reply.append("half of it")
            await Signal().wait()
        }) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("begun") { world.platform.shown("r1") == ["half of it"] && world.task(1)?.attempts == 1 }
        }
        let attempts = Locked([Int]())
        await world.life(handler: { message, reply in
            let attempt = await reply.turnInfo.attempt
            attempts.withLock { $0.append(attempt) }
            try await reply.append("re: " + message.text)
        }) { _, _ in
            await eventually("answered") { world.state(1) == .done }
        }
        #expect(attempts.withLock { $0 } == [2])
        #expect(world.platform.shown("r1") == ["re: hello"])
        #expect(world.platform.unsealed.isEmpty)
        #expect(world.platform.pushed().isEmpty)
    }

    @Test("restart.kill: P31: a message whose answer ends the program three times gets a line, and is left alone")
    func gaveUp() async {
        let world = World()
        for attempt in 1...3 {
            await world.life(handler: silent) { engine, _ in
                if attempt == 1 { engine.accept(EngineBench.message(1)) }
                await eventually("attempt \(attempt)") { world.task(1)?.attempts == attempt }
            }
        }
        for _ in 0..<2 {
            await world.life(handler: { _, _ in Issue.record("asked a fourth time") }) { engine, _ in
                await eventually("line") { world.platform.shown("r1") == [words.gaveUp] && world.state(1) == .done }
                await eventually("nothing is open") { engine.openTurns == 0 }
            }
        }
        #expect(world.platform.all.count == 1)
        #expect(world.state(1) == .done)
        #expect(world.task(1)?.reason == "the program ended 3 times before the answer was complete")
    }

    @Test("restart.kill: P31: killed with the answer complete and not shown: shown once, in its bubble")
    func answeredNotShown() async {
        let world = World()
        world.platform.set { isFinal($0) ? .hang(shows: false) : .take }
        await world.life { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("final in flight") { world.platform.operations.contains(where: isFinal) }
        }
        #expect(world.state(1) == .answered)
        world.platform.set { _ in .take }
        await world.life(handler: { _, _ in Issue.record("asked again") }) { _, _ in
            await eventually("delivered") { world.state(1) == .done }
        }
        #expect(world.platform.shown("r1") == ["re: hello"])
        #expect(world.platform.pushed().isEmpty)
        #expect(world.platform.unsealed.isEmpty)
    }

    @Test("restart.kill: P31, P8: killed after the final was shown, before its ack: not shown a second time")
    func shownNotAcked() async {
        let world = World()
        world.platform.set { isFinal($0) ? .hang(shows: true) : .take }
        await world.life { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("final in flight") { world.platform.operations.contains(where: isFinal) }
        }
        world.platform.set { _ in .take }
        await world.life { _, _ in await eventually("settled") { world.state(1) == .done } }
        #expect(world.platform.all.map(\.text) == ["re: hello"])
        #expect(world.task(1)?.parts.map(\.state) == [.assumed])
    }

    @Test("restart.late: P31: an answer that waits past every window is pushed, and says how old its message is")
    func late() async {
        let world = World()
        world.platform.set { isFinal($0) ? .hang(shows: false) : .take }
        await world.life { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("final in flight") { world.platform.operations.contains(where: isFinal) }
        }
        world.platform.set { _ in .take }
        world.clock.advance(by: .seconds(3 * 3_600))
        await world.life { _, _ in await eventually("delivered") { world.state(1) == .done } }
        #expect(world.platform.pushed() == [words.late(.seconds(3 * 3_600)) + "\n\nre: hello"])
    }

    @Test("restart.late: P31: a message that is asked again after hours is answered by a push that says its age")
    func lateQuestion() async {
        let world = World()
        await world.life(handler: silent) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("begun") { world.task(1)?.attempts == 1 }
        }
        world.clock.advance(by: .seconds(15 * 3_600))
        await world.life { _, _ in await eventually("delivered") { world.state(1) == .done } }
        #expect(world.platform.pushed() == [words.late(.seconds(15 * 3_600)) + "\n\nre: hello"])
    }

    @Test("restart.late: P31: what cannot be delivered for a day is given up, with a reason in the ledger")
    func expired() async {
        let world = World()
        world.platform.set { isFinal($0) ? .hang(shows: false) : .take }
        await world.life { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("final in flight") { world.platform.operations.contains(where: isFinal) }
        }
        world.platform.set { _ in .take }
        world.clock.advance(by: .seconds(25 * 3_600))
        await world.life { _, _ in await eventually("given up") { world.state(1) == .dead } }
        #expect(world.task(1)?.reason == "expired")
        #expect(world.platform.pushed().isEmpty)
    }

    @Test(
        "restart.kill: P31, P8, WS-15: killed while a push was in flight: sent once more under auto, never under drop",
        arguments: [OnUnknown.auto, .resend, .drop])
    func pushInFlight(policy: OnUnknown) async {
        let world = World()
        let change: (inout EngineSettings) -> Void = { $0.reply.onUnknown = policy }
        world.platform.set { isPush($0) ? .hang(shows: true) : .take }
        await world.life(change, online: false) { engine, _ in
            guard case .message(let message, var route) = EngineBench.message(1) else { return }
            route.takesReplies = false
            engine.accept(.message(message, route))
            engine.sessionChanged(online: true)
            await eventually("in flight") { world.platform.operations.contains(where: isPush) }
        }
        #expect(world.task(1)?.parts.first?.state == .sent)
        world.platform.set { _ in .take }
        await world.life(change) { _, _ in await eventually("settled") { world.state(1) == .done } }
        #expect(world.platform.pushed() == Array(repeating: "re: hello", count: policy == .drop ? 1 : 2))
        #expect(world.task(1)?.parts.first?.state == (policy == .drop ? .assumed : .acked))
    }

    @Test(
        "restart.order: P31: what an earlier run left is asked again in order, before anything new of its conversation")
    func order() async {
        let world = World()
        await world.life(handler: silent) { engine, _ in
            for number in 1...5 { engine.accept(EngineBench.message(number, "\(number)")) }
            await eventually("accepted") { (1...5).allSatisfy { world.state($0) == .accepted } }
        }
        let order = Locked([String]())
        await world.life(
            { $0.queuedPerConversation = 2 },
            handler: { message, reply in
                order.withLock { $0.append(message.text) }
                try await reply.append(message.text)
            }
        ) { engine, _ in
            engine.accept(EngineBench.message(6, "6"))
            await eventually("answered") {
                (1...6).allSatisfy { world.state($0)?.isEnded == true } && engine.openTurns == 0
            }
        }
        #expect(order.withLock { $0 }.prefix(5) == ["1", "2", "3", "4", "5"])
        for number in 1...5 { #expect(world.platform.shown("r\(number)") == ["\(number)"]) }
        #expect(world.platform.unsealed.isEmpty)
    }

    @Test("restart.parked: P31: a graceful stop seals the bubble with a notice; the next run pushes the answer")
    func parked() async {
        let world = World()
        let ended = Locked(false)
        await world.life(handler: { _, reply in
            try await reply.append("so far")
            await Signal().wait()
        }) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("begun") { world.platform.shown("r1") == ["so far"] && world.task(1)?.attempts == 1 }
            engine.stop(drain: .seconds(2))
            await world.pass(.seconds(10)) { engine.openTurns == 0 }
            ended.withLock { $0 = engine.openTurns == 0 }
            await world.settle()
        }
        #expect(ended.withLock { $0 })
        #expect(world.platform.shown("r1") == ["so far\n\n" + words.parked])
        #expect(world.platform.unsealed.isEmpty)
        #expect(world.state(1) == .accepted)
        await world.life { _, _ in await eventually("answered") { world.state(1) == .done } }
        #expect(world.platform.shown("r1").count == 1)
        #expect(world.platform.pushed() == ["re: hello"])
    }

    @Test("restart.parked: P31: parked while offline: nothing is lost, and the next run answers")
    func parkedOffline() async {
        let world = World()
        await world.life(handler: silent) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("begun") { world.task(1)?.attempts == 1 && !world.platform.all.isEmpty }
            engine.sessionChanged(online: false)
            engine.stop(drain: .seconds(2))
            await world.pass(.seconds(20)) { engine.openTurns == 0 }
            #expect(engine.openTurns == 0)
        }
        #expect(world.state(1) == .accepted)
        await world.life { _, _ in await eventually("answered") { world.state(1) == .done } }
        #expect(world.platform.all.map(\.text) == ["re: hello"])
    }

    @Test(
        "restart.drain: P31: a message that comes while the program stops is accepted, and answered by the next run at the latest"
    )
    func whileStopping() async {
        let world = World()
        await world.life(handler: silent) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("begun") { world.task(1)?.attempts == 1 }
            engine.stop(drain: .seconds(5))
            engine.accept(EngineBench.message(2, user: "mei.chen"))
            await eventually("accepted") { world.state(2) == .accepted }
            await world.pass(.seconds(20)) { engine.openTurns == 0 }
        }
        await world.life { _, _ in
            await eventually("answered") { world.state(1) == .done && world.state(2) == .done }
        }
        #expect(world.platform.unsealed.isEmpty)
        #expect(world.platform.pushed() == ["re: hello"])
        #expect(world.platform.pushed("mei.chen") == ["re: hello"])
    }

    @Test(
        "reply.acrossReconnect: P3, WS-15: case b: a final without an ack is `unknown` until the next connection settles it"
    )
    func unknownFinal() async {
        let world = World()
        world.platform.set { isFinal($0) ? .show(.unknown(.sessionLost)) : .take }
        await world.life { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("unknown") { world.task(1)?.parts.first?.state == .unknown }
            engine.sessionChanged(online: false)
            world.platform.set { _ in .take }
            engine.sessionChanged(online: true)
            await eventually("settled") { world.state(1) == .done }
        }
        #expect(world.task(1)?.parts.map(\.state) == [.assumed])
        #expect(world.platform.all.map(\.text) == ["re: hello"])
        #expect(world.platform.operations.filter(isFinal).count == 2)
    }

    @Test("reply.acrossReconnect: P3, WS-15: an answer that is believed to be shown is `assumed` in the ledger")
    func believed() async {
        let world = World()
        world.platform.set { isPush($0) ? .show(.unknown(.ackTimeout)) : .take }
        await world.life { engine, _ in
            let key = Conversation(kind: .direct, id: "lin.wei")
            _ = try? await engine.push([.text("hello")], to: key, wait: .zero)
            await world.pass(.seconds(120)) { world.memory.counts()[.done] == 1 }
        }
        #expect(world.memory.tasks(in: [.done], limit: 9).flatMap(\.parts).map(\.state) == [.assumed])
    }

    @Test(
        "stream.longTask: P2, WS-15: a bubble whose window passed while the line was down is `handed over` in the ledger"
    )
    func windowPassed() async {
        let world = World()
        let gate = Gate()
        await world.life(handler: { _, reply in
            await gate.wait()
            try await reply.append("late")
        }) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("begun") { world.platform.all.count == 1 }
            engine.sessionChanged(online: false)
            world.clock.advance(by: .seconds(700))
            gate.open()
            await eventually("answered") { world.state(1) == .answered }
            engine.sessionChanged(online: true)
            await eventually("pushed") { world.state(1) == .done }
        }
        #expect(world.platform.pushed().map { $0.hasSuffix("late") } == [true])
        #expect(world.task(1)?.isHandedOver == true)
    }

    @Test("stream.longTask: P2, P31, WS-15: killed, and back after the window: the ledger says `handed over`, too")
    func windowPassedWhileDead() async {
        let world = World()
        await world.life(handler: { _, reply in
            try await reply.append("half")
            await Signal().wait()
        }) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("begun") { world.platform.shown("r1") == ["half"] && world.task(1)?.attempts == 1 }
        }
        world.clock.advance(by: .seconds(700))
        await world.life { _, _ in await eventually("answered") { world.state(1) == .done } }
        #expect(world.platform.pushed().map { $0.hasSuffix("re: hello") } == [true])
        #expect(world.task(1)?.isHandedOver == true)
    }

    @Test(
        "restart.kill: P31: killed at 200 points: each message is answered or apologized for, and shown once unless told"
    )
    func killedAnywhere() async {
        for seed in UInt64(0)..<200 {
            let world = World()
            var random = SeededGenerator(seed: seed)
            let killAt = Int.random(in: 0..<40, using: &random)
            let shows = Bool.random(using: &random)
            let counter = Locked(0)
            world.platform.set { _ in
                counter.withLock { count in
                    count += 1
                    return count > killAt ? .hang(shows: shows) : .take
                }
            }
            let rounds = Int.random(in: 0..<60, using: &random)
            await world.life { engine, _ in
                for number in 1...12 {
                    engine.accept(EngineBench.message(number, "\(number)", user: "user\(number % 4)"))
                    if number == 6 { for _ in 0..<rounds { await Task.yield() } }
                }
                var waited = 0
                while waited < 2_000, engine.openTurns > 0, counter.withLock({ $0 <= killAt }) {
                    waited += 1
                    await Task.yield()
                }
            }
            let accepted = (1...12).filter { world.task($0) != nil }
            world.platform.set { _ in .take }
            await world.life { engine, _ in
                await eventually("all ended, seed \(seed)") {
                    accepted.allSatisfy { world.state($0) == .done } && engine.openTurns == 0
                }
            }
            for number in accepted {
                let items = world.platform.all.filter { $0.text == "re: \(number)" }
                #expect(items.count == 1, "seed \(seed): message \(number) shown \(items.count) times")
            }
            #expect(world.platform.unsealed.isEmpty, "seed \(seed)")
        }
    }
}
