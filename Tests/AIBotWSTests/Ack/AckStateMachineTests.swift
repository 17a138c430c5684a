import Shared
import Testing

@testable import AIBotWS

private typealias Machine = AckStateMachine<Int>

/// What an effect did, comparable.
enum AckEffect: Equatable, CustomStringConvertible {
    case write(Int)
    case complete(Int, SendOutcome)
    case late(Int, LateVerdict)

    init(_ effect: AckStateMachine<Int>.Effect) {
        self =
            switch effect {
            case .write(let request): .write(request)
            case .complete(let request, let outcome): .complete(request, outcome)
            case .late(let request, let verdict): .late(request, verdict)
            }
    }

    var description: String {
        switch self {
        case .write(let request): "write \(request)"
        case .complete(let request, let outcome): "complete \(request) \(outcome)"
        case .late(let request, let verdict): "late \(request) \(verdict)"
        }
    }
}

/// A machine with a short vocabulary: times in seconds, a time-out of 10 s.
private struct Bench {
    var machine: Machine
    var now = MonotonicInstant()

    init(_ limits: Machine.Limits = Machine.Limits()) { machine = Machine(limits: limits) }

    mutating func send(
        _ request: Int, _ lane: ReqID = "r", _ kind: OutboundFrame.Repeatability = .once, timeout: Int = 10
    ) -> [AckEffect] {
        machine.send(request, on: lane, timeout: .seconds(timeout), repeatability: kind, now: now).map(AckEffect.init)
    }

    mutating func ack(_ lane: ReqID = "r", _ code: Int = 0) -> [AckEffect] {
        let error = code == 0 ? nil : PlatformError(code: code)
        return machine.acknowledged(lane, error: error, body: nil, now: now).map(AckEffect.init)
    }

    mutating func anonymous(_ code: Int) -> [AckEffect] {
        machine.rejectedWithoutReqID(PlatformError(code: code), now: now).map(AckEffect.init)
    }

    mutating func wait(_ seconds: Int) -> [AckEffect] {
        now = now.advanced(by: .seconds(seconds))
        return machine.deadlineReached(now: now).map(AckEffect.init)
    }
}

private let accepted = SendOutcome.acknowledged(body: nil)

private func refused(_ code: Int) -> SendOutcome { .rejected(PlatformError(code: code)) }

@Suite("AckStateMachine: transitions")
struct AckTransitionTests {
    @Test("WS-6: a frame on a free lane is written at once and completed by its ack")
    func acknowledges() {
        var bench = Bench()
        #expect(bench.send(1) == [.write(1)])
        #expect(bench.machine.inFlight == 1)
        #expect(bench.ack() == [.complete(1, accepted)])
        #expect(bench.machine.inFlight == 0)
        #expect(bench.machine.laneCount == 0)
    }

    @Test("WS-6: an error code completes its frame as refused, with the number")
    func rejects() {
        var bench = Bench()
        _ = bench.send(1)
        #expect(bench.ack("r", 846_607) == [.complete(1, refused(846_607))])
    }

    @Test("WS-6: the body of an ack reaches the sender")
    func passesBody() {
        var bench = Bench()
        _ = bench.send(1)
        let effects = bench.machine.acknowledged("r", error: nil, body: "{}", now: bench.now).map(AckEffect.init)
        #expect(effects == [.complete(1, .acknowledged(body: "{}"))])
    }

    @Test("WS-6: one frame in flight per req_id; the next follows the ack, in order")
    func oneInFlight() {
        var bench = Bench()
        #expect(bench.send(1) == [.write(1)])
        #expect(bench.send(2).isEmpty)
        #expect(bench.send(3).isEmpty)
        #expect(bench.ack() == [.complete(1, accepted), .write(2)])
        #expect(bench.ack("r", 6000) == [.complete(2, refused(6000)), .write(3)])
        #expect(bench.ack() == [.complete(3, accepted)])
    }

    @Test("WS-6: lanes do not wait for each other, and acks may come in any order")
    func lanesAreIndependent() {
        var bench = Bench()
        #expect(bench.send(1, "a") == [.write(1)])
        #expect(bench.send(2, "b") == [.write(2)])
        #expect(bench.ack("b") == [.complete(2, accepted)])
        #expect(bench.ack("a") == [.complete(1, accepted)])
    }

