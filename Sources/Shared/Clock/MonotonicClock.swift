#if canImport(Glibc)
    import Glibc
#endif

/// A point on a process-local time line that never goes back. Nanoseconds since an arbitrary origin.
public struct MonotonicInstant: InstantProtocol, Hashable, Sendable, CustomStringConvertible {
    /// Nanoseconds since the origin.
    public var nanoseconds: Int64

    /// Creates an instant.
    public init(nanoseconds: Int64 = 0) { self.nanoseconds = nanoseconds }

    /// Instant that lies `duration` later; saturates instead of overflowing.
    public func advanced(by duration: Duration) -> MonotonicInstant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.clampedNanoseconds)
        return MonotonicInstant(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// Time from here to `other`; negative when that lies before. Saturates instead of overflowing.
    public func duration(to other: MonotonicInstant) -> Duration {
        let (difference, overflow) = other.nanoseconds.subtractingReportingOverflow(nanoseconds)
        return .nanoseconds(overflow ? (other < self ? .min : .max) : difference)
    }

    /// The earlier of two, of which each may be missing.
    package static func earliest(_ one: MonotonicInstant?, _ other: MonotonicInstant?) -> MonotonicInstant? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }

    /// Order on the time line.
    public static func < (lhs: MonotonicInstant, rhs: MonotonicInstant) -> Bool { lhs.nanoseconds < rhs.nanoseconds }

    /// Seconds since the origin.
    public var description: String { "\(Double(nanoseconds) / 1e9)s" }
}

extension Duration {
    /// Whole nanoseconds, saturating at what 64 bits hold (292 years).
    public var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return sumOverflow ? (seconds < 0 ? .min : .max) : sum
    }

    /// Seconds as a floating-point number, for logs and fractions.
    public var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

/// The time line that everything waits on. Injected, so that tests advance it by hand.
public protocol MonotonicClock: Clock where Instant == MonotonicInstant, Duration == Swift.Duration {
    /// Calls `wake` whenever time jumped because someone moved it; the system's clock never calls it.
    func onJump(_ wake: @escaping @Sendable () -> Void)
}

/// The system's monotonic clock.
public struct SystemMonotonicClock: MonotonicClock {
    /// The system's time at the origin. Read first, so that no sleep ends before its deadline.
    private static let start = systemNanoseconds()
    private static let origin = (start, ContinuousClock.now).1

    /// Creates the clock; all of them share one origin.
    public init() {}

    /// Current instant.
    public var now: MonotonicInstant {
        MonotonicInstant(nanoseconds: Self.systemNanoseconds() - Self.start)
    }

    /// Read several times for each frame: `ContinuousClock` reads the same clock and then calculates with 128 bits.
    private static func systemNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Finest step.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// Suspends until the deadline; throws `CancellationError` when cancelled.
    public func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        try await Task.sleep(until: Self.origin.advanced(by: .nanoseconds(deadline.nanoseconds)), tolerance: tolerance)
    }

    /// Does nothing: this clock never jumps.
    public func onJump(_ wake: @escaping @Sendable () -> Void) {}
}

/// Wall time, for what is shown, persisted or compared after a restart.
public protocol WallClock: Sendable {
    /// Unix milliseconds.
    var unixMilliseconds: Int64 { get }
}
