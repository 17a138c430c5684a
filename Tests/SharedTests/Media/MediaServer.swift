import AsyncHTTPClient
import COpenSSL
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import Shared

/// What the media server answers to one request.
struct MediaAnswer: Sendable {
    /// Status line; empty for no answer at all.
    var status = "200 OK"
    var headers: [String] = []
    var body: [UInt8] = []
    /// Body length that is announced; nil for the true one, negative for none.
    var length: Int?
    /// Whether the connection stays open without a word after what was sent.
    var hangs = false

    static func ok(_ body: [UInt8], headers: [String] = []) -> MediaAnswer { MediaAnswer(headers: headers, body: body) }
    static func status(_ line: String, _ body: String = "") -> MediaAnswer {
        MediaAnswer(status: line, body: Array(body.utf8))
    }
}

/// A local storage: answers requests in order from a list, the last answer for all that follow.
struct MediaServer: Sendable {
    let port: Int
    let client: HTTPClient
    private let state: Locked<State>

    struct State: Sendable {
        var answers: [MediaAnswer]
        var paths: [String] = []
    }

    /// Paths that were asked for, in order.
    var paths: [String] { state.withLock { $0.paths } }
    /// Address of a file on it.
    func url(_ path: String = "/file") -> String { "http://127.0.0.1:\(port)\(path)" }

    static func with(_ answers: [MediaAnswer], _ body: (MediaServer) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let state = Locked(State(answers: answers))
        let listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let sync = channel.pipeline.syncOperations
                    try sync.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
                    try sync.addHandler(Answerer(state: state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        let server = MediaServer(port: listener.localAddress?.port ?? 0, client: client, state: state)
        do {
            try await body(server)
        } catch {
            try await client.shutdown()
            try await listener.close()
            throw error
        }
        try await client.shutdown()
        try await listener.close()
    }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        private let state: Locked<State>

        init(state: Locked<State>) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .head(let head) = unwrapInboundIn(data) else { return }
            let answer = state.withLock { state -> MediaAnswer? in
                state.paths.append(head.uri)
                return state.answers.count > 1 ? state.answers.removeFirst() : state.answers.first
            }
            guard let answer else { return context.close(promise: nil) }
            // Silent from the start.
            if answer.status.isEmpty { return }
            let length = answer.length ?? answer.body.count
            let lines =
                ["HTTP/1.1 \(answer.status)", "Connection: close"] + answer.headers
                + (length < 0 ? [] : ["Content-Length: \(length)"])
            var buffer = ByteBuffer(string: lines.joined(separator: "\r\n") + "\r\n\r\n")
            buffer.writeBytes(answer.body)
            let channel = context.channel
            let written = context.writeAndFlush(NIOAny(buffer))
            if !answer.hangs { written.whenComplete { _ in channel.close(promise: nil) } }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// A folder of its own for one test, removed with it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        let base = NSTemporaryDirectory() + "media-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
        guard let real = realpath(base, nil) else { throw CocoaError(.fileNoSuchFile) }
        path = String(cString: real)
        free(real)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = path + "/" + name
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    func folder(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
        return path + "/" + name
    }

    /// Size of all files right in it.
    func bytes() -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.reduce(0) { sum, name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: path + "/" + name)
            return sum + (attributes?[.size] as? Int ?? 0)
        }
    }

    /// Names in a folder, hidden ones too.
    func names(_ folder: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/" + folder).sorted()
    }
}

/// Files as the platform's storage has them, made by the library's own encryption.
enum Sealed {
    static let key = Array(UInt8(1)...32)
    static let keyText = Data(key).base64EncodedString()
    /// Base64 of another key.
    static let otherKeyText = Data(Array(UInt8(101)...132)).base64EncodedString()

    /// Encrypts with padding to multiples of 32; `padding` replaces the right one.
    static func seal(_ plain: [UInt8], padding: [UInt8]? = nil) throws -> [UInt8] {
        let count = 32 - plain.count % 32
        let input = plain + (padding ?? [UInt8](repeating: UInt8(count), count: count))
        let context = try #require(EVP_CIPHER_CTX_new())
        defer { EVP_CIPHER_CTX_free(context) }
        try #require(EVP_EncryptInit_ex(context, EVP_aes_256_cbc(), nil, key, Array(key.prefix(16))) == 1)
        EVP_CIPHER_CTX_set_padding(context, 0)
        var output = [UInt8](repeating: 0, count: input.count + 16)
        var written: Int32 = 0
        try #require(EVP_EncryptUpdate(context, &output, &written, input, Int32(input.count)) == 1)
        return Array(output.prefix(Int(written)))
    }
}

/// Starts of files.
enum Sample {
    static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]
    static let mp4: [UInt8] = [0, 0, 0, 24] + Array("ftypisom".utf8) + [0, 0, 2, 0]
    static let amr: [UInt8] = Array("#!AMR\n".utf8) + [0x3C, 0x48, 0xF5]
    static let mp3: [UInt8] = Array("ID3".utf8) + [4, 0, 0, 0, 0, 0, 0]

    /// `start` followed by seeded bytes up to `count`.
    static func file(_ start: [UInt8], count: Int, seed: UInt64 = 1) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        var bytes = start
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
        return Array(bytes.prefix(count))
    }

    /// Local headers of an archive with empty entries.
    static func zip(_ names: [String]) -> [UInt8] {
        names.flatMap { name in
            [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + [UInt8(name.utf8.count), 0, 0, 0] + Array(name.utf8)
        }
    }
}
