import Foundation

/// The only place where this rig waits for time to pass: it watches real processes, whose clock nobody can move.
struct Deadline: Sendable {
    private let end: ContinuousClock.Instant

    init(in duration: Duration) { end = .now + duration }

    var isOver: Bool { ContinuousClock.now >= end }

    /// Asks every 20 ms; false when the deadline, or cancellation, came first.
    func until(_ condition: () async throws -> Bool) async rethrows -> Bool {
        while !isOver, !Task.isCancelled {
            if try await condition() { return true }
            await Self.pause(.milliseconds(20))
        }
        return try await condition()
    }

    /// Lets time pass; cancellation ends it.
    static func pause(_ duration: Duration) async { try? await Task.sleep(for: duration) }
}
