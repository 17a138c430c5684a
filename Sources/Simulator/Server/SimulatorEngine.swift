import NIOConcurrencyHelpers
import NIOCore

/// Owns the core: takes inputs from any thread, performs the core's actions one after the other.
///
/// The lock is held for one call of the core, never while actions are performed. Whoever finds work and nobody
/// performing performs everything that is queued, so actions keep the order of the inputs that caused them.
final class SimulatorEngine: Sendable {
    /// What is carried out outside the lock, in order.
    private enum Work {
        case action(PlatformAction)
        case subscribe(EventSubscriber, since: Int?)
        case unsubscribe(ObjectIdentifier)
        case clockMoved
        case resume(Waiter, Bool)
    }

    struct Waiter {
        var predicate: @Sendable (PlatformCore) -> Bool
        var continuation: CheckedContinuation<Bool, Never>
        var timer: Scheduled<Void>?
    }

    private struct State {
        var core: PlatformCore
        var work: [Work] = []
        var isPerforming = false
        var channels: [ConnectionID: any Channel] = [:]
        var nextConnection = 1
        var timer: (at: Int, scheduled: Scheduled<Void>)?
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        var isStopped = false
    }

    /// Observers and the newest events; only touched by whoever performs.
    private struct Audience {
        var subscribers: [ObjectIdentifier: EventSubscriber] = [:]
        var ring: [(id: Int, event: ServerEvent)] = []
        var nextID = 1
    }

    let clock: SimulatorClock
    let maxConnections: Int
    let poster = CallbackPoster()
    private let eventLoop: any EventLoop
    private let state: NIOLockedValueBox<State>
    private let audience = NIOLockedValueBox(Audience())

    init(core: PlatformCore, clock: SimulatorClock, eventLoop: any EventLoop, maxConnections: Int) {
        self.clock = clock
        self.eventLoop = eventLoop
        self.maxConnections = maxConnections
        state = NIOLockedValueBox(State(core: core))
    }

    // MARK: Inputs

    /// One call of the core; its actions are performed before or soon after this returns.
    func call<Result>(_ body: (inout PlatformCore, Int) -> ([PlatformAction], Result)) -> Result {
        let now = clock.now
        let result = state.withLockedValue { state in
            let (actions, result) = body(&state.core, now)
            state.work.append(contentsOf: actions.map { .action($0) })
            settle(&state, now: now)
            return result
        }
        performWork()
        return result
    }

    func input(_ body: (inout PlatformCore, Int) -> [PlatformAction]) {
        call { core, now in (body(&core, now), ()) }
    }

    /// Reads the core.
    func read<Result>(_ body: (PlatformCore) -> Result) -> Result { state.withLockedValue { body($0.core) } }

    /// Registers a WebSocket; nil when there are too many.
    func connectionOpened(_ channel: any Channel, address: String, baseURL: String?) -> ConnectionID? {
        let id = state.withLockedValue { state -> ConnectionID? in
            guard !state.isStopped, state.channels.count < maxConnections else { return nil }
            let id = ConnectionID(state.nextConnection)
            state.nextConnection += 1
            state.channels[id] = channel
            return id
        }
        if let id {
            input { core, now in core.connectionOpened(id, address: address, baseURL: baseURL, now: now) }
        }
        return id
    }

    func frameReceived(_ id: ConnectionID, _ bytes: [UInt8]) {
        input { core, now in core.frameReceived(id, bytes, now: now) }
    }

    func connectionClosed(_ id: ConnectionID) {
        state.withLockedValue { $0.channels[id] = nil }
        input { core, now in core.connectionClosed(id, now: now) }
    }

    func clockAdvanced() {
        input { core, now in core.tick(now: now) }
        enqueue(.clockMoved)
    }

    // MARK: Observers

    func subscribe(_ subscriber: EventSubscriber, since: Int?) { enqueue(.subscribe(subscriber, since: since)) }

    func unsubscribe(_ id: ObjectIdentifier) { enqueue(.unsubscribe(id)) }

