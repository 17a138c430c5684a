import Testing

@testable import Shared

private let words = ReplyWords()
private typealias Bench = EngineBench

private func waitForCancel() async throws {
    let signal = Signal()
    await signal.wait()
    try Task.checkCancellation()
}

@Suite("ReplyEngine: messages")
struct ReplyEngineMessageTests {
    @Test("dedupe.repeated: P8, WS-9: a message delivered five times is handled once")
    func dedupe() async {
        let calls = Locked(0)
        await Bench.run(handler: { message, reply in
            calls.withLock { $0 += 1 }
            try await reply.append("re: " + message.text)
        }) { engine, channel, _ in
            for _ in 0..<5 { engine.accept(Bench.message(1)) }
            await eventually("answered") { engine.openTurns == 0 && channel.shown("r1") == ["re: hello"] }
            engine.accept(Bench.message(1))
            #expect(engine.openTurns == 0)
        }
        #expect(calls.withLock { $0 } == 1)
    }

    @Test(
        "busy.queue: P9, WS-10: messages of one conversation are answered one at a time, in order; conversations run side by side"
    )
    func order() async {
        let log = Locked((running: [String: Int](), most: 0, order: [String: [String]]()))
        await Bench.run(handler: { message, reply in
            let key = message.conversation.id
            log.withLock { log in
                log.running[key, default: 0] += 1
                log.most = max(log.most, log.running[key] ?? 0)
                log.order[key, default: []].append(message.text)
            }
            for _ in 0..<5 { await Task.yield() }
            try await reply.append(message.text)
            log.withLock { $0.running[key, default: 0] -= 1 }
        }) { engine, channel, _ in
            for number in 0..<100 {
                engine.accept(Bench.message(number, "t\(number)", user: "user\(number % 5)"))
            }
            await eventually("all answered") { engine.openTurns == 0 }
            for number in 0..<100 { #expect(channel.shown("r\(number)") == ["t\(number)"]) }
        }
        log.withLock { log in
            #expect(log.most == 1)
            for user in 0..<5 {
                #expect(log.order["user\(user)"] == (0..<20).map { "t\($0 * 5 + user)" })
            }
        }
    }

    @Test("WS-10: no more than `concurrentTasks` handlers run at a time, and all get their turn")
    func places() async {
        let log = Locked((running: 0, most: 0))
        let gate = Gate()
        await Bench.run(
            { $0.concurrentTasks = 4 },
            handler: { _, reply in
                log.withLock { log in
                    log.running += 1
                    log.most = max(log.most, log.running)
                }
                await gate.wait()
                try await reply.append("x")
                log.withLock { $0.running -= 1 }
            }
        ) { engine, _, _ in
            for number in 0..<50 { engine.accept(Bench.message(number, user: "user\(number)")) }
            await eventually("four run") { log.withLock { $0.running == 4 } }
            #expect(engine.openTurns == 50)
            gate.open()
            await eventually("all answered") { engine.openTurns == 0 }
        }
        #expect(log.withLock { $0.most } == 4)
    }

    @Test("busy.queue: P9, WS-10: waiting messages say how many are ahead; one too many gets a line; none is lost")
    func queueFull() async {
        let gate = Gate()
        await Bench.run(
            { $0.queuedPerConversation = 2 },
            handler: { message, reply in
                await gate.wait()
                try await reply.append("done " + message.text)
            }
        ) { engine, channel, _ in
            for number in 0..<5 { engine.accept(Bench.message(number, "\(number)")) }
            await eventually("lines") {
                channel.shown("r1") == [words.queued(ahead: 1)] && channel.shown("r2") == [words.queued(ahead: 2)]
                    && channel.shown("r3") == [words.queueFull] && channel.shown("r4") == [words.queueFull]
            }
            gate.open()
            await eventually("answered") { engine.openTurns == 0 }
            for number in 0..<3 { #expect(channel.shown("r\(number)") == ["done \(number)"]) }
        }
    }

    @Test(
        "WS-7: what the program itself answers",
        arguments: [
            ([MessagePart.unknown(type: "location")], words.unknownKind), ([.voice(transcript: "")], words.emptyVoice),
            ([], words.bareMention),
        ])
    func linesWithoutHandler(parts: [MessagePart], line: String) async {
        let calls = Locked(0)
        await Bench.run(handler: { _, _ in calls.withLock { $0 += 1 } }) { engine, channel, _ in
            engine.accept(Bench.message(1, group: "wr1", parts: parts))
            await eventually("line") { channel.shown("r1") == [line] && engine.openTurns == 0 }
        }
        #expect(calls.withLock { $0 } == 0)
    }

    @Test("WS-7: text next to a part of an unknown kind reaches the handler")
    func unknownPartNextToText() async {
        await Bench.run(handler: { message, reply in try await reply.append(message.text) }) { engine, channel, _ in
            engine.accept(Bench.message(1, parts: [.unknown(type: "x"), .text("hi")]))
            await eventually("answer") { channel.shown("r1") == ["hi"] }
        }
    }

    @Test("GW: a denied message gets its line, or nothing; the handler never sees it")
    func gate() async {
        await Bench.run(
            gate: { $0.text == "loud" ? .deny(line: "no", reason: "policy") : .deny(line: nil, reason: "policy") },
            handler: { _, _ in Issue.record("handler called") }
        ) { engine, channel, _ in
            engine.accept(Bench.message(1, "silent"))
            engine.accept(Bench.message(2, "loud"))
            await eventually("line") { channel.shown("r2") == ["no"] && engine.openTurns == 0 }
            #expect(channel.shown("r1").isEmpty)
        }
    }

    @Test("WS-8: a person who opens the chat is welcomed once; an empty text stays silent")
    func welcome() async {
        let sender = Sender(id: "lin.wei")
        let route = ReplyRoute(key: "e1", conversation: Conversation(kind: .direct, id: "lin.wei"), takesReplies: false)
        await Bench.run({ $0.welcomeText = "你好" }, handler: { _, _ in }) { engine, channel, _ in
            engine.accept(.enterChat("e1", sender, route))
            engine.accept(.enterChat("e1", sender, route))
            await eventually("welcome") { channel.shown("e1") == ["你好"] }
        }
        await Bench.run(handler: { _, reply in try await reply.append("x") }) { engine, channel, _ in
            engine.accept(.enterChat("e1", sender, route))
            engine.accept(Bench.message(2))
            await eventually("answer") { channel.shown("r2") == ["x"] }
            #expect(channel.shown("e1").isEmpty)
        }
    }

    @Test("WS-8: an answer to an event without a reply address is pushed")
    func eventAnswer() async {
        await Bench.run(handler: { _, reply in try await reply.append("x") }) { engine, channel, _ in
            guard case .message(let message, var route) = Bench.message(1) else { return }
            route.takesReplies = false
            engine.accept(.message(message, route))
            await eventually("push") { channel.shown("push:lin.wei") == ["x"] }
            #expect(channel.shown("r1").isEmpty)
        }
    }
}

@Suite("ReplyEngine: failures and stopping")
struct ReplyEngineStopTests {
    struct Oops: Error {}

    @Test("GW: a handler that throws: words for the person, nothing of the error")
    func throwing() async {
        await Bench.run(handler: { message, reply in
            switch message.text {
            case "plain": throw Oops()
            case "words":
                try await reply.append("half")
                throw BackendFailure(userText: "quota used up", detail: "401")
            default: throw BackendFailure(detail: "secret detail")
            }
        }) { engine, channel, _ in
            engine.accept(Bench.message(1, "plain"))
            engine.accept(Bench.message(2, "words"))
            engine.accept(Bench.message(3, "other"))
            await eventually("answered") { engine.openTurns == 0 && !channel.shown("r3").isEmpty }
            #expect(channel.shown("r1") == [words.failed])
            #expect(channel.shown("r2") == ["half\n\nquota used up"])
            #expect(channel.shown("r3") == [words.failed])
        }
    }

    @Test("GW: an answer past its bound ends with a line and keeps what it has")
    func tooLarge() async {
        await Bench.run(
            { $0.reply.maxAnswerBytes = 1_000 },
            handler: { _, reply in
                for _ in 0..<1_000 { try await reply.append("0123456789") }
            }
        ) { engine, channel, _ in
            engine.accept(Bench.message(1))
            await eventually("answered") { engine.openTurns == 0 && !channel.shown("r1").isEmpty }
            let text = channel.shown("r1").joined()
            #expect(text.hasSuffix(words.tooLong))
            #expect(text.utf8.count < 1_300)
        }
    }

    @Test("WS-10: /stop ends what runs and what waits in its conversation, and only there")
    func stop() async {
        await Bench.run(handler: { message, reply in
            try await reply.append("begun")
            if message.conversation.id == "lin.wei" { try await waitForCancel() }
        }) { engine, channel, _ in
            engine.accept(Bench.message(1))
            engine.accept(Bench.message(2))
            await eventually("begun") { channel.shown("r1") == ["begun"] && channel.shown("r2").count == 1 }
            engine.accept(Bench.message(9, user: "mei.chen"))
            engine.accept(Bench.message(3, " /stop "))
            await eventually("stopped") { engine.openTurns == 0 }
            #expect(channel.shown("r1") == ["begun\n\n" + words.stopped])
            #expect(channel.shown("r2") == [words.stopped])
            #expect(channel.shown("r3") == [words.stopping(2)])
            #expect(channel.shown("r9") == ["begun"])
            engine.accept(Bench.message(4, "/stop"))
            await eventually("nothing") { channel.shown("r4") == [words.nothingToStop] }
        }
    }

    @Test("WS-10: a handler that ignores its cancellation cannot keep the person waiting, nor write on")
    func stubbornHandler() async {
        let gate = Gate()
        let threw = Locked(false)
        await Bench.run(handler: { _, reply in
            try await reply.append("begun")
            await gate.wait()
            do { try await reply.append(" LATE") } catch { threw.withLock { $0 = error is CancellationError } }
        }) { engine, channel, _ in
            engine.accept(Bench.message(1))
            await eventually("begun") { channel.shown("r1") == ["begun"] }
            engine.accept(Bench.message(2, "/stop"))
            await eventually("stopped") { channel.shown("r1") == ["begun\n\n" + words.stopped] }
            gate.open()
            await eventually("over") { engine.openTurns == 0 }
            #expect(channel.shown("r1") == ["begun\n\n" + words.stopped])
            #expect(threw.withLock { $0 })
        }
    }

    @Test("GW: stopping lets running answers complete, then ends them with a line, then returns")
    func drain() async {
        let gate = Gate()
        let returned = Locked(false)
        await Bench.run(handler: { message, reply in
            try await reply.append("begun")
            if message.text == "quick" { await gate.wait() } else { try await waitForCancel() }
            try await reply.append(" done")
        }) { engine, channel, clock in
            engine.accept(Bench.message(1, "quick", user: "a"))
            engine.accept(Bench.message(2, "slow", user: "b"))
            await eventually("begun") { channel.shown("r1") == ["begun"] && channel.shown("r2") == ["begun"] }
            engine.stop(drain: .seconds(20))
            engine.accept(Bench.message(3, "late", user: "c"))
            await eventually("late") { channel.shown("r3") == [words.interrupted] }
            gate.open()
            await eventually("quick") { channel.shown("r1") == ["begun done"] }
            #expect(channel.shown("r2") == ["begun"])
            await eventually("slow is ended") {
                clock.advance(by: .seconds(1))
                return channel.shown("r2") == ["begun\n\n" + words.interrupted]
            }
            await eventually("over") { engine.openTurns == 0 }
            returned.withLock { $0 = true }
        }
        #expect(returned.withLock { $0 })
    }

    @Test("GW: stopping while offline ends as well: within seconds, not when the line is back")
    func drainOffline() async {
        await Bench.run(handler: { _, reply in try await reply.append("x") }) { engine, channel, clock in
            engine.sessionChanged(online: false)
            engine.accept(Bench.message(1))
            await eventually("taken") { engine.openTurns == 1 }
            engine.stop(drain: .seconds(20))
            let end = clock.now.advanced(by: .seconds(60))
            await eventually("abandoned") {
                if clock.now < end { clock.advance(by: .milliseconds(100)) }
                return engine.openTurns == 0 || clock.now >= end
            }
            #expect(engine.openTurns == 0)
            #expect(clock.now <= MonotonicInstant().advanced(by: .seconds(30)))
            #expect(channel.operations.isEmpty)
        }
    }

    @Test("WS-14: offline answers wait, and are delivered when the session is back")
    func offline() async {
        await Bench.run(handler: { message, reply in try await reply.append(message.text) }) { engine, channel, _ in
            engine.sessionChanged(online: false)
            for number in 0..<10 { engine.accept(Bench.message(number, "t\(number)", user: "u\(number)")) }
            await eventually("taken") { engine.openTurns == 10 }
            #expect(channel.operations.isEmpty)
            engine.sessionChanged(online: true)
            await eventually("delivered") { engine.openTurns == 0 }
            for number in 0..<10 { #expect(channel.shown("r\(number)") == ["t\(number)"]) }
        }
    }
}

@Suite("ReplyEngine: isolation and load")
struct ReplyEngineLoadTests {
    @Test("isolation.matrix: P10, WS-21: 3 bots, 20 users, 10 groups: every tag lands in the chat that asked")
    func isolation() async {
        for bot in 0..<3 {
            await Bench.run(
                { $0.queuedPerConversation = 100 },
                handler: { message, reply in
                    let tag =
                        "\(message.account)/\(message.conversation.kind)/\(message.conversation.id)/\(message.text)"
                    for piece in tag.split(separator: "/") {
                        try await reply.append("\(piece)/")
                        await Task.yield()
                    }
                }
            ) { engine, channel, _ in
                var expected: [String: String] = [:]
                for number in 0..<700 {
                    let user = "user\(number % 20)"
                    let group = number % 3 == 0 ? "wr\(number % 10)" : nil
                    let account = AccountID("bot\(bot)")
                    engine.accept(Bench.message(number, "q\(number)", user: user, group: group, account: account))
                    let place = group.map { "group/\($0)" } ?? "direct/\(user)"
                    expected["r\(number)"] = "bot\(bot)/\(place)/q\(number)/"
                }
                await eventually("all answered") { engine.openTurns == 0 }
                for (key, tag) in expected { #expect(channel.shown(key) == [tag]) }
            }
        }
    }

    @Test("GW: 10,000 messages leave nothing behind")
    func tenThousand() async {
        await Bench.run(
            { $0.queuedPerConversation = 2_000 },
            handler: { _, reply in
                try await reply.append("ok")
            }
        ) { engine, channel, clock in
            for number in 0..<10_000 { engine.accept(Bench.message(number, user: "user\(number % 10)")) }
            await eventually("all answered") { engine.openTurns == 0 }
            channel.state.withLock { state in
                #expect(state.bubbles.count == 10_000)
                #expect(state.bubbles.values.allSatisfy { $0 == ["ok"] })
            }
            #expect(clock.nextDeadline == nil || engine.openTurns == 0)
        }
    }
}
