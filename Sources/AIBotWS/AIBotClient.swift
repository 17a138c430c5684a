public import Logging
public import ServiceLifecycle
// Handlers are written in terms of the message interface: one import is enough for a bot.
@_exported public import Shared

/// A WeCom AI bot that stays online and answers every message.
///
/// Inert until `run`. With the default ledger, what is unanswered when the process dies is lost; the gateway program's
/// ledger is durable.
///
/// ```swift
/// let bot = try AIBotClient(botID: "aib…", secret: secret)
/// try await bot.run { message, reply in
///     for try await delta in model.stream(message.text) { try await reply.append(delta) }
/// }
/// ```
public struct AIBotClient: Sendable {
    /// Everything that can be set.
    public struct Configuration: Sendable {
        /// How the bot is kept online.
        public var session: SessionConfiguration
        /// Bounds and texts.
        public var engine = EngineSettings()
        /// Name in logs and in messages.
        public var account: AccountID = "default"
        /// What people write after `@`; nil: the account's `name`, or rules.
        public var displayName: String?
        /// Label of the account.
        public var name: String?
        /// At a graceful shutdown: time for running answers to complete before they are ended with a line.
        public var drain: Duration = .seconds(20)
        /// Seed of ids and jitter; nil takes a random one.
        public var seed: UInt64?

        /// Creates the defaults.
        public init(session: SessionConfiguration) { self.session = session }
    }

    /// The platform's endpoint.
    public static let platformURL = "wss://openws.work.weixin.qq.com"

    /// Session below, for frames that the handler interface does not cover.
    public let session: SessionRunner
    private let configuration: Configuration
    private let clock: any MonotonicClock
    private let wallClock: any WallClock
    private let logger: Logger
    private let seed: UInt64
    private let ledger: any LedgerStore
    private let hooks: EngineHooks
    private let fallback: (any Channel)?
    private let running = RunningEngine()

    /// Creates a bot with the defaults.
    ///
    /// - Parameter url: `wss://`, or `ws://` on loopback.
    /// - Throws: `URLProblem` when the address cannot be used.
    public init(
        botID: BotID, secret: String, url: String = platformURL, logger: Logger = Logger(label: "wecom-aibot")
    ) throws {
        let target = try ConnectionTarget(url: url)
        self.init(
            Configuration(session: SessionConfiguration(botID: botID, secret: secret, target: target)), logger: logger)
    }

    /// Creates a bot.
    ///
    /// - Parameters:
    ///   - transport: holds the connection; the default is shared by all bots of the process.
    ///   - fallback: another channel of the account, which takes what the bot cannot: files of unusual kinds, chats that
    ///     never wrote to it, answers while it is away for long.
    ///   - ledger: remembers what was accepted and delivered. The default forgets with the process.
    ///   - hooks: fetch and prepare media.
    ///   - tap: sees every frame, for recording; the secret is in it.
    public init(
        _ configuration: Configuration, transport: any WebSocketTransport = LWSTransport.shared,
        fallback: (any Channel)? = nil,
        ledger: any LedgerStore = InMemoryLedger(), hooks: EngineHooks = EngineHooks(),
        clock: any MonotonicClock = SystemMonotonicClock(), wallClock: any WallClock = SystemWallClock(),
        logger: Logger, tap: (@Sendable (FrameDirection, ArraySlice<UInt8>) -> Void)? = nil
    ) {
        self.configuration = configuration
        self.ledger = ledger
        self.hooks = hooks
        self.fallback = fallback
        self.clock = clock
        self.wallClock = wallClock
        seed = configuration.seed ?? .random(in: .min ... .max)
        var logger = logger
        logger[.account] = configuration.account.rawValue
        self.logger = logger
        session = SessionRunner(
            configuration.session, transport: transport, wallClock: wallClock, seed: seed,
            firstConnection: SessionNumbers.next() << 32, logger: logger, tap: tap)
    }

