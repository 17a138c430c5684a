/// Keeps every conversation within the platform's quota by making what is less urgent wait (WS-20). Never loses anything:
/// the answer is always "now" or "ask again in".
///
/// One `RateLimiter` for each conversation, and pauses for conversations that the platform refused all the same (846607).
/// Times are Unix milliseconds, so that the counters outlive a restart.
public struct RateGovernor: Sendable {
    /// What a send is for, most urgent first.
    ///
    /// Each may fill a window only so far that all above it still find room: of 30 sends a final may use all, a question
    /// 26, a bubble 22, progress 18; of other limits the same shares, rounded down, at least one. So a final waits behind other
    /// finals and, at worst, for a window that is full of sends more urgent than progress. Shares of the window, and not a
    /// queue in front of it, since a send that has gone out cannot be taken back when something urgent comes.
    public enum Priority: Int, Sendable, Hashable, CaseIterable {
        /// Last part of an answer, an error notice: a person waits for it.
        case final
        /// Question to a person, a card: work stands still until it is answered.
        case question
        /// First bubble of an answer.
        case stream
        /// Progress and everything else that can wait.
        case progress

        /// Thirtieths of each window that are kept for more urgent sends.
        var reserve: Int { rawValue * 4 }
    }

    private struct State: Sendable {
        var limiter: RateLimiter
        var refusals = 0
        var pausedUntil: Int64?
        /// Age of the last use that counts; larger is later.
        var stamp: UInt64 = 0

        /// Milliseconds for which everything waits. A clock that went back makes no pause longer than the longest.
        mutating func pauseLeft(now: Int64) -> Int64 {
            guard let end = pausedUntil else { return 0 }
            if end - now > RateGovernor.pause.upperBound { pausedUntil = now + RateGovernor.pause.upperBound }
            return min(max(end - now, 0), RateGovernor.pause.upperBound)
        }

        /// Milliseconds for which `priority` waits. Everybody asks again when a pause ends, so the more urgent find the
        /// conversation open first.
        mutating func pauseLeft(_ priority: Priority, now: Int64) -> Int64 {
            _ = pauseLeft(now: now)
            guard let end = pausedUntil else { return 0 }
            return max(end + RateGovernor.stagger * Int64(priority.rawValue) - now, 0)
        }

        mutating func request(_ priority: Priority, now: Int64) -> RateLimiter.Decision {
            let rest = pauseLeft(priority, now: now)
            guard rest == 0 else {
                // The quota may take longer than the pause. Asked of a copy, as nothing is counted.
                var later = limiter
                let decision = later.tryAcquire(now: now + rest, keepingThirtieths: priority.reserve)
                guard case .wait(let wait) = decision else { return .wait(.milliseconds(rest)) }
                return .wait(.milliseconds(rest) + wait)
            }
            return limiter.tryAcquire(now: now, keepingThirtieths: priority.reserve)
        }
    }

    /// Most conversations that are remembered.
    public static let maxConversations = 10_000
    /// First pause after a refusal, and the longest.
    private static let pause: ClosedRange<Int64> = 3_000...60_000
    /// How much later than the next more urgent priority each one goes on after a pause.
    private static let stagger: Int64 = 250
    /// Longest time for which anything here counts.
    private static let memory: Int64 = 3_600_000
    /// Sends of one conversation that an estimate plays through; it extrapolates beyond.
    private static let maxPlayed = 5_000

    private let fresh: RateLimiter
    private let maxConversations: Int
    private var states: [Conversation: State] = [:]
    /// Conversations by last use, oldest first from `head` on; entries whose stamp is outdated are skipped.
    private var uses: [(conversation: Conversation, stamp: UInt64, time: Int64)] = []
    private var head = 0
    private var stamp: UInt64 = 0

    /// Makes a governor.
    ///
    /// - Parameters:
    ///   - perMinute: sends of one conversation in 60 s; 0 switches this window off.
    ///   - perHour: sends of one conversation in 3,600 s; 0 switches this window off.
    ///   - maxConversations: conversations that are remembered; beyond, the one idle for longest is forgotten.
    public init(perMinute: Int = 30, perHour: Int = 1_000, maxConversations: Int = RateGovernor.maxConversations) {
        fresh = RateLimiter(perMinute: perMinute, perHour: perHour)
        self.maxConversations = max(maxConversations, 1)
    }

