import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
public import Shared

/// The platform's server API for one application: one method for each endpoint.
///
/// Every call minds the limit of calls, the pauses that the platform demands and the access token, and is repeated where
/// that is safe; what follows from which refusal is decided in `CallRetries`. Neither token nor secret appear in logs or
/// errors. The owner of the HTTP client shuts it down; it must not follow redirects.
public final class ServerAPI: Sendable {
    /// What all calls share and change.
    struct State: Sendable {
        var limiter: RateLimiter
        var blocks = APIBlocks()
        var governor: RateGovernor
        var duplicates = DuplicateMemory()
        var directory = DirectoryCache()
        var waiting = 0
    }

    static let maxAnswerBytes = 8 << 20
    private static let maxWaiting = 1_000

    let settings: AgentSettings
    /// Without slashes at its end.
    let baseURL: String
    let client: HTTPClient
    let clock: any MonotonicClock
    let wallClock: any WallClock
    let logger: Logger
    let state: Locked<State>
    private let tokens: AccessTokens

    init(
        _ settings: AgentSettings, client: HTTPClient, kept: any KeptValues, clock: any MonotonicClock,
        wallClock: any WallClock, logger: Logger
    ) {
        self.settings = settings
        var baseURL = settings.baseURL
        while baseURL.hasSuffix("/") { baseURL.removeLast() }
        self.baseURL = baseURL
        self.client = client
        self.clock = clock
        self.wallClock = wallClock
        self.logger = logger
        state = Locked(
            State(
                limiter: RateLimiter(perMinute: settings.callsPerMinute, perHour: 0, finalReserve: 0),
                governor: RateGovernor(
                    perMinute: settings.memberLimits.perMinute, perHour: settings.memberLimits.perHour)))
        tokens = AccessTokens(
            fixed: settings.accessToken, canFetch: settings.secret != nil, key: Self.tokenKey(settings), kept: kept,
            clock: clock, wallClock: wallClock, maxWait: settings.maxWait.milliseconds)
    }

    /// What is wrong with corp id, secret or fixed token; nil when nothing is known to be.
    public var complaint: PlatformError? { tokens.complaint }

    var now: Int64 { wallClock.unixMilliseconds }

    /// A hash, since the key is seen by who may not see the secret.
    private static func tokenKey(_ settings: AgentSettings) -> String? {
        guard let secret = settings.secret else { return nil }
        return Self.hash("\(settings.corpID)\u{0}\(secret.reveal())").map { "agent-token:\($0)" }
    }

    static func hash(_ text: String) -> String? {
        var text = text
        return text.withUTF8 { bytes in
            guard var digest = try? Digest(.sha256), (try? digest.update(UnsafeRawBufferPointer(bytes))) != nil else {
                return nil
            }
            return try? digest.finish()
        }
    }

    // MARK: - Calls

    /// One call of an endpoint.
    struct Call: Sendable {
        /// Path below `/cgi-bin/`.
        var path: String
        var query: [(name: String, value: String)] = []
        /// Nil for GET. Made anew for each attempt.
        var body: (@Sendable () -> RequestBody)?
        var contentType = "application/json; charset=utf-8"
        var headers: [(name: String, value: String)] = []
        var harm = CallRetries.Harm.none
        var timeout: Duration?

        init(_ path: String) { self.path = path }

        init(_ path: String, json: String, harm: CallRetries.Harm) {
            self.path = path
            self.harm = harm
            body = { RequestBody(json) }
        }
    }

    /// Makes a call and gives its answer, whose `errcode` is 0.
    func answer<Answer: Decodable & Sendable>(
        to call: Call, as type: Answer.Type
    ) async throws(ServerAPIFailure) -> Answer {
        try await run(call) { response in
            let bytes = try await Self.collect(response, upTo: Self.maxAnswerBytes)
            guard let head = try? JSONDecoder().decode(AnswerHead.self, from: bytes), let code = head.errcode else {
                return (.noAnswer, nil)
            }
            guard code == 0 else {
                return (.refused(PlatformError(code: code, message: head.errmsg ?? "", origin: .serverAPI)), nil)
            }
            guard let answer = try? JSONDecoder().decode(type, from: bytes) else { return (.noAnswer, nil) }
            return (.done, answer)
        }
    }

    /// Makes a call, as often as that is right. `read` gets an answer of status 200 or 206.
    func run<Value: Sendable>(
        _ call: Call, read: @escaping @Sendable (HTTPClientResponse) async throws -> (AttemptResult, Value?)
    ) async throws(ServerAPIFailure) -> Value {
        var retries = CallRetries(call.harm)
        var doubtfulSince: Int64?
        while true {
            do { try await waitForTurn(call) } catch { throw retries.lastWord(error) }
            // The platform forgets the first one soon, and would show the second as another.
            if call.harm == .guarded, let doubtfulSince, now - doubtfulSince > Self.guardTime { throw .unknown }
            let (result, value, token) = await attempt(call, read)
            if case .done = result, let value {
                state.withLock { $0.blocks.succeeded(call.path) }
                return value
            }
            log(result, call)
            let verdict = retries.judge(result, random: Double.random(in: 0...1))
            if retries.isInDoubt { doubtfulSince = doubtfulSince ?? now }
            switch verdict {
            case .done: throw .unknown
            case .again(let pause): try await sleep(pause, orSay: retries.lastWord(.notSent(.cancelled)))
            case .againWithNewToken(let error):
                guard let token, await tokens.refused(token, error) else { throw .refused(error) }
            case .againAfterBlock(let error):
                state.withLock { $0.blocks.refused(call.path, error, now: now) }
            case .fail(let failure): throw failure
            }
        }
    }

