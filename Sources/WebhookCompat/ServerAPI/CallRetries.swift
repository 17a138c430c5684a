import Shared

/// What came of one attempt of a call.
enum AttemptResult: Hashable, Sendable {
    /// The platform did it.
    case done
    /// The platform said no, by number.
    case refused(PlatformError)
    /// An HTTP status that is not 200.
    case status(UInt)
    /// The request was not written.
    case notConnected
    /// It was written, and no answer came, or one that makes no sense.
    case noAnswer
    /// The file that is part of it cannot be read; the platform got a part at most.
    case unreadable
    /// There was no token.
    case noToken(TokenTrouble)
    /// The task was cancelled; whether the request had been written.
    case cancelled(wasWritten: Bool)
}

/// Whether a call is made once more: one value for each call, told of every attempt.
///
/// Repeated are: -1 and 45033 (three times), 45009 (after the pause of its API, if that is short enough), a refused token (once),
/// connections that fail (three times), HTTP 429 and 5xx (three times), silence (once). What the platform may have done
/// is repeated only where that does no harm.
struct CallRetries: Sendable {
    /// What making a call twice would do.
    enum Harm: Hashable, Sendable {
        /// Nothing: it reads, or shows nothing to anybody.
        case none
        /// Nothing while the platform still knows the first one: it drops the second.
        case guarded
        /// Something is shown twice.
        case duplicate
    }

    /// What follows.
    enum Verdict: Hashable, Sendable {
        case done
        /// Once more, after a pause.
        case again(after: Duration)
        /// Once more, with another token, if there is one.
        case againWithNewToken(PlatformError)
        /// Once more, when the API may be called again: the caller asks its pauses.
        case againAfterBlock(PlatformError)
        case fail(ServerAPIFailure)
    }

    private let harm: Harm
    private var passing = 0
    private var silent = 0
    private var tokens = 0
    /// Whether the platform may have done it in an earlier attempt.
    private var mayBeDone = false
    var isInDoubt: Bool { mayBeDone }

    init(_ harm: Harm) { self.harm = harm }

    private static let most = 3

    /// - Parameter random: uniform in 0...1.
    mutating func judge(_ result: AttemptResult, random: Double) -> Verdict {
        switch result {
        case .done: return .done
        case .refused(let error): return judge(error, random: random)
        case .status(let status): return judge(status: status, random: random)
        case .notConnected: return later(random) ?? .fail(lastWord(.notSent(.unreachable)))
        case .noAnswer:
            silent += 1
            mayBeDone = harm != .none
            guard harm != .duplicate, silent == 1 else { return .fail(lastWord(.notSent(.unreachable))) }
            return .again(after: .zero)
        case .unreadable: return .fail(.notSent(.unreadable))
        case .noToken(.unreachable): return later(random) ?? .fail(lastWord(.notSent(.unreachable)))
        case .noToken(let trouble): return .fail(lastWord(Self.failure(trouble)))
        case .cancelled(let wasWritten):
            mayBeDone = mayBeDone || (wasWritten && harm != .none)
            return .fail(lastWord(.notSent(.cancelled)))
        }
    }

    /// What is said at the end: what an earlier attempt may have done is not denied.
    func lastWord(_ failure: ServerAPIFailure) -> ServerAPIFailure {
        guard mayBeDone else { return failure }
        // What is wrong with the request itself was wrong with the first one, too.
        if case .refused(let error) = failure, ![.retry, .pauseConversation].contains(error.reaction) {
            return failure
        }
        return .unknown
    }

    private mutating func judge(_ error: PlatformError, random: Double) -> Verdict {
        switch error.reaction {
        case .refreshToken:
            tokens += 1
            return tokens == 1 ? .againWithNewToken(error) : .fail(lastWord(.refused(error)))
        case .retry: return later(random) ?? .fail(lastWord(.refused(error)))
        case .pauseConversation: return .againAfterBlock(error)
        default: return .fail(lastWord(.refused(error)))
        }
    }

    private mutating func judge(status: UInt, random: Double) -> Verdict {
        if status >= 500 {
            // Behind the front it may have been done.
            mayBeDone = harm != .none
            if harm == .duplicate { return .fail(.unknown) }
        }
        guard status == 429 || status >= 500 else { return .fail(lastWord(.notSent(.unavailable))) }
        return later(random) ?? .fail(lastWord(.notSent(.unavailable)))
    }

    /// 0.5, 1, 2 s, each between half and the whole.
    private mutating func later(_ random: Double) -> Verdict? {
        guard passing < Self.most else { return nil }
        let whole = 0.5 * Double(1 << passing)
        passing += 1
        return .again(after: .seconds(whole * (0.5 + min(max(random, 0), 1) / 2)))
    }

    private static func failure(_ trouble: TokenTrouble) -> ServerAPIFailure {
        switch trouble {
        case .credentials(let error), .refused(let error), .fixedTokenEnded(let error): .refused(error)
        case .unreachable: .notSent(.unreachable)
        case .notConfigured: .notSent(.noCredentials)
        }
    }
}

/// Pauses of APIs whose call frequency was exceeded (45009): 60 s, then 5 minutes, then 60 minutes, until one call succeeds.
struct APIBlocks: Sendable {
    private static let lengths: [Int64] = [60_000, 300_000, 3_600_000]
    private var blocks: [String: (until: Int64, count: Int, error: PlatformError)] = [:]

    /// Milliseconds until the API may be called, with the refusal that it waits for; nil when it may be called.
    func wait(_ api: String, now: Int64) -> (milliseconds: Int64, error: PlatformError)? {
        guard let block = blocks[api], block.until > now else { return nil }
        return (min(block.until - now, Self.lengths[2]), block.error)
    }

    /// The platform refused a call; one that was on its way during a pause changes nothing.
    mutating func refused(_ api: String, _ error: PlatformError, now: Int64) {
        let earlier = blocks[api]
        if let earlier, earlier.until > now { return }
        let count = min(earlier?.count ?? 0, Self.lengths.count - 1)
        blocks[api] = (now + Self.lengths[count], count + 1, error)
    }

    /// A call succeeded.
    mutating func succeeded(_ api: String) { blocks[api] = nil }
}
