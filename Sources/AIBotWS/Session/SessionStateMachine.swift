import Shared

/// Keeps one bot subscribed, for ever.
///
/// States: `idle → connecting → subscribing → active`, from each back over `backingOff`; `superseded` when another
/// connection took the bot; `closing → closed` on shutdown. Terminal: `closed` alone.
///
/// Invariants: at most one connection is wanted at any time, the old one is closed before the next is asked for; no frame
/// but the subscription leaves before `active`; the delays start over only after a minute of `active`; liveness is any
/// inbound frame; changes of the network cause at most one attempt or check in `changePause`.
///
/// Ignored as late: every input that names a connection other than the current one, and timers that nothing waits for.
struct SessionStateMachine: Sendable {
    /// What the runner has to do, in order.
    enum Action: Equatable {
        case connect(ConnectionID)
        case sendSubscribe(ConnectionID)
        case sendHeartbeat(ConnectionID)
        /// Close with a close frame.
        case close(ConnectionID)
        /// Drop at once: the peer is not expected to answer.
        case abort(ConnectionID)
        /// Frames may flow.
        case sessionStarted(ConnectionID)
        /// Frames in flight will not be answered.
        case sessionLost(SessionStatus.Loss)
        /// `status` changed.
        case statusChanged
        /// Replaced, and told to end then.
        case exit
    }

    private struct Active: Equatable {
        var id: ConnectionID
        var since: MonotonicInstant
        var nextHeartbeat: MonotonicInstant
        /// Heartbeats sent since the last inbound frame.
        var unanswered = 0
        /// The network changed: the next heartbeat has to be answered.
        var isInDoubt = false
        /// When two of them are unanswered, or one that has to be answered: end of the wait for the last.
        var deadAt: MonotonicInstant?
    }

    private enum State: Equatable {
        case idle
        case connecting(ConnectionID)
        case subscribing(ConnectionID, until: MonotonicInstant)
        case active(Active)
        case backingOff(until: MonotonicInstant, why: SessionStatus)
        case superseded(retryAt: MonotonicInstant?)
        case closing(ConnectionID)
        case closed
    }

    /// Least time between two attempts or checks that changes of the network cause: an interface may come and go for hours.
    static let changePause: Duration = .seconds(5)

    /// How long a subscription that was given up may still arrive.
    static let orphanLife: Duration = .seconds(120)

    private var state = State.idle
    /// When a subscription last ended without an answer.
    private var orphaned: MonotonicInstant?
    /// When a change of the network caused something, or is about to.
    private var change: MonotonicInstant?
    /// The network changed during this attempt, which may wait for a way that is gone.
    private var attemptIsInDoubt = false
    private var delays: ReconnectDelays
    private var lastConnection: UInt64
    private let heartbeat: Duration
    private let ackTimeout: Duration
    private let onReplaced: SessionConfiguration.ReplacedPolicy

    /// `firstConnection` keeps ids of several sessions apart: each gets numbers of its own above it.
    init(_ configuration: SessionConfiguration, seed: UInt64, firstConnection: UInt64 = 0) {
        delays = ReconnectDelays(least: configuration.minBackoff, most: configuration.maxBackoff, seed: seed)
        heartbeat = configuration.heartbeat
        ackTimeout = configuration.ackTimeout
        onReplaced = configuration.onReplaced
        lastConnection = firstConnection
    }

    // MARK: Questions

    var status: SessionStatus {
        switch state {
        case .idle: .idle
        case .connecting, .subscribing: .connecting
        case .active: .online
        case .backingOff(_, let why): why
        case .superseded: .superseded
        case .closing, .closed: .closed
        }
    }

    /// Connection that waits for the answer to its subscription.
    var subscribingConnection: ConnectionID? { if case .subscribing(let id, _) = state { id } else { nil } }

    /// Connection that user frames may use.
    var activeConnection: ConnectionID? { if case .active(let active) = state { active.id } else { nil } }

