import Shared
import Testing

@testable import AIBotWS

@Suite("SessionStateMachine: a subscription of our own that is late")
struct OrphanTests {
    /// Subscribed with the second connection, after the first one's subscription had no answer.
    private func afterTimeout(_ onReplaced: SessionConfiguration.ReplacedPolicy) -> SessionBench {
        var bench = SessionBench(onReplaced: onReplaced)
        bench.start()
        bench.opened()
        bench.pass(.seconds(10))
        _ = bench.toNextTimer()
        bench.online()
        return bench
    }

    @Test(
        "displaced.policy: WS-5: a bot taken away soon after an unanswered subscription is taken back once",
        arguments: SessionConfiguration.ReplacedPolicy.allCases)
    func takenBack(policy: SessionConfiguration.ReplacedPolicy) {
        var bench = afterTimeout(policy)
        bench.pass(.seconds(2))
        #expect(bench.displaced() == [.abort(ConnectionID(2)), .sessionLost(.superseded), .statusChanged])
        #expect(bench.machine.status == .superseded)
        let (waited, actions) = bench.toNextTimer()
        #expect(waited >= .seconds(60) && waited <= .seconds(120))
        #expect(actions.first == .connect(ConnectionID(3)))
        bench.online()
        // Whoever takes it now is somebody else.
        let second = bench.displaced()
        switch policy {
        case .wait: #expect(bench.machine.nextDeadline == nil)
        case .exit: #expect(second.last == .exit)
        case .takeover: #expect(bench.machine.nextDeadline != nil)
        }
    }

    @Test("displaced.policy: WS-5: two minutes later it is somebody else's doing", arguments: [109, 111])
    func muchLater(seconds: Int) {
        var bench = afterTimeout(.wait)
        let since = MonotonicInstant().advanced(by: .seconds(10))
        while since.duration(to: bench.now) < .seconds(seconds + 10) {
            _ = bench.pass(.milliseconds(500))
            bench.frame()
        }
        bench.displaced()
        #expect((bench.machine.nextDeadline == nil) == (seconds > 110))
    }

    @Test("displaced.policy: WS-5: a connection that ends while it subscribes may have subscribed")
    func connectionLost() {
        var bench = SessionBench()
        bench.start()
        bench.opened()
        bench.closed()
        _ = bench.toNextTimer()
        bench.opened()
        #expect(bench.displaced() == [.abort(ConnectionID(2)), .statusChanged])
        #expect(bench.toNextTimer().1.first == .connect(ConnectionID(3)))
    }
}

@Suite("SessionStateMachine: a new connection is asked for")
struct RenewTests {
    @Test("WS-4: a live session is replaced where that is asked for, and the old connection means nothing any more")
    func renews() {
        var bench = SessionBench()
        bench.online()
        #expect(
            bench.renew() == [
                .close(ConnectionID(1)), .sessionLost(.requested), .connect(ConnectionID(2)), .statusChanged,
            ])
        #expect(bench.renew().isEmpty)
        #expect(bench.displaced(ConnectionID(1)).isEmpty)
        #expect(bench.closed(ConnectionID(1), .byUs).isEmpty)
        bench.online()
        #expect(bench.machine.activeConnection == ConnectionID(2))
    }

    @Test("WS-4: otherwise it is as with any request")
    func others() {
        var bench = SessionBench()
        #expect(bench.renew().isEmpty)
        bench.start()
        #expect(bench.renew().isEmpty)
        bench.opened()
        #expect(bench.renew().isEmpty)
        bench.answered()
        bench.closed()
        #expect(bench.renew().first == .connect(ConnectionID(2)))
        bench.shutdown()
        #expect(bench.renew().isEmpty)
    }
}
