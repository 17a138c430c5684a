import Foundation
import Testing

@testable import Shared

private let words = ReplyWords()
private let card =
    #"{"card_type":"text_notice","main_title":{"title":"Done","desc":"1.4.0"},"card_action":{"type":1,"url":"https://example.com"}}"#

/// Files below `/out` can be sent, others cannot.
private func hooks() -> EngineHooks {
    var hooks = EngineHooks()
    hooks.resolve = { attachment, _ in
        guard case .file(let location, let kind, let name) = attachment, location.hasPrefix("/out/") else {
            return .failure(AttachmentProblem(line: "cannot be sent"))
        }
        return .success(
            OutboundMedia(path: location, kind: kind ?? .file, name: name ?? String(location.dropFirst(5)), bytes: 10))
    }
    hooks.pictures = { answer in
        let found = MarkdownImages(answer)
        return (found.text, found.images.map(\.location))
    }
    hooks.attachLong = { answer, _ in
        OutboundMedia(path: "/out/answer.md", kind: .file, name: "answer.md", bytes: answer.utf8.count)
    }
    return hooks
}

private func answering(
    _ world: World, _ change: (inout EngineSettings) -> Void = { _ in }, _ handler: @escaping MessageHandler
) async {
    await world.life(change, hooks: hooks(), handler: handler) { engine, _ in
        engine.accept(EngineBench.message(1))
        await world.pass(.seconds(600)) { world.state(1)?.isEnded == true && engine.openTurns == 0 }
    }
    #expect(world.state(1)?.isEnded == true)
}

@Suite("ReplyEngine on a ledger: attachments")
struct AttachmentTests {
    @Test("media.out: P13, WS-17: a file follows its text at the reply address; both are parts of one task")
    func file() async {
        let world = World()
        await answering(world) { _, reply in
            try await reply.append("here it is")
            try await reply.attach(.file(location: "/out/report.pdf", kind: nil, name: nil))
        }
        #expect(world.platform.shown("r1") == ["here it is", "<file id-report.pdf>"])
        #expect(world.task(1)?.parts.map(\.state) == [.acked, .acked])
        #expect(world.state(1) == .done)
    }

    @Test("media.out: P13, WS-17: a file that cannot be sent is a line in the answer; the rest of the answer is whole")
    func unresolved() async {
        let world = World()
        await answering(world) { _, reply in
            try await reply.append("here it is")
            try await reply.attach(.file(location: "/etc/passwd", kind: nil, name: nil))
        }
        #expect(world.platform.shown("r1") == ["here it is\n\ncannot be sent"])
    }

    @Test(
        "turn.oneOwner: P4: an answer of files or cards alone seals its bubble with a visible line",
        arguments: [true, false])
    func noText(isCard: Bool) async {
        let world = World()
        await answering(world) { _, reply in
            try await reply.attach(isCard ? .card(json: card) : .file(location: "/out/a.png", kind: .image, name: nil))
        }
        #expect(world.platform.shown("r1").first == words.seeBelow)
        #expect(world.platform.unsealed.isEmpty)
        #expect(world.platform.all.count == 2)
        #expect(world.state(1) == .done)
    }

