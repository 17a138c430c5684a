import Shared

/// When a failed try is worth another: exponential backoff with jitter, and what the service asks for.
///
/// Before retry `n` (from 1) it waits between half and the whole of `base` × 2ⁿ⁻¹, or the service's Retry-After where
/// that is longer. A Retry-After beyond `longestWait` is not waited for.
struct RetryPolicy: Sendable {
    /// Tries in all.
    var maxTries = 3
    /// Step before the first retry.
    var base: Duration = .seconds(1)
    /// Longest wait, for steps and for Retry-After.
    var longestWait: Duration = .seconds(60)
    /// Random numbers between 0 and 1.
    var random: @Sendable () -> Double = { Double.random(in: 0...1) }

    /// Time to wait before the next try; nil to give up.
    ///
    /// - Parameters:
    ///   - tries: tries made so far, at least 1.
    ///   - retryAfter: what the service asked for.
    func wait(afterTries tries: Int, retryAfter: Duration?) -> Duration? {
        guard tries < maxTries else { return nil }
        let step = min(base * (1 << min(tries - 1, 10)), longestWait)
        let jittered = step * (0.5 + 0.5 * min(max(random(), 0), 1))
        guard let retryAfter else { return jittered }
        return retryAfter > longestWait ? nil : max(jittered, retryAfter)
    }

    /// Reads a Retry-After header in seconds. Dates are ignored, as they need the service's idea of now.
    static func retryAfter(_ header: String?) -> Duration? {
        guard let header, let seconds = Double(header), seconds.isFinite, seconds >= 0, seconds < 1e9 else {
            return nil
        }
        return .seconds(seconds)
    }
}
