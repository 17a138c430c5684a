import Testing

@testable import Shared

private let words = ReplyWords()
private let person = Conversation(kind: .direct, id: "lin.wei")

@Suite("ReplyEngine on a ledger: sends on its own account")
struct PushTests {
    @Test("push.key: WS-19, P11: a push is acknowledged; the same key is not sent again, not after a restart either")
    func known() async throws {
        let world = World()
        for life in 0..<2 {
            await world.life { engine, _ in
                let result = try? await engine.push([.text("news")], to: person, key: "k1")
                #expect(result?.state == (life == 0 ? .acked : .known))
            }
        }
        #expect(world.platform.pushed() == ["news"])
    }

    @Test("push.afterRestart: P11, P31: a push that could not go out is pending, and is delivered by the next run")
    func afterRestart() async {
        let world = World()
        await world.life(online: false) { engine, _ in
            await withTaskGroup(of: PushResult?.self) { group in
                group.addTask {
                    try? await engine.push([.text("news"), .text("more")], to: person, key: "k1", wait: .seconds(3))
                }
                await world.pass(.seconds(10)) {
                    world.memory.counts()[.answered] == 1 && world.clock.now.nanoseconds > 4_000_000_000
                }
                let result = await group.next() ?? nil
                #expect(result?.state == .pending)
            }
        }
        #expect(world.platform.all.isEmpty)
        await world.life { _, _ in await eventually("delivered") { world.memory.counts()[.done] == 1 } }
        #expect(world.platform.pushed() == ["news\n\nmore"])
    }

    @Test("push.afterRestart: P11: a push to a conversation that wrote yesterday needs no new message of it")
    func nextDay() async {
        let world = World()
        await world.life { engine, _ in
            engine.accept(EngineBench.message(1, group: "wr1"))
            await eventually("answered") { world.state(1) == .done }
        }
        world.clock.advance(by: .seconds(86_400))
        await world.life { engine, _ in
            let result = try? await engine.push([.text("good morning")], to: Conversation(kind: .group, id: "wr1"))
            #expect(result?.state == .acked)
        }
        #expect(world.platform.shown("push:wr1") == ["good morning"])
    }

    @Test("push.refused: P11: a conversation that never wrote: the refusal is in the result and in the ledger")
    func refused() async {
        let world = World()
        world.platform.set { _ in .answer(.rejected(PlatformError(code: 93_006))) }
        await world.life { engine, _ in
            let result = try? await engine.push([.text("news")], to: person, key: "k1")
            #expect(result?.state == .failed)
            #expect(result?.report?.lastRefusal == 93_006)
        }
        #expect(world.state(push: "k1") == .dead)
    }

    @Test("WS-15: a push while the disk is full is refused with a reason, and the same key may be tried again")
    func full() async {
        let world = World()
        await world.life { engine, ledger in
            ledger.fail(.full)
            await #expect(throws: GatewayError.self) { try await engine.push([.text("news")], to: person, key: "k1") }
            ledger.fail(nil)
            let result = try? await engine.push([.text("news")], to: person, key: "k1")
            #expect(result?.state == .acked)
        }
        #expect(world.platform.pushed() == ["news"])
    }

    @Test(
        "restart.kill: P31, WS-15: killed between accepting a push and writing what it says: it does not hang about for a day"
    )
    func withoutContent() async {
        let world = World()
        await world.life { engine, ledger in
            ledger.fail(.busy, writesOnly: true)
            world.platform.set { _ in .hang(shows: false) }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await engine.push([.text("news")], to: person, key: "k1") }
                await eventually("accepted") { !world.platform.operations.isEmpty }
                group.cancelAll()
            }
        }
        #expect(world.state(push: "k1") == .accepted)
        world.platform.set { _ in .take }
        await world.life { engine, _ in
            await world.pass(.seconds(10)) { world.state(push: "k1")?.isEnded == true }
            #expect(world.state(push: "k1") == .dead)
            #expect(engine.openTurns == 0)
        }
    }
}

extension World {
    fileprivate func state(push key: String) -> TaskState? { memory.trace(messageID: MessageID(key)).first?.state }
}

@Suite("ReplyEngine on a ledger: quota")
struct QuotaTests {
    private static let quota: @Sendable (inout EngineSettings) -> Void = { settings in
        settings.perMinute = 30
        settings.perHour = 1_000
        settings.queuedPerConversation = 200
    }

    /// Sends that count, by the second they went out.
    private func counted(_ world: World) -> [Int64] {
        world.platform.all.map { $0.openedAt.nanoseconds / 1_000_000_000 }
    }

    @Test(
        "quota.window: P32, WS-20: of 60 messages in a minute no more than 30 are answered in it; all are, and nothing is refused"
    )
    func window() async {
        let world = World()
        await world.life({ Self.quota(&$0) }) { engine, _ in
            for number in 1...60 { engine.accept(EngineBench.message(number, "\(number)")) }
            await world.pass(.seconds(600)) { (1...60).allSatisfy { world.state($0) == .done } }
        }
        #expect((1...60).allSatisfy { world.state($0) == .done })
        let times = counted(world)
        for time in times {
            #expect(times.filter { $0 > time - 60 && $0 <= time }.count <= 30, "\(times.sorted())")
        }
        #expect(world.platform.unsealed.isEmpty)
    }

