public import Shared

/// WebSockets on libwebsockets: one service thread and one context for all connections of an instance.
///
/// The thread is also the serial executor of this transport, so an actor that names it as its executor runs where the
/// sockets are. Tasks that prefer it as their task executor do so too, which saves them two thread changes for each frame;
/// they must never block or compute for long, since everything of the transport waits meanwhile. A program uses `shared`; an instance of its own lives, with its thread, until `shutdown()`.
public final class LWSTransport: WebSocketTransport, TaskExecutor {
    /// The process's transport, started on first use.
    public static let shared = LWSTransport()

    private let service = LWSServiceThread()
    private let clock: any MonotonicClock

    /// Starts a service thread whose alarms and time-outs follow `clock`.
    public convenience init(clock: any MonotonicClock = SystemMonotonicClock()) {
        self.init(clock: clock, resolver: Resolver(), throttle: ConnectThrottle())
    }

    init(
        clock: any MonotonicClock, resolver: Resolver, throttle: ConnectThrottle<ConnectionID>,
        makeContext: @escaping @Sendable () -> LWSContext? = { LWSContext() }
    ) {
        self.clock = clock
        service.start(
            executor: self, clock: clock, resolver: resolver, throttle: throttle, makeContext: makeContext)
    }

    /// Aborts every connection, telling its observer, and ends the thread; returns when it has ended.
    ///
    /// Called on the executor itself it returns at once, and the thread ends soon after. Jobs that come later still
    /// run, one after another, on a thread of Dispatch; connects then fail.
    public func shutdown() { service.stop() }

    // MARK: SerialExecutor

    /// Runs a job on the service thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        service.enqueue(UnownedJob(job), executor: self)
    }

    /// Stops the program unless called on the service thread.
    public func checkIsolated() {
        precondition(service.isCurrent, "not on the transport's executor")
    }

    /// Whether the caller runs on the service thread.
    public func isIsolatingCurrentContext() -> Bool? { service.isCurrent }

    // MARK: WebSocketTransport

    /// Current instant of the injected clock.
    public var now: MonotonicInstant { clock.now }

    /// Starts a connection.
    public func connect(_ target: ConnectionTarget, id: ConnectionID, observer: any ConnectionObserver) {
        if let loop { return loop.connect(target, id: id, observer: observer) }
        service.call({ observer.transportClosed(id, .connectFailed("transport is shut down")) }, executor: self)
    }

    /// Queues one text message.
    public func send(_ frame: consuming FrameBuffer, on id: ConnectionID) -> TransportSendResult {
        loop?.send(frame, on: id) ?? .notOpen
    }

    /// Closes with a close frame after what is queued; a peer that does not answer is cut off after 2 s.
    public func close(_ id: ConnectionID, code: UInt16) { loop?.close(id, code: code) }

    /// Ends the connection at once.
    public func abort(_ id: ConnectionID) { loop?.abort(id) }

    /// Sets, moves or removes the alarm of this observer.
    public func setAlarm(_ deadline: MonotonicInstant?, for observer: any ConnectionObserver) {
        loop?.alarms.setAlarm(deadline, for: observer)
    }

    /// Nil on a wrong thread (the caller's bug) and after `shutdown()` (a race that ends in nothing).
    private var loop: LWSLoop? {
        assert(service.isCurrent, "not on the transport's executor")
        return service.current
    }
}
