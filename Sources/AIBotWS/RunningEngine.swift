import Foundation
import Shared

/// The engine of a bot while it runs.
final class RunningEngine: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var current: ReplyEngine?

    var engine: ReplyEngine? { lock.withLock { current } }
    func set(_ engine: ReplyEngine?) { lock.withLock { current = engine } }
}
