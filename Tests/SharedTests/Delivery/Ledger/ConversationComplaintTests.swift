import Testing

@testable import Shared

private let words = ReplyWords()

@Suite("Complaints: messages and conversations that get mixed up")
struct ConversationComplaintTests {
    @Test(
        "busy.queue: P9, WS-10: three messages 200 ms apart during a turn: each is told at once how many are ahead; all are answered, in order"
    )
    func threeInARow() async {
        let world = World()
        let gate = Gate()
        let order = Locked([String]())
        await world.life(handler: { message, reply in
            if message.text == "1" { await gate.wait() }
            order.withLock { $0.append(message.text) }
            try await reply.append("re: " + message.text)
        }) { engine, _ in
            engine.accept(EngineBench.message(1, "1"))
            await eventually("begun") { world.task(1)?.attempts == 1 }
            for number in 2...4 {
                world.clock.advance(by: .milliseconds(200))
                engine.accept(EngineBench.message(number, "\(number)"))
                // Without any time passing.
                await eventually("told") { world.platform.shown("r\(number)") == [words.queued(ahead: number - 1)] }
            }
            gate.open()
            await world.pass(.seconds(30)) { (1...4).allSatisfy { world.state($0) == .done } }
        }
        #expect(order.withLock { $0 } == ["1", "2", "3", "4"])
        #expect((1...4).map { world.platform.shown("r\($0)") } == (1...4).map { ["re: \($0)"] })
        #expect(world.platform.unsealed.isEmpty && world.platform.pushed().isEmpty)
    }

    /// 2,000 questions of 20 people to 3 bots, alone and in 10 groups, some of which have the id of a person.
    private static func question(_ number: Int) -> (bot: AccountID, user: String, group: String?) {
        var random = SeededGenerator(seed: UInt64(number))
        func pick(_ upper: Int) -> Int { Int.random(in: 0..<upper, using: &random) }
        let chat = pick(10)
        return (
            AccountID("bot\(pick(3))"), "user\(pick(20))", pick(2) == 0 ? nil : chat < 5 ? "user\(chat)" : "wr\(chat)"
        )
    }

    @Test(
        "isolation.matrix: P10, WS-21: 3 bots at the same time on one ledger: 2,000 answers and their histories stay where they belong"
    )
    func threeBots() async {
        let world = World()
        let leaks = Locked([String]())
        let handler: MessageHandler = { message, reply in
            let tag = "\(message.account) \(message.conversation.kind.rawValue) \(message.conversation.id)"
            let history = await reply.turnInfo.history(6).map(\.text)
            if !history.allSatisfy({ $0.hasSuffix(tag) }) { leaks.withLock { $0.append("\(tag) saw \(history)") } }
            try await reply.append("\(message.text.split(separator: " ").first ?? "") is of ")
            await Task.yield()
            try await reply.append(tag)
        }
        func life(_ bots: ArraySlice<AccountID>, _ engines: [AccountID: ReplyEngine]) async {
            guard let bot = bots.first else { return await ask(engines, world) }
            await world.life({ $0.queuedPerConversation = 2_000 }, account: bot, handler: handler) { engine, _ in
                await life(bots.dropFirst(), engines.merging([bot: engine]) { $1 })
            }
        }
        await life(["bot0", "bot1", "bot2"], [:])
        for number in 0..<2_000 {
            let (bot, user, group) = Self.question(number)
            let place = group.map { "group \($0)" } ?? "direct \(user)"
            #expect(world.platform.shown("r\(number)") == ["q\(number) is of \(bot) \(place)"])
        }
        #expect(leaks.withLock { $0 }.isEmpty)
        #expect(world.platform.all.count == 2_000)
    }

    private func ask(_ engines: [AccountID: ReplyEngine], _ world: World) async {
        for number in 0..<2_000 {
            let (bot, user, group) = Self.question(number)
            let place = group.map { "group \($0)" } ?? "direct \(user)"
            engines[bot]?.accept(
                EngineBench.message(number, "q\(number) \(bot) \(place)", user: user, group: group, account: bot))
        }
        await eventually("answered") { engines.values.allSatisfy { $0.openTurns == 0 } }
    }
}
