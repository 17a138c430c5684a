import Simulator
import Testing

/// A core whose bot has an application side, and the program behind it, played by hand.
struct AgentHarness {
    static let corpID = "ww7f3c0de5a1b2c3d4"
    static let app = ApplicationSide(
        corpID: corpID, secret: "SIM-APP-SECRET", agentID: 1_000_002, callbackURL: "http://127.0.0.1:9/wecom/agent",
        token: "agentPubToken2026", encodingAESKey: "jY2BSDMQNkOo5WdIqxI90MkWVavQkxq5ZfGzkAjisJs")

    /// A callback that came, opened.
    struct Received {
        var id: Int
        var nonce: String
        var xml: XMLElement

        subscript(name: String) -> String? { xml.text(name) }
    }

    var base: CoreHarness
    let cipher: CallbackCipher
    private var read = 0

    init(
        app change: (inout ApplicationSide) -> Void = { _ in },
        options: (inout PlatformOptions) -> Void = { _ in }
    ) throws {
        var bot = SimulatorBot.demo
        var app = Self.app
        change(&app)
        bot.secret = ""
        bot.app = app
        base = CoreHarness(bot: bot, options)
        cipher = try CallbackCipher(
            token: Self.app.token, encodingAESKey: Self.app.encodingAESKey, receiveID: Self.corpID)
    }

    var core: PlatformCore { base.core }
    var bubbles: [Entry] { base.bubbles() }
    var rules: [String] { core.violations.map(\.rule) }

    // MARK: Callbacks

    mutating func next() throws -> Received? {
        guard read < base.requests.count else { return nil }
        let request = base.requests[read]
        read += 1
        let query = try WebhookHarness.query(request.url)
        let outer = try XMLElement.parse(request.body)
        #expect(outer.text("ToUserName") == Self.corpID && outer.text("AgentID") == "1000002")
        let nonce = try #require(query["nonce"])
        let envelope = CallbackEnvelope(
            sealed: try #require(outer.text("Encrypt")), signature: try #require(query["msg_signature"]),
            timestamp: try #require(query["timestamp"]), nonce: nonce)
        return Received(id: request.id, nonce: nonce, xml: try XMLElement.parse(try envelope.open(with: cipher)))
    }

    mutating func callback() throws -> Received { try #require(try next()) }

    mutating func answer(_ callback: Received, _ reply: [XMLElement]?, status: Int = 200) throws {
        var body: [UInt8] = []
        if let reply {
            let head = [
                XMLElement("ToUserName", text: callback["FromUserName"] ?? ""),
                XMLElement("FromUserName", text: Self.corpID), XMLElement("CreateTime", text: "1"),
            ]
            let envelope = try CallbackEnvelope(
                sealing: Array(XMLElement("xml", children: head + reply).document.utf8), with: cipher,
                random: Array(repeating: 65, count: 16), timestamp: "1", nonce: callback.nonce)
            body = Array(envelope.xmlAnswer.utf8)
        }
        base.take(base.core.callbackAnswered(callback.id, .answered(status: status, body: body), now: base.now))
    }

    mutating func post(_ content: UserPost.Content) throws {
        try base.act(.post(UserPost(bot: SimulatorBot.demo.id, user: "lin.wei", content: content)))
    }

    // MARK: Server API

    mutating func call(_ call: APICall) -> APIAnswer {
        let (answer, actions) = base.core.apiCalled(call, now: base.now)
        base.take(actions)
        return answer
    }

    /// The JSON of an answer.
    mutating func call(
        _ name: String, query: [String: String] = [:], _ body: JSONValue? = nil, address: String = "127.0.0.1"
    ) throws -> JSONValue {
        let answer = call(APICall(name, query: query, body: body?.bytes ?? [], address: address))
        guard case .json(let value) = answer.body else { return try #require(nil as JSONValue?) }
        return value
    }

    mutating func token() throws -> String {
        let answer = try call("gettoken", query: ["corpid": Self.corpID, "corpsecret": Self.app.secret])
        return try #require(answer["access_token"]?.stringValue)
    }

    /// Sends to lin.wei unless `body` says otherwise.
    mutating func send(_ body: JSONValue, token: String? = nil) throws -> JSONValue {
        var members = try #require(body.objectValue)
        if members["touser"] == nil, members["toparty"] == nil, members["totag"] == nil {
            members["touser"] = "lin.wei"
        }
        if members["agentid"] == nil { members["agentid"] = 1_000_002 }
        let token = try token ?? self.token()
        return try call("message/send", query: ["access_token": token], .object(members))
    }

    static func text(_ content: String) -> JSONValue { ["msgtype": "text", "text": ["content": .string(content)]] }
}
