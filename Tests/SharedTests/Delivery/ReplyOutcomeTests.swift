import Testing

@testable import Shared

private let words = ReplyWords()

/// A bench whose opening frame is shown and whose answer is complete.
private func answered(_ text: String = "answer", _ change: (inout ReplySettings) -> Void = { _ in }) -> ReplyBench {
    var bench = ReplyBench(change)
    bench.step()
    bench.machine.appended(text)
    bench.machine.ended(.finished)
    return bench
}

@Suite("ReplyStreamStateMachine: refusals")
struct ReplyRefusalTests {
    @Test(
        "stream.fallback: 600039, 40008: a client without streams gets the whole as Markdown",
        arguments: [600_039, 40_008])
    func markdownFallback(code: Int) {
        var bench = ReplyBench()
        bench.step(.refused(code))
        bench.machine.appended("text")
        #expect(bench.next() == nil)
        bench.machine.ended(.finished)
        #expect(bench.step() == .reply("text"))
        bench.finish()
        #expect(bench.report?.failure == nil)
        #expect(bench.log.count == 2)

        var late = answered()
        late.step(.refused(code))
        #expect(late.step() == .reply("answer"))
    }

    @Test("stream.fallback: Markdown refused as well: pushed", arguments: [600_039, 40_008, 846_604, 846_605, 846_606])
    func pushAfterMarkdown(code: Int) {
        var bench = answered()
        bench.step(.refused(600_039))
        bench.step(.refused(code))
        #expect(bench.step() == .push("answer"))
        bench.finish()
        #expect(bench.report?.pushed == 1)
    }

    @Test(
        "reply.acrossReconnect: P3, WS-13: a reply address that is gone: the whole is pushed",
        arguments: [846_604, 846_605, 846_606, 846_608])
    func pushFallback(code: Int) {
        var bench = answered()
        #expect(bench.step(.refused(code)) == .stream(id: "s", content: "answer", finish: true))
        #expect(bench.step() == .push("answer"))
        bench.finish()
        #expect(bench.report?.lastRefusal == code)
        #expect(bench.report?.failure == nil)

        var early = ReplyBench()
        early.step(.refused(code))
        early.machine.appended("text")
        #expect(early.next() == nil, "pieces are not pushed")
        early.machine.ended(.finished)
        #expect(early.step() == .push("text"))
    }

    @Test(
        "WS-6: 6000 and -1: the very frame again after a short wait, three times, then another way",
        arguments: [6_000, -1])
    func retries(code: Int) {
        var bench = answered()
        for milliseconds in [200, 400, 800] {
            #expect(bench.step(.refused(code)) == .stream(id: "s", content: "answer", finish: true))
            #expect(bench.next() == nil)
            #expect(bench.wakeUp() == bench.now.advanced(by: .milliseconds(milliseconds)))
            bench.now = bench.now.advanced(by: .milliseconds(milliseconds))
        }
        bench.step(.refused(code))
        #expect(bench.step() == .push("answer"))
    }

    @Test("WS-20: 846607: the final waits 3, 6, 12 … 60 s and is never given up", arguments: [846_607, 45_009, 45_033])
    func paused(code: Int) {
        var bench = answered()
        for seconds in [3, 6, 12, 24, 48, 60, 60, 60] {
            bench.step(.refused(code))
            #expect(bench.wakeUp() == bench.now.advanced(by: .seconds(seconds)))
            bench.now = bench.now.advanced(by: .seconds(seconds))
        }
        bench.finish()
        #expect(bench.chat.shown == ["answer"])
    }

    @Test("WS-20: 846607 on a snapshot holds snapshots back, not the final")
    func pausedSnapshot() {
        var bench = ReplyBench()
        bench.step()
        bench.machine.appended("text")
        bench.step(.refused(846_607))
        bench.machine.appended(" more")
        #expect(bench.next() == nil)
        bench.machine.ended(.finished)
        #expect(bench.step() == .stream(id: "s", content: "text more", finish: true))
    }

