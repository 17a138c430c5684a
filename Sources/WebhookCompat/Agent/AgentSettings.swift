public import Shared

/// One self-built application: who it is, and how it calls the server API.
public struct AgentSettings: Sendable, Equatable {
    /// Name of the account in the configuration.
    public var account: AccountID
    /// The enterprise (`ww…`).
    public var corpID: String
    /// The application's secret; nil for an agent that lives on `accessToken` alone.
    public var secret: Secret?
    /// The application's number.
    public var agentID: Int64
    /// A fixed access token. Used until the platform refuses it; then tokens are fetched, if there is a secret.
    public var accessToken: Secret?
    /// Address of the server API.
    public var baseURL = "https://qyapi.weixin.qq.com"
    /// Whether answers go out as Markdown, of which WeCom shows a subset and the WeChat plug-in nothing; else as text.
    public var sendsMarkdown = false
    /// Whether groups are written to. The platform takes only those that the application made itself.
    public var allowGroupSend = false
    /// Greeting for a member who opens the application; empty for none.
    public var welcomeText = ""
    /// Longest text of one message, in bytes; the platform cuts what is over 2,048.
    public var textChunkLimit = 2_048
    /// Most calls in a minute.
    public var callsPerMinute = 100
    /// Most messages to one member in a minute and in an hour; the platform drops what is over 30 and 1,000 unsaid.
    public var memberLimits = MemberLimits()
    /// Time for one attempt of a call.
    public var timeout = Duration.seconds(15)
    /// Time for one attempt of an upload or download.
    public var mediaTimeout = Duration.seconds(300)
    /// Longest time that a call waits for its turn, for a pause that the platform demands, or for a token.
    public var maxWait = Duration.seconds(75)
    /// Whether the platform is asked to drop a message that it gets twice within a minute, as after a lost answer.
    public var checksDuplicates = true
    /// Largest file that is fetched, in bytes.
    public var maxDownloadBytes = 83_886_080

    /// Creates settings.
    public init(
        account: AccountID, corpID: String, agentID: Int64, secret: Secret? = nil, accessToken: Secret? = nil
    ) {
        self.account = account
        self.corpID = corpID
        self.agentID = agentID
        self.secret = secret
        self.accessToken = accessToken
    }

    /// Longest text of one message that the platform shows whole, in bytes of UTF-8.
    public static let maxTextBytes = 2_048

    /// What an application that is set up like this can carry.
    public var capabilities: Capabilities {
        var capabilities = WebhookChannels.agent
        capabilities.maxTextBytes = min(max(textChunkLimit, Chunker.minLimitBytes), Self.maxTextBytes)
        return capabilities
    }
}

extension AgentSettings {
    /// Most messages to one member; 0 switches a limit off.
    public struct MemberLimits: Sendable, Equatable {
        /// In 60 s.
        public var perMinute: Int
        /// In 3,600 s.
        public var perHour: Int

        /// Creates limits.
        public init(perMinute: Int = 30, perHour: Int = 1_000) {
            self.perMinute = perMinute
            self.perHour = perHour
        }
    }
}
