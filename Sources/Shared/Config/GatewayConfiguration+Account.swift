extension GatewayConfiguration {
    /// One bot, one agent, or both: `channels.wecom.accounts.<name>`.
    public struct Account: Sendable, Equatable {
        /// Whether it runs; its state is kept either way.
        public var enabled = true
        /// Label, and the mention name unless `bot.displayName` is given.
        public var name = ""
        /// The AI bot.
        public var bot = Bot()
        /// The self-built application.
        public var agent = Agent()
        /// Which groups are answered.
        public var groupPolicy = GroupPolicy.open
        /// Chat ids of the groups that `allowlist` admits.
        public var groupAllowFrom: [String] = []
        /// Settings by chat id; `*` holds for every group that does not say otherwise.
        public var groups: [String: GroupSettings] = [:]
        /// Messages of history that a backend gets in a group, both sides counted.
        public var historyLimit = 20
        /// The same in a direct conversation.
        public var directHistoryLimit = 10
        /// Longest text message of the agent, in bytes of UTF-8.
        public var textChunkLimit = 2_048
        /// Whether a growing answer is shown.
        public var streamMode = StreamMode.partial
        /// On channels that cannot stream: true sends the answer whole, false sends blocks as they are finished.
        public var blockStreaming = false
        /// Size of such blocks.
        public var draftChunk = DraftChunk()
        /// The growing answer.
        public var stream = Stream()
        /// How long an answer that comes late may still be pushed.
        public var lateReplyKeep = Duration.seconds(24 * 3_600)
        /// Outbound connections.
        public var network = Network()

        init() {}

        /// Settings of one group: its own, and those of `*` where it says nothing.
        public func settings(forGroup chatID: String) -> GroupSettings {
            var settings = groups["*"] ?? GroupSettings()
            guard let own = groups[chatID] else { return settings }
            settings.requireMention = own.requireMention ?? settings.requireMention
            settings.tools = own.tools ?? settings.tools
            settings.allowFrom = own.allowFrom ?? settings.allowFrom
            settings.departmentID = own.departmentID ?? settings.departmentID
            return settings
        }
    }

    /// Which groups are answered.
    public enum GroupPolicy: String, Sendable, CaseIterable {
        /// Every group.
        case open
        /// Groups in `groupAllowFrom`.
        case allowlist
        /// None.
        case disabled
    }

    /// Whether a growing answer is shown.
    public enum StreamMode: String, Sendable, CaseIterable {
        /// The answer appears whole.
        case off
        /// The answer grows in its bubble.
        case partial
    }

    /// What becomes of a model's reasoning.
    public enum ThinkingMode: String, Sendable, CaseIterable {
        /// It is not shown.
        case drop
        /// It is shown folded in the bubble.
        case fold
    }

    /// Settings of one group, or of all (`*`); nil where nothing is said.
    public struct GroupSettings: Sendable, Equatable, ConfigurationSection {
        /// Whether only messages that mention the bot are answered; nil counts as true.
        public var requireMention: Bool?
        /// Names of the tools that may be used; nil admits all.
        public var tools: [String]?
        /// User ids that are answered; nil admits all.
        public var allowFrom: [String]?
        /// Only members of this department, or of one below it, are answered (agent channel).
        public var departmentID: String?

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init(
                    "requireMention", \.requireMention, .optional(.flag, initial: true),
                    "Answer only messages that mention the bot; when absent, true."),
                .init(
                    "tools", \.tools, .optional(.list(.identifier, initial: "", most: 1_000), initial: []),
                    "Tools that may be used; when absent, all.",
                    withoutEffect: "tools are not offered to models in this version"),
                .init(
                    "allowFrom", \.allowFrom, .optional(.list(.identifier, initial: "", most: 100_000), initial: []),
                    "Users who are answered; when absent, all."),
                .init(
                    "departmentId", \.departmentID, .optional(.identifier, initial: ""),
                    "Answer only members of this department or one below it; needs the account's agent."),
            ]
        }
    }

    /// `draftChunk`.
    public struct DraftChunk: Sendable, Equatable, ConfigurationSection {
        /// Least characters of a block.
        public var minCharacters = 100
        /// Most characters of a block.
        public var maxCharacters = 500

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init("minChars", \.minCharacters, .integer(1...20_480), "Least characters of a block."),
                .init("maxChars", \.maxCharacters, .integer(1...20_480), "Most characters of a block."),
            ]
        }
    }

    /// `stream`.
    public struct Stream: Sendable, Equatable, ConfigurationSection {
        /// The platform closes a stream 10 minutes after the message; this leaves a margin of 30 s.
        static let longestWindow = 570.0

        /// After this time the bubble is sealed and the rest is pushed.
        public var maxDuration = Duration.seconds(330)
        /// Least time between two refreshes of a bubble; zero: the acks alone set the pace.
        public var minInterval = Duration.seconds(1)
        /// Time between hints while the backend is silent; zero for none.
        public var hintInterval = Duration.seconds(30)
        /// Texts of the hints, in rotation; empty for the built-in ones.
        public var hints: [String] = []
        /// What becomes of a model's reasoning.
        public var thinking = ThinkingMode.drop
        /// Answers longer than this many bytes come as a file as well; 0 for never.
        public var attachAboveBytes = 0

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init(
                    "maxSeconds", \.maxDuration, .seconds(0.1...longestWindow),
                    "When the bubble is sealed and the rest is pushed."),
                .init(
                    "minIntervalSeconds", \.minInterval, .seconds(0.1...60, offAtZero: true),
                    "Least time between two refreshes; 0: as fast as the platform acknowledges them."),
                .init(
                    "hintSeconds", \.hintInterval, .seconds(0.1...longestWindow, offAtZero: true),
                    "Time between hints while the backend is silent."),
                .init(
                    "hints", \.hints, .list(.text(), initial: "", most: 50),
                    "Texts of the hints, in rotation; empty: the built-in ones."),
                .init("thinking", \.thinking, .choice(), "Drop a model's reasoning, or show it folded."),
                .init(
                    "attachAboveBytes", \.attachAboveBytes, .integer(0...20_971_520),
                    "Answers longer than this come as a file as well; 0: never."),
            ]
        }
    }

    /// `lateReply` of the file.
    struct LateReply: ConfigurationSection {
        var keep = Duration.seconds(24 * 3_600)

        static var fields: [ConfigurationField<Self>] {
            [.init("keepHours", \.keep, .hours(0.5...720), "How long a late answer may still be pushed.")]
        }
    }

    /// `network`: every outbound connection of an account.
    public struct Network: Sendable, Equatable, ConfigurationSection {
        /// The proxy for every connection.
        public var egressProxy = EgressProxy.none
        /// File with CA certificates in PEM form, trusted instead of the system's; empty for the system's.
        public var caFile = ""
        /// Time for one request or connection attempt.
        public var timeout = Duration.seconds(15)
        /// How often a failed request is tried again.
        public var retries = 2
        /// Wait before the first retry.
        public var retryDelay = Duration.milliseconds(500)

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init(
                    "egressProxyUrl", \.egressProxy, .egressProxy,
                    "HTTP proxy for every connection; \"env\" takes the environment's."),
                .init(
                    "caFile", \.caFile, .text(),
                    "File with CA certificates (PEM) that are trusted instead of the system's; empty: the system's."),
                .init("timeoutSeconds", \.timeout, .seconds(0.1...600), "Time for one request or connection attempt."),
                .init(
                    "retries", \.retries, .integer(0...10), "How often a failed request is tried again."),
                .init(
                    "retryDelaySeconds", \.retryDelay, .seconds(0.1...60, offAtZero: true),
                    "Wait before the first retry."),
            ]
        }
    }
}

