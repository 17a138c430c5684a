import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
public import Shared

/// Talks to the running program over the Unix socket of its state folder.
public struct AdminClient: Sendable {
    /// Nobody listens on the socket.
    public struct NotRunning: Error, CustomStringConvertible {
        /// Sentence for the person.
        public let description: String
    }

    /// The socket belongs to somebody else, so nobody can say whether a program runs.
    public struct NoAccess: Error, CustomStringConvertible {
        /// Sentence for the person.
        public let description: String
    }

    private let socket: String
    /// Longest answer.
    private static let maxAnswerBytes = 64 << 20

    /// Client for the program that runs with this state folder.
    public init(configuration: GatewayConfiguration.Gateway) {
        socket = AdminSocket.path(in: configuration.stateFolder)
    }

    /// Where the program stands.
    public func status() async throws -> GatewayStatus { try await get("/status") }

    /// Sends, and waits for what becomes of it, for as long as that takes within an hour.
    public func send(_ request: SendRequest) async throws -> [SendResult] {
        let answer: SendAnswer = try await post("/api/send", try SendBody.data(for: request), within: .hours(1))
        return answer.results
    }

    /// Story of a message; nil when the ledger does not know it.
    public func trace(_ id: MessageID, text: Bool) async throws -> TraceReport? {
        let path = "/api/trace/" + Self.escaped(id.rawValue) + (text ? "?text=1" : "")
        do {
            return try await get(path)
        } catch let problem as AdminProblem where problem.code == "unknown_message" {
            return nil
        }
    }

    /// What is not delivered.
    public func outbox() async throws -> OutboxReport { try await get("/api/outbox") }

    /// Makes dead tasks deliverable again; nil for all of them.
    public func retry(_ tasks: [TaskID]?) async throws -> OutboxChange {
        try await post("/api/outbox/retry", try OutboxSelection.data(for: tasks, all: "allDead"))
    }

    /// Gives tasks up; nil for everything that is not delivered.
    public func drop(_ tasks: [TaskID]?) async throws -> OutboxChange {
        try await post("/api/outbox/drop", try OutboxSelection.data(for: tasks, all: "allUndelivered"))
    }

    /// Connects one account, or all, now. Names of the accounts.
    public func reconnect(account: String?) async throws -> [String] {
        let body = try AdminJSON.data(ReconnectBody(account: account))
        let answer: ReconnectAnswer = try await post("/api/reconnect", body)
        return answer.accounts
    }

    /// Verdicts since `since` (Unix milliseconds).
    public func feedback(since: Int64) async throws -> FeedbackReport {
        try await get("/api/feedback?since=\(since)")
    }

    // MARK: Requests

    static func escaped(_ id: String) -> String {
        let plain = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: "\u{0}"..."\u{7F}"))
        return id.addingPercentEncoding(withAllowedCharacters: plain.union(CharacterSet(charactersIn: "-_.~"))) ?? id
    }

    private func get<Answer: Decodable>(_ path: String) async throws -> Answer {
        try await perform(path, body: nil, within: .seconds(60))
    }

    private func post<Answer: Decodable>(
        _ path: String, _ body: Data, within limit: TimeAmount = .seconds(60)
    ) async throws -> Answer {
        try await perform(path, body: body, within: limit)
    }

    private func perform<Answer: Decodable>(_ path: String, body: Data?, within limit: TimeAmount) async throws
        -> Answer
    {
        guard AdminSocket.fits(socket), let url = URL(httpURLWithSocketPath: socket, uri: path) else {
            throw NotRunning(description: "\(socket): too long for a socket; name a shorter gateway.stateDir")
        }
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let answer: Answer = try await exchange(client, url.absoluteString, body, limit)
            try await client.shutdown()
            return answer
        } catch {
            try? await client.shutdown()
            throw Self.understood(error, socket)
        }
    }

    private func exchange<Answer: Decodable>(
        _ client: HTTPClient, _ url: String, _ body: Data?, _ limit: TimeAmount
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        if let body {
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let response = try await client.execute(request, timeout: limit)
        let data = Data(try await response.body.collect(upTo: Self.maxAnswerBytes).readableBytesView)
        if response.status.code == 200 { return try JSONDecoder().decode(Answer.self, from: data) }
        let words = try JSONDecoder().decode(AdminErrorBody.self, from: data).error
        throw AdminProblem(Int(response.status.code), words.code, words.message, fix: words.fix)
    }

    private static func understood(_ error: any Error, _ socket: String) -> any Error {
        let fix = "`wecom-aibot outbox list` shows what became of a send."
        switch error {
        case is HTTPClientError:
            return AdminProblem(503, "no_answer", "the program gave no answer: \(error)", fix: fix)
        case is NIOTooManyBytesError:
            let limit = "the answer is larger than \(maxAnswerBytes >> 20) MiB"
            return AdminProblem(413, "too_large", limit, fix: "Ask for less, as with a smaller --since.")
        case let error as IOError: return understood(error, socket)
        default: return error
        }
    }

    static func understood(_ error: IOError, _ socket: String) -> any Error {
        switch error.errnoCode {
        case ENOENT, ECONNREFUSED:
            return NotRunning(
                description:
                    "the program is not running (nobody listens on \(socket)): start it with `wecom-aibot run`, "
                    + "or name its configuration with --config")
        case EACCES, EPERM:
            return NoAccess(
                description: "\(socket) belongs to another user: run this as the user who runs the program")
        default: return error
        }
    }
}