    var nextDeadline: MonotonicInstant? {
        switch state {
        case .idle, .connecting, .closing, .closed: nil
        case .subscribing(_, let until): until
        case .active(let active): active.deadAt ?? active.nextHeartbeat
        case .backingOff(let until, _): until
        case .superseded(let retryAt): retryAt
        }
    }

    // MARK: Inputs

    mutating func started() -> [Action] {
        guard case .idle = state else { return [] }
        return connect()
    }

    mutating func transportOpened(_ id: ConnectionID, now: MonotonicInstant) -> [Action] {
        guard case .connecting(id) = state else { return [] }
        state = .subscribing(id, until: now.advanced(by: ackTimeout))
        return [.sendSubscribe(id)]
    }

    mutating func transportClosed(_ id: ConnectionID, _ reason: CloseReason, now: MonotonicInstant) -> [Action] {
        switch state {
        case .connecting(id): return backOff(.transport(reason), now: now)
        case .subscribing(id, _):
            orphaned = now
            return backOff(.transport(reason), now: now)
        case .active(let active) where active.id == id: return lose(active, .transport(reason), now: now)
        case .closing(id):
            state = .closed
            return [.statusChanged]
        default: return []
        }
    }

    /// Any frame on the current connection.
    mutating func frameReceived(_ id: ConnectionID) {
        guard case .active(var active) = state, active.id == id, active.unanswered > 0 else { return }
        active.unanswered = 0
        active.deadAt = nil
        state = .active(active)
    }

    mutating func subscribeAnswered(_ id: ConnectionID, error: PlatformError?, now: MonotonicInstant) -> [Action] {
        guard case .subscribing(id, _) = state else { return [] }
        guard let error else {
            delays.subscribed()
            attemptIsInDoubt = false
            state = .active(Active(id: id, since: now, nextHeartbeat: now.advanced(by: heartbeat)))
            return [.sessionStarted(id), .statusChanged]
        }
        // The platform leaves a refused connection open: closing it is ours.
        guard error.reaction == .credentials else { return [.abort(id)] + backOff(.subscribeRefused(error), now: now) }
        let until = now.advanced(by: delays.afterRefusedCredentials())
        state = .backingOff(until: until, why: .credentialsRejected(code: error.code))
        return [.abort(id), .statusChanged]
    }

    /// `disconnected_event` on the current connection. On an older one it only means that we reconnected.
    ///
    /// Shortly after a subscription that nobody answered, that one may have taken the bot: it was on its way, and its
    /// connection is gone. Then nobody has it, and it is taken back once whatever the policy is.
    mutating func displaced(_ id: ConnectionID, now: MonotonicInstant) -> [Action] {
        var end: [Action] = [.abort(id)]
        switch state {
        case .active(let active) where active.id == id: end.append(.sessionLost(.superseded))
        case .subscribing(id, _): break
        default: return []
        }
        let isOurOwn = orphaned.map { $0.duration(to: now) < Self.orphanLife } ?? false
        orphaned = nil
        switch onReplaced {
        case .exit where !isOurOwn:
            state = .closed
            return end + [.statusChanged, .exit]
        case .wait where !isOurOwn: state = .superseded(retryAt: nil)
        case .takeover, .wait, .exit:
            state = .superseded(retryAt: now.advanced(by: delays.beforeTakeover(now: now)))
        }
        return end + [.statusChanged]
    }

    /// A frame on the current connection was refused with 846609.
    mutating func notSubscribed(_ id: ConnectionID, now: MonotonicInstant) -> [Action] {
        guard case .active(let active) = state, active.id == id else { return [] }
        return [.abort(id)] + lose(active, .notSubscribed, now: now)
    }

    /// Someone wants a connection now: ends a wait, takes a replaced bot back. A live session is left alone, or replaced
    /// where `renewing`: it may be online and get nothing.
    mutating func reconnectRequested(renewing: Bool = false) -> [Action] {
        switch state {
        case .backingOff, .superseded: return connect()
        case .active(let active) where renewing:
            return [.close(active.id), .sessionLost(.requested)] + connect()
        case .idle, .connecting, .subscribing, .active, .closing, .closed: return []
        }
    }

