import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// A WebSocket server on loopback for one client, which holds every upgrade back until it is told what to do with it.
final class ScriptedServer: @unchecked Sendable {
    /// What the server tells its owner.
    enum Event: Sendable {
        case dialled
        case opened
        case received(String)
        /// The client ended its connection, or gave up waiting for one.
        case closedByClient
        /// We ended it.
        case closedByUs
        /// A ping of ours was answered.
        case ponged
    }

    /// A connection whose upgrade is not decided.
    private struct Pending {
        var channel: any Channel
        var decision: EventLoopPromise<HTTPHeaders?>
    }

    // Touched under `lock` alone; `onEvent` is called after it is released, on the channel's event loop.
    private let lock = NSLock()
    private var listener: (any Channel)?
    private var pending: [ObjectIdentifier: Pending] = [:]
    private var open: [ObjectIdentifier: any Channel] = [:]
    private var endedByUs: Set<ObjectIdentifier> = []
    private var pings = 0
    private var pongs = 0
    private let onEvent: @Sendable (Event) -> Void
    private let sink: FrameSink

    init(onEvent: @escaping @Sendable (Event) -> Void, sink: @escaping FrameSink) {
        self.onEvent = onEvent
        self.sink = sink
    }

    /// Binds a free port of the loopback address and gives its number.
    func start() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try configure(channel) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        lock.withLock { listener = channel }
        return channel.localAddress?.port ?? 0
    }

    private func configure(_ channel: any Channel) throws {
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: 1 << 24,
            shouldUpgrade: { [self] channel, _ in dialled(channel) },
            upgradePipelineHandler: { [self] channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ScriptedServerHandler(server: self))
                }
            })
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
    }

    func stop() async {
        let (listener, rest) = lock.withLock { () -> ((any Channel)?, [any Channel]) in
            let all = pending.values.map(\.channel) + open.values
            endedByUs.formUnion(all.map { ObjectIdentifier($0) })
            return (self.listener, all)
        }
        try? await listener?.close()
        for channel in rest { try? await channel.close() }
    }

    // MARK: State

    /// Connections that wait for a decision, and open ones.
    var counts: (pending: Int, open: Int) { lock.withLock { (pending.count, open.count) } }
    /// Whether every ping of ours was answered.
    var isPingAnswered: Bool { lock.withLock { pongs >= pings || open.isEmpty } }

    // MARK: Telling it

    /// Lets the waiting connection up.
    func accept() {
        for waiting in takePending() { waiting.decision.succeed(HTTPHeaders()) }
    }

    /// Ends the waiting connection.
    func refuse() {
        for waiting in takePending(endedByUs: true) {
            waiting.decision.fail(ChannelError.eof)
            waiting.channel.close(promise: nil)
        }
    }

    func send(_ text: String) -> Bool {
        guard let channel = lock.withLock({ open.values.first }) else { return false }
        write(WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: text)), to: channel)
        return true
    }

    /// Sends a ping of the WebSocket protocol, which the client's library answers in order with its frames.
    func ping() {
        guard
            let channel = lock.withLock({ () -> (any Channel)? in
                guard let channel = open.values.first else { return nil }
                pings += 1
                return channel
            })
        else { return }
        write(WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer(string: "calm")), to: channel)
    }

    func drop(code: UInt16?) {
        let channels = lock.withLock { () -> [any Channel] in
            endedByUs.formUnion(open.keys)
            return Array(open.values)
        }
        for channel in channels {
            guard let code else {
                channel.close(promise: nil)
                continue
            }
            let data = ByteBuffer(bytes: [UInt8(code >> 8), UInt8(code & 255)])
            write(WebSocketFrame(fin: true, opcode: .connectionClose, data: data), to: channel)
        }
    }

    private func write(_ frame: WebSocketFrame, to channel: any Channel) { channel.writeAndFlush(frame, promise: nil) }

    private func takePending(endedByUs byUs: Bool = false) -> [Pending] {
        lock.withLock {
            if byUs { endedByUs.formUnion(pending.keys) }
            defer { pending = [:] }
            return Array(pending.values)
        }
    }

    // MARK: Told by the channels

    private func dialled(_ channel: any Channel) -> EventLoopFuture<HTTPHeaders?> {
        let decision = channel.eventLoop.makePromise(of: HTTPHeaders?.self)
        let id = ObjectIdentifier(channel)
        lock.withLock { pending[id] = Pending(channel: channel, decision: decision) }
        channel.closeFuture.whenComplete { [self] _ in closed(id) }
        onEvent(.dialled)
        return decision.futureResult
    }

    fileprivate func opened(_ channel: any Channel) {
        lock.withLock { open[ObjectIdentifier(channel)] = channel }
        onEvent(.opened)
    }

    private func closed(_ id: ObjectIdentifier) {
        let (waiting, byUs) = lock.withLock { () -> (Pending?, Bool) in
            open[id] = nil
            pongs = pings
            return (pending.removeValue(forKey: id), endedByUs.remove(id) != nil)
        }
        waiting?.decision.fail(ChannelError.eof)
        onEvent(byUs ? .closedByUs : .closedByClient)
    }

    fileprivate func received(_ text: String) -> String? {
        defer { onEvent(.received(text)) }
        return sink(text)
    }

    fileprivate func ponged() {
        lock.withLock { pongs += 1 }
        onEvent(.ponged)
    }
}

private final class ScriptedServerHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let server: ScriptedServer
    private var message = ByteBuffer()

    init(server: ScriptedServer) { self.server = server }

    func handlerAdded(context: ChannelHandlerContext) { server.opened(context.channel) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        var data = frame.unmaskedData
        switch frame.opcode {
        case .text, .continuation:
            message.writeBuffer(&data)
            guard frame.fin else { return }
            let text = String(buffer: message)
            message = ByteBuffer()
            guard let answer = server.received(text) else { return }
            let reply = WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: answer))
            context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
        case .pong: server.ponged()
        case .ping:
            context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .pong, data: data)), promise: nil)
        case .connectionClose:
            let answer = WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(answer)).whenComplete { _ in channel.close(promise: nil) }
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
