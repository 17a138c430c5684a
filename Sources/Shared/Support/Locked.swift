import Foundation

/// A value behind a lock. Calls out, continuations and callbacks happen after the lock is released.
///
/// An NSLock, since the standard library's mutex shows false races under ThreadSanitizer on Linux.
package final class Locked<Value: Sendable>: @unchecked Sendable {
    // Reached through `withLock` alone.
    private let lock = NSLock()
    private var value: Value

    package init(_ value: Value) { self.value = value }

    package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
