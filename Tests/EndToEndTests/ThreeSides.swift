import Foundation
import Gateway
import Logging
import ServiceLifecycle
import Shared
import Simulator
import Testing

/// The whole program beside the simulated platform: one bot with its three sides, one backend behind all of them.
struct ThreeSides: Sendable {
    static let bot = SimulatorBot.demo.id
    private static let key = "M7gMYkBJXYy6ISI6etq4rp2qcW5IbMHNNyKWUC0mNpk"

    let simulator: PlatformSimulator
    let gateway: Gateway
    let ledger: any LedgerStore
    let folder: String
    /// Where the program takes callbacks.
    let callbackPort: Int

    /// What is special about the machine and the network of a run.
    struct Surroundings: Sendable {
        /// More keys of single accounts, as JSON5.
        var accounts: [String: String] = [:]
        var environment: [String: String] = [:]
        /// Addresses from which the application may call.
        var trusted: [String]?
        /// Whether the program reaches the platform by TLS.
        var secure = false
        var defaultAccount = "ws"
        /// A path of their own that bot and application share.
        var webhookPath = ""
        /// Whether the long connection is waited for.
        var awaitsSubscription = true
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    }

    /// What answers a message: its text, and where the answer goes.
    typealias Answer = @Sendable (BackendRequest, any Replying) async throws -> Void

    private struct Script: Backend {
        let script: Answer
        func answer(_ request: BackendRequest, to reply: any Replying) async throws { try await script(request, reply) }
    }

    /// Runs `body` while platform and program are up and every side is ready.
    ///
    /// - Parameters:
    ///   - account: more keys of each account, as JSON5.
    ///   - ledger: what an earlier run left; nil for a new one.
    ///   - simulator: one that runs already; nil for one of its own.
    static func run(
        account: String = "", agentBeside: Bool = false, ledger: any LedgerStore = InMemoryLedger(),
        surroundings: Surroundings = Surroundings(),
        options: @escaping @Sendable (inout PlatformOptions) -> Void = { _ in },
        adjust: @escaping @Sendable (inout EngineSettings) -> Void = { _ in }, answer: @escaping Answer,
        _ body: @escaping @Sendable (ThreeSides) async throws -> Void
    ) async throws {
        try await PlatformSimulator.withRunning { simulator in
            simulator.setOptions {
                $0.pollInterval = 200
                $0.callbackRetryDelay = 100
                options(&$0)
            }
            try await beside(
                simulator, account: account, agentBeside: agentBeside, ledger: ledger, surroundings: surroundings,
                adjust: adjust, answer: answer, body)
        }
    }

    /// The same beside a platform that runs already.
    static func beside(
        _ simulator: PlatformSimulator, account: String = "", agentBeside: Bool = false, ledger: any LedgerStore,
        surroundings: Surroundings = Surroundings(),
        adjust: @escaping @Sendable (inout EngineSettings) -> Void = { _ in }, answer: @escaping Answer,
        _ body: @escaping @Sendable (ThreeSides) async throws -> Void
    ) async throws {
        try await beside(
            simulator, account: account, agentBeside: agentBeside, ledger: ledger, surroundings: surroundings,
            adjust: adjust, stopper: nil, answer: answer, body)
    }

    private static func beside(
        _ simulator: PlatformSimulator, account: String = "", agentBeside: Bool = false, ledger: any LedgerStore,
        surroundings: Surroundings = Surroundings(),
        adjust: @escaping @Sendable (inout EngineSettings) -> Void = { _ in }, stopper: Stopper?,
        answer: @escaping Answer, _ body: @escaping @Sendable (ThreeSides) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/three-sides-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let port = surroundings.secure ? try await simulator.boundTLSPort : try await simulator.boundPort
        let platform = try #require(port)
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let gateway = try Gateway(
            configuration(platform, folder, account, agentBeside, surroundings), environment: surroundings.environment,
            ledger: ledger,
            backend: Script(script: answer), onListening: { listening.yield($0) }, adjust: adjust,
            logger: surroundings.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let services = ServiceGroup(services: [gateway], logger: quiet)
            stopper?.group = services
            group.addTask { if stopper == nil { try await gateway.run() } else { try await services.run() } }
            let port = try #require(await ports.first { _ in true })
            try simulator.setWebhook(webhook("http://127.0.0.1:\(port)/wecom/bot/hook"), of: bot)
            var app = application("http://127.0.0.1:\(port)/wecom/agent/app")
            app.trustedIPs = surroundings.trusted
            try simulator.setApp(app, of: bot)
            if surroundings.awaitsSubscription { try await simulator.waitUntil { $0.subscribedCount == 1 } }
            try await body(
                ThreeSides(
                    simulator: simulator, gateway: gateway, ledger: ledger, folder: folder, callbackPort: port))
            group.cancelAll()
        }
    }