    @Test("WS-18: a card in the text is sent as a card, under an id of its own, and is remembered")
    func cardInText() async throws {
        let world = World()
        await answering(world) { _, reply in
            for piece in ["before ", #"{"template_card":"#, card, "}", " after"] { try await reply.append(piece) }
        }
        #expect(world.platform.shown("r1") == ["before  after"])
        let sent = try #require(world.platform.pushed().first)
        let id = try #require(try TemplateCard(json: sent).taskID)
        #expect(world.memory.card(taskID: id, account: "default")?.json == sent)
    }

    @Test("WS-18: a malformed card is a line, not silence")
    func badCard() async {
        let world = World()
        await answering(world) { _, reply in try await reply.attach(.card(json: "{}")) }
        #expect(world.platform.shown("r1") == [words.badCard])
    }

    @Test("WS-17: files beyond the bound are left out, which is said once; those before it are sent")
    func tooMany() async {
        let world = World()
        await answering(world, { $0.reply.maxAttachments = 3 }) { _, reply in
            try await reply.append("many")
            for number in 0..<9 { try await reply.attach(.file(location: "/out/\(number)", kind: nil, name: nil)) }
        }
        #expect(world.platform.shown("r1").first == "many\n\n" + words.tooManyAttachments)
        #expect(world.platform.state.withLock { $0.uploads.map(\.name) } == ["0", "1", "2"])
    }

    @Test("WS-15, WS-17: a handler that has ended adds nothing more, and hears so")
    func afterTheEnd() async {
        let world = World()
        let kept = Locked<(any Replying)?>(nil)
        await world.life(
            hooks: hooks(),
            handler: { _, reply in
                try await reply.append("answer")
                kept.withLock { $0 = reply }
            }
        ) { engine, _ in
            world.platform.set { _ in .answer(.notSent(.overflow)) }
            engine.accept(EngineBench.message(1))
            await eventually("complete") { world.state(1) == .answered }
            let reply = kept.withLock { $0 }
            await #expect(throws: CancellationError.self) {
                try await reply?.attach(.file(location: "/out/late", kind: nil, name: nil))
            }
            await #expect(throws: CancellationError.self) { try await reply?.append("more") }
            world.platform.set { _ in .take }
            await world.pass(.seconds(10)) { world.state(1) == .done }
        }
        #expect(world.platform.all.map(\.text) == ["answer"])
        #expect(world.task(1)?.parts.count == 1)
    }

    @Test("WS-18: a card that the platform refuses is said in words")
    func refusedCard() async {
        let world = World()
        world.platform.set { operation in
            if case .pushCard = operation { .answer(.rejected(PlatformError(code: 42_014))) } else { .take }
        }
        await answering(world) { _, reply in try await reply.attach(.card(json: card)) }
        #expect(world.platform.pushed().count == 1)
        #expect(world.platform.pushed().first?.contains("Done") == true)
        #expect(world.state(1) == .done)
    }

    @Test("media.out: P13, WS-17: Markdown pictures of an answer become pictures; one that cannot be sent stays a link")
    func pictures() async {
        let world = World()
        await answering(world) { _, reply in try await reply.append("look: ![cat](/out/cat.png) nice") }
        #expect(world.platform.shown("r1").count == 2)
        #expect(world.platform.shown("r1").first?.contains("![") == false)
        #expect(world.platform.shown("r1").last == "<image id-cat.png>")
        let other = World()
        await answering(other) { _, reply in try await reply.append("look: ![cat](/etc/cat.png) nice") }
        #expect(other.platform.shown("r1") == ["look: ![cat](/etc/cat.png) nice"])
    }

    @Test("WS-12: above attachAboveBytes the bubble shows the beginning, and the whole is attached")
    func attachAbove() async {
        let world = World()
        let answer = String(repeating: "长答案。", count: 500)
        await answering(world, { $0.attachAboveBytes = 1_000 }) { _, reply in
            for piece in answer { try await reply.append(String(piece)) }
        }
        let shown = world.platform.shown("r1")
        #expect(shown.count == 2)
        #expect(shown.first?.hasPrefix("长答案。") == true)
        #expect(shown.first?.hasSuffix(words.attached("answer.md", answer.utf8.count)) == true)
        #expect((shown.first?.utf8.count ?? 0) <= 1_000 + 200)
        #expect(shown.last == "<file id-answer.md>")
    }

    @Test("media.out: P13: an upload that keeps failing becomes a line; one that fails for a while is tried again")
    func uploads() async {
        for recovers in [true, false] {
            let world = World()
            let tries = Locked(0)
            world.platform.state.withLock { state in
                state.uploadFate = { media in
                    let count = tries.withLock { tries in
                        tries += 1
                        return tries
                    }
                    guard recovers, count > 3 else { return .interrupted }
                    return .uploaded(UploadedMedia(kind: media.kind, mediaID: "late"))
                }
            }
            await answering(world) { _, reply in
                try await reply.append("x")
                try await reply.attach(.file(location: "/out/a.bin", kind: nil, name: nil))
            }
            #expect(world.platform.all.last?.text == (recovers ? "<file late>" : words.notSent("a.bin")))
            #expect(world.state(1) == .done)
        }
    }

