package import Shared

/// A value that comes once, and that any number of tasks wait for, each with a time of its own.
package final class Latch<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiting: [UInt64: Signal] = [:]
    }
    private let state = Locked(State())

    package init() {}

    /// Gives the value; later ones are ignored.
    package func set(_ value: Value) {
        let waiting = state.withLock { state -> [Signal] in
            guard state.value == nil else { return [] }
            state.value = value
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for signal in waiting { signal.raise() }
    }

    /// The value, as soon as it is there; nil when it did not come in time or the task was cancelled.
    package func value(until deadline: MonotonicInstant, _ alarms: NumberedAlarms) async -> Value? {
        let (id, signal) = (alarms.next(), Signal())
        let isThere = state.withLock { state -> Bool in
            guard state.value == nil else { return true }
            state.waiting[id] = signal
            return false
        }
        if !isThere {
            // Not an alarm of the channel's: whoever answers a request must not wait for one that has stopped.
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await signal.wait() }
                group.addTask { try? await alarms.time.sleep(until: deadline, tolerance: nil) }
                await group.next()
                group.cancelAll()
            }
        }
        return state.withLock { state in
            state.waiting[id] = nil
            return state.value
        }
    }
}

/// Alarms with numbers of their own.
package final class NumberedAlarms: Sendable {
    let clock: AlarmClock
    let time: any MonotonicClock
    private let last = Locked<UInt64>(0)

    package init(clock: any MonotonicClock) {
        self.clock = AlarmClock(clock: clock)
        time = clock
    }

    /// Works until cancelled.
    package func run() async { await clock.run() }

    func next() -> UInt64 {
        last.withLock { last in
            last += 1
            return last
        }
    }
}
