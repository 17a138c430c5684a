/// Delay before the next attempt: exponential steps with a cap, jittered between half and the whole of the step (WS-4).
///
/// Jitter spreads clients that lost the same server; half of the step is the floor, so there is never a tight loop.
///
/// | attempt | `reconnect()`: step, delay | `credentials`: step, delay |
/// | --- | --- | --- |
/// | 1 | 1 s, 0.5–1 s | 5 min, 2.5–5 min |
/// | 2 | 2 s, 1–2 s | 10 min, 5–10 min |
/// | 3 | 4 s, 2–4 s | 20 min, 10–20 min |
/// | 4 | 8 s, 4–8 s | 40 min, 20–40 min |
/// | 5 | 16 s, 8–16 s | 60 min, 30–60 min |
/// | 6 | 32 s, 16–32 s | 60 min, 30–60 min |
/// | 7 and on | 60 s, 30–60 s | 60 min, 30–60 min |
public struct Backoff: Sendable, Hashable {
    /// Step of the first attempt, in seconds.
    public let minSeconds: Double
    /// Largest step, in seconds.
    public let maxSeconds: Double
    /// Attempts since the last `reset()`.
    public private(set) var attempts = 0

    /// Makes a backoff; values below 0.1 s are raised to it, a maximum below the minimum to the minimum.
    public init(minSeconds: Double, maxSeconds: Double) {
        self.minSeconds = minSeconds.isFinite ? max(minSeconds, 0.1) : 0.1
        self.maxSeconds = max(maxSeconds.isFinite ? maxSeconds : self.minSeconds, self.minSeconds)
    }

    /// For a connection that was lost or could not be made: 1 s doubling to 60 s.
    public static func reconnect(minSeconds: Double = 1, maxSeconds: Double = 60) -> Backoff {
        Backoff(minSeconds: minSeconds, maxSeconds: maxSeconds)
    }

    /// For refused credentials: 5 min doubling to 60 min.
    public static var credentials: Backoff { Backoff(minSeconds: 300, maxSeconds: 3_600) }

    /// Counts an attempt and returns the delay before it.
    ///
    /// - Parameter random: uniform in 0...1; other values are cut to it. 1 gives the whole step.
    public mutating func next(random: Double) -> Duration {
        // Past 2^62 the cap holds anyway: no counter grows without end.
        var step = minSeconds
        for _ in 0..<attempts where step < maxSeconds { step *= 2 }
        step = min(step, maxSeconds)
        attempts = min(attempts + 1, 62)
        let share = random.isNaN ? 1 : min(max(random, 0), 1)
        return .seconds(step * (0.5 + share / 2))
    }

    /// Begins anew with the first step; call it after a minute of stable connection.
    public mutating func reset() { attempts = 0 }
}
