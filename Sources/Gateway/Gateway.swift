public import AIBotWS
import AsyncHTTPClient
import Backends
public import Logging
public import ServiceLifecycle
public import Shared

/// The whole program: every configured account with its bot, and the backends that answer.
public struct Gateway: Service {
    private let accounts: [(name: String, bot: AIBotClient, gate: @Sendable (InboundMessage) -> GateVerdict)]
    private let configuration: GatewayConfiguration
    private let logger: Logger
    private let clock: any MonotonicClock
    private let override: (any Backend)?
    private let baseDirectory: String?

    /// Prepares the accounts; nothing is connected before `run()`.
    ///
    /// - Parameters:
    ///   - baseDirectory: where relative paths of command backends start, as a rule the folder of the configuration file.
    ///   - backend: answers everything instead of the configured backends; for the demo.
    ///   - tap: sees every frame of every account, for recording.
    /// - Throws: `GatewayError.invalidConfiguration` when an account cannot run.
    public init(
        _ configuration: GatewayConfiguration, environment: [String: String],
        baseDirectory: String? = nil, clock: any MonotonicClock = SystemMonotonicClock(),
        backend: (any Backend)? = nil, logger: Logger,
        tap: (@Sendable (FrameDirection, ArraySlice<UInt8>) -> Void)? = nil
    ) throws {
        self.configuration = configuration
        self.logger = logger
        self.clock = clock
        override = backend
        self.baseDirectory = baseDirectory
        accounts = try configuration.wecom.enabledAccounts.sorted { $0.key < $1.key }.compactMap { name, account in
            guard account.bot.effectiveMode == .websocket else { return nil }
            let settings = AccountSettings(
                name: name, account: account, limits: configuration.limits,
                stopWithin: configuration.gateway.stopTimeout,
                environment: environment)
            do {
                let bot = AIBotClient(try settings.client(), clock: clock, logger: logger, tap: tap)
                return (name, bot, settings.gate)
            } catch {
                throw GatewayError(.invalidConfiguration, "account \(name): \(error)")
            }
        }
    }

    /// What the bot of an account runs with.
    ///
    /// - Throws: `URLProblem` for an address that cannot be used.
    public static func clientSettings(
        of name: String, _ account: GatewayConfiguration.Account, in configuration: GatewayConfiguration,
        environment: [String: String] = [:]
    ) throws -> AIBotClient.Configuration {
        try AccountSettings(
            name: name, account: account, limits: configuration.limits,
            stopWithin: configuration.gateway.stopTimeout, environment: environment
        ).client()
    }

    /// Names of the accounts that run.
    public var accountNames: [String] { accounts.map(\.name) }

    /// Runs until cancelled or told to shut down gracefully.
    ///
    /// - Throws: `GatewayError.superseded` when a bot was replaced and its `onReplaced` is `exit`.
    public func run() async throws {
        guard !accounts.isEmpty else {
            throw GatewayError(
                .invalidConfiguration,
                "no enabled account has a long-connection bot: give channels.wecom.accounts.NAME.bot.botId and secret")
        }
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: try HTTPSettings().clientConfiguration())
        let handler = handler(client)
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for account in accounts {
                    group.addTask { try await account.bot.run(gate: account.gate, handler: handler) }
                }
                try await group.waitForAll()
            }
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    private func handler(_ client: HTTPClient) -> MessageHandler {
        guard let override else {
            let router = BackendRouter(
                configuration, baseDirectory: baseDirectory, client: client, clock: clock, logger: logger)
            return router.handler
        }
        return { message, reply in
            try await override.answer(BackendRequest(message: message, sessionID: "demo"), to: reply)
        }
    }

    /// Ends every wait for a connection, and takes replaced bots back.
    public func reconnect() async {
        for account in accounts { await account.bot.session.reconnect() }
    }
}
