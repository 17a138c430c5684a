/// A bot that programs can subscribe to.
public struct SimulatorBot: Sendable, Hashable {
    /// Platform id (`aib…`).
    public var id: String
    /// Long-connection secret.
    public var secret: String
    /// Display name, which mentions use.
    public var name: String
    /// Webhook side; nil is none.
    public var webhook: WebhookSide?
    /// Application side; nil is none.
    public var app: ApplicationSide?

    /// A bot. An empty `secret` is one without long connection.
    public init(
        id: String, secret: String, name: String, webhook: WebhookSide? = nil, app: ApplicationSide? = nil
    ) {
        self.id = id
        self.secret = secret
        self.name = name
        self.webhook = webhook
        self.app = app
    }

    /// The bot of the demo.
    public static let demo = SimulatorBot(
        id: "aibSIM0001example", secret: "SIM-SECRET-not-real", name: "Build Helper")
}

/// A person who can write to bots.
public struct SimulatorUser: Sendable, Hashable {
    /// User id, case-sensitive.
    public var id: String
    /// Display name.
    public var name: String

    /// A person.
    public init(id: String, name: String) {
        self.id = id
        self.name = name
    }

    /// The people of the demo.
    public static let demo = [
        SimulatorUser(id: "lin.wei", name: "林薇"), SimulatorUser(id: "mei.chen", name: "陈梅"),
    ]
}

/// A group chat. Every bot counts as a member.
public struct SimulatorGroup: Sendable, Hashable {
    /// Chat id, case-sensitive.
    public var id: String
    /// Display name.
    public var name: String
    /// User ids of the members.
    public var members: [String]

    /// A group.
    public init(id: String, name: String, members: [String]) {
        self.id = id
        self.name = name
        self.members = members
    }

    /// The group of the demo.
    public static let demo = SimulatorGroup(
        id: "wrSIMgroup0001EXAMPLEchatid", name: "发布小组", members: ["lin.wei", "mei.chen"])
}

/// One chat of one bot: with a person, or in a group.
public struct ConversationKey: Sendable, Hashable {
    /// The two kinds of chat.
    public enum Chat: Sendable, Hashable {
        /// With the person of that user id.
        case single(String)
        /// In the group of that chat id.
        case group(String)
    }

    /// Bot id.
    public var bot: String
    /// The chat.
    public var chat: Chat

    /// A chat of a bot.
    public init(bot: String, chat: Chat) {
        self.bot = bot
        self.chat = chat
    }

    /// User id of a single chat.
    public var user: String? { if case .single(let id) = chat { id } else { nil } }
    /// Chat id of a group.
    public var group: String? { if case .group(let id) = chat { id } else { nil } }
}

/// Bots, people and groups that exist.
struct Directory: Sendable {
    /// Most bots, users or groups that may be added.
    static let limit = 20_000

    private(set) var bots: [String: SimulatorBot] = [:]
    private(set) var botOrder: [String] = []
    private(set) var users: [String: SimulatorUser] = [:]
    private(set) var userOrder: [String] = []
    private(set) var groups: [String: SimulatorGroup] = [:]
    private(set) var groupOrder: [String] = []
    var departments: [SimulatorDepartment] = []
    var tags: [SimulatorTag] = []

    /// Adds or replaces; false when the directory is full.
    mutating func add(_ bot: SimulatorBot) -> Bool {
        if bots[bot.id] == nil {
            guard botOrder.count < Self.limit else { return false }
            botOrder.append(bot.id)
        }
        bots[bot.id] = bot
        return true
    }

    mutating func add(_ user: SimulatorUser) -> Bool {
        if users[user.id] == nil {
            guard userOrder.count < Self.limit else { return false }
            userOrder.append(user.id)
        }
        users[user.id] = user
        return true
    }

    mutating func add(_ group: SimulatorGroup) -> Bool {
        if groups[group.id] == nil {
            guard groupOrder.count < Self.limit else { return false }
            groupOrder.append(group.id)
        }
        groups[group.id] = group
        return true
    }
}