    @Test("WS-6: 40201: refused content is never repeated; a neutral line takes its place")
    func contentRefused() {
        var bench = answered()
        bench.step(.refused(40_201))
        #expect(bench.step() == .stream(id: "s", content: words.refused, finish: true))
        bench.finish()
        #expect(bench.report?.contentRefused == true)
        #expect(bench.chat.shown == [words.refused])

        var growing = ReplyBench()
        growing.step()
        growing.machine.appended("bad")
        growing.step(.refused(40_201))
        growing.machine.appended("worse")
        growing.machine.ended(.finished)
        growing.finish()
        #expect(growing.chat.shown == [words.refused])
    }

    @Test(
        "WS-12: 45002: the segment is split and nothing of it is lost",
        arguments: [10_000, 3_000, 400, 257, 256, 100, 2])
    func split(length: Int) {
        let text = String(repeating: "ab ", count: length / 3 + 1)
        var bench = answered(text)
        bench.step(.refused(45_002))
        bench.finish()
        #expect(bench.chat.shown.filter { VisibleText.isVisible($0) }.joined() == text)
        #expect(bench.report?.failure == nil)
    }

    @Test("WS-13: 45002 on a bubble being sealed at its deadline loses nothing")
    func splitWhileSealing() {
        var bench = ReplyBench()
        bench.step()
        bench.machine.appended("text ")
        bench.pass(.seconds(329))
        bench.now = bench.now.advanced(by: .seconds(1))
        let seal = bench.next()
        bench.machine.appended("more")
        bench.machine.ended(.finished)
        #expect(seal == .stream(id: "s", content: "text \n\n" + words.handOver, finish: true))
        bench.machine.completed(.refused(45_002), now: bench.now)
        bench.finish()
        #expect(bench.pushes == ["text more"])
    }

    @Test("WS-6: what nobody knows: pushed once; a refused push is a failure with a reason")
    func unknownRefusal() {
        var bench = answered()
        bench.step(.refused(99_999))
        bench.step(.refused(99_999))
        bench.finish()
        #expect(bench.pushes == ["answer"])
        #expect(bench.report?.failure == "refused")
        #expect(bench.report?.lastRefusal == 99_999)
    }

    @Test("reply.acrossReconnect: P3, WS-14: 846609: waits for the new session, then the same frame once more")
    func recycled() {
        var bench = answered()
        bench.step(.refused(846_609))
        #expect(bench.next() == nil)
        bench.machine.sessionOnline()
        #expect(bench.step() == .stream(id: "s", content: "answer", finish: true))
        bench.finish()
        #expect(bench.chat.shown == ["answer"])
    }
}

@Suite("ReplyStreamStateMachine: lost acks and sessions")
struct ReplyLossTests {
    @Test("WS-6: an unanswered snapshot holds the next back for as long again; a late ack frees it")
    func unansweredSnapshot() {
        var bench = ReplyBench()
        bench.stepWithLostAck()
        bench.machine.appended("text")
        #expect(bench.next() == nil)
        #expect(bench.wakeUp() == bench.now.advanced(by: .seconds(10)))
        bench.machine.settledLate(bench.log[0].operation, .acknowledged, now: bench.now)
        #expect(bench.step() == .stream(id: "s", content: "text", finish: false))
    }

    @Test("WS-11: the final does not wait for the ack of a snapshot")
    func finalAfterUnansweredSnapshot() {
        var bench = ReplyBench()
        bench.stepWithLostAck()
        bench.machine.appended("text")
        bench.machine.ended(.finished)
        #expect(bench.next() == .stream(id: "s", content: "text", finish: true))
    }

