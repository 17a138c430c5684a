import Foundation

/// Numbers the sessions of a process, so that connection ids never meet.
enum SessionNumbers {
    // Touched under `lock` alone.
    nonisolated(unsafe) private static var last: UInt64 = 0
    private static let lock = NSLock()

    static func next() -> UInt64 {
        lock.withLock {
            last += 1
            return last
        }
    }
}

/// Set once, from any thread.
final class ReplacedFlag: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var value = false

    var isSet: Bool { lock.withLock { value } }
    func set() { lock.withLock { value = true } }
}
