public import AsyncHTTPClient
import NIOCore
import NIOHTTP1
public import Shared

/// Where the service is that answers. Never prints its values: headers hold secrets.
public struct HTTPBackendSettings: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Address that requests are posted to.
    public var url: String
    /// Further request headers.
    public var headers: [String: String]
    /// Bound of the whole answer.
    public var timeout: Duration
    /// Bound of silence (not one byte) once bytes have come.
    public var stallTimeout: Duration

    /// Creates settings.
    public init(
        url: String, headers: [String: String] = [:], timeout: Duration = .seconds(600),
        stallTimeout: Duration = .seconds(120)
    ) {
        self.url = url
        self.headers = headers
        self.timeout = timeout
        self.stallTimeout = stallTimeout
    }

    /// Name of the type alone.
    public var description: String { "HTTPBackendSettings" }
    /// Name of the type alone.
    public var debugDescription: String { description }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Answers with an HTTP service that gets the request as JSON and streams its answer: plain text, JSON lines,
/// server-sent events with the same objects, or one JSON object.
///
/// A redirect (307 or 308) is followed only to the same scheme, host and port. Nothing is tried again: the service may
/// have acted on the first request.
public struct HTTPBackend: Backend {
    /// Bound of one line or event.
    static let maxLineBytes = 1 << 20
    /// Redirects that one answer may take.
    static let maxRedirects = 3

    private let settings: HTTPBackendSettings
    private let client: HTTPClient
    private let clock: any MonotonicClock

    /// Creates the backend.
    ///
    /// - Parameters:
    ///   - settings: address, headers and limits.
    ///   - client: made with `HTTPSettings.clientConfiguration()`; its owner shuts it down.
    ///   - clock: time-outs.
    public init(settings: HTTPBackendSettings, client: HTTPClient, clock: any MonotonicClock) {
        self.settings = settings
        self.client = client
        self.clock = clock
    }

    /// Posts the request and streams the answer.
    ///
    /// - Throws: `BackendFailure` with words for the person; `CancellationError` once cancelled.
    public func answer(_ request: BackendRequest, to reply: any Replying) async throws {
        let body = try RequestEncoder.encode(request)
        let limits = TimeLimits(total: settings.timeout, stall: settings.stallTimeout)
        let activity = Activity(limits: limits, clock: clock)
        do {
            let delivery = try await withWatchdog(activity) {
                try await exchange(body: body, activity: activity, reply: reply)
            }
            if let failure = delivery.failure(source: "the service") { throw failure }
        } catch let failure as BackendFailure {
            throw failure
        } catch {
            try Task.checkCancellation()
            throw Self.failure(error, sawContent: activity.sawToken, message: request.message)
        }
    }

    private static func failure(_ error: any Error, sawContent: Bool, message: InboundMessage) -> any Error {
        switch error {
        case let refusal as ReplyRefusal:
            return refusal.error
        case is CancellationError:
            return error
        case let redirect as RefusedRedirect:
            return Wording.serviceFailed.failure(for: message, detail: "status \(redirect.status): redirect refused")
        case let problem as StatusProblem where problem.userText != nil:
            return BackendFailure(
                userText: problem.userText, detail: "status \(problem.status), with words for the person")
        default:
            let trouble = ServiceTrouble(error, sawToken: sawContent)
            return trouble.wording.failure(for: message, detail: trouble.detail)
        }
    }

    private func exchange(body: [UInt8], activity: Activity, reply: any Replying) async throws -> AnswerDelivery {
        let response = try await send(body, activity: activity)
        guard (200..<300).contains(response.status.code) else { throw await StatusProblem(response) }
        var reader = AnswerReader(contentType: response.headers.first(name: "Content-Type"), limit: Self.maxLineBytes)
        var delivery = AnswerDelivery(reply: reply)
        for try await buffer in response.body {
            activity.byteArrived()
            let (events, problem) = reader.feed(buffer.readableBytesView)
            try await delivery.perform(events)
            if delivery.sawContent { activity.tokenArrived() }
            if let problem { throw problem }
            // Leaving the loop gives the connection up.
            if delivery.isOver { return delivery }
        }
        let (events, problem) = reader.finish()
        try await delivery.perform(events)
        if let problem { throw problem }
        return delivery
    }

