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

    /// A one-time link to stored media, as callbacks carry it: `{url, aeskey}`, or `{url}` where the key is that of
    /// the callbacks.
    mutating func link(to id: String, kind: String, for bot: String, webhookKey: [UInt8]?, now: Int) -> JSONValue {
        let token = random.hexToken(32)
        let key = webhookKey ?? random.bytes(32)
        media.link(token: token, media: id, key: key, expiresAt: now + options.mediaURLLifetime)
        let seconds = options.mediaURLLifetime / 1000
        let base = webhookKey == nil ? baseURL(for: bot) : baseURL
        let url = "\(base)/media/enc/\(token)?kind=\(kind)&sign=SIM-SIGNATURE&expires=\(seconds)"
        guard webhookKey == nil else { return ["url": .string(url)] }
        var base64 = Data(key).base64EncodedString()
        if !options.padsMediaKeys { base64 = String(base64.prefix { $0 != "=" }) }
        return ["url": .string(url), "aeskey": .string(base64)]
    }

    // MARK: Callbacks over HTTP

    /// The newest callbacks over HTTP, oldest first.
    public var callbackRecords: [CallbackRecord] { callbacks.records }

    /// What bots' programs answered and must not have, oldest first.
    public var violations: [ProtocolViolation] { callbacks.violations }

    /// Refreshes of a stream so far, and the time of the newest; nil when there is no such stream.
    public func polls(of streamID: String, bot: String) -> (count: Int, newest: Int?)? {
        webhookStreams[WebhookStreams.Key(bot: bot, streamID: streamID)].map { ($0.polls, $0.lastPoll) }
    }

    /// Messages of a person that the bot's program has not finished with.
    public func messagesInProgress(bot: String, user: String) -> Int {
        progress.count(Progress.Key(bot: bot, user: user))
    }

    /// Messages of the application that a person did not get, as there were too many.
    public func messagesLost(bot: String, user: String) -> Int {
        lostAppMessages[Progress.Key(bot: bot, user: user)] ?? 0
    }

    /// Messages of a person that wait until one of three others ends.
    public func messagesHeldBack(bot: String, user: String) -> Int {
        progress.heldCount(Progress.Key(bot: bot, user: user))
    }
}
