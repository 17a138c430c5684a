import Testing

@testable import Shared

private let card = PartContent.card(json: "{}", taskID: "t", text: "card in words")
private let file = PartContent.media(path: "/out/a", kind: .file, name: "a", bytes: 1)
private let media = UploadedMedia(kind: .file, mediaID: "id")

private func seconds(_ seconds: Int) -> MonotonicInstant { MonotonicInstant().advanced(by: .seconds(seconds)) }

private func machine(
    _ content: PartContent = card, doubts: Int = 0, online: Bool = true, address: Bool = true, proven: Bool = true,
    capabilities: Capabilities = .bench(), _ change: (inout ReplySettings) -> Void = { _ in }
) -> PartStateMachine {
    var settings = ReplySettings()
    change(&settings)
    return PartStateMachine(
        content, settings: settings, terms: DeliveryPlan.Terms(channel: capabilities),
        history: DeliveryPlan.History(addressIsOpen: address, addressIsProven: proven),
        doubts: doubts, online: online, expiry: seconds(86_400))
}

@Suite("PartStateMachine: transitions")
struct PartStateMachineTests {
    @Test("WS-18: a card is pushed, and settled by its ack")
    func acked() {
        var part = machine()
        #expect(part.next(now: seconds(0)) == .send(.card(json: "{}"), .push))
        #expect(part.next(now: seconds(0)) == .wait(until: nil))
        part.completed(.acknowledged(), now: seconds(1))
        #expect(part.state == .acked)
        #expect(part.takeChanges() == [.acked])
        #expect(part.takeChanges().isEmpty)
        #expect(part.next(now: seconds(1)) == .done)
    }

