import Foundation
import Shared
import Testing

@testable import WebhookCompat

@Suite("Callbacks of an application")
struct AgentCallbackTests {
    private static let decoder = AgentCallbackDecoder(account: "agent-a")

    private static func decode(_ xml: String) throws -> AgentCallback {
        decoder.decode(try CallbackXMLReader.parse(Array("<xml>\(xml)</xml>".utf8)), receivedAt: 7)
    }

    private static func verified(_ id: String) throws -> VerifiedCallback {
        let vector = try #require(Vectors.all("agent-callbacks").first { $0.id == id })
        guard case .callback(let callback) = try Vectors.gate().judge(vector.request) else {
            throw CocoaError(.featureUnsupported)
        }
        return callback
    }

    private static func decodeVector(_ id: String) throws -> AgentCallback {
        try #require(decoder.decode(try verified(id), receivedAt: 7))
    }

    private static func message(_ callback: AgentCallback) throws -> (InboundMessage, ReplyRoute) {
        guard case .event(.message(let message, let route)) = callback else { throw CocoaError(.featureUnsupported) }
        return (message, route)
    }

    /// What is in the messages of the vectors.
    static let messages: [(String, [MessagePart])] = [
        ("agent-text", [.text("plain agent text")]),
        ("agent-text-cjk-emoji", [.text("你好 👋🏽 <b>&amp; ]] > end")]),
        ("agent-text-max-msgid", [.text("big id")]),
        ("agent-image", [.media(MediaReference(kind: .image, mediaID: "MEDIA_img_001"))]),
        ("agent-voice", [.media(MediaReference(kind: .voice, mediaID: "MEDIA_voice_001"))]),
        ("agent-voice-recognition", [.voice(transcript: "打开空调")]),
        ("agent-video", [.media(MediaReference(kind: .video, mediaID: "MEDIA_video_001"))]),
        ("agent-location", [.text("[location] 海口市龙华区某路 9 号 (23.134, 113.358)")]),
        ("agent-link", [.text("[link]\n说明页\ndesc | \"q\" 'a'\nhttps://example.invalid/?a=1&b=2")]),
        (
            "agent-file-undocumented",
            [.media(MediaReference(kind: .file, mediaID: "MEDIA_file_001", name: "报告 (终稿).pdf"))]
        ),
        ("agent-unknown-msgtype", [.unknown(type: "sticker")]), ("agent-text-empty-content", []),
        ("agent-text-no-cdata", [.text("a <b> & \"c\" 你")]), ("agent-text-cdata-split", [.text("a]]>b")]),
        ("agent-text-pretty", [.text("pretty printed")]),
        ("agent-text-doctype-in-cdata", [.text("<!DOCTYPE html><!ENTITY x \"y\"> &x; is only text")]),
    ]

    @Test("inbound.types: P22, AG-2: messages of every kind", arguments: messages.indices)
    func kinds(index: Int) throws {
        let (id, parts) = Self.messages[index]
        let (message, route) = try Self.message(Self.decodeVector(id))
        #expect(message.parts == parts)
        #expect(message.channel == "agent" && message.account == "agent-a" && message.sender.id == "zhangsan")
        #expect(message.conversation == Conversation(kind: .direct, id: "zhangsan"))
        #expect(message.createdAt == 1_767_225_600_000)
        #expect(message.id.rawValue.hasPrefix("7000000000000") && route.key == message.id.rawValue)
        #expect(route.takesReplies == false && route.conversation == message.conversation)
    }

    @Test("AG-2: every vector that passes the gate is understood")
    func vectors() throws {
        let vectors: [Vectors.Vector] = Vectors.all("agent-callbacks")
        #expect(vectors.count > 30)
        for vector in vectors {
            guard case .callback(let callback) = try Vectors.gate().judge(vector.request) else { continue }
            #expect(Self.decoder.decode(callback, receivedAt: 0) != nil, "\(vector.id)")
        }
    }

