import Foundation

/// A clock that stands still until it is told to move: tests and replays run hours in milliseconds.
public final class ManualClock: MonotonicClock, WallClock, @unchecked Sendable {
    // Everything below is touched under `lock` alone; continuations are resumed after it is released.
    private struct Sleeper {
        var deadline: MonotonicInstant
        var continuation: CheckedContinuation<Void, any Error>
    }
    private let lock = NSLock()
    private var current: MonotonicInstant
    private var nextID: UInt64 = 0
    private var sleepers: [UInt64: Sleeper] = [:]
    private var cancelled: Set<UInt64> = []
    private var listeners: [@Sendable () -> Void] = []
    private var sleeperWaiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    private let wallOrigin: Int64

    /// Creates a clock that stands at zero, with `unixMilliseconds` as the wall time there.
    public init(unixMilliseconds: Int64 = 1_795_000_000_000) {
        current = MonotonicInstant()
        wallOrigin = unixMilliseconds
    }

    /// Current instant.
    public var now: MonotonicInstant { lock.withLock { current } }
    /// Finest step.
    public var minimumResolution: Duration { .nanoseconds(1) }
    /// Wall time that moves with this clock.
    public var unixMilliseconds: Int64 { wallOrigin + now.nanoseconds / 1_000_000 }

    /// Moves time forward and wakes what became due, earliest first.
    public func advance(by duration: Duration) {
        let (due, wakes) = lock.withLock { () -> ([Sleeper], [@Sendable () -> Void]) in
            current = current.advanced(by: duration)
            let ids = sleepers.filter { $0.value.deadline <= current }.sorted { $0.value.deadline < $1.value.deadline }
            for (id, _) in ids { sleepers[id] = nil }
            return (ids.map(\.value), listeners)
        }
        for sleeper in due { sleeper.continuation.resume() }
        for wake in wakes { wake() }
    }

    /// Earliest instant that somebody sleeps for.
    public var nextDeadline: MonotonicInstant? { lock.withLock { sleepers.values.map(\.deadline).min() } }

    /// Suspends until at least `count` tasks sleep on this clock.
    public func waitForSleepers(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let ready = lock.withLock { () -> Bool in
                if sleepers.count >= count { return true }
                sleeperWaiters.append((count, continuation))
                return false
            }
            if ready { continuation.resume() }
        }
    }

    /// Calls `wake` after every `advance(by:)`.
    public func onJump(_ wake: @escaping @Sendable () -> Void) {
        lock.withLock { listeners.append(wake) }
    }

    /// Suspends until the clock was moved to the deadline; throws `CancellationError` when cancelled.
    public func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        let id = lock.withLock { () -> UInt64 in
            nextID += 1
            return nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                add(Sleeper(deadline: deadline, continuation: continuation), id: id)
            }
        } onCancel: {
            let sleeper = lock.withLock { () -> Sleeper? in
                // Cancelled before the continuation was stored: leave a note for `add`.
                guard let sleeper = sleepers.removeValue(forKey: id) else {
                    cancelled.insert(id)
                    return nil
                }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
        lock.withLock { _ = cancelled.remove(id) }
    }

    private func add(_ sleeper: Sleeper, id: UInt64) {
        enum Verdict {
            case due
            case cancelled
            case stored([CheckedContinuation<Void, Never>])
        }
        let verdict = lock.withLock { () -> Verdict in
            if cancelled.remove(id) != nil { return .cancelled }
            if sleeper.deadline <= current { return .due }
            sleepers[id] = sleeper
            let ready = sleeperWaiters.filter { $0.count <= sleepers.count }
            sleeperWaiters.removeAll { $0.count <= sleepers.count }
            return .stored(ready.map(\.continuation))
        }
        switch verdict {
        case .due: sleeper.continuation.resume()
        case .cancelled: sleeper.continuation.resume(throwing: CancellationError())
        case .stored(let waiters): for waiter in waiters { waiter.resume() }
        }
    }
}
