import AIBotWS
import Backends
import Foundation
import Logging
import Shared
import WebhookCompat

/// Makes what runs out of the accounts of the configuration.
struct AccountBuilder {
    let configuration: GatewayConfiguration
    let environment: [String: String]
    let ledger: any LedgerStore
    let store: MediaStore
    let folders: SessionFolders
    let clock: any MonotonicClock
    let wallClock: any WallClock
    let adjust: (inout EngineSettings) -> Void
    let logger: Logger
    let tap: (@Sendable (FrameDirection, ArraySlice<UInt8>) -> Void)?

    /// The bot of an account, if it has one.
    ///
    /// - Throws: for addresses and keys that cannot be used.
    func sides(of name: String, _ account: GatewayConfiguration.Account) throws -> [RunningAccount] {
        let settings = AccountSettings(
            name: name, account: account, configuration: configuration, environment: environment)
        var accountLogger = logger
        accountLogger[.account] = name
        let desk = MediaDesk(
            account: name, configuration, proxyURL: settings.proxyURL, network: account.network,
            ownHost: settings.ownHost, keys: settings.callbackKeys, store: store, folders: folders, clock: clock,
            logger: accountLogger)
        switch account.bot.effectiveMode {
        case .websocket: return [try longConnection(settings, desk)]
        case .webhook: return [try webhookBot(settings, desk, accountLogger)]
        case nil: return []
        }
    }

    private func longConnection(_ settings: AccountSettings, _ desk: MediaDesk) throws -> RunningAccount {
        var client = try settings.client()
        adjust(&client.engine)
        let bot = AIBotClient(
            client, ledger: ledger, hooks: desk.hooks, clock: clock, wallClock: wallClock, logger: logger, tap: tap)
        return RunningAccount(
            name: settings.name, channel: LongConnection.name, botID: settings.account.bot.botID,
            bot: LongConnectionRunner(bot: bot), media: desk, gate: settings.gate, receiver: nil)
    }

    private func webhookBot(_ settings: AccountSettings, _ desk: MediaDesk, _ logger: Logger) throws -> RunningAccount {
        let late = LateReplies(
            client: { desk.http }, timeout: settings.account.network.timeout,
            allowedHosts: Set(configuration.wecom.media.allowPrivateHosts + [settings.ownHost].compactMap { $0 }))
        let channel = WebhookBot(
            settings.webhookBot, ledger: ledger, late: late, clock: clock, wallClock: wallClock, logger: logger)
        var callback = settings.callbackClient
        adjust(&callback.engine)
        let client = CallbackClient(
            callback, channel: channel, ledger: ledger, hooks: desk.hooks, clock: clock, wallClock: wallClock,
            logger: self.logger)
        let receiver = channel.receiver(try settings.botEndpoint())
        return RunningAccount(
            name: settings.name, channel: WebhookBot.name, botID: settings.account.bot.botID,
            bot: CallbackRunner(client: client, attach: { channel.attach($0) }, work: { await channel.run() }),
            media: desk, gate: settings.gate, receiver: receiver)
    }
}
