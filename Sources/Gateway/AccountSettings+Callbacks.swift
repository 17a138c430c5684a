import Foundation
import Shared
import WebhookCompat

/// What the callback side of an account runs with.
extension AccountSettings {
    /// The bot in callback mode.
    var webhookBot: WebhookBot.Settings {
        let bot = account.bot
        var settings = WebhookBot.Settings(account: AccountID(name))
        settings.name = account.name.isEmpty ? nil : account.name
        settings.displayName = bot.displayName.isEmpty ? nil : bot.displayName
        if !bot.streamPlaceholderContent.isEmpty { settings.placeholder = bot.streamPlaceholderContent }
        settings.greets = !bot.welcomeText.isEmpty
        return settings
    }

    /// Its engine.
    var callbackClient: CallbackClient.Configuration {
        var client = CallbackClient.Configuration(account: AccountID(name))
        client.engine = engine
        client.engine.reply.opening = webhookBot.placeholder
        // The answer to the click's own request carries the card.
        client.engine.redrawAfter = .milliseconds(600)
        client.drain = configuration.gateway.stopTimeout * 0.65
        return client
    }

    /// Where the platform calls the bot.
    ///
    /// - Throws: `CallbackKeyError` for credentials that passed the check of the file and still cannot be used.
    func botEndpoint() throws -> CallbackEndpoint {
        let bot = account.bot
        var previous: CallbackCredentials?
        if let token = bot.previousKey.token, let key = bot.previousKey.encodingAESKey {
            previous = try CallbackCredentials(token: token, key: CallbackKey(encodingAESKey: key.reveal()))
        }
        let current = try CallbackCredentials(
            token: bot.token ?? Secret(""), key: CallbackKey(encodingAESKey: bot.encodingAESKey?.reveal() ?? ""))
        return CallbackEndpoint(
            account: name, paths: paths("bot", own: bot.webhookPath, bare: ["/wecom", "/wecom/bot"]),
            kind: .bot(receiveID: bot.receiveID), current: current, previous: previous)
    }

    /// The application.
    var agent: AgentSettings {
        let agent = account.agent
        var settings = AgentSettings(
            account: AccountID(name), corpID: agent.corpID, agentID: Int64(agent.agentID), secret: agent.corpSecret,
            accessToken: agent.accessToken)
        settings.baseURL = agent.apiBaseURL
        settings.allowGroupSend = agent.allowGroupSend
        settings.sendsMarkdown = agent.markdown
        settings.welcomeText = agent.welcomeText
        settings.textChunkLimit = account.textChunkLimit
        settings.timeout = account.network.timeout
        settings.maxDownloadBytes = configuration.wecom.media.maxBytes
        settings.memberLimits.perMinute = configuration.limits.perConversationPerMinute
        settings.memberLimits.perHour = configuration.limits.perConversationPerHour
        return settings
    }

    /// Where the platform calls the application.
    ///
    /// - Throws: `CallbackKeyError` for credentials that passed the check of the file and still cannot be used.
    func agentEndpoint() throws -> CallbackEndpoint {
        let agent = account.agent
        let current = try CallbackCredentials(
            token: agent.token ?? Secret(""),
            key: CallbackKey(encodingAESKey: agent.encodingAESKey?.reveal() ?? ""))
        return CallbackEndpoint(
            account: name,
            paths: paths("agent", own: agent.webhookPath, bare: ["/wecom/agent"])
                + [Self.otherSpelling(of: agent.webhookPath)].compactMap { $0 },
            kind: .agent(corpID: agent.corpID, agentID: agent.agentID == 0 ? nil : Int64(agent.agentID)),
            current: current)
    }

    /// Keys of media that come without one of their own.
    var callbackKeys: [String: Secret] {
        var keys: [String: Secret] = [:]
        keys[MediaReference.callbackKey] = account.bot.encodingAESKey
        keys[MediaReference.previousCallbackKey] = account.bot.previousKey.encodingAESKey
        return keys
    }

    /// Programs before this one served an application below `…/webhook` as well as below `…/callback`, and consoles have either.
    static func otherSpelling(of path: String) -> String? {
        let path = path.hasSuffix("/") ? path.dropLast() : path[...]
        for (one, other) in [("/webhook", "/callback"), ("/callback", "/webhook")] where path.hasSuffix(one) {
            return path.dropLast(one.count) + other
        }
        return nil
    }

    /// Paths of one side: its own, that with the account's name, and the bare ones for the default account, or for the only
    /// one.
    func paths(_ side: String, own: String, bare: [String]) -> [String] {
        let encoded = name.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? name
        var paths = ["/wecom/\(side)/\(encoded)"]
        let isDefault = configuration.wecom.defaultAccount == name || configuration.wecom.enabledAccounts.count == 1
        if isDefault { paths += bare }
        if !own.isEmpty { paths.append(own) }
        return paths
    }
}
