import Testing

@testable import Shared

@Suite("Rate governor")
struct RateGovernorTests {
    private let here = Conversation(kind: .group, id: "wr-here")
    private let there = Conversation(kind: .direct, id: "lin.wei")

    private func milliseconds(_ decision: RateLimiter.Decision) -> Int64? {
        guard case .wait(let wait) = decision else { return nil }
        return Int64((wait / .milliseconds(1)).rounded())
    }

    @Test(
        "quota.final: P32, WS-20: of 100 progress events and one final in a minute the final never waits, no window overflows"
    )
    func finalFirst() {
        for start in stride(from: 0, to: 60, by: 7) {
            var governor = RateGovernor()
            var sent: [Int64] = []
            for index in 0..<100 {
                let now = Int64(index) * 600
                if governor.request(here, .progress, now: now) == .allowed { sent.append(now) }
                if index == start + 40 {
                    #expect(governor.request(here, .final, now: now) == .allowed)
                    sent.append(now)
                }
            }
            #expect(sent.count == 19)
        }
    }

    @Test(
        "WS-20: each priority keeps room for all above it, whatever the limits",
        arguments: [1, 2, 3, 4, 5, 10, 30, 200])
    func reserves(limit: Int) {
        var governor = RateGovernor(perMinute: limit, perHour: 0)
        var total = 0
        var caps: [Int] = []
        for priority in RateGovernor.Priority.allCases.reversed() {
            while governor.request(here, priority, now: 5) == .allowed { total += 1 }
            caps.append(total)
        }
        #expect(caps == caps.sorted() && caps[0] >= 1 && caps[3] == limit)
        if limit == 30 { #expect(caps == [18, 22, 26, 30]) }
        if limit >= 2 { #expect(caps[0] < limit && caps[2] < limit) }
        #expect(governor.request(there, .progress, now: 5) == .allowed)
    }

    @Test("WS-20: switched off windows never make anything wait")
    func off() {
        var governor = RateGovernor(perMinute: 0, perHour: 0)
        for _ in 0..<5_000 { #expect(governor.request(here, .progress, now: 1) == .allowed) }
        #expect(governor.history.isEmpty)
    }

    @Test(
        "quota.refused: P32, WS-20: 846607 pauses 3, 6, 12 … 60 s, finals go on first, and an accepted send starts over"
    )
    func refusals() {
        var governor = RateGovernor()
        var now: Int64 = 1_000_000
        for seconds: Int64 in [3, 6, 12, 24, 48, 60, 60] {
            #expect(governor.refused(here, now: now) == .seconds(seconds))
            // One that was on its way.
            #expect(governor.refused(here, now: now + 1_000) == .seconds(seconds - 1))
            for priority in RateGovernor.Priority.allCases {
                let wait = milliseconds(governor.request(here, priority, now: now))
                #expect(wait == seconds * 1_000 + Int64(priority.rawValue) * 250)
            }
            now += seconds * 1_000
            #expect(governor.request(here, .question, now: now) != .allowed)
            #expect(governor.request(here, .final, now: now) == .allowed)
            #expect(governor.request(here, .progress, now: now + 749) != .allowed)
            #expect(governor.request(there, .progress, now: now) == .allowed)
        }
        #expect(governor.request(here, .progress, now: now + 750) == .allowed)
        governor.accepted(here)
        #expect(governor.refused(here, now: now + 800) == .seconds(3))
    }

    @Test("quota.restart: P32, WS-20: a restart keeps the counters")
    func restart() {
        var governor = RateGovernor()
        var random = SeededGenerator(seed: 4)
        for index in 0..<60 { _ = governor.request(index % 3 == 0 ? here : there, .stream, now: Int64(index) * 500) }
        var other = RateGovernor()
        other.restore(governor.history.mapValues { $0.shuffled(using: &random) })
        #expect(other.history == governor.history)
        for priority in RateGovernor.Priority.allCases {
            for conversation in [here, there] {
                #expect(
                    other.request(conversation, priority, now: 30_000)
                        == governor.request(conversation, priority, now: 30_000))
            }
        }
        other.restore([here: [.min, .max, 5, -1], there: []])
        #expect(other.request(here, .final, now: 40_000) == .allowed)
    }

    @Test("WS-20: a clock that goes back blocks nobody for longer than the window or the longest pause")
    func clock() {
        let later: Int64 = 90_000_000
        var governor = RateGovernor(perMinute: 5, perHour: 0)
        while governor.request(here, .final, now: later) == .allowed {}
        #expect(governor.refused(there, now: later) == .seconds(3))
        #expect(milliseconds(governor.request(here, .final, now: 1_000)) == 60_000)
        #expect(milliseconds(governor.request(there, .final, now: 1_000)) == 60_000)
        #expect(governor.request(here, .final, now: 61_000) == .allowed)
        #expect(governor.request(there, .final, now: 61_000) == .allowed)
    }

    @Test("WS-20: beyond the bound the conversation idle for longest is forgotten; what counts is kept up to it")
    func bound() {
        var governor = RateGovernor(maxConversations: 100)
        for index in 0..<100 {
            _ = governor.request(Conversation(kind: .direct, id: "user-\(index)"), .final, now: Int64(index))
        }
        _ = governor.request(Conversation(kind: .direct, id: "user-0"), .final, now: 200)
        #expect(governor.count == 100)
        _ = governor.request(here, .final, now: 201)
        #expect(governor.count == 100)
        let history = governor.history
        #expect(history[Conversation(kind: .direct, id: "user-0")]?.count == 2)
        #expect(history[Conversation(kind: .direct, id: "user-1")] == nil)
        #expect(history[Conversation(kind: .direct, id: "user-2")]?.count == 1)
        // An hour on, nothing counts any more.
        _ = governor.request(here, .final, now: 4_000_000)
        #expect(governor.count == 1)
    }

    @Test("quota.eta: P32, WS-20: a broadcast to 400 chats says how long it takes")
    func estimate() {
        var governor = RateGovernor()
        var counts: [Conversation: Int] = [:]
        for index in 0..<400 { counts[Conversation(kind: .group, id: "wr-\(index)")] = 1 }
        #expect(governor.estimate(counts, now: 0) == .seconds(120))
        #expect(governor.estimate(counts, now: 0, parallelism: 4) == .seconds(30))
        #expect(governor.estimate([:], now: 0) == .zero)
        // 30 at once, 30 after a minute, the last one after two.
        #expect(governor.estimate([here: 61], now: 0, priority: .final, parallelism: 61) == .milliseconds(120_300))
        _ = governor.refused(there, now: 0)
        #expect(governor.estimate([there: 1], now: 0, priority: .final) == .milliseconds(3_300))
        for _ in 0..<18 { _ = governor.request(here, .progress, now: 10_000) }
        #expect(governor.estimate([here: 1], now: 10_000) == .milliseconds(60_300))
        let before = governor.history
        #expect(governor.estimate([here: 1_000_000_000], now: 0) > .seconds(1_000_000))
        #expect(governor.history == before)
    }

    @Test(
        "WS-20: decides like a naive model, and every wait is exact",
        arguments: [(30, 200), (5, 12), (1, 3), (0, 40), (7, 0)])
    func model(perMinute: Int, perHour: Int) {
        var random = SeededGenerator(seed: UInt64(perMinute * 1_000 + perHour))
        var governor = RateGovernor(perMinute: perMinute, perHour: perHour)
        var model = NaiveGovernor(perMinute: perMinute, perHour: perHour)
        var now: Int64 = 10_000_000
        for _ in 0..<3_000 {
            now += Int64.random(in: 0...3_000, using: &random)
            if Int.random(in: 0..<100, using: &random) == 0 { now += 1_000_000 }
            let conversation = Bool.random(using: &random) ? here : there
            if Int.random(in: 0..<150, using: &random) == 0 {
                #expect(governor.refused(conversation, now: now) == .milliseconds(model.refuse(conversation, now)))
            }
            if Int.random(in: 0..<200, using: &random) == 0 {
                governor.accepted(conversation)
                model.refusals[conversation] = 0
            }
            if Int.random(in: 0..<300, using: &random) == 0, model.paused.values.allSatisfy({ $0 < now }) {
                var restarted = RateGovernor(perMinute: perMinute, perHour: perHour)
                restarted.restore(governor.history)
                governor = restarted
                model.paused = [:]
                model.refusals = [:]
            }
            let priority = RateGovernor.Priority.allCases[Int.random(in: 0..<4, using: &random)]
            let decision = governor.request(conversation, priority, now: now)
            #expect((decision == .allowed) == model.allows(conversation, priority, now))
            if let wait = milliseconds(decision) {
                #expect(wait > 0 && model.allows(conversation, priority, now + wait))
                #expect(!model.allows(conversation, priority, now + wait - 1))
            } else {
                model.sent[conversation, default: []].append(now)
            }
        }
        #expect(model.sent.values.allSatisfy { $0.count > 20 })
    }
}

/// Says the same by counting.
private struct NaiveGovernor {
    let perMinute: Int
    let perHour: Int
    var sent: [Conversation: [Int64]] = [:]
    var paused: [Conversation: Int64] = [:]
    var refusals: [Conversation: Int] = [:]

    func allows(_ conversation: Conversation, _ priority: RateGovernor.Priority, _ now: Int64) -> Bool {
        if let end = paused[conversation], now < end + Int64(priority.rawValue) * 250 { return false }
        for (limit, window) in [(perMinute, Int64(60_000)), (perHour, Int64(3_600_000))] where limit > 0 {
            let share = [1.0, 26.0 / 30, 22.0 / 30, 18.0 / 30][priority.rawValue]
            // A little more, since shares such as 0.6 are not exact in binary.
            let cap = max(Int((Double(limit) * share + 1e-9).rounded(.down)), 1)
            if (sent[conversation] ?? []).count(where: { now - $0 < window }) >= cap { return false }
        }
        return true
    }

    mutating func refuse(_ conversation: Conversation, _ now: Int64) -> Int64 {
        if let end = paused[conversation], end > now { return end - now }
        let length = [3_000, 6_000, 12_000, 24_000, 48_000, 60_000][min(refusals[conversation] ?? 0, 5)]
        refusals[conversation, default: 0] += 1
        paused[conversation] = now + Int64(length)
        return Int64(length)
    }
}
