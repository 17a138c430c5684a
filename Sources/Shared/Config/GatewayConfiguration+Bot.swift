extension GatewayConfiguration {
    /// How a bot is reached.
    public enum BotMode: String, Sendable, CaseIterable {
        /// The long connection.
        case websocket
        /// Callbacks over HTTP.
        case webhook
    }

    /// What to do when another connection takes the bot.
    public enum ReplacedPolicy: String, Sendable, CaseIterable {
        /// Stay down until told to reconnect.
        case wait
        /// End the program with status 4.
        case exit
        /// Take it back, slowly.
        case takeover
    }

    /// Who may write directly.
    public enum DirectPolicy: String, Sendable, CaseIterable {
        /// Users in `allowFrom` and those an operator approved.
        case pairing
        /// Users in `allowFrom`.
        case allowlist
        /// Everyone.
        case open
        /// Nobody.
        case disabled
    }

    /// `dm`: who may write directly.
    public struct DirectMessages: Sendable, Equatable, ConfigurationSection {
        /// The rule.
        public var policy = DirectPolicy.pairing
        /// User ids that need no approval; `*` is everyone.
        public var allowFrom: [String] = []

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init("policy", \.policy, .choice(), "Who may write directly."),
                .init(
                    "allowFrom", \.allowFrom, .list(.identifier, initial: "", most: 100_000),
                    "User ids that need no approval; `*` is everyone."),
            ]
        }
    }

    /// A token and a key for callbacks.
    public struct CallbackKey: Sendable, Equatable, ConfigurationSection {
        /// Signs callbacks.
        public var token: Secret?
        /// Encrypts callbacks, 43 characters.
        public var encodingAESKey: Secret?

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init("token", \.token, .secret, "Token of the callback settings."),
                .init(
                    "encodingAESKey", \.encodingAESKey, .secret,
                    "EncodingAESKey of the callback settings, 43 characters."),
            ]
        }
    }

    /// `bot.reconnect`: bounds of the exponential backoff.
    public struct Reconnect: Sendable, Equatable, ConfigurationSection {
        /// First step.
        public var minimum = Duration.seconds(1)
        /// Longest step.
        public var maximum = Duration.seconds(60)

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init("minSeconds", \.minimum, .seconds(0.1...3_600), "First step of the backoff."),
                .init("maxSeconds", \.maximum, .seconds(0.1...3_600), "Longest step of the backoff."),
            ]
        }
    }

    /// `bot`: an AI bot.
    public struct Bot: Sendable, Equatable {
        /// How it is reached, as the file says; nil to infer it. See `effectiveMode`.
        public var mode: BotMode?
        /// The bot's id; empty when not given.
        public var botID = ""
        /// The long connection's secret.
        public var secret: Secret?
        /// The long connection's address.
        public var wsURL = "wss://openws.work.weixin.qq.com"
        /// Time between heartbeats.
        public var heartbeat = Duration.seconds(30)
        /// Time to wait for an ack.
        public var ackTimeout = Duration.seconds(10)
        /// When the first hint replaces the waiting dots; zero for never.
        public var replyTimeout = Duration.seconds(5)
        /// Backoff between connection attempts.
        public var reconnect = Reconnect()
        /// What to do when another connection takes the bot.
        public var onReplaced = ReplacedPolicy.wait
        /// Signs callbacks (webhook mode).
        public var token: Secret?
        /// Encrypts callbacks (webhook mode).
        public var encodingAESKey: Secret?
        /// The receiver id that callbacks must carry; empty for any.
        public var receiveID = ""
        /// A callback path in addition to the standard ones.
        public var webhookPath = ""
        /// The key pair before a change, still accepted.
        public var previousKey = CallbackKey()
        /// The name by which the bot is mentioned; empty for the account's `name`.
        public var displayName = ""
        /// Greets a user who opens the chat; empty for silence.
        public var welcomeText = ""
        /// First content of a bubble; empty for waiting dots.
        public var streamPlaceholderContent = ""
        /// Most rounds of tool calls in one answer.
        public var maxSteps = 10
        /// Who may write directly.
        public var directMessages = DirectMessages()

        init() {}

        /// How the bot is reached; nil when no bot is configured. An id and a secret mean the long connection.
        public var effectiveMode: BotMode? {
            guard hasAnyKey else { return nil }
            return mode ?? (botID.isEmpty && secret == nil ? .webhook : .websocket)
        }

        /// Whether any key stands here that makes it a bot.
        var hasAnyKey: Bool {
            mode != nil || !botID.isEmpty || secret != nil || token != nil || encodingAESKey != nil
        }
    }

    /// `agent`: a self-built application.
    public struct Agent: Sendable, Equatable {
        /// The company's id; empty when not given.
        public var corpID = ""
        /// The application's secret.
        public var corpSecret: Secret?
        /// The application's number; 0 when not given.
        public var agentID = 0
        /// Signs callbacks.
        public var token: Secret?
        /// Encrypts callbacks.
        public var encodingAESKey: Secret?
        /// A fixed access token in place of the secret.
        public var accessToken: Secret?
        /// The server API's address.
        public var apiBaseURL = "https://qyapi.weixin.qq.com"
        /// A callback path in addition to the standard ones.
        public var webhookPath = ""
        /// Whether sending to a group's chat id is tried.
        public var allowGroupSend = false
        /// Whether answers are sent as Markdown instead of text.
        public var markdown = false
        /// Greets a user who opens the application; empty for silence.
        public var welcomeText = ""
        /// Who may write directly.
        public var directMessages = DirectMessages()

        init() {}

        /// Whether any key stands here that makes it an agent.
        public var hasAnyKey: Bool {
            !corpID.isEmpty || corpSecret != nil || agentID != 0 || token != nil || encodingAESKey != nil
                || accessToken != nil
        }

        /// Whether it takes callbacks; without token and key it only sends.
        public var receives: Bool { token != nil && encodingAESKey != nil }
    }
}