    @Test("WS-6: acks of unknown lanes and repeated acks do nothing")
    func ignoresStrangers() {
        var bench = Bench()
        #expect(bench.ack("nobody").isEmpty)
        #expect(bench.ack("nobody", 40058).isEmpty)
        _ = bench.send(1)
        _ = bench.ack()
        #expect(bench.ack().isEmpty)
        #expect(bench.send(2) == [.write(2)])
    }

    @Test("WS-6: without an ack the outcome is unknown after the time-out, not earlier")
    func timesOut() {
        var bench = Bench()
        _ = bench.send(1)
        #expect(bench.wait(9).isEmpty)
        #expect(bench.wait(1) == [.complete(1, .unknown(.ackTimeout))])
        #expect(bench.machine.inFlight == 0)
    }

    @Test("WS-6: each frame has the time-out it was sent with, counted from when it was written")
    func timeoutPerFrame() {
        var bench = Bench()
        _ = bench.send(1, "a", .once, timeout: 5)
        _ = bench.send(2, "b", .once, timeout: 10)
        _ = bench.send(3, "b", .once, timeout: 10)
        #expect(bench.wait(5) == [.complete(1, .unknown(.ackTimeout))])
        #expect(bench.ack("b") == [.complete(2, accepted), .write(3), .late(1, .overtaken)])
        #expect(bench.wait(9).isEmpty)
        #expect(bench.wait(1) == [.complete(3, .unknown(.ackTimeout))])
    }

    @Test("WS-6: a frame that could not be written is completed and frees its lane")
    func notWritten() {
        var bench = Bench()
        _ = bench.send(1)
        _ = bench.send(2)
        let effects = bench.machine.notWritten("r", .overflow, now: bench.now).map(AckEffect.init)
        #expect(effects == [.complete(1, .notSent(.overflow)), .write(2)])
        #expect(bench.machine.notWritten("none", .offline, now: bench.now).isEmpty)
    }

    @Test("WS-6: losing the session completes every frame: written as unknown, unwritten untouched")
    func sessionLost() {
        var bench = Bench()
        _ = bench.send(1)
        _ = bench.send(2)
        _ = bench.send(3, "other")
        let effects = bench.machine.sessionLost().map(AckEffect.init)
        #expect(effects.contains(.complete(1, .unknown(.sessionLost))))
        #expect(effects.contains(.complete(2, .notSent(.offline))))
        #expect(effects.contains(.complete(3, .unknown(.sessionLost))))
        #expect(effects.count == 3)
        #expect(bench.machine.laneCount == 0)
        #expect(bench.machine.nextDeadline == nil)
        #expect(bench.ack().isEmpty)
        #expect(bench.send(4) == [.write(4)])
    }
}

@Suite("AckStateMachine: stale acks")
struct AckStaleTests {
    @Test("WS-6: after a time-out the lane waits, and the late ack frees it without being credited to the next frame")
    func lateAck() {
        var bench = Bench()
        _ = bench.send(1)
        _ = bench.wait(10)
        #expect(bench.send(2).isEmpty)
        #expect(bench.ack("r", 6000) == [.late(1, .rejected(PlatformError(code: 6000))), .write(2)])
        #expect(bench.ack() == [.complete(2, accepted)])
    }

    @Test("WS-6: a lane waits for a stale ack no longer than one further time-out")
    func staleAckNeverComes() {
        var bench = Bench()
        _ = bench.send(1)
        _ = bench.wait(10)
        #expect(bench.send(2).isEmpty)
        #expect(bench.wait(9).isEmpty)
        #expect(bench.wait(1) == [.write(2)])
    }

    @Test("WS-11: a final snapshot overtakes snapshots that wait, and gives them back")
    func finalOvertakesWaiting() {
        var bench = Bench()
        _ = bench.send(1, "r", .snapshot)
        _ = bench.send(2, "r", .snapshot)
        #expect(bench.send(3, "r", .finalSnapshot) == [.complete(2, .notSent(.overtaken))])
        #expect(bench.ack() == [.complete(1, accepted), .write(3)])
    }

    @Test("WS-11: frames that show themselves once are not overtaken")
    func onceIsKept() {
        var bench = Bench()
        _ = bench.send(1, "r", .snapshot)
        _ = bench.send(2, "r", .once)
        #expect(bench.send(3, "r", .finalSnapshot).isEmpty)
        #expect(bench.ack() == [.complete(1, accepted), .write(2)])
        #expect(bench.ack() == [.complete(2, accepted), .write(3)])
    }

