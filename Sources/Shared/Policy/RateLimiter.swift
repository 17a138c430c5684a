/// Sliding-window limiter for what counts against a conversation's quota: new bubbles, pushes, cards, media (WS-20).
///
/// Exact, not a bucket: the times of the accepted sends of the last hour are kept, so no window of either length ever holds
/// more than its limit. Memory is bounded by the limits. Part of the minute is reserved for finals, so that progress
/// can never make an answer wait. One limiter serves one conversation.
public struct RateLimiter: Sendable, Hashable {
    /// What a send is for.
    public enum Priority: Sendable, Hashable {
        /// Progress and everything that can wait; may not use the reserve.
        case normal
        /// The last part of an answer, or an error notice; may use the whole window.
        case final
    }

    /// Whether a send may go now.
    public enum Decision: Sendable, Hashable {
        /// It may, and is counted.
        case allowed
        /// It may not, and is not counted; earliest time to ask again from now.
        case wait(Duration)
    }

    private struct Window: Sendable, Hashable {
        let limit: Int
        let milliseconds: Int64
        let reserve: Int
    }

    /// Largest limit of either window: what is remembered stays bounded.
    public static let maxLimit = 100_000

    private let windows: [Window]
    private let maxMilliseconds: Int64
    /// Times of accepted sends, oldest first, from `head` on.
    private var times: [Int64] = []
    private var head = 0

    /// Makes a limiter.
    ///
    /// - Parameters:
    ///   - perMinute: sends in 60 s; 0 switches this window off.
    ///   - perHour: sends in 3,600 s; 0 switches this window off.
    ///   - finalReserve: sends of each window kept for `.final`; at most half of the window.
    public init(perMinute: Int = 30, perHour: Int = 1_000, finalReserve: Int = 6) {
        let limits: [(Int, Int64)] = [(perMinute, 60_000), (perHour, 3_600_000)]
        windows = limits.filter { $0.0 > 0 }.map { limit, milliseconds in
            let limit = min(limit, Self.maxLimit)
            return Window(limit: limit, milliseconds: milliseconds, reserve: min(max(finalReserve, 0), limit / 2))
        }
        maxMilliseconds = windows.map(\.milliseconds).max() ?? 0
    }

    /// Asks for one send at `now`, in milliseconds of any clock.
    ///
    /// If the clock went back, sends that seem to lie ahead count as sent now: nothing is blocked for longer than its window.
    public mutating func tryAcquire(now: Int64, priority: Priority = .normal) -> Decision {
        tryAcquire(now: now) { priority == .final ? $0.limit : $0.limit - $0.reserve }
    }

    /// Asks for one send that leaves `thirtieths` of every window free (rounded up), but may always use one place.
    mutating func tryAcquire(now: Int64, keepingThirtieths thirtieths: Int) -> Decision {
        tryAcquire(now: now) { max($0.limit - ($0.limit * thirtieths + 29) / 30, 1) }
    }

    private mutating func tryAcquire(now: Int64, usable: (Window) -> Int) -> Decision {
        guard !windows.isEmpty else { return .allowed }
        if let last = times.last, last > now {
            times = times[head...].map { min($0, now) }
            head = 0
        }
        forget(before: now)
        var wait: Int64 = 0
        for window in windows {
            // The send that must leave the window before this one fits.
            let index = times.count - usable(window)
            guard index >= head else { continue }
            wait = max(wait, times[index] + window.milliseconds - now)
        }
        if wait > 0 { return .wait(.milliseconds(wait)) }
        times.append(now)
        return .allowed
    }

    /// Times of the sends that still count, oldest first, for storing over a restart.
    public var history: [Int64] { Array(times[head...]) }

    /// Takes over the sends of an earlier run, in any order; of more than the limits the latest count.
    public mutating func restore(_ history: [Int64]) {
        let most = windows.map(\.limit).max() ?? 0
        times = Array(history.map { max($0, 0) }.sorted().suffix(most))
        head = 0
    }

    private mutating func forget(before now: Int64) {
        while head < times.count, now - times[head] >= maxMilliseconds { head += 1 }
        if head > 64, head * 2 > times.count {
            times.removeFirst(head)
            head = 0
        }
    }
}
