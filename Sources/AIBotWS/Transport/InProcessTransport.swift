import Dispatch
import Foundation
public import Shared
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A transport without sockets: the test plays the server, time is the injected clock's, and nothing runs at once.
///
/// Jobs, deliveries and alarms run one after another on a serial queue. `run()` performs all that is waiting before it
/// returns, on the caller's thread; `settle()` does the same for asynchronous tests. Whatever is not yet done when the
/// queue is empty waits for the test: another delivery, or a clock that is moved. Tasks that prefer it as their executor
/// run on the queue too, so that with all of them there the order of everything is always the same.
public final class InProcessTransport: WebSocketTransport, TaskExecutor, @unchecked Sendable {
    /// What becomes of a connect.
    public enum ConnectPolicy: Sendable {
        /// Opens at once.
        case accept
        /// Waits for `accept(_:)`, `refuse(_:_:)` or the connect time-out.
        case wait
        /// Fails with this reason.
        case refuse(CloseReason)
    }

    /// What the client has done to one connection so far, as the server sees it.
    private struct Peer {
        var target: ConnectionTarget
        var sent: [String] = []
        var closeCode: UInt16?
    }

    /// The client's side of a connection that has not ended.
    private struct Link {
        var observer: any ConnectionObserver
        var isOpen = false
        var isEnding = false
        var timer: AlarmTable<ConnectionID>.Timer?
    }

    private enum Item {
        case job(UnownedJob)
        case work(@Sendable (InProcessTransport) -> Void)
    }

    // `inbox`, `isScheduled`, `peers`, `order`, `policy`, `reply` and `waiters` are touched under `lock` alone. `links`
    // and `alarms` belong to `queue`, on which one drain at a time runs; a drain begins and ends by taking `lock`, so
    // what one thread wrote is seen by the next. `owner` is atomic.
    private let lock = NSLock()
    private let queue = DispatchQueue(label: "in-process transport")
    private let clock: any MonotonicClock
    private let owner = Atomic<UInt>(0)
    private var inbox: [Item] = []
    private var isScheduled = false
    private var peers: [ConnectionID: Peer] = [:]
    private var order: [ConnectionID] = []
    private var policy = ConnectPolicy.accept
    private var reply: (@Sendable (ConnectionID, String) -> [String])?
    private var waiters: [(isReady: () -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    private var links: [ConnectionID: Link] = [:]
    private var alarms = AlarmTable<ConnectionID>()

    /// Creates a transport whose time is `clock`.
    public init(clock: any MonotonicClock = ManualClock()) {
        self.clock = clock
        clock.onJump { [weak self] in self?.schedule(nil) }
    }

    // MARK: Driving

    /// Runs everything that is waiting or due, and what follows from it, on the caller's thread.
    public func run() {
        guard !isCurrent else { return }
        queue.sync { drain() }
    }

    /// Runs everything that is waiting or due, and what follows from it, and returns then.
    public func settle() async {
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                drain()
                continuation.resume()
            }
        }
    }

    // MARK: Server's side

    /// Decides about connects from now on.
    public func setConnectPolicy(_ policy: ConnectPolicy) { lock.withLock { self.policy = policy } }

    /// Lets every connect from now on fail as refused, with words for the log.
    public func refuseConnect(_ reason: String) { setConnectPolicy(.refuse(.connectFailed(reason))) }

    /// Answers each message of the client with the messages that `reply` returns; nil answers nothing.
    public func setReply(_ reply: (@Sendable (ConnectionID, String) -> [String])?) {
        lock.withLock { self.reply = reply }
    }

    /// Opens a connection that waits.
    public func accept(_ id: ConnectionID) { schedule(.work { $0.open(id) }) }

    /// Refuses a connection that waits.
    public func refuse(_ id: ConnectionID, _ reason: CloseReason) { schedule(.work { $0.finish(id, reason) }) }

    /// Sends the client a message.
    public func deliver(_ text: String, to id: ConnectionID) { schedule(.work { $0.receive(text, id) }) }

    /// Ends an open connection as the peer or the network does.
    public func dropConnection(_ id: ConnectionID, _ reason: CloseReason = .byPeer(code: nil)) {
        schedule(.work { $0.finish(id, reason) })
    }

    /// Every connection asked for so far, oldest first.
    public var connections: [ConnectionID] { lock.withLock { order } }

    /// Where a connection was asked to go.
    public func target(of id: ConnectionID) -> ConnectionTarget? { lock.withLock { peers[id]?.target } }

    /// Messages the client has sent on a connection, oldest first.
    public func sent(_ id: ConnectionID) -> [String] { lock.withLock { peers[id]?.sent ?? [] } }

    /// Code with which the client closed a connection.
    public func closeCode(_ id: ConnectionID) -> UInt16? { lock.withLock { peers[id]?.closeCode } }

    /// Waits until the client has sent `count` messages on a connection, and returns all it has sent.
    public func sent(_ id: ConnectionID, atLeast count: Int) async -> [String] {
        await wait { [self] in (peers[id]?.sent.count ?? 0) >= count }
        return sent(id)
    }

    /// Waits for connect number `number`, counted from 1.
    public func connection(number: Int) async -> ConnectionID {
        await wait { [self] in order.count >= number }
        return lock.withLock { order[number - 1] }
    }

