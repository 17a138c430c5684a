import Foundation
import Logging
import Simulator
import Testing
import WebhookCompat

@Suite("A webhook bot as a library", .timeLimit(.minutes(2)))
struct WebhookBotServiceTests {
    private static let key = "M7gMYkBJXYy6ISI6etq4rp2qcW5IbMHNNyKWUC0mNpk"

    @Test("WB-1, WB-2: one value and one handler run a bot that the platform calls, and end when told to")
    func answers() async throws {
        try await PlatformSimulator.withRunning { simulator in
            simulator.setOptions { $0.pollInterval = 200 }
            let key = try CallbackKey(encodingAESKey: Self.key)
            var configuration = WebhookBotService.Configuration(
                credentials: try CallbackCredentials(token: Secret("tokenOfTheBot"), key: key))
            configuration.listen = NetworkAddress(host: "127.0.0.1", port: 0)
            configuration.plainHosts = ["127.0.0.1"]
            let (ports, listening) = AsyncStream<Int>.makeStream()
            let bot = WebhookBotService(
                configuration, onListening: { listening.yield($0) },
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            #expect(bot.description == "webhook bot")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await bot.run { message, reply in try await reply.append("You said: " + message.text) }
                }
                let port = try #require(await ports.first { _ in true })
                let side = WebhookSide(
                    callbackURL: "http://127.0.0.1:\(port)/wecom/bot", token: "tokenOfTheBot", encodingAESKey: Self.key)
                try simulator.setWebhook(side, of: SimulatorBot.demo.id)
                for text in ["hello", "早上好"] {
                    try simulator.post(text, via: .webhook)
                    let user = ConversationKey(bot: SimulatorBot.demo.id, chat: .single("lin.wei"))
                    try await simulator.waitUntil(timeout: .seconds(60)) { core in
                        core.view(of: user).contains { $0.finished && $0.content == "You said: " + text }
                    }
                }
                group.cancelAll()
            }
            #expect(simulator.violations.isEmpty)
        }
    }

    @Test(
        "WB-1: credentials that are none are refused before anything is bound", arguments: [("", key), ("t", "short")])
    func credentials(token: String, key: String) {
        #expect(throws: CallbackKeyError.self) { try WebhookBotService(token: token, encodingAESKey: key) }
    }
}