    /// Milliseconds after an attempt that may have been done in which it is repeated. The duplicate check knows it for 60 s, of
    /// which the wait for its answer has taken up to 15.
    private static let guardTime: Int64 = 40_000

    private func attempt<Value: Sendable>(
        _ call: Call, _ read: @escaping @Sendable (HTTPClientResponse) async throws -> (AttemptResult, Value?)
    ) async -> (AttemptResult, Value?, AccessToken?) {
        let token: AccessToken
        do { token = try await tokens.token { await self.fetchToken() } } catch let trouble as TokenTrouble {
            return (.noToken(trouble), nil, nil)
        } catch {
            return (.cancelled(wasWritten: false), nil, nil)
        }
        let (result, value) = await exchange(call, query: call.query + [("access_token", token.value)], read)
        return (result, value, token)
    }

    /// Waits for the pause of an API and for the limit of calls.
    private func waitForTurn(_ call: Call) async throws(ServerAPIFailure) {
        if let block = state.withLock({ $0.blocks.wait(call.path, now: now) }) {
            guard block.milliseconds <= settings.maxWait.milliseconds else { throw .refused(block.error) }
            try await sleep(.milliseconds(block.milliseconds), orSay: .notSent(.cancelled))
        }
        let hasRoom = state.withLock { state in
            state.waiting += 1
            return state.waiting <= Self.maxWaiting
        }
        defer { state.withLock { $0.waiting -= 1 } }
        guard hasRoom else { throw .notSent(.tooMany) }
        let end = now + settings.maxWait.milliseconds
        while case .wait(let pause) = state.withLock({ $0.limiter.tryAcquire(now: now, priority: .final) }) {
            guard now + pause.milliseconds <= end else { throw .notSent(.tooMany) }
            try await sleep(pause, orSay: .notSent(.cancelled))
        }
    }

    func sleep(_ duration: Duration, orSay failure: ServerAPIFailure) async throws(ServerAPIFailure) {
        guard duration > .zero else { return }
        do { try await clock.sleep(until: clock.now.advanced(by: duration), tolerance: nil) } catch { throw failure }
    }

    private func log(_ result: AttemptResult, _ call: Call) {
        var metadata = Logger.Metadata([.command: call.path])
        switch result {
        case .refused(let error):
            metadata[LogKey.errcode.rawValue] = "\(error.code)"
            metadata[LogKey.error.rawValue] = "\([error.description, error.advice ?? ""].joined(separator: ". "))"
            // Somebody has to do something about it.
            if error.reaction == .configuration {
                return logger.warning("server API call refused", metadata: metadata)
            }
        case .status(let status): metadata[LogKey.reason.rawValue] = "http_\(status)"
        case .noToken(.credentials(let error)), .noToken(.refused(let error)), .noToken(.fixedTokenEnded(let error)):
            metadata[LogKey.error.rawValue] = "no access token: \(error)"
        case .noToken: metadata[LogKey.reason.rawValue] = "no_token"
        case .notConnected: metadata[LogKey.reason.rawValue] = "unreachable"
        case .unreadable: metadata[LogKey.reason.rawValue] = "unreadable"
        case .noAnswer: metadata[LogKey.reason.rawValue] = "no_answer"
        case .done, .cancelled: return
        }
        logger.debug("server API call failed", metadata: metadata)
    }

    // MARK: - Token

    private struct TokenAnswer: Decodable {
        let errcode: Int?
        let errmsg: String?
        let token: String?
        let lifetime: Int?

        enum CodingKeys: String, CodingKey {
            case errcode, errmsg
            case token = "access_token"
            case lifetime = "expires_in"
        }
    }

    private func fetchToken() async -> Result<AccessToken, TokenTrouble> {
        guard let secret = settings.secret else { return .failure(.notConfigured) }
        let (result, answer): (AttemptResult, TokenAnswer?) = await exchange(
            Call("gettoken"), query: [("corpid", settings.corpID), ("corpsecret", secret.reveal())]
        ) { response in
            let bytes = try await Self.collect(response, upTo: 65_536)
            guard let answer = try? JSONDecoder().decode(TokenAnswer.self, from: bytes) else { return (.noAnswer, nil) }
            return (.done, answer)
        }
        guard case .done = result, let answer else { return .failure(.unreachable) }
        if let token = answer.token, !token.isEmpty, answer.errcode ?? 0 == 0 {
            return .success(AccessToken(token, lifetimeSeconds: answer.lifetime ?? 7_200, now: now))
        }
        guard let code = answer.errcode, code != 0 else { return .failure(.unreachable) }
        let error = PlatformError(code: code, message: answer.errmsg ?? "", origin: .tokenRequest)
        guard error.reaction == .credentials else { return .failure(.refused(error)) }
        logger.warning("access token refused", metadata: .init([.errcode: code, .error: error]))
        return .failure(.credentials(error))
    }
}

/// What every answer begins with.
struct AnswerHead: Decodable, Sendable {
    let errcode: Int?
    let errmsg: String?

    private enum CodingKeys: String, CodingKey {
        case errcode, errmsg
    }

    /// Judged by the number alone, so odd words do not matter.
    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        errcode = try values.decodeIfPresent(Int.self, forKey: .errcode)
        errmsg = try? values.decode(String.self, forKey: .errmsg)
    }
}

/// An answer of which nothing else is wanted.
struct EmptyAnswer: Decodable, Sendable {}

extension Duration {
    var milliseconds: Int64 { clampedNanoseconds / 1_000_000 }
}
