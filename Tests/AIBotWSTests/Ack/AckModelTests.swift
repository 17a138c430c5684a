import Shared
import Testing

@testable import AIBotWS

/// Independent book-keeping of what the machine may and may not do.
private struct Shadow {
    enum Kind {
        case snapshot
        case final
        case once
    }
    struct Written {
        var request: Int
        var at: MonotonicInstant
        /// Whether its sender was told an outcome already.
        var settled = false
    }
    var kinds: [Int: Kind] = [:]
    var lanes: [Int: ReqID] = [:]
    /// Frames that the platform has and did not answer yet, in order.
    var onWire: [ReqID: [Written]] = [:]
    var completed: Set<Int> = []
    var written: Set<Int> = []
    var failures: [String] = []
    /// Order of everything written, heartbeats included, over all sessions.
    var order: [Int: Int] = [:]
    var lastOrder = 0
    /// What the platform was seen to have, at most, in this session.
    var reached = 0
    /// Frames that timed out in this session and of which nothing more was said.
    var overdue: Set<Int> = []
    var told: Set<Int> = []
    var overtaken = 0

    mutating func check(_ condition: Bool, _ text: @autoclosure () -> String) {
        if !condition { failures.append(text()) }
    }

    mutating func wrote(_ request: Int, at now: MonotonicInstant) {
        guard let lane = lanes[request] else { return check(false, "unknown frame \(request) written") }
        check(!written.contains(request), "frame \(request) written twice")
        check(!completed.contains(request), "frame \(request) written after its outcome")
        let unanswered = onWire[lane, default: []].count { !$0.settled }
        check(unanswered == 0, "lane \(lane): \(request) joins a frame whose sender still waits")
        written.insert(request)
        lastOrder += 1
        order[request] = lastOrder
        onWire[lane, default: []].append(Written(request: request, at: now))
    }

    mutating func finished(_ request: Int, _ outcome: SendOutcome) {
        check(!completed.contains(request), "frame \(request) completed twice")
        completed.insert(request)
        guard let lane = lanes[request] else { return }
        let index = onWire[lane]?.firstIndex { $0.request == request }
        switch outcome {
        case .acknowledged, .rejected:
            check(written.contains(request), "\(request) answered but never written")
            if let index { onWire[lane]?[index].settled = true }
        case .notSent:
            if let index { onWire[lane]?.remove(at: index) }
        case .unknown:
            check(written.contains(request), "\(request) unknown but never written")
            if let index { onWire[lane]?[index].settled = true }
        }
        if outcome == .unknown(.ackTimeout) { overdue.insert(request) }
    }

    /// `isSound`: whether acks are known to belong to the frames that they are credited to.
    mutating func late(_ request: Int, _ verdict: LateVerdict, isSound: Bool) {
        check(completed.contains(request), "\(request) late before it had an outcome")
        check(told.insert(request).inserted, "\(request) told twice")
        check(overdue.remove(request) != nil, "\(request) told without a time-out in this session")
        guard verdict == .overtaken else { return }
        overtaken += 1
        if isSound { check(reached > order[request] ?? 0, "\(request) overtaken by nothing") }
    }

    mutating func sessionLost() {
        onWire = [:]
        overdue = []
        reached = 0
    }
}

/// Random life of the machine: the platform answers in lane order, late, never, twice, or without a req_id.
private struct AckLife {
    static let lanes: [ReqID] = ["a", "b", "c", "d", "e"]
    var machine = AckStateMachine<Int>()
    var shadow = Shadow()
    var random: SeededGenerator
    var now = MonotonicInstant()
    var next = 0
    /// Whether any ack was swallowed or made up: then acks can legitimately be told apart by order no more.
    var honest: Bool
    var credited = 0
    var heartbeats: [(id: ReqID, order: Int)] = []

    init(seed: UInt64, honest: Bool) {
        random = SeededGenerator(seed: seed)
        self.honest = honest
    }

    mutating func pick(_ upper: Int) -> Int { Int.random(in: 0..<upper, using: &random) }

    mutating func apply(_ effects: [AckStateMachine<Int>.Effect], answers: (lane: ReqID, request: Int)? = nil) {
        for effect in effects {
            switch effect {
            case .write(let request):
                shadow.wrote(request, at: now)
                if pick(40) == 0, let lane = shadow.lanes[request] {
                    // The socket refuses it.
                    shadow.onWire[lane]?.removeAll { $0.request == request }
                    apply(machine.notWritten(lane, .overflow, now: now))
                }
            case .complete(let request, let outcome):
                if case .acknowledged = outcome, honest, let answers {
                    shadow.check(answers.request == request, "ack of \(answers.request) credited to \(request)")
                    credited += 1
                }
                shadow.finished(request, outcome)
            case .late(let request, let verdict):
                shadow.late(request, verdict, isSound: honest)
                if honest, let answers, verdict != .overtaken {
                    shadow.check(answers.request == request, "late ack of \(answers.request) told to \(request)")
                }
            }
        }
    }

