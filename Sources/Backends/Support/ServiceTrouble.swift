import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Shared

/// Error of whoever takes the answer, to be passed on as it is rather than blamed on the service.
struct ReplyRefusal: Error {
    var error: any Error

    static func wrap(_ body: () async throws -> Void) async throws {
        do { try await body() } catch { throw ReplyRefusal(error: error) }
    }
}

/// The answer ended well, without a word in it.
struct EmptyAnswer: Error {}

/// A status other than success.
struct StatusProblem: Error {
    /// Bytes of an error body that are read for its type and code.
    static let maxBodyBytes = 16 << 10

    var status: Int
    var retryAfter: Duration?
    var label: String
    /// Words that an `error` text of the body holds. Only a service of the operator's own may speak to the person.
    var userText: String?

    init(_ response: HTTPClientResponse) async {
        status = Int(response.status.code)
        retryAfter = RetryPolicy.retryAfter(response.headers.first(name: "Retry-After"))
        var body: [UInt8] = []
        do {
            for try await buffer in response.body {
                body.append(contentsOf: buffer.readableBytesView.prefix(Self.maxBodyBytes - body.count))
                if body.count >= Self.maxBodyBytes { break }
            }
        } catch {
            // The status alone tells enough.
        }
        label = ErrorLabel.ofBody(body)
        if let words = JSONValue.parse(body)?["error"]?.string, !words.isEmpty {
            userText = String(words.prefix(AnswerDelivery.maxErrorCharacters))
        }
    }
}

/// A failed exchange with a service: what the person reads, what the log says, whether another try may help.
struct ServiceTrouble: Sendable {
    var wording: Wording
    var detail: String
    var isRetryable = false
    var retryAfter: Duration?

    /// Reads an error of the exchange. Nothing is retryable once a piece of the answer was delivered.
    init(_ error: any Error, sawToken: Bool) {
        switch error {
        case let error as StatusProblem: self.init(status: error)
        case let error as TimedOut:
            self.init(wording: sawToken ? .cutOff : .timedOut, detail: "time-out (\(error.rawValue))")
        case let error as CompletionReader.Problem: self.init(problem: error)
        case is LineTooLong: self.init(wording: .tooLong, detail: "a line or event beyond the bound")
        case is EmptyAnswer: self.init(wording: .empty, detail: "the answer has no text")
        default:
            self.init(
                wording: sawToken ? .cutOff : .unreachable, detail: Self.describe(error),
                isRetryable: Self.isTransient(error))
        }
        if sawToken {
            isRetryable = false
            detail += ", after part of the answer was delivered"
            if wording != .tooLong { wording = .cutOff }
        }
    }

    private init(wording: Wording, detail: String, isRetryable: Bool = false, retryAfter: Duration? = nil) {
        self.wording = wording
        self.detail = detail
        self.isRetryable = isRetryable
        self.retryAfter = retryAfter
    }

    private init(status problem: StatusProblem) {
        let detail = "status \(problem.status), \(problem.label)"
        switch problem.status {
        case 429:
            self.init(wording: .busy, detail: detail, isRetryable: true, retryAfter: problem.retryAfter)
        case 500...599:
            self.init(wording: .serviceFailed, detail: detail, isRetryable: true, retryAfter: problem.retryAfter)
        case 400...499:
            self.init(wording: .refused, detail: detail)
        default:
            self.init(wording: .serviceFailed, detail: detail)
        }
    }

    private init(problem: CompletionReader.Problem) {
        switch problem {
        case .reported(let label): self.init(wording: .serviceFailed, detail: "error in the stream: \(label)")
        case .malformed: self.init(wording: .serviceFailed, detail: "malformed event in the stream")
        case .tooLong: self.init(wording: .tooLong, detail: "an event beyond the bound")
        case .cutOff:
            self.init(wording: .serviceFailed, detail: "the stream ended before the answer did", isRetryable: true)
        }
    }

    /// Detail with the number of tries, where there was more than one.
    func detail(tries: Int) -> String { tries > 1 ? "\(detail) (\(tries) tries)" : detail }

    /// Connections that could not be made or were lost: another try may reach the service.
    private static func isTransient(_ error: any Error) -> Bool {
        guard let error = error as? HTTPClientError else { return true }
        let transient: [HTTPClientError] = [
            .connectTimeout, .remoteConnectionClosed, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout,
        ]
        return transient.contains(error)
    }

    /// Bounded words for the log. The full description of an HTTP client error can hold header values.
    static func describe(_ error: any Error) -> String {
        if let error = error as? HTTPClientError { return "HTTP client: \(error.shortDescription)" }
        return String("\(type(of: error)): \(error)".prefix(200))
    }
}
