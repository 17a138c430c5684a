/// What people do in their WeCom client, and what a test does to the platform.
public enum UserAction: Sendable, Hashable {
    /// Somebody writes to a bot.
    case post(UserPost)
    /// Somebody opens the chat with a bot for the first time that day.
    case enter(bot: String, user: String, via: Transport? = nil)
    /// Somebody clicks a button of a card. `selected` maps question keys to option ids. Without `via` the event
    /// goes the way by which the card came.
    case click(
        bot: String, user: String, group: String?, entry: String, key: String, selected: [String: [String]],
        via: Transport? = nil)
    /// Somebody rates an answer: 1 accurate, 2 inaccurate, 3 withdrawn. Without `via` the event goes the way by
    /// which the answer came.
    case feedback(
        bot: String, user: String, group: String?, entry: String, type: Int, content: String?, reasons: [Int],
        via: Transport? = nil)
    /// An event of any type with any payload (`event.<type>`), from `user` or from nobody.
    case rawEvent(bot: String, user: String?, type: String, payload: JSONValue, via: Transport? = nil)
    /// Gives a bot a webhook side, replaces it, or (nil) takes it away.
    case setWebhook(bot: String, WebhookSide?)
    /// Gives a bot an application side, replaces it, or (nil) takes it away.
    case setApp(bot: String, ApplicationSide?)
    /// The access tokens of a bot's application end; calls with them get that errcode (40014 or 42001).
    case endTokens(bot: String, code: Int)
    /// The administrator saves the callback url of that side: the platform verifies it.
    case verifyURL(bot: String, via: Transport)
    /// Any text as a frame on the bot's connection.
    case rawFrame(bot: String, text: String)
    /// Adds or renames a person.
    case addUser(SimulatorUser)
    /// Adds or changes a group.
    case addGroup(SimulatorGroup)
    /// Drops sockets without a close frame: of one bot, or all.
    case dropConnections(bot: String?)
    /// Displaces the bot's connection, as another program's subscribe would.
    case kick(bot: String)
    /// Makes the bot's connection half-open.
    case halfOpen(bot: String)
}

/// A message that somebody writes to a bot.
public struct UserPost: Sendable, Hashable {
    /// A file that a person sends.
    public struct File: Sendable, Hashable {
        /// File name.
        public var name: String
        /// Plain bytes.
        public var bytes: [UInt8]

        /// A file.
        public init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// One part of a mixed message.
    public enum Item: Sendable, Hashable {
        case text(String)
        case image(File)
    }

    /// What is sent.
    public enum Content: Sendable, Hashable {
        case text(String)
        case image(File)
        case file(File)
        /// Transcript of a recording.
        case voice(String)
        case video(File)
        case mixed([Item])
        /// A place; applications hear of it, bots do not.
        case location(latitude: Double, longitude: Double, label: String)
        /// A web page; applications hear of it, bots do not.
        case link(title: String, description: String, url: String)
        /// A message of a type that no client knows.
        case unknown(type: String)
    }

    /// What is quoted.
    public enum Quote: Sendable, Hashable {
        /// Any content.
        case content(Content)
        /// An entry of the same conversation, by id.
        case entry(String)
    }

    /// Bot id.
    public var bot: String
    /// User id of the sender.
    public var user: String
    /// Chat id, in a group.
    public var group: String?
    /// What is sent.
    public var content: Content
    /// What is quoted.
    public var quote: Quote?
    /// In groups: whether the bot is mentioned; without that the platform does not deliver.
    public var mention: Bool
    /// How often it is delivered again (same `msgid`, new `req_id`).
    public var repeats: Int
    /// By which side; nil is the long connection, or the first side of a bot that has none.
    public var via: Transport?

    /// A message.
    public init(
        bot: String, user: String, group: String? = nil, content: Content, quote: Quote? = nil, mention: Bool = true,
        repeats: Int = 0, via: Transport? = nil
    ) {
        self.bot = bot
        self.user = user
        self.group = group
        self.content = content
        self.quote = quote
        self.mention = mention
        self.repeats = repeats
        self.via = via
    }
}

/// Why an action of a person is impossible: field and what would be right.
public struct UserActionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Field of the control API.
    public var field: String
    /// What is wrong and what would be right.
    public var reason: String

    /// Field and reason.
    public var description: String { "\(field): \(reason)" }

    init(_ field: String, _ reason: String) {
        self.field = field
        self.reason = reason
    }
}

/// What an action of a person led to.
public struct UserActionOutcome: Sendable, Hashable {
    /// What the driver has to do.
    public var actions: [PlatformAction] = []
    /// `msgid` of the callback.
    public var msgID: String?
    /// `req_id` of the (first) callback; nil when none was issued.
    public var reqID: String?
    /// Entry that people see.
    public var entry: String?
    /// Whether the callback went out to a program at once.
    public var isDelivered = false
}
