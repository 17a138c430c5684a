import NIOCore
import NIOPosix
import NIOSSL

/// One HTTPS request with full certificate and host name checks.
enum TLSProbe {
    /// - Returns: the beginning of the answer.
    static func get(host: String, port: Int, path: String, caPEM: String?) async throws -> String {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let caPEM {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(caPEM.utf8)))
        }
        let context = try NIOSSLContext(configuration: configuration)
        let name = host.first?.isNumber == true ? nil : host
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let request = RawHTTP.request("GET", path, host: "\(host):\(port)", headers: "", body: [])
            try await outbound.write(ByteBuffer(bytes: request))
            for try await piece in inbound { return String(buffer: piece) }
            throw ChannelError.eof
        }
    }
}
