import NIOCore
import NIOHTTP1

/// Serves plain HTTP on a connection that was not upgraded: collects a request, asks the API, sends the answer.
final class HTTPHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    static let name = "simulator.http"

    private enum State {
        case idle
        case collecting(HTTPRequestHead, ByteBuffer)
        /// Refused; the rest of the body is thrown away.
        case refusing
        case streaming
    }

    private let api: ControlAPI
    private let guardian: HostGuard
    private let maxBodyBytes: Int
    private var state = State.idle
    private var subscriber: EventSubscriber?

    init(api: ControlAPI, guardian: HostGuard, maxBodyBytes: Int) {
        self.api = api
        self.guardian = guardian
        self.maxBodyBytes = maxBodyBytes
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard case .idle = state else { return }
            if let problem = guardian.problem(head) {
                refuse(context, head, .forbidden, problem)
            } else if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }),
                length > limit(head)
            {
                refuse(context, head, .payloadTooLarge, "body larger than \(limit(head)) bytes")
            } else {
                state = .collecting(head, ByteBuffer())
            }
        case .body(var part):
            guard case .collecting(let head, var body) = state else { return }
            state = .idle
            guard body.readableBytes + part.readableBytes <= limit(head) else {
                refuse(context, head, .payloadTooLarge, "body larger than \(limit(head)) bytes")
                return
            }
            body.writeBuffer(&part)
            state = .collecting(head, body)
        case .end:
            guard case .collecting(let head, let body) = state else { return }
            state = .idle
            let address = context.remoteAddress?.ipAddress ?? "127.0.0.1"
            let reply = api.handle(HTTPRequest(head: head, body: body, address: address))
            guard reply.delay > 0 else {
                answer(context, head, reply)
                return
            }
            let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .milliseconds(Int64(reply.delay))) {
                let (handler, context) = loopBound.value
                if context.channel.isActive { handler.answer(context, head, reply) }
            }
        }
    }

    /// Most bytes of a body: calls of the server API are small, uploads have their own limit.
    private func limit(_ head: HTTPRequestHead) -> Int {
        if head.uri.hasPrefix("/cgi-bin/media/upload") { return min(maxBodyBytes, 24 << 20) }
        return head.uri.hasPrefix("/cgi-bin/") ? min(maxBodyBytes, 1 << 20) : maxBodyBytes
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let subscriber { api.engine.unsubscribe(ObjectIdentifier(subscriber)) }
        subscriber = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func refuse(
        _ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ status: HTTPResponseStatus, _ reason: String
    ) {
        state = .refusing
        var head = head
        head.headers.replaceOrAdd(name: "connection", value: "close")
        answer(context, head, .error(status, reason))
    }

    private func answer(_ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ reply: HTTPReply) {
        switch reply.fate {
        case .answer: break
        case .drop:
            context.close(promise: nil)
            return
        case .hang:
            state = .streaming
            return
        }
        let keepsAlive = head.isKeepAlive
        var response = HTTPResponseHead(version: .http1_1, status: reply.status, headers: reply.headers)
        response.headers.replaceOrAdd(name: "X-Content-Type-Options", value: "nosniff")
        switch reply.body {
        case .bytes(let bytes):
            response.headers.replaceOrAdd(name: "Content-Length", value: String(bytes.count))
            if !keepsAlive { response.headers.replaceOrAdd(name: "Connection", value: "close") }
            context.write(wrapOutboundOut(.head(response)), promise: nil)
            if head.method != .HEAD {
                let buffer = context.channel.allocator.buffer(bytes: bytes)
                context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
            }
            finish(context, keepsAlive: keepsAlive)
        case .encrypted(let link):
            let body = EncryptedBody(link)
            response.headers.replaceOrAdd(name: "Content-Length", value: String(body.totalBytes))
            context.write(wrapOutboundOut(.head(response)), promise: nil)
            if head.method == .HEAD {
                finish(context, keepsAlive: keepsAlive)
            } else {
                stream(context, body, keepsAlive: keepsAlive)
            }
        case .events(let since):
            state = .streaming
            context.writeAndFlush(wrapOutboundOut(.head(response)), promise: nil)
            let subscriber = EventSubscriber(channel: context.channel)
            self.subscriber = subscriber
            api.engine.subscribe(subscriber, since: since)
        }
    }

    /// Sends the next piece when the one before it has left, so memory holds one piece.
    private func stream(_ context: ChannelHandlerContext, _ body: EncryptedBody, keepsAlive: Bool) {
        var body = body
        guard let piece = body.next() else {
            finish(context, keepsAlive: keepsAlive)
            return
        }
        let rest = body
        let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let buffer = context.channel.allocator.buffer(bytes: piece)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer)))).whenSuccess {
            let (handler, context) = loopBound.value
            handler.stream(context, rest, keepsAlive: keepsAlive)
        }
    }

    private func finish(_ context: ChannelHandlerContext, keepsAlive: Bool) {
        if keepsAlive {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        } else {
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
        }
    }
}

/// Keeps web pages of other sites away from a simulator on the loopback interface: the `Host` must name this
/// machine (against DNS rebinding), and an `Origin`, where there is one, must be our own.
struct HostGuard: Sendable {
    /// Host that we listen on when that is a loopback one; nil checks nothing.
    let boundHost: String?

    func problem(_ head: HTTPRequestHead) -> String? {
        guard let boundHost else { return nil }
        guard let host = head.headers.first(name: "host") else { return "Host header missing" }
        let name = Self.name(of: host)
        guard ["127.0.0.1", "localhost", "::1", boundHost].contains(name) else {
            return "Host must be this machine: 127.0.0.1 or localhost"
        }
        if let origin = head.headers.first(name: "origin"), origin != "null" {
            let authority = origin.split(separator: "/").last.map(String.init) ?? ""
            guard authority == host else { return "Origin must be the simulator's own page" }
        } else if head.headers.first(name: "origin") == "null", head.method != .GET {
            return "Origin must be the simulator's own page"
        }
        return nil
    }

    /// Start of urls for a client that sent this `Host`; `port` replaces its port. Nil for odd hosts.
    static func baseURL(host: String, port: Int?) -> String? {
        let isPlain = host.utf8.allSatisfy { byte in
            UInt8(ascii: "0")...UInt8(ascii: ":") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
                || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte || "-._[]".utf8.contains(byte)
        }
        guard isPlain, !host.isEmpty else { return nil }
        guard let port else { return "http://\(host)" }
        let name = name(of: host)
        return name.contains(":") ? "http://[\(name)]:\(port)" : "http://\(name):\(port)"
    }

    private static func name(of host: String) -> String {
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
            return String(host[host.index(after: host.startIndex)..<end])
        }
        return host.split(separator: ":").first.map { $0.lowercased() } ?? ""
    }
}
