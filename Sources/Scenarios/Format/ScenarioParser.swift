import AIBotWS
import Shared

/// Turns the text of a scenario into steps.
struct ScenarioParser {
    private let path: String
    private let frame: (String) throws -> String
    private var line = 0
    private var hasHints = false
    private(set) var title = ""
    private(set) var covers: [String] = []
    private(set) var settings = ScenarioSettings()
    private(set) var steps: [ScenarioStep] = []

    init(path: String, frame: @escaping (String) throws -> String) {
        self.path = path
        self.frame = frame
    }

    static let mostSteps = 20_000

    mutating func parse(_ text: String) throws {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var index = 0
        while index < lines.count {
            line = index + 1
            let (statement, next) = Self.statement(lines, index)
            index = next
            do throws(ScenarioProblem) {
                try take(statement)
            } catch {
                throw ScenarioSyntaxError(path: path, line: line, message: error.message)
            }
        }
        guard !title.isEmpty else {
            throw ScenarioSyntaxError(path: path, line: 1, message: "a scenario begins with `title: …`")
        }
    }

    /// Lines from `index` on that belong together because a brace is open; the text, and the line after it.
    private static func statement(_ lines: [Substring], _ index: Int) -> (Substring, Int) {
        let first = lines[index].drop { $0 == " " || $0 == "\t" }
        guard !first.hasPrefix("#"), !first.hasPrefix("title:"), !first.hasPrefix("covers:") else {
            return (first, index + 1)
        }
        var text = String(first)
        var next = index + 1
        while !ScenarioTokenizer.isComplete(Substring(text)), next < lines.count {
            text += "\n" + lines[next]
            next += 1
        }
        return (Substring(text), next)
    }

    private mutating func take(_ statement: Substring) throws(ScenarioProblem) {
        if statement.hasPrefix("#") { return }
        if statement.hasPrefix("title:") {
            title = statement.dropFirst(6).trimmingSpaces
            return
        }
        if statement.hasPrefix("covers:") {
            covers += statement.dropFirst(7).split { $0 == "," || $0 == " " || $0 == "\r" }.map(String.init)
            return
        }
        let tokens = try ScenarioTokenizer.tokens(of: statement)
        guard !tokens.isEmpty else { return }
        try take(tokens)
        guard steps.count <= Self.mostSteps else { throw ScenarioProblem(message: "more than \(Self.mostSteps) steps") }
    }

    private mutating func add(_ action: ScenarioStep.Action) { steps.append(ScenarioStep(line: line, action: action)) }

    private mutating func take(_ tokens: [ScenarioToken]) throws(ScenarioProblem) {
        guard case .word(let verb) = tokens[0] else {
            throw ScenarioProblem(message: "a line begins with a word, not with \(tokens[0].description)")
        }
        var rest = ScenarioArguments(tokens.dropFirst())
        switch verb {
        case "set": try set(&rest)
        case "online": addOnline()
        case "in": try takeInbound(&rest)
        case "out": add(.outbound(try outbound(&rest)))
        case "ack": try takeAck(&rest)
        case "advance": add(.advance(try rest.duration()))
        case "wait": add(.wait(try rest.duration()))
        case "handler": try takeHandler(&rest)
        case "event": add(.event(try rest.json("a JSON object of what is expected")))
        case "status": add(.status(try rest.word("a status")))
        case "outcome": add(.outcome(try rest.phrase("what became of the push")))
        case "push": add(.push(try rest.conversation(), try rest.text()))
        case "ends": add(.ends(rest.optionalWord()))
        default: add(try plain(verb, &rest))
        }
        try rest.finish()
    }

    private func plain(_ verb: String, _ rest: inout ScenarioArguments) throws(ScenarioProblem) -> ScenarioStep.Action {
        switch (verb, rest.optionalWord()) {
        case ("connects", nil): return .connects
        case ("refuses", "connection"): return .refuses
        case ("ignores", "connection"): return .ignores
        case ("drops", "connection"): return .drops(code: nil)
        case ("closes", "connection"):
            guard let code = UInt16(try rest.word("a close code")) else {
                throw ScenarioProblem(message: "no close code")
            }
            return .drops(code: code)
        case ("client", "closes"): return .clientCloses
        case ("no", "frames"): return .noFrames
        case ("shutdown", nil): return .shutdown
        case ("reconnect", nil): return .reconnect
        default: throw ScenarioProblem(message: "unknown step `\(verb)`; docs/scenarios.md lists them")
        }
    }

    // MARK: Frames

    /// The usual beginning: connect, subscribe, accepted.
    private mutating func addOnline() {
        add(.connects)
        add(.outbound(subscription))
        add(.inbound(Self.ack(code: 0)))
        add(.status("online"))
    }