    @Test("WS-17: a file is uploaded, then goes to the reply address; once that is shut, it is pushed")
    func file() {
        var part = machine(SharedTests.file)
        guard case .upload = part.next(now: seconds(0)) else { return #expect(Bool(false), "no upload") }
        part.uploaded(.uploaded(media), now: seconds(1))
        #expect(part.next(now: seconds(1)) == .send(.media(media), .reply))
        part.completed(.refused(846_605), now: seconds(2))
        #expect(part.next(now: seconds(2)) == .send(.media(media), .push))
        part.completed(.acknowledged(), now: seconds(3))
        #expect(part.takeChanges() == [.refused(errcode: 846_605), .acked])
    }

    @Test(
        "WS-18, WB-3: a card or a file that the fallback refuses goes there in words; a fallback out of reach takes nothing",
        arguments: [(card, 42_014), (card, 40_058), (SharedTests.file, 40_008)])
    func fallbackRefuses(content: PartContent, code: Int) {
        var part = aside(content)
        part.completed(.rejected(PlatformError(code: code, origin: .serverAPI)), now: seconds(0))
        guard case .send(.text(let words), .fallback) = part.next(now: seconds(0)) else {
            return #expect(Bool(false), "\(part.next(now: seconds(0)))")
        }
        #expect(words == (content == card ? "card in words" : ReplyWords().notSent("a")))
        part.completed(.acknowledged(), now: seconds(1))
        #expect(part.state == .acked)

        var unreachable = aside(content)
        unreachable.completed(.rejected(PlatformError(code: 40_003, origin: .serverAPI)), now: seconds(0))
        #expect(unreachable.next(now: seconds(0)) == .done && unreachable.state == .failed)
    }

    /// One that was sent by the fallback, again after a restart.
    private func aside(_ content: PartContent) -> PartStateMachine {
        var part = PartStateMachine(
            content, settings: ReplySettings(), terms: .init(channel: .callbacks, fallback: .application),
            history: DeliveryPlan.History(addressIsOpen: false), doubts: 1, online: true, expiry: seconds(86_400))
        var action = part.next(now: seconds(0))
        if case .upload = action {
            part.uploaded(.uploaded(media), now: seconds(0))
            action = part.next(now: seconds(0))
        }
        guard case .send(_, .fallback) = action else {
            #expect(Bool(false), "\(action)")
            return part
        }
        return part
    }

    @Test("WS-17: a media id that the platform does not know any more: uploaded once more, then said in words")
    func uploadAgain() {
        var part = machine(SharedTests.file)
        for _ in 0..<2 {
            guard case .upload = part.next(now: seconds(0)) else { return #expect(Bool(false), "no upload") }
            part.uploaded(.uploaded(media), now: seconds(0))
            guard case .send(.media, _) = part.next(now: seconds(0)) else { return #expect(Bool(false), "not sent") }
            part.completed(.refused(40_007), now: seconds(0))
        }
        #expect(part.content == .text(ReplyWords().notSent("a")))
    }

    @Test("WS-17: uploads that are interrupted are tried eight times in growing steps, then said in words")
    func interrupted() {
        var part = machine(SharedTests.file)
        var now = seconds(0)
        var uploads = 0
        while case .media = part.content, uploads < 100 {
            switch part.next(now: now) {
            case .upload:
                uploads += 1
                part.uploaded(.interrupted, now: now)
            case .wait(let until?): now = until
            default: return #expect(Bool(false), "neither upload nor wait")
            }
        }
        #expect(uploads == 8)
        #expect(now < seconds(300))
        #expect(part.takeChanges() == [.replaced(.text(ReplyWords().notSent("a")))])
    }

    @Test("WS-18: what a channel cannot carry is said in words; without any way it fails with a reason")
    func noWay() {
        var plain = Capabilities.bench()
        plain.cards = false
        var part = machine(capabilities: plain)
        guard case .send(.text("card in words"), _) = part.next(now: seconds(0)) else {
            return #expect(Bool(false), "not said")
        }
        plain.pushes = false
        var mute = machine(address: false, capabilities: plain)
        #expect(mute.next(now: seconds(0)) == .done)
        #expect(mute.state == .failed)
    }

    @Test("WS-15: no ack, line alive: believed after a while; an ack, a refusal or a later frame settles it before")
    func timedOut() {
        func unanswered() -> PartStateMachine {
            var part = machine()
            _ = part.next(now: seconds(0))
            part.completed(.unknown(.ackTimeout), now: seconds(10))
            #expect(part.takeChanges() == [.unknown(.ackTimeout)])
            return part
        }
        var part = unanswered()
        #expect(part.next(now: seconds(10)) == .wait(until: seconds(85)))
        #expect(part.next(now: seconds(85)) == .done)
        #expect(part.state == .assumed)
        for (verdict, state) in [(LateVerdict.acknowledged, PartState.acked), (.overtaken, .assumed)] {
            part = unanswered()
            part.settledLate(verdict, now: seconds(20))
            #expect(part.state == state)
        }
        part = unanswered()
        part.settledLate(.rejected(PlatformError(code: 42_014)), now: seconds(20))
        #expect(part.content == .text("card in words"))
    }

    @Test("WS-15: no ack and the line turns out dead: once more on the next line, under drop never")
    func lineDied() {
        for policy in [OnUnknown.auto, .resend, .drop] {
            var part = machine { $0.onUnknown = policy }
            _ = part.next(now: seconds(0))
            part.completed(.unknown(.sessionLost), now: seconds(1))
            part.sessionOnline()
            let isDropped = policy == .drop
            #expect(part.next(now: seconds(2)) == (isDropped ? .done : .send(.card(json: "{}"), .push)))
            #expect(part.state == (isDropped ? .assumed : .pending))
        }
    }

    @Test("WS-15: at an address of an earlier connection silence may be a refusal: the part is pushed, unless dropped")
    func addressInDoubt() {
        for (policy, isProven, isPushed) in [
            (OnUnknown.auto, false, true), (.auto, true, false), (.resend, false, true), (.drop, false, false),
        ] {
            for isOvertaken in [true, false] {
                var part = machine(SharedTests.file, proven: isProven) { $0.onUnknown = policy }
                _ = part.next(now: seconds(0))
                part.uploaded(.uploaded(media), now: seconds(0))
                for _ in 0..<(policy == .resend ? 2 : 1) {
                    #expect(part.next(now: seconds(0)) == .send(.media(media), .reply))
                    part.completed(.unknown(.ackTimeout), now: seconds(10))
                }
                if isOvertaken { part.settledLate(.overtaken, now: seconds(11)) }
                #expect(part.next(now: seconds(85)) == (isPushed ? .send(.media(media), .push) : .done))
                part.completed(.unknown(.ackTimeout), now: seconds(90))
                part.settledLate(.overtaken, now: seconds(91))
                #expect(part.state == .assumed, "a push is no question of the address")
            }
        }
    }

    @Test("WS-15: an address is in doubt from the end of its connection on")
    func addressAfterLoss() {
        var part = machine(SharedTests.file)
        _ = part.next(now: seconds(0))
        part.uploaded(.uploaded(media), now: seconds(0))
        part.sessionOffline()
        part.sessionOnline()
        #expect(part.next(now: seconds(0)) == .send(.media(media), .reply))
        part.completed(.unknown(.ackTimeout), now: seconds(10))
        part.settledLate(.overtaken, now: seconds(11))
        #expect(part.next(now: seconds(11)) == .send(.media(media), .push))
    }

    @Test("WS-15: resend repeats once after the time-out, and believes the second silence")
    func resend() {
        var part = machine { $0.onUnknown = .resend }
        for _ in 0..<2 {
            #expect(part.next(now: seconds(10)) == .send(.card(json: "{}"), .push))
            part.completed(.unknown(.ackTimeout), now: seconds(10))
        }
        #expect(part.next(now: seconds(100)) == .done)
        #expect(part.state == .assumed)
    }

    @Test("WS-15: repetitions are bounded, whatever the line does")
    func bounded() {
        var part = machine()
        var sends = 0
        while case .send = part.next(now: seconds(sends)), sends < 100 {
            sends += 1
            part.completed(.unknown(.sessionLost), now: seconds(sends))
            part.sessionOnline()
        }
        #expect(sends == ReplySettings().maxRepeats + 1)
        #expect(part.state == .assumed)
    }

    @Test("WS-15: offline it waits; nothing is sent twice by coming back; too old, it is dead")
    func offline() {
        var part = machine(online: false)
        #expect(part.next(now: seconds(0)) == .wait(until: seconds(86_400)))
        part.sessionOnline()
        #expect(part.next(now: seconds(1)) == .send(.card(json: "{}"), .push))
        part.sessionOffline()
        part.sessionOnline()
        #expect(part.next(now: seconds(1)) == .wait(until: nil))
        part.completed(.notSent(.offline), now: seconds(2))
        #expect(part.next(now: seconds(2)) == .send(.card(json: "{}"), .push))
        part.completed(.notSent(.offline), now: seconds(2))
        #expect(part.next(now: seconds(86_400)) == .done)
        #expect(part.state == .dead)
        #expect(part.takeChanges() == [.notSent, .notSent, .dead(reason: "expired")])
    }

    @Test("restart.kill: P31: attempts of an earlier run: once more under auto, never under drop, bounded")
    func earlierRun() {
        var part = machine(doubts: 1)
        #expect(part.next(now: seconds(0)) == .send(.card(json: "{}"), .push))
        #expect(machine(doubts: 1) { $0.onUnknown = .drop }.state == .assumed)
        #expect(machine(doubts: ReplySettings().maxRepeats + 1).state == .assumed)
    }

    @Test("WS-20: a postponed message waits, and nothing counts as sent")
    func postponed() {
        var part = machine()
        _ = part.next(now: seconds(0))
        part.postponed(until: seconds(30))
        #expect(part.next(now: seconds(1)) == .wait(until: seconds(30)))
        #expect(part.next(now: seconds(30)) == .send(.card(json: "{}"), .push))
        #expect(part.takeChanges().isEmpty)
    }

    @Test("WS-20: a busy platform is asked again in growing steps; refused content is given up at once")
    func refusals() {
        var part = machine()
        var now = seconds(0)
        for _ in 0..<20 {
            guard case .send = part.next(now: now) else { return #expect(Bool(false), "gave up") }
            part.completed(.refused(846_607), now: now)
            guard case .wait(let until?) = part.next(now: now) else { return #expect(Bool(false), "no pause") }
            #expect(now.duration(to: until) >= .seconds(3) && now.duration(to: until) <= .seconds(60))
            now = until
        }
        _ = part.next(now: now)
        part.completed(.refused(40_201), now: now)
        #expect(part.state == .failed)
    }
}

@Suite("PartStateMachine: property")
struct PartPropertyTests {
    /// A line that loses acks, dies and refuses, and a person who sees what arrived.
    private func live(seed: UInt64, _ policy: OnUnknown) -> [String] {
        var random = SeededGenerator(seed: seed)
        func pick(_ upper: Int) -> Int { Int.random(in: 0..<upper, using: &random) }
        var part = machine(pick(2) == 0 ? card : file, online: pick(4) != 0, address: pick(2) == 0) {
            $0.onUnknown = policy
        }
        var now = seconds(0)
        var shown = 0
        var changes: [PartChange] = []
        var online = true
        part.sessionOnline()
        for _ in 0..<2_000 {
            switch part.next(now: now) {
            case .done:
                changes += part.takeChanges()
                return check(part.state, shown, changes, policy)
            case .wait(let until): now = pick(3) == 0 ? until ?? now : now.advanced(by: .seconds(pick(30)))
            case .upload: part.uploaded(pick(4) == 0 ? .interrupted : .uploaded(media), now: now)
            case .send:
                now = now.advanced(by: .milliseconds(pick(2_000)))
                switch online ? pick(8) : 9 {
                case 0:
                    shown += 1
                    part.completed(.unknown(.ackTimeout), now: now)
                    if pick(2) == 0 { part.settledLate(pick(2) == 0 ? .acknowledged : .overtaken, now: now) }
                case 1:
                    shown += pick(2)
                    part.completed(.unknown(.sessionLost), now: now)
                    online = false
                case 2: part.completed(.refused([846_607, -1, 846_605, 42_014, 93_006][pick(5)]), now: now)
                case 3: part.completed(.notSent(.overflow), now: now)
                case 9: part.completed(.notSent(.offline), now: now)
                default:
                    shown += 1
                    part.completed(.acknowledged(), now: now)
                }
            }
            if online, pick(20) == 0 {
                online = false
                part.sessionOffline()
            } else if !online, pick(3) == 0 {
                online = true
                part.sessionOnline()
            }
            changes += part.takeChanges()
        }
        return ["never settled"]
    }

    private func check(_ state: PartState, _ shown: Int, _ changes: [PartChange], _ policy: OnUnknown) -> [String] {
        var problems: [String] = []
        let unknowns = changes.count { if case .unknown = $0 { true } else { false } }
        if !state.isSettled { problems.append("done in state \(state)") }
        // Every showing but the last was told of as one that nobody knew about.
        if shown > 1 + unknowns { problems.append("shown \(shown) times, \(unknowns) told") }
        if policy == .drop, shown > 1 { problems.append("shown \(shown) times under drop") }
        if shown == 0, state == .acked { problems.append("acked, never shown") }
        if shown == 0, state == .assumed, unknowns == 0 { problems.append("believed without a doubt told") }
        if state == .failed || state == .dead {
            let isTold = changes.contains {
                switch $0 {
                case .failed, .dead: true
                default: false
                }
            }
            if !isTold { problems.append("lost in silence") }
        }
        return problems
    }

    @Test(
        "dedupe.parts: P8: whatever the line does, nothing is shown twice or lost without its changes saying so",
        arguments: [OnUnknown.auto, .resend, .drop])
    func property(policy: OnUnknown) {
        for seed in UInt64(0)..<1_500 {
            let problems = live(seed: seed, policy)
            #expect(problems.isEmpty, "seed \(seed): \(problems)")
        }
    }
}
