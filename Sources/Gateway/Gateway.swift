public import AIBotWS
import AsyncHTTPClient
import Backends
import Foundation
public import Logging
public import ServiceLifecycle
public import Shared

/// An account that runs.
struct RunningAccount: Sendable {
    let name: String
    let botID: String
    let bot: AIBotClient
    let media: MediaDesk
    let gate: @Sendable (InboundMessage) -> GateVerdict
}

/// The whole program: every configured account with its bot, the backends that answer, and the ledger behind them.
public struct Gateway: Service {
    /// What was accepted and delivered.
    public let ledger: any LedgerStore
    let accounts: [RunningAccount]
    let configuration: GatewayConfiguration
    let clock: any MonotonicClock
    let states: AccountStates
    let version: String
    let startedAt: MonotonicInstant
    private let logger: Logger
    private let override: (any Backend)?
    private let baseDirectory: String?
    private let folders: SessionFolders
    private let housekeeping: Housekeeping
    private let cardIDs: CardIDs
    /// One for all accounts.
    var network: NetworkWatch

    /// Prepares the accounts; nothing is connected before `run()`.
    ///
    /// - Parameters:
    ///   - ledger: remembers what was accepted and delivered. The default forgets with the process.
    ///   - version: what `status` shows.
    ///   - baseDirectory: where relative paths of command backends start, as a rule the folder of the configuration file.
    ///   - backend: answers everything instead of the configured backends; for the demo.
    ///   - adjust: changes what the configuration says about the engine, for measurements.
    ///   - tap: sees every frame of every account, for recording.
    /// - Throws: `GatewayError.invalidConfiguration` when an account cannot run.
    public init(
        _ configuration: GatewayConfiguration, environment: [String: String],
        ledger: any LedgerStore = InMemoryLedger(), version: String = "", baseDirectory: String? = nil,
        clock: any MonotonicClock = SystemMonotonicClock(), wallClock: any WallClock = SystemWallClock(),
        backend: (any Backend)? = nil, adjust: @escaping (inout EngineSettings) -> Void = { _ in }, logger: Logger,
        tap: (@Sendable (FrameDirection, ArraySlice<UInt8>) -> Void)? = nil
    ) throws {
        self.configuration = configuration
        self.ledger = ledger
        self.version = version
        self.logger = logger
        self.clock = clock
        self.baseDirectory = baseDirectory
        startedAt = clock.now
        override = backend
        states = AccountStates(clock: wallClock)
        cardIDs = CardIDs(clock: wallClock)
        network = NetworkWatch(clock: clock, logger: logger)
        let folders = SessionFolders(stateFolder: configuration.gateway.stateFolder)
        self.folders = folders
        let media = configuration.wecom.media
        let directory = media.directory.isEmpty ? configuration.gateway.stateFolder + "/media" : media.directory
        let store = MediaStore(
            directory: (directory as NSString).expandingTildeInPath, retention: media.retention, clock: wallClock)
        housekeeping = Housekeeping(
            ledger: ledger, store: store, keep: configuration.delivery.keep, cleansAtStart: media.cleanupOnStart,
            clock: clock, wallClock: wallClock, logger: logger)
        let prepare = { (name: String, account: GatewayConfiguration.Account) throws -> RunningAccount in
            let settings = AccountSettings(
                name: name, account: account, configuration: configuration, environment: environment)
            var accountLogger = logger
            accountLogger[.account] = name
            var client = try settings.client()
            adjust(&client.engine)
            let desk = MediaDesk(
                account: name, configuration, proxyURL: settings.proxyURL, network: account.network,
                ownHost: settings.ownHost, store: store, folders: folders, clock: clock, logger: accountLogger)
            let bot = AIBotClient(
                client, ledger: ledger, hooks: desk.hooks, clock: clock, wallClock: wallClock, logger: logger, tap: tap)
            return RunningAccount(
                name: name, botID: account.bot.botID, bot: bot, media: desk, gate: settings.gate)
        }
        accounts = try configuration.wecom.enabledAccounts.sorted { $0.key < $1.key }.compactMap { name, account in
            guard account.bot.effectiveMode == .websocket else { return nil }
            do {
                return try prepare(name, account)
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
            name: name, account: account, configuration: configuration, environment: environment
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
        let result: Result<Void, any Error>
        do {
            for account in accounts { try account.media.open() }
            result = .success(try await serve(handler(client)))
        } catch {
            result = .failure(error)
        }
        for account in accounts { await account.media.close() }
        try? await client.shutdown()
        try result.get()
    }

    private func serve(_ handler: @escaping MessageHandler) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                await housekeeping.run()
                return false
            }
            group.addTask {
                await network.run { for account in accounts { await account.bot.session.networkChanged() } }
                return false
            }
            for account in accounts {
                group.addTask {
                    try await run(account, handler)
                    return true
                }
            }
            // Not `waitForAll`, which would wait for the other accounts when one was told to end the program.
            var running = accounts.count
            while running > 0, let isBot = try await group.next() { running -= isBot ? 1 : 0 }
            group.cancelAll()
        }
    }

    private func run(_ account: RunningAccount, _ handler: @escaping MessageHandler) async throws {
        let name = account.name
        try await account.bot.run(
            gate: { message in
                states.heard(name)
                return account.gate(message)
            }, onStatus: { states.changed(name, to: $0) }, handler: handler)
    }

    private func handler(_ client: HTTPClient) -> MessageHandler {
        guard let override else {
            let router = BackendRouter(
                configuration, baseDirectory: baseDirectory, folders: folders, client: client, clock: clock,
                logger: logger)
            return router.handler
        }
        return { message, reply in
            let request = BackendRequest(message: message, sessionID: SessionFolders.name(of: message))
            try await override.answer(request, to: reply)
        }
    }

    /// Ends every wait for a connection, and takes replaced bots back.
    public func reconnect() async {
        for account in accounts { await account.bot.session.reconnect() }
    }

    func nextCardID() -> String { cardIDs.next() }
}

extension Gateway: CustomStringConvertible {
    /// A name alone: whoever logs a service logs nothing of its configuration.
    public var description: String { "gateway" }
}

/// Makes ids of cards that the operator sends.
final class CardIDs: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var generator = TaskIDGenerator(seed: .random(in: .min ... .max))
    private let clock: any WallClock

    init(clock: any WallClock) { self.clock = clock }

    func next() -> String { lock.withLock { generator.next(now: clock.unixMilliseconds) } }
}
