import Logging
import Testing

@testable import Shared

/// A message that can be answered by a push alone.
private func unanswerable(_ number: Int) -> InboundEvent {
    guard case .message(let message, var route) = EngineBench.message(number) else {
        return EngineBench.message(number)
    }
    route.takesReplies = false
    return .message(message, route)
}

@Suite("ReplyEngine on a ledger: what was never sent is not taken for shown")
struct RestartDoubtTests {
    @Test(
        "restart.kill: P31, WS-15: tries that were not sent, or refused, are no doubts: the next run sends it",
        arguments: [SendOutcome.notSent(.overflow), .notSent(.offline), .refused(846_607)], [false, true])
    func noDoubts(outcome: SendOutcome, diesInFlight: Bool) async {
        let world = World()
        let tries = Locked(0)
        world.platform.set { operation in
            guard isPush(operation) else { return .take }
            let count = tries.withLock { tries in
                tries += 1
                return tries
            }
            return count > 8 && diesInFlight ? .hang(shows: false) : .answer(outcome)
        }
        await world.life { engine, _ in
            engine.accept(unanswerable(1))
            await world.pass(.seconds(900)) {
                if tries.withLock({ $0 }) < 9 { engine.sessionChanged(online: true) }
                return tries.withLock { $0 } >= 9
            }
            await world.settle()
        }
        #expect(tries.withLock { $0 } >= 9)
        world.platform.set { _ in .take }
        await world.life { _, _ in await eventually("settled") { world.state(1)?.isEnded == true } }
        #expect(world.platform.pushed().count == 1)
        #expect(world.state(1) == .done && world.task(1)?.parts.map(\.state) == [.acked])
    }

    @Test("restart.closed: P31, WS-15: an answer that meets a closed channel is left to the next run, as a file is")
    func closed() async {
        let world = World()
        world.platform.set { isPush($0) ? .answer(.notSent(.closed)) : .take }
        await world.life { engine, _ in
            engine.accept(unanswerable(1))
            await eventually("tried, and left") { !world.platform.operations.isEmpty && engine.openTurns == 0 }
        }
        #expect(world.state(1) == .answered)
        world.platform.set { _ in .take }
        await world.life { _, _ in await eventually("delivered") { world.state(1) == .done } }
        #expect(world.platform.pushed() == ["re: hello"])
    }

