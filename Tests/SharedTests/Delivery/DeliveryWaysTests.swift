import Testing

@testable import Shared

private let words = ReplyWords()
private let late = MonotonicInstant().advanced(by: .seconds(3_600))

/// A bench on a channel with one bubble for each message.
private func callbacks(
    fallback: Bool = false, lateAddress: Bool = true, pushOnly: Bool = false,
    _ change: (inout ReplySettings) -> Void = { _ in }
) -> ReplyBench {
    ReplyBench(
        pushOnly: pushOnly, capabilities: .callbacks, fallback: fallback ? .application : nil,
        lateUntil: lateAddress ? late : nil, change)
}

@Suite("ReplyStreamStateMachine: one bubble, one late message, a fallback")
struct DeliveryWaysTests {
    @Test("WB-3: the rest of an answer after the deadline goes to the late address, once")
    func deadline() {
        var bench = callbacks()
        bench.step()
        bench.pass(.seconds(331))
        #expect(bench.finals == [words.handOver])
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.replies == ["answer"])
        #expect(bench.report?.failure == nil)
    }

    @Test("WB-3: the late address is busy: it is asked again, three times, before another way is looked for")
    func busyAddress() {
        for refusals in 1...4 {
            var bench = callbacks(fallback: true)
            bench.step()
            bench.pass(.seconds(331))
            bench.machine.appended("answer")
            bench.machine.ended(.finished)
            for refusal in 1...refusals {
                bench.step(.refused(-1))
                // After the last one there is nothing to wait for.
                if refusal < 4, let until = bench.wakeUp() { bench.now = max(bench.now, until) }
            }
            bench.finish()
            #expect(bench.report?.failure == nil)
            #expect(bench.fallbacks == (refusals > 3 ? ["answer"] : []))
            #expect(bench.replies.count == min(refusals + 1, 4))
        }
    }

    @Test("WB-3: without a late address the fallback gets it, and the bubble says so")
    func fallbackAfterDeadline() {
        var bench = callbacks(fallback: true, lateAddress: false)
        bench.step()
        bench.pass(.seconds(331))
        #expect(bench.finals == [words.handOverByFallback])
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.fallbacks == ["answer"])
    }

    @Test("WB-3: where nothing can follow, the bubble does not promise it, and the answer is given up with a reason")
    func nowhere() {
        var bench = callbacks(lateAddress: false)
        bench.step()
        bench.pass(.seconds(331))
        #expect(bench.finals == [words.overdue])
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.replies.isEmpty && bench.pushes.isEmpty && bench.finals.count == 1)
        #expect(bench.report?.failure == "no way to the conversation")
    }

    @Test("WB-3: a late address that is refused, used up, or too old: the fallback", arguments: [40_058, 42_022])
    func refusedLate(code: Int) {
        var bench = callbacks(fallback: true, pushOnly: true)
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        #expect(bench.step(.refused(code)) == .reply("answer"))
        #expect(bench.step() == .fallback("answer"))
        bench.finish()
        #expect(bench.report?.failure == nil && bench.report?.lastRefusal == code)

        var old = callbacks(fallback: true, pushOnly: true)
        old.now = late
        old.machine.appended("answer")
        old.machine.ended(.finished)
        #expect(old.step() == .fallback("answer"))
    }

    @Test("WB-3: a late message of unknown outcome is never sent there again")
    func unknownLate() {
        var bench = callbacks(pushOnly: true)
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        #expect(bench.step(.unknown(.ackTimeout)) == .reply("answer"))
        bench.finish()
        #expect(bench.log.count == 1 && bench.report?.assumed == 1 && bench.report?.failure == nil)

        var backed = callbacks(fallback: true, pushOnly: true)
        backed.machine.appended("answer")
        backed.machine.ended(.finished)
        backed.step(.unknown(.ackTimeout))
        backed.finish()
        #expect(backed.fallbacks == ["answer"])
        // Somebody may read it twice, and the report says so.
        #expect(backed.report?.repeated == 1)

        var dropping = callbacks(fallback: true, pushOnly: true) { $0.onUnknown = .drop }
        dropping.machine.appended("answer")
        dropping.machine.ended(.finished)
        dropping.step(.unknown(.ackTimeout))
        dropping.finish()
        #expect(dropping.log.count == 1 && dropping.report?.assumed == 1)
    }

    @Test(
        "WB-3: with `resend` a late message of unknown outcome is sent there once more; a refusal then means that it arrived"
    )
    func resentLate() {
        for (second, assumed) in [(SendOutcome.refused(42_022), 1), (.acknowledged(), 0)] {
            var bench = callbacks(pushOnly: true) { $0.onUnknown = .resend }
            bench.machine.appended("answer")
            bench.machine.ended(.finished)
            bench.step(.unknown(.ackTimeout))
            bench.now = bench.now.advanced(by: .seconds(10))
            #expect(bench.step(second) == .reply("answer"))
            bench.finish()
            #expect(bench.log.count == 2 && bench.report?.assumed == assumed && bench.report?.failure == nil)
            #expect(bench.report?.repeated == 1)
        }
        var silent = callbacks(pushOnly: true) { $0.onUnknown = .resend }
        silent.machine.appended("answer")
        silent.machine.ended(.finished)
        for _ in 0..<5 {
            silent.step(.unknown(.ackTimeout))
            silent.now = silent.now.advanced(by: .seconds(60))
        }
        #expect(silent.log.count == 2 && silent.report?.assumed == 1)
    }

    @Test("WB-3: what was never sent to the late address is sent there later")
    func notSentLate() {
        var bench = callbacks(pushOnly: true)
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        bench.step(.notSent(.offline))
        bench.finish()
        #expect(bench.replies == ["answer", "answer"] && bench.report?.failure == nil)
    }

    @Test("WB-2: an answer longer than a bubble: bubble, late message, and a line where the rest cannot follow")
    func long() {
        var bench = callbacks()
        bench.step()
        let line = String(repeating: "word ", count: 200) + "\n\n"
        bench.machine.appended(String(repeating: line, count: 60))
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.finals.count == 1 && bench.replies.count == 1)
        #expect(bench.finals.first?.contains(words.tooLong) == false)
        #expect(bench.replies.first?.hasSuffix(words.tooLong) == true)
        #expect((bench.replies + bench.finals).allSatisfy { $0.utf8.count <= 20_480 })
        #expect(bench.report?.failure == "no way to the conversation")
    }

    @Test(
        "AG-10: an answer longer than bubble and late message goes on by the fallback, and nothing is said to be missing"
    )
    func longWithFallback() {
        var bench = callbacks(fallback: true)
        bench.step()
        let line = String(repeating: "word ", count: 200) + "\n\n"
        bench.machine.appended(String(repeating: line, count: 60))
        bench.machine.ended(.finished)
        bench.finish()
        #expect(bench.finals.count == 1 && bench.replies.count == 1 && bench.fallbacks.count >= 1)
        #expect(!(bench.finals + bench.replies + bench.fallbacks).contains { $0.contains(words.tooLong) })
        #expect(bench.report?.failure == nil)
    }

    @Test("WB-2: a bubble that nobody asks for any more: the late address")
    func expired() {
        var bench = callbacks()
        bench.step()
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        bench.step(.refused(846_608))
        #expect(bench.step() == .reply("answer"))
    }

    @Test("AG-10: a push into a chat that never wrote goes by the fallback", arguments: [93_006, 93_001, 93_008])
    func neverSpoken(code: Int) {
        var bench = ReplyBench(pushOnly: true, fallback: .application)
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        #expect(bench.step(.refused(code)) == .push("answer"))
        #expect(bench.step() == .fallback("answer"))
        bench.finish()
        #expect(bench.report?.failure == nil)
    }

    @Test("AG-10: while the bot is away, a complete answer waits for a minute and then takes the fallback, once")
    func stranded() {
        var bench = ReplyBench(fallback: .application)
        bench.step()
        bench.machine.sessionOffline()
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        #expect(bench.wakeUp() == bench.now.advanced(by: .seconds(60)))
        bench.pass(.seconds(59))
        #expect(bench.fallbacks.isEmpty)
        bench.pass(.seconds(2))
        #expect(bench.fallbacks == ["answer"])
        bench.machine.sessionOnline()
        bench.finish()
        #expect(bench.log.count == 2 && bench.report?.failure == nil)

        var back = ReplyBench(fallback: .application)
        back.step()
        back.machine.sessionOffline()
        back.machine.appended("answer")
        back.machine.ended(.finished)
        back.pass(.seconds(50))
        back.machine.sessionOnline()
        back.finish()
        #expect(back.fallbacks.isEmpty && back.finals == ["answer"])
    }

    @Test("AG-10: a fallback that refuses for good is not asked again; the bot's own way is waited for")
    func refusedFallback() {
        var bench = ReplyBench(fallback: .application)
        bench.step()
        bench.machine.sessionOffline()
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        bench.pass(.seconds(60))
        var refused = ReplyBench(fallback: .application)
        refused.step()
        refused.machine.sessionOffline()
        refused.machine.appended("answer")
        refused.machine.ended(.finished)
        refused.now = refused.now.advanced(by: .seconds(61))
        _ = refused.wakeUp()
        refused.now = refused.now.advanced(by: .seconds(61))
        #expect(refused.step(.refused(60_020)) == .fallback("answer"))
        #expect(refused.next() == nil)
        refused.machine.sessionOnline()
        refused.finish()
        #expect(refused.finals == ["answer"] && refused.report?.failure == nil)
    }

    @Test("AG-3: a message is not given up because the token ended twice in a row", arguments: [40_014, 42_001])
    func tokenEndsTwice(code: Int) {
        let refusal = SendOutcome.rejected(PlatformError(code: code, origin: .serverAPI))
        var bench = ReplyBench(pushOnly: true, capabilities: .application)
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        bench.step(refusal)
        #expect(bench.next() == nil)
        bench.finish()
        #expect(bench.pushes == ["answer", "answer"] && bench.report?.failure == nil)
    }

    @Test("AG-10: a fallback that is busy is asked again later; one that does not answer twice more at most")
    func busyFallback() {
        var bench = callbacks(fallback: true, lateAddress: false, pushOnly: true)
        bench.machine.appended("answer")
        bench.machine.ended(.finished)
        bench.step(.refused(45_009))
        #expect(bench.next() == nil)
        bench.finish()
        #expect(bench.fallbacks.count == 2 && bench.report?.failure == nil)

        var silent = callbacks(fallback: true, lateAddress: false, pushOnly: true)
        silent.machine.appended("answer")
        silent.machine.ended(.finished)
        for _ in 0..<3 {
            silent.step(.unknown(.ackTimeout))
            silent.now = silent.now.advanced(by: .seconds(60))
        }
        silent.finish()
        #expect(silent.fallbacks.count == 3 && silent.report?.assumed == 1)
    }
}

