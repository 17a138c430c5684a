public import AIBotWS
import AsyncHTTPClient
import Backends
import Foundation
public import Logging
public import ServiceLifecycle
public import Shared
import WebhookCompat

/// One side of an account that runs: its bot, or its application.
struct RunningAccount: Sendable {
    let name: String
    /// Transport name.
    let channel: String
    let botID: String
    let bot: any AccountRunner
    let media: MediaDesk
    /// The application, where this is its side.
    let agent: AgentDesk?
    /// What the account's application can ask about people.
    let directory: DirectoryDesk
    let gate: @Sendable (InboundMessage) -> GateVerdict
    /// Where the platform calls it; nil for one that dials out.
    let receiver: CallbackReceiver?

    /// Names the side among all that run.
    var place: String { "\(name) \(channel)" }
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
    let wallClock: any WallClock
    let startedAt: MonotonicInstant
    private let logger: Logger
    private let override: (any Backend)?
    private let onListening: @Sendable (_ port: Int) -> Void
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
    ///   - onListening: hears the port of the callback listener.
    ///   - adjust: changes what the configuration says about the engine, for measurements.
    ///   - tap: sees every frame of every account, for recording.
    /// - Throws: `GatewayError.invalidConfiguration` when an account cannot run.
    public init(
        _ configuration: GatewayConfiguration, environment: [String: String],
        ledger: any LedgerStore = InMemoryLedger(), version: String = "", baseDirectory: String? = nil,
        clock: any MonotonicClock = SystemMonotonicClock(), wallClock: any WallClock = SystemWallClock(),
        backend: (any Backend)? = nil, onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in },
        adjust: @escaping (inout EngineSettings) -> Void = { _ in }, logger: Logger,
        tap: (@Sendable (FrameDirection, ArraySlice<UInt8>) -> Void)? = nil
    ) throws {
        self.configuration = configuration
        self.ledger = ledger
        self.version = version
        self.logger = logger
        self.clock = clock
        self.wallClock = wallClock
        self.baseDirectory = baseDirectory
        startedAt = clock.now
        override = backend
        self.onListening = onListening
        states = AccountStates(clock: wallClock)
        cardIDs = CardIDs(clock: wallClock)
        network = NetworkWatch(clock: clock, logger: logger)
        let folders = SessionFolders(stateFolder: configuration.gateway.stateFolder)
        self.folders = folders
        let media = configuration.wecom.media
        let store = MediaStore(
            directory: configuration.mediaFolder, retention: media.retention, clock: wallClock)
        housekeeping = Housekeeping(
            ledger: ledger, store: store, keep: configuration.delivery.keep, cleansAtStart: media.cleanupOnStart,
            clock: clock, wallClock: wallClock, logger: logger)
        let builder = AccountBuilder(
            configuration: configuration, environment: environment, ledger: ledger,
            kept: ledger as? any KeptValues ?? InMemoryKeptValues(), store: store, folders: folders, clock: clock,
            wallClock: wallClock, adjust: adjust, logger: logger, tap: tap)
        accounts = try configuration.wecom.enabledAccounts.sorted { $0.key < $1.key }.flatMap { name, account in
            do {
                return try builder.sides(of: name, account)
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
    public var accountNames: [String] {
        accounts.map(\.name).reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    /// The listener of the accounts that the platform calls; nil when there are none.
    private var webhookServer: WebhookServer? {
        let receivers = accounts.compactMap(\.receiver)
        guard !receivers.isEmpty, let address = configuration.gateway.listen else { return nil }
        return WebhookServer(
            receivers, address: address, clock: clock, wallClock: wallClock, logger: logger, onListening: onListening)
    }

    /// Looks for what would end `run()` at once: nothing to run, no address for callbacks, files that cannot be read.
    ///
    /// - Throws: `GatewayError.invalidConfiguration`.
    public func check() throws(GatewayError) {
        guard !accounts.isEmpty else {
            throw GatewayError(
                .invalidConfiguration,
                "no enabled account has a bot or an agent that can run: give channels.wecom.accounts.NAME.bot.botId and "
                    + "secret (long connection), or bot.token and bot.encodingAESKey (callbacks)")
        }
        try checkListener()
        for account in accounts { try Self.naming(account) { try account.media.check() } }
    }

    /// What fails for an account fails in its name.
    private static func naming(_ account: RunningAccount, _ work: () throws -> Void) throws(GatewayError) {
        do { try work() } catch { throw GatewayError(.invalidConfiguration, "account \(account.name): \(error)") }
    }

    private func checkListener() throws(GatewayError) {
        guard configuration.gateway.listen == nil, let account = accounts.first(where: { $0.receiver != nil }) else {
            return
        }
        throw GatewayError(
            .invalidConfiguration,
            "account \(account.name) takes callbacks, and gateway.listen names no address for them")
    }

    /// Runs until cancelled or told to shut down gracefully.
    ///
    /// - Throws: `GatewayError.superseded` when a bot was replaced and its `onReplaced` is `exit`.
    public func run() async throws {
        try check()
        var http = HTTPSettings()
        // As many answers as the accounts may work on, all of the same backend perhaps.
        http.requestsPerHost = min(10_000, configuration.limits.concurrentTasks * accounts.count)
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try http.clientConfiguration())
        let result: Result<Void, any Error>
        do {
            for account in accounts {
                try Self.naming(account) {
                    try account.media.open()
                    try account.agent?.begin()
                }
            }
            result = .success(try await serve(handler(client)))
        } catch {
            result = .failure(error)
        }
        for account in accounts {
            await account.media.close()
            await account.agent?.end()
        }
        try? await client.shutdown()
        try result.get()
    }

    /// Runs the accounts and, where the platform calls some, the listener: which goes on until the answers under way are
    /// finished, since the platform fetches them there.
    private func serve(_ handler: @escaping MessageHandler) async throws {
        guard let server = webhookServer else { return try await serveAccounts(handler) }
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .critical)
        let accounts = AccountsService { try await serveAccounts(handler) }
        // At a shutdown the last one goes first.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: server),
                    .init(
                        service: accounts, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup),
                ], logger: quiet))
        try await group.run()
    }

    private func serveAccounts(_ handler: @escaping MessageHandler) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                await housekeeping.run()
                return false
            }
            group.addTask {
                await network.run { for account in accounts { await account.bot.networkChanged() } }
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
        let place = account.place
        try await account.bot.run(
            gate: { message in
                states.heard(place)
                return account.gate(message)
            }, onStatus: { states.changed(place, to: $0) }, handler: account.directory.wrap(handler))
    }

    private func handler(_ client: HTTPClient) -> MessageHandler {
        guard let override else {
            let router = BackendRouter(
                configuration, baseDirectory: baseDirectory, folders: folders, client: client, clock: clock,
                logger: logger)
            return router.handler
        }
        return { message, reply in
            let request = BackendRequest(
                message: message, sessionID: SessionFolders.name(of: message),
                workspace: override.keepsSessions ? folders.workspace(of: message) : nil)
            try await override.answer(request, to: reply)
        }
    }

    /// Ends every wait for a connection, and takes replaced bots back.
    public func reconnect() async {
        for account in accounts { await account.bot.reconnect() }
    }

    func nextCardID() -> String { cardIDs.next() }
}

extension Gateway: CustomStringConvertible {
    /// A name alone: whoever logs a service logs nothing of its configuration.
    public var description: String { "gateway" }
}

/// All accounts as one service.
private struct AccountsService: Service {
    let body: @Sendable () async throws -> Void

    func run() async throws { try await body() }
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
