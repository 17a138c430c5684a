import Testing

@testable import Shared

/// A message with, or without, an address for one late message.
private func message(_ number: Int, in world: World, late: Bool) -> InboundEvent {
    guard case .message(let message, var route) = EngineBench.message(number) else {
        return EngineBench.message(number)
    }
    if late {
        route.late = LateAddress(
            url: "https://example.com/\(number)", expiresAt: world.clock.unixMilliseconds + 3_000_000)
    }
    return .message(message, route)
}

/// As a bot in callback mode has them: without a line.
private let requests = {
    var capabilities = Capabilities.callbacks
    capabilities.hasSession = false
    return capabilities
}()

private func isReply(_ operation: ChannelOperation) -> Bool {
    if case .reply = operation { true } else { false }
}

private func isLateCard(_ operation: ChannelOperation) -> Bool {
    if case .replyCard = operation { true } else { false }
}

@Suite("ReplyEngine on a ledger: restarts where bubbles are polled and an application stands beside the bot")
struct CallbackRestartTests {
    @Test("restart.kill: AG-10, WS-15: killed amid the pieces of a long answer: the application goes on behind them")
    func pieces() async {
        let world = World(capabilities: requests, fallback: .application)
        let lines = (0..<600).map { "line \($0) of an answer that is longer than one bubble takes, by far\n" }
        let sent = Locked(0)
        world.application.set { _ in
            sent.withLock { sent in
                sent += 1
                return sent == 9 ? .hang(shows: true) : .take
            }
        }
        await world.life(handler: { _, reply in try await reply.append(lines.joined()) }) { engine, _ in
            engine.accept(message(1, in: world, late: false))
            await eventually("amid the pieces") { sent.withLock { $0 } == 9 }
        }
        world.application.set { _ in .take }
        await world.life(handler: { _, _ in Issue.record("asked again") }) { _, _ in
            await eventually("delivered") { world.state(1) == .done }
        }
        let shown = world.platform.shown("r1") + world.application.pushed()
        for line in lines {
            let word = line.split(separator: " ")[1]
            let count = shown.count { $0.contains("line \(word) ") }
            #expect(count == 1 || count == 2 && world.application.pushed()[8].contains("line \(word) "))
        }
        #expect(world.task(1)?.parts.allSatisfy { $0.state == .acked } == true)
    }

    @Test(
        "restart.kill: WB-3, AG-10, WS-15: the late address said nothing, the application took over, and the program dies: the address is not used again, and nothing is missing"
    )
    func lateAddressIsSpent() async {
        let world = World(capabilities: requests, fallback: .application)
        let lines = (0..<1_200).map { "line \($0) of an answer that is longer than two bubbles take, by far\n" }
        world.platform.set { isReply($0) ? .answer(.unknown(.ackTimeout)) : .take }
        let sent = Locked(0)
        world.application.set { _ in
            sent.withLock { sent in
                sent += 1
                // Amid the pieces of the part behind the one that the address had been tried for.
                return sent == 28 ? .hang(shows: false) : .take
            }
        }
        await world.life(handler: { _, reply in try await reply.append(lines.joined()) }) { engine, _ in
            engine.accept(message(1, in: world, late: true))
            await eventually("amid the pieces") {
                world.clock.advance(by: .milliseconds(100))
                return sent.withLock { $0 } == 28
            }
        }
        world.application.set { _ in .take }
        await world.life(handler: { _, _ in Issue.record("asked again") }) { _, _ in
            await eventually("delivered") {
                world.clock.advance(by: .milliseconds(100))
                return world.state(1) == .done
            }
        }
        #expect(world.platform.operations.count(where: isReply) == 1)
        let shown = world.platform.shown("r1") + world.application.pushed()
        for line in lines {
            let word = line.split(separator: " ")[1]
            #expect(shown.contains { $0.contains("line \(word) ") }, "line \(word)")
        }
        #expect(world.task(1)?.parts.allSatisfy { $0.state == .acked } == true)
    }

    @Test("restart.kill: WB-3, WS-15: the late address was out of reach, and the program dies: the next run uses it")
    func lateAddressOutOfReach() async {
        let world = World(capabilities: requests)
        world.platform.set {
            isFinal($0) ? .answer(.refused(846_608)) : isReply($0) ? .answer(.notSent(.offline)) : .take
        }
        await world.life { engine, _ in
            engine.accept(message(1, in: world, late: true))
            await eventually("tried") { world.platform.operations.contains(where: isReply) }
            await world.settle()
        }
        world.platform.set { isFinal($0) ? .answer(.refused(846_608)) : .take }
        await world.life(handler: { _, _ in Issue.record("asked again") }) { _, _ in
            await eventually("settled") {
                world.clock.advance(by: .milliseconds(100))
                return world.state(1)?.isEnded == true
            }
        }
        #expect(world.platform.shown("r1").last == "re: hello")
        #expect(world.state(1) == .done && world.task(1)?.parts.map(\.state) == [.acked])
    }

    @Test(
        "restart.kill: WB-6, WS-15: killed while a card is on its way to the one late address: left as it is, and said so"
    )
    func lateCard() async {
        let world = World(capabilities: requests)
        world.platform.set { isLateCard($0) ? .hang(shows: true) : .take }
        let card =
            #"{"card_type":"text_notice","main_title":{"title":"t"},"card_action":{"type":1,"url":"https://e.com"}}"#
        await world.life(handler: { _, reply in
            try await reply.append("see the card")
            try await reply.attach(.card(json: card))
        }) { engine, _ in
            engine.accept(message(1, in: world, late: true))
            await eventually("card in flight") { world.platform.operations.contains(where: isLateCard) }
        }
        world.platform.set { _ in .take }
        await world.life { _, _ in
            await eventually("settled") { world.state(1) != .answered }
        }
        #expect(world.state(1) == .done)
        #expect(world.task(1)?.parts.last?.state == .assumed)
        #expect(world.platform.operations.count(where: isLateCard) == 1)
    }

    @Test("restart.kill: WB-3, WS-15: the last content waits for a refresh, the program dies, and nobody asks again")
    func nobodyAsks() async {
        let world = World(capabilities: requests)
        world.platform.set { isFinal($0) ? .hang(shows: false) : .take }
        await world.life { engine, _ in
            engine.accept(message(1, in: world, late: true))
            await eventually("final waits") { world.platform.operations.contains(where: isFinal) }
        }
        world.platform.set { isFinal($0) ? .answer(.rejected(PlatformError(code: 846_608))) : .take }
        await world.life(handler: { _, _ in Issue.record("asked again") }) { _, _ in
            await eventually("delivered") { world.state(1) == .done }
        }
        let replies = world.platform.operations.compactMap { operation -> String? in
            if case .reply(_, let markdown, _) = operation { markdown } else { nil }
        }
        #expect(replies == ["re: hello"])
        #expect(world.task(1)?.parts.first?.via == .reply)
    }
}
