/// The platform as a value: connections and callbacks, what was issued to programs, what people see.
///
/// Every input takes the time (Unix milliseconds, never going back) and returns what to do; nothing here reads a
/// clock, a socket or a random source. Deferred things (late acks, the drop of a displaced socket, the end of a
/// stream's window) wait inside: call `tick` when `nextDeadline` has come. Frames of unknown or ended connections,
/// and whatever arrives on a half-open one, are ignored.
public struct PlatformCore: Sendable {
    /// Behavior.
    public var options: PlatformOptions
    /// Start of the urls that bots get for media and `response_url`, without a slash at the end. A connection may
    /// have its own.
    public var baseURL = "http://127.0.0.1"

    var directory = Directory()
    var connections = Connections()
    var conversations = Conversations()
    var requests = Requests()
    var streams = Streams()
    var cards = Cards()
    var uploads = Uploads()
    var media = MediaShelf()
    var quota = Quota<ConversationKey>()
    var uploadQuota = Quota<String>()
    var subscribeQuota = Quota<String>()
    var plan: FaultPlan
    var timeline = Timeline<Deferred>()
    var frames = FrameLog()
    var missed: [String: [Callback]] = [:]
    var responseURLs: [String: ResponseURL] = [:]
    var callbacks = Callbacks()
    var progress = Progress()
    var webhookStreams = WebhookStreams()
    /// Day of the newest `enter_chat` of the webhook side.
    var enteredDays: [Progress.Key: Int] = [:]
    /// Messages to applications so far; their ids follow from it.
    var appMessages = 0
    var responseCodes = ResponseCodes()
    var tokens = AccessTokens()
    /// Calls of the server API so far.
    var apiCalls = 0
    var meter = CallMeter()
    var sentMessages = SentMessages()
    var appQuota = Quota<Progress.Key>()
    var lostAppMessages: [Progress.Key: Int] = [:]
    var appChats: [String: AppChat] = [:]
    var random: SeededGenerator
    var actions: [PlatformAction] = []

    /// Something that happens later.
    enum Deferred: Sendable {
        case ack(ConnectionID, reqID: String, text: String, isBinary: Bool, isCounted: Bool)
        case callback(Callback)
        case drop(ConnectionID)
        case resumeReading(ConnectionID)
        case streamWindow(Streams.Key)
        case serverPing(ConnectionID)
        case idleCheck(ConnectionID)
        case delivery(Delivery, skipsFaults: Bool)
        case callbackTimeout(Int)
        case poll(WebhookStreams.Key)
        case webhookWindow(WebhookStreams.Key)
    }

    /// A callback that can be delivered, and delivered again under another `req_id`.
    struct Callback: Sendable {
        var cmd: String
        var body: JSONValue
        var kind: IssuedRequest.Kind
        var conversation: ConversationKey
        var bot: String { conversation.bot }
    }

    /// A one-shot reply address.
    struct ResponseURL: Sendable {
        var conversation: ConversationKey
        var transport: Transport
        /// The message that a reply quotes in groups.
        var entry: String?
        var expiresAt: Int
        var isUsed = false
    }

    /// A platform with these bots, people and groups; every id and key follows from `seed`.
    public init(
        options: PlatformOptions = PlatformOptions(), bots: [SimulatorBot] = [.demo],
        users: [SimulatorUser] = SimulatorUser.demo, groups: [SimulatorGroup] = [.demo],
        departments: [SimulatorDepartment] = SimulatorDepartment.demo, tags: [SimulatorTag] = SimulatorTag.demo,
        seed: UInt64
    ) {
        self.options = options
        random = SeededGenerator(seed: seed)
        plan = FaultPlan(seed: ~seed)
        for bot in bots { _ = directory.add(bot) }
        for user in users { _ = directory.add(user) }
        for group in groups { _ = directory.add(group) }
        directory.departments = departments
        directory.tags = tags
    }

    // MARK: Inputs

    /// A WebSocket was accepted. `address` is the peer's, for errmsg; `baseURL` is for this connection alone.
    public mutating func connectionOpened(
        _ id: ConnectionID, address: String = "127.0.0.1", baseURL: String? = nil, now: Int
    ) -> [PlatformAction] {
        perform(now) { core in
            core.connections.opened(id, address: address, baseURL: baseURL, now: now)
            core.emit(.connection(bot: nil, id, .open))
            if core.options.idleLimit > 0 {
                core.timeline.add(.idleCheck(id), at: now + core.options.idleLimit)
            }
        }
    }