    private var subscription: JSONValue {
        .dictionary([
            "cmd": "aibot_subscribe", "headers": .dictionary(["req_id": "*"]),
            "body": .dictionary(["bot_id": .string(settings.botID.rawValue), "secret": .string(settings.secret)]),
        ])
    }

    private static func ack(code: Int, reqID: Bool = true) -> JSONValue {
        let words = code == 0 ? "ok" : "refused, hint: [SIMHINT], from ip: 192.0.2.10"
        return .dictionary([
            "headers": reqID ? .dictionary(["req_id": "$last"]) : nil, "errcode": .integer(code),
            "errmsg": .string(words),
        ])
    }

    private mutating func takeAck(_ rest: inout ScenarioArguments) throws(ScenarioProblem) {
        guard let word = rest.optionalWord() else { return add(.inbound(Self.ack(code: 0))) }
        if word.hasSuffix(".json") {
            let value = try file(word).setting(path: ["headers", "req_id"], to: "$last")
            return add(.inbound(try changed(value, &rest)))
        }
        guard let code = Int(word) else { throw ScenarioProblem(message: "`ack` takes nothing, an errcode or a file") }
        var bare = false
        if rest.optionalWord("without") {
            guard rest.optionalWord("req_id") else { throw ScenarioProblem(message: "`ack CODE without req_id`") }
            bare = true
        }
        add(.inbound(Self.ack(code: code, reqID: !bare)))
    }

    private mutating func takeInbound(_ rest: inout ScenarioArguments) throws(ScenarioProblem) {
        if rest.optionalWord("raw") { return add(.inboundText(try rest.text())) }
        let value: JSONValue
        if let json = rest.optionalJSON() {
            value = json
        } else {
            value = try file(try rest.word("a frame or its file"))
        }
        add(.inbound(try changed(value, &rest)))
    }

    private func outbound(_ rest: inout ScenarioArguments) throws(ScenarioProblem) -> JSONValue {
        if let json = rest.optionalJSON() { return try changed(json, &rest) }
        let word = try rest.word("a frame, its file, or a kind of frame")
        switch word {
        case "subscribe": return subscription
        case "ping": return .dictionary(["cmd": "ping", "headers": .dictionary(["req_id": "*"])])
        case "bubble": return try bubble(&rest)
        case "markdown": return Self.reply("$turn", "markdown", ["content": .string(try rest.text())])
        case "welcome":
            return .dictionary([
                "cmd": "aibot_respond_welcome_msg", "headers": .dictionary(["req_id": "$event"]),
                "body": .dictionary([
                    "msgtype": "text", "text": .dictionary(["content": .string(try rest.text())]),
                ]),
            ])
        case "push": return try pushed(&rest)
        default: return try changed(try file(word), &rest)
        }
    }

    private func bubble(_ rest: inout ScenarioArguments) throws(ScenarioProblem) -> JSONValue {
        let id = try rest.word("the bubble's id")
        let content = try rest.text()
        let finish = rest.optionalWord("finish")
        let turn = rest.optionalWord("at") ? try rest.word("a req_id") : "$turn"
        return Self.reply(
            turn, "stream", ["id": .string(id), "finish": .bool(finish), "content": .string(content)])
    }

    private static func reply(
        _ reqID: String, _ type: String, _ content: KeyValuePairs<String, JSONValue?>
    ) -> JSONValue {
        .dictionary([
            "cmd": "aibot_respond_msg", "headers": .dictionary(["req_id": .string(reqID)]),
            "body": .dictionary(["msgtype": .string(type), type: .dictionary(content)]),
        ])
    }

    private func pushed(_ rest: inout ScenarioArguments) throws(ScenarioProblem) -> JSONValue {
        let conversation = try rest.conversation()
        return .dictionary([
            "cmd": "aibot_send_msg", "headers": .dictionary(["req_id": "*"]),
            "body": .dictionary([
                "chatid": .string(conversation.id), "chat_type": .integer(conversation.kind == .direct ? 1 : 2),
                "msgtype": "markdown", "markdown": .dictionary(["content": .string(try rest.text())]),
            ]),
        ])
    }

    private func file(_ name: String) throws(ScenarioProblem) -> JSONValue {
        guard name.hasSuffix(".json") else {
            throw ScenarioProblem(message: "\(name) is neither a frame nor a .json file")
        }
        do {
            return try JSONValue(parsing: frame(name).utf8)
        } catch {
            throw ScenarioProblem(message: "\(name): \(error)")
        }
    }

