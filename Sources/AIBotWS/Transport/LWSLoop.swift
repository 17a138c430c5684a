import CLibWebSockets
import Shared

/// Everything that lives on the service thread: context, connections, alarms. Confined to that thread.
final class LWSLoop {
    /// What must not happen inside a call of the API or of lws, and runs before the thread waits again.
    enum Deferred {
        case begin(LWSConnection)
        case attempt(LWSConnection)
        case finish(LWSConnection, CloseReason)
    }

    let clock: any MonotonicClock
    let resolver: Resolver
    /// Runs a closure on the service thread; callable from any.
    let post: @Sendable (@escaping @Sendable (LWSLoop) -> Void) -> Void
    var context: LWSContext?
    var connections: [ConnectionID: LWSConnection] = [:]
    var throttle: ConnectThrottle<ConnectionID>
    /// Alarms of observers; timers of connections (connect deadline, end of the wait for a close answer).
    var alarms = AlarmTable<LWSConnection>()
    var deferred: [Deferred] = []
    /// By host: the address that failed last.
    var failedAddresses: [String: String] = [:]
    /// Shutting down: no new connections.
    var isClosing = false
    /// Last lines of lws's log, for the reason of a failure.
    var logLines: [String] = []
    private let isRealTime: Bool
    private let makeContext: @Sendable () -> LWSContext?
    // Owned by this object; lws holds it only while scheduled, and is gone before the loop is.
    private let timer: UnsafeMutablePointer<lws_sorted_usec_list_t>
    private var timerDue: MonotonicInstant?

    init(
        clock: any MonotonicClock, resolver: Resolver, throttle: ConnectThrottle<ConnectionID>,
        makeContext: @escaping @Sendable () -> LWSContext?,
        post: @escaping @Sendable (@escaping @Sendable (LWSLoop) -> Void) -> Void
    ) {
        self.clock = clock
        self.isRealTime = clock is SystemMonotonicClock
        self.resolver = resolver
        self.throttle = throttle
        self.makeContext = makeContext
        self.post = post
        timer = .allocate(capacity: 1)
        timer.initialize(to: lws_sorted_usec_list_t())
    }

    deinit { timer.deallocate() }

    /// Creates the context on the thread that will serve it. It may fail, for want of descriptors or memory; then each
    /// connect tries again.
    func open() {
        CurrentLoop.value = self
        if context == nil { context = makeContext() }
    }

    /// Ends every connection, telling its observer, and frees the context.
    func close() {
        isClosing = true
        for connection in connections.values { abort(connection) }
        runDeferred()
        lws_sul_cancel(timer)
        context?.destroy()
        context = nil
        // An observer may answer each refusal with another connect; it has had its chances.
        for _ in 0..<8 where !deferred.isEmpty { runDeferred() }
        deferred = []
        alarms = AlarmTable()
        CurrentLoop.value = nil
    }

    /// Performs what was put off; what that puts off waits for the next pass.
    func runDeferred() {
        guard !deferred.isEmpty else { return }
        var batch: [Deferred] = []
        swap(&batch, &deferred)
        for item in batch {
            switch item {
            case .begin(let connection): begin(connection)
            case .attempt(let connection): startAttempt(connection)
            case .finish(let connection, let reason): finish(connection, reason)
            }
        }
    }

    /// One pass of lws: waits for sockets, timer or wake-up when `mayBlock`, and serves what is ready.
    func service(mayBlock: Bool) {
        guard let context else { return }
        if mayBlock, isRealTime { armTimer() }
        lws_service(context.handle, mayBlock ? 0 : -1)
    }

    /// Called where lws may be about to wait with the alarms and jobs of before: timers of its own, which end sockets too,
    /// run ahead of its `poll`.
    func doNotWait() {
        if let context, !isClosing { lws_cancel_service(context.handle) }
    }

    /// Keeps a line of lws's log for the next failure.
    func note(_ line: String) {
        // That is how lws takes our word that there is no proxy.
        guard !line.contains("http_proxy needs to be") else { return }
        if logLines.count >= 4 { logLines.removeFirst() }
        logLines.append(String(line.prefix(200).prefix { !$0.isNewline }))
    }

    // MARK: Alarms

    /// Wakes what is due now. An alarm that is set again for the past waits for the next pass.
    func fireAlarms() {
        guard let nearest = alarms.nearest else { return }
        let now = clock.now
        guard nearest <= now else { return }
        var left = alarms.count
        while left > 0, let due = alarms.popDue(now) {
            left -= 1
            switch due {
            case .observer(let observer): observer.alarmFired()
            case .timer(let connection):
                connection.timer = nil
                timerFired(connection, now: now)
            }
        }
    }

    /// Longest time to wait without a context; nil where somebody wakes the thread in any case.
    var patience: Duration? {
        guard isRealTime, let nearest = alarms.nearest else { return nil }
        return min(max(.zero, clock.now.duration(to: nearest)), .seconds(60))
    }

    /// Whether something must be done before the thread may wait.
    var hasWork: Bool {
        if !deferred.isEmpty { return true }
        guard let nearest = alarms.nearest else { return false }
        return nearest <= clock.now
    }

    /// Sets the deadline of a connection, replacing its former one.
    func setTimer(_ connection: LWSConnection, _ deadline: MonotonicInstant?) {
        if let timer = connection.timer {
            alarms.remove(timer)
            connection.timer = nil
        }
        if let deadline { connection.timer = alarms.add(connection, at: deadline) }
    }

    /// Makes `lws_service` return soon after the nearest deadline.
    ///
    /// lws waits with `poll`, in whole milliseconds rounded down; one more is added, or it would spin through the last.
    /// A timer that is already set for an earlier time stays: waking once too early is cheaper than moving it.
    private func armTimer() {
        guard let context else { return }
        guard let nearest = alarms.nearest else {
            if timerDue != nil { lws_sul_cancel(timer) }
            timerDue = nil
            return
        }
        let now = clock.now
        if let timerDue, timerDue <= nearest, now < timerDue { return }
        let wait = max(0, now.duration(to: nearest).clampedNanoseconds / 1000) + 1000
        timerDue = nearest
        lws_sul_schedule(context.handle, 0, timer, { @Sendable _ in }, min(wait, 3_600_000_000))
        if wait > 3_600_000_000 { timerDue = now.advanced(by: .seconds(3600)) }
    }
}
