import Shared

/// An access token and its time. Never printed.
struct AccessToken: Hashable, Sendable, CustomStringConvertible {
    /// Goes into the query of every call.
    let value: String
    /// Unix milliseconds at which another one is fetched.
    let refreshAt: Int64
    /// Unix milliseconds at which it ends.
    let expiresAt: Int64

    /// Refreshed 5 minutes before its end, or when three quarters of a shorter life are over.
    init(_ value: String, lifetimeSeconds: Int, now: Int64) {
        let lifetime = Int64(min(max(lifetimeSeconds, 0), 86_400)) * 1_000
        self.value = value
        expiresAt = now + lifetime
        refreshAt = expiresAt - min(300_000, lifetime / 4)
    }

    /// Reads what `stored` wrote; nil for everything else.
    init?(stored: String) {
        let fields = stored.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3, let refreshAt = Int64(fields[0]), let expiresAt = Int64(fields[1]), !fields[2].isEmpty,
            (0...expiresAt.magnitude).contains(refreshAt.magnitude), expiresAt >= 0, expiresAt < 1 << 50
        else { return nil }
        value = String(fields[2])
        self.refreshAt = refreshAt
        self.expiresAt = expiresAt
    }

    /// Form in which it outlives the process.
    var stored: String { "\(refreshAt) \(expiresAt) \(value)" }
    var description: String { "<token>" }
}

/// Why there is no token.
enum TokenTrouble: Error, Hashable, Sendable {
    /// Corp id or secret are wrong; nothing is asked again for minutes.
    case credentials(PlatformError)
    /// The platform refused for another reason.
    case refused(PlatformError)
    /// It could not be reached, or gave no sense.
    case unreachable
    /// The fixed token has ended, and there is no secret to fetch another one with.
    case fixedTokenEnded(PlatformError)
    /// Neither a fixed token nor a secret is configured.
    case notConfigured
}

/// The access token of one application: who fetches it, and when.
///
/// States: `unread` (what an earlier run kept is not known yet), `empty`, `held`, and with each of them nobody or one caller
/// at work. One caller works at a time; the others wait for it, or use the old token while that is good. No state is
/// final: wrong credentials are asked about again after 5, 10 … 60 minutes, other failures after 1, 2, 4 … 60 s. A token
/// is dropped only by its own value, so a refusal that comes late does not cost its successor. Nothing poisons the machine.
struct AccessTokenStateMachine: Sendable {
    typealias CallerID = UInt64

    /// What a caller does.
    enum RequestAction: Hashable, Sendable {
        /// Calls with this token.
        case use(AccessToken)
        /// Reads what was kept, then reports `loaded`.
        case load
        /// Fetches a token, then reports `fetched`, `failed` or `abandoned`.
        case fetch
        /// Waits until it is woken.
        case wait
        /// Waits until then (Unix milliseconds) and asks again.
        case later(Int64)
        /// Gives up.
        case fail(TokenTrouble)
    }

    /// What the end of a caller's work leads to.
    struct WorkEnded: Hashable, Sendable {
        /// What the worker itself does.
        var worker: RequestAction
        /// Callers that ask again, by which they get what there is now.
        var woken: [CallerID] = []
        /// Callers that hear of the failure.
        var failed: [CallerID] = []
    }

    /// Longest wait between attempts to fetch, in milliseconds.
    static let maxPause: Int64 = 60_000
    private static let credentialsPause: Int64 = 300_000
    private static let maxCredentialsPause: Int64 = 3_600_000

    private enum Source: Sendable {
        case fixed(AccessToken)
        case fixedEnded(PlatformError)
        case fetched
        case none
    }

    private var source: Source
    private let canFetch: Bool
    private var isRead = false
    private var held: AccessToken?
    private var worker: CallerID?
    private var waiters: [CallerID] = []
    private var failures = 0
    private var pause: (until: Int64, length: Int64, trouble: TokenTrouble)?

    /// - Parameters:
    ///   - fixed: token of the configuration, used before anything is fetched.
    ///   - canFetch: whether there is a secret.
    init(fixed: String?, canFetch: Bool) {
        self.canFetch = canFetch
        if let fixed {
            source = .fixed(AccessToken(fixed, lifetimeSeconds: 86_400, now: .max / 2))
        } else {
            source = canFetch ? .fetched : .none
        }
    }

