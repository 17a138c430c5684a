import Shared
import Testing

@testable import AIBotWS

@Suite("SessionStateMachine: the network changed")
struct NetworkChangeTests {
    /// As after an outage: it waits, and not for a short time.
    private func waiting(_ reason: CloseReason = .connectFailed("unreachable")) -> SessionBench {
        var bench = SessionBench()
        bench.start()
        for _ in 0..<8 {
            bench.closed(nil, reason)
            _ = bench.toNextTimer()
        }
        bench.closed(nil, reason)
        return bench
    }

    private func left(_ bench: SessionBench) -> Duration {
        bench.now.duration(to: bench.machine.nextDeadline ?? bench.now)
    }

    @Test(
        "reconnect.policy: P17, WS-4: a wait for the line ends at once",
        arguments: [CloseReason.connectFailed("unreachable"), .connectTimedOut, .byPeer(code: nil)])
    func endsWait(reason: CloseReason) {
        var bench = waiting(reason)
        #expect(left(bench) >= .seconds(30))
        let next = ConnectionID(bench.current.number + 1)
        #expect(bench.networkChanged() == [.connect(next), .statusChanged])
        #expect(bench.machine.status == .connecting)
    }

    @Test("reconnect.policy: P17, WS-4: so does a wait after silence, and after a subscription without an answer")
    func endsWaitAfterSilence() {
        var silent = SessionBench()
        silent.online()
        while silent.machine.status == .online { _ = silent.toNextTimer() }
        #expect(silent.machine.status == .backingOff(.halfOpen))
        #expect(silent.networkChanged().first?.isConnect == true)

        var unanswered = SessionBench()
        unanswered.start()
        unanswered.opened()
        unanswered.pass(.seconds(10))
        #expect(unanswered.machine.status == .backingOff(.subscribeTimedOut))
        #expect(unanswered.networkChanged().first?.isConnect == true)
    }

    @Test("reconnect.policy: P17, WS-4: the attempt that it causes is one more: the next wait is as long as before")
    func keepsTheSteps() {
        var bench = waiting()
        bench.networkChanged()
        bench.closed(nil, .connectFailed("unreachable"))
        #expect(left(bench) >= .seconds(30))
    }

    @Test("reconnect.policy: P17, WS-4: what the platform said keeps its wait", arguments: [853_000, 45_009, 846_609])
    func refusals(code: Int) {
        var bench = SessionBench()
        bench.start()
        bench.opened()
        bench.answered(code)
        let due = bench.machine.nextDeadline
        #expect(bench.networkChanged().isEmpty)
        #expect(bench.machine.nextDeadline == due)
    }

    @Test("reconnect.policy: P17, WS-4: so does a close with a code, and 846609 on a frame")
    func words() {
        var closed = SessionBench()
        closed.online()
        closed.closed(nil, .byPeer(code: 1013))
        let due = closed.machine.nextDeadline
        #expect(closed.networkChanged().isEmpty)
        #expect(closed.machine.nextDeadline == due)

        var recycled = SessionBench()
        recycled.online()
        recycled.notSubscribed()
        #expect(recycled.networkChanged().isEmpty)
    }

    @Test("displaced.policy: WS-5: a replaced bot stays away", arguments: SessionConfiguration.ReplacedPolicy.allCases)
    func replaced(policy: SessionConfiguration.ReplacedPolicy) {
        var bench = SessionBench(onReplaced: policy)
        bench.online()
        bench.displaced()
        let due = bench.machine.nextDeadline
        #expect(bench.networkChanged().isEmpty)
        #expect(bench.machine.nextDeadline == due)
    }

    @Test("reconnect.policy: P17: nothing to do before the start, during an attempt, and at the end")
    func nothingToDo() {
        var bench = SessionBench()
        #expect(bench.networkChanged().isEmpty)
        bench.start()
        #expect(bench.networkChanged().isEmpty)
        bench.opened()
        #expect(bench.networkChanged().isEmpty)
        #expect(bench.answered() == [.sessionStarted(ConnectionID(1)), .statusChanged])
        #expect(left(bench) == .seconds(30), "an answer after the change shows that the line works")
        bench.shutdown()
        #expect(bench.networkChanged().isEmpty)
        bench.closed(nil, .byUs)
        #expect(bench.networkChanged().isEmpty)
    }

