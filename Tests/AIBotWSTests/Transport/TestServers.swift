import Crypto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import SwiftASN1
import X509

/// An authority of its own and certificates from it.
struct TestAuthority {
    private let key = P256.Signing.PrivateKey()
    private let name: DistinguishedName
    private let certificate: Certificate

    init() throws {
        name = try DistinguishedName { CommonName("Test Authority") }
        let issuerKey = Certificate.PrivateKey(key)
        certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: issuerKey.publicKey,
            notValidBefore: .now - 3600, notValidAfter: .now + 86_400, issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            },
            issuerPrivateKey: issuerKey)
    }

    /// Folder of all authorities' files, which goes when the tests are over.
    private static let folder: URL = {
        let folder = FileManager.default.temporaryDirectory.appending(path: "aibot-ca-\(UUID().uuidString)")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(at: TestAuthority.folder) }
        return folder
    }()

    /// Writes the authority's certificate to a new file and returns its path.
    func write() throws -> String {
        let path = Self.folder.appending(path: "\(UUID().uuidString).pem").path
        try certificate.serializeAsPEM().pemString.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Settings of a server whose certificate is for these names.
    func server(_ names: [GeneralName], expired: Bool = false) throws -> NIOSSLContext {
        let leafKey = P256.Signing.PrivateKey()
        let leaf = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: Certificate.PrivateKey(leafKey).publicKey,
            notValidBefore: .now - 7200, notValidAfter: .now + (expired ? -3600 : 86_400), issuer: name,
            subject: try DistinguishedName { CommonName("server") }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                BasicConstraints.notCertificateAuthority
                SubjectAlternativeNames(names)
            },
            issuerPrivateKey: Certificate.PrivateKey(key))
        let chain = try NIOSSLCertificate(bytes: Array(leaf.serializeAsPEM().pemString.utf8), format: .pem)
        let privateKey = try NIOSSLPrivateKey(bytes: Array(leafKey.pemRepresentation.utf8), format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(chain)], privateKey: .privateKey(privateKey)))
    }
}

/// A listener that accepts and says nothing.
struct SilentServer {
    let channel: any NIOCore.Channel
    var port: Int { channel.localAddress?.port ?? 0 }

    init() async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
    }
}

/// A port on which nobody listens.
func closedPort() async throws -> Int {
    let server = try await SilentServer()
    try await server.channel.close()
    return server.port
}

/// An HTTP proxy that knows CONNECT and counts what it was asked.
final class TestProxy: Sendable {
    let channel: any NIOCore.Channel
    private let requests: NIOLockedLines
    var port: Int { channel.localAddress?.port ?? 0 }
    /// First lines of all requests.
    var lines: [String] { requests.all }

    /// With `credentials`, other requests get 407.
    init(credentials: String? = nil) async throws {
        let requests = NIOLockedLines()
        self.requests = requests
        let expected = credentials.map { "basic " + Data($0.utf8).base64EncodedString() }
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ConnectHandler(expected, requests))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }
}

/// Lines written by event loops and read by tests.
final class NIOLockedLines: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var lines: [String] = []
    var all: [String] { lock.withLock { lines } }
    func add(_ line: String) { lock.withLock { lines.append(line) } }
}

/// Reads the request, answers it, then copies bytes both ways.
private final class ConnectHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let expected: String?
    private let requests: NIOLockedLines
    private var head = ""
    private var peer: (any NIOCore.Channel)?

    init(_ expected: String?, _ requests: NIOLockedLines) {
        self.expected = expected
        self.requests = requests
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        if let peer {
            peer.writeAndFlush(buffer, promise: nil)
            return
        }
        head += String(buffer: buffer)
        guard head.hasSuffix("\r\n\r\n") else { return }
        let lines = head.components(separatedBy: "\r\n")
        requests.add(lines[0])
        let authorization = lines.first { $0.lowercased().hasPrefix("proxy-authorization: ") }?.dropFirst(21)
        let given = authorization.map { "basic " + $0.drop { $0 != " " }.dropFirst() }
        guard expected == nil || given == expected else {
            answer("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", context)
            context.close(promise: nil)
            return
        }
        let words = lines[0].split(separator: " ")
        let authority = words[1].split(separator: ":")
        let client = context.channel
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        let this = NIOLoopBound(self, eventLoop: context.value.eventLoop)
        // Names of the tests' targets all mean this machine.
        ClientBootstrap(group: client.eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(CopyHandler(client))
                }
            }
            .connect(host: "127.0.0.1", port: Int(authority[1]) ?? 0)
            .whenSuccess { channel in
                this.value.peer = channel
                this.value.answer("HTTP/1.1 200 OK\r\n\r\n", context.value)
            }
    }

    func channelInactive(context: ChannelHandlerContext) { peer?.close(promise: nil) }

    private func answer(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
}

private final class CopyHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let other: any NIOCore.Channel
    init(_ other: any NIOCore.Channel) { self.other = other }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
}
