import Foundation
import Shared

/// How long an answer may take and how long it may be silent.
struct TimeLimits: Sendable, Equatable {
    /// Bound of the whole try.
    var total: Duration
    /// Bound until the first piece of the answer; nil for none.
    var firstToken: Duration?
    /// Bound of silence (not one byte) once bytes have come; nil for none.
    var stall: Duration?
}

/// A limit of `TimeLimits` passed.
enum TimedOut: String, Error, Sendable {
    case total
    case firstToken
    case stall
}

/// Pure deadline arithmetic of one try.
struct Deadlines: Sendable {
    private let limits: TimeLimits
    private let start: MonotonicInstant
    private var lastByte: MonotonicInstant?
    /// Whether a piece of the answer came.
    private(set) var sawToken = false

    init(limits: TimeLimits, start: MonotonicInstant) {
        self.limits = limits
        self.start = start
    }

    mutating func byteArrived(now: MonotonicInstant) { lastByte = now }
    mutating func tokenArrived() { sawToken = true }

    /// What runs out first, and when.
    var next: (at: MonotonicInstant, reason: TimedOut) {
        var first = (at: start.advanced(by: limits.total), reason: TimedOut.total)
        if let limit = limits.firstToken, !sawToken, start.advanced(by: limit) < first.at {
            first = (start.advanced(by: limit), .firstToken)
        }
        if let limit = limits.stall, let lastByte, lastByte.advanced(by: limit) < first.at {
            first = (lastByte.advanced(by: limit), .stall)
        }
        return first
    }

    /// When to look again. A byte may bring a deadline that lies before the next one of now, but never before this.
    func wakeUp(now: MonotonicInstant) -> MonotonicInstant {
        guard let limit = limits.stall else { return next.at }
        return min(next.at, now.advanced(by: limit))
    }
}

/// Tells the watchdog of one try that its answer is alive.
final class Activity: @unchecked Sendable {
    // `deadlines` is touched under `lock` alone.
    private let lock = NSLock()
    private var deadlines: Deadlines
    private let clock: any MonotonicClock

    init(limits: TimeLimits, clock: any MonotonicClock) {
        self.clock = clock
        deadlines = Deadlines(limits: limits, start: clock.now)
    }

    func byteArrived() {
        let now = clock.now
        lock.withLock { deadlines.byteArrived(now: now) }
    }

    func tokenArrived() { lock.withLock { deadlines.tokenArrived() } }

    var sawToken: Bool { lock.withLock { deadlines.sawToken } }

    /// Returns only by throwing: `TimedOut` at a deadline, or `CancellationError`.
    fileprivate func watch() async throws -> Never {
        while true {
            let now = clock.now
            let (next, wakeUp) = lock.withLock { (deadlines.next, deadlines.wakeUp(now: now)) }
            if next.at <= now { throw next.reason }
            try await clock.sleep(until: wakeUp, tolerance: nil)
        }
    }
}

/// Runs `body` until it ends or a limit of `activity` passes, which cancels it.
///
/// - Throws: `TimedOut`, `CancellationError` when the surrounding task was cancelled, or what `body` throws.
func withWatchdog<Value: Sendable>(
    _ activity: Activity, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await activity.watch() }
        group.addTask(operation: body)
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw CancellationError() }
        return value
    }
}
