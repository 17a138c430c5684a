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
    let kept: any KeptValues
    let store: MediaStore
    let folders: SessionFolders
    let clock: any MonotonicClock
    let wallClock: any WallClock
    let adjust: (inout EngineSettings) -> Void
    let logger: Logger
    let tap: (@Sendable (FrameDirection, ArraySlice<UInt8>) -> Void)?

    /// The bot of an account and its application, as far as it has them. What the bot cannot deliver goes by the application.
    ///
    /// - Throws: for addresses and keys that cannot be used.
    func sides(of name: String, _ account: GatewayConfiguration.Account) throws -> [RunningAccount] {
        let settings = AccountSettings(
            name: name, account: account, configuration: configuration, environment: environment)
        var accountLogger = logger
        accountLogger[.account] = name
        let agent = account.agent.hasAnyKey ? try self.agent(settings, accountLogger) : nil
        let bot: RunningAccount? =
            switch account.bot.effectiveMode {
            case .websocket: try longConnection(settings, accountLogger, agent?.agent)
            case .webhook: try webhookBot(settings, accountLogger, agent?.agent)
            case nil: nil
            }
        return [bot, agent].compactMap { $0 }
    }

    private func desk(_ settings: AccountSettings, _ logger: Logger, of agent: AgentDesk? = nil) -> MediaDesk {
        MediaDesk(
            account: settings.name, configuration, egress: settings.egress, http: settings.http,
            network: settings.account.network, ownHost: settings.ownHost, keys: settings.callbackKeys,
            byID: { await agent?.fetch($0, $1, $2) ?? .failure(.unreachable) },
            limits: agent == nil ? .longConnection : .application, store: store, folders: folders, clock: clock,
            logger: logger)
    }

    private func agent(_ settings: AccountSettings, _ logger: Logger) throws -> RunningAccount {
        var http = settings.http
        http.proxyURL = try URL(string: settings.account.agent.apiBaseURL).flatMap {
            try settings.egress.proxyURL(for: $0)
        }
        let agent = AgentDesk(
            settings.agent, http: http, kept: kept, clock: clock, wallClock: wallClock, logger: logger)
        let desk = desk(settings, logger, of: agent)
        var callback = settings.callbackClient
        callback.engine.takesUpFrom = [WebhookChannels.agent.channel]
        callback.engine.welcomeText = ""
        adjust(&callback.engine)
        let client = CallbackClient(
            callback, channel: agent, ledger: ledger, hooks: desk.hooks, clock: clock, wallClock: wallClock,
            logger: self.logger)
        let receiver = settings.account.agent.receives ? agent.receiver(try settings.agentEndpoint()) : nil
        return RunningAccount(
            name: settings.name, channel: WebhookChannels.agent.channel, botID: "\(settings.account.agent.agentID)",
            bot: CallbackRunner(client: client, attach: { agent.attach($0) }, work: {}),
            media: desk, agent: agent, directory: directory(agent, settings),
            gate: settings.gate(settings.account.agent.directMessages), receiver: receiver)
    }

    private func directory(_ agent: AgentDesk?, _ settings: AccountSettings) -> DirectoryDesk {
        DirectoryDesk(agent: agent, account: settings.account, logger: logger)
    }

    private func longConnection(
        _ settings: AccountSettings, _ logger: Logger, _ agent: AgentDesk?
    ) throws -> RunningAccount {
        let desk = desk(settings, logger)
        var client = try settings.client()
        adjust(&client.engine)
        let bot = AIBotClient(
            client, fallback: agent, ledger: ledger, hooks: desk.hooks, clock: clock, wallClock: wallClock,
            logger: self.logger, tap: tap)
        return RunningAccount(
            name: settings.name, channel: LongConnection.name, botID: settings.account.bot.botID,
            bot: LongConnectionRunner(bot: bot), media: desk, agent: nil, directory: directory(agent, settings),
            gate: settings.gate(settings.account.bot.directMessages), receiver: nil)
    }

    private func webhookBot(
        _ settings: AccountSettings, _ logger: Logger, _ agent: AgentDesk?
    ) throws -> RunningAccount {
        let desk = desk(settings, logger)
        let late = LateReplies(
            route: { desk.route(to: $0) }, timeout: settings.account.network.timeout,
            allowedHosts: Set(configuration.wecom.media.allowPrivateHosts + [settings.ownHost].compactMap { $0 }),
            clock: clock, logger: logger)
        let channel = WebhookBot(
            settings.webhookBot, ledger: ledger, late: late, clock: clock, wallClock: wallClock, logger: logger)
        var callback = settings.callbackClient
        adjust(&callback.engine)
        let client = CallbackClient(
            callback, channel: channel, fallback: agent, ledger: ledger, hooks: desk.hooks, clock: clock,
            wallClock: wallClock, logger: self.logger)
        let receiver = channel.receiver(try settings.botEndpoint())
        return RunningAccount(
            name: settings.name, channel: WebhookBot.name, botID: settings.account.bot.botID,
            bot: CallbackRunner(client: client, attach: { channel.attach($0) }, work: { await channel.run() }),
            media: desk, agent: nil, directory: directory(agent, settings),
            gate: settings.gate(settings.account.bot.directMessages), receiver: receiver)
    }
}
