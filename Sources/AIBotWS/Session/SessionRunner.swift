public import Logging
public import Shared

/// Drives one session: feeds the machines what happens and performs what they say. Lives on the transport's executor, so
/// that nothing between the socket and a waiting task changes threads.
public actor SessionRunner {
    /// Executor that the session lives on.
    public nonisolated let unownedExecutor: UnownedSerialExecutor
    /// How the bot is kept online.
    public nonisolated let configuration: SessionConfiguration
    private nonisolated let transport: any WebSocketTransport
    private let wallClock: any WallClock
    private var onEvent: @Sendable (SessionEvent) -> Void = { _ in }
    private nonisolated let tap: (@Sendable (FrameDirection, ArraySlice<UInt8>) -> Void)?
    private(set) var logger: Logger
    /// Turns of uploads.
    nonisolated let uploads = UploadQueue()
    private var statusWatchers: [AsyncStream<SessionStatus>.Continuation] = []
    private var machine: SessionStateMachine
    private var acks = AckStateMachine<Pending>()
    private var reqIDs: ReqIDGenerator
    private var announced = SessionStatus.idle
    private var subscribeID: ReqID?
    private var armed: MonotonicInstant?
    private var lastPending: UInt64 = 0
    /// Frames that wait in a lane. Kept apart from the machine, which holds on to a request after its frame was written.
    private var parked: [UInt64: FrameBuffer] = [:]
    /// The frame that is being handed to the machine: most are written at once and never parked.
    private var fresh: (number: UInt64, buffer: FrameBuffer)?
    /// Callbacks that came before the answer to the subscription.
    private var early = EarlyCallbacks()
    private let closed: AsyncStream<Void>
    private let closedContinuation: AsyncStream<Void>.Continuation

    /// Creates an inert session.
    ///
    /// - Parameters:
    ///   - seed: makes ids and jitter; the same seed repeats them.
    ///   - firstConnection: keeps the connection ids of several sessions on one transport apart.
    ///   - tap: sees every frame, secrets included; for recording.
    public init(
        _ configuration: SessionConfiguration, transport: any WebSocketTransport, wallClock: any WallClock,
        seed: UInt64, firstConnection: UInt64, logger: Logger,
        tap: (@Sendable (FrameDirection, ArraySlice<UInt8>) -> Void)? = nil
    ) {
        self.configuration = configuration
        self.transport = transport
        unownedExecutor = transport.asUnownedSerialExecutor()
        self.wallClock = wallClock
        self.tap = tap
        self.logger = logger
        self.logger[.bot] = configuration.botID.rawValue
        machine = SessionStateMachine(configuration, seed: seed, firstConnection: firstConnection)
        reqIDs = ReqIDGenerator(seed: ~seed)
        (closed, closedContinuation) = AsyncStream.makeStream()
    }

    // MARK: Life

    /// Keeps the bot online until the task is cancelled, `shutdown` is called or the session ends by policy. Call once.
    ///
    /// - Parameter onEvent: called on the transport's thread; must return quickly.
    public func run(onEvent: @escaping @Sendable (SessionEvent) -> Void) async {
        self.onEvent = onEvent
        perform(machine.started())
        for await _ in closed {}
        // Cancelled, or ended by itself; the second makes this a no-op.
        perform(machine.shutdownRequested())
        await waitForConnections()
    }

    /// Ends the session with a close frame; `run` returns once the connection is gone.
    public func shutdown() { perform(machine.shutdownRequested()) }

    /// Connects now instead of waiting, and takes a replaced bot back.
    ///
    /// - Parameter renewing: replaces a live connection too, for a bot that is online and gets nothing.
    public func reconnect(renewing: Bool = false) { perform(machine.reconnectRequested(renewing: renewing)) }

    /// The machine's addresses or default routes are others than before: tries again now instead of waiting, or checks that
    /// a live connection still answers. At most once in 5 s; does nothing for a bot that was refused or replaced.
    public func networkChanged() {
        let due = machine.nextDeadline
        let actions = machine.networkChanged(now: transport.now)
        if machine.activeConnection != nil, machine.nextDeadline != due {
            logger.info("network changed: checking the line")
        } else if !actions.isEmpty {
            logger.info("network changed: trying again now")
        } else if machine.nextDeadline != due {
            logger.info("network changed: trying again soon")
        }
        perform(actions)
    }

    /// What the session is doing.
    public var status: SessionStatus { machine.status }

    /// The status now, and every later one; for a slow reader the newest.
    func statuses() -> AsyncStream<SessionStatus> {
        let (stream, watcher) = AsyncStream.makeStream(of: SessionStatus.self, bufferingPolicy: .bufferingNewest(1))
        watcher.yield(machine.status)
        statusWatchers.append(watcher)
        return stream
    }

    private func tellWatchers(_ status: SessionStatus) {
        statusWatchers.removeAll { watcher in
            if case .terminated = watcher.yield(status) { true } else { false }
        }
    }

    private var closeWaiter: CheckedContinuation<Void, Never>?
    private var connectionsOpen = 0

    /// Returns when no connection of this session is left. Cancellation does not end it: the transport ends every
    /// connection within a few seconds.
    private func waitForConnections() async {
        guard connectionsOpen > 0 else { return }
        await withCheckedContinuation { closeWaiter = $0 }
    }

    // MARK: Sending

    /// Sends one command and waits for what becomes of it.
    ///
    /// - Parameters:
    ///   - timeout: for the ack; nil takes the configured one.
    ///   - late: called at most once, after the time-out, when its ack comes or the answer to something written later.
    public func send(
        _ frame: consuming OutboundFrame, timeout: Duration? = nil, late: (@Sendable (LateVerdict) -> Void)? = nil
    ) async -> SendOutcome {
        var whole: OutboundFrame? = consume frame
        return await withUnsafeContinuation { continuation in
            // Here and not before: other senders may come in between.
            if let frame = whole.take() { begin(frame, timeout, late, .task(continuation)) }
        }
    }

    /// Sends one command. `outcome` hears, on the transport's thread, what becomes of it: for those who may not want to
    /// know any more.
    func send(
        _ frame: consuming OutboundFrame, timeout: Duration?, outcome: @escaping @Sendable (SendOutcome) -> Void
    ) { begin(frame, timeout, nil, .call(outcome)) }

    private func begin(
        _ frame: consuming OutboundFrame, _ timeout: Duration?, _ late: (@Sendable (LateVerdict) -> Void)?,
        _ waiter: Waiter
    ) {
        guard machine.activeConnection != nil else {
            return waiter.hear(.notSent(machine.status == .closed ? .closed : .offline))
        }
        let id = frame.reqID
        let repeatability = frame.repeatability
        let wait = timeout ?? defaultTimeout(frame.command)
        lastPending += 1
        let number = lastPending
        let pending = Pending(number: number, command: frame.command, reqID: id, waiter: waiter, late: late)
        fresh = (number, (consume frame).buffer)
        perform(acks.send(pending, on: id, timeout: wait, repeatability: repeatability, now: transport.now))
        if let waiting = fresh.take() { parked[number] = waiting.buffer }
    }

    /// Sends a Markdown message to a conversation at any time.
    public func push(
        _ markdown: String, to conversation: Conversation, feedback: String? = nil,
        late: (@Sendable (LateVerdict) -> Void)? = nil
    ) async -> SendOutcome {
        await send(
            .push(nextReqID(.send), to: conversation, markdown: markdown, feedback: feedback), late: late)
    }

    /// Runs `body` on the session's executor. Swift takes a task there for one that does not belong if it prefers another
    /// executor, and puts it at the end of the queue again and again; hence the preference.
    nonisolated func run<Result: Sendable>(
        _ body: nonisolated(nonsending) @Sendable () async -> Result
    ) async -> Result {
        await withTaskExecutorPreference(transport as? any TaskExecutor) { await here(body) }
    }

    private func here<Result: Sendable>(
        _ body: nonisolated(nonsending) @Sendable () async -> Result
    ) async -> Result { await body() }

    private func defaultTimeout(_ command: Command) -> Duration {
        switch command {
        case .respondWelcome, .respondUpdate: configuration.eventAckTimeout
        default: configuration.ackTimeout
        }
    }

    /// Fresh id for a command of our own.
    func nextReqID(_ command: Command) -> ReqID {
        reqIDs.next(command, unixMilliseconds: wallClock.unixMilliseconds)
    }

    @discardableResult
    private func write(_ buffer: consuming FrameBuffer, on id: ConnectionID) -> TransportSendResult {
        if let tap { tap(.outbound, buffer.payload) }
        return transport.send(buffer, on: id)
    }

    // MARK: Performing

    private func perform(_ effects: [AckStateMachine<Pending>.Effect]) {
        // Performed after these: writes keep the order in which the machine gave them out.
        var further: [AckStateMachine<Pending>.Effect] = []
        for effect in effects {
            switch effect {
            case .write(let pending): further += launch(pending)
            case .complete(let pending, let outcome):
                forget(pending)
                note(pending, outcome)
                pending.waiter.hear(outcome)
            case .late(let pending, let verdict):
                logger.debug(
                    "late verdict",
                    metadata: .init([.reqID: pending.reqID, .command: pending.command, .reason: "\(verdict)"]))
                pending.late?(verdict)
            }
        }
        if !further.isEmpty { return perform(further) }
        arm()
    }

    private func forget(_ pending: Pending) {
        if pending.number == fresh?.number { fresh = nil }
        if !parked.isEmpty { parked[pending.number] = nil }
    }

    /// Writes a frame; what follows when that cannot be done.
    private func launch(_ pending: Pending) -> [AckStateMachine<Pending>.Effect] {
        let current = pending.number == fresh?.number ? fresh.take()?.buffer : nil
        guard let buffer = current ?? parked.removeValue(forKey: pending.number) else {
            assertionFailure("a frame without bytes")
            return acks.notWritten(pending.reqID, .overflow, now: transport.now)
        }
        guard let id = machine.activeConnection else {
            return acks.notWritten(pending.reqID, .offline, now: transport.now)
        }
        switch write(buffer, on: id) {
        case .queued: return []
        case .overflow: return acks.notWritten(pending.reqID, .overflow, now: transport.now)
        case .notOpen: return acks.notWritten(pending.reqID, .offline, now: transport.now)
        }
    }

    private func perform(_ actions: [SessionStateMachine.Action]) {
        for action in actions {
            switch action {
            case .connect(let id):
                logger[.connection] = id.description
                connectionsOpen += 1
                transport.connect(configuration.target, id: id, observer: self)
            case .sendSubscribe(let id): subscribe(id)
            case .sendHeartbeat(let id): beat(id)
            case .close(let id): transport.close(id, code: 1000)
            case .abort(let id): transport.abort(id)
            case .sessionStarted: logger.info("subscribed")
            case .sessionLost(let loss):
                logger.notice("session lost", metadata: .init([.reason: "\(loss)"]))
                perform(acks.sessionLost())
            case .statusChanged: statusChanged()
            case .exit: onEvent(.exit)
            }
        }
        arm()
        releaseEarly()
    }

    private func beat(_ id: ConnectionID) {
        let reqID = nextReqID(.ping)
        if write(OutboundFrame.ping(reqID).buffer, on: id) == .queued { acks.heartbeatWritten(reqID) }
    }

    private func subscribe(_ id: ConnectionID) {
        let reqID = nextReqID(.subscribe)
        subscribeID = reqID
        write(
            OutboundFrame.subscribe(reqID, bot: configuration.botID, secret: configuration.secret).buffer, on: id)
    }

    private func statusChanged() {
        let status = machine.status
        guard status != announced else { return }
        announced = status
        log(status, retryAt: machine.nextDeadline, now: transport.now)
        onEvent(.status(status))
        tellWatchers(status)
        if status == .closed { closedContinuation.finish() }
    }

    /// Sets the alarm when something is due earlier than it stands. Later deadlines wait for it to fire.
    private func arm() {
        guard let due = MonotonicInstant.earliest(machine.nextDeadline, acks.nextDeadline) else { return }
        if let armed, armed <= due { return }
        armed = due
        transport.setAlarm(due, for: self)
    }

    // MARK: Events of the transport

    private func opened(_ id: ConnectionID) { perform(machine.transportOpened(id, now: transport.now)) }

    private func connectionClosed(_ id: ConnectionID, _ reason: CloseReason) {
        connectionsOpen -= 1
        perform(machine.transportClosed(id, reason, now: transport.now))
        guard connectionsOpen == 0 else { return }
        closeWaiter?.resume()
        closeWaiter = nil
    }

    private func due() {
        armed = nil
        let now = transport.now
        perform(machine.deadlineReached(now: now))
        perform(acks.deadlineReached(now: now))
    }

    private func received(_ id: ConnectionID, _ frame: InboundFrame?, bytes: Int) {
        machine.frameReceived(id)
        switch frame {
        case .ack(let ack): acknowledged(id, ack)
        case .callback(let callback): dispatch(id, callback)
        case .ping(let reqID): write(OutboundFrame.pong(reqID ?? "").buffer, on: id)
        case .unknown(let command): logger.info("unknown command", metadata: .init([.command: command]))
        case nil: logger.warning("frame is not JSON and was ignored", metadata: .init([.bytes: bytes]))
        }
    }

    private func acknowledged(_ id: ConnectionID, _ ack: InboundFrame.Ack) {
        let now = transport.now
        guard let active = machine.activeConnection else {
            // Before the subscription is answered nothing else can be meant, whatever id the answer lacks.
            if ack.reqID == subscribeID || ack.reqID == nil && ack.hasCode {
                perform(machine.subscribeAnswered(id, error: ack.error, now: now))
            }
            return
        }
        guard active == id else { return }
        if let reqID = ack.reqID {
            perform(acks.acknowledged(reqID, error: ack.error, body: ack.body, now: now))
        } else if let error = ack.error {
            perform(acks.rejectedWithoutReqID(error, now: now))
        } else {
            perform(acks.heartbeatAnswered(nil))
        }
        if ack.error?.reaction == .recycleConnection { perform(machine.notSubscribed(id, now: now)) }
    }

    private func dispatch(_ id: ConnectionID, _ callback: Callback) {
        if callback.isDisplacement { return perform(machine.displaced(id, now: transport.now)) }
        guard machine.status != .closed else {
            return logger.info("callback after the end was ignored", metadata: .init([.reqID: callback.reqID]))
        }
        guard machine.subscribingConnection != nil else { return onEvent(.callback(callback)) }
        guard early.hold(callback) else {
            return logger.warning(
                "callback before the subscription's answer was dropped: too many",
                metadata: .init([.reqID: callback.reqID, .bytes: callback.body.count]))
        }
    }

    /// Hands over what was held, once the subscription is answered or its connection has ended: then the answers wait.
    private func releaseEarly() {
        guard !early.isEmpty, machine.subscribingConnection == nil else { return }
        for callback in early.release() { onEvent(.callback(callback)) }
    }
}

extension SessionRunner: ConnectionObserver {
    /// Feeds the machine; on the transport's executor only.
    public nonisolated func transportOpened(_ id: ConnectionID) { assumeIsolated { $0.opened(id) } }
    /// Feeds the machine; on the transport's executor only.
    public nonisolated func transportReceived(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {
        if let tap { tap(.inbound, Array(bytes)[...]) }
        let frame = try? InboundFrame(bytes)
        let count = bytes.count
        assumeIsolated { $0.received(id, frame, bytes: count) }
    }
    /// Feeds the machine; on the transport's executor only.
    public nonisolated func transportClosed(_ id: ConnectionID, _ reason: CloseReason) {
        assumeIsolated { $0.connectionClosed(id, reason) }
    }
    /// Feeds the machine; on the transport's executor only.
    public nonisolated func alarmFired() { assumeIsolated { $0.due() } }
}
