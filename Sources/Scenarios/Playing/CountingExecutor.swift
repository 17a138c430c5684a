import Dispatch
import Foundation

/// Runs tasks one job after another and knows when there is nothing left to run, so that a player can wait for calm
/// instead of for time.
final class CountingExecutor: TaskExecutor, @unchecked Sendable {
    // Touched under `lock` alone; continuations are resumed after it is released.
    private let lock = NSLock()
    private var open = 0
    private var total: UInt64 = 0
    private var waiters: [CheckedContinuation<Void, Never>] = []
    private let queue = DispatchQueue(label: "scenario tasks")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        lock.withLock {
            open += 1
            total += 1
        }
        queue.async { [self] in
            job.runSynchronously(on: asUnownedTaskExecutor())
            finishedOne()
        }
    }

    private func finishedOne() {
        let ready = lock.withLock { () -> [CheckedContinuation<Void, Never>] in
            open -= 1
            guard open == 0 else { return [] }
            defer { waiters = [] }
            return waiters
        }
        for continuation in ready { continuation.resume() }
    }

    /// Jobs taken so far.
    var count: UInt64 { lock.withLock { total } }

    /// Suspends until no job runs or waits.
    func idle() async {
        await withCheckedContinuation { continuation in
            let isIdle = lock.withLock { () -> Bool in
                if open == 0 { return true }
                waiters.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }
}
