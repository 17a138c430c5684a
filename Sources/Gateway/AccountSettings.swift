import AIBotWS
import Backends
import Foundation
import Shared
import WebhookCompat

/// Turns an account of the configuration into what its bot runs with.
struct AccountSettings {
    let name: String
    let account: GatewayConfiguration.Account
    let configuration: GatewayConfiguration
    let environment: [String: String]

    /// - Throws: `URLProblem` for an address that passed the check of the file and still cannot be used.
    func client() throws -> AIBotClient.Configuration {
        let bot = account.bot
        var target = try ConnectionTarget(url: bot.wsURL)
        target.caFile = account.network.caFile.isEmpty ? nil : account.network.caFile
        target.proxy = try egress.proxy(host: target.host, port: target.port, secure: target.secure)
        target.connectTimeout = account.network.timeout
        var session = SessionConfiguration(
            botID: BotID(bot.botID), secret: bot.secret?.reveal() ?? "", target: target)
        session.heartbeat = bot.heartbeat
        session.ackTimeout = bot.ackTimeout
        session.eventAckTimeout = min(bot.ackTimeout, session.eventAckTimeout)
        session.minBackoff = bot.reconnect.minimum
        session.maxBackoff = bot.reconnect.maximum
        session.onReplaced =
            switch bot.onReplaced {
            case .wait: .wait
            case .exit: .exit
            case .takeover: .takeover
            }
        var client = AIBotClient.Configuration(session: session)
        client.account = AccountID(name)
        client.name = account.name.isEmpty ? nil : account.name
        client.displayName = bot.displayName.isEmpty ? nil : bot.displayName
        client.engine = engine
        // The last third is for saying goodbye: sealing bubbles and closing.
        client.drain = configuration.gateway.stopTimeout * 0.65
        return client
    }

    /// The way out of the account.
    var egress: Egress { Egress(account.network.egressProxy, environment: environment) }

    /// What its HTTP clients trust, and how long they wait for a connection.
    var http: HTTPSettings {
        HTTPSettings(
            caFile: account.network.caFile.isEmpty ? nil : account.network.caFile,
            connectTimeout: account.network.timeout)
    }

    /// The platform's host when it is this machine: its media lie there, too.
    var ownHost: String? {
        if let target = try? ConnectionTarget(url: account.bot.wsURL), target.isLoopback { return target.host }
        guard let host = URL(string: account.agent.apiBaseURL)?.host,
            NetworkAddress(host: host, port: 0).isLoopback
        else { return nil }
        return host
    }

    var engine: EngineSettings {
        var engine = EngineSettings()
        let limits = configuration.limits
        engine.concurrentTasks = limits.concurrentTasks
        engine.queuedPerConversation = limits.queuedPerConversation
        engine.perMinute = limits.perConversationPerMinute
        engine.perHour = limits.perConversationPerHour
        engine.lastWords = configuration.gateway.stopTimeout * 0.15
        engine.attachAboveBytes = account.stream.attachAboveBytes
        engine.welcomeText = account.bot.welcomeText
        // Whichever way a bot is reached, it takes up what it left; an application has an engine of its own.
        engine.takesUpFrom = [LongConnection.name, WebhookBot.name]
        engine.reply = reply
        return engine
    }

    private var reply: ReplySettings {
        let bot = account.bot
        var reply = ReplySettings()
        reply.maxBubbleAge = account.stream.maxDuration
        reply.minInterval = account.stream.minInterval
        reply.firstHintAfter = bot.replyTimeout
        reply.hintEvery = account.stream.hintInterval
        if !account.stream.hints.isEmpty { reply.hints = account.stream.hints }
        if !bot.streamPlaceholderContent.isEmpty { reply.opening = bot.streamPlaceholderContent }
        reply.showsGrowth = account.streamMode == .partial
        reply.ackTimeout = bot.ackTimeout
        reply.keepFor = account.lateReplyKeep
        reply.onUnknown =
            switch configuration.delivery.onUnknown {
            case .auto: .auto
            case .resend: .resend
            case .drop: .drop
            }
        reply.reasoning = account.stream.thinking == .fold ? .fold : .drop
        return reply
    }

    /// Policy for messages and commands alike.
    func gate(_ direct: GatewayConfiguration.DirectMessages) -> @Sendable (InboundMessage) -> GateVerdict {
        let settings = access(direct)
        return { message in
            let conversation: AccessPolicy.Conversation =
                message.conversation.kind == .group ? .group(message.conversation.id) : .direct
            let decision = AccessPolicy.decide(
                settings, conversation: conversation, sender: message.sender.id.rawValue,
                mentioned: message.mentioned)
            switch decision {
            case .allow: return .allow
            case .deny(let reason): return .deny(line: reason.userText(.both), reason: reason.logWord)
            }
        }
    }

    private func access(_ direct: GatewayConfiguration.DirectMessages) -> AccessSettings {
        let directMode: AccessSettings.DirectMode =
            switch direct.policy {
            case .open: .open
            case .allowlist: .allowlist
            case .pairing: .pairing
            case .disabled: .disabled
            }
        let groupMode: AccessSettings.GroupMode =
            switch account.groupPolicy {
            case .open: .open
            case .allowlist: .allowlist
            case .disabled: .disabled
            }
        return AccessSettings(
            directMode: directMode, directAllowFrom: direct.allowFrom, groupMode: groupMode,
            groupAllowFrom: account.groupAllowFrom,
            groups: account.groups.mapValues {
                AccessSettings.GroupEntry(requireMention: $0.requireMention, allowFrom: $0.allowFrom)
            })
    }
}