    // MARK: SerialExecutor

    /// Queues a job.
    public func enqueue(_ job: consuming ExecutorJob) { schedule(.job(UnownedJob(job))) }

    /// Stops the program unless called by what this transport runs.
    public func checkIsolated() { precondition(isCurrent, "not on the transport's executor") }

    /// Whether the caller is run by this transport.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    // MARK: WebSocketTransport

    /// Current instant of the injected clock.
    public var now: MonotonicInstant { clock.now }

    /// Starts a connection, which then goes by the connect policy.
    public func connect(_ target: ConnectionTarget, id: ConnectionID, observer: any ConnectionObserver) {
        let timer = alarms.add(id, at: now.advanced(by: target.connectTimeout))
        links[id] = Link(observer: observer, timer: timer)
        let policy = lock.withLock { () -> ConnectPolicy in
            order.append(id)
            peers[id] = Peer(target: target)
            return self.policy
        }
        switch policy {
        case .accept: accept(id)
        case .wait: break
        case .refuse(let reason): refuse(id, reason)
        }
    }

    /// Hands one message to the server.
    public func send(_ frame: consuming FrameBuffer, on id: ConnectionID) -> TransportSendResult {
        guard let link = links[id], link.isOpen, !link.isEnding else { return .notOpen }
        let text = String(decoding: frame.payload, as: UTF8.self)
        let answers = lock.withLock { () -> (@Sendable (ConnectionID, String) -> [String])? in
            peers[id]?.sent.append(text)
            return reply
        }
        for answer in answers?(id, text) ?? [] { deliver(answer, to: id) }
        return .queued
    }

    /// Closes; the server answers at once.
    public func close(_ id: ConnectionID, code: UInt16) {
        guard let link = links[id], !link.isEnding else { return }
        if link.isOpen { lock.withLock { peers[id]?.closeCode = code } }
        abort(id)
    }

    /// Ends the connection at once.
    public func abort(_ id: ConnectionID) {
        guard links[id]?.isEnding == false else { return }
        links[id]?.isEnding = true
        schedule(.work { $0.finish(id, .byUs) })
    }

    /// Sets, moves or removes the alarm of this observer.
    public func setAlarm(_ deadline: MonotonicInstant?, for observer: any ConnectionObserver) {
        alarms.setAlarm(deadline, for: observer)
    }

    // MARK: On the queue

    private func open(_ id: ConnectionID) {
        guard let link = links[id], !link.isOpen, !link.isEnding else { return }
        links[id]?.isOpen = true
        if let timer = link.timer { alarms.remove(timer) }
        link.observer.transportOpened(id)
    }

    private func receive(_ text: String, _ id: ConnectionID) {
        guard let link = links[id], link.isOpen, !link.isEnding else { return }
        var text = text
        text.withUTF8 { link.observer.transportReceived(id, UnsafeRawBufferPointer($0)) }
    }

    private func finish(_ id: ConnectionID, _ reason: CloseReason) {
        guard let link = links.removeValue(forKey: id) else { return }
        if let timer = link.timer { alarms.remove(timer) }
        link.observer.transportClosed(id, link.isEnding ? .byUs : reason)
    }

    private var isCurrent: Bool { owner.load(ordering: .relaxed) == UInt(pthread_self()) }

    private func schedule(_ item: Item?) {
        let isFirst = lock.withLock { () -> Bool in
            if let item { inbox.append(item) }
            defer { isScheduled = true }
            return !isScheduled
        }
        if isFirst { queue.async { [self] in drain() } }
    }

    private func drain() {
        owner.store(UInt(pthread_self()), ordering: .relaxed)
        let serial = asUnownedSerialExecutor()
        let task = asUnownedTaskExecutor()
        while true {
            let batch = lock.withLock { () -> [Item] in
                defer { inbox = [] }
                return inbox
            }
            for item in batch {
                switch item {
                case .job(let job): job.runSynchronously(isolatedTo: serial, taskExecutor: task)
                case .work(let work): work(self)
                }
            }
            let fired = fireNextAlarm()
            if batch.isEmpty, !fired, pause() { break }
        }
    }

    /// One alarm at a time, so that the jobs it causes run before the next.
    private func fireNextAlarm() -> Bool {
        switch alarms.popDue(now) {
        case nil: return false
        case .observer(let observer): observer.alarmFired()
        case .timer(let id): finish(id, .connectTimedOut)
        }
        return true
    }

    /// Ends a drain unless something came meanwhile; wakes tests whose condition is met.
    private func pause() -> Bool {
        let ready = lock.withLock { () -> [CheckedContinuation<Void, Never>]? in
            guard inbox.isEmpty else { return nil }
            isScheduled = false
            owner.store(0, ordering: .relaxed)
            let ready = waiters.filter { $0.isReady() }.map(\.continuation)
            waiters.removeAll { $0.isReady() }
            return ready
        }
        for continuation in ready ?? [] { continuation.resume() }
        return ready != nil
    }

    /// `isReady` is called with the lock held.
    private func wait(until isReady: @escaping () -> Bool) async {
        await withCheckedContinuation { continuation in
            let isDone = lock.withLock { () -> Bool in
                if isReady() { return true }
                waiters.append((isReady, continuation))
                return false
            }
            if isDone { continuation.resume() }
        }
    }
}
