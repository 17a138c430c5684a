import ArgumentParser
import Foundation
import Gateway
import Logging
import ServiceLifecycle
import Simulator

/// The platform's twin on its own.
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Simulated platform with chat page and control API, for a bot of your own.",
        discussion: """
            Point any client of the long connection at ws://HOST:PORT (wsUrl in the configuration). The first line on
            standard output is JSON with the addresses: {"listening":"127.0.0.1:8787","tls":"127.0.0.1:8788"}.
            Clients that insist on TLS: --tls-listen with --ca-out, and trust that file.
            A bot in callback mode: --callback-url with --token and --encoding-aes-key. An application: --corp-id,
            --corp-secret and --agent-id (apiBaseUrl is http://HOST:PORT), and for its callbacks --agent-callback-url with
            --agent-token and --agent-encoding-aes-key. The page has a switch for the transport then.
            """)

    @Option(help: ArgumentHelp("Address of page, control API and WebSocket.", valueName: "host:port"))
    var listen = "127.0.0.1:8787"

    @Option(help: ArgumentHelp("Further address with TLS.", valueName: "host:port"))
    var tlsListen: String?

    @Option(help: ArgumentHelp("Where to write the certificate authority made for it (PEM).", valueName: "file"))
    var caOut: String?

    @Option(help: "Id of the bot that may subscribe.")
    var botId = SimulatorBot.demo.id

    @Option(help: "Its secret.")
    var secret = SimulatorBot.demo.secret

    @Option(help: "Its name, as people mention it.")
    var botName = SimulatorBot.demo.name

    @Option(help: "Number of bots; the second has the id BOT-ID-2 and so on, all with the same secret.")
    var bots = 1

    @Option(help: ArgumentHelp("JSON file with faults to begin with, as for POST /api/faults.", valueName: "file"))
    var faults: String?

    @OptionGroup(title: "Callback mode") var callbacks: CallbackOptions

    func validate() throws {
        guard (1...1_000).contains(bots) else { throw ValidationError("--bots must be between 1 and 1000") }
        try callbacks.validate()
    }

    func run() async throws {
        let logger = Logger(label: "simulator") { _ in LogLines(format: .text, level: .info) }
        var settings = SimulatorConfiguration()
        settings.listen = try Self.address(listen, "--listen")
        settings.tlsListen = try tlsListen.map { try Self.address($0, "--tls-listen") }
        settings.caOut = caOut
        settings.bots = (1...bots).map { number in
            let suffix = number == 1 ? "" : "-\(number)"
            var bot = SimulatorBot(id: botId + suffix, secret: secret, name: botName + suffix)
            if number == 1 { (bot.webhook, bot.app) = (callbacks.webhook, callbacks.app) }
            return bot
        }
        // People send files of up to 100 MB, and the control API takes them in base64.
        settings.maxBodyBytes = 140 << 20
        if let faults { settings.faults = try Self.faults(in: faults) }
        let simulator = PlatformSimulator(configuration: settings, logger: logger)
        try await Lifecycle.run(
            [simulator, Announcement(simulator: simulator, settings: settings)], stopWithin: .seconds(5),
            logger: Logger(label: "services") { _ in LogLines(format: .text, level: .error) })
    }

    private static func address(_ text: String, _ option: String) throws -> SimulatorAddress {
        guard let address = SimulatorAddress(text) else {
            throw ValidationError("\(option) \(text): give host:port, for example 127.0.0.1:8787")
        }
        return address
    }

    private static func faults(in path: String) throws -> SimulatorFaults {
        do {
            return try JSONDecoder().decode(SimulatorFaults.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw Failure(.configuration, "\(path): not a list of faults: \(error)")
        }
    }
}

/// Says where the simulator listens, once it does.
private struct Announcement: Service {
    let simulator: PlatformSimulator
    let settings: SimulatorConfiguration

    func run() async throws {
        var line = "{\"listening\":\"\(settings.listen.host):\(try await simulator.boundPort)\""
        if let tls = settings.tlsListen, let port = try await simulator.boundTLSPort {
            line += ",\"tls\":\"\(tls.host):\(port)\""
        }
        print(line + "}")
        fflush(nil)
        try? await gracefulShutdown()
    }
}
