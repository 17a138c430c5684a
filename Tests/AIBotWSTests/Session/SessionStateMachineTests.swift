import Shared
import Testing

@testable import AIBotWS

@Suite("SessionStateMachine: transitions")
struct SessionTransitionTests {
    @Test("WS-2: connect, subscribe first, online on the answer")
    func happyPath() {
        var bench = SessionBench()
        #expect(bench.machine.status == .idle)
        let id = ConnectionID(1)
        #expect(bench.start() == [.connect(id), .statusChanged])
        #expect(bench.machine.status == .connecting)
        #expect(bench.machine.activeConnection == nil)
        #expect(bench.opened() == [.sendSubscribe(id)])
        #expect(bench.machine.activeConnection == nil)
        #expect(bench.answered() == [.sessionStarted(id), .statusChanged])
        #expect(bench.machine.status == .online)
        #expect(bench.machine.activeConnection == id)
    }

    @Test("WS-2: starting twice makes one connection")
    func startsOnce() {
        var bench = SessionBench()
        bench.start()
        #expect(bench.start().isEmpty)
    }

    @Test("WS-2: a subscription without an answer is given up after the ack time-out, socket closed")
    func subscribeTimesOut() {
        var bench = SessionBench()
        bench.start()
        bench.opened()
        #expect(bench.pass(.milliseconds(9_999)).isEmpty)
        #expect(bench.pass(.milliseconds(1)) == [.abort(ConnectionID(1)), .statusChanged])
        #expect(bench.machine.status == .backingOff(.subscribeTimedOut))
    }

    @Test("WS-2: an answer after the time-out is ignored")
    func lateSubscribeAnswer() {
        var bench = SessionBench()
        bench.start()
        bench.opened()
        bench.pass(.seconds(10))
        #expect(bench.answered().isEmpty)
        #expect(bench.machine.activeConnection == nil)
    }

    @Test("WS-4: a connection that cannot be opened is tried again")
    func connectFails() {
        var bench = SessionBench()
        bench.start()
        #expect(bench.closed(nil, .connectFailed("refused")) == [.statusChanged])
        #expect(bench.machine.status == .backingOff(.transport(.connectFailed("refused"))))
        let (waited, actions) = bench.toNextTimer()
        #expect(actions == [.connect(ConnectionID(2)), .statusChanged])
        #expect(waited >= .milliseconds(500) && waited <= .seconds(1))
    }

    @Test("WS-4: a lost connection ends the session once, and a new one is opened")
    func lostWhileOnline() {
        var bench = SessionBench()
        bench.online()
        let loss = SessionStatus.Loss.transport(.byPeer(code: 1006))
        #expect(bench.closed(nil, .byPeer(code: 1006)) == [.sessionLost(loss), .statusChanged])
        #expect(bench.closed(ConnectionID(1), .byPeer(code: 1006)).isEmpty)
        #expect(bench.toNextTimer().1.first == .connect(ConnectionID(2)))
    }

    @Test("WS-2: a lost connection while subscribing is an ordinary loss")
    func lostWhileSubscribing() {
        var bench = SessionBench()
        bench.start()
        bench.opened()
        #expect(bench.closed() == [.statusChanged])
    }