    @Test(
        "restart.kill: P31, P13: killed between text and file: the next run sends the file, and the text is not repeated"
    )
    func killedBetween() async {
        let world = World()
        world.platform.set { if case .replyMedia = $0 { .hang(shows: false) } else { .take } }
        await world.life(
            hooks: hooks(),
            handler: { _, reply in
                try await reply.append("text")
                try await reply.attach(.file(location: "/out/a.bin", kind: nil, name: nil))
            }
        ) { engine, _ in
            engine.accept(EngineBench.message(1))
            await eventually("file in flight") {
                world.platform.operations.contains { if case .replyMedia = $0 { true } else { false } }
            }
        }
        #expect(world.task(1)?.parts.map(\.state) == [.acked, .sent])
        world.platform.set { _ in .take }
        await world.life(hooks: hooks()) { _, _ in await eventually("sent") { world.state(1) == .done } }
        #expect(world.platform.all.map(\.text) == ["text", "<file id-a.bin>"])
    }
}

@Suite("ReplyEngine on a ledger: media of messages")
struct InboundMediaTests {
    private static let image = MessagePart.media(MediaReference(kind: .image, url: "https://example.com/1", key: "k"))

    fileprivate func fetching(_ gate: Gate? = nil, fails: Bool = false) -> EngineHooks {
        var hooks = EngineHooks()
        hooks.fetch = { message in
            await gate?.wait()
            var message = message
            message.parts = message.parts.map { part in
                guard case .media(var reference) = part else { return part }
                if fails { reference.failure = "please send it again" } else { reference.path = "/in/1.png" }
                return .media(reference)
            }
            return message
        }
        return hooks
    }

    @Test(
        "media.in: P12, WS-16: the handler waits for the media and gets their paths; after a restart they are not fetched again"
    )
    func waits() async {
        let world = World()
        let gate = Gate()
        let paths = Locked([String?]())
        let handler: MessageHandler = { message, reply in
            paths.withLock { $0 += message.media.map(\.path) }
            if paths.withLock({ $0.count }) == 1 { await Signal().wait() }
            try await reply.append("seen")
        }
        await world.life(hooks: fetching(gate), handler: handler) { engine, _ in
            engine.accept(EngineBench.message(1, parts: [.text("what is it"), Self.image]))
            await eventually("bubble") { world.platform.shown("r1").count == 1 }
            await world.settle()
            #expect(paths.withLock { $0.isEmpty })
            gate.open()
            await eventually("begun") { world.task(1)?.attempts == 1 && paths.withLock { $0.count } == 1 }
        }
        var hooks = EngineHooks()
        hooks.fetch = { message in
            Issue.record("fetched again")
            return message
        }
        await world.life(hooks: hooks, handler: handler) { _, _ in await eventually("done") { world.state(1) == .done }
        }
        #expect(paths.withLock { $0 } == ["/in/1.png", "/in/1.png"])
        #expect(world.platform.shown("r1") == ["seen"])
    }

    @Test(
        "media.in: P12: a message of media alone that could not be fetched never reaches the handler; the person is told"
    )
    func aloneFails() async {
        let world = World()
        await world.life(hooks: fetching(fails: true), handler: { _, _ in Issue.record("asked") }) { engine, _ in
            engine.accept(EngineBench.message(1, parts: [Self.image]))
            await eventually("done") { world.state(1) == .done }
        }
        #expect(world.platform.shown("r1") == ["please send it again"])
    }

    @Test("media.in: P12: text next to media that could not be fetched is answered, and the person is told")
    func textFails() async {
        let world = World()
        await world.life(hooks: fetching(fails: true)) { engine, _ in
            engine.accept(EngineBench.message(1, parts: [.text("hi"), Self.image]))
            await eventually("done") { world.state(1) == .done }
        }
        #expect(world.platform.shown("r1") == ["re: hi\n\nplease send it again"])
    }

