import Testing

@testable import Shared

@Suite("Backoff")
struct BackoffTests {
    @Test("WS-4: steps double from the minimum to the maximum; jitter lies between half and whole")
    func steps() {
        var low = Backoff.reconnect()
        var high = Backoff.reconnect()
        for step in [1.0, 2, 4, 8, 16, 32, 60, 60, 60] {
            #expect(low.next(random: 0) == .seconds(step / 2))
            #expect(high.next(random: 1) == .seconds(step))
        }
        high.reset()
        #expect(high.next(random: 0.5) == .seconds(0.75))
    }

    @Test("WS-4: refused credentials wait 5 min doubling to 60 min")
    func credentials() {
        var backoff = Backoff.credentials
        for minutes in [5.0, 10, 20, 40, 60, 60] { #expect(backoff.next(random: 1) == .seconds(minutes * 60)) }
    }

    @Test("WS-4: hostile settings, random values and a long outage give a sane delay")
    func hostile() {
        for (low, high) in [(0.0, 0.0), (-1, 5), (.nan, .nan), (.infinity, 1), (10, 1), (1, .infinity)] {
            var backoff = Backoff(minSeconds: low, maxSeconds: high)
            for random in [0, 1, -5, 7, .nan, .infinity, 0.3] {
                let delay = backoff.next(random: random)
                #expect(delay >= .milliseconds(50) && delay <= .seconds(backoff.maxSeconds))
            }
        }
        var backoff = Backoff.reconnect()
        for _ in 0..<10_000 { #expect(backoff.next(random: 1) <= .seconds(60)) }
    }
}

@Suite("Rate limiter")
struct RateLimiterTests {
    @Test("quota.window: P32, WS-20: no window ever holds more than its limit, and a wait is exact")
    func windows() {
        var random = SeededGenerator(seed: 20)
        var limiter = RateLimiter(perMinute: 30, perHour: 200, finalReserve: 6)
        var sent: [Int64] = []
        var now: Int64 = 1_000
        for _ in 0..<4_000 {
            now += Int64.random(in: 0...8_000, using: &random)
            let priority: RateLimiter.Priority = Int.random(in: 0..<5, using: &random) == 0 ? .final : .normal
            var copy = limiter
            switch limiter.tryAcquire(now: now, priority: priority) {
            case .allowed: sent.append(now)
            case .wait(let wait):
                let milliseconds = Int64((wait / .milliseconds(1)).rounded())
                #expect(milliseconds > 0)
                #expect(copy.tryAcquire(now: now + milliseconds - 1, priority: priority) != .allowed)
                #expect(copy.tryAcquire(now: now + milliseconds, priority: priority) == .allowed)
            }
            #expect(sent.count { $0 > now - 60_000 } <= 30 && sent.count { $0 > now - 3_600_000 } <= 200)
        }
        #expect(limiter.history.count <= 200)
        #expect(sent.count > 400)
    }

    @Test("quota.final: P32: a final never waits behind progress")
    func reserve() {
        var limiter = RateLimiter()
        var progress = 0
        for second in 0..<60 where limiter.tryAcquire(now: Int64(second) * 500) == .allowed { progress += 1 }
        #expect(progress == 24)
        for _ in 0..<6 { #expect(limiter.tryAcquire(now: 30_000, priority: .final) == .allowed) }
        #expect(limiter.tryAcquire(now: 30_000, priority: .final) == .wait(.milliseconds(30_000)))
    }

    @Test("WS-20: 0 switches a window off")
    func off() {
        var free = RateLimiter(perMinute: 0, perHour: 0)
        for _ in 0..<2_000 { #expect(free.tryAcquire(now: 5) == .allowed) }
        #expect(free.history.isEmpty)
        var hourly = RateLimiter(perMinute: 0, perHour: 3, finalReserve: 0)
        for now in 0..<3 { #expect(hourly.tryAcquire(now: Int64(now)) == .allowed) }
        #expect(hourly.tryAcquire(now: 100_000) == .wait(.milliseconds(3_500_000)))
        var one = RateLimiter(perMinute: 1, perHour: 1)
        #expect(one.tryAcquire(now: 0) == .allowed)
    }

    @Test("quota.restart: P32: counters survive a restart, and a clock that went back blocks for one window at most")
    func clocks() {
        var limiter = RateLimiter(perMinute: 2, perHour: 0, finalReserve: 0)
        limiter.restore([9_000_000_000, 1_000, -5])
        #expect(limiter.tryAcquire(now: 2_000) == .wait(.milliseconds(59_000)))
        #expect(limiter.tryAcquire(now: 61_000) == .allowed)
        #expect(limiter.tryAcquire(now: 62_000) == .allowed)
        #expect(limiter.history == [61_000, 62_000])
    }
}

@Suite("Deduplicator")
struct DeduplicatorTests {
    @Test("WS-9: an id counts once within its age")
    func age() {
        var seen = Deduplicator(maxAgeMilliseconds: 1_000)
        let sightings: [(now: Int64, isNew: Bool)] = [
            (0, true), (0, false), (999, false), (1_000, true), (1_999, false),
        ]
        for (now, isNew) in sightings { #expect(seen.isNew("a", now: now) == isNew) }
        #expect(seen.isNew("a", now: 5) == false)
        seen.forget("a")
        #expect(seen.isNew("a", now: 1_999) == true)
        #expect(Deduplicator().maxEntries == 10_000 && Deduplicator().maxAgeMilliseconds == 86_400_000)
    }

    @Test("WS-9: the id seen longest ago goes first")
    func bound() {
        var seen = Deduplicator(maxEntries: 3)
        for id in ["a", "b", "c"] { #expect(seen.isNew(id, now: 0) == true) }
        #expect(seen.isNew("a", now: 1) == false)
        #expect(seen.isNew("d", now: 2) == true)
        for id in ["a", "c", "d"] { #expect(seen.isNew(id, now: 3) == false) }
        #expect(seen.count == 3)
        #expect(seen.isNew("b", now: 4) == true)
    }

    @Test("WS-9: agrees with a plain model over random ids and times")
    func model() {
        var random = SeededGenerator(seed: 3)
        var seen = Deduplicator(maxEntries: 20, maxAgeMilliseconds: 500)
        var model: [(id: String, first: Int64)] = []
        var now: Int64 = 0
        for _ in 0..<20_000 {
            now += Int64.random(in: 0...20, using: &random)
            let id = "\(Int.random(in: 0..<(Bool.random(using: &random) ? 5 : 60), using: &random))"
            let known = model.first { $0.id == id && now - $0.first < 500 }
            model.removeAll { $0.id == id }
            model.append((id, known?.first ?? now))
            while let oldest = model.first, model.count > 20 || now - oldest.first >= 500 { model.removeFirst() }
            #expect(seen.isNew(id, now: now) == (known == nil))
            #expect(seen.count <= 20)
        }
        for _ in 0..<100_000 { _ = seen.isNew("same", now: now) }
        #expect(seen.count <= 20)
    }
}