    /// Addresses or default routes of the machine are others than before: ends a wait for the line, and has a live session
    /// checked. What the platform said keeps its wait.
    mutating func networkChanged(now: MonotonicInstant) -> [Action] {
        switch state {
        case .backingOff(let until, .backingOff(let loss)) where loss.isOfTheLine:
            state = .backingOff(until: min(until, afterChange(now)), why: .backingOff(loss))
        case .active(var active) where active.deadAt == nil:
            active.nextHeartbeat = min(active.nextHeartbeat, afterChange(now))
            active.isInDoubt = true
            state = .active(active)
        case .connecting, .subscribing:
            attemptIsInDoubt = true
            return []
        case .idle, .active, .backingOff, .superseded, .closing, .closed: return []
        }
        return deadlineReached(now: now)
    }

    mutating func deadlineReached(now: MonotonicInstant) -> [Action] {
        switch state {
        case .subscribing(let id, let until) where until <= now:
            orphaned = now
            return [.abort(id)] + backOff(.subscribeTimedOut, now: now)
        case .active(let active): return heartbeatDue(active, now: now)
        case .backingOff(let until, _) where until <= now: return connect()
        case .superseded(let retryAt?) where retryAt <= now: return connect()
        default: return []
        }
    }

    mutating func shutdownRequested() -> [Action] {
        switch state {
        case .idle, .backingOff, .superseded:
            state = .closed
            return [.statusChanged]
        case .connecting(let id), .subscribing(let id, _):
            state = .closing(id)
            return [.abort(id), .statusChanged]
        case .active(let active):
            state = .closing(active.id)
            return [.sessionLost(.shutdown), .close(active.id), .statusChanged]
        case .closing, .closed: return []
        }
    }

    // MARK: Transitions

    private mutating func connect() -> [Action] {
        lastConnection += 1
        attemptIsInDoubt = false
        let id = ConnectionID(lastConnection)
        state = .connecting(id)
        return [.connect(id), .statusChanged]
    }

    private mutating func backOff(_ loss: SessionStatus.Loss, now: MonotonicInstant) -> [Action] {
        var until = now.advanced(by: delays.next())
        if attemptIsInDoubt, loss.isOfTheLine { until = min(until, afterChange(now)) }
        state = .backingOff(until: until, why: .backingOff(loss))
        return [.statusChanged]
    }

    /// When to act on a change of the network: at once, or as soon as the pause since the last time is over.
    private mutating func afterChange(_ now: MonotonicInstant) -> MonotonicInstant {
        var next = now
        // An instant that lies ahead was given before, and nothing happened since.
        if let last = change { next = last > now ? last : max(now, last.advanced(by: Self.changePause)) }
        change = next
        return next
    }

    private mutating func lose(_ active: Active, _ loss: SessionStatus.Loss, now: MonotonicInstant) -> [Action] {
        if active.since.duration(to: now) >= ReconnectDelays.stableAfter { delays.stable() }
        return [.sessionLost(loss)] + backOff(loss, now: now)
    }

    private mutating func heartbeatDue(_ active: Active, now: MonotonicInstant) -> [Action] {
        if let deadAt = active.deadAt {
            guard deadAt <= now else { return [] }
            return [.abort(active.id)] + lose(active, .halfOpen, now: now)
        }
        guard active.nextHeartbeat <= now else { return [] }
        var active = active
        active.unanswered += 1
        active.nextHeartbeat = now.advanced(by: heartbeat)
        if active.unanswered >= 2 || active.isInDoubt { active.deadAt = now.advanced(by: ackTimeout) }
        active.isInDoubt = false
        state = .active(active)
        return [.sendHeartbeat(active.id)]
    }
}

extension SessionStatus.Loss {
    /// Nobody answered: another way may help. The platform's own words are no matter of the way.
    fileprivate var isOfTheLine: Bool {
        switch self {
        case .transport(.connectFailed), .transport(.connectTimedOut), .transport(.byPeer(code: nil)), .halfOpen,
            .subscribeTimedOut:
            true
        case .transport, .subscribeRefused, .notSubscribed, .superseded, .shutdown, .requested: false
        }
    }
}