    /// Waits until `predicate` holds; false when `timeout` (real time) or cancellation came first.
    func wait(timeout: Duration, _ predicate: @escaping @Sendable (PlatformCore) -> Bool) async -> Bool {
        let id = state.withLockedValue { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                addWaiter(id, timeout: timeout, Waiter(predicate: predicate, continuation: continuation))
            }
        } onCancel: {
            endWaiter(id)
        }
    }

    private func addWaiter(_ id: Int, timeout: Duration, _ waiter: Waiter) {
        let verdict = state.withLockedValue { state -> Bool? in
            if waiter.predicate(state.core) { return true }
            if Task.isCancelled || state.isStopped { return false }
            var waiter = waiter
            waiter.timer = eventLoop.scheduleTask(in: TimeAmount(timeout)) { [weak self] () -> Void in
                self?.endWaiter(id)
            }
            state.waiters[id] = waiter
            return nil
        }
        if let verdict { waiter.continuation.resume(returning: verdict) }
    }

    private func endWaiter(_ id: Int) {
        let waiter = state.withLockedValue { $0.waiters.removeValue(forKey: id) }
        waiter?.timer?.cancel()
        waiter?.continuation.resume(returning: false)
    }

    /// Ends all waits; no timer fires and no connection is taken afterwards.
    func stop() {
        let waiters = state.withLockedValue { state in
            state.isStopped = true
            state.timer?.scheduled.cancel()
            state.timer = nil
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters {
            waiter.timer?.cancel()
            waiter.continuation.resume(returning: false)
        }
        audience.withLockedValue { $0.subscribers = [:] }
    }

    // MARK: Performing

    /// After a change: who waited for it, and when to come back.
    private func settle(_ state: inout State, now: Int) {
        for (id, waiter) in state.waiters where waiter.predicate(state.core) {
            state.waiters[id] = nil
            state.work.append(.resume(waiter, true))
        }
        guard clock.mode == .real, !state.isStopped, let deadline = state.core.nextDeadline else { return }
        if let timer = state.timer, timer.at <= deadline { return }
        state.timer?.scheduled.cancel()
        let delay = TimeAmount.milliseconds(Int64(max(0, deadline - now)))
        let scheduled = eventLoop.scheduleTask(in: delay) { [weak self] () -> Void in self?.timerFired() }
        state.timer = (deadline, scheduled)
    }

    private func timerFired() {
        state.withLockedValue { $0.timer = nil }
        input { core, now in core.tick(now: now) }
    }

    private func enqueue(_ work: Work) {
        state.withLockedValue { $0.work.append(work) }
        performWork()
    }

    private func performWork() {
        while true {
            let batch = state.withLockedValue { state -> [(Work, (any Channel)?)] in
                guard !state.isPerforming, !state.work.isEmpty else { return [] }
                state.isPerforming = true
                defer { state.work.removeAll() }
                return state.work.map { work in
                    guard case .action(let action) = work, let id = action.connection else { return (work, nil) }
                    return (work, state.channels[id])
                }
            }
            guard !batch.isEmpty else { return }
            for (work, channel) in batch { perform(work, on: channel) }
            state.withLockedValue { $0.isPerforming = false }
        }
    }

    private func perform(_ work: Work, on channel: (any Channel)?) {
        switch work {
        case .action(.event(let event)): publish(.platform(event))
        case .action(.callback(let request)):
            poster.post(request) { [weak self] result in
                self?.input { core, now in core.callbackAnswered(request.id, result, now: now) }
            }
        case .action(.cancelCallback(let id)): poster.cancel(id)
        case .action(let action): perform(action, on: channel)
        case .clockMoved: publish(.clock(mode: clock.mode, offset: clock.offset, now: clock.now))
        case .resume(let waiter, let result):
            waiter.timer?.cancel()
            waiter.continuation.resume(returning: result)
        case .subscribe(let subscriber, let since):
            let missed = audience.withLockedValue { audience in
                audience.subscribers[ObjectIdentifier(subscriber)] = subscriber
                return audience.ring.filter { since != nil && $0.id > since ?? 0 }
            }
            for (id, event) in missed { subscriber.send(event, id: id) }
        case .unsubscribe(let id):
            audience.withLockedValue { $0.subscribers[id] = nil }
        }
    }

    private func perform(_ action: PlatformAction, on channel: (any Channel)?) {
        guard let channel else { return }
        switch action {
        case .send(_, let text): channel.writeAndFlush(WebSocketOutput.text(text), promise: nil)
        case .sendBinary(_, let bytes): channel.writeAndFlush(WebSocketOutput.binary(bytes), promise: nil)
        case .close(_, let code?): channel.writeAndFlush(WebSocketOutput.close(code), promise: nil)
        case .close(_, nil): channel.close(mode: .all, promise: nil)
        case .pauseReading: channel.setOption(.autoRead, value: false).whenComplete { _ in }
        case .resumeReading: channel.setOption(.autoRead, value: true).whenComplete { _ in }
        case .event, .callback, .cancelCallback: break
        }
    }

    private func publish(_ event: ServerEvent) {
        let (id, targets) = audience.withLockedValue { audience in
            let id = audience.nextID
            audience.nextID += 1
            audience.ring.append((id, event))
            if audience.ring.count >= 2_000 { audience.ring.removeFirst(1_000) }
            return (id, Array(audience.subscribers.values))
        }
        for target in targets { target.send(event, id: id) }
    }
}

extension PlatformAction {
    /// Connection that the action concerns.
    var connection: ConnectionID? {
        switch self {
        case .send(let id, _), .sendBinary(let id, _), .close(let id, _), .pauseReading(let id),
            .resumeReading(let id):
            id
        case .event, .callback, .cancelCallback: nil
        }
    }
}
