import AIBotWS
import Foundation
import Shared

/// What the sessions of the accounts do, as they last said.
final class AccountStates: @unchecked Sendable {
    struct State {
        var session = SessionStatus.idle
        var since: Int64
        var lastInboundAt: Int64?
    }

    // Touched under `lock` alone.
    private let lock = NSLock()
    private var states: [String: State] = [:]
    private let clock: any WallClock

    init(clock: any WallClock) { self.clock = clock }

    func changed(_ account: String, to session: SessionStatus) {
        lock.withLock { states[account, default: State(since: 0)].change(to: session, at: clock.unixMilliseconds) }
    }

    func heard(_ account: String) {
        lock.withLock {
            states[account, default: State(since: clock.unixMilliseconds)].lastInboundAt = clock.unixMilliseconds
        }
    }

    subscript(account: String) -> State { lock.withLock { states[account] } ?? State(since: clock.unixMilliseconds) }
}

extension AccountStates.State {
    fileprivate mutating func change(to session: SessionStatus, at now: Int64) {
        self.session = session
        since = now
    }
}
