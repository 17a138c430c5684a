import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import ServiceLifecycle
public import Shared

/// Serves health, status and operations of the running program: on the TCP address of `gateway.admin` with a token, and on
/// the Unix socket `admin.sock` in the state folder, which belongs to the user who runs the program.
///
/// Must run while the state folder is held (`StateLock`): the socket of a program that died is removed.
public struct AdminListener: Service {
    /// Connections of one address at a time; more wait.
    static let maxConnections = 64

    private let control: any GatewayControl
    private let address: NetworkAddress?
    private let configuredToken: Secret?
    private let directory: String
    private let wallClock: any WallClock
    private let logger: Logger
    private let onListening: @Sendable (_ port: Int) -> Void
    private let isUp = Signal()

    /// Prepares the listener; nothing is bound before `run()`.
    ///
    /// - Parameter onListening: hears the bound TCP port, which matters where the configured one is 0.
    public init(
        _ control: any GatewayControl, configuration: GatewayConfiguration.Gateway,
        wallClock: any WallClock = SystemWallClock(), logger: Logger,
        onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
    ) {
        self.control = control
        address = configuration.admin
        configuredToken = configuration.adminToken
        directory = configuration.stateFolder
        self.wallClock = wallClock
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until cancelled or told to shut down gracefully.
    ///
    /// - Throws: `GatewayError.invalidConfiguration` when an address cannot be bound or the token cannot be kept.
    public func run() async throws {
        let routes = AdminRoutes(control: control, wallClock: wallClock, logger: logger)
        let socket = AdminSocket.path(in: directory)
        guard AdminSocket.fits(socket) else {
            throw GatewayError(
                .invalidConfiguration, "\(socket): too long for a socket; name a shorter gateway.stateDir")
        }
        // Only its lock's holder serves a state folder, so whoever made this one is gone.
        unlink(socket)
        defer { unlink(socket) }
        let bound = Locked(address == nil ? 1 : 2)
        let token = try address.map { _ in try configuredToken ?? AdminToken.load(directory: directory) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await serve(routes.router(token: nil), at: .unixDomainSocket(path: socket), named: socket) { _ in
                    chmod(socket, 0o600)
                    count(bound)
                }
            }
            if let address {
                group.addTask {
                    try await serve(
                        routes.router(token: token), at: .hostname(address.host, port: address.port),
                        named: "\(address)"
                    ) { channel in
                        onListening(channel.localAddress?.port ?? address.port)
                        count(bound)
                    }
                }
            }
            // Not `waitForAll`, which would wait for the other address when one fails.
            while try await group.next() != nil {}
        }
    }

    private func count(_ missing: Locked<Int>) {
        let isLast = missing.withLock { missing in
            missing -= 1
            return missing == 0
        }
        if isLast { isUp.open() }
    }

    /// A service that begins once every address is bound, and never when one cannot be: whoever fails to start must not
    /// have taken a bot away from another program by then.
    public func before(_ service: any Service) -> any Service { Afterwards(isUp: isUp, service: service) }

    private func serve(
        _ router: Router<BasicRequestContext>, at address: BindAddress, named name: String,
        onRunning: @escaping @Sendable (any NIOCore.Channel) -> Void
    ) async throws {
        // The server's own lines speak of itself alone, and what ends it is thrown.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .critical)
        let application = Application(
            router: router, server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: ApplicationConfiguration(
                address: address, serverName: "wecom-aibot",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.maxConnections, logger: quiet)),
            onServerRunning: { channel in
                onRunning(channel)
                logger.info("admin listener is up", metadata: .init([.address: name]))
            }, logger: quiet)
        do {
            try await application.run()
        } catch  where error is IOError || error is SocketAddressError {
            let words = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
            throw GatewayError(
                .invalidConfiguration,
                "gateway.admin \(name): cannot listen: \(words). Free it, name another address, or \"\" for none")
        }
    }
}

/// Says once, to any number of listeners, that something happened.
private final class Signal: Sendable {
    private let stream: AsyncStream<Void>
    private let end: AsyncStream<Void>.Continuation

    init() { (stream, end) = AsyncStream.makeStream() }

    func open() { end.finish() }

    /// Returns when it is open, or when the program stops.
    func wait() async { for await _ in stream.cancelOnGracefulShutdown() {} }
}

/// A service that waits for its turn.
private struct Afterwards: Service, CustomStringConvertible {
    let isUp: Signal
    let service: any Service

    var description: String { "\(service)" }

    func run() async throws {
        await isUp.wait()
        guard !Task.isShuttingDownGracefully, !Task.isCancelled else { return }
        try await service.run()
    }
}

/// The Unix socket of the state folder.
enum AdminSocket {
    static func path(in directory: String) -> String { directory + "/admin.sock" }

    /// Longest path in bytes that an address of this kind holds, its end included, is 108 (Linux) or 104 (macOS).
    static func fits(_ path: String) -> Bool { path.utf8.count < 104 }
}

extension GatewayConfiguration.Gateway {
    /// `stateDir` with `~` resolved.
    /// Absolute, since backends work in folders of their own.
    public var stateFolder: String { stateDirectory.absolutePath }
}

extension GatewayConfiguration {
    /// Where downloads lie. Absolute, for the same reason.
    var mediaFolder: String {
        let directory = wecom.media.directory
        return directory.isEmpty ? gateway.stateFolder + "/media" : directory.absolutePath
    }
}

extension AdminListener: CustomStringConvertible {
    /// A name alone: whoever logs a service logs nothing of its configuration.
    public var description: String { "admin listener" }
}
