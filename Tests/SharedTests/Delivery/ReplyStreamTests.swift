import Testing

@testable import Shared

private let words = ReplyWords()

@Suite("ReplyStreamStateMachine: bubbles")
struct ReplyBubbleTests {
    @Test("feedback.first: WS-11: the opening frame goes out at once")
    func opening() {
        var bench = ReplyBench()
        #expect(bench.next() == .stream(id: "s", content: "<think></think>", finish: false))
        #expect(bench.now == MonotonicInstant())
    }

    @Test("WS-11: first words replace the dots at once; the answer is sealed with all of it")
    func growsAndSeals() {
        var bench = ReplyBench()
        bench.step()
        bench.machine.appended("你好")
        #expect(bench.step() == .stream(id: "s", content: "你好", finish: false))
        bench.machine.appended("，世界")
        #expect(bench.next() == nil)
        bench.machine.ended(.finished)
        #expect(bench.step() == .stream(id: "s", content: "你好，世界", finish: true))
        #expect(bench.next() == nil)
        #expect(bench.report?.segments == 1)
        #expect(bench.report?.failure == nil)
    }

    @Test("stream.pace: P14, WS-11: one frame in flight, whatever happens meanwhile")
    func oneInFlight() {
        var bench = ReplyBench()
        _ = bench.next()
        bench.machine.appended("a")
        bench.machine.thought("b")
        bench.machine.replaced(with: "c")
        bench.now = bench.now.advanced(by: .seconds(400))
        #expect(bench.next() == nil)
        bench.machine.ended(.finished)
        #expect(bench.next() == nil)
        bench.machine.completed(.acknowledged(), now: bench.now)
        #expect(bench.next() == .stream(id: "s", content: "c", finish: true))
    }

    @Test("stream.pace: P14, WS-11: at least a second between snapshots, 2 s after one minute, 3 s after three")
    func spacing() {
        var bench = ReplyBench()
        bench.step()
        for index in 0..<3_000 {
            bench.machine.appended("\(index) ")
            bench.pass(.milliseconds(100))
        }
        let opened = bench.log[0].at
        let growing = bench.log.dropFirst()
        for (before, after) in zip(growing, growing.dropFirst()) {
            let age = opened.duration(to: before.at)
            let least: Duration = age < .seconds(60) ? .seconds(1) : age < .seconds(180) ? .seconds(2) : .seconds(3)
            let gap = before.at.duration(to: after.at)
            #expect(gap >= least, "\(gap.inSeconds) s at an age of \(age.inSeconds) s")
            #expect(gap <= least + .milliseconds(1_200))
        }
    }

    @Test(
        "stream.pace: P14, WS-11: 2,000 tokens at 100 a second: at most 2 frames a second, the last at once",
        arguments: [50, 500, 3_000])
    func tokens(latency: Int) {
        var bench = ReplyBench()
        var text = ""
        var flight: (until: MonotonicInstant, operation: ReplyStreamStateMachine.Operation)?
        func pump(_ bench: inout ReplyBench) {
            if let going = flight, going.until <= bench.now {
                flight = nil
                bench.machine.completed(.acknowledged(), now: bench.now)
            }
            if flight == nil, let operation = bench.next() {
                _ = bench.chat.receive(operation, now: bench.now)
                flight = (bench.now.advanced(by: .milliseconds(latency)), operation)
            }
        }
        for index in 0..<2_000 {
            text += "t\(index) "
            bench.machine.appended("t\(index) ")
            pump(&bench)
            bench.now = bench.now.advanced(by: .milliseconds(10))
        }
        bench.machine.ended(.finished)
        let ended = bench.now
        let free = flight?.until ?? ended
        while bench.finals.isEmpty {
            pump(&bench)
            if bench.finals.isEmpty { bench.now = bench.now.advanced(by: .milliseconds(10)) }
        }
        // The person sees at once that something happens, however slow the acks are.
        #expect(bench.log.first?.at == MonotonicInstant())
        #expect(bench.now <= max(free.advanced(by: .milliseconds(10)), ended))
        #expect(bench.log.count <= 42)
        #expect(bench.chat.shown == [text])
        for (before, after) in zip(bench.log, bench.log.dropFirst()) where before.at > MonotonicInstant() {
            #expect(before.at.duration(to: after.at) >= .milliseconds(latency))
        }
    }

    @Test("WS-11: the same content is not sent twice")
    func noRepeats() {
        var bench = ReplyBench()
        bench.step()
        bench.machine.appended("steady")
        bench.step()
        let before = bench.log.count
        bench.pass(.seconds(200))
        #expect(bench.log.count == before)
    }

