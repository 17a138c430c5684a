import AIBotWS
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

#if canImport(Glibc)
    import Glibc
#endif

/// A WebSocket server that does what the client's text messages tell it to; anything else it echoes.
///
/// `big N`: a message of N bytes. `parts A B C`: those words as fragments of one message, a ping between them.
/// `ping`: a ping, and `ponged` when it is answered. `close N`: a close frame. `fin`, `rst`: ends the TCP connection.
/// `binary`: a binary message. `utf8`: bytes that are no text. `opcode`: a frame that no one knows. `deaf`: does not
/// answer anything from now on. `sized N`: N bytes as single-frame messages of 100 bytes. `masked`: a masked ping.
/// `pings`: pings with and without content, and pongs that nobody asked for. `huge`: a message whose second frame claims
/// the greatest length there is. `mute` and another command: does that, then is deaf. A reset by the client is noted as `reset`.
final class WebSocketTestServer: Sendable {
    let channel: any NIOCore.Channel
    let isSecure: Bool
    private let received = NIOLockedLines()
    /// Texts that came, and `close` with the code, over all connections.
    var lines: [String] { received.all }
    var port: Int { channel.localAddress?.port ?? 0 }

    init(tls: NIOSSLContext? = nil, host: String = "127.0.0.1") async throws {
        isSecure = tls != nil
        let received = received
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    let upgrader = NIOWebSocketServerUpgrader(
                        maxFrameSize: 1 << 24,
                        shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
                        upgradePipelineHandler: { channel, _ in
                            channel.eventLoop.makeCompletedFuture {
                                try channel.pipeline.syncOperations.addHandler(ScriptedPeer(received))
                            }
                        })
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
                }
            }
            .bind(host: host, port: 0).get()
    }

    /// Where to connect.
    func target(host: String = "127.0.0.1") -> ConnectionTarget {
        // A machine under load must not fail tests that are not about time.
        ConnectionTarget(secure: isSecure, host: host, port: port, path: "/ws?x=1", connectTimeout: .seconds(50))
    }

    func stop() async { try? await channel.close() }
}

private final class ScriptedPeer: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private var isDeaf = false
    private let received: NIOLockedLines

    init(_ received: NIOLockedLines) { self.received = received }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard !isDeaf else { return }
        switch frame.opcode {
        case .text:
            var data = frame.unmaskedData
            let line = data.readString(length: data.readableBytes) ?? ""
            if line.utf8.count < 100 { received.add(line) }
            obey(line, context)
        case .binary: write(.binary, frame.unmaskedData, context)
        case .pong: text("ponged", context)
        case .connectionClose:
            var data = frame.unmaskedData
            received.add("close \(data.readInteger(as: UInt16.self) ?? 0)")
            write(.connectionClose, frame.unmaskedData, context)
            context.close(promise: nil)
        default: break
        }
    }

    private func obey(_ line: String, _ context: ChannelHandlerContext) {
        guard line.utf8.count < 100 else { return text(line, context) }
        let words = line.split(separator: " ").map(String.init)
        let number = words.count > 1 ? Int(words[1]) ?? 0 : 0
        switch words.first {
        case "big": text(String(repeating: "x", count: number), context)
        case "sized": for _ in 0..<(number / 100) { text(String(repeating: "y", count: 100), context) }
        case "parts": parts(words.dropFirst().map { $0 }, context)
        case "ping": write(.ping, ByteBuffer(string: "p"), context)
        case "close": write(.connectionClose, ByteBuffer(bytes: [UInt8(number >> 8), UInt8(number & 255)]), context)
        case "fin": context.close(promise: nil)
        case "rst":
            let channel = context.channel
            let done = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            done?.whenComplete { _ in channel.close(promise: nil) }
        case "binary": write(.binary, ByteBuffer(string: "binary"), context)
        case "utf8": write(.text, ByteBuffer(bytes: [0xC3, 0x28]), context)
        case "opcode": write(WebSocketOpcode(encodedWebSocketOpcode: 0x3) ?? .text, ByteBuffer(string: "?"), context)
        case "deaf": isDeaf = true
        case "mute":
            isDeaf = true
            obey(words.dropFirst().joined(separator: " "), context)
            _ = context.channel.setOption(.autoRead, value: false)
        case "huge": huge(context)
        case "masked":
            let key: WebSocketMaskingKey = [1, 2, 3, 4]
            context.writeAndFlush(
                wrapOutboundOut(
                    WebSocketFrame(fin: true, opcode: .ping, maskKey: key, data: ByteBuffer(string: "p"))),
                promise: nil)
        case "pings":
            for size in [0, 1, 125] {
                write(.ping, ByteBuffer(repeating: 0x70, count: size), context)
                write(.pong, ByteBuffer(repeating: 0x71, count: size), context)
            }
        case "stall": Self.stall(context.channel)
        default: text(line, context)
        }
    }

    /// Reads nothing until a good many pings were written, so that they meet a client whose socket is full.
    private static func stall(_ channel: any NIOCore.Channel) {
        channel.setOption(.autoRead, value: false).whenComplete { _ in sendPings(20, on: channel) }
    }

    private static func sendPings(_ left: Int, on channel: any NIOCore.Channel) {
        guard left > 0 else { return channel.setOption(.autoRead, value: true).whenComplete { _ in } }
        channel.writeAndFlush(WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer(string: "p")), promise: nil)
        channel.eventLoop.scheduleTask(in: .milliseconds(10)) { sendPings(left - 1, on: channel) }
    }

    /// Past the encoder, which would not write such a thing.
    private func huge(_ context: ChannelHandlerContext) {
        var bytes = ByteBuffer(bytes: [0x01, 1, 0x61, 0x80, 127])
        bytes.writeInteger(Int64.max)
        bytes.writeRepeatingByte(0x62, count: 8_192)
        let encoder = try? context.pipeline.syncOperations.context(handlerType: WebSocketFrameEncoder.self)
        encoder?.writeAndFlush(NIOAny(bytes), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if (error as? IOError)?.errnoCode == ECONNRESET { received.add("reset") }
        context.close(promise: nil)
    }

    private func parts(_ words: [String], _ context: ChannelHandlerContext) {
        for (index, word) in words.enumerated() {
            let frame = WebSocketFrame(
                fin: index == words.count - 1, opcode: index == 0 ? .text : .continuation,
                data: ByteBuffer(string: word))
            context.write(wrapOutboundOut(frame), promise: nil)
            if index == 0 { write(.ping, ByteBuffer(string: "p"), context) }
        }
        context.flush()
    }

    private func text(_ text: String, _ context: ChannelHandlerContext) {
        write(.text, ByteBuffer(string: text), context)
    }

    private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: data)), promise: nil)
    }
}
