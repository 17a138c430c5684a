public import AsyncHTTPClient
public import Logging
public import Shared

/// A self-built application: what it hears, what it says, and what it can ask the platform.
public struct Agent: Sendable {
    /// Nobody is greeted more often, in milliseconds.
    private static let greetingPause: Int64 = 86_400_000

    /// How it was set up.
    public let settings: AgentSettings
    /// The server API.
    public let api: ServerAPI
    /// Sends answers.
    public let channel: AgentChannel
    /// Reads callbacks.
    public let decoder: AgentCallbackDecoder
    /// Fetches what members send.
    public let media: AgentMedia
    private let kept: any KeptValues
    private let wallClock: any WallClock

    /// Creates an application; calls nobody yet.
    ///
    /// - Parameters:
    ///   - httpClient: follows no redirects and goes through the egress proxy where there is one; its owner shuts it down.
    ///   - kept: where access tokens and greetings outlive the process.
    public init(
        _ settings: AgentSettings, httpClient: HTTPClient, kept: any KeptValues, clock: any MonotonicClock,
        wallClock: any WallClock, logger: Logger
    ) {
        self.settings = settings
        self.kept = kept
        self.wallClock = wallClock
        api = ServerAPI(
            settings, client: httpClient, kept: kept, clock: clock, wallClock: wallClock, logger: logger)
        channel = AgentChannel(api)
        decoder = AgentCallbackDecoder(account: settings.account)
        media = AgentMedia(api)
    }

    /// Takes in a callback: what it is for the engine, and what its own request is answered with. Nil for one of a bot.
    ///
    /// - Parameter unixMilliseconds: when it came.
    public func take(_ callback: VerifiedCallback, receivedAt unixMilliseconds: Int64) async -> AgentIntake? {
        switch decoder.decode(callback, receivedAt: unixMilliseconds) {
        case nil: return nil
        case .event(let event): return AgentIntake(event: event)
        case .greeting(let greeting):
            return AgentIntake(event: .other(greeting.id, type: greeting.type), reply: await reply(to: greeting))
        case .directoryChanged(let id):
            api.forgetDirectory()
            return AgentIntake(event: .other(id, type: "change_contact"))
        case .ignored: return AgentIntake()
        }
    }

    /// The passive reply that greets somebody, as the XML that `CallbackEndpoint.reply` seals; nil where there is no text, or
    /// the member was greeted within the last 24 hours.
    public func reply(to greeting: AgentGreeting) async -> String? {
        guard VisibleText.isVisible(settings.welcomeText) else { return nil }
        let now = wallClock.unixMilliseconds
        let name = "\(settings.corpID)\u{0}\(settings.agentID)\u{0}\(greeting.user.rawValue.lowercased())"
        guard let hash = ServerAPI.hash(name),
            await kept.keepIfAbsent("1", of: "agent-greeting:\(hash)", now: now, until: now + Self.greetingPause)
        else { return nil }
        let text = VisibleText.prefix(of: settings.welcomeText, maxBytes: AgentSettings.maxTextBytes)
        return AgentReply.text(String(text), to: greeting.user, from: settings.corpID, seconds: now / 1_000)
    }
}

/// What a callback leads to.
public struct AgentIntake: Hashable, Sendable {
    /// For the engine; nil where there is nothing for it, as of what no person did.
    public var event: InboundEvent?
    /// Plain XML for `CallbackEndpoint.reply`; nil for an empty answer.
    public var reply: String?
}

/// Plain XML of passive replies.
enum AgentReply {
    static func text(_ text: String, to user: UserID, from corpID: String, seconds: Int64) -> String {
        """
        <xml><ToUserName>\(ReplyEnvelope.characterData(user.rawValue))</ToUserName>\
        <FromUserName>\(ReplyEnvelope.characterData(corpID))</FromUserName><CreateTime>\(seconds)</CreateTime>\
        <MsgType><![CDATA[text]]></MsgType><Content>\(ReplyEnvelope.characterData(text))</Content></xml>
        """
    }
}
