package import Shared

/// A value that comes once, and that any number of tasks wait for, each with a time of its own.
package final class Latch<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiting: [Int: Signal] = [:]
        var last = 0
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
    package func value(until deadline: MonotonicInstant, on clock: any MonotonicClock) async -> Value? {
        let signal = Signal()
        let id = state.withLock { state -> Int? in
            guard state.value == nil else { return nil }
            state.last += 1
            state.waiting[state.last] = signal
            return state.last
        }
        if id != nil { await within(until: deadline, on: clock) { await signal.wait() } }
        return state.withLock { state in
            if let id { state.waiting[id] = nil }
            return state.value
        }
    }
}
