import Shared
import Testing

@testable import AIBotWS

@Suite("SessionStateMachine: reconnect policy")
struct ReconnectTests {
    @Test(
        "reconnect.policy: P17, WS-4: waits double from 1 s to 60 s, each between half of the step and the whole",
        arguments: 0..<20)
    func steps(seed: Int) {
        var bench = SessionBench(seed: UInt64(seed))
        bench.start()
        for step in [1, 2, 4, 8, 16, 32, 60, 60, 60, 60] {
            bench.closed(nil, .connectFailed("down"))
            let (waited, actions) = bench.toNextTimer()
            #expect(actions.first?.isConnect == true)
            #expect(waited >= .milliseconds(500 * step) && waited <= .seconds(step), "\(waited.inSeconds) of \(step)")
        }
    }

    @Test("reconnect.policy: P17, WS-4: jitter really spreads")
    func jitter() {
        var waits: Set<Int64> = []
        for seed in 0..<50 {
            var bench = SessionBench(seed: UInt64(seed))
            bench.start()
            bench.closed()
            waits.insert(bench.toNextTimer().0.clampedNanoseconds / 10_000_000)
        }
        #expect(waits.count > 20)
    }

    @Test("reconnect.policy: P17, WS-4: after an outage of three days it is back within a step of the recovery")
    func threeDays() {
        var bench = SessionBench()
        bench.online()
        bench.closed()
        let recovery = bench.now.advanced(by: .seconds(3 * 86_400))
        var attempts = 0
        while true {
            _ = bench.toNextTimer()
            attempts += 1
            if bench.now >= recovery { break }
            bench.now = bench.now.advanced(by: .seconds(15))
            bench.closed(nil, .connectTimedOut)
        }
        #expect(recovery.duration(to: bench.now) <= .seconds(75))
        bench.opened()
        bench.answered()
        #expect(bench.machine.status == .online)
        #expect(attempts < 3 * 86_400 / 45 + 10)
    }

    @Test("reconnect.policy: P17, WS-4: after a sleep of the machine the attempt that was waited for is made at once")
    func wokenUp() {
        var bench = SessionBench()
        bench.start()
        for _ in 0..<10 {
            bench.closed(nil, .connectFailed("down"))
            _ = bench.toNextTimer()
        }
        bench.closed(nil, .connectFailed("down"))
        bench.now = bench.now.advanced(by: .seconds(8 * 3_600))
        #expect(bench.due().first?.isConnect == true)
        bench.opened()
        bench.answered()
        #expect(bench.machine.status == .online)
    }

    @Test("reconnect.policy: P17, WS-4: twenty short drops over a day recover within 2 s each")
    func shortDrops() {
        var bench = SessionBench()
        bench.online()
        for _ in 0..<20 {
            for _ in 0..<144 {
                _ = bench.toNextTimer()
                bench.frame()
            }
            let dropped = bench.now
            bench.closed()
            _ = bench.toNextTimer()
            bench.opened()
            bench.answered()
            #expect(bench.machine.status == .online)
            #expect(dropped.duration(to: bench.now) <= .seconds(2))
        }
    }

    @Test("reconnect.policy: P17, WS-4: only a minute of stable connection starts the waits over")
    func resetAfterStable() {
        var bench = SessionBench()
        bench.start()
        for _ in 0..<5 {
            bench.closed()
            _ = bench.toNextTimer()
        }
        bench.opened()
        bench.answered()
        bench.now = bench.now.advanced(by: .milliseconds(59_999))
        bench.closed()
        var (waited, _) = bench.toNextTimer()
        #expect(waited >= .seconds(16), "59.999 s are not stable yet: \(waited.inSeconds)")
        bench.opened()
        bench.answered()
        bench.now = bench.now.advanced(by: .seconds(60))
        bench.closed()
        (waited, _) = bench.toNextTimer()
        #expect(waited <= .seconds(1))
    }

