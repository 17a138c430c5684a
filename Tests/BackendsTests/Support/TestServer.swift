import AsyncHTTPClient
import Backends
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// A request that reached the test server, and the raw connection to answer it on.
final class TestExchange: Sendable {
    let head: HTTPRequestHead
    let body: String
    private let channel: any Channel

    init(head: HTTPRequestHead, body: String, channel: any Channel) {
        self.head = head
        self.body = body
        self.channel = channel
    }

    /// Sends bytes as they stand.
    func send(_ text: String) { send(Array(text.utf8)) }
    /// Sends bytes as they stand.
    func send(_ bytes: [UInt8]) {
        // An error means that the client has gone, which `untilClosed` tells.
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Sends a head for a body that ends with the connection.
    func sendHead(_ status: String = "200 OK", type: String = "text/event-stream", headers: [String] = []) {
        let lines = ["HTTP/1.1 \(status)", "Content-Type: \(type)", "Connection: close"] + headers
        send(lines.joined(separator: "\r\n") + "\r\n\r\n")
    }

    /// Sends a head for a body in chunks.
    func sendChunkedHead(type: String = "text/event-stream") {
        send("HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    /// Sends one chunk.
    func sendChunk(_ bytes: [UInt8]) {
        send(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8))
    }

    /// Ends a body in chunks.
    func endChunks() { send("0\r\n\r\n") }

    /// Sends a whole answer and closes.
    func respond(
        _ status: String = "200 OK", type: String = "application/json", headers: [String] = [], body: String
    ) {
        sendHead(status, type: type, headers: headers + ["Content-Length: \(body.utf8.count)"])
        send(body)
        close()
    }

    /// Sends a whole stream and closes.
    func stream(_ body: String) {
        sendHead()
        send(body)
        close()
    }

    /// Closes the connection after what was sent.
    func close() {
        channel.eventLoop.execute { [channel] in channel.close(promise: nil) }
    }

    /// Suspends until the connection has ended, whoever ended it.
    func untilClosed() async throws { try await channel.closeFuture.get() }
}

/// A local HTTP server whose answers the test writes byte by byte.
struct TestServer: Sendable {
    let port: Int
    private let inbox: Inbox

    /// Next request, in the order in which they were complete.
    func next() async throws -> TestExchange {
        guard let exchange = await inbox.next() else { throw CancellationError() }
        return exchange
    }

    /// Base address.
    var address: String { "http://127.0.0.1:\(port)" }

    /// Starts a server and a client for the body, and ends both after it.
    static func with(
        settings: HTTPSettings = HTTPSettings(),
        _ body: (TestServer, HTTPClient) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let inbox = Inbox()
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let sync = channel.pipeline.syncOperations
                    try sync.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
                    try sync.addHandler(RequestCollector(inbox: inbox))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = HTTPClient(
            eventLoopGroupProvider: .shared(group), configuration: try settings.clientConfiguration())
        let server = TestServer(port: listener.localAddress?.port ?? 0, inbox: inbox)
        do {
            try await body(server, client)
        } catch {
            try await end(client, listener, inbox)
            throw error
        }
        try await end(client, listener, inbox)
    }

    private static func end(_ client: HTTPClient, _ listener: any Channel, _ inbox: Inbox) async throws {
        inbox.close()
        try await listener.close()
        try await client.shutdown()
    }
}

/// Requests that have come and were not read yet; one reader at a time, as every test awaits its requests in order.
private final class Inbox: @unchecked Sendable {
    // Everything below is touched under `lock` alone; a continuation leaves the lock before it is resumed.
    private let lock = NSLock()
    private var requests: [TestExchange] = []
    private var reader: CheckedContinuation<TestExchange?, Never>?
    private var isClosed = false

    /// Hands a request to the reader who waits, or keeps it.
    func add(_ request: TestExchange) {
        let waiting = lock.withLock { () -> CheckedContinuation<TestExchange?, Never>? in
            guard let waiting = reader else {
                requests.append(request)
                return nil
            }
            reader = nil
            return waiting
        }
        waiting?.resume(returning: request)
    }

    /// Ends the wait that is going on, and every later one.
    func close() {
        let waiting = lock.withLock { () -> CheckedContinuation<TestExchange?, Never>? in
            isClosed = true
            defer { reader = nil }
            return reader
        }
        waiting?.resume(returning: nil)
    }

    /// Next request; nil when the server has ended or the task is cancelled.
    func next() async -> TestExchange? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = lock.withLock { () -> TestExchange?? in
                    if !requests.isEmpty { return .some(requests.removeFirst()) }
                    if isClosed { return .some(nil) }
                    reader = continuation
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            close()
        }
    }
}

/// Collects requests; writes pass through as raw bytes.
private final class RequestCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    private let inbox: Inbox
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(inbox: Inbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(let bytes):
            body.writeImmutableBuffer(bytes)
        case .end:
            guard let head else { return }
            let text = String(buffer: body)
            inbox.add(TestExchange(head: head, body: text, channel: context.channel))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