    /// Posts, and follows redirects that stay where they are.
    private func send(_ body: [UInt8], activity: Activity) async throws -> HTTPClientResponse {
        var url = settings.url
        var redirects = 0
        while true {
            // The watchdog ends it first; this bound only keeps a forgotten exchange from staying for ever.
            let safetyNet = TimeAmount.nanoseconds((settings.timeout + .seconds(60)).nanosecondsForNIO)
            let response = try await client.execute(httpRequest(url, body), timeout: safetyNet)
            activity.byteArrived()
            guard (300..<400).contains(response.status.code) else { return response }
            guard response.status.code == 307 || response.status.code == 308, redirects < Self.maxRedirects,
                let here = HTTPAddress(url), let location = response.headers.first(name: "Location"),
                let there = here.resolving(location), here.sharesOrigin(with: there)
            else { throw RefusedRedirect(status: Int(response.status.code)) }
            url = there.text
            redirects += 1
        }
    }

    private func httpRequest(_ url: String, _ body: [UInt8]) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(
            name: "Accept", value: "text/event-stream, application/x-ndjson, application/json, text/plain")
        // A connection kept from before may be dead, and this request is not tried again.
        request.headers.add(name: "Connection", value: "close")
        for (name, value) in settings.headers { request.headers.replaceOrAdd(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: body))
        return request
    }
}

/// A redirect to elsewhere, of another kind, or one too many.
private struct RefusedRedirect: Error {
    var status: Int
}

/// Reads an answer in the form that its content type names.
struct AnswerReader: Sendable {
    private enum Form {
        case events(SSEParser)
        case other(AnswerParser)
    }
    private var form: Form

    init(contentType: String?, limit: Int) {
        let type = contentType?.lowercased() ?? ""
        if type.hasPrefix("text/event-stream") {
            form = .events(SSEParser(maxEventBytes: limit))
        } else {
            let oneObject = type.hasPrefix("application/json")
            form = .other(AnswerParser(maxLineBytes: limit, expectsOneObject: oneObject))
        }
    }

    /// Takes bytes; a problem comes after the events before it.
    mutating func feed(_ bytes: some Collection<UInt8>) -> (events: [AnswerEvent], problem: LineTooLong?) {
        var events: [AnswerEvent] = []
        do throws(LineTooLong) {
            switch form {
            case .other(var parser):
                defer { form = .other(parser) }
                try parser.feed(bytes, into: &events)
            case .events(var parser):
                var complete: [SSEEvent] = []
                defer {
                    form = .events(parser)
                    events = complete.flatMap(Self.meaning)
                }
                try parser.feed(bytes, into: &complete)
            }
            return (events, nil)
        } catch {
            return (events, error)
        }
    }

    /// Ends the body.
    mutating func finish() -> (events: [AnswerEvent], problem: LineTooLong?) {
        var events: [AnswerEvent] = []
        do throws(LineTooLong) {
            switch form {
            case .other(var parser): parser.finish(into: &events)
            case .events(var parser):
                if let event = try parser.finish() { events += Self.meaning(of: event) }
            }
            return (events, nil)
        } catch {
            return (events, error)
        }
    }

    private static func meaning(of event: SSEEvent) -> [AnswerEvent] {
        if event.data == "[DONE]" { return [.done] }
        if event.data.isEmpty { return [] }
        guard let value = JSONValue.parse(event.data.utf8), value.object != nil else { return [.delta(event.data)] }
        return AnswerParser.events(of: value)
    }
}
