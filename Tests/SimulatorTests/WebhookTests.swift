import Crypto
import Foundation
import Simulator
import Testing

@Suite("Webhook side")
struct WebhookTests {
    private typealias Harness = WebhookHarness

    @Test("SIM-1: a text, its placeholder, refreshes that replace, the last frame")
    func stream() throws {
        var harness = try Harness()
        let outcome = try harness.post()
        #expect(outcome.isDelivered && outcome.reqID == nil)
        let message = try harness.callback()
        #expect(
            message.body.objectValue?.keys
                == ["msgid", "aibotid", "chattype", "from", "response_url", "msgtype", "text"])
        #expect(message["msgid"]?.stringValue == outcome.msgID)
        #expect(message["text"] == ["content": "hello"])
        try harness.answer(message, Harness.stream("1"))
        #expect(harness.bubbles.map(\.content) == ["1"])
        #expect(harness.bubbles.first?.finished == false && harness.bubbles.first?.via == .webhook)
        for (index, content) in ["on", "one"].enumerated() {
            harness.advance(999)
            #expect(try harness.next() == nil)
            harness.advance(1)
            let refresh = try harness.callback()
            #expect(refresh["msgtype"] == "stream" && refresh["stream"] == ["id": "s1"])
            #expect(refresh["response_url"] == nil && refresh["msgid"] != message["msgid"])
            try harness.answer(refresh, Harness.stream(content, final: index == 1))
            #expect(harness.bubbles.map(\.content) == [content])
        }
        #expect(harness.bubbles.first?.finished == true)
        #expect(harness.core.polls(of: "s1", bot: SimulatorBot.demo.id)?.count == 2)
        harness.advance(400_000)
        #expect(try harness.next() == nil)
        #expect(harness.core.violations.isEmpty)
    }

    @Test("SIM-1: kinds of messages, in direct chats and groups")
    func kinds() throws {
        var harness = try Harness()
        let file = UserPost.File(name: "a.png", bytes: [0x89, 0x50, 0x4E, 0x47, 1, 2, 3])
        let contents: [(String, UserPost.Content)] = [
            ("image", .image(file)), ("file", .file(file)), ("voice", .voice("ten")),
            ("mixed", .mixed([.text("look"), .image(file)])),
        ]
        for (type, content) in contents {
            try harness.post(content, quote: .content(.text("before")))
            let message = try harness.callback()
            #expect(message["msgtype"]?.stringValue == type)
            #expect((message["quote"] != nil) == (type == "mixed"), "only text and mixed carry quotes")
            if type == "image" || type == "file" {
                #expect(message[type]?.objectValue?.keys == ["url"])
                let url = try #require(message[type]?["url"]?.stringValue)
                let token = try #require(url.split(separator: "/").last?.split(separator: "?").first.map(String.init))
                let link = try #require(harness.core.mediaLink(token, now: harness.now + 299_999))
                #expect(link.key == harness.cipher.key && link.media.bytes == file.bytes)
                #expect(harness.core.mediaLink(token, now: harness.now + 300_000) == nil)
            }
            try harness.answer(message, nil)
        }
        try harness.post(.image(file), group: Harness.group)
        let group = try harness.callback()
        #expect(group["chattype"] == "group" && group["chatid"] == .string(Harness.group))
        #expect(group["mixed"]?["msg_item"]?.arrayValue?.count == 2)
        try harness.answer(group, nil)
        try harness.post(.voice("x"), group: Harness.group)
        #expect(try harness.next() == nil)
        #expect(harness.core.violations.isEmpty)
    }

    @Test("SIM-1: illegal answers are recorded and not shown")
    func illegal() throws {
        var harness = try Harness()
        let answers: [(String, JSONValue)] = [
            ("illegalReply", ["msgtype": "text", "text": ["content": "x"]]),
            ("illegalReply", ["response_type": "update_template_card", "template_card": ["card_type": "x"]]),
            ("schema", ["msgtype": "markdown", "markdown": ["content": "x"]]),
            ("schema", ["msgtype": "stream", "stream": ["finish": true, "content": "x"]]),
            ("contentSize", Harness.stream(String(repeating: "x", count: 20_481))),
            ("card", ["msgtype": "template_card", "template_card": ["card_type": "text_notice"]]),
        ]
        for (rule, answer) in answers {
            try harness.post()
            try harness.answer(try harness.callback(), answer)
            #expect(harness.rules.last == rule)
        }
        try harness.post()
        try harness.answer(try harness.callback(), Harness.stream("x"), nonce: "another")
        #expect(harness.rules.last == "nonce")
        try harness.post()
        let message = try harness.callback()
        let envelope = CallbackEnvelope(sealed: "AAAA", signature: "0", timestamp: "1", nonce: message.nonce)
        harness.report(message, .answered(status: 200, body: envelope.jsonAnswer.bytes))
        #expect(harness.rules.last == "signature")
        try harness.post()
        harness.report(try harness.callback(), .answered(status: 200, body: Array("success".utf8)))
        #expect(harness.rules.last == "envelope")
        #expect(harness.bubbles.isEmpty)
        #expect(harness.core.violations.count == answers.count + 3)
        #expect(harness.core.messagesInProgress(bot: SimulatorBot.demo.id, user: "lin.wei") == 0)
    }

    @Test("SIM-1: pictures come with the last frame, checked one by one")
    func images() throws {
        var harness = try Harness()
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 9, 9]
        func item(_ bytes: [UInt8], md5: String? = nil) -> JSONValue {
            let digest = Insecure.MD5.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
            let image: JSONValue = [
                "base64": .string(Data(bytes).base64EncodedString()), "md5": .string(md5 ?? digest),
            ]
            return ["msgtype": "image", "image": image]
        }
        func stream(_ items: [JSONValue], final: Bool) -> JSONValue {
            let stream: JSONValue = [
                "id": "s1", "finish": .bool(final), "content": "look", "msg_item": .array(items),
            ]
            return ["msgtype": "stream", "stream": stream]
        }
        try harness.post()
        try harness.answer(try harness.callback(), stream([item(png)], final: false))
        #expect(harness.rules == ["images"] && harness.bubbles.first?.items.isEmpty == true)
        harness.advance(1_000)
        let items =
            [item(png), item(png, md5: "0"), item(Array("GIF89a".utf8))] + Array(repeating: item(png), count: 8)
        try harness.answer(try harness.callback(), stream(items, final: true))
        #expect(harness.rules == Array(repeating: "images", count: 4))
        #expect(harness.bubbles.first?.items.count == 8)
        #expect(harness.bubbles.first?.content == "look")
    }

    @Test("SIM-2: three deliveries of 5 seconds, the same msgid, the same bubble")
    func deliveries() throws {
        var harness = try Harness()
        let outcome = try harness.post()
        let first = try harness.callback()
        harness.advance(4_999)
        #expect(harness.base.cut.isEmpty)
        harness.advance(1)
        #expect(harness.base.cut == [first.id])
        try harness.answer(first, Harness.stream("too late"))
        harness.advance(1_000)
        let second = try harness.callback()
        #expect(second["msgid"]?.stringValue == outcome.msgID && second.nonce != first.nonce)
        try harness.answer(second, nil, status: 500)
        harness.advance(1_000)
        harness.report(try harness.callback(), .failed)
        harness.advance(60_000)
        #expect(try harness.next() == nil)
        #expect(harness.bubbles.isEmpty)
        #expect(harness.core.callbackRecords.map(\.attempt) == [1, 2, 3])
        #expect(
            harness.core.callbackRecords.map(\.outcome) == [.timedOut, .answered(status: 500), .failed])
        #expect(harness.core.messagesInProgress(bot: SimulatorBot.demo.id, user: "lin.wei") == 0)
    }

    @Test("SIM-2: refreshes end with the window, which counts from the person's message")
    func window() throws {
        var harness = try Harness()
        try harness.post()
        harness.advance(4_000)
        try harness.answer(try harness.callback(), Harness.stream("1"))
        harness.advance(1_000)
        let lost = try harness.callback()
        harness.advance(5_000)
        #expect(harness.base.cut == [lost.id])
        harness.advance(1_000)
        let stray = try harness.callback()
        try harness.answer(stray, Harness.stream("x", id: "other"))
        #expect(harness.rules == ["streamID"])
        harness.advance(1_000)
        try harness.answer(try harness.callback(), Harness.stream("as far as it got"))
        harness.advance(347_999)
        var open = try harness.callback()
        while let newer = try harness.next() { open = newer }
        #expect(harness.bubbles.first?.expired == false)
        harness.advance(1)
        #expect(harness.bubbles.first?.expired == true)
        try harness.answer(open, Harness.stream("too late", final: true))
        #expect(harness.bubbles.first?.content == "as far as it got")
        harness.advance(10_000)
        #expect(try harness.next() == nil)
        #expect(harness.core.messagesInProgress(bot: SimulatorBot.demo.id, user: "lin.wei") == 0)
    }

    @Test("SIM-2: a fourth message of a person is held back until one ends")
    func heldBack() throws {
        var harness = try Harness()
        let bot = SimulatorBot.demo.id
        for index in 1...5 { try harness.post(.text("\(index)")) }
        let messages = [try harness.callback(), try harness.callback(), try harness.callback()]
        #expect(try harness.next() == nil)
        #expect(harness.core.messagesHeldBack(bot: bot, user: "lin.wei") == 2)
        try harness.post(from: "mei.chen")
        #expect(try harness.callback()["from"] == ["userid": "mei.chen"])
        try harness.answer(messages[1], Harness.stream("done", final: true))
        #expect(try harness.callback()["text"]?["content"] == "4")
        try harness.answer(messages[0], nil)
        #expect(try harness.callback()["text"]?["content"] == "5")
        #expect(harness.core.messagesInProgress(bot: bot, user: "lin.wei") == 3)
    }

    @Test("SIM-2: enter_chat once a day, answered by a text")
    func enterChat() throws {
        var harness = try Harness()
        let enter = UserAction.enter(bot: SimulatorBot.demo.id, user: "lin.wei")
        try harness.base.act(enter)
        let event = try harness.callback()
        #expect(
            event.body.objectValue?.keys == ["msgid", "create_time", "aibotid", "from", "msgtype", "event"])
        #expect(event["event"] == ["eventtype": "enter_chat"])
        try harness.answer(event, ["msgtype": "text", "text": ["content": "welcome"]])
        #expect(harness.bubbles.map(\.kind) == [.welcome])
        try harness.base.act(enter)
        #expect(try harness.next() == nil)
        harness.advance(86_400_000)
        try harness.base.act(enter)
        try harness.answer(try harness.callback(), Harness.stream("no"))
        #expect(harness.rules == ["illegalReply"])
    }

    @Test("SIM-1: a card, a click with one delivery, its update; feedback")
    func cards() throws {
        var harness = try Harness()
        let bot = SimulatorBot.demo.id
        let card: JSONValue = [
            "card_type": "button_interaction", "task_id": "t1", "main_title": ["title": "Ship it?"],
            "button_list": [["text": "Yes", "key": "yes"]], "feedback": ["id": "f1"],
            "action_menu": ["desc": "more", "action_list": [["text": "Mute", "key": "mute"]]],
        ]
        try harness.post()
        try harness.answer(try harness.callback(), ["msgtype": "template_card", "template_card": card])
        let entry = try #require(harness.bubbles.first)
        #expect(entry.kind == .card && entry.via == .webhook)
        let click = UserAction.click(
            bot: bot, user: "lin.wei", group: nil, entry: entry.id, key: "yes", selected: [:])
        try harness.base.act(click)
        _ = try harness.callback()
        harness.advance(60_000)
        #expect(try harness.next() == nil, "card events are delivered once")
        try harness.base.act(click)
        let event = try harness.callback()
        #expect(event["event"]?["template_card_event"]?["event_key"] == "yes")
        #expect(event["response_url"] != nil)
        try harness.base.act(
            .click(bot: bot, user: "lin.wei", group: nil, entry: entry.id, key: "mute", selected: [:]))
        let menu = try harness.callback()
        #expect(menu["event"]?["template_card_event"]?["event_key"] == "mute" && menu["response_url"] == nil)
        try harness.answer(menu, nil)
        var changed = try #require(card.objectValue)
        changed["main_title"] = ["title": "Shipped"]
        try harness.answer(event, ["response_type": "update_template_card", "template_card": .object(changed)])
        #expect(harness.bubbles.first?.card?["main_title"]?["title"] == "Shipped")
        try harness.base.act(
            .feedback(bot: bot, user: "lin.wei", group: nil, entry: entry.id, type: 1, content: nil, reasons: []))
        let feedback = try harness.callback()
        #expect(feedback["event"]?["feedback_event"] == ["id": "f1", "type": 1])
        try harness.answer(feedback, Harness.stream("thanks", final: true))
        #expect(harness.rules == ["illegalReply"])
    }

    @Test("SIM-2: response_url takes one reply; cards only in direct chats; groups quote what is answered")
    func responseURL() throws {
        var harness = try Harness()
        func code(_ message: WebhookHarness.Received) throws -> String {
            try #require(message["response_url"]?.stringValue?.split(separator: "=").last.map(String.init))
        }
        let markdown: JSONValue = ["msgtype": "markdown", "markdown": ["content": "by url"]]
        let card: JSONValue = [
            "msgtype": "template_card",
            "template_card": [
                "card_type": "text_notice", "main_title": ["title": "x"],
                "card_action": ["type": 1, "url": "https://example.invalid"],
            ],
        ]
        try harness.post(group: Harness.group)
        let group = try code(try harness.callback())
        #expect(harness.reply(group, card) == 40_058)
        #expect(harness.reply(group, ["msgtype": "stream", "stream": ["id": "s"]]) == 40_008)
        let long = String(repeating: "x", count: 20_481)
        #expect(harness.reply(group, ["msgtype": "markdown", "markdown": ["content": .string(long)]]) == 45_002)
        #expect(harness.reply(group, markdown) == 0)
        #expect(harness.reply(group, markdown) == 42_022)
        let shown = try #require(harness.base.bubbles(group: Harness.group).last)
        #expect(shown.content == "by url" && shown.quote?.text == "@Build Helper hello")
        #expect(harness.reply("unknown", markdown) == 40_058)
        try harness.post()
        let direct = try code(try harness.callback())
        #expect(harness.reply(direct, card) == 0)
        try harness.post(from: "mei.chen")
        let late = try code(try harness.callback())
        harness.advance(3_600_000)
        #expect(harness.reply(late, markdown) == 40_058)
    }

    @Test("SIM-3: an answer that gets lost, a callback twice, late, never; refreshes that stop")
    func faults() throws {
        var harness = try Harness()
        harness.base.core.setFaults(
            SimulatorFaults([
                SimulatorFault(.loseAnswer, cmd: "webhook.message", nth: 1),
                SimulatorFault(.redeliver, cmd: "webhook.message", nth: 3, ms: 500),
                SimulatorFault(.delayCallback, cmd: "webhook.message", nth: 4, ms: 700),
                SimulatorFault(.stopPolls, cmd: "webhook.*", nth: 6),
            ]))
        let lost = try harness.post()
        try harness.answer(try harness.callback(), Harness.stream("lost", id: "a"))
        #expect(harness.bubbles.isEmpty && harness.core.callbackRecords.last?.outcome == .lost)
        harness.advance(1_000)
        let again = try harness.callback()
        #expect(again["msgid"]?.stringValue == lost.msgID)
        try harness.answer(again, Harness.stream("a", id: "a", final: true))
        try harness.post()
        let first = try harness.callback()
        try harness.answer(first, Harness.stream("b", id: "b", final: true))
        harness.advance(500)
        let copy = try harness.callback()
        #expect(copy["msgid"] == first["msgid"])
        try harness.answer(copy, Harness.stream("b", id: "b", final: true))
        #expect(harness.bubbles.map(\.content) == ["a", "b"])
        try harness.post()
        #expect(try harness.next() == nil)
        harness.advance(700)
        try harness.answer(try harness.callback(), Harness.stream("c", id: "c"))
        harness.advance(1_000)
        try harness.answer(try harness.callback(), Harness.stream("c1", id: "c"))
        harness.advance(20_000)
        #expect(try harness.next() == nil)
        #expect(harness.bubbles.last?.content == "c1" && harness.bubbles.last?.finished == false)
    }

    @Test("SIM-3: a second bubble for a repeated message is a finding")
    func differentAnswer() throws {
        var harness = try Harness()
        try harness.post(repeats: 1)
        try harness.answer(try harness.callback(), Harness.stream("one", id: "one", final: true))
        try harness.answer(try harness.callback(), Harness.stream("two", id: "two", final: true))
        #expect(harness.rules == ["repeat"])
        #expect(harness.bubbles.count == 2)
    }

    @Test("SIM-2: at most 256 posts at a time; the rest follows in order")
    func bound() throws {
        var harness = try Harness()
        for index in 0..<100 {
            let user = "user\(index)"
            try harness.base.act(.addUser(SimulatorUser(id: user, name: user)))
            for _ in 0..<3 { try harness.post(from: user) }
        }
        #expect(harness.base.requests.count == 256)
        for _ in 0..<256 { try harness.answer(try harness.callback(), nil) }
        #expect(harness.base.requests.count == 300)
    }

    @Test("SIM-1: verification of the address: the echo, within a second")
    func verification() throws {
        var harness = try Harness()
        let verify = UserAction.verifyURL(bot: SimulatorBot.demo.id, via: .webhook)
        for isRight in [true, false] {
            try harness.base.act(verify)
            let request = try #require(harness.base.requests.last)
            #expect(request.method == "GET" && request.body.isEmpty)
            let query = try WebhookHarness.query(request.url)
            let envelope = CallbackEnvelope(
                sealed: try #require(query["echostr"]), signature: try #require(query["msg_signature"]),
                timestamp: try #require(query["timestamp"]), nonce: try #require(query["nonce"]))
            let echo = try envelope.open(with: harness.cipher)
            harness.base.take(
                harness.base.core.callbackAnswered(
                    request.id, .answered(status: 200, body: isRight ? echo : echo + [10]), now: harness.now))
        }
        #expect(harness.rules == ["verification"])
        try harness.base.act(verify)
        harness.advance(1_000)
        #expect(harness.core.callbackRecords.last?.outcome == .timedOut)
    }

    @Test("SIM-3: response_url: an HTTP error or silence after the reply was taken")
    func responseURLFaults() throws {
        var harness = try Harness()
        let markdown: JSONValue = ["msgtype": "markdown", "markdown": ["content": "by url"]]
        for (kind, status, fate) in [
            (SimulatorFault.Kind.httpErrorAfter, 502, APIAnswer.Fate.answer), (.dropAck, 200, .hang),
        ] {
            harness.base.core.setFaults(SimulatorFaults([SimulatorFault(kind, cmd: "cgi-bin/aibot/response")]))
            try harness.post()
            let url = try #require(try harness.callback()["response_url"]?.stringValue)
            let code = try #require(try WebhookHarness.query(url)["response_code"])
            let call = APICall("aibot/response", query: ["response_code": code], body: markdown.bytes)
            let (answer, actions) = harness.base.core.apiCalled(call, now: harness.now)
            harness.base.take(actions)
            #expect(answer.status == status && answer.fate == fate)
        }
        #expect(harness.bubbles.count == 2)
    }

    @Test("SIM-3: nothing that a program answers, and no call, can trap", arguments: 1...5 as ClosedRange<UInt64>)
    func noise(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var harness = try Harness()
        let seeds: [[UInt8]] = [
            Harness.stream("x", final: true).bytes, Array("{\"msgtype\":\"stream\",\"stream\":7}".utf8), [],
            Array("<xml><a>&amp;<![CDATA[x]]></a></xml>".utf8), Array("{\"encrypt\":\"AAAA\"}".utf8),
        ]
        for _ in 0..<200 {
            try harness.post()
            harness.advance(Int.random(in: 0..<3_000, using: &random))
            while let callback = try harness.next() {
                var bytes = try #require(seeds.randomElement(using: &random))
                for index in bytes.indices where Int.random(in: 0..<12, using: &random) == 0 {
                    bytes[index] = UInt8.random(in: .min ... .max, using: &random)
                }
                if Bool.random(using: &random) {
                    harness.report(callback, .answered(status: 200, body: bytes))
                } else {
                    let envelope = try CallbackEnvelope(
                        sealing: bytes, with: harness.cipher, random: Array(repeating: 1, count: 16),
                        timestamp: "1", nonce: callback.nonce)
                    harness.report(callback, .answered(status: 200, body: envelope.jsonAnswer.bytes))
                }
                _ = try? XMLElement.parse(bytes)
                for name in ["message/send", "appchat/create", "media/upload", "nothing", "aibot/response"] {
                    let (_, actions) = harness.base.core.apiCalled(
                        APICall(name, query: ["access_token": "x"], body: bytes), now: harness.now)
                    harness.base.take(actions)
                }
            }
        }
        #expect(harness.core.violations.count > 50)
    }
}