    /// Asks for one send. `.allowed` counts it; `.wait` counts nothing and says when to ask again.
    public mutating func request(_ conversation: Conversation, _ priority: Priority, now: Int64) -> RateLimiter.Decision
    {
        // In place, also where nothing is counted: the limiter corrects its times when the clock went back.
        guard let decision = states[conversation]?.request(priority, now: now) else {
            var state = State(limiter: fresh)
            let decision = state.request(priority, now: now)
            if decision == .allowed { states[conversation] = state }
            return counted(decision, conversation, now: now)
        }
        return counted(decision, conversation, now: now)
    }

    private mutating func counted(
        _ decision: RateLimiter.Decision, _ conversation: Conversation, now: Int64
    ) -> RateLimiter.Decision {
        if decision == .allowed { touch(conversation, now: now) }
        return decision
    }

    /// The platform refused a send for its rate (846607): nothing goes to the conversation for the time returned.
    ///
    /// 3 s, doubled with each refusal in a row, at most 60 s. A refusal that comes while the conversation is paused belongs to
    /// a send that was on its way, and changes nothing.
    public mutating func refused(_ conversation: Conversation, now: Int64) -> Duration {
        var state = states[conversation] ?? State(limiter: fresh)
        let rest = state.pauseLeft(now: now)
        if rest > 0 {
            states[conversation] = state
            return .milliseconds(rest)
        }
        let length = min(Self.pause.lowerBound << min(state.refusals, 8), Self.pause.upperBound)
        state.refusals += 1
        state.pausedUntil = now + length
        states[conversation] = state
        touch(conversation, now: now)
        return .milliseconds(length)
    }

    /// The platform took a send: the next refusal is a first one again. A pause that is running ends in its time.
    public mutating func accepted(_ conversation: Conversation) { states[conversation]?.refusals = 0 }

    /// Times of the sends that still count, oldest first, for storing over a restart.
    public var history: [Conversation: [Int64]] {
        states.mapValues(\.limiter.history).filter { !$0.value.isEmpty }
    }

    /// Takes over the sends of an earlier run in place of what is remembered of the same conversations. Of too many
    /// conversations those used last are kept.
    public mutating func restore(_ history: [Conversation: [Int64]]) {
        let used = history.compactMap { entry in entry.value.max().map { (key: entry.key, last: $0) } }
        for (conversation, last) in used.sorted(by: { $0.last < $1.last }).suffix(maxConversations) {
            var state = states[conversation] ?? State(limiter: fresh)
            state.limiter.restore(history[conversation] ?? [])
            states[conversation] = state
            touch(conversation, now: max(last, 0))
        }
    }

    /// Conversations that are remembered.
    var count: Int { states.count }

    /// How long it takes until the last of `counts` sends has gone out, for telling a person before a broadcast.
    ///
    /// Conversations wait for their quota at the same time; then 0.3 s for each send is shared among `parallelism` lanes.
    public func estimate(
        _ counts: [Conversation: Int], now: Int64, priority: Priority = .progress, parallelism: Int = 1
    ) -> Duration {
        var wait: Int64 = 0
        var sends = 0.0
        for (conversation, count) in counts where count > 0 {
            wait = max(wait, waiting(count, conversation, priority, now: now))
            sends += Double(count)
        }
        return .milliseconds(wait + Int64(min(300 * sends / Double(max(parallelism, 1)), 1e15).rounded(.up)))
    }

    private func waiting(_ count: Int, _ conversation: Conversation, _ priority: Priority, now: Int64) -> Int64 {
        var state = states[conversation] ?? State(limiter: fresh)
        var time = now + state.pauseLeft(priority, now: now)
        let played = min(count, Self.maxPlayed)
        for _ in 0..<played {
            while case .wait(let wait) = state.request(priority, now: time) {
                time += Int64((wait / .milliseconds(1)).rounded(.up))
            }
        }
        guard count > played else { return time - now }
        return Int64(min(Double(time - now) * Double(count) / Double(played), 1e15))
    }

    private mutating func touch(_ conversation: Conversation, now: Int64) {
        stamp += 1
        states[conversation]?.stamp = stamp
        uses.append((conversation, stamp, now))
        forget(now: now)
    }

    /// Forgets what no longer counts, and the longest idle beyond the bound.
    private mutating func forget(now: Int64) {
        while head < uses.count {
            let use = uses[head]
            if states[use.conversation]?.stamp == use.stamp {
                let isIdle = now - use.time >= Self.memory
                guard isIdle || states.count > maxConversations else { break }
                states[use.conversation] = nil
            }
            head += 1
        }
        guard uses.count > 2 * states.count + 64 else { return }
        // Outdated entries behind a live one, and what was passed.
        uses = uses[head...].filter { states[$0.conversation]?.stamp == $0.stamp }
        head = 0
    }
}
