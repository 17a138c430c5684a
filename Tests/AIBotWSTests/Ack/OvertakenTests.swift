import Shared
import Testing

@testable import AIBotWS

/// A machine with one-second words.
private struct Bench {
    var machine = AckStateMachine<Int>()
    var now = MonotonicInstant()

    mutating func send(
        _ request: Int, _ lane: ReqID, _ kind: OutboundFrame.Repeatability = .once, timeout: Int = 10
    ) -> [AckEffect] {
        machine.send(request, on: lane, timeout: .seconds(timeout), repeatability: kind, now: now).map(AckEffect.init)
    }
    mutating func ack(_ lane: ReqID, _ code: Int = 0) -> [AckEffect] {
        machine.acknowledged(lane, error: code == 0 ? nil : PlatformError(code: code), body: nil, now: now)
            .map(AckEffect.init)
    }
    mutating func wait(_ seconds: Int) -> [AckEffect] {
        now = now.advanced(by: .seconds(seconds))
        return machine.deadlineReached(now: now).map(AckEffect.init)
    }
    mutating func beat(_ id: ReqID) { machine.heartbeatWritten(id) }
}

private let silent = SendOutcome.unknown(.ackTimeout)
private let accepted = SendOutcome.acknowledged(body: nil)

@Suite("AckStateMachine: overtaken frames")
struct OvertakenTests {
    @Test("WS-15: the ack of a later frame tells that an unanswered one had arrived", arguments: [0, 40_058])
    func laterAck(code: Int) {
        var bench = Bench()
        _ = bench.send(1, "a")
        #expect(bench.wait(10) == [.complete(1, silent)])
        _ = bench.send(2, "b")
        let outcome: SendOutcome = code == 0 ? accepted : .rejected(PlatformError(code: code))
        #expect(bench.ack("b", code) == [.complete(2, outcome), .late(1, .overtaken)])
    }

    @Test("WS-15: the ack of an earlier frame tells nothing")
    func earlierAck() {
        var bench = Bench()
        _ = bench.send(1, "a", timeout: 30)
        _ = bench.send(2, "b")
        #expect(bench.wait(10) == [.complete(2, silent)])
        #expect(bench.ack("a") == [.complete(1, accepted)])
    }

    @Test("WS-15: when the later ack came first, the verdict follows the time-out at once")
    func ackBeforeTimeout() {
        var bench = Bench()
        _ = bench.send(1, "a")
        _ = bench.send(2, "b")
        #expect(bench.ack("b") == [.complete(2, accepted)])
        #expect(bench.wait(10) == [.complete(1, silent), .late(1, .overtaken)])
    }

    @Test("WS-15: told once: its own ack afterwards frees the lane and says nothing more")
    func onlyOnce() {
        var bench = Bench()
        _ = bench.send(1, "a")
        _ = bench.wait(10)
        _ = bench.send(2, "b")
        _ = bench.send(3, "a")
        #expect(bench.ack("b") == [.complete(2, accepted), .late(1, .overtaken)])
        #expect(bench.ack("a") == [.write(3)])
        #expect(bench.ack("a") == [.complete(3, accepted)])
        #expect(bench.machine.laneCount == 0)
    }

    @Test("WS-15: its own ack first: no second verdict from a later one")
    func ownAckFirst() {
        var bench = Bench()
        _ = bench.send(1, "a")
        _ = bench.wait(10)
        #expect(bench.ack("a", 6_000) == [.late(1, .rejected(PlatformError(code: 6_000)))])
        _ = bench.send(2, "b")
        #expect(bench.ack("b") == [.complete(2, accepted)])
    }

    @Test("WS-15: a late ack itself overtakes what was written before it")
    func lateAckOvertakes() {
        var bench = Bench()
        _ = bench.send(1, "a")
        _ = bench.send(2, "b")
        _ = bench.wait(10)
        #expect(bench.ack("b") == [.late(2, .acknowledged), .late(1, .overtaken)])
    }

    @Test("WS-15: long after its lane is gone a frame is still told of, by a heartbeat", arguments: ["p2", nil])
    func heartbeat(id: ReqID?) {
        var bench = Bench()
        bench.beat("p1")
        _ = bench.send(1, "a")
        _ = bench.wait(10)
        _ = bench.wait(10)
        #expect(bench.machine.laneCount == 0)
        #expect(bench.ack("p1") == [])
        bench.beat("p2")
        #expect(bench.machine.heartbeatAnswered(id).map(AckEffect.init) == [.late(1, .overtaken)])
        #expect(bench.machine.heartbeatAnswered(nil).map(AckEffect.init) == [])
    }

    @Test("WS-15: an answer that names no heartbeat claims no more than the oldest")
    func anonymousHeartbeat() {
        var bench = Bench()
        bench.beat("p1")
        _ = bench.send(1, "a")
        _ = bench.wait(10)
        bench.beat("p2")
        #expect(bench.machine.heartbeatAnswered(nil).map(AckEffect.init) == [])
        #expect(bench.machine.heartbeatAnswered(nil).map(AckEffect.init) == [.late(1, .overtaken)])
    }

