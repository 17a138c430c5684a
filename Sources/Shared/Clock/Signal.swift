import Foundation

/// Wakes one waiting task. Raising it twice before the wait is the same as once.
package final class Signal: @unchecked Sendable {
    // `state` is touched under `lock` alone; the continuation leaves the lock before it is resumed. Unsafe, since there is a
    // wait for each frame: it leaves the state with the one call that resumes it, so that happens once.
    private enum State {
        case idle
        case raised
        case waiting(UnsafeContinuation<Void, Never>)
    }
    private let lock = NSLock()
    private var state = State.idle

    package init() {}

    /// Ends the wait that is going on, or the next one at once.
    package func raise() {
        let waiting = lock.withLock { () -> UnsafeContinuation<Void, Never>? in
            guard case .waiting(let continuation) = state else {
                state = .raised
                return nil
            }
            state = .idle
            return continuation
        }
        waiting?.resume()
    }

    /// Suspends until raised; returns at once when the task is cancelled. One task may wait at a time.
    package func wait() async {
        await withTaskCancellationHandler {
            await raised()
        } onCancel: {
            raise()
        }
    }

    /// Suspends until raised, also when the task is cancelled: for callers that raise it then. Stays on the caller's actor.
    nonisolated(nonsending) func raised() async {
        if take() { return }
        await withUnsafeContinuation { continuation in
            if take(orKeep: continuation) { continuation.resume() }
        }
    }

    /// Whether it was raised; it is not any more. If not, keeps who waits for it.
    private func take(orKeep continuation: UnsafeContinuation<Void, Never>? = nil) -> Bool {
        lock.withLock {
            if case .raised = state {
                state = .idle
                return true
            }
            if let continuation { state = .waiting(continuation) }
            return false
        }
    }
}
