package import Shared

/// Gives `body` until that instant; then, or when its task is cancelled, it is cancelled, and its last word counts all the same.
@discardableResult
package func within<Value: Sendable>(
    until end: MonotonicInstant, on clock: any MonotonicClock, _ body: @escaping @Sendable () async -> Value
) async -> Value? {
    await withTaskGroup(of: Value?.self) { group in
        group.addTask { await body() }
        group.addTask {
            try? await clock.sleep(until: end, tolerance: nil)
            return nil
        }
        var value: Value?
        // Whichever ends first ends the other.
        while let ended = await group.next() {
            group.cancelAll()
            value = value ?? ended
        }
        return value
    }
}