    @Test("restart.stop: P31, WS-15: the ledger writes on while turns end, however the engine ends")
    func cancelled() async {
        let memory = InMemoryLedger()
        let clock = ManualClock()
        let ledger = DurableTestLedger(over: memory)
        let writer = LedgerWriter(
            store: ledger, clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        guard case .message(let message, let route) = EngineBench.message(1) else { return }
        _ = memory.accept([
            LedgerEntry(origin: .message, message: message, route: route, stream: "s", acceptedAt: 0)
        ])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await writer.run() }
            group.cancelAll()
            for _ in 0..<100 { await Task.yield() }
            #expect(await writer.commit([.began(TaskID(1), attempt: 3, at: 0)]))
            await writer.end()
        }
        #expect(memory.trace(messageID: "m1").first?.attempts == 3)
    }

    @Test(
        "restart.stop: P31, WS-15: what a handler says that is cancelled with the engine is no answer: the next run asks again",
        arguments: [true, false])
    func cancelledHandler(throwing: Bool) async {
        let world = World()
        await world.life(
            dies: false,
            handler: { _, reply in
                try await reply.append("half of it")
                await Signal().wait()
                if throwing { throw CancellationError() }
            }
        ) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("begun") { world.platform.shown("r1") == ["half of it"] && world.task(1)?.attempts == 1 }
        }
        #expect(world.state(1) == .accepted)
        await world.life { _, _ in await eventually("answered") { world.state(1) == .done } }
        #expect(world.platform.shown("r1") == ["re: hello"])
        #expect(world.platform.unsealed.isEmpty && world.platform.pushed().isEmpty)
    }

    /// Stops while an answer is being made, and dies once the platform has, or has not, its notice.
    private func stopsAmidAnswer(_ world: World, notice: TestPlatform.Fate) async {
        await world.life(handler: { _, reply in
            try await reply.append("so far")
            await Signal().wait()
        }) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("begun") { world.platform.shown("r1") == ["so far"] && world.task(1)?.attempts == 1 }
            world.platform.set { isFinal($0) ? notice : .take }
            engine.stop(drain: .zero)
            await world.pass(.seconds(10)) { world.platform.operations.contains(where: isFinal) }
            await world.settle()
        }
    }

    @Test("restart.parked: P31, WS-15: the notice of a stop is in the ledger before it may stand in the bubble")
    func parkedNotice() async {
        let world = World()
        await stopsAmidAnswer(world, notice: .hang(shows: true))
        #expect(world.task(1)?.isHandedOver == true)
        world.platform.set { _ in .take }
        await world.life { _, _ in await eventually("answered") { world.state(1) == .done } }
        #expect(world.platform.pushed() == ["re: hello"])
        #expect(world.platform.unsealed.isEmpty)
    }

    @Test(
        "restart.parked: P31, WS-15: where the notice of a stop could not be sent, the next run goes on in the bubble")
    func noticeNotSent() async {
        let world = World()
        await stopsAmidAnswer(world, notice: .answer(.notSent(.offline)))
        #expect(world.platform.operations.contains(where: isFinal))
        world.platform.set { _ in .take }
        await world.life { _, _ in await eventually("answered") { world.state(1) == .done } }
        #expect(world.platform.shown("r1") == ["re: hello"])
        #expect(world.platform.pushed().isEmpty && world.platform.unsealed.isEmpty)
    }

    @Test("restart.segments: P31: killed between the bubbles of one part that was too long for one: nothing is missing")
    func splitPart() async {
        let world = World()
        let lines = (0..<150).map { "line \($0) of an answer that the platform wants in pieces\n" }
        world.platform.set { operation in
            if case .stream(_, _, let text, finish: true, _) = operation, text.utf8.count > 6_000 {
                return .answer(.refused(45_002))
            }
            return .take
        }
        await world.life({ $0.perMinute = 1 }, handler: { _, reply in try await reply.append(lines.joined()) }) {
            engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("first piece") { world.platform.all.contains { $0.isSealed } }
            await world.settle()
        }
        #expect(world.platform.all.count == 1)
        await world.life { _, _ in await eventually("delivered") { world.state(1)?.isEnded == true } }
        let shown = world.platform.all.map(\.text).joined(separator: "\n")
        for line in lines { #expect(shown.contains(line.dropLast()), "\(line)") }
        #expect(world.platform.unsealed.isEmpty)
    }

    @Test(
        "push.key: WS-19, P31: a send that an earlier run could not write down goes out when it is asked for right away"
    )
    func sameKeyAtOnce() async {
        let world = World()
        let person = Conversation(kind: .direct, id: "lin.wei")
        let gate = Gate()
        world.platform.set { _ in .hang(shows: false) }
        await world.life { engine, ledger in
            ledger.beforeWrites {
                await gate.wait()
                return nil
            }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await engine.push([.text("news")], to: person, key: "k1", wait: .zero) }
                await eventually("accepted") { world.memory.counts()[.accepted] == 1 }
                await world.settle()
                ledger.die()
                gate.open()
            }
        }
        world.platform.set { _ in .take }
        await world.life { engine, _ in
            let result = try? await engine.push([.text("news")], to: person, key: "k1")
            #expect(result?.state == .acked)
        }
        #expect(world.platform.pushed() == ["news"])
    }

    @Test("restart.stop: P31: a stop ends while the ledger cannot be read, and says so to who waits for a message")
    func stopWithoutLedger() async {
        let world = World()
        await world.life { engine, ledger in
            ledger.failReads()
            let taken = Locked([ReplyEngine.Taken]())
            engine.accept(EngineBench.message(1)) { how in taken.withLock { $0.append(how) } }
            await world.settle()
            engine.stop(drain: .seconds(1))
            await world.pass(.seconds(20)) { engine.openTurns == 0 }
            #expect(engine.openTurns == 0)
            // The platform delivers it again, as nobody has it.
            for number in [1, 2] {
                engine.accept(EngineBench.message(number)) { how in taken.withLock { $0.append(how) } }
            }
            #expect(taken.withLock { $0 } == [.refused, .refused, .refused])
        }
    }

    @Test("push.key: WS-19: a known key is answered in time while the ledger of earlier runs cannot be read")
    func knownKeyInTime() async {
        let world = World()
        let person = Conversation(kind: .direct, id: "lin.wei")
        await world.life { engine, _ in _ = try? await engine.push([.text("news")], to: person, key: "k1") }
        await world.life { engine, ledger in
            ledger.failReads()
            let result = Locked<PushResult.State?>(nil)
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    let pushed = try? await engine.push([.text("news")], to: person, key: "k1", wait: .seconds(5))
                    result.withLock { $0 = pushed?.state }
                }
                await world.pass(.seconds(20)) { result.withLock { $0 } != nil }
                #expect(result.withLock { $0 } == .known)
                // Ends the task in any case.
                engine.stop(drain: .zero)
                await world.pass(.seconds(20)) { result.withLock { $0 } != nil }
            }
        }
        #expect(world.platform.pushed() == ["news"])
    }

    @Test("restart.late: P31, GW-12: what the operator makes deliverable again is kept as if it were new")
    func revived() async {
        let world = World()
        world.platform.set { isPush($0) ? .answer(.refused(93_006)) : .take }
        await world.life { engine, _ in
            engine.accept(unanswerable(1))
            await eventually("given up") { world.state(1) == .dead }
        }
        world.clock.advance(by: .seconds(3 * 86_400))
        world.platform.set { _ in .take }
        #expect(world.memory.revive(TaskID(1), at: world.clock.unixMilliseconds))
        await world.life { _, _ in await eventually("settled") { world.state(1)?.isEnded == true } }
        #expect(world.state(1) == .done && world.platform.pushed().count == 1)
    }
}
