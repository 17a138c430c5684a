import Dispatch

/// One wait for the system's timer.
///
/// `Task.sleep` leaves the timer of a wait that was cancelled in place until its deadline, with a task that hangs on it.
/// Every answer has time limits of minutes and most end within seconds, so that thousands of them would lie around.
final class Sleeper: Sendable {
    // Unchecked, since Dispatch does not declare that its sources may be used from any thread.
    private enum State: @unchecked Sendable {
        case new
        case waiting(CheckedContinuation<Void, any Error>, any DispatchSourceTimer)
        case over
    }
    private let state = Locked(State.new)
    private static let queue = DispatchQueue(label: "clock")

    /// Suspends for as long; throws `CancellationError` when cancelled. One call for each sleeper.
    func sleep(_ duration: Duration, _ tolerance: Duration?) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if !begin(continuation, duration, tolerance) { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            end(.failure(CancellationError()))
        }
    }

    private func begin(
        _ continuation: CheckedContinuation<Void, any Error>, _ duration: Duration, _ tolerance: Duration?
    ) -> Bool {
        state.withLock { state in
            guard case .new = state else { return false }
            let timer = DispatchSource.makeTimerSource(queue: Self.queue)
            timer.schedule(
                deadline: .now() + Self.interval(duration), leeway: tolerance.map(Self.interval) ?? .milliseconds(1))
            timer.setEventHandler { self.end(.success(())) }
            state = .waiting(continuation, timer)
            timer.activate()
            return true
        }
    }

    private func end(_ result: Result<Void, any Error>) {
        // The continuation leaves the lock before it is resumed.
        let ended = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            defer { state = .over }
            guard case .waiting(let continuation, let timer) = state else { return nil }
            timer.cancel()
            return continuation
        }
        ended?.resume(with: result)
    }

    private static func interval(_ duration: Duration) -> DispatchTimeInterval {
        .nanoseconds(Int(clamping: duration.clampedNanoseconds))
    }
}