    @Test(
        "reply.acrossReconnect: P3, WS-14: case b: a final whose ack was lost is sent again; 846608 means it had arrived"
    )
    func finalAckLost() {
        var bench = answered()
        bench.stepWithLostAck()
        bench.step()
        bench.finish()
        #expect(bench.chat.shown == ["answer"])
        #expect(bench.pushes.isEmpty)
        #expect(bench.report?.assumed == 1)
        #expect(bench.report?.repeated == 1)
    }

    @Test(
        "reply.acrossReconnect: P3, WS-14: cases a and c: frames that were not written are sent after reconnecting, once"
    )
    func notWritten() {
        var bench = ReplyBench()
        bench.step(.notSent(.offline))
        bench.machine.appended("text")
        bench.machine.ended(.finished)
        #expect(bench.next() == nil)
        bench.machine.sessionOnline()
        bench.finish()
        #expect(bench.chat.shown == ["text"])
        #expect(bench.report?.repeated == 0)
    }

    @Test("reply.acrossReconnect: P3, WS-14: a push whose session died is sent again once, and says so")
    func pushSessionLost() {
        var bench = ReplyBench(pushOnly: true)
        bench.machine.appended("text")
        bench.machine.ended(.finished)
        bench.step(.unknown(.sessionLost))
        #expect(bench.next() == nil)
        bench.machine.sessionOnline()
        #expect(bench.step() == .push("text"))
        bench.finish()
        #expect(bench.report?.repeated == 1)
        #expect(bench.pushes.count == 2)
    }

    @Test("reply.acrossReconnect: P3, WS-15: a push without an ack is not sent twice while the session lives")
    func pushAckLost() {
        var bench = ReplyBench(pushOnly: true)
        bench.machine.appended("text")
        bench.machine.ended(.finished)
        bench.stepWithLostAck()
        bench.finish()
        #expect(bench.pushes.count == 1)
        #expect(bench.report?.assumed == 1)
        #expect(bench.report?.failure == nil)
    }

    /// Section 11 and `delivery.onUnknown: auto`: silence for 10 s may be a dead line that is noticed after up to 75 s.
    @Test("liveness.halfOpen: P1, WS-14: a push into a dead line is sent again after reconnecting")
    func pushIntoDeadLine() {
        var bench = ReplyBench(pushOnly: true)
        bench.machine.appended("text")
        bench.machine.ended(.finished)
        bench.step(.unknown(.ackTimeout))
        bench.pass(.seconds(60))
        bench.machine.sessionOffline()
        bench.pass(.seconds(1))
        bench.machine.sessionOnline()
        bench.finish()
        #expect(bench.chat.shown == ["text"])
    }

    @Test("liveness.halfOpen: P1, WS-14: a final into a dead line is sent again after reconnecting")
    func finalIntoDeadLine() {
        var bench = answered()
        let died = bench.now
        // Nothing reaches the platform any more; the session notices after 70 s.
        while died.duration(to: bench.now) < .seconds(70), bench.report == nil {
            guard bench.next() != nil else {
                guard let until = bench.wakeUp() else { break }
                bench.now = min(until, died.advanced(by: .seconds(70)))
                continue
            }
            bench.now = bench.now.advanced(by: .seconds(10))
            bench.machine.completed(.unknown(.ackTimeout), now: bench.now)
        }
        bench.machine.sessionOffline()
        bench.now = bench.now.advanced(by: .seconds(1))
        bench.machine.sessionOnline()
        bench.finish()
        #expect(bench.chat.shown == ["answer"])
    }

    @Test("WS-15: finals whose acks never come are given up as assumed, within two minutes")
    func finalNeverAcked() {
        var bench = answered()
        let start = bench.now
        while bench.report == nil, bench.log.count < 50 {
            if bench.stepWithLostAck() != nil { continue }
            guard let until = bench.wakeUp() else { break }
            bench.now = max(bench.now, until)
        }
        #expect(bench.chat.shown == ["answer"])
        #expect(bench.report?.assumed == 1)
        #expect(start.duration(to: bench.now) <= .seconds(120))
    }

