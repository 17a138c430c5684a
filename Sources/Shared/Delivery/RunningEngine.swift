/// The engine of a bot while it runs.
package final class RunningEngine: Sendable {
    private let current = Locked<ReplyEngine?>(nil)

    package init() {}

    package var engine: ReplyEngine? { current.withLock { $0 } }
    package func set(_ engine: ReplyEngine?) { current.withLock { $0 = engine } }
}
