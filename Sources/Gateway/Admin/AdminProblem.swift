import Foundation
import HTTPTypes
import Hummingbird
import Shared

/// Why a request to the admin listener failed: what its answer says.
public struct AdminProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Stable word.
    public var code: String
    /// One sentence.
    public var message: String
    /// What to do about it.
    public var fix: String
    /// Status of the answer.
    public var status: Int

    init(_ status: Int, _ code: String, _ message: String, fix: String) {
        self.status = status
        self.code = code
        self.message = message
        self.fix = fix
    }

    /// Sentence and fix.
    public var description: String { fix.isEmpty ? message : "\(message). \(fix)" }

    static func badRequest(_ message: String, fix: String) -> AdminProblem {
        AdminProblem(400, "bad_request", message, fix: fix)
    }

    /// Problem for any error that a route ends with. What is not known to be safe to show is not shown.
    init(_ error: any Error) {
        switch error {
        case let error as AdminProblem: self = error
        case let error as GatewayError: self.init(error)
        case let error as LedgerTrouble:
            self.init(503, "ledger", "\(error)", fix: "The log of the program has the details.")
        case let error as any HTTPResponseError: self.init(status: error.status)
        default: self.init(500, "internal", "the request failed", fix: "The log of the program has the details.")
        }
    }

    private init(_ error: GatewayError) {
        let status =
            switch error.code {
            case .invalidConfiguration: 400
            case .queueFull: 429
            case .answerTooLarge: 413
            case .rejected: 502
            default: 503
            }
        let platform = error.platform
        self.init(
            status, error.code.description, error.message + (platform.map { ": \($0)" } ?? ""),
            fix: platform.flatMap(SendResult.advice) ?? "")
    }

    private init(status: HTTPResponse.Status) {
        switch status {
        case .notFound:
            self.init(
                404, "not_found", "no such path or method",
                fix: "There are /healthz, /readyz, /status and the commands below /api.")
        case .contentTooLarge:
            self.init(413, "too_large", "the body is larger than \(AdminRoutes.maxBodyBytes) bytes", fix: "Send less.")
        default: self.init(status.code, "bad_request", "the request cannot be read", fix: "Send HTTP/1.1 with JSON.")
        }
    }

    var body: AdminErrorBody { AdminErrorBody(error: .init(code: code, message: message, fix: fix)) }
}

/// Body of an answer that reports a problem.
struct AdminErrorBody: Codable {
    struct Words: Codable {
        var code: String
        var message: String
        var fix: String
    }
    var error: Words
}
