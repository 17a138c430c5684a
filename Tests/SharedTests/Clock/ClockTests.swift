import Testing

@testable import Shared

@Suite("Clocks and signals")
struct ClockTests {
    @Test("Signals raised before the wait are not lost, and two are as one")
    func signalBeforeWait() async {
        let signal = Signal()
        signal.raise()
        signal.raise()
        await signal.wait()
        let over = Locked(false)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await signal.wait()
                over.withLock { $0 = true }
            }
            for _ in 0..<100 { await Task.yield() }
            #expect(!over.withLock { $0 })
            signal.raise()
        }
        #expect(over.withLock { $0 })
    }

    @Test("A wait ends when its task is cancelled, before or during it", arguments: 0..<50)
    func signalCancelled(round: Int) async {
        let signal = Signal()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signal.wait() }
            for _ in 0..<round { await Task.yield() }
            group.cancelAll()
        }
    }

    @Test("A thousand raises from another task wake a waiter as long as it waits")
    func signalStress() async {
        let signal = Signal()
        let given = Locked(0)
        let taken = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for _ in 0..<1_000 {
                    given.withLock { $0 += 1 }
                    signal.raise()
                    await Task.yield()
                }
            }
            group.addTask {
                while taken.withLock({ $0 }) < 1_000 {
                    await signal.wait()
                    let now = given.withLock { $0 }
                    taken.withLock { $0 = now }
                }
            }
        }
        #expect(taken.withLock { $0 } == 1_000)
    }

    @Test("A manual clock wakes sleepers in order of their deadlines, and only those that are due")
    func manualClock() async {
        let clock = ManualClock()
        let woken = Locked([Int]())
        await withTaskGroup(of: Void.self) { group in
            for seconds in [3, 1, 2] {
                group.addTask {
                    try? await clock.sleep(until: MonotonicInstant().advanced(by: .seconds(seconds)), tolerance: nil)
                    woken.withLock { $0.append(seconds) }
                }
            }
            await clock.waitForSleepers(3)
            #expect(clock.nextDeadline == MonotonicInstant().advanced(by: .seconds(1)))
            clock.advance(by: .milliseconds(999))
            #expect(woken.withLock { $0.isEmpty })
            for seconds in 1...3 {
                clock.advance(by: .seconds(1))
                await eventually("\(seconds) woken") { woken.withLock { $0.count } == seconds }
            }
        }
        #expect(woken.withLock { $0 } == [1, 2, 3])
        #expect(clock.unixMilliseconds == 1_795_000_003_999)
    }

    @Test("A cancelled sleep throws and is forgotten", arguments: 0..<30)
    func manualClockCancelled(round: Int) async {
        let clock = ManualClock()
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await clock.sleep(until: MonotonicInstant(nanoseconds: .max), tolerance: nil)
                    return false
                } catch { return error is CancellationError }
            }
            for _ in 0..<round { await Task.yield() }
            group.cancelAll()
            #expect(await group.next() == true)
        }
        #expect(clock.nextDeadline == nil)
    }

    @Test("The system's clock sleeps to the deadline, not less; passed deadlines do not wait")
    func systemClock() async throws {
        let clock = SystemMonotonicClock()
        for delay in [-1, 0, 1, 5] {
            let deadline = clock.now.advanced(by: .milliseconds(delay))
            try await clock.sleep(until: deadline, tolerance: nil)
            #expect(clock.now >= deadline)
        }
    }

    @Test("A cancelled sleep throws, and leaves nothing behind until its deadline", arguments: 0..<20)
    func sleeperCancelled(round: Int) async {
        weak var left: Sleeper?
        do {
            let sleeper = Sleeper()
            left = sleeper
            await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do {
                        try await sleeper.sleep(.seconds(3_600), nil)
                        return false
                    } catch { return error is CancellationError }
                }
                for _ in 0..<round { await Task.yield() }
                group.cancelAll()
                #expect(await group.next() == true)
            }
        }
        // The system takes the timer away on a thread of its own.
        let clock = SystemMonotonicClock()
        let limit = clock.now.advanced(by: .seconds(30))
        while left != nil, clock.now < limit { await Task.yield() }
        #expect(left == nil)
    }

    @Test("Instants and durations saturate instead of trapping")
    func saturation() {
        let late = MonotonicInstant(nanoseconds: .max)
        #expect(late.advanced(by: .seconds(1)) == late)
        #expect(MonotonicInstant().advanced(by: .seconds(Int64.max)).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).clampedNanoseconds == .min)
        #expect(Duration.milliseconds(-1).clampedNanoseconds == -1_000_000)
        #expect(MonotonicInstant(nanoseconds: 5).advanced(by: .nanoseconds(-7)).nanoseconds == -2)
        let early = MonotonicInstant(nanoseconds: .min)
        #expect(early.advanced(by: .seconds(-1)) <= early)
        #expect(early.duration(to: late) > .zero)
        #expect(late.duration(to: early) < .zero)
    }

    @Test("One alarm clock serves many alarms: set, moved, removed, each raised once at its time")
    func alarms() async {
        let clock = ManualClock()
        let alarms = AlarmClock(clock: clock)
        let fired = Locked([Int: Int]())
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await alarms.run() }
            let signals = (0..<200).map { _ in Signal() }
            for (index, signal) in signals.enumerated() {
                group.addTask {
                    while !Task.isCancelled {
                        await signal.wait()
                        if Task.isCancelled { return }
                        fired.withLock { $0[index, default: 0] += 1 }
                    }
                }
            }
            for (index, signal) in signals.enumerated() {
                for second in 1...5 {
                    alarms.set(MonotonicInstant().advanced(by: .seconds(second * 10)), for: UInt64(index), signal)
                }
                if index % 2 == 0 { alarms.set(nil, for: UInt64(index), signal) }
                if index % 5 == 1 {
                    alarms.set(MonotonicInstant().advanced(by: .seconds(5)), for: UInt64(index), signal)
                }
            }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(5))
            await eventually("early ones") { fired.withLock { $0.count } == 40 }
            clock.advance(by: .seconds(44))
            for _ in 0..<1_000 { await Task.yield() }
            #expect(fired.withLock { $0.count } == 40)
            clock.advance(by: .seconds(1))
            await eventually("all of them") { fired.withLock { $0.count } == 120 }
            let once = fired.withLock { $0.values.allSatisfy { $0 == 1 } }
            #expect(once)
            let isOdd = fired.withLock { $0.keys.allSatisfy { $0 % 2 == 1 || $0 % 5 == 1 } }
            #expect(isOdd)
            group.cancelAll()
        }
    }
}
