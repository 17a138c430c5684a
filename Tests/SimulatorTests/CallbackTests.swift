import Simulator
import Testing

@Suite("Callbacks")
struct CallbackTests {
    private static let file = UserPost.File(name: "a.png", bytes: [0x89, 0x50, 0x4E, 0x47, 1, 2, 3])

    @Test("SIM-1: a text in a single chat and in a group")
    func texts() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let reqID = try harness.post("status")
        let single = try harness.callback(id)
        #expect(single["headers"]?["req_id"] == .string(reqID))
        #expect(reqID.count == 24)
        let body = try #require(single["body"]?.objectValue)
        #expect(body.keys == ["msgid", "create_time", "aibotid", "chattype", "from", "msgtype", "text"])
        #expect(body["from"] == ["userid": "lin.wei"])
        #expect(body["create_time"] == .int(harness.now / 1000))
        _ = try harness.post("status", group: CoreHarness.group.id)
        let group = try harness.callback(id)["body"]
        #expect(group?["chatid"] == .string(CoreHarness.group.id))
        #expect(group?["chattype"] == "group")
        #expect(group?["text"]?["content"] == "@Build Helper status")
    }

    @Test("SIM-1: media come as link and key, voice as transcript")
    func media() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let contents: [(String, UserPost.Content)] = [
            ("image", .image(Self.file)), ("file", .file(Self.file)), ("video", .video(Self.file)),
        ]
        for (type, content) in contents {
            try harness.act(.post(UserPost(bot: CoreHarness.bot.id, user: "lin.wei", content: content)))
            let body = try harness.callback(id)["body"]
            #expect(body?["msgtype"] == .string(type))
            #expect(body?[type]?["aeskey"]?.stringValue?.count == 43)
            let url = try #require(body?[type]?["url"]?.stringValue)
            let token = try #require(url.split(separator: "/").last?.split(separator: "?").first.map(String.init))
            #expect(harness.core.mediaLink(token, now: harness.now + 299_999)?.media.bytes == Self.file.bytes)
            #expect(harness.core.mediaLink(token, now: harness.now + 300_000) == nil)
        }
        try harness.act(.post(UserPost(bot: CoreHarness.bot.id, user: "lin.wei", content: .voice("ten"))))
        #expect(try harness.callback(id)["body"]?["voice"] == ["content": "ten"])
    }

    @Test("SIM-1: in groups a picture comes as mixed, a file as the mention alone, the rest not at all")
    func groupMedia() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        func post(_ content: UserPost.Content, mention: Bool = true) -> UserPost {
            UserPost(
                bot: CoreHarness.bot.id, user: "lin.wei", group: CoreHarness.group.id, content: content,
                mention: mention)
        }
        try harness.act(.post(post(.image(Self.file))))
        let items = try #require(try harness.callback(id)["body"]?["mixed"]?["msg_item"]?.arrayValue)
        #expect(items.map { $0["msgtype"]?.stringValue } == ["text", "image"])
        #expect(items.first?["text"]?["content"] == "@Build Helper ")
        try harness.act(.post(post(.file(Self.file))))
        #expect(try harness.callback(id)["body"]?["text"]?["content"] == "@Build Helper ")
        for silent in [post(.voice("x")), post(.video(Self.file)), post(.text("x"), mention: false)] {
            #expect(try harness.act(.post(silent)).reqID == nil)
        }
        #expect(harness.entries(group: CoreHarness.group.id).count == 5)
    }

    @Test("SIM-1: quotes of all kinds, and of an entry")
    func quotes() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let quotes: [(String, UserPost.Content)] = [
            ("text", .text("before")), ("voice", .voice("said")), ("image", .image(Self.file)),
            ("file", .file(Self.file)), ("video", .video(Self.file)),
            ("mixed", .mixed([.text("look"), .image(Self.file)])),
        ]
        for (type, content) in quotes {
            try harness.act(
                .post(
                    UserPost(
                        bot: CoreHarness.bot.id, user: "lin.wei", content: .text("this"), quote: .content(content))))
            let quote = try #require(try harness.callback(id)["body"]?["quote"])
            #expect(quote["msgtype"] == .string(type))
            #expect(quote.objectValue?.keys == ["msgtype", type])
        }
        #expect(try harness.push(id, "**bot**") == 0)
        let entry = try #require(harness.bubbles().last?.id)
        try harness.act(
            .post(
                UserPost(bot: CoreHarness.bot.id, user: "lin.wei", content: .text("that"), quote: .entry(entry))))
        #expect(try harness.callback(id)["body"]?["quote"] == ["msgtype": "text", "text": ["content": "**bot**"]])
    }

    @Test("SIM-3: redelivery has the same msgid and a new req_id")
    func redelivery() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        try harness.act(
            .post(UserPost(bot: CoreHarness.bot.id, user: "lin.wei", content: .text("twice"), repeats: 1)))
        let frames = (harness.sent[id] ?? []).filter { $0["cmd"] == "aibot_msg_callback" }
        #expect(frames.count == 2)
        #expect(Set(frames.map { $0["body"] }).count == 1)
        #expect(Set(frames.map { $0["headers"]?["req_id"] }).count == 2)
        #expect(harness.entries().count == 1)
    }

    @Test("SIM-1: enter_chat, feedback and arbitrary events")
    func events() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        try harness.act(.enter(bot: CoreHarness.bot.id, user: "lin.wei"))
        #expect(try harness.callback(id, "aibot_event_callback")["body"]?["event"] == ["eventtype": "enter_chat"])
        let reqID = try harness.post()
        let stream: JSONValue = [
            "msgtype": "stream",
            "stream": ["id": "s", "finish": true, "content": "x", "feedback": ["id": "trace_1"]],
        ]
        _ = try harness.command(id, "aibot_respond_msg", stream, reqID: reqID)
        let entry = try #require(harness.bubbles().last?.id)
        let outcome = try harness.act(
            .feedback(
                bot: CoreHarness.bot.id, user: "lin.wei", group: nil, entry: entry, type: 2, content: "no",
                reasons: [2, 4]))
        let feedback = try harness.callback(id, "aibot_event_callback")["body"]?["event"]?["feedback_event"]
        #expect(feedback == ["id": "trace_1", "type": 2, "content": "no", "inaccurate_reason_list": [2, 4]])
        #expect(try harness.stream(id, try #require(outcome.reqID), "x") == 846_605)
        try harness.act(
            .rawEvent(
                bot: CoreHarness.bot.id, user: "lin.wei", type: "auth_change_event", payload: ["auth_list": [1]]))
        let raw = try harness.callback(id, "aibot_event_callback")["body"]?["event"]
        #expect(raw == ["eventtype": "auth_change_event", "auth_change_event": ["auth_list": [1]]])
    }

    @Test("SIM-1: scene 1 brings the version check when a chat is entered")
    func versionCheck() throws {
        var harness = CoreHarness()
        let id = harness.open()
        var credentials = try #require(CoreHarness.credentials.objectValue)
        credentials["scene"] = 1
        _ = try harness.command(id, "aibot_subscribe", .object(credentials))
        try harness.act(.enter(bot: CoreHarness.bot.id, user: "lin.wei"))
        let types = harness.sent[id]?.compactMap { $0["body"]?["event"]?["eventtype"]?.stringValue }
        #expect(types == ["enter_check_update", "enter_chat"])
    }

    @Test("SIM-1: people can only do what exists")
    func impossible() throws {
        var harness = CoreHarness()
        let wrong: [(String, UserAction)] = [
            ("bot", .post(UserPost(bot: "none", user: "lin.wei", content: .text("x")))),
            ("user", .post(UserPost(bot: CoreHarness.bot.id, user: "LIN.WEI", content: .text("x")))),
            ("group", .post(UserPost(bot: CoreHarness.bot.id, user: "lin.wei", group: "wr0", content: .text("x")))),
            (
                "quote.entry",
                .post(UserPost(bot: CoreHarness.bot.id, user: "lin.wei", content: .text("x"), quote: .entry("e9")))
            ),
            ("members", .addGroup(SimulatorGroup(id: "wr1", name: "x", members: ["nobody"]))),
            ("bot", .kick(bot: CoreHarness.bot.id)),
        ]
        for (field, action) in wrong {
            let error = #expect(throws: UserActionError.self) { try harness.act(action) }
            #expect(error?.field == field)
        }
        #expect(harness.entries().isEmpty)
    }

    @Test("SIM-2: the same seed gives the same ids")
    func determinism() throws {
        var first = CoreHarness()
        var second = CoreHarness()
        _ = try first.subscribed()
        _ = try second.subscribed()
        #expect(try first.post() == second.post())
    }
}