    @Test("reply.acrossReconnect: P3, WS-14: 846609 recycles the connection once")
    func notSubscribed() {
        var bench = SessionBench()
        bench.online()
        #expect(
            bench.notSubscribed() == [.abort(ConnectionID(1)), .sessionLost(.notSubscribed), .statusChanged])
        #expect(bench.notSubscribed(ConnectionID(1)).isEmpty)
        #expect(bench.toNextTimer().1.first == .connect(ConnectionID(2)))
    }

    @Test("WS-5: events of older connections change nothing")
    func olderConnectionsAreIgnored() {
        var bench = SessionBench()
        bench.online()
        bench.closed()
        _ = bench.toNextTimer()
        bench.opened()
        bench.answered()
        let old = ConnectionID(1)
        #expect(bench.displaced(old).isEmpty)
        #expect(bench.notSubscribed(old).isEmpty)
        #expect(bench.closed(old).isEmpty)
        #expect(bench.opened(old).isEmpty)
        #expect(bench.answered(853_000, old).isEmpty)
        #expect(bench.machine.activeConnection == ConnectionID(2))
    }

    @Test("WS-5: displaced means stay away, until told to come back")
    func displacedWaits() {
        var bench = SessionBench()
        bench.online()
        #expect(bench.displaced() == [.abort(ConnectionID(1)), .sessionLost(.superseded), .statusChanged])
        #expect(bench.machine.status == .superseded)
        #expect(bench.machine.nextDeadline == nil)
        #expect(bench.pass(.seconds(86_400)).isEmpty)
        #expect(bench.closed(ConnectionID(1)).isEmpty)
        #expect(bench.reconnect() == [.connect(ConnectionID(2)), .statusChanged])
    }

    @Test("WS-5: displaced with exit ends for good")
    func displacedExits() {
        var bench = SessionBench(onReplaced: .exit)
        bench.online()
        #expect(bench.displaced() == [.abort(ConnectionID(1)), .sessionLost(.superseded), .statusChanged, .exit])
        #expect(bench.machine.status == .closed)
        #expect(bench.reconnect().isEmpty)
        #expect(bench.pass(.seconds(86_400)).isEmpty)
    }

    @Test("WS-4: a request to reconnect ends a wait at once, and leaves a live session alone")
    func reconnectRequest() {
        var bench = SessionBench()
        #expect(bench.reconnect().isEmpty)
        bench.start()
        #expect(bench.reconnect().isEmpty)
        bench.opened()
        #expect(bench.reconnect().isEmpty)
        bench.answered()
        #expect(bench.reconnect().isEmpty)
        bench.closed()
        #expect(bench.reconnect().first == .connect(ConnectionID(2)))
        #expect(bench.due().isEmpty)
    }
}

@Suite("SessionStateMachine: shutdown")
struct SessionShutdownTests {
    private let id = ConnectionID(1)

    @Test("WS-10: nothing open: closed at once")
    func withoutConnection() {
        var idle = SessionBench()
        #expect(idle.shutdown() == [.statusChanged])
        #expect(idle.machine.status == .closed)
        #expect(idle.start().isEmpty)

        var waiting = SessionBench()
        waiting.online()
        waiting.closed()
        #expect(waiting.shutdown() == [.statusChanged])
        #expect(waiting.machine.nextDeadline == nil)

        var replaced = SessionBench()
        replaced.online()
        replaced.displaced()
        #expect(replaced.shutdown() == [.statusChanged])
    }

    @Test("WS-10: while connecting or subscribing: dropped, closed once the transport says so")
    func whileConnecting() {
        var connecting = SessionBench()
        connecting.start()
        #expect(connecting.shutdown() == [.abort(id), .statusChanged])
        #expect(connecting.opened().isEmpty)
        #expect(connecting.closed(id, .byUs) == [.statusChanged])
        #expect(connecting.machine.status == .closed)

        var subscribing = SessionBench()
        subscribing.start()
        subscribing.opened()
        #expect(subscribing.shutdown() == [.abort(id), .statusChanged])
        #expect(subscribing.answered().isEmpty)
        #expect(subscribing.closed(id, .byUs) == [.statusChanged])
    }

    @Test("WS-10: while online: a close frame, frames in flight are given back, nothing afterwards")
    func whileOnline() {
        var bench = SessionBench()
        bench.online()
        #expect(bench.shutdown() == [.sessionLost(.shutdown), .close(id), .statusChanged])
        #expect(bench.shutdown().isEmpty)
        #expect(bench.displaced(id).isEmpty)
        #expect(bench.closed(id, .byUs) == [.statusChanged])
        #expect(bench.closed(id, .byUs).isEmpty)
        #expect(bench.reconnect().isEmpty)
        #expect(bench.shutdown().isEmpty)
        #expect(bench.pass(.seconds(3_600)).isEmpty)
    }
}

