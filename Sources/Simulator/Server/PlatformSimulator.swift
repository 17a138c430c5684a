import Foundation
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
public import ServiceLifecycle

/// Why a simulator could not do what it was asked to.
public enum SimulatorError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was waited for did not happen in time.
    case timedOut
    /// The listener is gone before it could be asked.
    case notListening
    /// The certificate of the authority could not be written.
    case certificateFile(path: String)

    /// A sentence.
    public var description: String {
        switch self {
        case .timedOut: "the awaited state did not come in time"
        case .notListening: "the simulator is not listening"
        case .certificateFile(let path): "cannot write the CA certificate to \(path)"
        }
    }
}

/// The simulated platform as a server: WebSocket endpoint, media server, control API and chat page on one port,
/// and on a second one with TLS when asked for.
///
/// It is inert until `run()`. Calls that mirror the control API work before that, too. `run()` returns after a
/// graceful shutdown or cancellation, with all sockets closed.
public final class PlatformSimulator: Service, Sendable {
    private struct Bound: Sendable {
        var port: Int
        var tlsPort: Int?
    }

    /// Clock of the platform.
    public let clock: SimulatorClock
    let engine: SimulatorEngine
    private let configuration: SimulatorConfiguration
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let bound = Gate<Bound>()
    private let sockets = OpenSockets()
    private let observer: Int

    /// A simulator. `clock` may be shared with tests, which advance it.
    public init(
        configuration: SimulatorConfiguration = SimulatorConfiguration(), clock: SimulatorClock = .real(),
        logger: Logger = Logger(label: "simulator")
    ) {
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
        group = .singleton
        var core = PlatformCore(
            options: configuration.options, bots: configuration.bots, users: configuration.users,
            groups: configuration.groups, departments: configuration.departments, tags: configuration.tags,
            seed: configuration.seed ?? UInt64.random(in: .min ... .max))
        core.setFaults(configuration.faults)
        engine = SimulatorEngine(
            core: core, clock: clock, eventLoop: group.next(), maxConnections: configuration.maxConnections)
        observer = clock.addObserver { [weak engine] in engine?.clockAdvanced() }
    }

    deinit { clock.removeObserver(observer) }

    /// Port of the HTTP listener, as soon as it listens.
    public var boundPort: Int { get async throws { try await bound.value.port } }

    /// Port of the TLS listener, as soon as it listens; nil when there is none.
    public var boundTLSPort: Int? { get async throws { try await bound.value.tlsPort } }

    // MARK: Life

    /// Listens until graceful shutdown or cancellation.
    /// - Throws: what binding, or making certificates, throws.
    public func run() async throws {
        var listeners: [any Channel] = []
        engine.poster.start(group: group)
        do {
            listeners = try await listen()
        } catch {
            bound.open(.failure(error))
            await engine.poster.stop()
            throw error
        }
        // Ending by cancellation is as good an end as a graceful shutdown.
        try? await gracefulShutdown()
        for listener in listeners { try? await listener.close() }
        engine.stop()
        await engine.poster.stop()
        await sockets.closeAll()
        logger.debug("simulator stopped")
    }

    private func listen() async throws -> [any Channel] {
        let plain = try await bind(configuration.listen, tls: nil, plainPort: nil)
        var listeners = [plain]
        var result = Bound(port: plain.localAddress?.port ?? configuration.listen.port)
        if let address = configuration.tlsListen {
            do {
                let authority = try CertificateAuthority(hosts: [address.host])
                try write(authority)
                let channel = try await bind(address, tls: try authority.serverContext(), plainPort: result.port)
                listeners.append(channel)
                result.tlsPort = channel.localAddress?.port ?? address.port
            } catch {
                try? await plain.close()
                throw error
            }
        }
        let host =
            configuration.listen.host.contains(":") ? "[\(configuration.listen.host)]" : configuration.listen.host
        let baseURL = configuration.baseURL ?? "http://\(host):\(result.port)"
        engine.input { core, now in
            core.baseURL = baseURL
            return core.tick(now: now)
        }
        bound.open(.success(result))
        logger.debug("simulator listening", metadata: ["port": "\(result.port)"])
        return listeners
    }

    /// `plainPort` is the port of the HTTP listener when this is another one.
    private func bind(
        _ address: SimulatorAddress, tls: NIOSSLContext?, plainPort: Int?
    ) async throws -> any Channel {
        let configuration = self.configuration
        let engine = self.engine
        let sockets = self.sockets
        let api = ControlAPI(engine: engine, pages: StaticPages())
        let guardian = HostGuard(boundHost: address.isLoopback ? address.host : nil)
        let highWater = max(configuration.maxPendingBytes, 64 << 10)
        return try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: highWater / 2, high: highWater))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    sockets.add(channel)
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    let upgrader = Self.upgrader(engine, guardian, configuration, plainPort: plainPort)
                    try pipeline.configureHTTPServerPipeline(
                        withServerUpgrade: (
                            upgraders: [upgrader],
                            completionHandler: { context in
                                context.pipeline.removeHandler(name: HTTPHandler.name, promise: nil)
                            }
                        ))
                    let handler = HTTPHandler(api: api, guardian: guardian, maxBodyBytes: configuration.maxBodyBytes)
                    try pipeline.addHandler(handler, name: HTTPHandler.name)
                }
            }
            .bind(host: address.host, port: address.port).get()
    }

    private static func upgrader(
        _ engine: SimulatorEngine, _ guardian: HostGuard, _ configuration: SimulatorConfiguration, plainPort: Int?
    ) -> NIOWebSocketServerUpgrader {
        NIOWebSocketServerUpgrader(
            maxFrameSize: configuration.maxMessageBytes,
            shouldUpgrade: { channel, head in
                channel.eventLoop.makeSucceededFuture(guardian.problem(head) == nil ? [:] : nil)
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    let aggregator = NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1_024,
                        maxAccumulatedFrameSize: configuration.maxMessageBytes)
                    let host = configuration.baseURL == nil ? head.headers.first(name: "host") : nil
                    let session = WebSocketSession(
                        engine: engine, baseURL: host.flatMap { HostGuard.baseURL(host: $0, port: plainPort) })
                    try channel.pipeline.syncOperations.addHandlers([aggregator, session])
                }
            })
    }

    private func write(_ authority: CertificateAuthority) throws {
        guard let path = configuration.caOut else { return }
        do { try authority.authorityPEM.write(toFile: path, atomically: true, encoding: .utf8) } catch {
            throw SimulatorError.certificateFile(path: path)
        }
    }
}
