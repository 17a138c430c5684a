import AsyncHTTPClient
public import Logging
@_exported public import Shared

/// A bot in callback mode with everything that belongs to it: the listener that the platform calls, the bubbles that it polls,
/// and the engine that answers. The smallest way to run one:
///
/// ```swift
/// let bot = try WebhookBotService(token: "…", encodingAESKey: "…")
/// try await bot.run { message, reply in try await reply.append("You said: " + message.text) }
/// ```
///
/// Put a TLS terminator in front of it. Several bots behind one listener, or a bot beside an application, are put together from
/// `WebhookBot`, `CallbackClient` and `WebhookServer`, which this type holds.
public struct WebhookBotService: Sendable {
    /// Everything that can be set.
    public struct Configuration: Sendable {
        /// Token and key of the callback settings in the admin console.
        public var credentials: CallbackCredentials
        /// Receive id; empty (as for bots of one's own enterprise) is not compared.
        public var receiveID = ""
        /// Paths that are called.
        public var paths = ["/wecom/bot"]
        /// Where the listener is bound; port 0 lets the system choose.
        public var listen = NetworkAddress(host: "127.0.0.1", port: 18_789)
        /// Names and first content of a bubble.
        public var bot = WebhookBot.Settings(account: "default")
        /// Bounds and texts of the engine, and the time to drain at a graceful shutdown.
        public var client = CallbackClient.Configuration(account: "default")
        /// Hosts that a `response_url` may name without TLS: a simulated platform.
        public var plainHosts: Set<String> = []

        /// Creates the defaults.
        public init(credentials: CallbackCredentials) {
            self.credentials = credentials
            client.engine.reply.opening = bot.placeholder
            // The answer to the click's own request carries the card.
            client.engine.redrawAfter = .milliseconds(600)
        }
    }

    private static let replyTimeout = Duration.seconds(15)
    private let configuration: Configuration
    private let ledger: any LedgerStore
    private let hooks: EngineHooks
    private let onListening: @Sendable (_ port: Int) -> Void
    private let logger: Logger

    /// Creates a bot; nothing is bound before `run`.
    ///
    /// - Parameters:
    ///   - ledger: remembers what was accepted and delivered. The default forgets with the process.
    ///   - hooks: fetch and prepare media.
    ///   - onListening: hears the bound port.
    public init(
        _ configuration: Configuration, ledger: any LedgerStore = InMemoryLedger(), hooks: EngineHooks = EngineHooks(),
        onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in },
        logger: Logger = Logger(label: "wecom-aibot")
    ) {
        self.configuration = configuration
        self.ledger = ledger
        self.hooks = hooks
        self.onListening = onListening
        self.logger = logger
    }

    /// Creates a bot with defaults for everything but its credentials and address.
    ///
    /// - Throws: `CallbackKeyError` for credentials that are none.
    public init(
        token: String, encodingAESKey: String, path: String = "/wecom/bot",
        listen: NetworkAddress = NetworkAddress(host: "127.0.0.1", port: 18_789)
    ) throws(CallbackKeyError) {
        let key = try CallbackKey(encodingAESKey: encodingAESKey)
        var configuration = Configuration(credentials: try CallbackCredentials(token: Secret(token), key: key))
        configuration.paths = [path]
        configuration.listen = listen
        self.init(configuration)
    }

    /// Listens, and answers messages with `handler`, until the task is cancelled or told to shut down gracefully.
    ///
    /// - Parameter gate: policy; by default everybody is let in.
    /// - Throws: `GatewayError` when the address cannot be bound.
    public func run(
        gate: @escaping @Sendable (InboundMessage) -> GateVerdict = { _ in .allow }, handler: @escaping MessageHandler
    ) async throws {
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        let result: Result<Void, any Error>
        do {
            result = .success(try await serve(http, gate, handler))
        } catch {
            result = .failure(error)
        }
        try? await http.shutdown()
        try result.get()
    }

    private func serve(
        _ http: HTTPClient, _ gate: @escaping @Sendable (InboundMessage) -> GateVerdict,
        _ handler: @escaping MessageHandler
    ) async throws {
        let (clock, wallClock) = (SystemMonotonicClock(), SystemWallClock())
        let late = LateReplies(
            route: { _ in HTTPRoute(client: http) }, timeout: Self.replyTimeout, allowedHosts: configuration.plainHosts,
            clock: clock, logger: logger)
        let bot = WebhookBot(
            configuration.bot, ledger: ledger, late: late, clock: clock, wallClock: wallClock, logger: logger)
        let client = CallbackClient(
            configuration.client, channel: bot, ledger: ledger, hooks: hooks, clock: clock, wallClock: wallClock,
            logger: logger)
        let endpoint = CallbackEndpoint(
            account: configuration.bot.account.rawValue, paths: configuration.paths,
            kind: .bot(receiveID: configuration.receiveID), current: configuration.credentials)
        let server = WebhookServer(
            [bot.receiver(endpoint)], address: configuration.listen, clock: clock, wallClock: wallClock, logger: logger,
            onListening: onListening)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                await bot.run()
                return false
            }
            group.addTask {
                try await server.run()
                return false
            }
            group.addTask {
                await client.run(gate: gate, onEngine: { bot.attach($0) }, handler: handler)
                return true
            }
            // Drained or cancelled: nothing goes on without the engine.
            while let isEngine = try await group.next(), !isEngine {}
            group.cancelAll()
        }
    }
}

extension WebhookBotService: CustomStringConvertible {
    /// A name alone: the configuration holds secrets.
    public var description: String { "webhook bot" }
}
