import AIBotWS
import Foundation
import Logging
import Simulator

/// The real client on real sockets against the simulated platform, with both clocks in the test's hand where asked for.
struct Stage: Sendable {
    let simulator: PlatformSimulator
    let bot: AIBotClient
    let clock: ManualClock?

    /// Runs `body` while platform and bot are up and the bot is subscribed.
    static func run(
        manualTime: Bool = false, handler: @escaping MessageHandler,
        change: @escaping @Sendable (inout AIBotClient.Configuration) -> Void = { _ in },
        body: @escaping @Sendable (Stage) async throws -> Void
    ) async throws {
        let platformClock: SimulatorClock = manualTime ? .manual() : .real()
        let clock = manualTime ? ManualClock() : nil
        try await PlatformSimulator.withRunning(clock: platformClock) { simulator in
            let port = try await simulator.boundPort
            let target = ConnectionTarget(secure: false, host: "127.0.0.1", port: port)
            var configuration = AIBotClient.Configuration(
                session: SessionConfiguration(
                    botID: BotID(SimulatorBot.demo.id), secret: SimulatorBot.demo.secret, target: target))
            change(&configuration)
            let transport = clock.map { LWSTransport(clock: $0) } ?? LWSTransport()
            let bot = AIBotClient(
                configuration, transport: transport, clock: clock ?? SystemMonotonicClock(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await bot.run(handler: handler) }
                let stage = Stage(simulator: simulator, bot: bot, clock: clock)
                try await stage.isOnline()
                try await body(stage)
                group.cancelAll()
            }
            transport.shutdown()
        }
    }

    /// Waits until the bot is subscribed.
    func isOnline() async throws {
        try await simulator.waitUntil { $0.subscribedCount == 1 }
    }

    /// Moves both clocks together.
    func advance(by duration: Duration) {
        simulator.advance(by: duration)
        clock?.advance(by: duration)
    }

    /// What the bot showed to a user, oldest first.
    func shown(to user: String) -> [Entry] { simulator.view(of: user).filter { $0.from == .bot } }

    /// Waits until a user sees so many finished bubbles or messages of the bot.
    func waitForAnswers(_ count: Int, user: String) async throws {
        try await simulator.waitUntil { core in
            let key = ConversationKey(bot: SimulatorBot.demo.id, chat: .single(user))
            let done = core.view(of: key).filter { $0.from == .bot && $0.finished }
            return done.count >= count
        }
    }
}
