import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import NIOHTTPTypes
import NIOPosix
public import ServiceLifecycle
public import Shared

/// Who answers the verified callbacks of one endpoint.
public struct CallbackReceiver: Sendable {
    /// What a callback is answered with.
    public struct Reply: Sendable {
        /// JSON or XML to be encrypted; nil: an empty body.
        public var message: String?
        /// Hears that the answer went out whole.
        public var onWritten: (@Sendable () -> Void)?

        /// Creates a reply.
        public init(message: String? = nil, onWritten: (@Sendable () -> Void)? = nil) {
            self.message = message
            self.onWritten = onWritten
        }
    }

    /// Where it is called.
    public var endpoint: CallbackEndpoint
    /// Answers a callback; nil: not taken, worth another delivery.
    public var answer: @Sendable (VerifiedCallback) async -> Reply?

    /// Creates a receiver.
    public init(endpoint: CallbackEndpoint, answer: @escaping @Sendable (VerifiedCallback) async -> Reply?) {
        self.endpoint = endpoint
        self.answer = answer
    }
}

/// The public listener: callback addresses and nothing else.
///
/// Whatever comes, an answer goes out at once, memory stays bounded, and no body tells anything about credentials.
public struct WebhookServer: Service {
    /// Bounds of the listener.
    public struct Limits: Sendable {
        /// Connections at a time. For one more the one ends that has waited longest for a whole request; where all are being
        /// answered, more wait to be accepted.
        public var connections = 2_048
        /// Time for the whole of a request to come, and for an answer to be taken.
        public var request: Duration = .seconds(10)
        /// Time a connection may rest between requests.
        public var idle: Duration = .seconds(60)

        /// Creates the defaults.
        public init() {}
    }

    private let address: NetworkAddress
    private let limits: Limits
    private let desk: CallbackDesk
    private let logger: Logger
    private let onListening: @Sendable (_ port: Int) -> Void

    /// Prepares the listener; nothing is bound before `run()`.
    ///
    /// - Parameter onListening: hears the bound port, which matters where the configured one is 0.
    public init(
        _ receivers: [CallbackReceiver], address: NetworkAddress, limits: Limits = Limits(),
        clock: any MonotonicClock, wallClock: any WallClock, logger: Logger,
        onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
    ) {
        self.address = address
        self.limits = limits
        self.logger = logger
        self.onListening = onListening
        desk = CallbackDesk(receivers, clock: clock, wallClock: wallClock, logger: logger)
    }

    /// Serves until cancelled or told to shut down gracefully.
    ///
    /// - Throws: `GatewayError.invalidConfiguration` when the address cannot be bound.
    public func run() async throws {
        // The server's own lines speak of itself alone.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .critical)
        let limits = limits
        let connections = DescriptorLimit.connections(limits.connections)
        let crowd = ConnectionCrowd(connections)
        let application = Application(
            responder: CallbackResponder(desk: desk),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionHandler(.init(limits.request), crowd)],
                    idleTimeout: .init(limits.idle),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 8_192, maxHeaderListSize: 16_384, maxHeaderFieldCount: 100))),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port), serverName: nil, backlog: 1_024,
                availableConnectionsDelegate: MaximumAvailableConnections(connections, logger: quiet)),
            onServerRunning: { [onListening, logger, address] channel in
                let port = channel.localAddress?.port ?? address.port
                onListening(port)
                logger.info("callback listener is up", metadata: .init([.address: "\(address.host):\(port)"]))
            }, logger: quiet)
        do {
            try await Self.run(application, quiet)
        } catch  where error is IOError || error is SocketAddressError {
            throw GatewayError(
                .invalidConfiguration,
                "gateway.listen \(address): cannot listen: \(error). Free it, or name another address")
        }
    }
}

extension WebhookServer {
    /// Runs the server, and has it stop in good order when the task is cancelled, too: a connection that has just been accepted
    /// when its loop is torn away stops the whole program (NIO).
    private static func run(_ application: some Service, _ logger: Logger) async throws {
        let group = ServiceGroup(services: [application], logger: logger)
        // Owned and awaited here: unstructured, since a child would be cancelled with its parent.
        let serving = Task { try await group.run() }
        try await withTaskCancellationHandler {
            try await serving.value
        } onCancel: {
            Task { await group.triggerGracefulShutdown() }
        }
    }
}

extension WebhookServer: CustomStringConvertible {
    /// A name alone.
    public var description: String { "callback listener" }
}

/// Turns requests into verdicts and answers.
private struct CallbackResponder: HTTPResponder {
    let desk: CallbackDesk

    func respond(to request: Request, context: CallbackContext) async throws -> Response {
        var callback = CallbackRequest(
            method: request.method.rawValue, path: request.uri.path, query: request.uri.query ?? "")
        callback.announcedBytes = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        if request.method == .post, callback.announcedBytes <= CallbackRequest.maxBodyBytes {
            // One byte more than allowed tells enough; the rest is not read.
            for try await chunk in request.body {
                callback.body.append(contentsOf: chunk.readableBytesView)
                if callback.body.count > CallbackRequest.maxBodyBytes { break }
            }
        }
        let answer = await desk.answer(callback)
        var headers = HTTPFields()
        headers[.contentType] = answer.contentType
        if answer.status == 405 { headers[.allow] = "GET, POST" }
        if answer.status == 503 { headers[.retryAfter] = "1" }
        headers[.contentLength] = String(answer.body.count)
        if let onWritten = answer.onWritten {
            try await context.channel.triggerUserOutboundEvent(WhenWritten(action: onWritten))
        }
        let response = Response(
            status: .init(code: answer.status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body)))
        return request.method == .head ? response.createHeadResponse() : response
    }
}

/// Gives the responder the connection.
private struct CallbackContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any NIOCore.Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
