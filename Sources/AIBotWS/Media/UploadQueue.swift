import Foundation

/// Lets two uploads of a session go on at a time; others wait in order.
final class UploadQueue: @unchecked Sendable {
    /// Uploads at a time, and uploads that may wait.
    static let width = 2
    static let capacity = 64

    private struct Waiter {
        var number: UInt64
        var turn: AsyncStream<Void>.Continuation
    }

    // Touched under `lock` alone; a waiter is told after it is released.
    private let lock = NSLock()
    private var running = 0
    private var waiting: [Waiter] = []
    private var lastNumber: UInt64 = 0

    /// Uploads that wait.
    var waitingCount: Int { lock.withLock { waiting.count } }

    /// Waits for its turn. False, at once, when too many wait already, and when the task is cancelled; true must be
    /// followed by `leave`.
    func enter() async -> Bool {
        let (stream, turn) = AsyncStream<Void>.makeStream()
        guard let number = join(turn) else { return false }
        for await _ in stream {}
        return lock.withLock {
            guard let index = waiting.firstIndex(where: { $0.number == number }) else { return true }
            waiting.remove(at: index)
            return false
        }
    }

    private func join(_ turn: AsyncStream<Void>.Continuation) -> UInt64? {
        let (number, isFree) = lock.withLock { () -> (UInt64?, Bool) in
            lastNumber += 1
            if running < Self.width {
                running += 1
                return (lastNumber, true)
            }
            guard waiting.count < Self.capacity else { return (nil, false) }
            waiting.append(Waiter(number: lastNumber, turn: turn))
            return (lastNumber, false)
        }
        if isFree { turn.finish() }
        return number
    }

    /// Ends an upload; the place passes to the one that waits longest.
    func leave() {
        let next = lock.withLock { () -> Waiter? in
            guard waiting.isEmpty else { return waiting.removeFirst() }
            running -= 1
            return nil
        }
        next?.turn.finish()
    }
}
