import Foundation
import NIOCore
import NIOPosix

/// A proxy on this machine: CONNECT makes tunnels, and plain requests in absolute form are passed on. What it passes on comes
/// from another address than what the program sends by itself, and what is not encrypted is looked at.
final class TestProxy: Sendable {
    /// Address that the platform sees for what came through the proxy.
    static let exit = "127.0.0.2"

    /// What was asked of it.
    struct Seen: Sendable {
        /// `host:port` of tunnels.
        var tunnels: [String] = []
        /// Method and path of requests that came through, as far as they could be read.
        var requests: [String] = []
        /// Requests without the right credentials.
        var refused = 0
    }

    typealias Peer = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    let port: Int
    private let listener: NIOAsyncChannel<Peer, Never>
    private let credentials: String?
    private let seenByAll: SeenBox

    private final class SeenBox: @unchecked Sendable {
        // Touched under `lock` alone.
        private let lock = NSLock()
        private var seen = Seen()

        func change(_ change: (inout Seen) -> Void) { lock.withLock { change(&seen) } }
        var value: Seen { lock.withLock { seen } }
    }

    /// - Parameter credentials: `user:password` that it wants; nil for none.
    private init(credentials: String?) async throws {
        self.credentials = credentials
        seenByAll = SeenBox()
        listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture { try Peer(wrappingChannelSynchronously: channel) }
            }
        port = listener.channel.localAddress?.port ?? 0
    }

    /// Runs a proxy for as long as `body` takes.
    static func run(
        credentials: String? = nil, _ body: @escaping @Sendable (TestProxy) async throws -> Void
    ) async throws {
        let proxy = try await TestProxy(credentials: credentials)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await proxy.serve() }
            try await body(proxy)
            group.cancelAll()
        }
    }

    var seen: Seen { seenByAll.value }

    /// Address for a configuration, with user and password (percent-encoded) where they are given.
    func url(_ credentials: String? = nil) -> String {
        "http://" + (credentials.map { $0 + "@" } ?? "") + "127.0.0.1:\(port)"
    }

    // MARK: Work

    private func serve() async throws {
        try await listener.executeThenClose { peers in
            try await withThrowingDiscardingTaskGroup { group in
                // A peer that breaks off is none of the others' business.
                for try await peer in peers { group.addTask { try? await self.serve(peer) } }
            }
        }
    }

    private func serve(_ peer: Peer) async throws {
        try await peer.executeThenClose { inbound, outbound in
            var reader = Reader(inbound)
            while let head = try await reader.head() {
                let length = head.value(of: "content-length").flatMap { Int($0) } ?? 0
                guard isWelcome(head) else {
                    seenByAll.change { $0.refused += 1 }
                    _ = try await reader.take(length)
                    let answer = "HTTP/1.1 407 Proxy Authentication Required\r\n"
                    try await outbound.write(
                        ByteBuffer(
                            string: answer + "Proxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n\r\n"))
                    continue
                }
                guard head.method != "CONNECT" else {
                    seenByAll.change { $0.tunnels.append(head.target) }
                    return try await tunnel(to: head.target, peer, &reader, outbound)
                }
                return try await pass(on: head, body: reader.take(length), outbound)
            }
        }
    }

    private func isWelcome(_ head: Head) -> Bool {
        guard let credentials else { return true }
        let given = head.value(of: "proxy-authorization")?.split(separator: " ").map(String.init) ?? []
        return given.first?.lowercased() == "basic" && given.last == Data(credentials.utf8).base64EncodedString()
    }

    private func connect(_ host: String, _ port: Int) async throws -> Peer {
        try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(to: SocketAddress(ipAddress: Self.exit, port: 0))
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try Peer(wrappingChannelSynchronously: channel) }
            }
    }

    private func tunnel(
        to target: String, _ peer: Peer, _ reader: inout Reader, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) async throws {
        let parts = target.split(separator: ":")
        let platform = try await connect(String(parts[0]), Int(parts[1]) ?? 0)
        try await platform.executeThenClose { answers, requests in
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 200 Connection established\r\n\r\n"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // Its end ends the other direction, too.
                    defer { peer.channel.close(promise: nil) }
                    for try await bytes in answers { try await outbound.write(bytes) }
                }
                while let bytes = try await reader.some() {
                    look(at: bytes)
                    try await requests.write(bytes)
                }
                group.cancelAll()
            }
        }
    }

    /// Requests begin with a chunk of their own.
    private func look(at bytes: ByteBuffer) {
        let start = String(decoding: bytes.readableBytesView.prefix(512), as: UTF8.self)
        let words = start.prefix { !$0.isNewline }.split(separator: " ")
        guard words.count == 3, words[2].hasPrefix("HTTP/1") else { return }
        seenByAll.change { $0.requests.append("\(words[0]) \(words[1])") }
    }

    private func pass(
        on head: Head, body: ByteBuffer, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) async throws {
        guard let url = URL(string: head.target), let host = url.host,
            let slash = head.target.dropFirst(7).firstIndex(of: "/")
        else { return }
        let path = String(head.target[slash...])
        seenByAll.change { $0.requests.append("\(head.method) \(path)") }
        let platform = try await connect(host, url.port ?? 80)
        try await platform.executeThenClose { answers, requests in
            var request = ByteBuffer(string: head.passedOn(path))
            request.writeImmutableBuffer(body)
            try await requests.write(request)
            var reader = Reader(answers)
            guard let answer = try await reader.head() else { return }
            try await outbound.write(ByteBuffer(string: answer.closing))
            while let bytes = try await reader.some() { try await outbound.write(bytes) }
        }
    }

    // MARK: Reading

    /// First line and headers of a request or an answer.
    private struct Head {
        let lines: [Substring]

        var method: Substring { lines[0].prefix { $0 != " " } }
        var target: String { lines[0].split(separator: " ").dropFirst().first.map(String.init) ?? "" }

        func value(of name: String) -> String? {
            lines.dropFirst().first { $0.lowercased().hasPrefix(name + ":") }
                .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
        }

        private func without(_ names: [String]) -> [Substring] {
            lines.dropFirst().filter { line in !names.contains { line.lowercased().hasPrefix($0 + ":") } }
        }

        /// The request for the one that is meant, who closes after it.
        func passedOn(_ path: String) -> String {
            let headers = without(["proxy-authorization", "connection"]) + ["Connection: close"]
            return "\(method) \(path) HTTP/1.1\r\n" + headers.joined(separator: "\r\n") + "\r\n\r\n"
        }

        /// The answer, after which the connection is closed.
        var closing: String {
            ([lines[0]] + without(["connection"]) + ["Connection: close"]).joined(separator: "\r\n") + "\r\n\r\n"
        }
    }

    private struct Reader {
        private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        private var buffer = ByteBuffer()

        init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) { self.inbound = inbound.makeAsyncIterator() }

        /// The next head; nil at the end.
        mutating func head() async throws -> Head? {
            while true {
                if let end = buffer.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8)) {
                    let count = end.lowerBound - buffer.readerIndex
                    let text = buffer.readString(length: count) ?? ""
                    buffer.moveReaderIndex(forwardBy: 4)
                    return Head(lines: text.split(separator: "\r\n"))
                }
                guard let more = try await inbound.next() else { return nil }
                buffer.writeImmutableBuffer(more)
            }
        }

        /// So many bytes, fewer at the end.
        mutating func take(_ count: Int) async throws -> ByteBuffer {
            while buffer.readableBytes < count, let more = try await inbound.next() {
                buffer.writeImmutableBuffer(more)
            }
            return buffer.readSlice(length: min(count, buffer.readableBytes)) ?? ByteBuffer()
        }

        /// Whatever comes next; nil at the end.
        mutating func some() async throws -> ByteBuffer? {
            if buffer.readableBytes > 0 { return buffer.readSlice(length: buffer.readableBytes) }
            return try await inbound.next()
        }
    }
}
