import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Shared

/// A request as the platform sees it.
struct QyapiRequest: Sendable {
    var method: String
    var uri: String
    var headers: HTTPHeaders
    var body: [UInt8]

    /// Path below `/cgi-bin/`.
    var api: String {
        let path = uri.prefix { $0 != "?" }
        return String(path.dropFirst("/cgi-bin/".count))
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// A parameter of the query, decoded.
    func query(_ name: String) -> String? {
        URLComponents(string: uri)?.queryItems?.first { $0.name == name }?.value
    }

    /// A member of the body's JSON, as text.
    func json(_ name: String) -> String? {
        let object = (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any]
        return object?[name].map { "\($0)" }
    }

    /// Text of a `text` message.
    var content: String? {
        let object = (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any]
        return (object?["text"] as? [String: Any])?["content"] as? String
    }
}

/// What it answers.
struct QyapiAnswer: Sendable {
    var status = 200
    var headers: [(String, String)] = [("Content-Type", "application/json; charset=UTF-8")]
    var body: [UInt8] = []
    /// Bytes that are announced and never come.
    var missingBytes = 0
    /// The request is taken, and nothing comes.
    var isSilent = false
    /// The request is taken, and the connection ends.
    var hangsUp = false

    static func json(_ text: String) -> QyapiAnswer { QyapiAnswer(body: Array(text.utf8)) }
    static func error(_ code: Int, _ message: String = "") -> QyapiAnswer {
        .json("{\"errcode\":\(code),\"errmsg\":\"\(message)\"}")
    }
    static let ok = error(0, "ok")
    static let silence = QyapiAnswer(isSilent: true)
    static let hangUp = QyapiAnswer(hangsUp: true)
    static func status(_ status: Int) -> QyapiAnswer { QyapiAnswer(status: status) }
    static func file(_ bytes: [UInt8], type: String, name: String) -> QyapiAnswer {
        QyapiAnswer(
            headers: [("Content-Type", type), ("Content-disposition", "attachment; filename=\"\(name)\"")], body: bytes)
    }
}

/// Plays the platform: answers by a closure, and remembers what it was asked.
final class QyapiServer: Sendable {
    typealias Script = @Sendable (QyapiRequest) -> QyapiAnswer

    private let log = Locked<[QyapiRequest]>([])
    private let script: Script
    private let listener = Locked<(any NIOCore.Channel)?>(nil)

    /// Token requests get `token-1`, `token-2` …, unless the script answers them with something else than nil.
    init(_ script: @escaping Script) { self.script = script }

    /// Everything it was asked but tokens, in order.
    var requests: [QyapiRequest] { log.withLock { $0 }.filter { $0.api != "gettoken" } }
    /// How many tokens were fetched.
    var tokensFetched: Int { log.withLock { $0 }.count { $0.api == "gettoken" } }
    var port: Int { listener.withLock { $0?.localAddress?.port ?? 0 } }

    func start() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(server: self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        listener.withLock { $0 = channel }
    }

    /// Once more is harmless.
    func stop() async throws {
        let channel = listener.withLock { listener -> (any NIOCore.Channel)? in
            defer { listener = nil }
            return listener
        }
        try await channel?.close()
    }

    private func answer(_ request: QyapiRequest) -> QyapiAnswer {
        log.withLock { $0.append(request) }
        return script(request)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let server: QyapiServer
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(server: QyapiServer) { self.server = server }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let buffer): body.append(contentsOf: buffer.readableBytesView)
            case .end:
                guard let head else { return }
                let answer = server.answer(
                    QyapiRequest(method: "\(head.method)", uri: head.uri, headers: head.headers, body: body))
                if answer.isSilent { return }
                if answer.hangsUp { return context.close(promise: nil) }
                var headers = HTTPHeaders(answer.headers)
                headers.replaceOrAdd(name: "Content-Length", value: "\(answer.body.count + answer.missingBytes)")
                let status = HTTPResponseStatus(statusCode: answer.status)
                context.write(
                    wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
                guard answer.missingBytes == 0 else { return context.flush() }
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
