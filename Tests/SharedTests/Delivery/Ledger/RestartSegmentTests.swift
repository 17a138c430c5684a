import Testing

@testable import Shared

@Suite("ReplyEngine on a ledger: killed within an answer of many bubbles")
struct RestartSegmentTests {
    private static let lines = (1...200).map { "line \($0) of a long answer\n" }

    /// How often each line is to be seen.
    private func sightings(_ world: World) -> [Int] {
        let seen = world.platform.all.map(\.text).joined(separator: "\n").split(separator: "\n")
        let counts = Dictionary(seen.map { ($0, 1) }, uniquingKeysWith: +)
        return Self.lines.map { counts[$0.dropLast()] ?? 0 }
    }

    /// Dies when two bubbles of the long answer are full and a third one grows.
    private func diesInThirdBubble(_ world: World) async {
        await world.life(handler: { _, reply in
            for line in Self.lines[..<150] { try await reply.append(line) }
            await Signal().wait()
        }) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("third bubble") {
                world.platform.all.count == 3 && world.task(1)?.shown.count == 2 && world.task(1)?.bubbles == 3
            }
        }
    }

    @Test(
        "restart.segments: P31: a further bubble is in the ledger before its first frame goes out, so that it gets its last one"
    )
    func knownBubbles() async {
        let world = World(capabilities: .bench(maxTextBytes: 2_000))
        let gate = Gate()
        await world.life(handler: { _, reply in
            for line in Self.lines[..<150] { try await reply.append(line) }
            await Signal().wait()
        }) { engine, ledger in
            ledger.beforeWrites {
                await gate.wait()
                return nil
            }
            engine.accept(EngineBench.message(1))
            await eventually("first bubble is full") { world.platform.all.first?.isSealed == true }
            await world.settle()
            #expect(world.platform.all.count == 1)
            ledger.die()
            gate.open()
        }
        await world.life(handler: { _, reply in try await reply.append(Self.lines.joined()) }) { _, _ in
            await eventually("answered") { world.state(1) == .done }
        }
        #expect(world.platform.unsealed.isEmpty)
    }

    @Test("restart.segments: P31, P8: killed within an answer of many bubbles: what stands there is not said again")
    func goesOnWhereItWas() async {
        let world = World(capabilities: .bench(maxTextBytes: 2_000))
        await diesInThirdBubble(world)
        await world.life(handler: { _, reply in
            try await reply.append(Self.lines.joined())
        }) { _, _ in await eventually("answered") { world.state(1) == .done } }
        #expect(sightings(world).allSatisfy { $0 == 1 })
        #expect(world.platform.unsealed.isEmpty && world.platform.pushed().isEmpty)
        #expect(world.task(1)?.earlierBubbles == 0)
    }

    @Test(
        "restart.segments: P31: another answer after a restart is shown whole, and the ledger says what stands above it"
    )
    func answersOtherwise() async {
        let world = World(capabilities: .bench(maxTextBytes: 2_000))
        await diesInThirdBubble(world)
        await world.life(handler: { _, reply in
            try await reply.append("another\n" + Self.lines.joined())
        }) { _, _ in await eventually("answered") { world.state(1) == .done } }
        #expect(sightings(world).allSatisfy { $0 >= 1 })
        #expect(world.platform.all.contains { $0.text.hasPrefix("another") })
        #expect(world.platform.unsealed.isEmpty)
        #expect(world.task(1)?.earlierBubbles == 2)
    }

    @Test("restart.segments: P31: a shorter answer after a restart still ends the bubble that was open")
    func endsEarlier() async {
        let world = World(capabilities: .bench(maxTextBytes: 2_000))
        await diesInThirdBubble(world)
        let first = world.platform.all[0].text
        await world.life(handler: { _, reply in try await reply.append(first) }) { _, _ in
            await eventually("answered") { world.state(1) == .done }
        }
        #expect(world.platform.unsealed.isEmpty)
        #expect(world.platform.all.last?.text == first)
    }

    @Test(
        "restart.segments: P31, P8: killed between a full bubble and its ack: nothing is missing, and a repetition is named"
    )
    func diesBeforeTheAck() async {
        let world = World(capabilities: .bench(maxTextBytes: 2_000))
        let finals = Locked(0)
        world.platform.set { operation in
            guard isFinal(operation) else { return .take }
            return finals.withLock { count in
                count += 1
                return count == 2 ? .hang(shows: true) : .take
            }
        }
        await world.life(handler: { _, reply in
            for line in Self.lines[..<150] { try await reply.append(line) }
            await Signal().wait()
        }) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("second bubble is full") { finals.withLock { $0 } == 2 && world.task(1)?.bubbles == 2 }
        }
        world.platform.set { _ in .take }
        await world.life(handler: { _, reply in
            try await reply.append(Self.lines.joined())
        }) { _, _ in await eventually("answered") { world.state(1) == .done } }
        let seen = sightings(world)
        #expect(seen.allSatisfy { $0 >= 1 })
        #expect(seen.allSatisfy { $0 == 1 } || world.task(1)?.isHandedOver == true)
        #expect(world.platform.unsealed.isEmpty)
    }
}