    @Test("WS-11: a final snapshot does not wait for a stale ack; the next ack is the stale one's")
    func finalDuringStale() {
        var bench = Bench()
        _ = bench.send(1, "r", .snapshot)
        _ = bench.wait(10)
        #expect(bench.send(2, "r", .finalSnapshot) == [.write(2)])
        #expect(bench.ack("r", 6000) == [.late(1, .rejected(PlatformError(code: 6000)))])
        #expect(bench.ack() == [.complete(2, accepted)])
        #expect(bench.machine.laneCount == 0)
    }

    @Test("WS-11: a final snapshot that waits goes out when the frame before it times out")
    func waitingFinalAtTimeout() {
        var bench = Bench()
        _ = bench.send(1, "r", .snapshot)
        _ = bench.send(2, "r", .finalSnapshot)
        #expect(bench.wait(10) == [.complete(1, .unknown(.ackTimeout)), .write(2)])
        #expect(bench.ack() == [.late(1, .acknowledged)])
        #expect(bench.ack() == [.complete(2, accepted)])
    }

    @Test("WS-6: a final that times out behind a stale frame leaves two acks to wait for")
    func twoStale() {
        var bench = Bench()
        _ = bench.send(1, "r", .snapshot)
        _ = bench.wait(10)
        _ = bench.send(2, "r", .finalSnapshot)
        #expect(bench.wait(10) == [.complete(2, .unknown(.ackTimeout))])
        #expect(bench.send(3, "r", .once).isEmpty)
        #expect(bench.ack() == [.late(1, .acknowledged)])
        #expect(bench.ack() == [.late(2, .acknowledged), .write(3)])
    }

    @Test("WS-6: a refused write behind a stale frame goes back to waiting for the stale ack")
    func notWrittenBehindStale() {
        var bench = Bench()
        _ = bench.send(1, "r", .snapshot)
        _ = bench.wait(10)
        _ = bench.send(2, "r", .finalSnapshot)
        let effects = bench.machine.notWritten("r", .overflow, now: bench.now).map(AckEffect.init)
        #expect(effects == [.complete(2, .notSent(.overflow))])
        #expect(bench.send(3).isEmpty)
        #expect(bench.ack() == [.late(1, .acknowledged), .write(3)])
    }
}

@Suite("AckStateMachine: errors that name no req_id")
struct AckAnonymousErrorTests {
    @Test("WS-6: the only frame in flight is the one that is meant")
    func single() {
        var bench = Bench()
        _ = bench.send(1)
        _ = bench.send(2)
        #expect(bench.anonymous(40058) == [.complete(1, refused(40058)), .write(2)])
    }

    @Test("WS-6: with nothing in flight it is ignored")
    func none() {
        var bench = Bench()
        #expect(bench.anonymous(40058).isEmpty)
        _ = bench.send(1)
        #expect(bench.ack() == [.complete(1, accepted)])
    }

    @Test("WS-6: with several in flight it waits until the others were answered")
    func byElimination() {
        var bench = Bench()
        _ = bench.send(1, "a")
        _ = bench.send(2, "b")
        _ = bench.send(3, "c")
        #expect(bench.anonymous(40058).isEmpty)
        #expect(bench.ack("c") == [.complete(3, accepted)])
        #expect(bench.ack("a") == [.complete(1, accepted), .complete(2, refused(40058))])
        #expect(bench.machine.inFlight == 0)
    }

    @Test("WS-6: frames sent after the error are no suspects")
    func laterFramesAreInnocent() {
        var bench = Bench()
        _ = bench.send(1, "a")
        _ = bench.send(2, "b")
        _ = bench.anonymous(40058)
        _ = bench.send(3, "c")
        #expect(bench.ack("b") == [.complete(2, accepted), .complete(1, refused(40058))])
        #expect(bench.ack("c") == [.complete(3, accepted)])
    }

    @Test("WS-6: the suspect that times out gets the error instead of an unknown outcome")
    func byTimeout() {
        var bench = Bench()
        _ = bench.send(1, "a", .once, timeout: 5)
        _ = bench.send(2, "b", .once, timeout: 10)
        _ = bench.anonymous(40058)
        #expect(bench.wait(5) == [.complete(1, refused(40058))])
        #expect(bench.wait(5) == [.complete(2, .unknown(.ackTimeout))])
    }

