import Testing

@testable import Shared

@Suite("ReplyEngine on a ledger: a disk that fails while the program ends, and programs that end at once")
struct RestartTroubleTests {
    @Test("restart.line: P31: killed between accepting a command and answering it: its bubble does not spin for ever")
    func commandAccepted() async {
        let world = World()
        await world.life { engine, ledger in
            ledger.fail(.busy, writesOnly: true)
            world.platform.set { _ in .hang(shows: true) }
            engine.accept(EngineBench.message(1, "/help"))
            await eventually("in flight") { !world.platform.operations.isEmpty }
        }
        #expect(world.state(1) == .accepted)
        world.platform.set { _ in .take }
        await world.life { engine, _ in
            await world.pass(.seconds(30)) { world.state(1)?.isEnded == true }
            #expect(engine.openTurns == 0)
        }
        #expect(world.state(1)?.isEnded == true)
        #expect(world.platform.unsealed.isEmpty)
        #expect(world.platform.shown("r1").count == 1)
    }

    @Test(
        "restart.stop: P31, WS-15: the disk works again in the last second before a stop: what was delivered is written down"
    )
    func lastSecond() async {
        let world = World()
        let gate = Gate()
        await world.life(handler: { _, reply in
            await gate.wait()
            try await reply.append("answer")
        }) { engine, ledger in
            engine.accept(EngineBench.message(1))
            await eventually("begun") { world.task(1)?.attempts == 1 }
            ledger.fail(.full, writesOnly: true)
            gate.open()
            await eventually("delivered") { world.platform.shown("r1") == ["answer"] && engine.openTurns == 0 }
            ledger.fail(nil)
            engine.stop(drain: .seconds(1))
            await eventually("written without waiting") { world.state(1) == .done }
        }
        #expect(world.clock.now == MonotonicInstant())
    }

    @Test(
        "restart.stop: P31, WS-15: a write that fails while the program stops is tried once more before it has stopped")
    func lastTry() async {
        let world = World()
        let gate = Gate()
        let failures = Locked(0)
        await world.life { engine, ledger in
            world.platform.set { operation in
                guard isFinal(operation) else { return .take }
                ledger.beforeWrites {
                    let isFirst = failures.withLock { count in
                        count += 1
                        return count == 1
                    }
                    guard isFirst else { return nil }
                    await gate.wait()
                    return .full
                }
                return .take
            }
            engine.accept(EngineBench.message(1))
            await eventually("delivered, and being written") {
                engine.openTurns == 0 && failures.withLock { $0 } == 1
            }
            engine.stop(drain: .seconds(1))
            await world.settle()
            gate.open()
            await eventually("written without waiting") { world.state(1) == .done }
        }
        #expect(world.state(1) == .done)
        #expect(world.clock.now == MonotonicInstant())
    }

    @Test("restart.kill: P31, GW-5: a message of an earlier run is not asked again before the ledger counts that start")
    func countedFirst() async {
        let world = World()
        await world.life(handler: { _, _ in }) { engine, ledger in
            let gate = Gate()
            ledger.beforeWrites {
                await gate.wait()
                return nil
            }
            engine.accept(EngineBench.message(1))
            await eventually("accepted") { world.state(1) == .accepted }
            await world.settle()
            ledger.die()
            gate.open()
        }
        #expect(world.task(1)?.attempts == 0)
        let gate = Gate()
        let started = Locked(false)
        await world.life(handler: { _, _ in started.withLock { $0 = true } }) { engine, ledger in
            ledger.beforeWrites {
                await gate.wait()
                return nil
            }
            await eventually("taken up") { engine.openTurns == 1 }
            await world.settle()
            #expect(!started.withLock { $0 })
            gate.open()
            await eventually("started") { started.withLock { $0 } && world.task(1)?.attempts == 1 }
        }
    }

    @Test(
        "restart.kill: P31, WS-15: what an earlier run left is not begun or sent again before the ledger can count it")
    func nothingUncounted() async {
        let world = World()
        world.platform.set { isPush($0) ? .hang(shows: true) : .take }
        await world.life(online: false) { engine, _ in
            if case .message(let message, var route) = EngineBench.message(1) {
                route.takesReplies = false
                engine.accept(.message(message, route))
            }
            engine.sessionChanged(online: true)
            await eventually("in flight") { world.platform.operations.contains(where: isPush) }
        }
        await world.life(handler: { _, _ in await Signal().wait() }) { engine, _ in
            engine.accept(EngineBench.message(2, user: "mei.chen"))
            await eventually("begun") { world.task(2)?.attempts == 1 }
        }
        let before = world.platform.operations.count(where: isPush)
        world.platform.set { _ in .take }
        let isFull = Locked(true)
        await world.life { engine, ledger in
            ledger.beforeWrites { isFull.withLock { $0 } ? .full : nil }
            await world.pass(.seconds(10)) { false }
            #expect(world.platform.operations.count(where: isPush) == before)
            #expect(world.state(2) == .accepted && world.task(2)?.attempts == 1)
            isFull.withLock { $0 = false }
            await world.pass(.seconds(10)) { world.state(1) == .done && world.state(2) == .done }
        }
        #expect(world.state(1) == .done && world.task(1)?.parts.first?.doubts == 2)
        #expect(world.state(2) == .done && world.task(2)?.attempts == 2)
    }

    @Test("restart.kill: P31, P8: a push that ends the program each time is repeated as often as allowed")
    func repeatedPush() async {
        let world = World()
        world.platform.set { isPush($0) ? .hang(shows: true) : .take }
        for life in 0..<10 {
            let before = world.platform.operations.count(where: isPush)
            await world.life(online: life > 0) { engine, _ in
                if life == 0, case .message(let message, var route) = EngineBench.message(1) {
                    route.takesReplies = false
                    engine.accept(.message(message, route))
                    engine.sessionChanged(online: true)
                }
                await eventually("in flight, or left alone") {
                    world.platform.operations.count(where: isPush) > before || world.state(1) == .done
                }
            }
        }
        #expect(world.platform.pushed().count == 1 + ReplySettings().maxRepeats)
        #expect(world.state(1) == .done && world.task(1)?.parts.map(\.state) == [.assumed])
    }
}