    @Test(
        "turn.oneOwner: P4, WS-11: an answer with nothing visible is sealed with a line",
        arguments: ["", " \n ", "\u{200B}\u{FEFF}", "<think>x</think>", "<think></think>"])
    func neverSealsInvisible(answer: String) {
        var bench = ReplyBench()
        bench.step()
        bench.machine.appended(answer)
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.finals.count == 1)
        #expect(bench.finals.allSatisfy { VisibleText.isVisible($0) })
    }

    @Test("WS-11: growth can be hidden: dots, hints, and the whole at the end")
    func withoutGrowth() {
        var bench = ReplyBench { $0.showsGrowth = false }
        bench.step()
        bench.machine.appended("secret ")
        bench.pass(.seconds(100))
        #expect(bench.snapshots.allSatisfy { !$0.contains("secret") })
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.chat.shown == ["secret "])
    }

    @Test("WS-7: failure, stop and interruption end the bubble with words, behind what is there")
    func endings() {
        for (ending, line) in [
            (ReplyStreamStateMachine.Ending.failed("broken"), "broken"), (.stopped, words.stopped),
            (.interrupted, words.interrupted),
        ] {
            var empty = ReplyBench()
            empty.step()
            empty.machine.ended(ending)
            empty.finish()
            #expect(empty.chat.shown == [line])

            var begun = ReplyBench()
            begun.step()
            begun.machine.appended("half")
            begun.machine.ended(ending)
            begun.machine.appended("late")
            begun.machine.ended(.finished)
            begun.finish()
            #expect(begun.chat.shown == ["half\n\n" + line])
        }
    }

    @Test("WS-12: a long answer goes on in further bubbles, each sealed once, in order")
    func segments() {
        var bench = ReplyBench()
        bench.step()
        let text = String(repeating: "这是一个句子。\n", count: 6_000)
        for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
            bench.machine.appended(line + "\n")
        }
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.chat.shown.joined() == text)
        #expect(bench.chat.shown.count > 5)
        #expect(bench.chat.bubbles.values.allSatisfy { $0.finals == 1 && $0.content.utf8.count <= 20_480 })
        #expect(bench.report?.segments == bench.chat.shown.count)
    }

    @Test(
        "text.split: P5, WS-12: 200 KB of Markdown, streamed: each frame within the limit, each bubble whole for itself, in order"
    )
    func splitWhileStreaming() {
        var generator = TextGenerator(seed: 7)
        var text = ""
        while text.utf8.count < 200_000 {
            text += "## 小节\n\n" + generator.text(size: 4_000) + "\n"
            text += generator.table("\n", rows: 60, lead: "") + "\n" + generator.fence("\n", lead: "")
        }
        var bench = ReplyBench()
        bench.step()
        let scalars = Array(text.unicodeScalars)
        for start in stride(from: 0, to: scalars.count, by: 997) {
            var delta = String.UnicodeScalarView()
            delta.append(contentsOf: scalars[start..<min(start + 997, scalars.count)])
            bench.machine.appended(String(delta))
            bench.pass(.milliseconds(500))
        }
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.report?.failure == nil)
        let chunks = Chunker(limitBytes: 20_480 - bench.settings.noticeBytes).chunks(of: text)
        #expect(bench.chat.shown == chunks.map { $0.text(of: text) }.filter { VisibleText.isVisible($0) })
        #expect(chunks.map { $0.sourceText(of: text) }.joined() == text)
        #expect((bench.snapshots + bench.finals).allSatisfy { $0.utf8.count <= 20_480 })
        #expect(bench.chat.bubbles.values.allSatisfy { $0.finals == 1 })
        #expect(bench.pushes.isEmpty)
    }

    @Test("WS-12: replacing the text within the open bubble shows the new text only")
    func replaces() {
        var bench = ReplyBench()
        bench.step()
        bench.machine.appended("first draft")
        bench.step()
        bench.machine.replaced(with: "second")
        bench.pass(.seconds(2))
        #expect(bench.chat.shown == ["second"])
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.chat.shown == ["second"])
    }
}

@Suite("ReplyStreamStateMachine: hints and queue")
struct ReplyHintTests {
    @Test("feedback.first: WS-11: dots for 5 s, then hints every 30 s in turn, until the answer is there")
    func hints() {
        var bench = ReplyBench()
        bench.pass(.seconds(100))
        let texts = ["<think></think>"] + (0..<4).map { bench.settings.hints[$0 % 3] }
        #expect(bench.snapshots == texts)
        #expect(bench.log.map { Int($0.at.nanoseconds / 1_000_000_000) } == [0, 5, 35, 65, 95])
        bench.machine.appended("answer")
        bench.pass(.seconds(100))
        #expect(bench.snapshots.last == "answer")
        #expect(bench.log.count == 6)
    }