    @Test("WS-6: as many errors as suspects leave no question open")
    func twoErrorsTwoSuspects() {
        var bench = Bench()
        _ = bench.send(1, "a")
        _ = bench.send(2, "b")
        #expect(bench.anonymous(40058).isEmpty)
        let effects = bench.anonymous(40058)
        #expect(effects == [.complete(1, refused(40058)), .complete(2, refused(40058))])
        #expect(bench.machine.laneCount == 0)
    }

    @Test("WS-6: a lane that expires while another is judged keeps waiting for its stale ack")
    func expiryDuringAttribution() {
        var bench = Bench()
        // Lane b has a stale snapshot, and a final in flight that the error may be about.
        _ = bench.send(1, "b", .snapshot, timeout: 5)
        _ = bench.wait(5)
        _ = bench.send(2, "b", .finalSnapshot, timeout: 10)
        _ = bench.send(3, "a", .once, timeout: 10)
        _ = bench.anonymous(40058)
        _ = bench.send(4, "b", .once)
        let effects = bench.wait(10)
        #expect(effects.contains(.complete(3, refused(40058))))
        #expect(effects.contains(.complete(2, .unknown(.ackTimeout))))
        #expect(!effects.contains(.write(4)), "stale acks of lane b are still out")
    }

    @Test("WS-6: errors attributed while lanes expire do not cut the wait for a stale ack short")
    func attributionAtExpiryKeepsStaleWait() {
        var bench = Bench()
        _ = bench.send(1, "z", .snapshot, timeout: 5)
        _ = bench.wait(5)
        _ = bench.send(2, "a")
        _ = bench.send(3, "x")
        _ = bench.anonymous(40058)
        _ = bench.send(4, "z", .finalSnapshot)
        _ = bench.anonymous(40007)
        _ = bench.anonymous(40007)
        _ = bench.send(5, "z", .once)
        let effects = bench.wait(10)
        #expect(
            effects == [.complete(2, refused(40058)), .complete(3, refused(40007)), .complete(4, refused(40007))],
            "the ack of frame 1 may still come")
        #expect(bench.ack("z") == [.late(1, .acknowledged), .write(5)])
    }

    @Test("WS-6: errors to attribute are bounded, and the oldest gives way")
    func bounded() {
        var limits = Machine.Limits()
        limits.anonymousErrors = 2
        var bench = Bench(limits)
        for request in 0..<8 { _ = bench.send(request, ReqID("r\(request)")) }
        for _ in 0..<6 { #expect(bench.anonymous(40058).isEmpty) }
        var effects: [AckEffect] = []
        for request in 0..<8 { effects += bench.ack(ReqID("r\(request)")) }
        let refusedCount = effects.count { if case .complete(_, .rejected) = $0 { true } else { false } }
        #expect(refusedCount == 2)
        #expect(effects.count == 8)
    }
}

@Suite("AckStateMachine: bounds")
struct AckBoundTests {
    @Test("WS-6: a lane holds so many frames; one more is given back at once")
    func waitingPerLane() {
        var bench = Bench()
        _ = bench.send(0)
        for request in 1...64 { #expect(bench.send(request).isEmpty) }
        #expect(bench.send(65) == [.complete(65, .notSent(.overflow))])
        #expect(bench.ack() == [.complete(0, accepted), .write(1)])
        #expect(bench.send(66).isEmpty)
    }

    @Test("WS-6: so many lanes; a frame for one more is given back at once")
    func lanes() {
        var limits = Machine.Limits()
        limits.lanes = 3
        var bench = Bench(limits)
        for lane in 0..<3 { #expect(bench.send(lane, ReqID("r\(lane)")) == [.write(lane)]) }
        #expect(bench.send(9, "r9") == [.complete(9, .notSent(.overflow))])
        #expect(bench.machine.laneCount == 3)
    }

    @Test("WS-6: finals sent over and over without an ack keep a bounded memory of what is unsettled")
    func unsettledIsBounded() {
        var bench = Bench()
        for request in 0..<100 {
            #expect(bench.send(request, "r", .finalSnapshot) == [.write(request)])
            #expect(bench.wait(10) == [.complete(request, .unknown(.ackTimeout))])
        }
        // The first of these acks tells of all frames before; each ends the wait for one frame.
        var acks = 0
        var told = 0
        while bench.machine.laneCount > 0, acks < 9 {
            told += bench.ack().count
            acks += 1
        }
        #expect(acks == 8)
        #expect(told == 100)
    }
}