    /// What is wrong with the credentials; nil when nothing is known to be.
    var complaint: PlatformError? {
        if case .fixedEnded(let error) = source { return error }
        if case .credentials(let error)? = pause?.trouble { return error }
        return nil
    }

    // MARK: Inputs

    /// A caller needs a token.
    mutating func requested(by id: CallerID, now: Int64) -> RequestAction {
        switch source {
        case .fixed(let token): return .use(token)
        case .fixedEnded(let error): return .fail(.fixedTokenEnded(error))
        case .none: return .fail(.notConfigured)
        case .fetched: break
        }
        if let held, now < held.refreshAt { return .use(held) }
        let old = held.flatMap { now < $0.expiresAt ? $0 : nil }
        guard worker == nil else {
            if let old { return .use(old) }
            waiters.append(id)
            return .wait
        }
        if let rest = pauseLeft(now: now) {
            if let old { return .use(old) }
            if case .credentials(let error)? = pause?.trouble { return .fail(.credentials(error)) }
            return .later(now + rest)
        }
        worker = id
        return isRead ? .fetch : .load
    }

    /// The worker has read what was kept.
    mutating func loaded(_ token: AccessToken?, by id: CallerID, now: Int64) -> WorkEnded {
        guard worker == id else { return WorkEnded(worker: .later(now)) }
        isRead = true
        // What claims to live longer than tokens do was written under another clock.
        guard let token, now < token.refreshAt, token.expiresAt - now <= 86_400_000 else {
            return WorkEnded(worker: .fetch)
        }
        held = token
        worker = nil
        return WorkEnded(worker: .use(token), woken: takeWaiters())
    }

    /// The worker has fetched a token.
    mutating func fetched(_ token: AccessToken, by id: CallerID) -> WorkEnded {
        guard worker == id else { return WorkEnded(worker: .use(token)) }
        worker = nil
        held = token
        failures = 0
        pause = nil
        return WorkEnded(worker: .use(token), woken: takeWaiters())
    }

    /// The worker could not fetch a token: everyone who waits hears of it, unless the old one is still good.
    mutating func failed(_ trouble: TokenTrouble, by id: CallerID, now: Int64) -> WorkEnded {
        guard worker == id else { return WorkEnded(worker: .fail(trouble)) }
        worker = nil
        let isAboutCredentials = if case .credentials = trouble { true } else { false }
        let wasAboutCredentials = if case .credentials? = pause?.trouble { true } else { false }
        if isAboutCredentials != wasAboutCredentials { failures = 0 }
        let (first, most) =
            isAboutCredentials ? (Self.credentialsPause, Self.maxCredentialsPause) : (1_000, Self.maxPause)
        let length = min(first << min(failures, 16), most)
        failures += 1
        pause = (now + length, length, trouble)
        if let held, now < held.expiresAt { return WorkEnded(worker: .use(held), woken: takeWaiters()) }
        return WorkEnded(worker: .fail(trouble), failed: takeWaiters())
    }

    /// The worker was cancelled; somebody else takes over.
    mutating func abandoned(by id: CallerID) -> [CallerID] {
        guard worker == id else { return [] }
        worker = nil
        return takeWaiters()
    }

    /// A caller that waits was cancelled.
    mutating func left(_ id: CallerID) { waiters.removeAll { $0 == id } }

    /// The platform refused a call with this token. Whether another one may be had.
    mutating func refused(_ token: AccessToken, _ error: PlatformError) -> Bool {
        if case .fixed(let fixed) = source, fixed == token {
            source = canFetch ? .fetched : .fixedEnded(error)
            return canFetch
        }
        if held == token { held = nil }
        if case .fixedEnded = source { return false }
        return true
    }

    // MARK: Helpers

    private mutating func takeWaiters() -> [CallerID] {
        defer { waiters = [] }
        return waiters
    }

    /// Milliseconds until the next attempt; a clock that went back makes no pause longer than it was meant to be.
    private mutating func pauseLeft(now: Int64) -> Int64? {
        guard let pause, pause.until > now else { return nil }
        if pause.until - now > pause.length { self.pause?.until = now + pause.length }
        return min(pause.until - now, pause.length)
    }
}
