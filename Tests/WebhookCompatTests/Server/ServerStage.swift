import Foundation
import Logging
import ServiceLifecycle
import Shared
import Testing

@testable import WebhookCompat

/// The listener with the accounts of the vectors, on a port of its own.
struct ServerStage: Sendable {
    let port: Int
    private let group: ServiceGroup

    /// Runs `body` while the listener is up; afterwards it is cancelled.
    static func run(
        _ limits: WebhookServer.Limits = .init(),
        answer: @escaping @Sendable (VerifiedCallback) async -> CallbackReceiver.Reply? = { _ in .init() },
        _ body: @escaping @Sendable (ServerStage) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let receivers = try Vectors.accounts().map {
            CallbackReceiver(endpoint: try $0.endpoint(), answer: answer)
        }
        let server = WebhookServer(
            receivers, address: NetworkAddress(host: "127.0.0.1", port: 0), limits: limits,
            clock: SystemMonotonicClock(), wallClock: SystemWallClock(), logger: logger,
            onListening: { listening.yield($0) })
        let services = ServiceGroup(services: [server], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let port = try #require(await ports.first { _ in true })
            let stage = ServerStage(port: port, group: services)
            try await body(stage)
            group.cancelAll()
        }
    }

    func connect(isReading: Bool = true) async throws -> RawConnection {
        try await RawConnection.open(port, isReading: isReading)
    }

    /// Tells it to stop once what is under way is done.
    func shutDown() async { await group.triggerGracefulShutdown() }

    /// One request on a connection of its own.
    func ask(_ request: String, hasBody: Bool = true) async throws -> RawAnswer {
        let connection = try await connect()
        try await connection.send(request)
        let answer = try await connection.answer(hasBody: hasBody)
        await connection.close()
        return answer
    }

    /// Text of a request.
    static func request(
        _ method: String, _ target: String, body: String = "", headers: [String] = []
    ) -> String {
        let length = body.isEmpty && method == "GET" ? [] : ["Content-Length: \(body.utf8.count)"]
        return ([("\(method) \(target) HTTP/1.1"), "Host: callbacks.example.com"] + headers + length)
            .joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    static func request(_ vector: Vectors.Vector, headers: [String] = []) -> String {
        let request = vector.request
        return Self.request(
            request.method, request.path + (request.query.isEmpty ? "" : "?\(request.query)"),
            body: String(decoding: request.body, as: UTF8.self), headers: headers)
    }

    /// A message of a bot, signed and encrypted, and different each time.
    static func message(_ text: String = "{}", headers: [String] = []) throws -> String {
        let account = try Vectors.account("bot-a")
        let ring = CallbackKeyRing(current: try account.credentials(), receiveID: .any)
        var random = SystemRandomNumberGenerator()
        let sealed = try ring.seal(
            text.utf8, timestamp: 1_767_225_600, nonce: "n\(UInt64.random(in: .min ... .max))",
            generation: .current, using: &random)
        let query = "msg_signature=\(sealed.signature.hexadecimal)&timestamp=\(sealed.timestamp)&nonce=\(sealed.nonce)"
        return request(
            "POST", "\(account.path)?\(query)", body: "{\"encrypt\":\"\(sealed.encrypted)\"}", headers: headers)
    }
}