@Suite("DeliveryPlan: every way by its conditions")
struct DeliveryPlanTests {
    private func routes(
        _ content: DeliveryPlan.Content, _ channel: Capabilities, fallback: Capabilities? = nil,
        in kind: Conversation.Kind = .direct, _ history: DeliveryPlan.History
    ) -> [DeliveryRoute] {
        DeliveryPlan.routes(
            for: content, terms: .init(conversation: kind, channel: channel, fallback: fallback), history: history)
    }

    @Test("WB-4: files of a bot in callback mode go by the fallback, and nowhere without one")
    func files() {
        let open = DeliveryPlan.History(addressIsOpen: true, lateAddressIsOpen: true)
        #expect(routes(.media(.file), .callbacks, open) == [])
        #expect(routes(.media(.image), .callbacks, open) == [])
        #expect(routes(.media(.file), .callbacks, fallback: .application, open) == [.fallback])
        #expect(routes(.media(.voice), .callbacks, fallback: .application, open) == [])
        #expect(routes(.media(.file), .bench(), fallback: .application, open) == [.reply, .push, .fallback])
    }

    @Test("WB-6: a card is the late message of a direct chat; in a group it becomes text or takes the fallback")
    func cards() {
        let open = DeliveryPlan.History(addressIsOpen: true, lateAddressIsOpen: true)
        let used = DeliveryPlan.History(addressIsOpen: true, lateAddressIsOpen: false)
        #expect(routes(.card, .callbacks, open) == [.reply])
        #expect(routes(.card, .callbacks, used) == [])
        #expect(routes(.card, .callbacks, in: .group, open) == [])
        #expect(routes(.card, .callbacks, fallback: .application, in: .group, open) == [.fallback])
        #expect(routes(.card, .bench(), open) == [.push, .reply])
    }

    @Test("AG-10: text prefers bubble, late message, push, fallback, in that order; a bot that is away goes last")
    func text() {
        var history = DeliveryPlan.History(addressIsOpen: true, lateAddressIsOpen: true)
        #expect(routes(.text, .callbacks, fallback: .application, history) == [.bubble, .fallback])
        history.bubblesAreLeft = false
        #expect(routes(.text, .callbacks, fallback: .application, history) == [.reply, .fallback])
        history.lateAddressIsOpen = false
        #expect(routes(.text, .callbacks, fallback: .application, history) == [.fallback])
        #expect(routes(.text, .callbacks, history) == [])
        history.isStranded = true
        #expect(routes(.text, .bench(), fallback: .application, history) == [.fallback])
        #expect(routes(.text, .bench(), history).first == .push)
        history = DeliveryPlan.History(addressIsOpen: false, pushIsOpen: false)
        #expect(routes(.text, .bench(), fallback: .application, history) == [.fallback])
    }
}
