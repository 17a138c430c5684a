import Testing

@testable import Shared

/// A message with a late address, on a channel that the platform calls.
private func message(_ number: Int, late: Bool = true, in world: World) -> InboundEvent {
    guard case .message(let message, var route) = EngineBench.message(number) else {
        return EngineBench.message(number)
    }
    let expiry = world.clock.unixMilliseconds + 3_600_000
    route.late = late ? LateAddress(url: "https://example.com/\(number)", expiresAt: expiry) : nil
    return .message(message, route)
}

@Suite("ReplyEngine on a ledger: callbacks")
struct CallbackLedgerTests {
    @Test("WB-1: whoever asks hears what became of a message once that is durable, repetitions while it is not, too")
    func verdicts() async {
        let world = World(capabilities: .callbacks)
        let verdicts = Locked([String: ReplyEngine.Taken]())
        @Sendable func note(_ name: String) -> @Sendable (ReplyEngine.Taken) -> Void {
            { taken in verdicts.withLock { $0[name] = taken } }
        }
        await world.life(gate: { $0.id == "m2" ? .deny(line: nil, reason: "test") : .allow }) { engine, ledger in
            ledger.fail(.full)
            engine.accept(message(1, in: world), onTaken: note("full"))
            await eventually("told") { verdicts.withLock { $0["full"] } == .told }
            await eventually("said") { !world.platform.shown("r1").isEmpty }
            engine.accept(message(2, in: world), onTaken: note("silent and full"))
            await eventually("heard") { verdicts.withLock { $0["silent and full"] } == .ignored }
            ledger.fail(nil)
            engine.accept(message(1, in: world), onTaken: note("first"))
            engine.accept(message(1, in: world), onTaken: note("at once again"))
            engine.accept(message(2, in: world), onTaken: note("silent"))
            await eventually("all heard") { verdicts.withLock { $0.count } == 5 }
            engine.accept(message(1, in: world), onTaken: note("later"))
            await eventually("known") { verdicts.withLock { $0["later"] } == .known }
        }
        #expect(verdicts.withLock { $0["first"] } == .accepted && verdicts.withLock { $0["at once again"] } != .known)
        #expect(verdicts.withLock { $0["silent"] } == .ignored)
    }

    @Test("WB-2: the bubble has the id of its address, and after a restart goes on under it")
    func name() async {
        let world = World(capabilities: .callbacks)
        await world.life(handler: { _, _ in await Signal().wait() }) { engine, _ in
            engine.accept(message(1, in: world))
            await eventually("shown") { world.platform.shown("r1").count == 1 }
        }
        await world.life { engine, _ in
            await eventually("done") { world.state(1) == .done }
        }
        #expect(world.platform.all.map(\.stream) == ["r1"] && world.platform.shown("r1") == ["re: hello"])
        #expect(world.memory.task(stream: "r1", account: "default")?.entry.message.id == "m1")
        #expect(world.memory.task(stream: "r1", account: "other") == nil)
    }

    @Test("WB-3: a late message that may have gone out before the program died is not sent there again, and says so")
    func lateOnce() async {
        let world = World(capabilities: .callbacks)
        world.platform.set { operation in
            switch operation {
            case .stream(_, _, _, finish: true, _): .answer(.rejected(PlatformError(code: 846_608)))
            case .reply: .hang(shows: true)
            default: .take
            }
        }
        await world.life { engine, _ in
            engine.accept(message(1, in: world))
            await eventually("posted") {
                world.platform.operations.contains { if case .reply = $0 { true } else { false } }
            }
        }
        #expect(world.task(1)?.parts.first?.state == .sent && world.task(1)?.parts.first?.via == .reply)
        world.platform.set { _ in .take }
        await world.life { _, _ in
            await eventually("done") { world.state(1) == .done }
        }
        // What the bubble had shown before is not counted.
        #expect(world.platform.all.filter { $0.stream == nil && $0.text == "re: hello" }.count == 1)
        #expect(world.task(1)?.parts.first?.state == .assumed)
    }

    @Test(
        "WB-3: a late address that was never tried is used after a restart, while it lives", arguments: [true, false])
    func lateAfterRestart(isAlive: Bool) async {
        let world = World(capabilities: .callbacks)
        await world.life(handler: { _, _ in await Signal().wait() }) { engine, _ in
            engine.accept(message(1, in: world))
            await eventually("shown") { world.platform.shown("r1").count == 1 }
        }
        world.clock.advance(by: .seconds(isAlive ? 1_800 : 3_700))
        await world.life { _, _ in
            await eventually("ended") { world.state(1) == (isAlive ? .done : .dead) }
        }
        #expect(world.platform.shown("r1").contains { $0.hasSuffix("re: hello") } == isAlive)
    }
}