    @Test("WS-6: a late verdict settles a push that nobody knew about")
    func lateVerdict() {
        var accepted = ReplyBench(pushOnly: true)
        accepted.machine.appended("text")
        accepted.machine.ended(.finished)
        accepted.stepWithLostAck()
        accepted.machine.settledLate(.push("text"), .acknowledged, now: accepted.now)
        #expect(accepted.next() == nil)
        #expect(accepted.report?.assumed == 0)
        #expect(accepted.report?.segments == 1)

        var refused = ReplyBench(pushOnly: true)
        refused.machine.appended("text")
        refused.machine.ended(.finished)
        refused.step(.unknown(.ackTimeout))
        refused.machine.settledLate(.push("text"), .rejected(PlatformError(code: 846_607)), now: refused.now)
        refused.finish()
        #expect(refused.chat.shown == ["text"])
    }

    @Test("WS-10: shutting down ends the delivery with a reason")
    func closed() {
        var bench = answered()
        bench.step(.notSent(.closed))
        bench.finish()
        #expect(bench.report?.failure == "closed")
    }

    @Test("WS-6: a full queue of the socket delays, and loses nothing")
    func overflow() {
        var bench = answered()
        bench.step(.notSent(.overflow))
        #expect(bench.next() == nil)
        bench.finish()
        #expect(bench.chat.shown == ["answer"])
    }

    @Test("WS-6: a full queue of the socket is not tried again at once, even when refreshes are not paced")
    func overflowWithoutPace() {
        var bench = answered { $0.minInterval = .zero }
        bench.step(.notSent(.overflow))
        #expect(bench.next() == nil)
        bench.now = bench.now.advanced(by: .milliseconds(100))
        #expect(bench.next() != nil)
    }

    @Test("WS-14: what became of a final counts, not that it arrived, in whatever order that is heard")
    func rejectedThenOvertaken() {
        var bench = answered()
        for _ in 0..<2 { bench.step(.unknown(.ackTimeout)) }
        let final = bench.next()
        #expect(final?.isFinal == true)
        guard let final else { return }
        bench.machine.settledLate(final, .rejected(PlatformError(code: 846_605)), now: bench.now)
        bench.machine.settledLate(final, .overtaken, now: bench.now)
        bench.machine.completed(.unknown(.ackTimeout), now: bench.now)
        bench.finish()
        #expect(bench.pushes == ["answer"])
    }

    @Test("WS-15: at an address of an earlier connection a final without any ack may have been refused: it is pushed")
    func addressInDoubt() {
        var bench = answered()
        bench.step(.unknown(.sessionLost))
        bench.machine.sessionOnline()
        for _ in 0..<3 { bench.step(.unknown(.ackTimeout)) }
        bench.now = bench.now.advanced(by: .seconds(80))
        bench.finish()
        #expect(bench.pushes == ["answer"])
        #expect(bench.report?.handedOver == true)
    }

    @Test("WS-15: an ack on the new connection proves the address: a final without any ack is believed")
    func addressProven() {
        var bench = ReplyBench()
        bench.step(.unknown(.sessionLost))
        bench.machine.sessionOnline()
        bench.machine.appended("ans")
        bench.now = bench.now.advanced(by: .seconds(5))
        #expect(bench.step(.acknowledged()) == .stream(id: "s", content: "ans", finish: false))
        bench.machine.appended("wer")
        bench.machine.ended(.finished)
        for _ in 0..<3 { bench.step(.unknown(.ackTimeout)) }
        bench.now = bench.now.advanced(by: .seconds(80))
        bench.finish()
        #expect(bench.pushes.isEmpty)
        #expect(bench.report?.assumed == 1)
    }

    @Test("WS-14: an outcome of an older session does not take the new one for offline")
    func staleOutcome() {
        var bench = answered()
        _ = bench.next()
        bench.machine.sessionOffline()
        bench.machine.sessionOnline()
        bench.machine.completed(.unknown(.sessionLost), now: bench.now)
        #expect(bench.next() == .stream(id: "s", content: "answer", finish: true))
    }

