/// A way by which a bot's program and the platform talk.
public enum Transport: String, Sendable, Hashable, CaseIterable {
    /// WebSocket that the program opened.
    case longConnection
    /// Encrypted JSON posted to the program, answered at once or by `response_url`.
    case webhook
    /// Application: encrypted XML posted to the program, answered by the server API.
    case agent
}

/// The webhook side of a bot.
public struct WebhookSide: Sendable, Hashable {
    /// Where callbacks are posted.
    public var callbackURL: String
    /// Token of the signature.
    public var token: String
    /// Key of callbacks and media: 43 letters and digits.
    public var encodingAESKey: String
    /// Receive id; empty for bots of the own enterprise.
    public var receiveID: String

    /// A webhook side.
    public init(callbackURL: String, token: String, encodingAESKey: String, receiveID: String = "") {
        self.callbackURL = callbackURL
        self.token = token
        self.encodingAESKey = encodingAESKey
        self.receiveID = receiveID
    }
}

/// The application side of a bot: credentials of the server API, and callbacks where there is an address for them.
public struct ApplicationSide: Sendable, Hashable {
    /// Enterprise id.
    public var corpID: String
    /// Secret of the application.
    public var secret: String
    /// Id of the application.
    public var agentID: Int
    /// Where callbacks are posted; nil is send-only.
    public var callbackURL: String?
    /// Token of the signature.
    public var token = ""
    /// Key of callbacks: 43 letters and digits.
    public var encodingAESKey = ""
    /// User ids that it may write to and read; nil is everybody, which also makes group chats possible.
    public var range: [String]?
    /// User ids in its range for whom the interface is not licensed.
    public var unlicensed: [String] = []
    /// Addresses that may call the server API; nil is any.
    public var trustedIPs: [String]?

    /// An application that only sends.
    public init(corpID: String, secret: String, agentID: Int) {
        self.corpID = corpID
        self.secret = secret
        self.agentID = agentID
    }

    /// An application with callbacks.
    public init(
        corpID: String, secret: String, agentID: Int, callbackURL: String, token: String, encodingAESKey: String
    ) {
        self.init(corpID: corpID, secret: secret, agentID: agentID)
        self.callbackURL = callbackURL
        self.token = token
        self.encodingAESKey = encodingAESKey
    }
}

extension SimulatorBot {
    /// Sides that it has, in the order of `Transport`.
    public var transports: [Transport] {
        Transport.allCases.filter { transport in
            switch transport {
            case .longConnection: !secret.isEmpty
            case .webhook: webhook != nil
            case .agent: app != nil
            }
        }
    }
}

/// A department of the enterprise.
public struct SimulatorDepartment: Sendable, Hashable {
    /// Id; the root is 1.
    public var id: Int
    /// Name.
    public var name: String
    /// Id of the department above; 0 above the root.
    public var parent: Int
    /// User ids of its members.
    public var members: [String]

    /// A department.
    public init(id: Int, name: String, parent: Int, members: [String]) {
        self.id = id
        self.name = name
        self.parent = parent
        self.members = members
    }

    /// The departments of the demo.
    public static let demo = [
        SimulatorDepartment(id: 1, name: "示例企业", parent: 0, members: []),
        SimulatorDepartment(id: 2, name: "研发部", parent: 1, members: ["lin.wei"]),
        SimulatorDepartment(id: 3, name: "产品部", parent: 1, members: ["mei.chen"]),
    ]
}

/// A tag of the enterprise.
public struct SimulatorTag: Sendable, Hashable {
    /// Id.
    public var id: Int
    /// Name.
    public var name: String
    /// User ids of its members.
    public var members: [String]

    /// A tag.
    public init(id: Int, name: String, members: [String]) {
        self.id = id
        self.name = name
        self.members = members
    }

    /// The tag of the demo.
    public static let demo = [SimulatorTag(id: 1, name: "Ops", members: ["lin.wei", "mei.chen"])]
}
