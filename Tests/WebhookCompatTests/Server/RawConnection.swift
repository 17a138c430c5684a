import NIOCore
import NIOPosix

/// What came over a connection, taken apart.
struct RawAnswer: Sendable {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A connection on which a test says byte for byte what goes out. For one task.
final class RawConnection {
    struct Closed: Error {}

    let channel: any NIOCore.Channel
    private var incoming: AsyncStream<ByteBuffer>.Iterator
    private var buffer: [UInt8] = []

    private init(_ channel: any NIOCore.Channel, _ incoming: AsyncStream<ByteBuffer>) {
        self.channel = channel
        self.incoming = incoming.makeAsyncIterator()
    }

    /// - Parameter isReading: whether what comes is taken from the socket; `take()` begins with it later.
    static func open(_ port: Int, isReading: Bool = true) async throws -> RawConnection {
        let (stream, continuation) = AsyncStream<ByteBuffer>.makeStream()
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: isReading)
            .channelOption(.allowRemoteHalfClosure, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation))
                }
            }
        let small = isReading ? bootstrap : bootstrap.channelOption(.socketOption(.so_rcvbuf), value: 4_096)
        return RawConnection(try await small.connect(host: "127.0.0.1", port: port).get(), stream)
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let continuation: AsyncStream<ByteBuffer>.Continuation

        init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { continuation.yield(unwrapInboundIn(data)) }
        func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Sends a byte now and then until the connection ends.
    func dribble(_ byte: UInt8, every pause: TimeAmount = .milliseconds(20)) {
        let channel = channel
        channel.eventLoop.scheduleRepeatedTask(initialDelay: pause, delay: pause) { task in
            guard channel.isActive else { return task.cancel() }
            channel.writeAndFlush(ByteBuffer(bytes: [byte]), promise: nil)
        }
    }

    /// Begins to take what comes, unless the connection has ended.
    func take() async { try? await channel.setOption(.autoRead, value: true).get() }

    func close() async { try? await channel.close() }

    /// The next answer; what its `Content-Length` says is its body, unless it has none, as an answer to HEAD.
    func answer(hasBody: Bool = true) async throws -> RawAnswer {
        let head = try await take(through: Array("\r\n\r\n".utf8))
        var lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let words = lines.removeFirst().split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { throw Closed() }
        var headers: [String: String] = [:]
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] =
                parts.count > 1 ? parts[1].trimmingPrefix(while: { $0 == " " }).description : ""
        }
        let length = hasBody ? headers["content-length"].flatMap { Int($0) } ?? 0 : 0
        while buffer.count < length { try await more() }
        defer { buffer.removeFirst(length) }
        return RawAnswer(status: status, headers: headers, body: Array(buffer.prefix(length)))
    }

    /// Everything until the peer ends the connection.
    func untilClosed() async -> [UInt8] {
        while let next = await incoming.next() { buffer += next.readableBytesView }
        defer { buffer = [] }
        return buffer
    }

    private func take(through mark: [UInt8]) async throws -> [UInt8] {
        while true {
            if let range = buffer.firstRange(of: mark) {
                defer { buffer.removeFirst(range.upperBound) }
                return Array(buffer[..<range.lowerBound])
            }
            try await more()
        }
    }

    private func more() async throws {
        guard let next = await incoming.next() else { throw Closed() }
        buffer += next.readableBytesView
    }
}
