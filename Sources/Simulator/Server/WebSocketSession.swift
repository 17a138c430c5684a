import NIOCore
import NIOWebSocket

/// What the engine writes into a WebSocket channel.
enum WebSocketOutput: Sendable {
    case text(String)
    case binary([UInt8])
    case close(UInt16)
}

/// One WebSocket: hands whole messages to the engine, answers protocol pings and closes.
final class WebSocketSession: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketOutput
    typealias OutboundOut = WebSocketFrame

    private let engine: SimulatorEngine
    private let baseURL: String?
    private var id: ConnectionID?
    private var hasSentClose = false

    /// `baseURL`: how this client reaches our HTTP side; nil is the common way.
    init(engine: SimulatorEngine, baseURL: String?) {
        self.engine = engine
        self.baseURL = baseURL
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let address = context.remoteAddress?.ipAddress ?? "127.0.0.1"
        id = engine.connectionOpened(context.channel, address: address, baseURL: baseURL)
        if id == nil { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let id { engine.connectionClosed(id) }
        id = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        var payload = frame.unmaskedData
        switch frame.opcode {
        case .text, .binary:
            if let id, !hasSentClose {
                engine.frameReceived(id, payload.readBytes(length: payload.readableBytes) ?? [])
            }
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, data: payload)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .connectionClose:
            if !hasSentClose {
                hasSentClose = true
                let echo = WebSocketFrame(
                    fin: true, opcode: .connectionClose,
                    data: payload.readSlice(length: min(2, payload.readableBytes))
                        ?? ByteBuffer())
                context.write(wrapOutboundOut(echo), promise: nil)
                context.flush()
            }
            context.close(promise: nil)
        default: break
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !hasSentClose else {
            promise?.succeed()
            return
        }
        switch unwrapOutboundIn(data) {
        case .text(let text):
            let buffer = context.channel.allocator.buffer(string: text)
            context.write(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .text, data: buffer)), promise: promise)
        case .binary(let bytes):
            let buffer = context.channel.allocator.buffer(bytes: bytes)
            context.write(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .binary, data: buffer)), promise: promise)
        case .close(let code):
            hasSentClose = true
            var buffer = context.channel.allocator.buffer(capacity: 2)
            buffer.writeInteger(code)
            let frame = WebSocketFrame(fin: true, opcode: .connectionClose, data: buffer)
            context.write(wrapOutboundOut(frame), promise: promise)
        }
    }

    /// More than the high-water mark waits for this client: it does not read, so it is dropped.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable { context.close(promise: nil) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
