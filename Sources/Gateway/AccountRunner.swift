import AIBotWS
import Shared
import WebhookCompat

/// A bot or an application of an account while it runs, whatever it is reached by.
protocol AccountRunner: Sendable {
    /// Answers that are at work or not delivered yet.
    var openTurns: Int { get }
    /// Messages that wait for one before them.
    var waitingTurns: Int { get }
    /// Runs until cancelled or told to shut down gracefully.
    func run(
        gate: @escaping @Sendable (InboundMessage) -> GateVerdict,
        onStatus: @escaping @Sendable (SessionStatus) -> Void, handler: @escaping MessageHandler
    ) async throws
    /// Sends something without a message that it answers.
    func push(
        _ parts: [PartContent], to conversation: Conversation, key: String
    ) async throws(GatewayError) -> PushResult
    /// Begins with a task that somebody made deliverable in the ledger.
    func takeUp(_ task: TaskID) async
    /// Stops whatever is being done for a task of the ledger.
    func abandon(_ task: TaskID)
    /// Ends a wait for a connection.
    func reconnect() async
    /// The same, and replaces a connection that is up.
    func renew() async
    /// The machine has other addresses.
    func networkChanged() async
}

/// A bot on the long connection.
struct LongConnectionRunner: AccountRunner {
    let bot: AIBotClient

    var openTurns: Int { bot.openTurns }
    var waitingTurns: Int { bot.waitingTurns }

    func run(
        gate: @escaping @Sendable (InboundMessage) -> GateVerdict,
        onStatus: @escaping @Sendable (SessionStatus) -> Void, handler: @escaping MessageHandler
    ) async throws { try await bot.run(gate: gate, onStatus: onStatus, handler: handler) }

    func push(
        _ parts: [PartContent], to conversation: Conversation, key: String
    ) async throws(GatewayError) -> PushResult { try await bot.push(parts, to: conversation, key: key) }

    func takeUp(_ task: TaskID) async { await bot.takeUp(task) }
    func abandon(_ task: TaskID) { bot.abandon(task) }
    func reconnect() async { await bot.session.reconnect() }
    func renew() async { await bot.session.reconnect(renewing: true) }
    func networkChanged() async { await bot.session.networkChanged() }
}

/// A bot or an application that the platform calls.
struct CallbackRunner: AccountRunner {
    let client: CallbackClient
    /// Takes the engine that answers.
    let attach: @Sendable (ReplyEngine?) -> Void
    /// Work of the channel's own, until cancelled.
    let work: @Sendable () async -> Void

    var openTurns: Int { client.openTurns }
    var waitingTurns: Int { client.waitingTurns }

    func run(
        gate: @escaping @Sendable (InboundMessage) -> GateVerdict,
        onStatus: @escaping @Sendable (SessionStatus) -> Void, handler: @escaping MessageHandler
    ) async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await work() }
            onStatus(.online)
            await client.run(gate: gate, onEngine: attach, handler: handler)
            group.cancelAll()
        }
        onStatus(.closed)
    }

    func push(
        _ parts: [PartContent], to conversation: Conversation, key: String
    ) async throws(GatewayError) -> PushResult { try await client.push(parts, to: conversation, key: key) }

    func takeUp(_ task: TaskID) async { await client.takeUp(task) }
    func abandon(_ task: TaskID) { client.abandon(task) }
    func reconnect() async {}
    func renew() async {}
    func networkChanged() async {}
}