    @Test(
        "quota.final: P32, WS-20: 22 bubbles fill their share; a push, which is a final, goes out at once all the same")
    func finals() async {
        let world = World()
        let gate = Gate()
        await world.life(
            { Self.quota(&$0) },
            handler: { _, reply in
                await gate.wait()
                try await reply.append("x")
            }
        ) { engine, _ in
            for number in 1...40 { engine.accept(EngineBench.message(number, "\(number)")) }
            await eventually("bubbles") { world.platform.all.count >= 18 }
            await world.settle()
            #expect(world.platform.all.count <= 22)
            let result = try? await engine.push([.text("urgent")], to: person)
            #expect(result?.state == .acked)
            #expect(world.clock.now == MonotonicInstant())
            gate.open()
        }
    }

    @Test("quota.progress: P32, WS-20: 40 refreshes of a bubble count once, and its final does not wait")
    func progress() async {
        let world = World()
        let gate = Gate()
        await world.life(
            { Self.quota(&$0) },
            handler: { _, reply in
                for number in 0..<40 {
                    try await reply.replace(with: "step \(number)")
                    while world.platform.shown("r1") != ["step \(number)"] { await Task.yield() }
                }
                await gate.wait()
                try await reply.replace(with: "ready")
            }
        ) { engine, _ in
            engine.accept(EngineBench.message(1))
            await world.pass(.seconds(600)) { world.platform.shown("r1") == ["step 39"] }
            let before = world.clock.now
            gate.open()
            await eventually("final") { world.state(1) == .done }
            #expect(world.clock.now == before)
        }
        #expect(world.platform.all.count == 1)
        #expect(world.memory.sends(account: "default", since: 0).values.map(\.count) == [1])
    }

    @Test("quota.refused: P32, WS-20: 846607 holds back everything of the conversation, and only of it, for seconds")
    func refused() async {
        let world = World()
        let isOpen = Locked(false)
        world.platform.set { operation in
            let isHers =
                if case .stream(let route, _, _, _, _) = operation { route.conversation.id == "mei.chen" } else {
                    false
                }
            return isHers || isOpen.withLock({ $0 }) ? .take : .answer(.rejected(PlatformError(code: 846_607)))
        }
        await world.life({ Self.quota(&$0) }) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("refused") { !world.platform.operations.isEmpty }
            await world.settle()
            let tried = world.platform.operations.count
            engine.accept(EngineBench.message(2))
            engine.accept(EngineBench.message(3, user: "mei.chen"))
            await eventually("hers") { world.state(3) == .done }
            await world.settle()
            #expect(world.platform.operations.filter { isHis($0) }.count == tried)
            isOpen.withLock { $0 = true }
            await world.pass(.seconds(120)) { world.state(1) == .done && world.state(2) == .done }
            #expect(world.clock.now >= MonotonicInstant().advanced(by: .seconds(3)))
        }
        #expect(world.state(1) == .done && world.state(2) == .done)
    }

    private func isHis(_ operation: ChannelOperation) -> Bool {
        switch operation {
        case .stream(let route, _, _, _, _), .reply(let route, _, _): route.conversation.id == "lin.wei"
        case .push(let conversation, _, _): conversation.id == "lin.wei"
        default: false
        }
    }

    @Test(
        "quota.restart: P32, WS-20: a bubble that waited when the program was killed waits for its share in the next run"
    )
    func restartWhileWaiting() async {
        let world = World()
        let handler: MessageHandler = { message, reply in try await reply.append(message.text) }
        await world.life({ Self.quota(&$0) }, handler: handler) { engine, _ in
            for number in 1...45 { engine.accept(EngineBench.message(number, "\(number)")) }
            await eventually("as many as may") { world.platform.all.count >= 22 }
            await world.settle()
            #expect(world.platform.all.count <= 30)
        }
        #expect((1...45).contains { world.task($0)?.bubbles == 0 })
        world.clock.advance(by: .seconds(10))
        for _ in 0..<2 {
            await world.life({ Self.quota(&$0) }, handler: handler) { _, _ in
                await world.pass(.seconds(70)) { (1...45).allSatisfy { world.state($0) == .done } }
            }
        }
        #expect((1...45).allSatisfy { world.state($0) == .done })
        #expect((1...45).allSatisfy { world.platform.shown("r\($0)") == ["\($0)"] })
        let times = counted(world)
        for time in times {
            #expect(times.filter { $0 > time - 60 && $0 <= time }.count <= 30, "\(times.sorted())")
        }
    }

    @Test("quota.restart: P32, WS-20: what was sent before a restart still counts after it")
    func restart() async {
        let world = World()
        await world.life({ Self.quota(&$0) }) { engine, _ in
            for number in 1...20 { engine.accept(EngineBench.message(number)) }
            await eventually("answered") { (1...20).allSatisfy { world.state($0) == .done } }
        }
        #expect(counted(world).count == 20)
        await world.life({ Self.quota(&$0) }) { engine, _ in
            for number in 21...60 { engine.accept(EngineBench.message(number)) }
            await eventually("taken") { engine.openTurns == 40 }
            await world.settle()
            #expect(world.platform.all.count <= 30)
            await world.pass(.seconds(600)) { (21...60).allSatisfy { world.state($0) == .done } }
        }
        let times = counted(world)
        #expect(times.count == 60)
        for time in times {
            #expect(times.filter { $0 > time - 60 && $0 <= time }.count <= 30, "\(times.sorted())")
        }
    }
}