extension GatewayConfiguration.Account: ConfigurationSection {
    private var lateReply: GatewayConfiguration.LateReply {
        get { GatewayConfiguration.LateReply(keep: lateReplyKeep) }
        set { lateReplyKeep = newValue.keep }
    }

    static var fields: [ConfigurationField<Self>] { identityFields + replyFields }

    private static var identityFields: [ConfigurationField<Self>] {
        [
            .init("enabled", \.enabled, .flag, "Whether the account runs; its state is kept either way."),
            .init(
                "name", \.name, .text(maxBytes: 256), "Label, and the mention name unless `bot.displayName` is given."),
            .init("bot", \.bot, .section, "The AI bot."),
            .init("agent", \.agent, .section, "The self-built application."),
            .init("groupPolicy", \.groupPolicy, .choice(), "Which groups are answered."),
            .init(
                "groupAllowFrom", \.groupAllowFrom, .list(.identifier, initial: "", most: 100_000),
                "Chat ids of the groups that `allowlist` admits."),
            .init(
                "groups", \.groups,
                .map(.section, initial: GatewayConfiguration.GroupSettings(), named: "chatId", most: 10_000),
                "Settings by chat id; `*` for every group."),
        ]
    }

    private static var replyFields: [ConfigurationField<Self>] {
        let blocks = "answers of an agent are sent whole in this version"
        return [
            .init(
                "historyLimit", \.historyLimit, .integer(0...1_000), "Messages of history in a group, both sides."),
            .init(
                "dmHistoryLimit", \.directHistoryLimit, .integer(0...1_000), "Messages of history in a direct chat."),
            .init(
                "textChunkLimit", \.textChunkLimit, .integer(64...2_048),
                "Longest text message of the agent, in bytes."),
            .init("streamMode", \.streamMode, .choice(), "Show the growing answer, or only the whole one."),
            .init(
                "blockStreaming", \.blockStreaming, .flag,
                "Where a channel cannot stream: true sends the answer whole, false in blocks.", withoutEffect: blocks),
            .init("draftChunk", \.draftChunk, .section, "Size of such blocks.", withoutEffect: blocks),
            .init("stream", \.stream, .section, "The growing answer."),
            .init("lateReply", \.lateReply, .section, "Answers that come late."),
            .init("network", \.network, .section, "Outbound connections."),
        ]
    }
}
