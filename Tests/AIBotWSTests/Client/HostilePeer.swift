import Crypto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL

@testable import AIBotWS

/// A platform on a socket that ends each connection at another step of the protocol, or follows it to the letter.
final class HostilePeer: Sendable {
    /// How a connection ends.
    enum Fault: CaseIterable {
        case atAccept
        case noHTTP
        case afterRequest
        case refusedUpgrade
        case afterUpgrade
        case duringSubscription
        case brokenAnswer
        case halfFrame
        case unknownOpcode
        case reservedBits
        case notText
        case hugeFrame
        case manyBadFrames
        case online
    }
    let channel: any NIOCore.Channel
    private let seen = NIOLockedLines()
    private let (changes, changed) = AsyncStream<Void>.makeStream()
    var port: Int { channel.localAddress?.port ?? 0 }
    /// Connections that were ended.
    var faults: Int { seen.all.count { $0 == "fault" } }
    /// Questions that were answered.
    var answers: Int { seen.all.count { $0 == "answer" } }

    /// With `faults`, connections end in turn like these; without, each gets a question after every answer.
    init(_ faults: [Fault], tls: NIOSSLContext? = nil) async throws {
        let note: @Sendable (String) -> Void = { [seen, changed] what in
            seen.add(what)
            changed.yield()
        }
        let count = NIOLockedLines()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    count.add("connection")
                    let fault = faults.isEmpty ? nil : faults[(count.all.count - 1) % faults.count]
                    // Half of the connections that end at once do so before TLS.
                    let isBare = fault == .atAccept || fault == .noHTTP && count.all.count > faults.count
                    if let tls, !isBare {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(Peer(fault, note))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func stop() async { try? await channel.close() }

    /// Returns once that holds; one caller at a time.
    func reaches(_ condition: () -> Bool) async {
        for await _ in changes where condition() { return }
    }
}

private final class Peer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let fault: HostilePeer.Fault?
    private let note: @Sendable (String) -> Void
    private var input = ByteBuffer()
    private var isUpgraded = false
    private var hasEnded = false
    private var questions = 0

    init(_ fault: HostilePeer.Fault?, _ note: @escaping @Sendable (String) -> Void) {
        self.fault = fault
        self.note = note
    }

    func channelActive(context: ChannelHandlerContext) {
        if fault == .atAccept { end(context) }
        if fault == .noHTTP { end(context, ByteBuffer(string: "220 mail.example.com ESMTP\r\n")) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var data = unwrapInboundIn(data)
        input.writeBuffer(&data)
        if !isUpgraded { upgrade(context) }
        while isUpgraded, !hasEnded, let text = nextText() { answer(text, context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func upgrade(_ context: ChannelHandlerContext) {
        let request = String(buffer: input)
        guard request.hasSuffix("\r\n\r\n") else { return }
        let lines = request.components(separatedBy: "\r\n")
        let key = lines.first { $0.lowercased().hasPrefix("sec-websocket-key:") }?.dropFirst(18)
            .trimmingCharacters(in: .whitespaces)
        let digest = Insecure.SHA1.hash(data: Data(((key ?? "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        input.clear()
        switch fault {
        case .afterRequest: return end(context)
        case .refusedUpgrade:
            return end(context, ByteBuffer(string: "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"))
        default: break
        }
        isUpgraded = true
        write(
            ByteBuffer(
                string: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: \(Data(digest).base64EncodedString())\r\n\r\n"), context)
        if fault == .afterUpgrade { end(context) }
    }

    /// Payload of the next frame of the client, which is masked and short of 64 KB.
    private func nextText() -> String? {
        var rest = input
        guard let first = rest.readInteger(as: UInt8.self), let second = rest.readInteger(as: UInt8.self) else {
            return nil
        }
        var length = Int(second & 0x7F)
        if length == 126 {
            guard let long = rest.readInteger(as: UInt16.self) else { return nil }
            length = Int(long)
        }
        guard let mask = rest.readBytes(length: 4), let payload = rest.readBytes(length: length) else { return nil }
        input = rest
        guard first & 0x0F == 1 else { return nil }
        return String(decoding: payload.enumerated().map { $1 ^ mask[$0 % 4] }, as: UTF8.self)
    }

    private func answer(_ text: String, _ context: ChannelHandlerContext) {
        guard let frame = try? JSONValue(parsing: text.utf8), let id = frame["headers"]?["req_id"]?.string else {
            return
        }
        let isSubscription = frame["cmd"]?.string == "aibot_subscribe"
        if fault == .duringSubscription { return end(context) }
        if fault == .brokenAnswer { return end(context, Self.frame(#"{"headers":{"req_id":"\#(id)"},"errc"#)) }
        write(Self.frame(#"{"headers":{"req_id":"\#(id)"},"errcode":0,"errmsg":"ok"}"#), context)
        if let fault {
            if isSubscription { end(context, Self.last(fault)) }
            return
        }
        let isFinal = frame["body"]?["stream"]?["finish"] == .bool(true)
        if isFinal { note("answer") }
        if isSubscription || isFinal { ask(context) }
    }

    private func ask(_ context: ChannelHandlerContext) {
        questions += 1
        let text = """
            {"cmd":"aibot_msg_callback","headers":{"req_id":"r\(questions)"},"body":{"msgid":"m\(questions)","msgtype":"text",\
            "chattype":"single","from":{"userid":"lin.wei"},"text":{"content":"hi"}}}
            """
        write(Self.frame(text), context)
    }

    /// What an accepted subscription hears last.
    private static func last(_ fault: HostilePeer.Fault) -> ByteBuffer {
        switch fault {
        case .halfFrame: ByteBuffer(bytes: [0x81, 100] + Array("half".utf8))
        case .unknownOpcode: ByteBuffer(bytes: [0x83, 1, 0x3F])
        case .reservedBits: ByteBuffer(bytes: [0xF1, 1, 0x3F])
        case .notText: ByteBuffer(bytes: [0x81, 2, 0xC3, 0x28])
        case .hugeFrame: frame(String(repeating: "x", count: 10 << 20))
        case .manyBadFrames:
            (0..<2_000).reduce(into: ByteBuffer()) { buffer, number in
                buffer.writeImmutableBuffer(frame(["{", "[]", "null", "\u{0}", #"{"cmd":7}"#][number % 5]))
            }
        default: ByteBuffer()
        }
    }

    private static func frame(_ text: String) -> ByteBuffer {
        var buffer = ByteBuffer(bytes: [0x81])
        switch text.utf8.count {
        case 0..<126: buffer.writeInteger(UInt8(text.utf8.count))
        case 126..<65_536:
            buffer.writeInteger(126 as UInt8)
            buffer.writeInteger(UInt16(text.utf8.count))
        default:
            buffer.writeInteger(127 as UInt8)
            buffer.writeInteger(UInt64(text.utf8.count))
        }
        buffer.writeString(text)
        return buffer
    }

    private func write(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    private func end(_ context: ChannelHandlerContext, _ last: ByteBuffer = ByteBuffer()) {
        guard !hasEnded else { return }
        hasEnded = true
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(last)).whenComplete { [note] _ in
            channel.close(promise: nil)
            note("fault")
        }
    }
}