    /// A whole message arrived: the UTF-8 of a text message, or the bytes of a binary one.
    public mutating func frameReceived(_ id: ConnectionID, _ bytes: [UInt8], now: Int) -> [PlatformAction] {
        perform(now) { core in core.handleFrame(id, bytes, now: now) }
    }

    /// The socket ended. Harmless when the core itself asked for that.
    public mutating func connectionClosed(_ id: ConnectionID, now: Int) -> [PlatformAction] {
        perform(now) { core in core.forget(id) }
    }

    /// Time has passed: does what was due.
    public mutating func tick(now: Int) -> [PlatformAction] {
        perform(now) { _ in }
    }

    /// Replaces the fault script; counters start anew.
    public mutating func setFaults(_ script: SimulatorFaults) { plan.replace(with: script) }

    /// Unix milliseconds at which `tick` is wanted; nil when nothing waits.
    public var nextDeadline: Int? { timeline.nextDeadline }

    // MARK: Plumbing

    /// Runs what became due, then `body`; returns all actions in order.
    mutating func perform(_ now: Int, _ body: (inout PlatformCore) -> Void) -> [PlatformAction] {
        while let due = timeline.popDue(now: now) { runDeferred(due.item, now: due.at) }
        body(&self)
        defer { actions.removeAll() }
        return actions
    }

    mutating func emit(_ event: SimulatorEvent) { actions.append(.event(event)) }

    mutating func send(_ id: ConnectionID, _ text: String, isBinary: Bool = false, now: Int) {
        guard let connection = connections[id], !connection.isHalfOpen else { return }
        if options.recordsFrames {
            let size = text.utf8.count
            emit(
                .frame(
                    frames.add(.outgoing, connection: id, bot: connection.bot, text: text, size: size, now: now)))
        }
        actions.append(isBinary ? .sendBinary(id, Array(text.utf8)) : .send(id, text))
    }

    /// Ends a connection from our side.
    mutating func end(_ id: ConnectionID, code: UInt16?) {
        guard connections[id] != nil else { return }
        actions.append(.close(id, code: code))
        forget(id)
    }

    mutating func forget(_ id: ConnectionID) {
        guard let connection = connections.closed(id) else { return }
        emit(.connection(bot: connection.bot, id, .closed))
    }

    private mutating func runDeferred(_ item: Deferred, now: Int) {
        switch item {
        case .ack(let id, let reqID, let text, let isBinary, let isCounted):
            if isCounted { connections.ackLeft(id, reqID: reqID) }
            send(id, text, isBinary: isBinary, now: now)
        case .callback(let callback):
            _ = sendCallback(callback, now: now)
        case .drop(let id):
            end(id, code: nil)
        case .resumeReading(let id):
            if let connection = connections[id], !connection.isHalfOpen { actions.append(.resumeReading(id)) }
        case .delivery(let delivery, let skipsFaults):
            if skipsFaults { post(delivery, now: now) } else { launch(delivery, now: now) }
        case .callbackTimeout(let id): callbackTimedOut(id, now: now)
        case .poll(let key): poll(key, now: now)
        case .webhookWindow(let key): webhookWindowEnded(key, now: now)
        case .streamWindow(let key):
            streamWindowEnded(key, now: now)
        case .serverPing(let id):
            guard connections[id]?.state == .subscribed, options.serverPingInterval > 0 else { return }
            sendServerPing(id, now: now)
            timeline.add(.serverPing(id), at: now + options.serverPingInterval)
        case .idleCheck(let id):
            guard let heard = connections[id]?.lastHeard, options.idleLimit > 0 else { return }
            if heard + options.idleLimit <= now {
                end(id, code: nil)
            } else {
                timeline.add(.idleCheck(id), at: heard + options.idleLimit)
            }
        }
    }

    mutating func sendServerPing(_ id: ConnectionID, now: Int) {
        let reqID = random.urlSafeToken(24)
        send(id, (["cmd": "ping", "headers": ["req_id": .string(reqID)]] as JSONValue).text, now: now)
    }

    private mutating func streamWindowEnded(_ key: Streams.Key, now: Int) {
        guard let deadline = streams.deadline(key, options: options) else { return }
        guard deadline <= now else {
            timeline.add(.streamWindow(key), at: deadline)
            return
        }
        guard let bubble = streams.expired(key) else { return }
        change(bubble.entry, in: bubble.conversation, now: now) { entry in
            entry.expired = true
            entry.finished = true
            entry.waiting = false
        }
    }

    mutating func change(
        _ entry: String, in conversation: ConversationKey, now: Int, _ body: (inout Entry) -> Void
    ) {
        if let changed = conversations.update(entry, in: conversation, time: now, body) {
            emit(.entry(conversation, changed))
        }
    }
}