    /// A frame with the changes that follow it: `path=value` sets, `-path` removes.
    private func changed(_ frame: JSONValue, _ rest: inout ScenarioArguments) throws(ScenarioProblem) -> JSONValue {
        var frame = frame
        while let change = rest.optionalChange() {
            switch change {
            case .assignment(let path, let value):
                frame = frame.setting(path: path.split(separator: ".").map(String.init), to: value)
            case .word(let path): frame = frame.removing(path: path.dropFirst().split(separator: ".").map(String.init))
            case .json: break
            }
        }
        return frame
    }

    // MARK: Handler

    private mutating func takeHandler(_ rest: inout ScenarioArguments) throws(ScenarioProblem) {
        var word = try rest.word("what the handler does")
        var name = ""
        if !Self.verbs.contains(word) {
            name = word
            word = try rest.word("what the handler does")
        }
        add(.handler(name, try verb(word, &rest)))
    }

    private static let verbs: Set<String> = [
        "gets", "says", "replaces", "thinks", "attaches", "finishes", "fails", "is",
    ]

    private func verb(_ word: String, _ rest: inout ScenarioArguments) throws(ScenarioProblem)
        -> ScenarioStep.HandlerVerb
    {
        switch word {
        case "gets":
            let value = try rest.json("the message's text, or an object of what is expected")
            return .gets(value.string == nil ? value : .dictionary(["text": value]))
        case "says": return .does(.append(try rest.text()))
        case "replaces": return .does(.replace(try rest.text()))
        case "thinks": return .does(.think(try rest.text()))
        case "finishes": return .does(.finish)
        case "fails": return .does(.fail(words: try rest.optionalText()))
        case "attaches":
            if rest.optionalWord("card") { return .does(.attach(.card(json: "{}"))) }
            return .does(.attach(.file(location: try rest.text(), kind: nil, name: nil)))
        case "is":
            guard rest.optionalWord("stopped") else { throw ScenarioProblem(message: "a handler `is stopped`") }
            return .isStopped
        default: throw ScenarioProblem(message: "a handler does not `\(word)`")
        }
    }

    // MARK: Settings

    private mutating func set(_ rest: inout ScenarioArguments) throws(ScenarioProblem) {
        guard steps.isEmpty else { throw ScenarioProblem(message: "`set` comes before the first step") }
        let key = try rest.word("a setting")
        switch key {
        case "botID": settings.botID = BotID(try rest.text())
        case "secret": settings.secret = try rest.text()
        case "displayName": settings.displayName = try rest.text()
        case "welcomeText": settings.engine.welcomeText = try rest.text()
        case "onReplaced":
            guard let policy = SessionConfiguration.ReplacedPolicy(rawValue: try rest.word("wait, exit or takeover"))
            else { throw ScenarioProblem(message: "onReplaced is wait, exit or takeover") }
            settings.onReplaced = policy
        case "seed": settings.seed = UInt64(try rest.count())
        case "heartbeats":
            guard rest.optionalWord("shown") else { throw ScenarioProblem(message: "`set heartbeats shown`") }
            settings.showsHeartbeats = true
        case "order":
            guard rest.optionalWord("free") else { throw ScenarioProblem(message: "`set order free`") }
            settings.isOrderFree = true
        case "slack": settings.slack = try rest.duration()
        case "heartbeat": settings.heartbeat = try rest.duration()
        default: try setEngine(key, &rest)
        }
    }

    private mutating func setEngine(_ key: String, _ rest: inout ScenarioArguments) throws(ScenarioProblem) {
        switch key {
        case "firstHintAfter": settings.engine.reply.firstHintAfter = try rest.duration()
        case "hintEvery": settings.engine.reply.hintEvery = try rest.duration()
        case "hint":
            if !hasHints { settings.engine.reply.hints = [] }
            hasHints = true
            settings.engine.reply.hints.append(try rest.text())
        case "minInterval": settings.engine.reply.minInterval = try rest.duration()
        case "maxBubbleAge": settings.engine.reply.maxBubbleAge = try rest.duration()
        case "keepFor": settings.engine.reply.keepFor = try rest.duration()
        case "opening": settings.engine.reply.opening = try rest.text()
        case "growth":
            guard rest.optionalWord("hidden") else { throw ScenarioProblem(message: "`set growth hidden`") }
            settings.engine.reply.showsGrowth = false
        case "feedback":
            guard rest.optionalWord("asked") else { throw ScenarioProblem(message: "`set feedback asked`") }
            settings.engine.asksForFeedback = true
        case "reasoning":
            settings.engine.reply.reasoning = try rest.word("drop or fold") == "fold" ? .fold : .drop
        case "queuedPerConversation": settings.engine.queuedPerConversation = try rest.count()
        case "concurrentTasks": settings.engine.concurrentTasks = try rest.count()
        default: throw ScenarioProblem(message: "unknown setting `\(key)`")
        }
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        guard let last = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[...last].drop { $0.isWhitespace })
    }
}
