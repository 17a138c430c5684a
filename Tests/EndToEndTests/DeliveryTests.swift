import AIBotWS
import Simulator
import Testing

@Suite("The client against the simulated platform")
struct DeliveryTests {
    @Test("WS-10: 200 people write at once, and each gets an answer of their own")
    func burst() async throws {
        try await Stage.run(handler: { message, reply in try await reply.append("for \(message.sender.id)") }) {
            stage in
            for number in 0..<200 {
                _ = try stage.simulator.perform(.addUser(SimulatorUser(id: "user\(number)", name: "\(number)")))
            }
            for number in 0..<200 { _ = try stage.simulator.post("hello", from: "user\(number)") }
            for number in 0..<200 {
                try await stage.waitForAnswers(1, user: "user\(number)")
                #expect(stage.shown(to: "user\(number)").map(\.content) == ["for user\(number)"])
            }
        }
    }

    @Test("GW-5: /stop ends a running answer at once, every time, while its own line goes out beside it")
    func stop() async throws {
        let never = ManualClock()
        try await Stage.run(
            handler: { _, reply in
                try await reply.append("half")
                try await never.sleep(for: .seconds(1))
            },
            body: { stage in
                for number in 0..<50 {
                    let user = "user\(number)"
                    _ = try stage.simulator.perform(.addUser(SimulatorUser(id: user, name: user)))
                    _ = try stage.simulator.post("work", from: user)
                    try await stage.simulator.waitUntil { core in
                        let key = ConversationKey(bot: SimulatorBot.demo.id, chat: .single(user))
                        return core.view(of: key).contains { $0.from == .bot && $0.content == "half" }
                    }
                    _ = try stage.simulator.post("/stop", from: user)
                    try await stage.waitForAnswers(2, user: user)
                    let shown = stage.shown(to: user).map { $0.content ?? "" }
                    #expect(shown.contains { $0.hasPrefix("half\n\n⏹") })
                    #expect(shown.contains { $0.hasPrefix("⏹ 已停止 1") })
                }
            })
    }

    @Test("WS-12: an answer of 100 KB arrives whole, in bubbles of at most 20,480 bytes")
    func longAnswer() async throws {
        let answer = (0..<4_000).map { "第 \($0) 行，一些文字。" }.joined(separator: "\n")
        try await Stage.run(handler: { _, reply in try await reply.append(answer) }) { stage in
            _ = try stage.simulator.post("long", from: "lin.wei")
            try await stage.simulator.waitUntil { core in
                let key = ConversationKey(bot: SimulatorBot.demo.id, chat: .single("lin.wei"))
                let bubbles = core.view(of: key).filter { $0.from == .bot }
                return bubbles.allSatisfy(\.finished) && bubbles.last?.content?.hasSuffix("第 3999 行，一些文字。") == true
            }
            let bubbles = stage.shown(to: "lin.wei").map { $0.content ?? "" }
            #expect(bubbles.joined() == answer)
            #expect(bubbles.allSatisfy { $0.utf8.count <= 20_480 })
        }
    }

    @Test("reply.acrossReconnect: P3, WS-14: the connection is lost while the backend works; the answer arrives once")
    func lostWhileWorking() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        try await Stage.run(
            handler: { _, reply in
                try await reply.append("before, ")
                for await _ in gate {}
                try await reply.append("after")
            },
            change: { $0.session.minBackoff = .milliseconds(100) },
            body: { stage in
                _ = try stage.simulator.post("hello", from: "lin.wei")
                try await stage.simulator.waitUntil { core in
                    let key = ConversationKey(bot: SimulatorBot.demo.id, chat: .single("lin.wei"))
                    return core.view(of: key).contains { $0.content == "before, " }
                }
                _ = try stage.simulator.perform(.dropConnections(bot: nil))
                try await stage.simulator.waitUntil { $0.subscribedCount == 0 }
                open.finish()
                try await stage.isOnline()
                try await stage.waitForAnswers(1, user: "lin.wei")
                #expect(stage.shown(to: "lin.wei").map(\.content) == ["before, after"])
            })
    }

    @Test("stream.longTask: P2, WS-13: past the deadline the bubble says so, and the answer comes as a push")
    func longTask() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        try await Stage.run(
            manualTime: true,
            handler: { _, reply in
                for await _ in gate {}
                try await reply.append("at last")
            },
            body: { stage in
                _ = try stage.simulator.post("hello", from: "lin.wei")
                try await stage.simulator.waitUntil { core in
                    let key = ConversationKey(bot: SimulatorBot.demo.id, chat: .single("lin.wei"))
                    return core.view(of: key).contains { $0.from == .bot && $0.waiting }
                }
                stage.advance(by: .seconds(331))
                try await stage.waitForAnswers(1, user: "lin.wei")
                open.finish()
                try await stage.waitForAnswers(2, user: "lin.wei")
                let shown = stage.shown(to: "lin.wei")
                #expect(shown.first?.content?.contains("⏳") == true)
                #expect(shown.last?.content == "at last")
                #expect(shown.last?.kind == .markdown)
            })
    }

    @Test("dedupe.repeated: P8, WS-9: a message delivered three times is answered once")
    func redelivery() async throws {
        try await Stage.run(handler: { _, reply in try await reply.append("once") }) { stage in
            var post = UserPost(bot: SimulatorBot.demo.id, user: "lin.wei", content: .text("hello"))
            post.repeats = 2
            _ = try stage.simulator.post(post)
            _ = try stage.simulator.post("second", from: "lin.wei")
            try await stage.waitForAnswers(2, user: "lin.wei")
            #expect(stage.shown(to: "lin.wei").count == 2)
        }
    }

    @Test("displaced.policy: WS-5: a replaced bot stays away until it is told to come back")
    func replaced() async throws {
        try await Stage.run(handler: { _, reply in try await reply.append("here") }) { stage in
            _ = try stage.simulator.perform(.kick(bot: SimulatorBot.demo.id))
            // The client hangs up by itself, and only once it knows.
            try await stage.simulator.waitUntil { $0.connectionCount == 0 }
            await stage.bot.session.reconnect()
            try await stage.isOnline()
            _ = try stage.simulator.post("hello", from: "lin.wei")
            try await stage.waitForAnswers(1, user: "lin.wei")
        }
    }
}
