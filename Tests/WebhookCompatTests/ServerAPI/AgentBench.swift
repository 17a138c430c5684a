import AsyncHTTPClient
import Foundation
import Logging
import NIOPosix
import Shared

@testable import WebhookCompat

/// A clock on which every wait but the longest is over at once, having moved it: pauses can be read off, and nobody sleeps.
final class JumpClock: MonotonicClock, WallClock {
    /// Waits from this length on are limits of attempts, which tests let pass by hand.
    static let limit = Duration.seconds(100_000)

    private let clock = ManualClock()
    private let jumps = Locked<[Duration]>([])

    /// Waits so far, without limits of attempts.
    var pauses: [Duration] { jumps.withLock { $0 } }
    var now: MonotonicInstant { clock.now }
    var minimumResolution: Duration { clock.minimumResolution }
    var unixMilliseconds: Int64 { clock.unixMilliseconds }

    func advance(by duration: Duration) { clock.advance(by: duration) }
    func onJump(_ wake: @escaping @Sendable () -> Void) { clock.onJump(wake) }

    func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        let length = now.duration(to: deadline)
        guard length < Self.limit else { return try await clock.sleep(until: deadline, tolerance: tolerance) }
        try Task.checkCancellation()
        jumps.withLock { $0.append(length) }
        if length > .zero { clock.advance(by: length) }
        // Others get their turn, as they would during a wait.
        await Task.yield()
    }
}

/// One application, and a platform that plays along.
struct AgentBench: Sendable {
    static let corpID = "ww7f3c0de5a1b2c3d4"
    static let secret = "secret+of/the=app"

    let server: QyapiServer
    let agent: Agent
    let clock: JumpClock
    let kept: InMemoryKeptValues
    let log: LogLines

    var api: ServerAPI { agent.api }
    var channel: AgentChannel { agent.channel }

    /// - Parameter script: answers everything but token requests; nil stands for `ok`.
    static func with(
        _ script: @escaping @Sendable (QyapiRequest) -> QyapiAnswer? = { _ in nil },
        tokens: @escaping @Sendable (Int) -> QyapiAnswer = Self.token,
        settings change: (inout AgentSettings) -> Void = { _ in },
        kept: InMemoryKeptValues = InMemoryKeptValues(), _ body: (AgentBench) async throws -> Void
    ) async throws {
        let count = Locked(0)
        let server = QyapiServer { request in
            guard request.api == "gettoken" else { return script(request) ?? .ok }
            return tokens(
                count.withLock {
                    $0 += 1
                    return $0
                })
        }
        try await server.start()
        let client = HTTPClient(
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: configuration)
        var settings = AgentSettings(
            account: "default", corpID: corpID, agentID: 1_000_002, secret: Secret(secret))
        settings.baseURL = "http://127.0.0.1:\(server.port)"
        settings.timeout = JumpClock.limit
        settings.mediaTimeout = JumpClock.limit
        change(&settings)
        let clock = JumpClock()
        let log = LogLines()
        let agent = Agent(
            settings, httpClient: client, kept: kept, clock: clock, wallClock: clock, logger: log.logger)
        let bench = AgentBench(server: server, agent: agent, clock: clock, kept: kept, log: log)
        do { try await body(bench) } catch {
            try await client.shutdown()
            try await server.stop()
            throw error
        }
        try await client.shutdown()
        try await server.stop()
    }

    private static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    static func token(_ number: Int) -> QyapiAnswer {
        .json("{\"errcode\":0,\"errmsg\":\"ok\",\"access_token\":\"token-\(number)\",\"expires_in\":7200}")
    }
}

/// Lines of a log, with their metadata.
final class LogLines: Sendable {
    private let lines = Locked<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(lines: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
        }
    }
}
