import Shared

/// Waits between attempts: `Backoff` with jitter after a loss, whole steps of 5 to 60 minutes after refused credentials,
/// and the pace of taking a bot back.
struct ReconnectDelays: Sendable {
    /// Time online after which the next loss starts from the first step.
    static let stableAfter: Duration = .seconds(60)
    /// Wait before taking a bot back, and how often within `takeoverWindow`.
    static let takeover: (least: Duration, most: Duration) = (.seconds(60), .seconds(120))
    static let takeoversPerWindow = 3
    static let takeoverWindow: Duration = .seconds(3600)

    private var losses: Backoff
    private var refusals = Backoff.credentials
    private var takeovers: [MonotonicInstant] = []
    private var random: SeededGenerator

    init(least: Duration, most: Duration, seed: UInt64) {
        losses = .reconnect(minSeconds: least.inSeconds, maxSeconds: most.inSeconds)
        random = SeededGenerator(seed: seed)
    }

    mutating func next() -> Duration { losses.next(random: unit()) }

    /// Without jitter: never more often than once in five minutes.
    mutating func afterRefusedCredentials() -> Duration { refusals.next(random: 1) }

    /// Wait before taking the bot back: 60 to 120 s, or longer when that was done often enough within the hour.
    mutating func beforeTakeover(now: MonotonicInstant) -> Duration {
        takeovers.removeAll { $0.duration(to: now) >= Self.takeoverWindow }
        var wait = Self.takeover.least + (Self.takeover.most - Self.takeover.least) * unit()
        if takeovers.count >= Self.takeoversPerWindow {
            let oldest = takeovers[takeovers.count - Self.takeoversPerWindow]
            wait = max(wait, now.duration(to: oldest.advanced(by: Self.takeoverWindow)))
        }
        takeovers.append(now.advanced(by: wait))
        return wait
    }

    mutating func subscribed() { refusals.reset() }

    mutating func stable() { losses.reset() }

    private mutating func unit() -> Double { Double.random(in: 0...1, using: &random) }
}
