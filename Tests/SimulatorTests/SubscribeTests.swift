import Simulator
import Testing

@Suite("Subscribing and displacement")
struct SubscribeTests {
    @Test("SIM-1: one subscribed connection per bot; the older one is told, loses its rights, is dropped later")
    func displacement() throws {
        var harness = CoreHarness()
        let old = try harness.subscribed()
        let new = try harness.subscribed()
        let event = try harness.callback(old, "aibot_event_callback")
        #expect(event["body"]?["event"] == ["eventtype": "disconnected_event"])
        #expect(event["body"]?["from"] == nil)
        #expect(try harness.push(old, "late") == 846_609)
        #expect(try harness.command(old, "ping", nil)["errcode"] == 0)
        _ = try harness.post("to the newest")
        #expect(try harness.callback(new)["body"]?["text"]?["content"] == "to the newest")
        #expect(!harness.hasCallback(old))

        harness.advance(2_199)
        #expect(harness.closed[old] == nil)
        harness.advance(1)
        #expect(harness.closed[old] == .some(nil))
        #expect(try harness.push(new, "fine") == 0)
    }

    @Test("SIM-1: wrong credentials get 853000 and the socket stays open")
    func wrongCredentials() throws {
        var harness = CoreHarness()
        let id = harness.open()
        for body: JSONValue in [
            ["bot_id": .string(CoreHarness.bot.id), "secret": "wrong"], ["bot_id": "aibNobody", "secret": "x"],
        ] {
            let ack = try harness.command(id, "aibot_subscribe", body)
            #expect(ack["errcode"] == 853_000)
            let text = try #require(ack["errmsg"]?.stringValue)
            #expect(text.hasPrefix("invalid bot_id or secret, hint: ["))
            #expect(text.hasSuffix("from ip: 127.0.0.1, more info at \(Self.link)853000"))
            #expect(text.split(separator: "[").last?.prefix { $0.isNumber }.count == 11)
        }
        harness.advance(60_000)
        #expect(harness.closed.isEmpty)
        #expect(try harness.command(id, "aibot_subscribe", CoreHarness.credentials)["errcode"] == 0)
    }

    private static let link = "https://open.work.weixin.qq.com/devtool/query?e="

    @Test("SIM-1: before subscribing every command but ping is refused with 846609")
    func beforeSubscribing() throws {
        var harness = CoreHarness()
        let id = harness.open()
        #expect(try harness.push(id, "early") == 846_609)
        #expect(try harness.stream(id, "any", "early") == 846_609)
        #expect(try harness.command(id, "aibot_upload_media_finish", ["upload_id": "x"])["errcode"] == 846_609)
        let ping = try harness.command(id, "ping", nil, reqID: "ping_1")
        #expect(ping == ["headers": ["req_id": "ping_1"], "errcode": 0, "errmsg": "ok"])
    }

    @Test("SIM-1: the secret is masked in recorded frames, also when the frame is not JSON")
    func secretIsMasked() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        harness.receive(id, "{\"secret\":\"SIM-SECRET-not-real\"")
        let frames = harness.core.newestFrames
        #expect(frames.contains { $0.text.contains("***") })
        #expect(!frames.contains { $0.text.contains("SIM-SECRET-not-real") })
    }

    @Test("SIM-2: heartbeat acks come in three shapes")
    func pingAcks() throws {
        var harness = CoreHarness { $0.pingAck = .withoutReqID }
        let id = harness.open()
        #expect(try harness.command(id, "ping", nil) == ["errcode": 0, "errmsg": "ok"])
        harness.core.options.pingAck = .commandPong
        #expect(try harness.command(id, "ping", nil)["cmd"] == "pong")
    }

    @Test("SIM-2: subscribing is rate-protected where options say so")
    func subscribeRate() throws {
        var harness = CoreHarness { $0.subscribesPerMinute = 2 }
        let id = harness.open()
        for expected in [0, 0, 45_009] {
            #expect(
                try harness.command(id, "aibot_subscribe", CoreHarness.credentials)["errcode"] == .int(expected))
        }
        harness.advance(60_000)
        #expect(try harness.command(id, "aibot_subscribe", CoreHarness.credentials)["errcode"] == 0)
    }

    @Test("SIM-2: server pings and the idle limit run on the clock")
    func periodicThings() throws {
        var harness = CoreHarness {
            $0.serverPingInterval = 20_000
            $0.idleLimit = 90_000
        }
        let id = try harness.subscribed()
        harness.advance(65_000)
        #expect(harness.sent[id]?.count { $0["cmd"] == "ping" } == 3)
        _ = harness.send(id, "pong", nil)
        harness.advance(89_999)
        #expect(harness.closed[id] == nil)
        harness.advance(1)
        #expect(harness.closed[id] == .some(nil))
    }

    @Test("SIM-2: messages nobody took are lost, or delivered on the next subscribe")
    func missedMessages() throws {
        var lossy = CoreHarness()
        let post = UserPost(bot: CoreHarness.bot.id, user: "lin.wei", content: .text("anybody?"))
        #expect(try lossy.act(.post(post)).reqID == nil)
        let first = try lossy.subscribed()
        #expect(!lossy.hasCallback(first))

        var keeping = CoreHarness { $0.deliversMissedMessages = true }
        try keeping.act(.post(post))
        let second = try keeping.subscribed()
        #expect(try keeping.callback(second)["body"]?["text"]?["content"] == "anybody?")
        #expect(keeping.sent[second]?.first?["errcode"] == 0, "the ack of the subscribe comes first")
    }
}
