import Logging
import Shared
import Testing

@testable import WebhookCompat

/// Messages of an application answered by the engine.
@Suite("Answers of an application")
struct AgentEngineTests {
    private static func message(_ id: String, _ text: String) throws -> InboundEvent {
        let xml =
            "<xml><FromUserName>lin.wei</FromUserName><CreateTime>1795000000</CreateTime><MsgType>text</MsgType>"
            + "<Content>\(text)</Content><MsgId>\(id)</MsgId></xml>"
        let callback = AgentCallbackDecoder(account: "default").decode(
            try CallbackXMLReader.parse(Array(xml.utf8)), receivedAt: 0)
        guard case .event(let event) = callback else { throw CancellationError() }
        return event
    }

    private static func answer(
        _ messages: [InboundEvent], on bench: AgentBench, until count: Int, handler: @escaping MessageHandler
    ) async {
        var settings = EngineSettings()
        settings.reply.firstHintAfter = .zero
        settings.reply.minInterval = .zero
        let engine = ReplyEngine(
            channel: bench.channel, settings: settings, clock: SystemMonotonicClock(), wallClock: SystemWallClock(),
            seed: 7,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, handler: handler)
        engine.sessionChanged(online: true)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await engine.run() }
            for message in messages { engine.accept(message) }
            while bench.server.requests.count < count || engine.openTurns > 0 { await Task.yield() }
            engine.stop(drain: .seconds(1))
            await group.waitForAll()
        }
    }

    @Test("AG-2: a message is answered once by the server API, whole, in parts that nobody cuts")
    func longAnswer() async throws {
        let text = (0..<200).map { "第 \($0) 段：一些内容。" }.joined(separator: "\n")
        try await AgentBench.with { bench in
            let event = try Self.message("1", "hi")
            await Self.answer([event, event], on: bench, until: 2) { message, reply in
                #expect(message.text == "hi")
                for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                    try await reply.append(line == text.split(separator: "\n").last ? "\(line)" : "\(line)\n")
                }
            }
            let parts = bench.server.requests.compactMap(\.content)
            #expect(parts.joined() == text && parts.allSatisfy { $0.utf8.count <= 2_048 })
            #expect(bench.server.requests.allSatisfy { $0.json("touser") == "lin.wei" && $0.api == "message/send" })
        }
    }

    @Test("AG-4: answers keep the order of their messages, whatever the platform is busy with")
    func order() async throws {
        let count = Locked(0)
        try await AgentBench.with({ _ in
            count.withLock {
                $0 += 1
                return $0 % 3 == 1 ? .error(-1) : nil
            }
        }) { bench in
            let events = try (0..<8).map { try Self.message("m\($0)", "\($0)") }
            await Self.answer(events, on: bench, until: 12) { message, reply in
                try await reply.append("answer \(message.text)")
            }
            var shown: [String] = []
            for text in bench.server.requests.compactMap(\.content) where shown.last != text { shown.append(text) }
            #expect(shown == (0..<8).map { "answer \($0)" })
        }
    }
}
