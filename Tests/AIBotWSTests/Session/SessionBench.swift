import Shared

@testable import AIBotWS

/// A session machine on a clock of its own, with a platform that can be told how to behave.
struct SessionBench {
    var machine: SessionStateMachine
    var now = MonotonicInstant()
    /// Every action since the start.
    var log: [SessionStateMachine.Action] = []

    init(
        onReplaced: SessionConfiguration.ReplacedPolicy = .wait, seed: UInt64 = 1,
        _ change: (inout SessionConfiguration) -> Void = { _ in }
    ) {
        var configuration = SessionConfiguration(
            botID: "aib-test", secret: "s", target: ConnectionTarget(secure: false, host: "127.0.0.1", port: 1))
        configuration.onReplaced = onReplaced
        change(&configuration)
        machine = SessionStateMachine(configuration, seed: seed)
    }

    /// The connection that the machine asked for last.
    var current: ConnectionID {
        log.reversed().lazy.compactMap { if case .connect(let id) = $0 { id } else { nil } }.first ?? ConnectionID(0)
    }

    var seconds: Double { Double(now.nanoseconds) / 1e9 }

    @discardableResult
    mutating func note(_ actions: [SessionStateMachine.Action]) -> [SessionStateMachine.Action] {
        log += actions
        return actions
    }

    @discardableResult mutating func start() -> [SessionStateMachine.Action] { note(machine.started()) }
    @discardableResult mutating func opened(_ id: ConnectionID? = nil) -> [SessionStateMachine.Action] {
        note(machine.transportOpened(id ?? current, now: now))
    }
    @discardableResult mutating func closed(
        _ id: ConnectionID? = nil, _ reason: CloseReason = .byPeer(code: nil)
    ) -> [SessionStateMachine.Action] {
        note(machine.transportClosed(id ?? current, reason, now: now))
    }
    @discardableResult mutating func answered(
        _ code: Int = 0, _ id: ConnectionID? = nil
    ) -> [SessionStateMachine.Action] {
        note(
            machine.subscribeAnswered(
                id ?? current, error: code == 0 ? nil : PlatformError(code: code), now: now))
    }
    @discardableResult mutating func displaced(_ id: ConnectionID? = nil) -> [SessionStateMachine.Action] {
        note(machine.displaced(id ?? current, now: now))
    }
    @discardableResult mutating func notSubscribed(_ id: ConnectionID? = nil) -> [SessionStateMachine.Action] {
        note(machine.notSubscribed(id ?? current, now: now))
    }
    @discardableResult mutating func reconnect() -> [SessionStateMachine.Action] { note(machine.reconnectRequested()) }
    @discardableResult mutating func renew() -> [SessionStateMachine.Action] {
        note(machine.reconnectRequested(renewing: true))
    }
    @discardableResult mutating func networkChanged() -> [SessionStateMachine.Action] {
        note(machine.networkChanged(now: now))
    }
    @discardableResult mutating func shutdown() -> [SessionStateMachine.Action] { note(machine.shutdownRequested()) }
    mutating func frame(_ id: ConnectionID? = nil) { machine.frameReceived(id ?? current) }
    @discardableResult mutating func due() -> [SessionStateMachine.Action] {
        note(machine.deadlineReached(now: now))
    }

    /// Lets time pass, firing every timer at its instant.
    @discardableResult
    mutating func pass(_ duration: Duration) -> [SessionStateMachine.Action] {
        let end = now.advanced(by: duration)
        var actions: [SessionStateMachine.Action] = []
        var rounds = 0
        while let deadline = machine.nextDeadline, deadline <= end, rounds < 1_000_000 {
            rounds += 1
            now = max(now, deadline)
            actions += due()
        }
        now = end
        return actions
    }

    /// Waits for the next timer and fires it; time that went by.
    mutating func toNextTimer() -> (Duration, [SessionStateMachine.Action]) {
        guard let deadline = machine.nextDeadline else { return (.zero, []) }
        let waited = now.duration(to: max(now, deadline))
        now = max(now, deadline)
        return (waited, due())
    }

    /// From wherever it waits to subscribed.
    mutating func online() {
        if machine.status == .idle { start() }
        opened()
        answered()
    }
}

extension SessionStateMachine.Action {
    var isConnect: Bool { if case .connect = self { true } else { false } }
    var isHeartbeat: Bool { if case .sendHeartbeat = self { true } else { false } }
}
