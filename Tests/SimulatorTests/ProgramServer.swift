import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import Simulator

/// A bot's program reduced to an HTTP server on a free port: what came, and what is answered.
final class ProgramServer: Sendable {
    struct Request: Sendable {
        var method: HTTPMethod
        var uri: String
        var body: [UInt8]
    }

    /// Status and body; nil never answers.
    typealias Handler = @Sendable (Request) -> (status: HTTPResponseStatus, body: [UInt8])?

    private let received = NIOLockedValueBox<[Request]>([])

    var requests: [Request] { received.withLockedValue { $0 } }

    /// Serves for as long as `body` takes, which gets the port.
    func run(_ handler: @escaping Handler, _ body: (Int) async throws -> Void) async throws {
        let received = self.received
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Wire(received: received, handler: handler))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(listener.localAddress?.port ?? 0)
        } catch {
            try? await listener.close()
            throw error
        }
        try? await listener.close()
    }

    private final class Wire: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let received: NIOLockedValueBox<[Request]>
        private let handler: Handler
        private var request = Request(method: .GET, uri: "", body: [])

        init(received: NIOLockedValueBox<[Request]>, handler: @escaping Handler) {
            self.received = received
            self.handler = handler
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): request = Request(method: head.method, uri: head.uri, body: [])
            case .body(let part): request.body += Array(part.readableBytesView)
            case .end:
                received.withLockedValue { $0.append(request) }
                guard let (status, body) = handler(request) else { return }
                let head = HTTPResponseHead(
                    version: .http1_1, status: status, headers: ["Content-Length": String(body.count)])
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