    @Test("reconnect.policy: P17, WS-4: an attempt over the way that is gone is not waited for twice")
    func duringAttempt() {
        for subscribing in [false, true] {
            var bench = waiting()
            _ = bench.toNextTimer()
            if subscribing { bench.opened() }
            bench.networkChanged()
            bench.now = bench.now.advanced(by: .seconds(9))
            bench.closed(nil, .connectTimedOut)
            #expect(left(bench) == .zero)
            #expect(bench.due().first?.isConnect == true)
            // The next one began after the change.
            bench.closed(nil, .connectTimedOut)
            #expect(left(bench) >= .seconds(30))
        }
    }

    @Test("reconnect.policy: P17, WS-2: refused during such an attempt: the wait of the refusal")
    func refusedDuringAttempt() {
        var bench = waiting()
        _ = bench.toNextTimer()
        bench.opened()
        bench.networkChanged()
        bench.answered(853_000)
        #expect(left(bench) == .seconds(300))
    }

    @Test(
        "reconnect.policy: P17, WS-3: online: a heartbeat now; without an answer the line is given up after the ack time-out"
    )
    func checksTheLine() {
        var bench = SessionBench()
        bench.online()
        bench.pass(.seconds(7))
        #expect(bench.networkChanged() == [.sendHeartbeat(ConnectionID(1))])
        #expect(bench.pass(.milliseconds(9_999)).isEmpty)
        #expect(bench.pass(.milliseconds(1)) == [.abort(ConnectionID(1)), .sessionLost(.halfOpen), .statusChanged])
        #expect(bench.toNextTimer().1.first?.isConnect == true)
    }

    @Test("reconnect.policy: P17, WS-3: online and answered: all is as before, one heartbeat each interval")
    func answered() {
        var bench = SessionBench()
        bench.online()
        bench.pass(.seconds(7))
        bench.networkChanged()
        bench.pass(.seconds(9))
        bench.frame()
        #expect(bench.pass(.milliseconds(20_999)).isEmpty)
        #expect(bench.pass(.milliseconds(1)) == [.sendHeartbeat(ConnectionID(1))])
        // This one need not be answered at once.
        #expect(bench.pass(.milliseconds(29_999)).isEmpty)
        #expect(bench.machine.status == .online)
    }

    @Test("reconnect.policy: P17, WS-3: while an answer is awaited, further changes neither send nor prolong")
    func whileChecking() {
        var bench = SessionBench()
        bench.online()
        bench.networkChanged()
        for _ in 0..<9 {
            bench.pass(.seconds(1))
            #expect(bench.networkChanged().isEmpty)
        }
        #expect(bench.pass(.seconds(1)).contains(.sessionLost(.halfOpen)))
    }

    @Test("reconnect.policy: P17, WS-4: an address that comes right after one is tried within 5 s")
    func secondChange() {
        var bench = waiting()
        bench.networkChanged()
        bench.closed(nil, .connectFailed("unreachable"))
        bench.now = bench.now.advanced(by: .seconds(2))
        #expect(bench.networkChanged().isEmpty)
        #expect(left(bench) == .seconds(3))
        // A third one moves nothing.
        #expect(bench.networkChanged().isEmpty)
        #expect(left(bench) == .seconds(3))
        #expect(bench.toNextTimer().1.first?.isConnect == true)
    }

    @Test("reconnect.policy: P17, WS-4: an interface that comes and goes for an hour makes no storm", arguments: 0..<20)
    func flapping(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        // Half of them find nobody, half are online.
        let isOnline = seed % 2 == 0
        var bench = isOnline ? SessionBench(seed: UInt64(seed)) : waiting()
        if isOnline { bench.online() }
        bench.log = isOnline ? bench.log : []
        let end = bench.now.advanced(by: .seconds(3_600))
        var acted: [MonotonicInstant] = []
        while bench.now < end {
            let pause = Duration.milliseconds(Int.random(in: 50...2_000, using: &random))
            let next = bench.now.advanced(by: pause)
            if let due = bench.machine.nextDeadline, due <= next {
                bench.now = max(bench.now, due)
                if !bench.due().isEmpty { acted.append(bench.now) }
            } else {
                bench.now = next
                if !bench.networkChanged().isEmpty { acted.append(bench.now) }
            }
            if isOnline { bench.frame() } else { bench.closed(nil, .connectFailed("unreachable")) }
        }
        // The pause is kept, and used.
        let closest = zip(acted, acted.dropFirst()).map { $0.duration(to: $1) }.min() ?? .zero
        #expect(closest >= .seconds(5))
        #expect(acted.count > 400 && acted.count <= 721, "\(acted.count)")
        #expect(!isOnline || bench.machine.status == .online)
    }
}