    mutating func send() {
        let lane = Self.lanes[pick(Self.lanes.count)]
        next += 1
        let kind: OutboundFrame.Repeatability = [.snapshot, .snapshot, .finalSnapshot, .once][pick(4)]
        shadow.lanes[next] = lane
        let timeout = Duration.seconds(pick(2) == 0 ? 5 : 10)
        apply(machine.send(next, on: lane, timeout: timeout, repeatability: kind, now: now))
    }

    mutating func answer() { answer(Self.lanes[pick(Self.lanes.count)]) }

    /// No answer of an honest platform is slower than a lane's wait for it.
    mutating func answerOverdue() {
        for lane in Self.lanes {
            while let first = shadow.onWire[lane]?.first, first.at.duration(to: now) > .seconds(8) { answer(lane) }
        }
    }

    private mutating func answer(_ lane: ReqID) {
        let error = pick(5) == 0 ? PlatformError(code: 6000) : nil
        guard let first = shadow.onWire[lane]?.first else {
            // A duplicate, or an ack of nothing. With an honest platform that does not happen.
            if !honest { apply(machine.acknowledged(lane, error: error, body: nil, now: now)) }
            return
        }
        if honest || pick(3) > 0 { shadow.onWire[lane]?.removeFirst() }
        shadow.reached = max(shadow.reached, shadow.order[first.request] ?? 0)
        apply(
            machine.acknowledged(lane, error: error, body: nil, now: now), answers: (lane, first.request))
        checkNothingIsKept()
    }

    private mutating func beat() {
        next += 1
        shadow.completed.insert(next)
        shadow.lastOrder += 1
        heartbeats.append((ReqID("ping-\(next)"), shadow.lastOrder))
        machine.heartbeatWritten(ReqID("ping-\(next)"))
    }

    private mutating func answerHeartbeat() {
        guard !heartbeats.isEmpty else { return }
        let (id, order) = heartbeats.removeFirst()
        shadow.reached = max(shadow.reached, order)
        apply(pick(3) == 0 ? machine.heartbeatAnswered(nil) : machine.acknowledged(id, error: nil, body: nil, now: now))
        checkNothingIsKept()
    }

    /// With an honest platform every frame written before the latest answered one is told of.
    private mutating func checkNothingIsKept() {
        guard honest else { return }
        for request in shadow.overdue {
            shadow.check((shadow.order[request] ?? 0) >= shadow.reached, "\(request) was overtaken and is not told")
        }
    }

    mutating func step() {
        switch pick(22) {
        case 20: if heartbeats.count < 3 { beat() }
        case 21: answerHeartbeat()
        case 0...8: send()
        case 9...15: answer()
        case 16 where !honest: apply(machine.acknowledged("stranger", error: nil, body: nil, now: now))
        case 17 where !honest: apply(machine.rejectedWithoutReqID(PlatformError(code: 40058), now: now))
        case 18 where pick(30) == 0:
            apply(machine.sessionLost())
            shadow.sessionLost()
            heartbeats = []
            shadow.check(machine.laneCount == 0, "lanes survive the session")
        default:
            if honest { answerOverdue() }
            now = now.advanced(by: .milliseconds(pick(honest ? 1_500 : 6_000)))
            apply(machine.deadlineReached(now: now))
            checkNothingIsKept()
        }
        shadow.check(machine.laneCount <= Self.lanes.count, "more lanes than addresses")
        shadow.check(machine.inFlight <= Self.lanes.count, "more frames in flight than lanes")
    }

    mutating func finish() {
        apply(machine.sessionLost())
        let missing = next - shadow.completed.count
        shadow.check(missing == 0, "\(missing) frames never completed")
    }
}

@Suite("AckStateMachine: model check")
struct AckModelTests {
    @Test("WS-6: every frame completes exactly once, whatever the platform does", arguments: 0..<8)
    func everyFrameCompletesOnce(seed: Int) {
        var life = AckLife(seed: UInt64(seed) &+ 100, honest: false)
        for _ in 0..<5_000 { life.step() }
        life.finish()
        #expect(life.shadow.failures.isEmpty, "\(life.shadow.failures.prefix(5))")
        #expect(life.next > 1_000)
    }

    @Test("WS-6: an ack is credited to the frame that the platform answered", arguments: 0..<8)
    func acksAreCreditedRightly(seed: Int) {
        var life = AckLife(seed: UInt64(seed) &+ 900, honest: true)
        for _ in 0..<5_000 {
            life.step()
        }
        life.finish()
        #expect(life.shadow.failures.isEmpty, "\(life.shadow.failures.prefix(5))")
        #expect(life.credited > 500)
        #expect(life.shadow.overtaken > 20)
    }

    @Test("WS-6: time alone brings every lane to an end")
    func timeEndsEverything() {
        var life = AckLife(seed: 7, honest: false)
        for _ in 0..<500 { life.send() }
        var rounds = 0
        while let deadline = life.machine.nextDeadline, rounds < 10_000 {
            life.now = max(life.now, deadline)
            life.apply(life.machine.deadlineReached(now: life.now))
            rounds += 1
        }
        #expect(life.machine.laneCount == 0)
        #expect(life.shadow.completed.count == life.next)
        #expect(life.shadow.failures.isEmpty, "\(life.shadow.failures.prefix(5))")
    }
}
