public import Logging
import ServiceLifecycle
public import Shared

/// A bot or an application in callback mode: answers every message that its channel hands over.
///
/// The same handler as for a bot on the long connection. Inert until `run`.
public struct CallbackClient: Sendable {
    /// Everything that can be set.
    public struct Configuration: Sendable {
        /// Name in logs and in messages.
        public var account: AccountID
        /// Bounds and texts.
        public var engine = EngineSettings()
        /// At a graceful shutdown: time for running answers to complete before they are ended with a line.
        public var drain: Duration = .seconds(20)
        /// Seed of ids; nil takes a random one.
        public var seed: UInt64?

        /// Creates the defaults.
        public init(account: AccountID) { self.account = account }
    }

    private let configuration: Configuration
    private let channel: any Channel
    private let fallback: (any Channel)?
    private let ledger: any LedgerStore
    private let hooks: EngineHooks
    private let clock: any MonotonicClock
    private let wallClock: any WallClock
    private let logger: Logger
    private let running = RunningEngine()

    /// Creates a client.
    ///
    /// - Parameters:
    ///   - channel: carries the answers.
    ///   - fallback: another channel of the account, which takes what `channel` cannot.
    ///   - ledger: remembers what was accepted and delivered. The default forgets with the process.
    ///   - hooks: fetch and prepare media.
    public init(
        _ configuration: Configuration, channel: any Channel, fallback: (any Channel)? = nil,
        ledger: any LedgerStore = InMemoryLedger(), hooks: EngineHooks = EngineHooks(),
        clock: any MonotonicClock = SystemMonotonicClock(), wallClock: any WallClock = SystemWallClock(),
        logger: Logger
    ) {
        self.configuration = configuration
        self.channel = channel
        self.fallback = fallback
        self.ledger = ledger
        self.hooks = hooks
        self.clock = clock
        self.wallClock = wallClock
        var logger = logger
        logger[.account] = configuration.account.rawValue
        self.logger = logger
    }

    /// Answers messages with `handler` until the task is cancelled or told to shut down gracefully.
    ///
    /// - Parameters:
    ///   - gate: policy; by default everybody is let in.
    ///   - onEngine: hears of the engine that takes messages, and nil when it does not any more.
    ///   - onEvent: hears feedback and events without an answer.
    public func run(
        gate: @escaping @Sendable (InboundMessage) -> GateVerdict = { _ in .allow },
        onEngine: @escaping @Sendable (ReplyEngine?) -> Void,
        onEvent: @escaping @Sendable (InboundEvent) -> Void = { _ in }, handler: @escaping MessageHandler
    ) async {
        let engine = ReplyEngine(
            account: configuration.account, channel: channel, fallback: fallback, ledger: ledger,
            settings: configuration.engine, hooks: hooks, clock: clock, wallClock: wallClock,
            seed: configuration.seed ?? .random(in: .min ... .max), logger: logger, gate: gate, onEvent: onEvent,
            handler: handler)
        running.set(engine)
        engine.sessionChanged(online: true)
        onEngine(engine)
        defer {
            onEngine(nil)
            running.set(nil)
        }
        await withGracefulShutdownHandler {
            await engine.run()
        } onGracefulShutdown: {
            // A durable ledger leaves to the next run what is not answered by the end. Else it should come again then.
            if !ledger.isDurable { onEngine(nil) }
            engine.stop(drain: configuration.drain)
        }
    }

    /// Sends Markdown, cards or files without a message that they answer, while the client runs.
    ///
    /// - Throws: `GatewayError.invalidConfiguration` for a channel that can only answer, `.notConnected` when the client does
    ///   not run, `.queueFull`, or `.closed` when the ledger cannot take it.
    public func push(
        _ parts: [PartContent], to conversation: Conversation, key: String = "", wait: Duration = .seconds(30)
    ) async throws(GatewayError) -> PushResult {
        guard channel.capabilities.pushes || fallback != nil && conversation.kind == .direct else {
            throw GatewayError(
                .invalidConfiguration,
                "a bot in callback mode cannot write first: it only answers. Give the account an agent, or connect the bot by "
                    + "the long connection (bot.botId and bot.secret)")
        }
        guard let engine = running.engine else {
            throw GatewayError(.notConnected, "the account does not run: send while run() is under way")
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
}

extension CallbackClient: CustomStringConvertible {
    /// The account alone: the configuration may hold secrets.
    public var description: String { "callback client of account \(configuration.account)" }
}
