import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Shared

/// Routes of the admin listener, the same on every address.
struct AdminRoutes: Sendable {
    /// Longest body of a request.
    static let maxBodyBytes = 1 << 20

    let control: any GatewayControl
    let wallClock: any WallClock
    let logger: Logger

    private var reports: LedgerReports { LedgerReports(control: control, wallClock: wallClock) }

    /// Router that asks for `token`, where one is given, before everything but the health of the program.
    func router(token: Secret?) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: ProblemsAsJSON(logger: logger))
        router.get("healthz") { _, _ in try Self.answer(["status": "alive"]) }
        router.get("readyz") { _, _ in try await readiness() }
        let guarded = router.group()
        if let token { guarded.add(middleware: BearerToken(token: token)) }
        guarded.get("status") { _, _ in try Self.answer(await status()) }
        let api = guarded.group("api")
        api.post("send") { request, _ in try await send(request) }
        api.post("reconnect") { request, _ in try await reconnect(request) }
        api.get("trace/:msgid") { request, context in try await trace(request, context) }
        api.get("feedback") { request, _ in try await feedback(request) }
        api.get("outbox") { _, _ in try Self.answer(try await reports.outbox()) }
        api.post("outbox/retry") { request, _ in
            let tasks = try await OutboxSelection.read(request, all: "allDead")
            return try Self.answer(try await reports.retry(tasks))
        }
        api.post("outbox/drop") { request, _ in
            let tasks = try await OutboxSelection.read(request, all: "allUndelivered")
            return try Self.answer(try await reports.drop(tasks))
        }
        return router
    }

    private func status() async -> GatewayStatus {
        var status = await control.status()
        status.ledger = await reports.figures()
        return status
    }

    private func readiness() async throws -> Response {
        let troubles = await status().troubles
        guard troubles.isEmpty else {
            let problem = AdminProblem(
                503, "not_ready", troubles.joined(separator: "; "), fix: "`wecom-aibot status` says more.")
            return try Self.answer(problem.body, status: .serviceUnavailable)
        }
        return try Self.answer(["status": "ready"])
    }

    private func send(_ request: Request) async throws -> Response {
        let send = try SendBody.request(from: try await Self.body(of: request))
        let results = try await control.send(send)
        let words = results.map(\.state.rawValue).joined(separator: ",")
        logger.info("sent on request", metadata: .init([.count: results.count, .delivery: words]))
        return try Self.answer(SendAnswer(results: results))
    }

    private func reconnect(_ request: Request) async throws -> Response {
        let body = try await Self.body(of: request)
        var account: String?
        if !body.isEmpty {
            guard let read = try? JSONDecoder().decode(ReconnectBody.self, from: body) else {
                throw AdminProblem.badRequest(
                    "the body is no JSON object of the expected form", fix: #"Send {"account": "name"}, or nothing."#)
            }
            account = read.account
        }
        return try Self.answer(ReconnectAnswer(accounts: try await control.reconnect(account: account)))
    }

    private func trace(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let id = try context.parameters.require("msgid").removingPercentEncoding ?? ""
        let withText = request.uri.queryParameters["text"] == "1"
        guard let report = try await reports.trace(MessageID(id), text: withText) else {
            throw AdminProblem(
                404, "unknown_message", "the ledger knows no message of this id",
                fix: "It may be older than delivery.keepDays; log lines carry the id as msgid.")
        }
        return try Self.answer(report)
    }

    private func feedback(_ request: Request) async throws -> Response {
        let text = request.uri.queryParameters["since"].map(String.init) ?? "0"
        guard let since = Int64(text) else {
            throw AdminProblem.badRequest("since is no number", fix: "Give Unix milliseconds, as in ?since=0.")
        }
        return try Self.answer(try await reports.feedback(since: since))
    }

    // MARK: Bodies

    static func body(of request: Request) async throws -> Data {
        var request = request
        let buffer = try await request.collectBody(upTo: maxBodyBytes)
        return Data(buffer.readableBytesView)
    }

    static func answer(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try AdminJSON.data(value))))
    }
}

/// Gives every problem the same form.
private struct ProblemsAsJSON: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = AdminProblem(error)
            if problem.status >= 500 {
                // Of an error of unknown make only its type: its words may quote what was sent.
                let what = problem.code == "internal" ? "\(type(of: error))" : problem.message
                logger.warning("admin request failed", metadata: .init([.error: what]))
            }
            return try AdminRoutes.answer(problem.body, status: .init(code: problem.status))
        }
    }
}

/// Lets nobody by without the token.
private struct BearerToken: RouterMiddleware {
    let token: Secret

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        let header = request.headers[.authorization] ?? ""
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer", AdminToken.matches(words[1], token) else {
            throw AdminProblem(
                401, "unauthorized", header.isEmpty ? "a token is needed" : "the token is wrong",
                fix: "Send Authorization: Bearer with gateway.adminToken, or what stateDir/admin-token holds.")
        }
        return try await next(request, context)
    }
}
