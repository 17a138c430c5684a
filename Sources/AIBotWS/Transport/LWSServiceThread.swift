import CLibWebSockets
import Foundation
import Shared
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The thread that owns the context, and the inbox through which others reach it.
///
/// Jobs and closures are taken in batches, between passes of lws. While the thread is awake, nobody needs to wake it;
/// it says that it is about to wait, under the lock, and the first one to come then calls `lws_cancel_service`.
///
/// After `stop` the context is gone and jobs, which Swift wants to see run in any case, go to a queue of Dispatch,
/// one batch at a time.
final class LWSServiceThread: @unchecked Sendable {
    private enum Item {
        case job(UnownedJob)
        case work(@Sendable (LWSLoop) -> Void)
        case call(@Sendable () -> Void)
    }

    private enum Life {
        case running
        case stopping
        case stopped
    }

    // `inbox`, `life`, `isAwake`, `isTailScheduled` and `wakeHandle` are touched under `condition` alone; `loop` by
    // the service thread alone, which creates it; `owner` is atomic.
    private let condition = NSCondition()
    private var inbox: [Item] = []
    private var life = Life.running
    private var isAwake = true
    private var isTailScheduled = false
    private var wakeHandle: OpaquePointer?
    private var loop: LWSLoop?
    private let owner = Atomic<UInt>(0)

    /// The thread's own loop; nil on every other thread, and after it was stopped.
    var current: LWSLoop? { isCurrent ? loop : nil }

    /// Whether the caller runs on the service thread (or, after `stop`, in its place).
    var isCurrent: Bool { owner.load(ordering: .relaxed) == Self.callerIdentity }

    private static var callerIdentity: UInt { UInt(pthread_self()) }

    /// Starts the thread. It keeps `executor` alive until `stop`.
    func start(
        executor: LWSTransport, clock: any MonotonicClock, resolver: Resolver,
        throttle: ConnectThrottle<ConnectionID>, makeContext: @escaping @Sendable () -> LWSContext?
    ) {
        let thread = Thread { [self] in
            owner.store(Self.callerIdentity, ordering: .relaxed)
            let loop = LWSLoop(
                clock: clock, resolver: resolver, throttle: throttle, makeContext: makeContext,
                post: { [weak self] in self?.post($0) })
            self.loop = loop
            loop.open()
            run(loop, on: executor)
            finish(loop, on: executor)
        }
        thread.name = "aibot-ws"
        thread.stackSize = 2 << 20
        thread.start()
        // A clock that was moved by hand may have made alarms due.
        clock.onJump { [weak self] in self?.post { _ in } }
    }

    /// Ends every connection and the thread; returns when it has ended, or at once when called on it.
    func stop() {
        condition.lock()
        if life == .running {
            life = .stopping
            wakeLocked()
        }
        if !isCurrent {
            while life != .stopped { condition.wait() }
        }
        condition.unlock()
    }

    /// Runs a job of Swift's on the thread.
    func enqueue(_ job: UnownedJob, executor: LWSTransport) {
        if add(.job(job)) { startTail(on: executor) }
    }

    /// Runs a closure as if it were such a job.
    func call(_ body: @escaping @Sendable () -> Void, executor: LWSTransport) {
        if add(.call(body)) { startTail(on: executor) }
    }

    /// Runs a closure on the thread with its loop; dropped after `stop`.
    private func post(_ work: @escaping @Sendable (LWSLoop) -> Void) { _ = add(.work(work)) }

    /// True when a queue must be found that runs the inbox, because the thread has ended.
    private func add(_ item: Item) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        if life == .stopped {
            if case .work = item { return false }
            inbox.append(item)
            defer { isTailScheduled = true }
            return !isTailScheduled
        }
        inbox.append(item)
        if !isAwake, !isCurrent { wakeLocked() }
        return false
    }

    /// Called with the lock held, so that the context cannot go away meanwhile.
    private func wakeLocked() {
        guard !isAwake else { return }
        isAwake = true
        if let wakeHandle { lws_cancel_service(wakeHandle) } else { condition.broadcast() }
    }

    private func run(_ loop: LWSLoop, on executor: LWSTransport) {
        var batch: [Item] = []
        while true {
            // A task that goes to and fro between actors puts itself into the inbox again and again: some rounds of that
            // before the sockets, not one, but not without end either.
            for _ in 0..<Self.roundsPerPass {
                takeInbox(&batch)
                if batch.isEmpty { break }
                runBatch(&batch, loop, on: executor)
            }
            loop.runDeferred()
            loop.fireAlarms()
            loop.runDeferred()
            switch prepareToWait(loop, mayWait: !loop.hasWork) {
            case .stop: return
            case .poll: loop.service(mayBlock: false)
            case .wait:
                if loop.context == nil { waitWithoutContext(loop.patience) } else { loop.service(mayBlock: true) }
                condition.withLock { isAwake = true }
            }
        }
    }

    private enum Turn {
        case stop
        case poll
        case wait
    }

    private func prepareToWait(_ loop: LWSLoop, mayWait: Bool) -> Turn {
        condition.withLock {
            if life != .running { return .stop }
            wakeHandle = loop.context?.handle
            guard mayWait, inbox.isEmpty else { return .poll }
            isAwake = false
            return .wait
        }
    }

    /// Without a context there is nothing to serve, but jobs still run and alarms still ring.
    private func waitWithoutContext(_ patience: Duration?) {
        let end = patience.map { Date(timeIntervalSinceNow: $0.inSeconds) }
        condition.lock()
        defer { condition.unlock() }
        while !isAwake {
            guard let end else {
                condition.wait()
                continue
            }
            guard condition.wait(until: end) else { return }
        }
    }

    private func takeInbox(_ batch: inout [Item]) {
        condition.withLock { swap(&batch, &inbox) }
    }

    private static let roundsPerPass = 8

    private func runBatch(_ batch: inout [Item], _ loop: LWSLoop?, on executor: LWSTransport) {
        let serial = executor.asUnownedSerialExecutor()
        let task = executor.asUnownedTaskExecutor()
        for item in batch {
            switch item {
            case .job(let job): job.runSynchronously(isolatedTo: serial, taskExecutor: task)
            case .work(let work): if let loop { work(loop) }
            case .call(let body): body()
            }
        }
        batch.removeAll(keepingCapacity: batch.count <= 4096)
    }

    private func finish(_ loop: LWSLoop, on executor: LWSTransport) {
        condition.withLock { wakeHandle = nil }
        loop.close()
        self.loop = nil
        owner.store(0, ordering: .relaxed)
        let hasRest = condition.withLock { () -> Bool in
            life = .stopped
            isTailScheduled = !inbox.isEmpty
            condition.broadcast()
            return isTailScheduled
        }
        if hasRest { startTail(on: executor) }
    }

    private func startTail(on executor: LWSTransport) {
        DispatchQueue.global().async { [self] in runTail(on: executor) }
    }

    /// Runs what came after the end, one caller at a time.
    private func runTail(on executor: LWSTransport) {
        owner.store(Self.callerIdentity, ordering: .relaxed)
        var batch: [Item] = []
        while true {
            let isDone = condition.withLock { () -> Bool in
                swap(&batch, &inbox)
                guard batch.isEmpty else { return false }
                isTailScheduled = false
                owner.store(0, ordering: .relaxed)
                return true
            }
            if isDone { return }
            runBatch(&batch, nil, on: executor)
        }
    }
}