    @Test("WS-15: a new connection tells nothing of the frames of an old one")
    func newConnection() {
        var bench = Bench()
        bench.beat("p1")
        _ = bench.send(1, "a")
        _ = bench.wait(10)
        _ = bench.machine.sessionLost()
        #expect(bench.machine.heartbeatAnswered(nil).map(AckEffect.init) == [])
        _ = bench.send(2, "b")
        #expect(bench.ack("b") == [.complete(2, accepted)])
        #expect(bench.ack("a") == [])
    }

    @Test("WS-15: what is remembered is bounded; the oldest is forgotten")
    func bounded() {
        var frames = OvertakenFrames<Int>(limit: 2)
        for ticket in 1...3 { #expect(frames.timedOut(UInt64(ticket), ticket) == false) }
        #expect(frames.takeLate(1) == false)
        #expect(frames.answered(9) == [2, 3])
        #expect(frames.timedOut(8, 8) == true)
        #expect(frames.answered(9) == [])
    }

    @Test("WS-15: frames that time out out of order are told of in the order of writing")
    func order() {
        var frames = OvertakenFrames<Int>(limit: 8)
        for ticket in [5, 2, 7, 3] { #expect(frames.timedOut(UInt64(ticket), ticket) == false) }
        #expect(frames.answered(6) == [2, 3, 5])
        #expect(frames.takeLate(7) == true)
        #expect(frames.answered(8) == [])
    }
}

@Suite("SessionRunner: overtaken frames")
struct OvertakenSessionTests {
    private func push(_ session: SessionRunner, _ text: String, _ heard: Heard<LateVerdict>) async -> SendOutcome {
        await session.push(text, to: Conversation(kind: .direct, id: "lin.wei")) { heard.add($0) }
    }

    /// Sends without an answer and waits for the time-out.
    private func unanswered(
        _ platform: FakePlatform, _ session: SessionRunner, _ heard: Heard<LateVerdict>,
        meanwhile: @Sendable () async -> Void = {}
    ) async -> SendOutcome {
        let before = platform.count("aibot_send_msg")
        platform.set(.takesSilently)
        async let outcome = push(session, "hello", heard)
        await eventually("sent") { platform.count("aibot_send_msg") == before + 1 }
        platform.set(.acknowledges)
        await meanwhile()
        platform.clock.advance(by: .seconds(10))
        return await outcome
    }

    @Test("WS-15: the next heartbeat tells of an unanswered push; its own ack after that does not")
    func heartbeat() async {
        let platform = FakePlatform()
        let heard = Heard<LateVerdict>()
        await platform.online { session in
            #expect(await unanswered(platform, session, heard) == .unknown(.ackTimeout))
            #expect(heard.all.isEmpty)
            platform.clock.advance(by: .seconds(20))
            await eventually("heartbeat") { platform.count("ping") == 1 }
            await eventually("overtaken") { heard.all == [.overtaken] }
            let id = platform.state.withLock { state in
                state.frames.first { $0.value["cmd"] == "aibot_send_msg" }?.value["headers"]?["req_id"]
            }
            platform.deliver(.dictionary(["headers": .dictionary(["req_id": id]), "errcode": .integer(0)]))
            await platform.transport.settle()
            #expect(heard.all == [.overtaken])
        }
    }

    @Test("WS-15: an answered push behind it: told with the time-out")
    func laterPush() async {
        let platform = FakePlatform()
        let heard = Heard<LateVerdict>()
        await platform.online { session in
            let outcome = await unanswered(platform, session, heard) {
                #expect(await push(session, "second", Heard()) == .acknowledged(body: nil))
                #expect(heard.all.isEmpty)
            }
            #expect(outcome == .unknown(.ackTimeout))
            await eventually("overtaken") { heard.all == [.overtaken] }
        }
    }

    @Test("WS-15: acks on the next connection say nothing of a push on the last")
    func nextConnection() async {
        let platform = FakePlatform()
        let log = StatusLog()
        let heard = Heard<LateVerdict>()
        await platform.online(log) { session in
            #expect(await unanswered(platform, session, heard) == .unknown(.ackTimeout))
            platform.transport.dropConnection(platform.current)
            await eventually("lost") { if case .backingOff = log.last { true } else { false } }
            platform.clock.advance(by: .seconds(1))
            await eventually("online again") { log.last == .online }
            #expect(await push(session, "second", Heard()) == .acknowledged(body: nil))
            platform.clock.advance(by: .seconds(30))
            await eventually("heartbeat") { platform.count("ping") == 1 }
            await platform.transport.settle()
            #expect(heard.all.isEmpty)
        }
    }
}
