import Foundation
import Shared
import Testing

@testable import WebhookCompat

@Suite("webhook bot")
struct WebhookBotTests {
    @Test("WB-2: a message is answered with its bubble at once, refreshes bring the answer, the last one ends it")
    func stream() async throws {
        let stage = BotStage()
        let go = Latch<Bool>()
        try await stage.run { message, reply in
            try await reply.append("you said \(message.text)")
            _ = await go.value(until: stage.clock.now.advanced(by: .seconds(900)), on: stage.clock)
            try await reply.append(", twice")
        } _: {
            let first = try await stage.frame(BotStage.message("m1"))
            #expect(!first.isFinal && first.id.count == 32)
            let growing = try await stage.refresh(first.id) { $0.content == "you said hello" }
            #expect(!growing.isFinal)
            go.set(true)
            let last = try await stage.refresh(first.id) { $0.isFinal }
            #expect(last.content == "you said hello, twice")
            #expect(try await stage.frame(BotStage.refresh(first.id)) == last)
            await eventually("done") { stage.ledger.counts()[.done] == 1 }
            #expect(stage.posts.bodies.isEmpty)
        }
    }

    @Test(
        "dedupe.repeated: P8, WB-1: a message that comes again gets its own bubble again, whatever it shows by then, and is handled once"
    )
    func duplicates() async throws {
        let stage = BotStage()
        let runs = Locked(0)
        try await stage.run { _, reply in
            runs.withLock { $0 += 1 }
            try await reply.append("answer")
        } _: {
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await stage.frame(BotStage.message("m1")).id } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            let id = try #require(ids.first)
            #expect(ids.count == 1)
            _ = try await stage.refresh(id) { $0.isFinal }
            let again = try await stage.frame(BotStage.message("m1"))
            #expect(again.id == id && again.isFinal && again.content == "answer")
            #expect(runs.withLock { $0 } == 1)
        }
    }

    @Test("dedupe.repeated: P8, WB-1: without an id the content tells repetitions apart")
    func withoutID() async throws {
        let stage = BotStage()
        try await stage.run { _, reply in
            try await reply.append("a")
        } _: {
            let first = try await stage.frame(BotStage.message("", "one"))
            #expect(try await stage.frame(BotStage.message("", "one")).id == first.id)
            #expect(try await stage.frame(BotStage.message("", "two")).id != first.id)
        }
    }

    @Test(
        "webhook.refresh: P21, WB-2: bubbles nobody knows, of somebody else, or without an id are ended with a sentence"
    )
    func unknown() async throws {
        let stage = BotStage()
        try await stage.run { _, _ in
            await Signal().wait()
        } _: {
            let mine = try await stage.frame(BotStage.message("m1"))
            for content in [
                BotStage.refresh("nope"), BotStage.refresh(""), BotStage.refresh(mine.id, user: "mei.chen"),
            ] {
                let frame = try await stage.frame(content)
                #expect(frame.isFinal && frame.content == ReplyWords().bubbleGone)
            }
            #expect(try await stage.frame(BotStage.refresh(mine.id)).isFinal == false)
        }
    }

    @Test(
        "webhook.refresh: P21, WB-2, WS-15: after a restart the bubble goes on under its id, and one that had ended shows what it showed"
    )
    func restart() async throws {
        let first = BotStage()
        let ids = Locked<[String]>([])
        try await first.run { message, reply in
            guard message.text == "short" else { return await Signal().wait() }
            try await reply.append("short answer")
        } _: {
            let short = try await first.frame(BotStage.message("m1", "short"))
            _ = try await first.refresh(short.id) { $0.isFinal }
            await eventually("done") { first.ledger.counts()[.done] == 1 }
            let long = try await first.frame(BotStage.message("m2", "long"))
            ids.withLock { $0 = [short.id, long.id] }
        }
        let (short, long) = ids.withLock { ($0[0], $0[1]) }
        let second = BotStage(clock: first.clock, ledger: first.ledger)
        try await second.run { message, reply in
            try await reply.append("late answer to \(message.text)")
        } _: {
            let ended = try await second.frame(BotStage.refresh(short))
            #expect(ended.isFinal && ended.content == "short answer")
            #expect(try await second.frame(BotStage.message("m1", "short")).content == "short answer")
            let last = try await second.refresh(long) { $0.isFinal }
            #expect(last.content == "late answer to long")
            #expect(try await second.frame(BotStage.message("m2", "long")).id == long)
            await eventually("done") { second.ledger.counts()[.done] == 2 }
        }
    }

    @Test("WB-3: an answer that no refresh asks for goes to the response_url, once, as Markdown")
    func late() async throws {
        let stage = BotStage()
        try await stage.run { _, reply in
            try await reply.append("answer")
        } _: {
            _ = await stage.bot.answer(BotStage.message("m1"))
            await eventually("posted") {
                stage.clock.advance(by: .milliseconds(100))
                return stage.posts.bodies.count == 1
            }
            let body = try #require(stage.posts.bodies.first)
            #expect(body["msgtype"]?.string == "markdown" && body["markdown"]?["content"]?.string == "answer")
            await eventually("done") { stage.ledger.counts()[.done] == 1 }
            #expect(stage.posts.bodies.count == 1)
        }
    }

    @Test(
        "webhook.refresh: P21, WB-1: before an engine runs, and while it goes down, messages are sent back to come again"
    )
    func busy() async throws {
        let stage = BotStage()
        guard case .busy = await stage.bot.answer(BotStage.message("m1")) else {
            return #expect(Bool(false), "taken without an engine")
        }
        try await stage.run { _, reply in
            try await reply.append("answer")
        } _: {
            let first = try await stage.frame(BotStage.message("m1"))
            #expect(try await stage.refresh(first.id) { $0.isFinal }.content == "answer")
        }
    }

    @Test("WB-6: who opens the chat is greeted with text in that very answer, or not at all")
    func welcome() async throws {
        for words in ["welcome", ""] {
            let stage = BotStage(welcome: words)
            try await stage.run { _, _ in
            } _: {
                let answer = await stage.bot.answer(BotStage.event("e1", "enter_chat"))
                if words.isEmpty {
                    guard case .empty = answer else { return #expect(Bool(false), "\(answer)") }
                } else {
                    guard case .passive(let reply) = answer else { return #expect(Bool(false), "\(answer)") }
                    #expect(reply == .text("welcome"))
                    #expect(reply.json() == #"{"msgtype":"text","text":{"content":"welcome"}}"#)
                }
            }
        }
    }

    @Test(
        "WB-6: a click redraws its card in that very answer; its words go to the response_url; a repetition does nothing"
    )
    func click() async throws {
        let stage = BotStage()
        let card = """
            {"card_type":"button_interaction","task_id":"t1","main_title":{"title":"Sure?"},
            "button_list":[{"text":"Yes","key":"yes"}]}
            """
        stage.ledger.remember(
            SentCard(
                taskID: "t1", account: "default", conversation: Conversation(kind: .direct, id: "lin.wei"), json: card,
                sentAt: 0))
        let payload = JSONValue.dictionary([
            "card_type": .string("button_interaction"), "event_key": .string("yes"), "task_id": .string("t1"),
        ])
        try await stage.run { message, reply in
            try await reply.append("clicked \(message.click?.eventKey ?? "")")
        } _: {
            let click = BotStage.event("e1", "template_card_event", payload)
            async let answering = stage.bot.answer(click)
            await eventually("posted") {
                stage.clock.advance(by: .milliseconds(10))
                return stage.posts.bodies.count == 1
            }
            guard case .passive(let reply) = await answering, case .cardUpdate = reply else {
                return #expect(Bool(false), "not redrawn")
            }
            let json = try JSONValue(parsing: reply.json().utf8)
            #expect(json["response_type"]?.string == "update_template_card" && json["msgtype"] == nil)
            #expect(json["template_card"]?["task_id"]?.string == "t1")
            #expect(stage.posts.bodies.first?["markdown"]?["content"]?.string == "clicked yes")
            guard case .empty = await stage.bot.answer(click) else { return #expect(Bool(false), "answered twice") }
        }
    }

    @Test("WB-5: whom the policy keeps out in silence gets an empty answer, and others their line")
    func policy() async throws {
        let stage = BotStage()
        try await stage.run(
            gate: { message in
                .deny(line: message.text == "loud" ? "no" : nil, reason: "test")
            }, handler: { _, _ in }
        ) {
            guard case .empty = await stage.bot.answer(BotStage.message("m1")) else {
                return #expect(Bool(false), "not silent")
            }
            let frame = try await stage.frame(BotStage.message("m2", "loud"))
            #expect(try await stage.refresh(frame.id) { $0.isFinal }.content == "no")
        }
    }

    @Test("WB-1: what the platform says itself, and what names nobody, is acknowledged and left alone")
    func ignored() async throws {
        let stage = BotStage()
        let runs = Locked(0)
        try await stage.run { _, _ in
            runs.withLock { $0 += 1 }
        } _: {
            let contents = [
                BotStage.message("m1", user: "sys"), Array(#"{"msgid":"m2","msgtype":"text"}"#.utf8), Array("{}".utf8),
                BotStage.event("e1", "something_new"),
            ]
            for content in contents {
                guard case .empty = await stage.bot.answer(content) else { return #expect(Bool(false), "answered") }
            }
            #expect(runs.withLock { $0 } == 0)
        }
    }

    @Test("media.out: P13, WB-7: pictures of an answer go out with the last frame; a file that cannot go is named")
    func pictures() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "webhook-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let bytes = Data([0xFF, 0xD8, 0xFF, 1, 2, 3])
        let path = folder.appending(path: "a.jpg").path
        try bytes.write(to: URL(fileURLWithPath: path))
        var hooks = EngineHooks()
        hooks.resolve = { attachment, _ in
            guard case .file(let location, _, _) = attachment else { return .failure(AttachmentProblem(line: "")) }
            let isPicture = location.hasSuffix("jpg")
            return .success(
                OutboundMedia(
                    path: path, kind: isPicture ? .image : .file, name: isPicture ? "a.jpg" : "a.zip",
                    bytes: bytes.count))
        }
        let stage = BotStage(hooks: hooks)
        try await stage.run { _, reply in
            try await reply.append("see")
            try await reply.attach(.file(location: "a.jpg", kind: nil, name: nil))
            try await reply.attach(.file(location: "a.zip", kind: nil, name: nil))
        } _: {
            let first = try await stage.frame(BotStage.message("m1"))
            let last = try await stage.refresh(first.id) { $0.isFinal }
            #expect(last.content.contains(ReplyWords().cannotSend("a.zip")))
            let json = try JSONValue(parsing: BotReply.stream(last).json().utf8)
            let items = json["stream"]?["msg_item"]?.elements ?? []
            #expect(items.count == 1)
            #expect(items.first?["image"]?["base64"]?.string == bytes.base64EncodedString())
            #expect(items.first?["image"]?["md5"]?.string == (try Digest.md5(ofFile: path)))
            await eventually("done") { stage.ledger.counts()[.done] == 1 }
            let parts = stage.ledger.trace(messageID: "m1").first?.parts ?? []
            #expect(parts.map(\.state) == [.acked, .acked] && parts.last?.via == .bubble)
        }
    }
}
