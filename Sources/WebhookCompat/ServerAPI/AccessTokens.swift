import Shared

/// Hands out the access token of one application: performs what `AccessTokenStateMachine` decides.
///
/// The first caller who needs a token fetches it in its own task, the others wait for it.
final class AccessTokens: Sendable {
    typealias Fetch = @Sendable () async -> Result<AccessToken, TokenTrouble>

    private enum Wake {
        case again
        case failed(TokenTrouble)
        case cancelled
    }

    private struct State: Sendable {
        var machine: AccessTokenStateMachine
        var nextID: UInt64 = 0
        var continuations: [UInt64: CheckedContinuation<Wake, Never>] = [:]
        /// Wakes that came before their wait began.
        var early: [UInt64: Wake] = [:]
    }

    private let state: Locked<State>
    private let key: String?
    private let kept: any KeptValues
    private let clock: any MonotonicClock
    private let wallClock: any WallClock
    private let maxWait: Int64

    /// - Parameters:
    ///   - key: under which the token outlives the process; nil for not at all.
    ///   - maxWait: longest wait for another attempt, in milliseconds.
    init(
        fixed: Secret?, canFetch: Bool, key: String?, kept: any KeptValues, clock: any MonotonicClock,
        wallClock: any WallClock, maxWait: Int64
    ) {
        state = Locked(State(machine: AccessTokenStateMachine(fixed: fixed?.reveal(), canFetch: canFetch)))
        self.key = key
        self.kept = kept
        self.clock = clock
        self.wallClock = wallClock
        self.maxWait = maxWait
    }

    /// What is wrong with the credentials, as far as is known.
    var complaint: PlatformError? { state.withLock { $0.machine.complaint } }

    private var now: Int64 { wallClock.unixMilliseconds }

    /// A token that is good, as far as anybody knows.
    ///
    /// - Parameter fetch: asks the platform for one.
    func token(_ fetch: Fetch) async throws -> AccessToken {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        while true {
            try Task.checkCancellation()
            var action = state.withLock { $0.machine.requested(by: id, now: now) }
            if action == .load { action = await load(id) }
            if action == .fetch { action = try await self.fetch(id, fetch) }
            switch action {
            case .use(let token): return token
            case .fail(let trouble): throw trouble
            case .later(let time):
                guard time - now <= maxWait else { throw TokenTrouble.unreachable }
                try await clock.sleep(until: clock.now.advanced(by: .milliseconds(time - now)), tolerance: nil)
            case .wait:
                switch await wait(id) {
                case .again: break
                case .failed(let trouble): throw trouble
                case .cancelled: throw CancellationError()
                }
            case .load, .fetch: break
            }
        }
    }

    /// The platform refused this token. Whether the call is worth another try.
    func refused(_ token: AccessToken, _ error: PlatformError) async -> Bool {
        let isWorthIt = state.withLock { $0.machine.refused(token, error) }
        if let key { await kept.forget(key, ifValue: token.stored) }
        return isWorthIt
    }

    // MARK: Work

    private func load(_ id: UInt64) async -> AccessTokenStateMachine.RequestAction {
        var token: AccessToken?
        if let key { token = await kept.value(of: key, now: now).flatMap(AccessToken.init(stored:)) }
        return end { $0.loaded(token, by: id, now: self.now) }
    }

    private func fetch(_ id: UInt64, _ fetch: Fetch) async throws -> AccessTokenStateMachine.RequestAction {
        let result = await fetch()
        if Task.isCancelled, case .failure = result {
            let woken = state.withLock { $0.machine.abandoned(by: id) }
            wake(woken, .again)
            throw CancellationError()
        }
        switch result {
        case .success(let token):
            if let key { await kept.keep(token.stored, of: key, until: token.expiresAt) }
            return end { $0.fetched(token, by: id) }
        case .failure(let trouble): return end { $0.failed(trouble, by: id, now: self.now) }
        }
    }

    private func end(
        _ input: (inout AccessTokenStateMachine) -> AccessTokenStateMachine.WorkEnded
    ) -> AccessTokenStateMachine.RequestAction {
        let ended = state.withLock { input(&$0.machine) }
        wake(ended.woken, .again)
        if case .fail(let trouble) = ended.worker { wake(ended.failed, .failed(trouble)) }
        return ended.worker
    }

    // MARK: Waiting

    private func wait(_ id: UInt64) async -> Wake {
        // A cancellation that came too late leaves its note behind.
        defer { state.withLock { _ = $0.early.removeValue(forKey: id) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early = state.withLock { state -> Wake? in
                    if let wake = state.early.removeValue(forKey: id) { return wake }
                    state.continuations[id] = continuation
                    return nil
                }
                if let early { continuation.resume(returning: early) }
            }
        } onCancel: {
            state.withLock { $0.machine.left(id) }
            wake([id], .cancelled)
        }
    }

    private func wake(_ ids: [UInt64], _ wake: Wake) {
        for id in ids {
            let continuation = state.withLock { state -> CheckedContinuation<Wake, Never>? in
                if let waiting = state.continuations.removeValue(forKey: id) { return waiting }
                state.early[id] = wake
                return nil
            }
            continuation?.resume(returning: wake)
        }
    }
}
