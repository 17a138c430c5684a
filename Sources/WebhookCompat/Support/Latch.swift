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
            alarms.clock.set(deadline, for: id, signal)
            await signal.wait()
            alarms.clock.set(nil, for: id, signal)
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
    private let last = Locked<UInt64>(0)

    package init(clock: any MonotonicClock) { self.clock = AlarmClock(clock: clock) }

    /// Works until cancelled.
    package func run() async { await clock.run() }

    func next() -> UInt64 {
        last.withLock { last in
            last += 1
            return last
        }
    }
}
