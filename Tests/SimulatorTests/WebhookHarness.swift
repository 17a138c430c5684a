import Foundation
import Simulator
import Testing

/// A core whose bot has a webhook side, and the program behind it, played by hand.
struct WebhookHarness {
    static let key = "M7gMYkBJXYy6ISI6etq4rp2qcW5IbMHNNyKWUC0mNpk"
    static let side = WebhookSide(
        callbackURL: "http://127.0.0.1:9/wecom/bot", token: "QDG6eK3pubTokenBotA", encodingAESKey: key)
    static let group = SimulatorGroup.demo.id

    /// A callback that came, opened.
    struct Received {
        var id: Int
        var nonce: String
        var timestamp: String
        var body: JSONValue

        subscript(key: String) -> JSONValue? { body[key] }
    }

    var base: CoreHarness
    let cipher: CallbackCipher
    private var read = 0

    init(_ change: (inout PlatformOptions) -> Void = { _ in }) throws {
        var bot = SimulatorBot.demo
        bot.secret = ""
        bot.webhook = Self.side
        base = CoreHarness(bot: bot, change)
        cipher = try CallbackCipher(
            token: Self.side.token, encodingAESKey: Self.side.encodingAESKey, receiveID: "")
    }

    var core: PlatformCore { base.core }
    var now: Int { base.now }
    var bubbles: [Entry] { base.bubbles() }

    /// The next callback that was not read so far; nil when there is none.
    mutating func next() throws -> Received? {
        guard read < base.requests.count else { return nil }
        let request = base.requests[read]
        read += 1
        let query = try Self.query(request.url)
        let nonce = try #require(query["nonce"])
        let timestamp = try #require(query["timestamp"])
        let sealed = try #require(try JSONValue.parse(request.body)["encrypt"]?.stringValue)
        let envelope = CallbackEnvelope(
            sealed: sealed, signature: try #require(query["msg_signature"]), timestamp: timestamp, nonce: nonce)
        let plain = try envelope.open(with: cipher)
        return Received(id: request.id, nonce: nonce, timestamp: timestamp, body: try JSONValue.parse(plain))
    }

    static func query(_ url: String) throws -> [String: String] {
        var result: [String: String] = [:]
        for pair in try #require(url.split(separator: "?").last).split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1).map(String.init)
            result[sides[0]] = sides.count > 1 ? sides[1].removingPercentEncoding : ""
        }
        return result
    }

    /// The next callback; a failure when there is none.
    mutating func callback() throws -> Received { try #require(try next()) }

    /// Answers a callback with a sealed reply; nil is an empty body.
    mutating func answer(
        _ callback: Received, _ reply: JSONValue?, status: Int = 200, nonce: String? = nil
    ) throws {
        var body: [UInt8] = []
        if let reply {
            let envelope = try CallbackEnvelope(
                sealing: reply.bytes, with: cipher, random: Array(repeating: 65, count: 16),
                timestamp: callback.timestamp, nonce: nonce ?? callback.nonce)
            body = envelope.jsonAnswer.bytes
        }
        report(callback, .answered(status: status, body: body))
    }

    mutating func report(_ callback: Received, _ result: CallbackResult) {
        base.take(base.core.callbackAnswered(callback.id, result, now: base.now))
    }

    mutating func advance(_ milliseconds: Int) { base.advance(milliseconds) }

    @discardableResult
    mutating func post(
        _ content: UserPost.Content = .text("hello"), from user: String = "lin.wei", group: String? = nil,
        quote: UserPost.Quote? = nil, repeats: Int = 0
    ) throws -> UserActionOutcome {
        try base.act(
            .post(
                UserPost(
                    bot: SimulatorBot.demo.id, user: user, group: group, content: content, quote: quote,
                    repeats: repeats)))
    }

    static func stream(_ content: String, id: String = "s1", final: Bool = false) -> JSONValue {
        ["msgtype": "stream", "stream": ["id": .string(id), "finish": .bool(final), "content": .string(content)]]
    }

    /// Posts to a `response_url`; the errcode.
    mutating func reply(_ code: String, _ body: JSONValue) -> Int? {
        let call = APICall("aibot/response", query: ["response_code": code], body: body.bytes)
        let (answer, actions) = base.core.apiCalled(call, now: base.now)
        base.take(actions)
        return answer.errcode
    }

    /// Rules that were broken so far.
    var rules: [String] { core.violations.map(\.rule) }
}
