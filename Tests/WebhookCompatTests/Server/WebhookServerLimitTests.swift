import NIOCore
import Shared
import Testing

@testable import WebhookCompat

@Suite("callback listener, limits", .timeLimit(.minutes(2)))
struct WebhookServerLimitTests {
    private static let target = "/wecom/bot?msg_signature=0123&timestamp=1767225600&nonce=n1"
    /// A connection that should end at that limit has ended by this one, on a busy machine too.
    private static let soon: Duration = .seconds(20)

    private static func limits(_ request: Duration = .seconds(1), connections: Int = 100) -> WebhookServer.Limits {
        var limits = WebhookServer.Limits()
        limits.request = request
        limits.idle = .seconds(60)
        limits.connections = connections
        return limits
    }

    private static func chunk(_ count: Int) -> String {
        String(count, radix: 16) + "\r\n" + String(repeating: "a", count: count) + "\r\n"
    }

    /// What happens when a connection is left alone: what it still says, and whether it ended in time.
    private static func expectEnd(of connection: RawConnection, saying: String = "") async {
        let start = ContinuousClock.now
        let rest = await connection.untilClosed()
        #expect(String(decoding: rest, as: UTF8.self) == saying)
        #expect(start.duration(to: .now) < soon)
    }

    @Test("WB-5: a body that is announced as too long is refused before it comes")
    func announcedTooLong() async throws {
        try await ServerStage.run(Self.limits(.seconds(30))) { stage in
            let connection = try await stage.connect()
            try await connection.send(
                "POST \(Self.target) HTTP/1.1\r\nHost: a\r\nContent-Length: \(CallbackRequest.maxBodyBytes + 1)\r\n\r\n"
            )
            let answer = try await connection.answer()
            #expect(answer.status == 413 && answer.text == "payload too large")
            #expect(answer.headers["connection"] == "close")
            await Self.expectEnd(of: connection)
        }
    }