    @Test("AG-2: blanks of a text stay as they are, and text of blanks alone is no part")
    func blanks() throws {
        #expect(
            try Self.message(
                Self.decode("<FromUserName>a</FromUserName><MsgType>text</MsgType><Content>  x \n</Content>")
            ).0.parts == [.text("  x \n")])
        #expect(
            try Self.message(Self.decode("<FromUserName>a</FromUserName><MsgType>text</MsgType><Content> \n</Content>"))
                .0.parts == [])
    }

    @Test("AG-2: a group only where a chat id is")
    func group() throws {
        let message = try Self.message(
            Self.decode(
                "<FromUserName>a</FromUserName><MsgType>text</MsgType><Content>x</Content><ChatId>wr1</ChatId><MsgId>1</MsgId>"
            )
        ).0
        #expect(message.conversation == Conversation(kind: .group, id: "wr1"))
    }

    @Test("AG-2: media without an id, and times that make no sense, do no harm")
    func odd() throws {
        let text = "<FromUserName>a</FromUserName><MsgType>image</MsgType><CreateTime>99999999999999999999</CreateTime>"
        let message = try Self.message(Self.decode(text)).0
        #expect(message.parts == [.unknown(type: "image")] && message.createdAt == 7)
        #expect(try Self.decode("") == .ignored(type: ""))
    }

    @Test("AG-2: a click on a card is a message with what was chosen, and its route can redraw the card")
    func cards() throws {
        let (message, route) = try Self.message(Self.decodeVector("agent-event-template-card"))
        let click = try #require(message.click)
        #expect(click.cardType == "button_interaction" && click.taskID == "taskid111" && click.eventKey == "key111")
        #expect(click.selected["QuestionKey1"] == ["OptionId1", "OptionId2"])
        #expect(route.key == "RESPCODE_1" && route.takesReplies == false)
        #expect(message.text.hasPrefix("[card click] key111"))
        let menu = try Self.message(Self.decodeVector("agent-event-template-card-menu"))
        #expect(menu.0.click?.selected.isEmpty == true && menu.1.key == "RESPCODE_2")
        #expect(message.id != menu.0.id)
    }

    @Test(
        "AG-2: events that need nothing are passed on by name",
        arguments: [
            ("agent-event-unsubscribe", "unsubscribe"), ("agent-event-location-report", "location"),
            ("agent-event-click", "click"), ("agent-event-view", "view"), ("agent-event-pic-weixin", "pic_weixin"),
            ("agent-event-scancode-waitmsg", "scancode_waitmsg"), ("agent-event-unknown", "low_active_alert"),
        ])
    func others(id: String, type: String) throws {
        guard case .event(.other(_, let found)) = try Self.decodeVector(id) else {
            Issue.record("no other event")
            return
        }
        #expect(found == type)
    }

    @Test("AG-2: a menu entry whose key is a command stands for typing it")
    func menuCommand() throws {
        let text = "<FromUserName>a</FromUserName><MsgType>event</MsgType><Event>CLICK</Event><EventKey>/new</EventKey>"
        #expect(try Self.message(Self.decode(text)).0.parts == [.text("/new")])
    }

    @Test("AG-2: what no person sent is ignored; a change of the directory is told")
    func system() throws {
        #expect(try Self.decodeVector("agent-event-batch-job") == .ignored(type: "batch_job_result"))
        guard case .directoryChanged = try Self.decodeVector("agent-event-change-contact") else {
            Issue.record("not told")
            return
        }
        let text = "<FromUserName></FromUserName><MsgType>text</MsgType><Content>x</Content>"
        #expect(try Self.decode(text) == .ignored(type: "text"))
    }

    @Test("dedupe.repeated: P8, AG-2: a repeated event has the same key, another one of the same second has not")
    func keys() throws {
        func id(_ callback: AgentCallback) -> MessageID? {
            switch callback {
            case .event(.other(let id, _)), .directoryChanged(let id): id
            case .greeting(let greeting): greeting.id
            default: nil
            }
        }
        #expect(id(try Self.decodeVector("agent-event-click")) == id(try Self.decodeVector("agent-event-click-retry")))
        func event(_ name: String, _ key: String) throws -> MessageID? {
            let head = "<FromUserName>a</FromUserName><CreateTime>5</CreateTime><MsgType>event</MsgType>"
            return id(try Self.decode("\(head)<Event>\(name)</Event><EventKey>\(key)</EventKey>"))
        }
        let long = String(repeating: "k", count: 2_000)
        let keys = try [
            event("view", "a"), event("view", "b"), event("x", "a"), event("view", long), event("view", long + "2"),
        ]
        #expect(Set(keys).count == keys.count && keys.allSatisfy { $0 != nil && ($0?.rawValue.utf8.count ?? 0) <= 128 })
        #expect(try event("view", long) == keys[3])
    }

    // MARK: - Greetings

    @Test(
        "AG-2: who enters is greeted once in 24 hours, by the answer to the callback; the text is swapped and escaped")
    func greeting() async throws {
        let kept = InMemoryKeptValues()
        try await AgentBench.with(settings: { $0.welcomeText = "欢迎 ]]> <b>" }, kept: kept) { bench in
            let enter = try Self.verified("agent-event-enter-agent")
            let intake = try #require(await bench.agent.take(enter, receivedAt: 0))
            let reply = try #require(intake.reply)
            let root = try CallbackXMLReader.parse(Array(reply.utf8))
            #expect(root.text(of: "ToUserName") == "zhangsan" && root.text(of: "FromUserName") == AgentBench.corpID)
            #expect(root.text(of: "MsgType") == "text" && root.text(of: "Content") == "欢迎 ]]> <b>")
            guard case .other(_, let type)? = intake.event else {
                Issue.record("no event")
                return
            }
            #expect(type == "enter_agent")
            #expect(await bench.agent.take(enter, receivedAt: 0)?.reply == nil)
            let subscribe = try Self.verified("agent-event-subscribe")
            #expect(await bench.agent.take(subscribe, receivedAt: 0)?.reply == nil)
            bench.clock.advance(by: .seconds(86_399))
            #expect(await bench.agent.take(enter, receivedAt: 0)?.reply == nil)
            bench.clock.advance(by: .seconds(1))
            #expect(await bench.agent.take(enter, receivedAt: 0)?.reply != nil)
            #expect(bench.server.requests.isEmpty && bench.server.tokensFetched == 0)
        }
        // Another process of the same application knows it.
        try await AgentBench.with(settings: { $0.welcomeText = "hi" }, kept: kept) { bench in
            let enter = try Self.verified("agent-event-enter-agent")
            #expect(await bench.agent.take(enter, receivedAt: 0)?.reply == nil)
        }
    }

    @Test("AG-2: without a text nobody is greeted, and a long one is cut between characters")
    func greetingText() async throws {
        try await AgentBench.with { bench in
            let enter = try Self.verified("agent-event-enter-agent")
            #expect(await bench.agent.take(enter, receivedAt: 0)?.reply == nil)
        }
        try await AgentBench.with(settings: { $0.welcomeText = String(repeating: "👨‍👩‍👧‍👦", count: 200) }) { bench in
            let reply = try #require(
                await bench.agent.take(try Self.verified("agent-event-subscribe"), receivedAt: 0)?.reply)
            let content = try #require(try CallbackXMLReader.parse(Array(reply.utf8)).text(of: "Content"))
            #expect(content == String(repeating: "👨‍👩‍👧‍👦", count: 81))
        }
    }

    @Test("AG-7: a change of the directory makes the next look-up ask again")
    func directoryChanged() async throws {
        let tags = QyapiAnswer.json(#"{"errcode":0,"taglist":[]}"#)
        try await AgentBench.with({ _ in tags }) { bench in
            _ = try await bench.api.tags()
            _ = try await bench.api.tags()
            #expect(bench.server.requests.count == 1)
            _ = await bench.agent.take(try Self.verified("agent-event-change-contact"), receivedAt: 0)
            _ = try await bench.api.tags()
            #expect(bench.server.requests.count == 2)
        }
    }

    @Test("AG-2: media ids are kept with a stored message, and messages stored before are read")
    func stored() throws {
        let reference = MediaReference(kind: .voice, mediaID: "M", name: "n")
        let data = try JSONEncoder().encode(reference)
        #expect(try JSONDecoder().decode(MediaReference.self, from: data) == reference)
        let old = #"{"kind":"image","url":"https://example.com/x"}"#
        #expect(try JSONDecoder().decode(MediaReference.self, from: Data(old.utf8)).mediaID == nil)
        for kind in ["direct", "group", "department", "tag"] {
            let json = Data(#"{"kind":"\#(kind)","id":"x"}"#.utf8)
            #expect(try JSONDecoder().decode(Conversation.self, from: json).kind.rawValue == kind)
        }
    }
}
