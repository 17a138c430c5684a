import Simulator
import Testing

@Suite("Server API")
struct ServerAPITests {
    private func code(_ value: JSONValue) -> Int? { value["errcode"]?.intValue }

    @Test("SIM-2: tokens: kept, run out, ended early; wrong credentials")
    func tokens() throws {
        var harness = try AgentHarness(app: { $0.trustedIPs = nil })
        let first = try harness.token()
        harness.base.advance(3_600_000)
        let kept = try harness.call(
            "gettoken", query: ["corpid": AgentHarness.corpID, "corpsecret": AgentHarness.app.secret])
        #expect(kept["access_token"]?.stringValue == first && kept["expires_in"] == 3_600)
        harness.base.advance(3_600_000)
        #expect(code(try harness.send(AgentHarness.text("x"), token: first)) == 42_001)
        let second = try harness.token()
        #expect(second != first)
        for expected in [40_014, 42_001] {
            let token = try harness.token()
            #expect(code(try harness.send(AgentHarness.text("x"), token: token)) == 0)
            try harness.base.act(.endTokens(bot: SimulatorBot.demo.id, code: expected))
            #expect(code(try harness.send(AgentHarness.text("x"), token: token)) == expected)
        }
        #expect(code(try harness.send(AgentHarness.text("x"), token: "nonsense")) == 40_014)
        #expect(code(try harness.call("message/send", [:])) == 41_001)
        for (query, expected) in [
            (["corpsecret": "x"], 41_002), (["corpid": "x"], 41_004), (["corpid": "x", "corpsecret": "x"], 40_013),
            (["corpid": AgentHarness.corpID, "corpsecret": "x"], 40_001),
        ] { #expect(code(try harness.call("gettoken", query: query)) == expected) }
    }

    @Test("SIM-1: a text is shown to its receivers and cut at a character, which is recorded")
    func text() throws {
        var harness = try AgentHarness()
        let text = String(repeating: "字", count: 700)
        let answer = try harness.send(AgentHarness.text(text))
        #expect(answer["errmsg"] == "ok" && answer["msgid"] != nil && answer["invaliduser"] == nil)
        let shown = try #require(harness.bubbles.last)
        #expect(shown.content == String(repeating: "字", count: 682) && shown.cutBytes == 54 && shown.via == .agent)
        let all = try harness.send(["touser": "@all", "msgtype": "text", "text": ["content": "all"]])
        #expect(code(all) == 0)
        let mei = ConversationKey(bot: SimulatorBot.demo.id, chat: .single("mei.chen"))
        #expect(harness.core.view(of: mei).map(\.content) == ["all"])
        let recall = try harness.call(
            "message/recall", query: ["access_token": try harness.token()], ["msgid": try #require(all["msgid"])])
        #expect(code(recall) == 0)
        #expect(harness.core.view(of: mei).first?.isRecalled == true)
    }

    @Test("SIM-2: receivers: partial answers, ranges, licences, limits, agentid")
    func receivers() throws {
        var harness = try AgentHarness(app: { app in
            app.range = ["lin.wei", "mei.chen"]
            app.unlicensed = ["mei.chen"]
        })
        try harness.base.act(.addUser(SimulatorUser(id: "outside", name: "Outside")))
        let partial = try harness.send(
            [
                "touser": "LIN.WEI|Nobody|outside|mei.chen", "toparty": "2|99", "totag": "1|Ops",
                "msgtype": "text", "text": ["content": "x"],
            ])
        #expect(code(partial) == 0)
        #expect(partial["invaliduser"] == "nobody|outside")
        #expect(partial["invalidparty"] == "99" && partial["invalidtag"] == "Ops")
        #expect(partial["unlicenseduser"] == "mei.chen")
        #expect(harness.bubbles.count == 1)
        let many = Array(repeating: "u", count: 1_001).joined(separator: "|")
        let cases: [(Int, JSONValue)] = [
            (81_013, ["touser": "nobody", "msgtype": "text", "text": ["content": "x"]]),
            (82_001, ["touser": "", "msgtype": "text", "text": ["content": "x"]]),
            (40_032, ["touser": .string(many), "msgtype": "text", "text": ["content": "x"]]),
            (301_002, ["agentid": 7, "msgtype": "text", "text": ["content": "x"]]),
            (44_004, AgentHarness.text("")),
            (40_008, ["msgtype": "stream", "stream": ["id": "x"]]),
            (40_007, ["msgtype": "image", "image": ["media_id": "x"]]),
            (45_034, ["msgtype": "textcard", "textcard": ["title": "t", "description": "d", "url": "x"]]),
            (45_008, ["msgtype": "news", "news": ["articles": []]]),
        ]
        for (expected, body) in cases { #expect(code(try harness.send(body)) == expected) }
    }

    @Test("SIM-2: the same request within its interval is accepted and not shown again")
    func duplicates() throws {
        var harness = try AgentHarness()
        let first: JSONValue = [
            "msgtype": "text", "text": ["content": "x"], "enable_duplicate_check": 1, "duplicate_check_interval": 60,
        ]
        let reordered: JSONValue = [
            "duplicate_check_interval": 60, "enable_duplicate_check": 1, "text": ["content": "x"], "msgtype": "text",
        ]
        #expect(code(try harness.send(first)) == 0)
        #expect(code(try harness.send(reordered)) == 0)
        #expect(harness.bubbles.count == 1)
        harness.base.advance(60_000)
        #expect(code(try harness.send(reordered)) == 0)
        #expect(harness.bubbles.count == 2)
    }

    @Test("SIM-2: rates: 45009 per API, silent loss per member, 60020 by address")
    func rates() throws {
        var harness = try AgentHarness(options: { $0.apiCallsPerMinute = 32 })
        let token = try harness.token()
        for index in 0..<32 { #expect(code(try harness.send(AgentHarness.text("\(index)"), token: token)) == 0) }
        #expect(harness.bubbles.count == 30)
        #expect(harness.core.messagesLost(bot: SimulatorBot.demo.id, user: "lin.wei") == 2)
        #expect(code(try harness.send(AgentHarness.text("x"), token: token)) == 45_009)
        harness.base.advance(60_000)
        #expect(code(try harness.send(AgentHarness.text("x"), token: token)) == 0)
        var guarded = try AgentHarness(app: { $0.trustedIPs = ["203.0.113.7"] })
        let other = try guarded.token()
        let answer = try guarded.call("tag/list", query: ["access_token": other], address: "198.51.100.9")
        #expect(code(answer) == 60_020)
        #expect(answer["errmsg"]?.stringValue?.contains("from ip: 198.51.100.9,") == true)
        #expect(code(try guarded.call("tag/list", query: ["access_token": other], address: "203.0.113.7")) == 0)
    }

    private func upload(
        _ bytes: [UInt8], type: String = "file", disposition: String = "name=\"media\"; filename=\"说明 1.txt\""
    ) -> (String, [UInt8]) {
        let head = "--B\r\nContent-Disposition: form-data; \(disposition)\r\nContent-Type: text/plain\r\n\r\n"
        return (type, Array(head.utf8) + bytes + Array("\r\n--B--\r\n".utf8))
    }

    @Test("SIM-2: uploads are read strictly; downloads in parts, errors with status 200")
    func media() throws {
        var harness = try AgentHarness()
        let token = try harness.token()
        let bytes = Array("hello --B-- world".utf8)
        let good = "name=\"media\"; filename=\"说明 1.txt\"; filelength=\(bytes.count)"
        let cases: [(Int, (String, [UInt8]))] = [
            (0, upload(bytes, disposition: good)), (40_005, upload(bytes, type: "thing")),
            (41_005, upload(bytes, disposition: "name=\"file\"; filename=\"a\"")),
            (41_005, upload(bytes, disposition: "name=\"media\"; filename*=UTF-8''a")),
            (44_001, upload(bytes, disposition: "name=\"media\"; filename=\"a\"; filelength=1")),
            (40_006, upload(Array("12345".utf8))), (40_123, upload(bytes, type: "image")),
            (301_017, upload(bytes, type: "voice")), (40_004, upload(bytes, type: "video")),
            (45_001, upload(Array(repeating: 0, count: 20 << 20 + 1))), (44_001, ("file", bytes)),
        ]
        var mediaID = ""
        for (expected, (type, body)) in cases {
            let answer = harness.call(
                APICall(
                    "media/upload", query: ["access_token": token, "type": type], body: body,
                    contentType: "multipart/form-data; boundary=B"))
            guard case .json(let value) = answer.body else { continue }
            #expect(code(value) == expected)
            if expected == 0 {
                #expect(value["created_at"]?.stringValue != nil && value["type"] == "file")
                mediaID = try #require(value["media_id"]?.stringValue)
            }
        }
        #expect(code(try harness.send(["msgtype": "file", "file": ["media_id": .string(mediaID)]])) == 0)
        #expect(harness.bubbles.last?.media?.name == "说明 1.txt")
        let query = ["access_token": token, "media_id": mediaID]
        let part = harness.call(APICall("media/get", query: query, range: "bytes=6-8"))
        guard case .media(let stored, let range?) = part.body else {
            Issue.record("no part")
            return
        }
        #expect(part.status == 206 && Array(stored.bytes[range]) == Array("--B".utf8))
        harness.base.advance(3 * 86_400_000)
        let late = harness.call(
            APICall("media/get", query: ["access_token": try harness.token(), "media_id": mediaID]))
        #expect(late.status == 200 && late.errcode == 40_007)
    }

    @Test("SIM-2: group chats of the application, and those that are not its own")
    func groups() throws {
        var harness = try AgentHarness()
        let query = ["access_token": try harness.token()]
        let create: JSONValue = [
            "name": "Team", "owner": "lin.wei", "userlist": ["lin.wei", "mei.chen"], "chatid": "Team1",
        ]
        #expect(try harness.call("appchat/create", query: query, create)["chatid"] == "Team1")
        #expect(code(try harness.call("appchat/create", query: query, create)) == 86_215)
        let few: JSONValue = ["name": "Team", "userlist": ["lin.wei"]]
        #expect(code(try harness.call("appchat/create", query: query, few)) == 86_006)
        func text(_ chat: String) -> JSONValue {
            ["chatid": .string(chat), "msgtype": "text", "text": ["content": "x"], "safe": 0]
        }
        #expect(code(try harness.call("appchat/send", query: query, text("Team1"))) == 0)
        #expect(harness.base.bubbles(group: "Team1").map(\.content) == ["x"])
        #expect(code(try harness.call("appchat/send", query: query, text("none"))) == 86_003)
        #expect(code(try harness.call("appchat/send", query: query, text(SimulatorGroup.demo.id))) == 86_008)
        let card: JSONValue = ["chatid": "Team1", "msgtype": "template_card", "template_card": [:]]
        #expect(code(try harness.call("appchat/send", query: query, card)) == 40_008)
        let info = try harness.call(
            "appchat/get", query: query.merging(["chatid": "Team1"]) { $1 })["chat_info"]
        #expect(info?["userlist"] == ["lin.wei", "mei.chen"])
        var narrow = try AgentHarness(app: { $0.range = ["lin.wei"] })
        #expect(code(try narrow.call("appchat/create", query: ["access_token": try narrow.token()], create)) == 60_011)
    }

    @Test("SIM-1: names of people, departments and tags")
    func directory() throws {
        var harness = try AgentHarness(app: { $0.range = ["lin.wei"] })
        let token = try harness.token()
        func get(_ name: String, _ query: [String: String]) throws -> JSONValue {
            try harness.call(name, query: query.merging(["access_token": token]) { $1 })
        }
        let user = try get("user/get", ["userid": "Lin.Wei"])
        #expect(user["userid"] == "lin.wei" && user["name"] == "林薇" && user["department"] == [2])
        #expect(code(try get("user/get", ["userid": "nobody"])) == 60_111)
        #expect(code(try get("user/get", ["userid": "mei.chen"])) == 60_011)
        #expect(try get("department/list", [:])["department"]?.arrayValue?.count == 3)
        #expect(try get("department/list", ["id": "2"])["department"]?.arrayValue?.count == 1)
        #expect(code(try get("department/list", ["id": "9"])) == 60_003)
        #expect(try get("tag/list", [:])["taglist"] == [["tagid": 1, "tagname": "Ops"]])
    }

    @Test("SIM-3: faults of calls: codes, HTTP errors before and after, lost answers, latency, ended tokens")
    func faults() throws {
        var harness = try AgentHarness()
        let token = try harness.token()
        let name = "cgi-bin/message/send"
        harness.base.core.setFaults(
            SimulatorFaults([
                SimulatorFault(.errorCode, cmd: name, nth: 1, code: 45_033),
                SimulatorFault(.httpError, cmd: name, nth: 2),
                SimulatorFault(.httpErrorAfter, cmd: name, nth: 3, code: 503),
                SimulatorFault(.dropAck, cmd: name, nth: 4), SimulatorFault(.dropAfter, cmd: name, nth: 5),
                SimulatorFault(.dropBefore, cmd: name, nth: 6), SimulatorFault(.delayAck, cmd: name, nth: 7, ms: 300),
                SimulatorFault(.invalidateToken, cmd: "cgi-bin/*", bot: SimulatorBot.demo.id, nth: 8, code: 42_001),
            ]))
        var shown: [Int] = []
        var answers: [APIAnswer] = []
        for _ in 1...8 {
            let body: JSONValue = [
                "touser": "lin.wei", "agentid": 1_000_002, "msgtype": "text", "text": ["content": "x"],
            ]
            answers.append(harness.call(APICall("message/send", query: ["access_token": token], body: body.bytes)))
            shown.append(harness.bubbles.count)
        }
        #expect(shown == [0, 0, 1, 2, 3, 3, 4, 4])
        #expect(answers.map(\.status) == [200, 502, 503, 200, 200, 200, 200, 200])
        #expect(answers.map(\.fate) == [.answer, .answer, .answer, .hang, .drop, .drop, .answer, .answer])
        #expect(answers[0].errcode == 45_033 && answers[6].delay == 300 && answers[7].errcode == 42_001)
    }

    @Test("SIM-3: no body of a call can trap", arguments: 1...5 as ClosedRange<UInt64>)
    func noise(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var harness = try AgentHarness(options: { $0.apiCallsPerMinute = 0 })
        let token = try harness.token()
        let seeds: [[UInt8]] = [
            AgentHarness.text("你好").bytes,
            Array(
                "{\"touser\":\"lin.wei\",\"agentid\":1000002,\"msgtype\":\"news\",\"news\":{\"articles\":[{}]}}".utf8),
            Array("{\"chatid\":\"a\",\"userlist\":[\"lin.wei\",\"mei.chen\"],\"name\":\"x\"}".utf8),
            upload(Array("hello world".utf8)).1, Array("{\"response_code\":\"x\",\"agentid\":1000002}".utf8), [],
        ]
        let names = [
            "message/send", "message/recall", "message/update_template_card", "appchat/create", "appchat/send",
            "media/upload", "media/get", "user/get", "department/list",
        ]
        var codes: Set<Int> = []
        for _ in 0..<400 {
            var bytes = try #require(seeds.randomElement(using: &random))
            for index in bytes.indices where Int.random(in: 0..<16, using: &random) == 0 {
                bytes[index] = UInt8.random(in: .min ... .max, using: &random)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            for name in names {
                let call = APICall(
                    name, query: ["access_token": token, "type": "file", "userid": text, "media_id": text, "id": text],
                    body: bytes, contentType: "multipart/form-data; boundary=B", range: text)
                if let code = harness.call(call).errcode { codes.insert(code) }
            }
        }
        #expect(codes.count > 5)
    }
}