    /// The same as a service, so that it can be told to stop gracefully.
    static func runService(
        answer: @escaping Answer,
        _ body: @escaping @Sendable (ThreeSides, _ stop: @escaping @Sendable () async -> Void) async throws -> Void
    ) async throws {
        try await PlatformSimulator.withRunning { simulator in
            simulator.setOptions { $0.pollInterval = 200 }
            let stopper = Stopper()
            try await beside(simulator, ledger: InMemoryLedger(), stopper: stopper, answer: answer) { sides in
                try await body(sides) { await stopper.group?.triggerGracefulShutdown() }
            }
        }
    }

    /// Holds the group that can be stopped.
    private final class Stopper: @unchecked Sendable {
        // Touched under `lock` alone.
        private let lock = NSLock()
        private var held: ServiceGroup?
        var group: ServiceGroup? {
            get { lock.withLock { held } }
            set { lock.withLock { held = newValue } }
        }
    }

    /// The webhook side of the bot, called there.
    static func webhook(_ url: String, receiveID: String = "") -> WebhookSide {
        WebhookSide(callbackURL: url, token: "tokenOfTheBot", encodingAESKey: key, receiveID: receiveID)
    }

    /// The application, called there.
    static func application(_ url: String) -> ApplicationSide {
        ApplicationSide(
            corpID: "wwSIMcorp", secret: "app-secret", agentID: 1_000_002, callbackURL: url, token: "tokenOfTheApp",
            encodingAESKey: String(key.reversed()))
    }

    private static func configuration(
        _ port: Int, _ folder: String, _ account: String, _ agentBeside: Bool, _ surroundings: Surroundings
    ) throws -> GatewayConfiguration {
        let own = { (name: String) in surroundings.accounts[name, default: ""] }
        let path = "webhookPath: \"\(surroundings.webhookPath)\""
        let tls = surroundings.secure ? "s" : ""
        let agent = """
            agent: {corpId: "wwSIMcorp", corpSecret: "app-secret", agentId: 1000002, apiBaseUrl: "http\(tls)://127.0.0.1:\(port)",
                dm: {policy: "open"}
            """
        let sendOnly = agentBeside ? agent + "}," : ""
        let text = """
            {channels: {wecom: {defaultAccount: "\(surroundings.defaultAccount)", media: {allowPrivateHosts: ["127.0.0.1"]}, accounts: {
              ws: {name: "Build Helper", bot: {botId: "\(bot)", secret: "\(SimulatorBot.demo.secret)",
                   wsUrl: "ws\(tls)://127.0.0.1:\(port)", dm: {policy: "open"}}, \(sendOnly) \(account) \(own("ws"))},
              hook: {name: "Build Helper", bot: {mode: "webhook", token: "tokenOfTheBot", encodingAESKey: "\(key)",
                   \(path), dm: {policy: "open"}}, \(sendOnly) \(account) \(own("hook"))},
              app: {\(agent), token: "tokenOfTheApp", encodingAESKey: "\(String(key.reversed()))", \(path)}, \(account) \(own("app"))},
            }}}, gateway: {stateDir: "\(folder)", admin: "", listen: "127.0.0.1:0"}}
            """
        let result = GatewayConfiguration.load(
            text: text, file: "test", environment: [:], readFile: { _ in throw CocoaError(.fileNoSuchFile) })
        return try #require(result.configuration, "\(result.errors)")
    }

    /// What the bot showed to a user by one side, oldest first.
    func shown(_ via: Transport, user: String = "lin.wei") -> [Entry] {
        simulator.view(of: user).filter { $0.from == .bot && $0.via == via }
    }

    /// Waits until what is shown is as wanted.
    func wait(
        _ via: Transport, user: String = "lin.wei", timeout: Duration = .seconds(60),
        _ isWanted: @escaping @Sendable ([Entry]) -> Bool
    ) async throws {
        do {
            try await simulator.waitUntil(timeout: timeout) { core in
                let key = ConversationKey(bot: Self.bot, chat: .single(user))
                return isWanted(core.view(of: key).filter { $0.from == .bot && $0.via == via })
            }
        } catch SimulatorError.timedOut {
            let entries = simulator.view(of: user).map {
                "\($0.from) \($0.via.map(\.rawValue) ?? "-") \($0.kind) \($0.finished) \($0.content?.prefix(80) ?? "")"
            }
            Issue.record(
                "never shown by \(via.rawValue); the chat has \(entries), violations \(simulator.violations), callbacks \(simulator.callbacks.suffix(3))"
            )
            throw SimulatorError.timedOut
        }
    }
}