    @Test(
        "reconnect.policy: P17, WS-2: refused credentials: 5 minutes, doubling to 60, named as such",
        arguments: [853_000, 600_041, 93_019, 40_001, 40_013])
    func credentials(code: Int) {
        var bench = SessionBench()
        bench.start()
        for minutes in [5, 10, 20, 40, 60, 60, 60] {
            bench.opened()
            let id = bench.current
            #expect(bench.answered(code) == [.abort(id), .statusChanged])
            #expect(bench.machine.status == .credentialsRejected(code: code))
            bench.closed(id, .byUs)
            #expect(bench.machine.status == .credentialsRejected(code: code))
            let (waited, actions) = bench.toNextTimer()
            #expect(waited == .seconds(minutes * 60))
            #expect(actions.first?.isConnect == true)
        }
        bench.opened()
        bench.answered()
        #expect(bench.machine.status == .online)
        bench.closed()
        _ = bench.toNextTimer()
        bench.opened()
        bench.answered(code)
        #expect(bench.toNextTimer().0 == .seconds(300))
    }

    @Test(
        "reconnect.policy: P17, WS-2: any other refusal takes the ordinary waits",
        arguments: [45_009, 45_033, 846_609, -1, 99_999])
    func otherRefusals(code: Int) {
        var bench = SessionBench()
        bench.start()
        bench.opened()
        #expect(bench.answered(code) == [.abort(ConnectionID(1)), .statusChanged])
        #expect(bench.machine.status == .backingOff(.subscribeRefused(PlatformError(code: code))))
        #expect(bench.toNextTimer().0 <= .seconds(1))
    }

    @Test("reconnect.policy: P17, WS-4: a platform that subscribes and drops at once is not hammered")
    func flapping() {
        var bench = SessionBench()
        bench.online()
        var connects = 0
        let end = bench.now.advanced(by: .seconds(3_600))
        while bench.now < end {
            bench.closed()
            _ = bench.toNextTimer()
            connects += 1
            bench.opened()
            bench.answered()
        }
        #expect(connects < 130)
    }
}

@Suite("SessionStateMachine: displaced")
struct DisplacedPolicyTests {
    /// An adversary that takes the bot back half a second after every subscription of ours.
    @Test("displaced.policy: WS-5: takeover tries at most three times in any hour over a day", arguments: 0..<10)
    func takeoverAgainstAdversary(seed: Int) {
        var bench = SessionBench(onReplaced: .takeover, seed: UInt64(seed))
        bench.online()
        var attempts: [MonotonicInstant] = []
        let end = bench.now.advanced(by: .seconds(86_400))
        while bench.now < end {
            bench.now = bench.now.advanced(by: .milliseconds(500))
            let id = bench.current
            bench.displaced()
            bench.closed(id, .byUs)
            let (waited, actions) = bench.toNextTimer()
            #expect(waited >= .seconds(60))
            #expect(actions.first?.isConnect == true)
            attempts.append(bench.now)
            bench.opened()
            bench.answered()
        }
        for (index, attempt) in attempts.enumerated() where index >= 3 {
            #expect(attempts[index - 3].duration(to: attempt) >= .seconds(3_600))
        }
        #expect(attempts.count >= 60 && attempts.count <= 75)
    }

    @Test("displaced.policy: WS-5: the first takeover comes after 60 to 120 s", arguments: 0..<20)
    func firstTakeover(seed: Int) {
        var bench = SessionBench(onReplaced: .takeover, seed: UInt64(seed))
        bench.online()
        bench.displaced()
        let (waited, _) = bench.toNextTimer()
        #expect(waited >= .seconds(60) && waited <= .seconds(120))
    }

    @Test("displaced.policy: WS-5: two bots that both wait: one subscription is lost, none fights")
    func waitNeverFights() {
        var bench = SessionBench()
        bench.online()
        bench.displaced()
        bench.pass(.seconds(86_400))
        let connects = bench.log.count(where: \.isConnect)
        #expect(connects == 1)
    }