@Suite("SessionStateMachine: heartbeat")
struct SessionHeartbeatTests {
    @Test("wire.heartbeat: P20, WS-3: the first ping goes out one interval after subscribing, then one each interval")
    func pace() {
        var bench = SessionBench()
        bench.online()
        #expect(bench.pass(.milliseconds(29_999)).isEmpty)
        #expect(bench.pass(.milliseconds(1)) == [.sendHeartbeat(ConnectionID(1))])
        bench.frame()
        #expect(bench.pass(.milliseconds(29_999)).isEmpty)
        #expect(bench.pass(.milliseconds(1)) == [.sendHeartbeat(ConnectionID(1))])
    }

    @Test("wire.heartbeat: P20, WS-3: eight idle hours with answered pings: no reconnect, 960 pings")
    func idleForHours() {
        var bench = SessionBench()
        bench.online()
        var pings = 0
        for _ in 0..<960 {
            let (_, actions) = bench.toNextTimer()
            pings += actions.count(where: \.isHeartbeat)
            let onlyPings = actions.allSatisfy(\.isHeartbeat)
            #expect(onlyPings)
            bench.frame()
        }
        #expect(pings == 960)
        #expect(bench.seconds == 28_800)
        #expect(bench.machine.status == .online)
    }

    @Test("liveness.halfOpen: P1, WS-3: whenever the line dies, it is given up within 75 s", arguments: 0..<120)
    func halfOpenAtAnyPhase(half: Int) {
        var bench = SessionBench()
        bench.online()
        // Alive up to there: every ping is answered 50 ms later.
        let death = Duration.seconds(60) + .milliseconds(500 * half)
        let dies = bench.now.advanced(by: death)
        while let due = bench.machine.nextDeadline, due < dies {
            bench.now = due
            bench.due()
            bench.now = bench.now.advanced(by: .milliseconds(50))
            if bench.now <= dies { bench.frame() }
        }
        bench.now = max(bench.now, dies)
        var actions: [SessionStateMachine.Action] = []
        while bench.machine.status == .online { actions = bench.toNextTimer().1 }
        let took = dies.duration(to: bench.now)
        #expect(took <= .seconds(75), "dead for \(took.inSeconds) s")
        #expect(actions == [.abort(ConnectionID(1)), .sessionLost(.halfOpen), .statusChanged])
        #expect(bench.toNextTimer().1.first?.isConnect == true)
    }

    @Test("liveness.halfOpen: P1, WS-3: any inbound frame is liveness, also just before the end")
    func anyFrameCounts() {
        var bench = SessionBench()
        bench.online()
        bench.pass(.milliseconds(69_999))
        bench.frame()
        #expect(bench.pass(.milliseconds(20_000)).isEmpty)
        #expect(bench.pass(.milliseconds(1)) == [.sendHeartbeat(ConnectionID(1))])
        #expect(bench.machine.status == .online)
    }

    @Test("liveness.halfOpen: P1, WS-3: frames of older connections do not keep the current one alive")
    func oldFramesDoNotCount() {
        var bench = SessionBench()
        bench.online()
        bench.closed()
        _ = bench.toNextTimer()
        bench.opened()
        bench.answered()
        bench.pass(.seconds(69))
        bench.frame(ConnectionID(1))
        #expect(bench.pass(.seconds(1)).contains(.sessionLost(.halfOpen)))
    }

    @Test("liveness.halfOpen: P1, WS-3: after the process slept for an hour the line is checked, and given up in time")
    func afterSleep() {
        var bench = SessionBench()
        bench.online()
        bench.now = bench.now.advanced(by: .seconds(3_600))
        #expect(bench.due() == [.sendHeartbeat(ConnectionID(1))])
        let woke = bench.now
        while bench.machine.status == .online { _ = bench.toNextTimer() }
        #expect(woke.duration(to: bench.now) <= .seconds(75))
    }
}