    @Test("WS-14: a time-out that is heard of only in the next session is a lost session, not a doubt")
    func staleTimeout() {
        var bench = ReplyBench(pushOnly: true)
        bench.machine.appended("text")
        bench.machine.ended(.finished)
        _ = bench.next()
        bench.machine.sessionOffline()
        bench.machine.sessionOnline()
        bench.machine.completed(.unknown(.ackTimeout), now: bench.now)
        #expect(bench.next() == .push("text"))
    }

    @Test("WS-6: outcomes that nobody asked for are ignored")
    func strayOutcome() {
        var bench = answered()
        bench.machine.completed(.refused(40_201), now: bench.now)
        bench.finish()
        bench.machine.completed(.acknowledged(), now: bench.now)
        #expect(bench.chat.shown == ["answer"])
    }
}

@Suite("ReplyStreamStateMachine: reasoning")
struct ReplyReasoningTests {
    @Test("reasoning.off: no byte of reasoning leaves, in whatever form it comes")
    func drop() {
        for chunk in [1, 2, 3, 7, 1_000] {
            var bench = ReplyBench()
            bench.step()
            bench.machine.thought("SECRET0")
            let text = "<think>SECRET1</think>shown\n<thinking>SECRET2\n</thinking>\nalso"
            var rest = text[...]
            while !rest.isEmpty {
                bench.machine.appended(String(rest.prefix(chunk)))
                rest = rest.dropFirst(chunk)
                bench.pass(.milliseconds(300))
            }
            bench.machine.ended(.finished)
            bench.finish()
            #expect(bench.chat.shown == ["shown\nalso"])
            let texts = bench.snapshots + bench.finals + bench.pushes
            #expect(texts.allSatisfy { !$0.contains("SECRET") })
        }
    }

    @Test("reasoning.bubble: folded reasoning stands before the answer in the bubble; pushes have the answer alone")
    func fold() {
        var bench = ReplyBench { $0.reasoning = .fold }
        bench.step()
        bench.machine.thought("because")
        bench.pass(.seconds(2))
        #expect(bench.snapshots.last?.contains("because") == true)
        bench.machine.appended("answer")
        bench.pass(.seconds(400))
        #expect(bench.finals.first?.contains("because") == true)
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.pushes == ["answer"])
    }

    @Test("reasoning.bubble: WS-12: a lot of reasoning before a long answer stays within the limit")
    func foldLimit() {
        var bench = ReplyBench { $0.reasoning = .fold }
        bench.step()
        bench.machine.thought(String(repeating: "思考", count: 5_000))
        bench.pass(.seconds(2))
        for _ in 0..<2_000 { bench.machine.appended("一二三四五六七。\n") }
        bench.pass(.seconds(2))
        bench.machine.ended(.finished)
        bench.finish()
        #expect((bench.snapshots + bench.finals).map(\.utf8.count).allSatisfy { $0 <= 20_480 })
        #expect(bench.report?.failure == nil)
        let answer = bench.chat.shown.map(\.withoutThinkBlock).joined()
        let isWhole = answer == String(repeating: "一二三四五六七。\n", count: 2_000)
        #expect(isWhole, "\(answer.utf8.count) bytes in \(bench.chat.shown.map(\.utf8.count))")
    }

    @Test("reasoning.off: an answer that speaks of the tag is shown, not folded")
    func literalTag() {
        var bench = ReplyBench()
        bench.step()
        bench.machine.appended("use `<think>` here")
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.chat.shown == ["use `<\u{200B}think>` here"])
    }
}

extension String {
    /// What stands behind a folded block, if there is one.
    fileprivate var withoutThinkBlock: String {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix("</think>\n") { return String(self[self.index(index, offsetBy: 9)...]) }
            index = self.index(after: index)
        }
        return self
    }
}