extension GatewayConfiguration.Bot: ConfigurationSection {
    static var fields: [ConfigurationField<Self>] { connectionFields + callbackFields + answerFields }

    private static var connectionFields: [ConfigurationField<Self>] {
        [
            .init(
                "mode", \.mode, .optional(.choice(), initial: .websocket),
                "How the bot is reached; when absent, what the given keys are for."),
            .init("botId", \.botID, .text(maxBytes: 256), "The bot's id from its page in the admin console."),
            .init("secret", \.secret, .secret, "The secret of the long connection."),
            .init(
                "wsUrl", \.wsURL, .url(secure: "wss", plain: "ws", plainIsLocal: true),
                "Address of the long connection."),
            .init("heartbeatSeconds", \.heartbeat, .seconds(0.1...300), "Time between heartbeats."),
            .init("ackTimeoutSeconds", \.ackTimeout, .seconds(0.1...120), "Time to wait for an ack."),
            .init(
                "replyTimeoutSeconds", \.replyTimeout, .seconds(0.1...570, offAtZero: true),
                "When the first hint replaces the waiting dots."),
            .init("reconnect", \.reconnect, .section, "Backoff between connection attempts."),
            .init("onReplaced", \.onReplaced, .choice(), "What to do when another connection takes the bot."),
        ]
    }

    private static var callbackFields: [ConfigurationField<Self>] {
        [
            .init("token", \.token, .secret, "Token of the callback settings."),
            .init(
                "encodingAESKey", \.encodingAESKey, .secret, "EncodingAESKey of the callback settings, 43 characters."),
            .init("receiveId", \.receiveID, .identifier, "Receiver id that callbacks must carry."),
            .init(
                "webhookPath", \.webhookPath, .text(maxBytes: 512), "A callback path in addition to the standard ones."),
            .init("previousKey", \.previousKey, .section, "The key pair before a change, still accepted."),
        ]
    }

    private static var answerFields: [ConfigurationField<Self>] {
        [
            .init(
                "displayName", \.displayName, .text(maxBytes: 256),
                "The name by which the bot is mentioned; empty: the account's `name`."),
            .init(
                "welcomeText", \.welcomeText, .text(maxBytes: 20_480),
                "Greets a user who opens the chat; empty: silent."),
            .init(
                "streamPlaceholderContent", \.streamPlaceholderContent, .text(maxBytes: 20_480),
                "First content of a bubble; empty: waiting dots."),
            .init(
                "maxSteps", \.maxSteps, .integer(1...100), "Most rounds of tool calls in one answer.",
                withoutEffect: "tools are not offered to models in this version"),
            .init("dm", \.directMessages, .section, "Who may write directly."),
        ]
    }
}

extension GatewayConfiguration.Agent: ConfigurationSection {
    static var fields: [ConfigurationField<Self>] {
        [
            .init("corpId", \.corpID, .text(maxBytes: 256), "The company's id (`ww…`)."),
            .init("corpSecret", \.corpSecret, .secret, "The application's secret."),
            .init("agentId", \.agentID, .applicationNumber, "The application's number (AgentId)."),
            .init("token", \.token, .secret, "Token of the callback settings; without token and key it only sends."),
            .init(
                "encodingAESKey", \.encodingAESKey, .secret, "EncodingAESKey of the callback settings, 43 characters."),
            .init("accessToken", \.accessToken, .secret, "A fixed access token in place of `corpSecret`."),
            .init(
                "apiBaseUrl", \.apiBaseURL, .url(secure: "https", plain: "http", plainIsLocal: true),
                "Address of the server API."),
            .init(
                "webhookPath", \.webhookPath, .text(maxBytes: 512), "A callback path in addition to the standard ones."),
            .init(
                "markdown", \.markdown, .flag,
                "Whether answers are sent as Markdown, which WeCom shows and the WeChat plug-in does not."),
            .init("allowGroupSend", \.allowGroupSend, .flag, "Whether sending to a group's chat id is tried."),
            .init(
                "welcomeText", \.welcomeText, .text(maxBytes: 20_480),
                "Greets a user who opens the application; empty: silent."),
            .init("dm", \.directMessages, .section, "Who may write directly."),
        ]
    }
}

extension ConfigurationCodec where Value == Int {
    /// An AgentId: a number, with or without quotes.
    fileprivate static var applicationNumber: Self {
        Self(
            type: "whole number, from 1",
            read: { number, value, path, reader in
                var given = value.integerValue
                if case .string(let digits) = value.content { given = Int(digits) }
                guard let given, given > 0 else {
                    reader.mistake(
                        at: path, "this is no AgentId", "Write the AgentId of the application's page, such as 1000001")
                    return
                }
                number = given
            },
            show: { .text(String($0)) })
    }
}
