import AsyncHTTPClient
import Foundation
import Logging
import NIOPosix
import Shared
import Testing

@testable import WebhookCompat

@Suite("response_url", .timeLimit(.minutes(1)))
struct LateRepliesTests {
    private static let time = Duration.seconds(3_600)

    /// Posts to a platform that answers like this; `body` plays while the post is under way.
    private static func post(
        _ answer: QyapiAnswer, _ body: @escaping @Sendable (QyapiServer, ManualClock) async -> Void = { _, _ in }
    ) async throws -> (outcome: SendOutcome, requests: [QyapiRequest]) {
        let server = QyapiServer { _ in answer }
        try await server.start()
        var settings = HTTPClient.Configuration()
        settings.connectionPool.retryConnectionEstablishment = false
        let http = HTTPClient(
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: settings)
        let clock = ManualClock()
        let late = LateReplies(
            route: { _ in HTTPRoute(client: http) }, timeout: time, allowedHosts: ["127.0.0.1"], clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let address = LateAddress(url: "http://127.0.0.1:\(server.port)/r?code=1", expiresAt: .max)
        async let outcome = late.post(.dictionary(["msgtype": .string("markdown")]), address)
        await body(server, clock)
        let result = await outcome
        try await http.shutdown()
        try await server.stop()
        return (result, server.requests)
    }

    @Test(
        "WB-3: a post counts as delivered with errcode 0 alone; what says neither yes nor no leaves it unknown",
        arguments: [
            (QyapiAnswer.ok, SendOutcome.acknowledged()), (.json("{}"), .unknown(.ackTimeout)),
            (.json(#"{"errcode":null}"#), .unknown(.ackTimeout)), (.json("ok"), .unknown(.ackTimeout)),
            (.json(""), .unknown(.ackTimeout)), (.status(500), .unknown(.ackTimeout)),
            (.hangUp, .unknown(.ackTimeout)),
            (.error(846_604, "expired"), .rejected(PlatformError(code: 846_604, message: "expired"))),
        ])
    func outcomes(answer: QyapiAnswer, outcome: SendOutcome) async throws {
        let posted = try await Self.post(answer)
        #expect(posted.outcome == outcome)
        #expect(posted.requests.map(\.text) == [#"{"msgtype":"markdown"}"#])
        #expect(posted.requests.first?.method == "POST" && posted.requests.first?.uri == "/r?code=1")
    }

    @Test(
        "WB-3: a post ends in time, on the clock that is given, whether nothing comes or not all of an answer",
        arguments: [QyapiAnswer.silence, QyapiAnswer(body: Array(#"{"errcode":0"#.utf8), missingBytes: 1)])
    func time(answer: QyapiAnswer) async throws {
        let posted = try await Self.post(answer) { server, clock in
            await eventually("asked") { server.requests.count == 1 }
            clock.advance(by: Self.time)
        }
        #expect(posted.outcome == .unknown(.ackTimeout))
    }

    @Test("WB-3: addresses without TLS are called on named hosts alone, and nothing without a way")
    func addresses() async throws {
        let asked = Locked(0)
        let late = LateReplies(
            route: { _ in
                asked.withLock { $0 += 1 }
                return nil
            }, timeout: Self.time, clock: ManualClock(), logger: Logger(label: "test"))
        for url in ["http://127.0.0.1/", "ftp://example.com/", "", "no address"] {
            let outcome = await late.post(.null, LateAddress(url: url, expiresAt: .max))
            #expect(outcome == .rejected(PlatformError(code: 40_058)))
        }
        #expect(asked.withLock { $0 } == 0)
        let outcome = await late.post(.null, LateAddress(url: "https://example.com/", expiresAt: .max))
        #expect(outcome == .notSent(.offline) && asked.withLock { $0 } == 1)
    }
}
