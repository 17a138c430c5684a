import Simulator
import Testing

@Suite("Application side: callbacks")
struct AgentTests {
    @Test("SIM-1: messages of all kinds as XML")
    func kinds() throws {
        var harness = try AgentHarness()
        let png = UserPost.File(name: "图 a.png", bytes: [0x89, 0x50, 0x4E, 0x47, 1, 2, 3])
        let token = try harness.token()
        let contents: [(String, UserPost.Content, [String: String])] = [
            ("text", .text("你好 ]]> & <b>"), ["Content": "你好 ]]> & <b>"]), ("image", .image(png), [:]),
            ("voice", .voice("ten"), ["Format": "amr", "Recognition": "ten"]), ("video", .video(png), [:]),
            ("file", .file(png), ["FileName": "图 a.png"]),
            (
                "location", .location(latitude: 31.2, longitude: 121.5, label: "Bund"),
                ["Location_X": "31.2", "Location_Y": "121.5", "Label": "Bund", "AppType": "wxwork"]
            ),
            (
                "link", .link(title: "t", description: "d", url: "https://example.invalid"),
                ["Title": "t", "Url": "https://example.invalid"]
            ),
        ]
        var ids: Set<String> = []
        for (type, content, fields) in contents {
            try harness.post(content)
            let message = try harness.callback()
            #expect(message["MsgType"] == type)
            for (name, text) in fields { #expect(message[name] == text) }
            #expect(message["ToUserName"] == AgentHarness.corpID && message["FromUserName"] == "lin.wei")
            #expect(message["AgentID"] == "1000002")
            let id = try #require(message["MsgId"].flatMap { Int($0) })
            #expect(id > 1 << 53)
            ids.insert(String(id))
            try harness.answer(message, nil)
            guard ["image", "voice", "video", "file"].contains(type) else { continue }
            let query = ["access_token": token, "media_id": try #require(message["MediaId"])]
            let answer = harness.call(APICall("media/get", query: query))
            guard case .media(let media, nil) = answer.body else {
                Issue.record("no media for \(type)")
                continue
            }
            #expect(type == "voice" || media.bytes == png.bytes)
        }
        #expect(ids.count == contents.count)
        try harness.post(.mixed([.text("look"), .image(png)]))
        #expect(try harness.callback()["MsgType"] == "text")
        #expect(try harness.callback()["MsgType"] == "image")
        #expect(throws: UserActionError.self) {
            try harness.base.act(
                .post(
                    UserPost(
                        bot: SimulatorBot.demo.id, user: "lin.wei", group: SimulatorGroup.demo.id, content: .text("x")))
            )
        }
    }

    @Test("SIM-1: events, with passive texts where they are legal")
    func events() throws {
        var harness = try AgentHarness()
        let bot = SimulatorBot.demo.id
        let text = [XMLElement("MsgType", text: "text"), XMLElement("Content", text: "welcome")]
        for _ in 0..<2 { try harness.base.act(.enter(bot: bot, user: "lin.wei")) }
        for _ in 0..<2 {
            let event = try harness.callback()
            #expect(event["MsgType"] == "event" && event["Event"] == "enter_agent" && event["MsgId"] == nil)
            #expect(event["EventKey"] == "")
            try harness.answer(event, text)
        }
        try harness.base.act(.rawEvent(bot: bot, user: "lin.wei", type: "subscribe", payload: [:]))
        try harness.answer(try harness.callback(), text)
        try harness.base.act(
            .rawEvent(bot: bot, user: "lin.wei", type: "click", payload: ["EventKey": "menu_1"]))
        let click = try harness.callback()
        #expect(click["EventKey"] == "menu_1")
        try harness.answer(click, nil)
        #expect(harness.bubbles.map(\.content) == ["welcome", "welcome", "welcome"])
        #expect(harness.bubbles.allSatisfy { $0.via == .agent })
        try harness.base.act(
            .rawEvent(
                bot: bot, user: nil, type: "change_contact",
                payload: ["ChangeType": "update_user", "items": ["item": [["a": "1"], ["a": "2"]]]]))
        let change = try harness.callback()
        #expect(change["FromUserName"] == "sys" && change.xml["items"]?.children.count == 2)
        try harness.answer(change, text)
        #expect(harness.rules == ["illegalReply"])
    }

    @Test("SIM-2: cut after 5 seconds and delivered again on anything but 200")
    func deliveries() throws {
        var harness = try AgentHarness()
        try harness.post(.text("hello"))
        let first = try harness.callback()
        harness.base.advance(5_000)
        #expect(harness.base.cut == [first.id])
        harness.base.advance(1_000)
        let second = try harness.callback()
        #expect(second["MsgId"] == first["MsgId"])
        try harness.answer(second, nil, status: 204)
        harness.base.advance(1_000)
        let third = try harness.callback()
        try harness.answer(third, nil)
        harness.base.advance(60_000)
        #expect(try harness.next() == nil)
        #expect(harness.core.callbackRecords.map(\.attempt) == [1, 2, 3])
    }

    @Test("SIM-1: passive answers: envelope, receiver, cut at 2,048 bytes")
    func passive() throws {
        var harness = try AgentHarness()
        func reply(_ content: String) -> [XMLElement] {
            [XMLElement("MsgType", text: "text"), XMLElement("Content", text: content)]
        }
        try harness.post(.text("x"))
        try harness.answer(try harness.callback(), reply(String(repeating: "字", count: 700)))
        #expect(harness.bubbles.last?.content?.utf8.count == 2_046)
        #expect(harness.bubbles.last?.cutBytes == 54)
        try harness.post(.text("x"))
        try harness.answer(try harness.callback(), [XMLElement("MsgType", text: "stream")])
        try harness.post(.text("x"))
        try harness.answer(try harness.callback(), reply(""))
        try harness.post(.text("x"))
        let message = try harness.callback()
        harness.base.take(
            harness.base.core.callbackAnswered(
                message.id, .answered(status: 200, body: Array("<xml><Content>plain</Content></xml>".utf8)),
                now: harness.base.now))
        #expect(harness.rules == ["illegalReply", "schema", "envelope"])
        #expect(harness.bubbles.count == 1)
    }

    @Test("SIM-1: a card that the application sent: click, response code, update once")
    func card() throws {
        var harness = try AgentHarness()
        let bot = SimulatorBot.demo.id
        let card: JSONValue = [
            "card_type": "vote_interaction", "task_id": "t1", "main_title": ["title": "Lunch?"],
            "checkbox": [
                "question_key": "q", "option_list": [["id": "a", "text": "A"], ["id": "b", "text": "B"]],
            ],
            "submit_button": ["text": "Go", "key": "go"],
            "action_menu": ["desc": "more", "action_list": [["text": "Mute", "key": "mute"]]],
        ]
        let sent = try harness.send(["msgtype": "template_card", "template_card": card])
        #expect(sent["errcode"] == 0 && sent["response_code"] != nil)
        let entry = try #require(harness.bubbles.last)
        try harness.base.act(
            .click(bot: bot, user: "lin.wei", group: nil, entry: entry.id, key: "go", selected: ["q": ["b"]]))
        let event = try harness.callback()
        #expect(event["Event"] == "template_card_event" && event["TaskId"] == "t1" && event["EventKey"] == "go")
        #expect(event.xml["SelectedItems"]?["SelectedItem"]?["OptionIds"]?.text("OptionId") == "b")
        try harness.answer(event, nil)
        try harness.base.act(
            .click(bot: bot, user: "lin.wei", group: nil, entry: entry.id, key: "mute", selected: [:]))
        let menu = try harness.callback()
        #expect(menu["Event"] == "template_card_menu_event" && menu.xml["SelectedItems"] == nil)
        try harness.answer(
            menu,
            [
                XMLElement("MsgType", text: "update_template_card"),
                XMLElement(
                    "TemplateCard", children: [XMLElement("MainTitle", children: [XMLElement("Title", text: "Muted")])]),
            ])
        #expect(harness.bubbles.last?.card?["main_title"]?["title"] == "Muted")
        let token = try harness.token()
        var changed = try #require(card.objectValue)
        changed["main_title"] = ["title": "Closed"]
        let body: JSONValue = [
            "agentid": 1_000_002, "response_code": .string(try #require(event["ResponseCode"])),
            "template_card": .object(changed),
        ]
        for code in [0, 42_022] {
            let answer = try harness.call("message/update_template_card", query: ["access_token": token], body)
            #expect(answer["errcode"]?.intValue == code)
        }
        #expect(harness.bubbles.last?.card?["main_title"]?["title"] == "Closed")
    }

    @Test("SIM-3: a callback twice, and one with a wrong signature that comes again")
    func faults() throws {
        var harness = try AgentHarness()
        harness.base.core.setFaults(
            SimulatorFaults([
                SimulatorFault(.redeliver, cmd: "agent.message", nth: 1, ms: 10),
                SimulatorFault(.wrongSignature, cmd: "agent.message", nth: 2),
            ]))
        try harness.post(.text("twice"))
        let first = try harness.callback()
        try harness.answer(first, nil)
        harness.base.advance(10)
        #expect(try harness.callback()["MsgId"] == first["MsgId"])
        try harness.post(.text("forged"))
        #expect(throws: CallbackCipherError.signature) { try harness.next() }
        let record = try #require(harness.core.callbackRecords.last)
        harness.base.take(
            harness.base.core.callbackAnswered(record.id, .answered(status: 401, body: []), now: harness.base.now))
        harness.base.advance(1_000)
        #expect(try harness.callback()["Content"] == "forged")
    }

    @Test("SIM-2: what is too large for one download comes in parts")
    func largeMedia() throws {
        var harness = try AgentHarness()
        try harness.post(.file(UserPost.File(name: "big.bin", bytes: Array(repeating: 7, count: 20 << 20 + 1))))
        let id = try #require(try harness.callback()["MediaId"])
        let query = ["access_token": try harness.token(), "media_id": id]
        #expect(harness.call(APICall("media/get", query: query)).errcode == 830_002)
        let part = harness.call(APICall("media/get", query: query, range: "bytes=20971520-"))
        guard case .media(let media, let range?) = part.body else {
            Issue.record("no part")
            return
        }
        #expect(part.status == 206 && media.bytes[range] == [7])
    }
}