    @Test("displaced.policy: WS-5: displacement counts as soon as the subscription is sent")
    func displacedWhileSubscribing() {
        var bench = SessionBench()
        bench.start()
        #expect(bench.displaced().isEmpty)
        bench.opened()
        #expect(bench.displaced() == [.abort(ConnectionID(1)), .statusChanged])
        #expect(bench.machine.status == .superseded)
        #expect(bench.machine.nextDeadline == nil)
        #expect(bench.answered().isEmpty)
    }
}

@Suite("SessionStateMachine: storms")
struct SessionStormTests {
    @Test(
        "WS-21: whatever comes in whatever order, at most one connection is wanted and nothing traps", arguments: 0..<12
    )
    func storm(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) &+ 4_000)
        let policies = SessionConfiguration.ReplacedPolicy.allCases
        var bench = SessionBench(onReplaced: policies[seed % 3], seed: UInt64(seed))
        var wanted: Set<ConnectionID> = []
        var subscribed: Set<ConnectionID> = []
        var dead = false
        var changes: [MonotonicInstant] = []
        func pick(_ upper: Int) -> Int { Int.random(in: 0..<upper, using: &random) }
        for step in 0..<5_000 {
            let last = bench.current.number
            let id = ConnectionID(last < 3 ? last : last - UInt64(pick(3)))
            let actions: [SessionStateMachine.Action]
            switch pick(step > 4_500 ? 13 : 12) {
            case 0: actions = bench.start()
            case 1, 2: actions = bench.opened(id)
            case 3: actions = bench.closed(id)
            case 4, 5: actions = bench.answered([0, 0, 0, 853_000, 45_009][pick(5)], id)
            case 6: actions = pick(10) == 0 ? bench.displaced(id) : []
            case 7: actions = pick(10) == 0 ? bench.notSubscribed(id) : []
            case 8: actions = pick(5) == 0 ? bench.reconnect() : []
            case 9:
                bench.frame(id)
                actions = []
            case 10: actions = bench.pass(.milliseconds(pick(20_000)))
            case 11:
                let before = bench.machine.status
                actions = bench.networkChanged()
                #expect(
                    actions.isEmpty || before == .online || before.isWaitingForTheLine, "\(actions) while \(before)")
                if !actions.isEmpty { changes.append(bench.now) }
            default: actions = bench.shutdown()
            }
            for action in actions {
                switch action {
                case .connect(let id):
                    #expect(wanted.isEmpty, "connection \(id) next to \(wanted)")
                    #expect(!dead)
                    wanted.insert(id)
                case .abort(let id), .close(let id): wanted.remove(id)
                case .sendSubscribe(let id):
                    #expect(wanted.contains(id))
                    #expect(subscribed.insert(id).inserted, "subscribed twice on \(id)")
                case .sendHeartbeat(let id): #expect(wanted.contains(id) && subscribed.contains(id))
                case .sessionStarted(let id): #expect(wanted.contains(id) && subscribed.contains(id))
                case .sessionLost(let loss): if case .transport = loss { wanted = [] }
                case .statusChanged: if bench.machine.status == .closed { dead = true }
                case .exit: #expect(bench.machine.status == .closed)
                }
            }
            // The transport dropped it: nothing wants it any more.
            if case .backingOff = bench.machine.status { wanted = [] }
            if bench.machine.status == .closed { wanted = [] }
        }
        #expect(bench.log.count > 50)
        #expect(!changes.isEmpty)
        let closest = zip(changes, changes.dropFirst()).map { $0.duration(to: $1) }.min() ?? .seconds(5)
        #expect(closest >= .seconds(5))
    }
}

extension SessionStatus {
    /// Nobody refused anything: the platform was not reached, or it fell silent.
    fileprivate var isWaitingForTheLine: Bool {
        switch self {
        case .backingOff(.transport(.byPeer(code: nil))), .backingOff(.halfOpen), .backingOff(.subscribeTimedOut): true
        default: false
        }
    }
}
