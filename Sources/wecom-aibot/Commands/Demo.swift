import ArgumentParser
import Backends
import Foundation
import Gateway
import Logging
import ServiceLifecycle
import Shared
import Simulator

/// Everything on this machine: platform, bot and page.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Simulated platform, bot and chat page on this machine; no account needed.",
        discussion: """
            Open the page that is printed and write to the bot. Words that show things off: help, long, table, code,
            slow, fail. The panel at the side shows every frame and can break the connection on purpose.
            """)

    @Option(help: "Port of the chat page on 127.0.0.1; 0 takes a free one.")
    var port = 8787

    @Flag(help: "Log every detail.")
    var verbose = false

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be between 0 and 65535") }
    }

    func run() async throws {
        let logger = Logger(label: "demo") { [verbose] _ in LogLines(format: .text, level: verbose ? .debug : .info) }
        var settings = SimulatorConfiguration()
        settings.listen = SimulatorAddress(host: "127.0.0.1", port: port)
        let simulator = PlatformSimulator(configuration: settings, logger: logger)
        let bot = DemoBot(simulator: simulator, logger: logger)
        do {
            try await Lifecycle.run(
                [simulator, bot], stopWithin: .seconds(5),
                logger: Logger(label: "services") { _ in
                    LogLines(format: .text, level: .error)
                })
        } catch {
            guard "\(error)".contains("errno: 98") else { throw error }
            throw Failure(.failed, "port \(port) is taken; name another with --port")
        }
    }
}

/// The bot of the demo: the real client and engine against the simulator beside it.
private struct DemoBot: Service {
    let simulator: PlatformSimulator
    let logger: Logger

    func run() async throws {
        let port = try await simulator.boundPort
        let folder = FileManager.default.temporaryDirectory.path + "/wecom-aibot-demo-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let keys = DemoKeys()
        let gateway = try Gateway(
            Self.configuration(port: port, folder: folder, keys), environment: [:],
            backend: EchoBackend(demo: true, clock: SystemMonotonicClock()),
            onListening: { port in
                do { try keys.open(simulator, port: port) } catch {
                    logger.error("the other transports are not shown", metadata: .init([.error: "\(error)"]))
                }
            }, logger: logger)
        print("Chat page:  http://127.0.0.1:\(port)/    (Ctrl-C stops)")
        fflush(nil)
        try await gateway.run()
    }

    private static func configuration(port: Int, folder: String, _ keys: DemoKeys) throws -> GatewayConfiguration {
        let bot = SimulatorBot.demo
        let open = #"dm: {policy: "open"}"#
        let welcome =
            #"welcomeText: "你好，我是演示机器人。发送 help 看看我会什么。\nHello! Send help to see what I can do.""#
        let text = """
            {channels: {wecom: {defaultAccount: "demo", media: {allowPrivateHosts: ["127.0.0.1"]}, accounts: {
              demo: {name: "\(bot.name)", groupPolicy: "open",
                bot: {botId: "\(bot.id)", secret: "\(bot.secret)", wsUrl: "ws://127.0.0.1:\(port)", \(open), \(welcome)}},
              "demo-callback": {name: "\(bot.name)", groupPolicy: "open",
                bot: {mode: "webhook", token: "\(keys.token)", encodingAESKey: "\(keys.bot)", \(open), \(welcome)}},
              "demo-app": {
                agent: {corpId: "\(DemoKeys.corpID)", corpSecret: "\(keys.token)", agentId: \(DemoKeys.agentID),
                  token: "\(keys.token)", encodingAESKey: "\(keys.app)", apiBaseUrl: "http://127.0.0.1:\(port)",
                  \(open), \(welcome)}},
            }}}, gateway: {stateDir: "\(folder)", admin: "", listen: "127.0.0.1:0"}}
            """
        let result = GatewayConfiguration.load(
            text: text, file: "demo", environment: [:], readFile: { _ in throw CocoaError(.fileNoSuchFile) })
        guard let configuration = result.configuration else {
            throw Failure(.failed, result.errors.map(\.description).joined(separator: "\n"))
        }
        return configuration
    }
}

/// Credentials of the demo's callbacks, new at every start.
private struct DemoKeys: Sendable {
    static let corpID = "wwdemo0000000001"
    static let agentID = 1_000_002

    let token = random(32)
    let bot = random(43)
    let app = random(43)

    private static func random(_ count: Int) -> String {
        let characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        return String((0..<count).map { _ in characters[Int.random(in: characters.indices)] })
    }

    /// Shows the bot's other two sides on the page, once they can be called.
    func open(_ simulator: PlatformSimulator, port: Int) throws {
        let bot = SimulatorBot.demo.id
        try simulator.setWebhook(
            WebhookSide(
                callbackURL: "http://127.0.0.1:\(port)/wecom/bot/demo-callback", token: token, encodingAESKey: self.bot),
            of: bot)
        try simulator.setApp(
            ApplicationSide(
                corpID: Self.corpID, secret: token, agentID: Self.agentID,
                callbackURL: "http://127.0.0.1:\(port)/wecom/agent/demo-app", token: token, encodingAESKey: app),
            of: bot)
    }
}