    /// Keeps the bot online and answers messages with `handler` until the task is cancelled or told to shut down
    /// gracefully.
    ///
    /// - Parameters:
    ///   - gate: policy; by default everybody is let in.
    ///   - onStatus: hears what the session does, on the transport's thread.
    ///   - onEvent: hears feedback and events without an answer.
    /// - Throws: `GatewayError.superseded` when another connection took the bot and `onReplaced` is `exit`.
    public func run(
        gate: @escaping @Sendable (InboundMessage) -> GateVerdict = { _ in .allow },
        onStatus: @escaping @Sendable (SessionStatus) -> Void = { _ in },
        onEvent: @escaping @Sendable (InboundEvent) -> Void = { _ in }, handler: @escaping MessageHandler
    ) async throws {
        let engine = ReplyEngine(
            account: configuration.account, channel: LongConnection(session, clock: clock), fallback: fallback,
            ledger: ledger, settings: configuration.engine, hooks: hooks, clock: clock, wallClock: wallClock,
            seed: seed,
            logger: logger, gate: gate, onEvent: onEvent, handler: handler)
        running.set(engine)
        defer { running.set(nil) }
        let replaced = Locked(false)
        let sink = events(into: engine, replaced: replaced, onStatus: onStatus)
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await session.run(onEvent: sink) }
                group.addTask { await engine.run() }
                // Drained, cancelled or replaced: neither goes on without the other.
                await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            engine.stop(drain: configuration.drain)
        }
        if replaced.withLock({ $0 }) {
            throw GatewayError(.superseded, "another connection of bot \(configuration.session.botID) took over")
        }
    }

    private func events(
        into engine: ReplyEngine, replaced: Locked<Bool>, onStatus: @escaping @Sendable (SessionStatus) -> Void
    ) -> @Sendable (SessionEvent) -> Void {
        let decoder = CallbackDecoder(
            account: configuration.account, displayName: configuration.displayName, accountName: configuration.name)
        return { event in
            switch event {
            case .status(let status):
                engine.sessionChanged(online: status == .online)
                onStatus(status)
            case .exit: replaced.withLock { $0 = true }
            case .callback(let callback):
                guard let event = decoder.event(callback, receivedAt: wallClock.unixMilliseconds) else {
                    return logger.warning(
                        "callback without a sender or a readable body was ignored",
                        metadata: .init([.reqID: callback.reqID, .bytes: callback.body.count]))
                }
                engine.accept(event)
            }
        }
    }

    /// Sends Markdown, cards or files to a conversation without a message that they answer, while the bot runs.
    ///
    /// Somebody must have written to the bot there before; ids are case-sensitive (93006 otherwise).
    ///
    /// - Parameters:
    ///   - key: idempotency key; the same key is sent once. Empty: none.
    ///   - wait: how long to wait for the outcome; what is pending then still goes out.
    /// - Throws: `GatewayError.notConnected` when the bot does not run, `.queueFull`, or `.closed` when the ledger cannot
    ///   take it.
    public func push(
        _ parts: [PartContent], to conversation: Conversation, key: String = "", wait: Duration = .seconds(30)
    ) async throws(GatewayError) -> PushResult {
        guard let engine = running.engine else {
            throw GatewayError(.notConnected, "the bot does not run: push while run() is under way")
        }
        return try await engine.push(parts, to: conversation, key: key, wait: wait)
    }

    /// Answers that are at work or not delivered yet.
    public var openTurns: Int { running.engine?.openTurns ?? 0 }

    /// Messages that wait for one before them.
    public var waitingTurns: Int { running.engine?.waitingTurns ?? 0 }

    /// Begins with a task that somebody made deliverable in the ledger.
    public func takeUp(_ task: TaskID) async { await running.engine?.takeUp(task) }

    /// Stops whatever is being done for a task of the ledger.
    public func abandon(_ task: TaskID) { running.engine?.abandon(task) }

    /// The bot as a service that a `ServiceGroup` runs.
    public func service(handler: @escaping MessageHandler) -> some Service {
        BotService(bot: self, handler: handler)
    }
}

extension AIBotClient: CustomStringConvertible {
    /// The account alone: the configuration holds a secret.
    public var description: String { "bot of account \(configuration.account)" }
}

private struct BotService: Service, CustomStringConvertible {
    var description: String { "\(bot)" }
    let bot: AIBotClient
    let handler: MessageHandler

    func run() async throws { try await bot.run(handler: handler) }
}
