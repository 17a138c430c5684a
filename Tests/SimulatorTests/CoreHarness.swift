import Simulator
import Testing

/// A core with a hand-moved clock and what it asked its driver to do, sorted by connection.
struct CoreHarness {
    static let bot = SimulatorBot.demo
    static let group = SimulatorGroup.demo

    var core: PlatformCore
    var now = 1_795_000_000_000
    var sent: [ConnectionID: [JSONValue]] = [:]
    var rawTexts: [ConnectionID: [String]] = [:]
    var binary: [ConnectionID: [[UInt8]]] = [:]
    var closed: [ConnectionID: UInt16?] = [:]
    var readingPaused: Set<ConnectionID> = []
    var events: [SimulatorEvent] = []
    /// HTTP requests that the core asked for, oldest first, and those that it cut.
    var requests: [CallbackRequest] = []
    var cut: [Int] = []
    private var nextConnection = 1
    private var nextReqID = 1

    init(bot: SimulatorBot = .demo, _ change: (inout PlatformOptions) -> Void = { _ in }) {
        var options = PlatformOptions()
        change(&options)
        core = PlatformCore(options: options, bots: [bot], seed: 7)
    }

    mutating func take(_ actions: [PlatformAction]) {
        for action in actions {
            switch action {
            case .send(let id, let text):
                rawTexts[id, default: []].append(text)
                if let frame = try? JSONValue.parse(text) { sent[id, default: []].append(frame) }
            case .sendBinary(let id, let bytes): binary[id, default: []].append(bytes)
            case .close(let id, let code): closed[id] = .some(code)
            case .pauseReading(let id): readingPaused.insert(id)
            case .resumeReading(let id): readingPaused.remove(id)
            case .callback(let request): requests.append(request)
            case .cancelCallback(let id): cut.append(id)
            case .event(let event): events.append(event)
            }
        }
    }

    /// Opens a connection without subscribing.
    mutating func open() -> ConnectionID {
        let id = ConnectionID(nextConnection)
        nextConnection += 1
        take(core.connectionOpened(id, now: now))
        return id
    }

    /// Opens a connection and subscribes the demo bot.
    mutating func subscribed() throws -> ConnectionID {
        let id = open()
        try #require(try command(id, "aibot_subscribe", Self.credentials)["errcode"] == 0)
        return id
    }

    static let credentials: JSONValue = ["bot_id": .string(bot.id), "secret": .string(bot.secret)]

    mutating func receive(_ id: ConnectionID, _ text: String) {
        take(core.frameReceived(id, Array(text.utf8), now: now))
    }

    /// Sends a command; a fresh `req_id` unless one is given.
    mutating func send(_ id: ConnectionID, _ cmd: String, _ body: JSONValue?, reqID: String? = nil) -> String {
        let reqID = reqID ?? "test_\(nextReqID)"
        nextReqID += 1
        var frame: JSONValue = ["cmd": .string(cmd), "headers": ["req_id": .string(reqID)]]
        if let body, var object = frame.objectValue {
            object["body"] = body
            frame = .object(object)
        }
        receive(id, frame.text)
        return reqID
    }

    /// Sends a command and returns the frame that answers it at once.
    mutating func command(
        _ id: ConnectionID, _ cmd: String, _ body: JSONValue?, reqID: String? = nil
    ) throws -> JSONValue {
        let before = sent[id]?.count ?? 0
        _ = send(id, cmd, body, reqID: reqID)
        let answers = (sent[id] ?? []).dropFirst(before).filter { $0["errcode"] != nil }
        return try #require(answers.first)
    }

    mutating func advance(_ milliseconds: Int) {
        now += milliseconds
        take(core.tick(now: now))
    }

    @discardableResult
    mutating func act(_ action: UserAction) throws -> UserActionOutcome {
        let outcome = try core.userAction(action, now: now)
        take(outcome.actions)
        return outcome
    }

    /// Posts a text in the single chat and returns the callback's `req_id`.
    mutating func post(_ text: String = "hello", group: String? = nil) throws -> String {
        let post = UserPost(bot: Self.bot.id, user: "lin.wei", group: group, content: .text(text))
        return try #require(try act(.post(post)).reqID)
    }

    mutating func stream(
        _ id: ConnectionID, _ reqID: String, _ content: String, final: Bool = false, stream: String = "s"
    ) throws -> Int {
        let body: JSONValue = [
            "msgtype": "stream",
            "stream": ["id": .string(stream), "finish": .bool(final), "content": .string(content)],
        ]
        return try #require(try command(id, "aibot_respond_msg", body, reqID: reqID)["errcode"]?.intValue)
    }

    mutating func push(_ id: ConnectionID, _ content: String, to target: String = "lin.wei") throws -> Int {
        let body: JSONValue = [
            "chatid": .string(target), "chat_type": .int(target.hasPrefix("wr") ? 2 : 1), "msgtype": "markdown",
            "markdown": ["content": .string(content)],
        ]
        return try #require(try command(id, "aibot_send_msg", body)["errcode"]?.intValue)
    }

    /// What the demo bot shows in the single chat with lin.wei, or in a group.
    func bubbles(group: String? = nil) -> [Entry] { entries(group: group).filter { $0.from == .bot } }

    func entries(group: String? = nil) -> [Entry] {
        let chat: ConversationKey.Chat = group.map { .group($0) } ?? .single("lin.wei")
        return core.view(of: ConversationKey(bot: Self.bot.id, chat: chat))
    }

    func hasCallback(_ id: ConnectionID) -> Bool {
        sent[id]?.contains { $0["cmd"] == "aibot_msg_callback" } == true
    }

    /// Newest callback with that command.
    func callback(_ id: ConnectionID, _ cmd: String = "aibot_msg_callback") throws -> JSONValue {
        try #require(sent[id]?.last { $0["cmd"]?.stringValue == cmd })
    }
}
