import Simulator
import Testing

@Suite("Replies and pushes")
struct ReplyTests {
    @Test("SIM-1: a stream's content is replaced, sealed by finish, and refused afterwards")
    func streamLife() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let reqID = try harness.post()
        for text in ["<think></think>", "A", "AB"] { #expect(try harness.stream(id, reqID, text) == 0) }
        #expect(harness.bubbles().map(\.content) == ["AB"])
        #expect(try harness.stream(id, reqID, "ABC", final: true) == 0)
        #expect(harness.bubbles().first?.finished == true)
        #expect(try harness.stream(id, reqID, "more") == 846_608)
        #expect(try harness.stream(id, reqID, "second", final: true, stream: "s2") == 0)
        #expect(harness.bubbles().map(\.content) == ["ABC", "second"])
    }

    @Test("SIM-1: a final frame with nothing visible leaves a bubble that spins for ever")
    func invisibleSeal() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        for (index, text) in ["", "  \n", "\u{200B}\u{FEFF}", "<think></think>"].enumerated() {
            let reqID = try harness.post()
            #expect(try harness.stream(id, reqID, "", stream: "s\(index)") == 0)
            #expect(harness.bubbles().last?.waiting == true)
            #expect(try harness.stream(id, reqID, text, final: true, stream: "s\(index)") == 0)
            #expect(harness.bubbles().last?.sealedInvisibly == true)
        }
    }

    @Test("SIM-2: a stream ends ten minutes after its first frame, refreshed or not", arguments: [false, true])
    func streamWindow(isIdle: Bool) throws {
        var harness = CoreHarness { $0.streamWindowIsIdle = isIdle }
        let id = try harness.subscribed()
        let reqID = try harness.post()
        #expect(try harness.stream(id, reqID, "start") == 0)
        harness.advance(599_999)
        #expect(try harness.stream(id, reqID, "still here") == 0)
        harness.advance(1)
        let ack = try harness.command(
            id, "aibot_respond_msg", ["msgtype": "stream", "stream": ["id": "s", "finish": true, "content": "end"]],
            reqID: reqID)
        #expect(ack["errcode"] == (isIdle ? 0 : 846_608))
        if !isIdle {
            #expect(ack["errmsg"]?.stringValue?.contains("(>10 minutes)") == true)
            #expect(harness.bubbles().first?.expired == true)
            #expect(harness.bubbles().first?.content == "still here")
        }
    }

    @Test("SIM-2: a req_id takes replies for 24 hours, then 846604")
    func requestLifetime() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let reqID = try harness.post()
        harness.advance(86_399_999)
        #expect(try harness.stream(id, reqID, "in time", final: true, stream: "a") == 0)
        harness.advance(1)
        #expect(try harness.stream(id, reqID, "late", final: true, stream: "b") == 846_604)
    }

    @Test("SIM-2: a req_id of an earlier connection is accepted, or refused where options say so")
    func oldRequests() throws {
        var harness = CoreHarness()
        let old = try harness.subscribed()
        let reqID = try harness.post()
        let new = try harness.subscribed()
        #expect(try harness.stream(new, reqID, "after", final: true) == 0)
        harness.core.options.acceptsOldRequests = false
        #expect(try harness.stream(new, reqID, "after", final: true, stream: "b") == 846_605)
        #expect(old != new)
    }

    @Test("SIM-1: every reply command takes only the req_id of its own callback")
    func wrongContexts() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let message = try harness.post()
        let entered = try #require(
            try harness.act(.enter(bot: CoreHarness.bot.id, user: "lin.wei")).reqID)
        let text: JSONValue = ["msgtype": "text", "text": ["content": "welcome"]]
        #expect(try harness.stream(id, "invented", "x") == 846_605)
        #expect(try harness.stream(id, entered, "x") == 846_605)
        #expect(try harness.command(id, "aibot_respond_welcome_msg", text, reqID: message)["errcode"] == 846_605)
        #expect(try harness.command(id, "aibot_respond_welcome_msg", text, reqID: entered)["errcode"] == 0)
        #expect(try harness.command(id, "aibot_respond_welcome_msg", text, reqID: entered)["errcode"] == 846_606)
        #expect(harness.bubbles().map(\.kind) == [.welcome])
    }

    @Test("SIM-2: a welcome has five seconds")
    func welcomeWindow() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let text: JSONValue = ["msgtype": "text", "text": ["content": "welcome"]]
        for (delay, expected) in [(5_000, 0), (5_001, 846_605)] {
            let entered = try #require(
                try harness.act(.enter(bot: CoreHarness.bot.id, user: "lin.wei")).reqID)
            harness.advance(delay)
            let ack = try harness.command(id, "aibot_respond_welcome_msg", text, reqID: entered)
            #expect(ack["errcode"] == .int(expected))
        }
    }

    @Test("SIM-1: message types per command", arguments: ["text", "mixed", "markdown_v2", "stream_with_template_card"])
    func refusedTypes(type: String) throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let reqID = try harness.post()
        let body: JSONValue = ["msgtype": .string(type), type: ["content": "x"]]
        let ack = try harness.command(id, "aibot_respond_msg", body, reqID: reqID)
        #expect(ack["errcode"] == 40_008)
        #expect(ack["headers"]?["req_id"] == .string(reqID))
    }

    @Test("SIM-1: pushes refuse stream (40008), a missing chatid (86201) and unknown chats (93006)")
    func pushRefusals() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let stream: JSONValue = ["chatid": "lin.wei", "msgtype": "stream", "stream": ["id": "s", "content": "x"]]
        #expect(try harness.command(id, "aibot_send_msg", stream)["errcode"] == 40_008)
        let aimless: JSONValue = ["msgtype": "markdown", "markdown": ["content": "x"]]
        #expect(try harness.command(id, "aibot_send_msg", aimless)["errcode"] == 86_201)
        for target in ["LIN.WEI", CoreHarness.group.id.lowercased(), CoreHarness.bot.id] {
            #expect(try harness.push(id, "x", to: target) == 93_006)
        }
        #expect(harness.bubbles().isEmpty)
    }

    @Test("SIM-1: chat_type 0 or none looks for a group first")
    func guessedTarget() throws {
        var harness = CoreHarness()
        try harness.act(
            .addGroup(SimulatorGroup(id: "mei.chen", name: "odd", members: ["lin.wei"])))
        let id = try harness.subscribed()
        let body: JSONValue = ["chatid": "mei.chen", "msgtype": "markdown", "markdown": ["content": "x"]]
        #expect(try harness.command(id, "aibot_send_msg", body)["errcode"] == 0)
        #expect(harness.bubbles(group: "mei.chen").count == 1)
    }

    @Test("SIM-1: a schema error is 40058 without headers and names the field")
    func schemaErrors() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let body: JSONValue = [
            "chatid": "lin.wei", "chat_type": 1, "msgtype": "image", "image": ["url": "https://img.example/a.png"],
        ]
        let ack = try harness.command(id, "aibot_send_msg", body)
        #expect(ack["errcode"] == 40_058)
        #expect(ack["headers"] == nil)
        #expect(ack["errmsg"]?.stringValue?.contains("missing field `body.image.media_id`") == true)
        harness.receive(id, "not json")
        #expect(harness.sent[id]?.last?["errcode"] == 40_058)
        let unknown = try harness.command(id, "aibot_unheard_of", [:])
        #expect(unknown["errcode"] == 40_058)
    }

    @Test("SIM-2: content over 20,480 bytes is refused whole with 45002")
    func contentSize() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let reqID = try harness.post()
        let fits = String(repeating: "字", count: 6_826) + "ab"
        #expect(fits.utf8.count == 20_480)
        #expect(try harness.stream(id, reqID, fits) == 0)
        #expect(try harness.stream(id, reqID, fits + "c") == 45_002)
        #expect(harness.bubbles().first?.content == fits)
        #expect(try harness.push(id, fits + "c") == 45_002)
    }

    @Test("SIM-2: 30 messages a minute per conversation, replies and pushes together, refreshes free")
    func quota() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let reqID = try harness.post()
        for index in 0..<30 { #expect(try harness.push(id, "n\(index)") == 0) }
        #expect(try harness.push(id, "too many") == 846_607)
        #expect(try harness.push(id, "elsewhere", to: CoreHarness.group.id) == 0)
        harness.advance(60_000)
        #expect(try harness.stream(id, reqID, "open") == 0)
        for index in 0..<100 { #expect(try harness.stream(id, reqID, "refresh \(index)") == 0) }
    }

    @Test("SIM-2: the hourly limit holds by itself")
    func hourlyQuota() throws {
        var harness = CoreHarness { $0.quotaPerMinute = 0 }
        let id = try harness.subscribed()
        for index in 0..<1_000 { #expect(try harness.push(id, "n\(index)") == 0) }
        #expect(try harness.push(id, "too many") == 846_607)
        harness.advance(3_600_000)
        #expect(try harness.push(id, "later") == 0)
    }

    @Test("SIM-2: refreshes count where options say so")
    func countedRefreshes() throws {
        var harness = CoreHarness { $0.countStreamRefreshes = true }
        let id = try harness.subscribed()
        let reqID = try harness.post()
        for index in 0..<30 { #expect(try harness.stream(id, reqID, "n\(index)") == 0) }
        #expect(try harness.stream(id, reqID, "too many") == 846_607)
    }

    @Test("SIM-1: two unacknowledged frames on one req_id: 6000 for the second")
    func concurrentFrames() throws {
        var harness = CoreHarness { $0.ackDelay = 300 }
        let id = harness.open()
        _ = harness.send(id, "aibot_subscribe", CoreHarness.credentials)
        harness.advance(300)
        let reqID = try harness.post()
        let other = try harness.post()
        let frame: (String) -> JSONValue = {
            ["msgtype": "stream", "stream": ["id": "s", "finish": false, "content": .string($0)]]
        }
        _ = harness.send(id, "aibot_respond_msg", frame("one"), reqID: reqID)
        _ = harness.send(id, "aibot_respond_msg", frame("two"), reqID: reqID)
        _ = harness.send(id, "aibot_respond_msg", frame("apart"), reqID: other)
        harness.advance(300)
        let acks = (harness.sent[id] ?? []).suffix(3).map { $0["errcode"]?.intValue }
        #expect(acks == [0, 6_000, 0])
        #expect(harness.bubbles().map(\.content) == ["one", "apart"])
        _ = harness.send(id, "aibot_respond_msg", frame("three"), reqID: reqID)
        harness.advance(300)
        #expect(harness.sent[id]?.last?["errcode"] == 0)
    }

    @Test("SIM-2: pushing needs an earlier message where options say so")
    func pushEligibility() throws {
        var harness = CoreHarness { $0.pushNeedsEarlierMessage = true }
        let id = try harness.subscribed()
        #expect(try harness.push(id, "cold") == 93_006)
        _ = try harness.post()
        #expect(try harness.push(id, "warm") == 0)
    }

    @Test("SIM-2: response_url takes one answer within an hour")
    func responseURL() throws {
        var harness = CoreHarness { $0.includesResponseURL = true }
        let id = try harness.subscribed()
        _ = try harness.post()
        let url = try #require(try harness.callback(id)["body"]?["response_url"]?.stringValue)
        let code = try #require(url.split(separator: "=").last.map(String.init))
        let body: JSONValue = ["msgtype": "markdown", "markdown": ["content": "by url"]]
        for expected in [0, 42_022] {
            let answer = harness.core.responseURLPosted(code: code, body: body, now: harness.now)
            #expect(answer.errcode == expected)
        }
        #expect(harness.bubbles().map(\.content) == ["by url"])
        _ = try harness.post()
        let second = try #require(try harness.callback(id)["body"]?["response_url"]?.stringValue)
        let late = try #require(second.split(separator: "=").last.map(String.init))
        let answer = harness.core.responseURLPosted(code: late, body: body, now: harness.now + 3_600_000)
        #expect(answer.errcode == 40_058)
    }
}
