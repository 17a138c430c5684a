import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Simulator
import Testing

/// A bot program reduced to its socket.
struct TestBot {
    typealias Wire = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    private var frames: NIOAsyncChannelInboundStream<WebSocketFrame>.AsyncIterator

    private enum Upgrade: Sendable {
        case webSocket(Wire)
        case refused
    }

    /// Connects, hands over the bot, closes the socket.
    static func run(port: Int, path: String = "/", _ body: (inout TestBot) async throws -> Void) async throws {
        let wire = try await connect(port: port, path: path)
        try await wire.executeThenClose { inbound, outbound in
            var bot = TestBot(outbound: outbound, frames: inbound.makeAsyncIterator())
            try await body(&bot)
        }
    }

    static func connect(port: Int, path: String = "/") async throws -> Wire {
        let upgrade = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture { () -> EventLoopFuture<Upgrade> in
                    let upgrader = NIOTypedWebSocketClientUpgrader<Upgrade>(
                        maxFrameSize: 8 << 20,
                        upgradePipelineHandler: { channel, _ in
                            channel.eventLoop.makeCompletedFuture {
                                .webSocket(try Wire(wrappingChannelSynchronously: channel))
                            }
                        })
                    var headers = HTTPHeaders()
                    headers.add(name: "Host", value: "127.0.0.1:\(port)")
                    headers.add(name: "Content-Length", value: "0")
                    let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
                    return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                        configuration: .init(
                            upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                                upgradeRequestHead: request, upgraders: [upgrader],
                                notUpgradingCompletionHandler: { channel in
                                    channel.eventLoop.makeSucceededFuture(.refused)
                                })))
                }
            }
        guard case .webSocket(let wire) = try await upgrade.get() else { throw SimulatorError.notListening }
        return wire
    }

    func send(_ frame: JSONValue) async throws {
        try await send(.text, Array(frame.text.utf8))
    }

    func send(_ opcode: WebSocketOpcode, _ bytes: [UInt8], isLast: Bool = true) async throws {
        let frame = WebSocketFrame(
            fin: isLast, opcode: opcode, maskKey: [1, 2, 3, 4], data: ByteBuffer(bytes: bytes))
        try await outbound.write(frame)
    }

    /// The next frame; nil when the socket has ended.
    mutating func nextFrame() async throws -> WebSocketFrame? { try await frames.next() }

    /// The next text frame as JSON.
    mutating func next() async throws -> JSONValue {
        let frame = try #require(try await frames.next())
        return try JSONValue.parse(Array(frame.unmaskedData.readableBytesView))
    }

    mutating func subscribe() async throws {
        try await send(
            ["cmd": "aibot_subscribe", "headers": ["req_id": "sub"], "body": CoreHarness.credentials])
        #expect(try await next()["errcode"] == 0)
    }
}

/// One HTTP/1.1 exchange on a connection of its own.
enum RawHTTP {
    struct Answer {
        var status: Int
        var head: String
        var body: [UInt8]

        var json: JSONValue? { try? JSONValue.parse(body) }
    }

    static func get(_ port: Int, _ path: String, host: String? = nil, headers: String = "") async throws -> Answer {
        try await exchange(port, request("GET", path, host: host ?? "127.0.0.1:\(port)", headers: headers, body: []))
    }

    static func post(_ port: Int, _ path: String, _ body: JSONValue, headers: String = "") async throws -> Answer {
        let text = request("POST", path, host: "127.0.0.1:\(port)", headers: headers, body: body.bytes)
        return try await exchange(port, text)
    }

    static func request(_ method: String, _ path: String, host: String, headers: String, body: [UInt8]) -> [UInt8] {
        let head =
            "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n"
            + "Content-Length: \(body.count)\r\n\(headers)\r\n"
        return Array(head.utf8) + body
    }

    static func exchange(_ port: Int, _ request: [UInt8]) async throws -> Answer {
        var received: [UInt8] = []
        try await stream(port, request) { piece in
            received += piece
            return true
        }
        return try answer(received)
    }

    /// Sends `request` and hands over what comes until `body` returns false or the socket ends.
    static func stream(_ port: Int, _ request: [UInt8], _ body: ([UInt8]) async throws -> Bool) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(bytes: request))
            for try await piece in inbound where try await !body(Array(piece.readableBytesView)) { return }
        }
    }

    private static func answer(_ bytes: [UInt8]) throws -> Answer {
        let separator = Array("\r\n\r\n".utf8)
        let end = try #require(
            bytes.indices.first { bytes[$0...].starts(with: separator) })
        let head = String(decoding: bytes[..<end], as: UTF8.self)
        let status = try #require(head.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return Answer(status: status, head: head, body: Array(bytes[(end + 4)...]))
    }
}
