import Foundation
import Gateway
import Shared
import Simulator
import Testing

/// What a bot cannot deliver, the application of its account does: once, to the person who asked.
@Suite("The application as the fallback of a bot")
struct FallbackTests {
    @Test("AG-10: a bot that is away for a minute lets the application answer; once only, when it comes back")
    func away() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        try await ThreeSides.run(
            agentBeside: true, adjust: { $0.reply.fallbackAfter = .seconds(1) },
            answer: { _, reply in
                for await _ in gate {}
                try await reply.append("at last")
            }
        ) { sides in
            try sides.simulator.post("hello", via: .longConnection)
            try await sides.wait(.longConnection) { $0.count == 1 }
            // Another program has the bot: this one stays away.
            try sides.simulator.perform(.kick(bot: ThreeSides.bot))
            try await sides.simulator.waitUntil { $0.subscribedCount == 0 }
            open.finish()
            try await sides.wait(.agent) { $0.contains { $0.content == "at last" } }
            #expect(sides.shown(.agent).count == 1)
            #expect(!sides.shown(.longConnection).contains { $0.content == "at last" })
        }
    }

    @Test(
        "WB-3, AG-10: after the bubble's time and a used response_url the application brings the rest, and in a group to the person"
    )
    func group() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        try await ThreeSides.run(
            account: "stream: {maxSeconds: 1, minIntervalSeconds: 0.2}", agentBeside: true,
            options: { $0.responseURLLifetime = 0 },
            answer: { _, reply in
                for await _ in gate {}
                try await reply.append("at last")
            }
        ) { sides in
            let group = SimulatorGroup.demo.id
            try sides.simulator.post("hello", group: group, via: .webhook)
            try await sides.simulator.waitUntil(timeout: .seconds(60)) { core in
                let key = ConversationKey(bot: ThreeSides.bot, chat: .group(group))
                return core.view(of: key).contains { $0.from == .bot && $0.finished }
            }
            open.finish()
            try await sides.wait(.agent) { $0.contains { $0.content == "at last" } }
            #expect(sides.simulator.violations.isEmpty)
        }
    }

    @Test("AG-10: whom the bot may not write to, the application writes to")
    func neverSpoken() async throws {
        try await ThreeSides.run(
            agentBeside: true, options: { $0.pushNeedsEarlierMessage = true }, answer: { _, _ in }
        ) { sides in
            let request = SendRequest(
                account: "ws", targets: [.user("mei.chen")], content: .text("by whichever way"), key: "k1")
            let result = try #require(try await sides.gateway.send(request).first)
            #expect(result.state == .acked)
            try await sides.wait(.agent, user: "mei.chen") { $0.contains { $0.content == "by whichever way" } }
            #expect(sides.shown(.longConnection, user: "mei.chen").isEmpty)
        }
    }

    @Test(
        "WB-8, AG-5: a webhook bot alone cannot write first and says how; departments and tags are reached by an application"
    )
    func targets() async throws {
        try await ThreeSides.run(answer: { _, _ in }) { sides in
            let refused = try #require(
                try await sides.gateway.send(
                    SendRequest(account: "hook", targets: [.user("lin.wei")], content: .text("hello"))
                ).first)
            #expect(refused.state == .failed && refused.reason?.contains("cannot write first") == true)
            let sent = try await sides.gateway.send(
                SendRequest(
                    account: "app", targets: [.user("lin.wei"), .department("1"), .group("wrSOMEBODYELSESgroup0001")],
                    content: .text("to all")))
            #expect(sent.map(\.state) == [.acked, .acked, .failed])
            #expect(sent.last?.reason?.contains("86008") == true)
            let path = "/nonexistent/report.pdf"
            let noFile = await #expect(throws: GatewayError.self) {
                try await sides.gateway.send(
                    SendRequest(account: "app", targets: [.user("lin.wei")], content: .file(path: path)))
            }
            #expect(noFile?.message.hasPrefix("\(path) does not exist as the running program sees it") == true)
            try await sides.wait(.agent) { $0.contains { $0.content == "to all" } }
        }
    }
}

@Suite("Attachments of an application on a bad line")
struct BrokenDownloadTests {
    @Test("media.in: P12, AG-6: a file whose download breaks off, twice, is fetched again")
    func again() async throws {
        try await ThreeSides.run(answer: ConformanceTests.answer) { sides in
            sides.simulator.setFaults(
                SimulatorFaults([SimulatorFault(.dropAfter, cmd: "cgi-bin/media/get", nth: 1, count: 2)]))
            let picture = UserPost.File(name: "a.png", bytes: ConformanceTests.png)
            try sides.simulator.post(
                UserPost(bot: ThreeSides.bot, user: "lin.wei", content: .image(picture), via: .agent))
            try await sides.wait(.agent) { $0.last?.content == "you said  image \(ConformanceTests.png.count) " }
        }
    }
}

/// What happens to callbacks while the program goes down.
@Suite("Callbacks at a graceful stop")
struct CallbackStopTests {
    @Test("WS-21, WB-2: an answer that is ready while the program stops is still fetched; new messages are sent back")
    func drain() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        try await ThreeSides.runService(answer: { _, reply in
            for await _ in gate {}
            try await reply.append("in time")
        }) { sides, stop in
            try sides.simulator.post("hello", via: .webhook)
            try await sides.wait(.webhook) { $0.count == 1 }
            await stop()
            // It has begun to stop once a message is sent back.
            for number in 0..<1_000 {
                try sides.simulator.perform(.addUser(SimulatorUser(id: "user\(number)", name: "\(number)")))
                try sides.simulator.post("too late", from: "user\(number)", via: .webhook)
                let count = number + 2
                try await sides.simulator.waitUntil { core in
                    core.callbackRecords.filter { $0.type == "text" && $0.endedAt != nil }.count >= count
                }
                if sides.simulator.callbacks.contains(where: { $0.outcome == .answered(status: 503) }) { break }
            }
            #expect(sides.simulator.callbacks.contains { $0.outcome == .answered(status: 503) })
            open.finish()
            try await sides.wait(.webhook) { $0.contains { $0.finished && $0.content == "in time" } }
        }
    }
}
