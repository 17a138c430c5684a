import Foundation

extension PlatformCore {
    /// What is to be seen in a conversation, oldest first.
    public func view(of conversation: ConversationKey) -> [Entry] { conversations.view(of: conversation) }

    /// Conversations in which something is to be seen.
    public var conversationKeys: [ConversationKey] { conversations.keys }

    /// Bots in order of creation.
    public var bots: [SimulatorBot] { directory.botOrder.compactMap { directory.bots[$0] } }

    /// People in order of creation.
    public var users: [SimulatorUser] { directory.userOrder.compactMap { directory.users[$0] } }

    /// Groups in order of creation.
    public var groups: [SimulatorGroup] { directory.groupOrder.compactMap { directory.groups[$0] } }

    /// The fault script.
    public var faults: SimulatorFaults { SimulatorFaults(plan.faults) }

    /// The newest frames, oldest first.
    public var newestFrames: [FrameRecord] { frames.newest }

    /// Connection that owns the bot now.
    public func owner(of bot: String) -> ConnectionID? { connections.owners[bot] }

    /// Open connections that have subscribed to the bot, displaced ones included.
    public func connectionCount(of bot: String) -> Int { connections.all.count { $0.value.bot == bot } }

    /// All open connections.
    public var connectionCount: Int { connections.all.count }

    /// Bots that a program is subscribed to.
    public var subscribedCount: Int { connections.owners.count }

    /// State of a connection; nil when it has ended.
    public func state(of connection: ConnectionID) -> ConnectionState? { connections[connection]?.state }

    /// Plain bytes of a stored file.
    public func storedMedia(_ id: String) -> StoredMedia? { media[id] }

    /// Encrypted download behind a link that has not expired at `now`.
    public func mediaLink(_ token: String, now: Int) -> MediaLink? { media.link(token, now: now) }

    /// Start of the urls that the bot's program can reach.
    func baseURL(for bot: String) -> String {
        connections.owners[bot].flatMap { connections[$0]?.baseURL } ?? baseURL
    }

    /// A one-time link to stored media, as callbacks carry it: `{url, aeskey}`.
    mutating func link(to id: String, kind: String, for bot: String, now: Int) -> JSONValue {
        let token = random.hexToken(32)
        let key = random.bytes(32)
        media.link(token: token, media: id, key: key, expiresAt: now + options.mediaURLLifetime)
        let seconds = options.mediaURLLifetime / 1000
        var base64 = Data(key).base64EncodedString()
        if !options.padsMediaKeys { base64 = String(base64.prefix { $0 != "=" }) }
        return [
            "url": .string(
                "\(baseURL(for: bot))/media/enc/\(token)?kind=\(kind)&sign=SIM-SIGNATURE&expires=\(seconds)"),
            "aeskey": .string(base64),
        ]
    }
}