    @Test("media.in: P12, WS-10: /stop ends a message whose media do not come")
    func stopped() async {
        let world = World()
        let gate = Gate()
        await world.life(hooks: fetching(gate), handler: { _, _ in Issue.record("asked") }) { engine, _ in
            engine.accept(EngineBench.message(1, parts: [.text("hi"), Self.image]))
            await eventually("bubble") { world.platform.shown("r1").count == 1 }
            engine.accept(EngineBench.message(2, "/stop"))
            await eventually("stopped") { world.platform.shown("r1") == [words.stopped] }
            gate.open()
            await eventually("over") { engine.openTurns == 0 }
        }
    }
}

@Suite("ReplyEngine on a ledger: clicks on cards")
struct ClickTests {
    private static let json = #"""
        {"card_type":"button_interaction","main_title":{"title":"Deploy?"},"task_id":"t-1",
         "button_list":[{"text":"Yes","key":"yes"},{"text":"No","key":"no"}]}
        """#

    private func click(_ number: Int) -> InboundEvent {
        let conversation = Conversation(kind: .direct, id: "lin.wei")
        let message = InboundMessage(
            id: MessageID("m\(number)"), account: "default", channel: "fake", conversation: conversation,
            sender: Sender(id: "lin.wei"), parts: [],
            click: CardClick(cardType: "button_interaction", taskID: "t-1", eventKey: "yes"), createdAt: 0)
        return .message(message, ReplyRoute(key: "r\(number)", conversation: conversation, takesReplies: false))
    }

    private func clicked(_ handler: @escaping MessageHandler, wait: Duration = .zero) async -> World {
        let world = World()
        world.memory.remember(
            SentCard(
                taskID: "t-1", account: "default", conversation: Conversation(kind: .direct, id: "lin.wei"),
                json: Self.json, sentAt: 0))
        await world.life(handler: handler) { engine, _ in
            engine.accept(click(1))
            await world.pass(.seconds(30), step: .milliseconds(100)) {
                world.state(1) == .done && engine.openTurns == 0 && !world.platform.redraws.isEmpty
            }
            await world.settle()
        }
        #expect(world.state(1) == .done)
        return world
    }

    @Test("WS-18: a clicked card is redrawn once with the choice marked; an answer in words is pushed")
    func marked() async {
        let world = await clicked { message, reply in
            #expect(message.click?.eventKey == "yes")
            try await reply.append("deploying")
        }
        #expect(world.platform.redraws.count == 1)
        #expect(world.platform.redraws.first?.contains("✓Yes") == true)
        #expect(world.platform.pushed() == ["deploying"])
    }

    @Test("WS-18: a click without anything to say pushes nothing, and the card is redrawn all the same")
    func silent() async {
        let world = await clicked { _, _ in }
        #expect(world.platform.redraws.count == 1)
        #expect(world.platform.all.isEmpty)
    }

    @Test("WS-18: a card that the handler gives in time takes the place of the clicked one")
    func ownCard() async {
        let world = await clicked { _, reply in
            try await reply.attach(
                .card(json: Self.json.replacing("Deploy?", with: "Deployed")))
        }
        #expect(world.platform.redraws.count == 1)
        #expect(world.platform.redraws.first?.contains("Deployed") == true)
        #expect(world.platform.all.isEmpty)
    }

    @Test("WS-18: a card that comes too late is a new card under an id of its own; the clicked one was marked in time")
    func late() async {
        let world = World()
        let gate = Gate()
        world.memory.remember(
            SentCard(
                taskID: "t-1", account: "default", conversation: Conversation(kind: .direct, id: "lin.wei"),
                json: Self.json, sentAt: 0))
        await world.life(handler: { _, reply in
            await gate.wait()
            try await reply.attach(.card(json: Self.json.replacing("Deploy?", with: "Deployed")))
        }) { engine, _ in
            engine.accept(click(1))
            await world.pass(.seconds(5), step: .milliseconds(100)) { !world.platform.redraws.isEmpty }
            #expect(world.clock.now <= MonotonicInstant().advanced(by: .seconds(4)))
            gate.open()
            await eventually("done") { world.state(1) == .done }
        }
        #expect(world.platform.redraws.count == 1)
        #expect(world.platform.redraws.first?.contains("✓Yes") == true)
        #expect(world.platform.pushed().count == 1)
        #expect(world.platform.pushed().first?.contains("Deployed") == true)
        #expect(world.platform.pushed().first?.contains(#""t-1""#) == false)
    }
}