    @Test("WS-11: hints can be switched off")
    func noHints() {
        var bench = ReplyBench { $0.firstHintAfter = .zero }
        bench.pass(.seconds(300))
        #expect(bench.log.count == 1)
        var once = ReplyBench { $0.hintEvery = .zero }
        once.pass(.seconds(300))
        #expect(once.log.count == 2)
    }

    @Test("busy.queue: P9, WS-10: a message that waits says how many are ahead, and counts its hints from its turn")
    func queued() {
        var bench = ReplyBench(queuedAhead: 2)
        bench.pass(.seconds(60))
        #expect(bench.snapshots == [words.queued(ahead: 2)])
        bench.machine.started(now: bench.now)
        bench.pass(.seconds(4))
        #expect(bench.snapshots.last == "<think></think>")
        bench.pass(.seconds(2))
        #expect(bench.snapshots.last == bench.settings.hints[0])
    }

    @Test("busy.queue: P9, WS-10: the window of a waiting message counts from its own bubble")
    func queuedDeadline() {
        var bench = ReplyBench(queuedAhead: 1)
        bench.pass(.seconds(331))
        #expect(bench.finals.count == 1)
        bench.machine.started(now: bench.now)
        bench.machine.appended("late")
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.pushes == ["late"])
    }
}

@Suite("ReplyStreamStateMachine: deadline")
struct ReplyDeadlineTests {
    @Test("stream.longTask: P2, WS-13: sealed at 330 s with a notice; the whole open segment is pushed")
    func handOver() {
        var bench = ReplyBench()
        bench.step()
        bench.machine.appended("begun, ")
        bench.pass(.seconds(329))
        #expect(bench.finals.isEmpty)
        bench.pass(.seconds(2))
        #expect(bench.finals == ["begun, \n\n" + words.handOver])
        #expect(bench.log.last?.at == MonotonicInstant(nanoseconds: 330_000_000_000))
        bench.machine.appended("done")
        bench.pass(.seconds(630))
        #expect(bench.pushes.isEmpty, "nothing is pushed before the answer is complete")
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.pushes == ["begun, done"])
        #expect(bench.report?.handedOver == true)
        #expect(bench.report?.pushed == 1)
    }

    @Test("stream.longTask: P2, WS-13: silent for 16 minutes: hint and notice, then the answer, once")
    func silentTask() {
        var bench = ReplyBench()
        bench.pass(.seconds(960))
        #expect(bench.finals == [words.handOver])
        #expect(bench.chat.unsealed.isEmpty)
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.chat.shown == [words.handOver, "answer"])
    }

    @Test("stream.longTask: P2, WS-13: segments sealed before the deadline are not repeated")
    func earlierSegmentsStay() {
        var bench = ReplyBench()
        bench.step()
        let first = String(repeating: "一二三四五。\n", count: 1_200)
        bench.machine.appended(first)
        bench.pass(.seconds(800))
        bench.machine.appended("end")
        bench.machine.ended(.finished)
        bench.finish()
        let sealed = bench.finals.filter { !$0.hasSuffix(words.handOver) }
        #expect((sealed + bench.pushes).joined() == first + "end")
    }

    @Test("stream.longTask: P2, WS-13: a bubble past its window answers 846608: everything open is pushed")
    func expiredBubble() {
        var bench = ReplyBench()
        bench.chat.window = .seconds(300)
        bench.step()
        bench.machine.appended("text ")
        bench.pass(.seconds(310))
        bench.machine.appended("more")
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.pushes == ["text more"])
        #expect(bench.report?.failure == nil)
    }

    @Test("stream.longTask: P2, WS-14: offline past every documented window: pushed, no bubble is trusted")
    func offlinePastWindow() {
        var bench = ReplyBench()
        bench.chat.swallowsExpired = true
        bench.step()
        bench.machine.appended("text")
        bench.step()
        bench.machine.sessionOffline()
        bench.machine.ended(.finished)
        bench.now = bench.now.advanced(by: .seconds(900))
        #expect(bench.next() == nil)
        bench.machine.sessionOnline()
        bench.finish()
        #expect(bench.pushes == ["text"], "a platform that swallows frames of an expired bubble would lose it")
        #expect(bench.report?.failure == nil)
    }

    @Test("WS-13: what cannot be delivered for a day is given up, and the report says so")
    func keptForADay() {
        var bench = ReplyBench(online: false)
        bench.machine.appended("text")
        bench.machine.ended(.finished)
        bench.now = bench.now.advanced(by: .seconds(86_399))
        #expect(bench.next() == nil)
        #expect(bench.report == nil)
        bench.now = bench.now.advanced(by: .seconds(1))
        #expect(bench.next() == nil)
        #expect(bench.report?.failure == "expired")
    }
}
