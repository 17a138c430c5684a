public import AsyncHTTPClient
import Foundation
public import Logging
import NIOCore
import NIOHTTP1
public import Shared

/// Answers with a model behind an OpenAI-compatible chat-completions interface, streamed.
///
/// A busy or unreachable service is tried again, at most three times in all and only while nothing of the answer
/// has come; after that a failure keeps what was delivered and says that the answer was cut off.
public struct OpenAIBackend: Backend {
    /// Bound of one event, and of an answer that is not streamed.
    static let maxEventBytes = 1 << 20

    private let settings: OpenAISettings
    private let client: HTTPClient
    private let clock: any MonotonicClock
    private let logger: Logger
    private let retry: RetryPolicy

    /// Creates the backend.
    ///
    /// - Parameters:
    ///   - settings: address, model and limits.
    ///   - client: made with `HTTPSettings.clientConfiguration()`; its owner shuts it down.
    ///   - clock: time-outs and waits between tries.
    ///   - logger: never gets message text or the key.
    public init(settings: OpenAISettings, client: HTTPClient, clock: any MonotonicClock, logger: Logger) {
        self.init(settings: settings, client: client, clock: clock, logger: logger, retry: RetryPolicy())
    }

    init(
        settings: OpenAISettings, client: HTTPClient, clock: any MonotonicClock, logger: Logger, retry: RetryPolicy
    ) {
        self.settings = settings
        self.client = client
        self.clock = clock
        self.logger = logger
        self.retry = retry
    }

    /// Asks the model and streams its answer.
    ///
    /// - Throws: `BackendFailure` with words for the person; `CancellationError` once cancelled.
    public func answer(_ request: BackendRequest, to reply: any Replying) async throws {
        let body = try ChatRequest(request, settings: settings).encoded()
        let end = clock.now.advanced(by: settings.timeout)
        var tries = 0
        while true {
            tries += 1
            let failure = await attempt(body: body, end: end, reply: reply)
            guard let failure else { return }
            try Task.checkCancellation()
            switch failure {
            case .reply(let error):
                throw error
            case .service(let trouble):
                guard trouble.isRetryable, let wait = retry.wait(afterTries: tries, retryAfter: trouble.retryAfter),
                    clock.now.advanced(by: wait) < end
                else { throw trouble.wording.failure(for: request.message, detail: trouble.detail(tries: tries)) }
                logger.debug(
                    "chat completions: trying again",
                    metadata: .init([.error: trouble.detail, .seconds: wait.inSeconds]))
                try await clock.sleep(until: clock.now.advanced(by: wait), tolerance: nil)
            }
        }
    }

    /// Why a try failed.
    private enum Failure {
        /// The service, or the way to it.
        case service(ServiceTrouble)
        /// Whoever takes the answer refused it, or the task was cancelled.
        case reply(any Error)
    }

    /// One try; nil when the answer is complete.
    private func attempt(body: [UInt8], end: MonotonicInstant, reply: any Replying) async -> Failure? {
        let limits = TimeLimits(
            total: clock.now.duration(to: end), firstToken: settings.firstTokenTimeout, stall: settings.stallTimeout)
        let activity = Activity(limits: limits, clock: clock)
        do {
            try await withWatchdog(activity) { try await exchange(body: body, activity: activity, reply: reply) }
            return nil
        } catch let refusal as ReplyRefusal {
            return .reply(refusal.error)
        } catch is CancellationError {
            return .reply(CancellationError())
        } catch {
            return .service(ServiceTrouble(error, sawToken: activity.sawToken))
        }
    }

    private func exchange(body: [UInt8], activity: Activity, reply: any Replying) async throws {
        // The watchdog ends it first; this bound only keeps a forgotten exchange from staying for ever.
        let safetyNet = TimeAmount.nanoseconds((settings.timeout + .seconds(60)).nanosecondsForNIO)
        let response = try await client.execute(httpRequest(body), timeout: safetyNet)
        activity.byteArrived()
        guard response.status == .ok else { throw await StatusProblem(response) }
        var sink = CompletionSink(reply: reply, activity: activity, logger: logger)
        var reader = CompletionReader(limit: Self.maxEventBytes)
        for try await buffer in response.body {
            activity.byteArrived()
            let (actions, problem) = reader.feed(buffer.readableBytesView)
            try await sink.perform(actions)
            if let problem { throw problem }
            // Leaving the loop gives the connection up; some services keep it open after the end.
            if reader.isFinished { break }
        }
        let (actions, problem) = reader.finish()
        try await sink.perform(actions)
        if let problem { throw problem }
        guard sink.sawText else { throw EmptyAnswer() }
    }

    private func httpRequest(_ body: [UInt8]) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: settings.endpoint)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "Accept", value: "text/event-stream, application/json")
        // A key that was read from a file often ends with a line end.
        if let key = settings.apiKey?.trimmingCharacters(in: .whitespacesAndNewlines), !key.isEmpty {
            request.headers.add(name: "Authorization", value: "Bearer \(key)")
        }
        for (name, value) in settings.headers { request.headers.replaceOrAdd(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: body))
        return request
    }
}

/// Hands the pieces of an answer on.
private struct CompletionSink {
    let reply: any Replying
    let activity: Activity
    let logger: Logger
    private(set) var sawText = false

    init(reply: any Replying, activity: Activity, logger: Logger) {
        self.reply = reply
        self.activity = activity
        self.logger = logger
    }

    mutating func perform(_ actions: [CompletionReader.Action]) async throws {
        for action in actions {
            switch action {
            case .text(let text):
                activity.tokenArrived()
                sawText = true
                try await ReplyRefusal.wrap { try await reply.append(text) }
            case .think(let text):
                activity.tokenArrived()
                try await ReplyRefusal.wrap { try await reply.think(text) }
            case .stopped(reason: "stop"):
                break
            case .stopped(let reason):
                logger.info("chat completions: the model stopped early", metadata: ["reason": "\(reason)"])
            }
        }
    }
}
