import Foundation

/// Wakes one waiting task. Raising it twice before the wait is the same as once.
final class Signal: @unchecked Sendable {
    // `state` is touched under `lock` alone; the continuation leaves the lock before it is resumed.
    private enum State {
        case idle
        case raised
        case waiting(CheckedContinuation<Void, Never>)
    }
    private let lock = NSLock()
    private var state = State.idle

    /// Ends the wait that is going on, or the next one at once.
    func raise() {
        let waiting = lock.withLock { () -> CheckedContinuation<Void, Never>? in
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
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = lock.withLock { () -> Bool in
                    if case .raised = state {
                        state = .idle
                        return true
                    }
                    state = .waiting(continuation)
                    return false
                }
                if ready { continuation.resume() }
            }
        } onCancel: {
            raise()
        }
    }
}
