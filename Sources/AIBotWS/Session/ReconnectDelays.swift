import Shared

/// Waits between attempts: exponential steps with jitter between half of a step and the whole.
///
/// With the defaults (1 s to 60 s): 0.5–1, 1–2, 2–4, 4–8, 8–16, 16–32, 30–60, 30–60, … seconds. Refused credentials:
/// 5, 10, 20, 40, 60, 60, … minutes, without jitter below the step.
struct ReconnectDelays: Sendable {
    static let credentialSteps: (first: Duration, last: Duration) = (.seconds(300), .seconds(3600))
    /// Time online after which the next loss starts from the first step.
    static let stableAfter: Duration = .seconds(60)
    /// Wait before taking a bot back, and how often within `takeoverWindow`.
    static let takeover: (least: Duration, most: Duration) = (.seconds(60), .seconds(120))
    static let takeoversPerWindow = 3
    static let takeoverWindow: Duration = .seconds(3600)

    private let least: Duration
    private let most: Duration
    private var attempts = 0
    private var refusals = 0
    private var takeovers: [MonotonicInstant] = []
    private var random: SeededGenerator

    init(least: Duration, most: Duration, seed: UInt64) {
        self.least = least
        self.most = max(least, most)
        random = SeededGenerator(seed: seed)
    }

    mutating func next() -> Duration {
        let step = Self.step(least, most, attempts)
        attempts += 1
        return step * (0.5 + 0.5 * unit())
    }

    mutating func afterRefusedCredentials() -> Duration {
        let step = Self.step(Self.credentialSteps.first, Self.credentialSteps.last, refusals)
        refusals += 1
        return step
    }

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

    mutating func subscribed() { refusals = 0 }

    mutating func stable() { attempts = 0 }

    private mutating func unit() -> Double { Double.random(in: 0...1, using: &random) }

    private static func step(_ first: Duration, _ last: Duration, _ number: Int) -> Duration {
        number >= 40 ? last : min(last, first * (1 << number))
    }
}