    @Test("WB-5: a body that grows too long is refused there, and nothing more of it is read")
    func growsTooLong() async throws {
        try await ServerStage.run(Self.limits(.seconds(30))) { stage in
            let connection = try await stage.connect()
            try await connection.send("POST \(Self.target) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<16 { try await connection.send(Self.chunk(65_536)) }
            try await connection.send(Self.chunk(1))
            let answer = try await connection.answer()
            #expect(answer.status == 413 && answer.text == "payload too large")
            #expect(answer.headers["connection"] == "close")
            connection.dribble(UInt8(ascii: "a"))
            await Self.expectEnd(of: connection)
        }
    }

    @Test("WB-5: 1 MiB is not too long, in one piece or in chunks")
    func longest() async throws {
        let body = String(repeating: "a", count: CallbackRequest.maxBodyBytes)
        try await ServerStage.run { stage in
            let whole = try await stage.ask(ServerStage.request("POST", Self.target, body: body))
            #expect(whole.status == 400 && whole.text == "invalid payload")
            let chunks = String(repeating: Self.chunk(32_768), count: 32) + "0\r\n\r\n"
            let answer = try await stage.ask(
                "POST \(Self.target) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)")
            #expect(answer.status == 400 && answer.text == "invalid payload")
        }
    }

    @Test("WB-5: a refused request whose body never ends does not keep its connection")
    func endless() async throws {
        try await ServerStage.run(Self.limits(.seconds(30))) { stage in
            for line in ["POST /elsewhere", "POST /wecom/bot", "PUT /wecom/bot"] {
                let connection = try await stage.connect()
                try await connection.send("\(line) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in 0..<17 { try? await connection.send(Self.chunk(65_536)) }
                #expect([400, 404, 405, 413].contains(try await connection.answer().status))
                connection.dribble(UInt8(ascii: "a"))
                await Self.expectEnd(of: connection)
            }
        }
    }

    @Test("WB-5: headers that do not come, or come byte by byte, end the connection in time")
    func slowHeader() async throws {
        try await ServerStage.run(Self.limits()) { stage in
            let silent = try await stage.connect()
            await Self.expectEnd(of: silent)
            let slow = try await stage.connect()
            try? await slow.send("GET \(Self.target) HTTP/1.1\r\nX: ")
            slow.dribble(UInt8(ascii: "a"))
            await Self.expectEnd(of: slow)
        }
    }

    @Test("WB-5: a body that does not come, or comes byte by byte, ends the connection in time")
    func slowBody() async throws {
        try await ServerStage.run(Self.limits()) { stage in
            let head = "POST \(Self.target) HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
            let silent = try await stage.connect()
            try? await silent.send(head)
            await Self.expectEnd(of: silent)
            let slow = try await stage.connect()
            try? await slow.send(head)
            slow.dribble(UInt8(ascii: "a"))
            await Self.expectEnd(of: slow)
        }
    }

    @Test("WB-5: a slow request behind one that was answered ends the connection in time")
    func slowBehindAnswered() async throws {
        let (entered, gate) = (Gate(), Gate())
        try await ServerStage.run(
            // Long enough for what has to work first.
            Self.limits(.seconds(5)),
            answer: { _ in
                entered.open()
                await gate.pass()
                return .init()
            }
        ) { stage in
            let connection = try await stage.connect()
            try await connection.send(
                ServerStage.message() + "POST \(Self.target) HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
            // The head of the second has come when the first is answered.
            await entered.pass()
            gate.open()
            #expect(try await connection.answer().status == 200)
            connection.dribble(UInt8(ascii: "a"))
            await Self.expectEnd(of: connection)
        }
    }

    @Test("WB-5: a connection that rests after its requests is ended by the idle limit")
    func idle() async throws {
        var limits = Self.limits(.seconds(30))
        limits.idle = .seconds(3)
        try await ServerStage.run(limits) { stage in
            let connection = try await stage.connect()
            try await connection.send(ServerStage.message())
            #expect(try await connection.answer().status == 200)
            await Self.expectEnd(of: connection)
        }
    }

    /// An answer that no buffer of the system holds.
    private static let big = "{\"text\":\"" + String(repeating: "a", count: 12 << 20) + "\"}"

    @Test("WB-3: an answer that was read whole is known to be written, a short one and a long one")
    func written() async throws {
        let written = Locked(0)
        try await ServerStage.run(answer: { callback in
            guard case .json(let content) = callback.payload else { return .init() }
            return .init(message: content.count > 2 ? Self.big : "{}") { written.withLock { $0 += 1 } }
        }) { stage in
            let connection = try await stage.connect()
            for (count, content) in ["{}", "{\"big\":1}", "{}"].enumerated() {
                try await connection.send(ServerStage.message(content))
                let answer = try await connection.answer()
                #expect(answer.status == 200 && (content == "{}") == (answer.body.count < 1_000))
                await eventually("written") { written.withLock { $0 } == count + 1 }
            }
            await connection.close()
        }
    }

    @Test("WB-3, WB-5: an answer that nobody reads ends the connection in time, and does not count as written")
    func notRead() async throws {
        let written = Locked(0)
        try await ServerStage.run(
            Self.limits(),
            answer: { _ in .init(message: Self.big) { written.withLock { $0 += 1 } } }
        ) { stage in
            let connection = try await stage.connect(isReading: false)
            try await connection.send(ServerStage.message())
            // The peer reads nothing for longer than the limit.
            try await connection.channel.eventLoop.scheduleTask(in: .seconds(3)) {}.futureResult.get()
            await connection.take()
            let start = ContinuousClock.now
            #expect(await connection.untilClosed().count < Self.big.utf8.count)
            #expect(start.duration(to: .now) < Self.soon)
        }
        #expect(written.withLock { $0 } == 0)
    }

    @Test("WB-3: an answer whose peer goes away in the middle does not count as written")
    func peerGone() async throws {
        let written = Locked(0)
        let asked = Gate()
        try await ServerStage.run(answer: { _ in
            asked.open()
            return .init(message: Self.big) { written.withLock { $0 += 1 } }
        }) { stage in
            let connection = try await stage.connect(isReading: false)
            try await connection.send(ServerStage.message())
            await asked.pass()
            await connection.close()
        }
        // The listener has ended, and everything that it was about to say with it.
        #expect(written.withLock { $0 } == 0)
    }

    @Test("WB-5: beyond the limit a connection waits while all others are being answered")
    func connections() async throws {
        let gate = Gate()
        let entered = Locked(0)
        let limit = 8
        try await ServerStage.run(
            Self.limits(.seconds(60), connections: limit),
            answer: { _ in
                entered.withLock { $0 += 1 }
                await gate.pass()
                return .init()
            }
        ) { stage in
            let busy = try await (0..<limit).asyncMap { number in
                let connection = try await stage.connect()
                try await connection.send(ServerStage.message())
                await eventually("at work") { entered.withLock { $0 } == number + 1 }
                return connection
            }
            let next = try await stage.connect()
            try await next.send(ServerStage.request("GET", "/elsewhere"))
            gate.open()
            for connection in busy { #expect(try await connection.answer().status == 200) }
            for connection in busy { await connection.close() }
            #expect(try await next.answer().status == 404)
            await next.close()
        }
    }

    @Test("WB-5: connections without a request make room for those that have one, the oldest first")
    func crowded() async throws {
        let limit = 8
        try await ServerStage.run(Self.limits(.seconds(60), connections: limit)) { stage in
            let silent = try await (0..<limit * 4).asyncMap { _ in try await stage.connect() }
            #expect(try await stage.ask(ServerStage.message()).status == 200)
            // Without room made, this would take until the limit of 60 s.
            for connection in silent.prefix(limit) { await Self.expectEnd(of: connection) }
            for connection in silent { await connection.close() }
        }
    }

    @Test("GW-1: told to stop, it ends what is under way, takes nothing new and ends")
    func gracefulShutdown() async throws {
        let (entered, gate) = (Gate(), Gate())
        try await ServerStage.run(answer: { _ in
            entered.open()
            await gate.pass()
            return .init(message: Self.big)
        }) { stage in
            let resting = try await stage.connect()
            try await resting.send(ServerStage.request("GET", "/elsewhere"))
            _ = try await resting.answer()
            let busy = try await stage.connect()
            try await busy.send(ServerStage.message())
            await entered.pass()
            await stage.shutDown()
            #expect(await resting.untilClosed().isEmpty)
            gate.open()
            let answer = try await busy.answer()
            #expect(answer.status == 200 && answer.body.count > Self.big.utf8.count)
            #expect(await busy.untilClosed().isEmpty)
            await #expect(throws: (any Error).self) { _ = try await stage.ask(ServerStage.request("GET", "/")) }
        }
    }
}

/// Lets everybody through once it is open.
private final class Gate: Sendable {
    private let state = Locked<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func open() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
