public import Shared

/// One attempt to hold a WebSocket. Every event carries it, so that those of an older attempt can be told apart.
public struct ConnectionID: Hashable, Sendable, CustomStringConvertible {
    /// Counts up over the life of the process.
    public let number: UInt64

    /// Creates an id.
    public init(_ number: UInt64) { self.number = number }

    /// `c`, the session (upper half of the number) and its connection (lower half).
    public var description: String { "c\(number >> 32).\(number & 0xFFFF_FFFF)" }
}

/// Where to connect, and how.
public struct ConnectionTarget: Hashable, Sendable {
    /// `wss` or, for loopback hosts, `ws`.
    public var secure: Bool
    /// Name or address; with TLS the certificate must be for it.
    public var host: String
    /// TCP port.
    public var port: Int
    /// Path with query, starting with `/`.
    public var path: String
    /// PEM file with the authorities to trust instead of the system's.
    public var caFile: String?
    /// HTTP CONNECT proxy; nil connects directly, whatever the environment says.
    public var proxy: Proxy?
    /// Time for name resolution, TCP, proxy, TLS and upgrade together.
    public var connectTimeout: Duration
    /// Longest inbound message in bytes; a longer one closes the connection.
    public var maxInboundBytes: Int
    /// Bytes that may wait for the socket; a send beyond them is refused as `.overflow`.
    public var maxQueuedBytes: Int

    /// An HTTP proxy that is asked to CONNECT.
    public struct Proxy: Hashable, Sendable {
        /// Name or address.
        public var host: String
        /// TCP port.
        public var port: Int
        /// `user:password` for basic authorization.
        public var credentials: String?

        /// Creates a proxy.
        public init(host: String, port: Int, credentials: String? = nil) {
            self.host = host
            self.port = port
            self.credentials = credentials
        }
    }

    /// Creates a target with the limits of the protocol reference (1 MiB inbound, 15 s to connect).
    public init(
        secure: Bool, host: String, port: Int, path: String = "/", caFile: String? = nil, proxy: Proxy? = nil,
        connectTimeout: Duration = .seconds(15), maxInboundBytes: Int = 1 << 20, maxQueuedBytes: Int = 8 << 20
    ) {
        self.secure = secure
        self.host = host
        self.port = port
        self.path = path
        self.caFile = caFile
        self.proxy = proxy
        self.connectTimeout = connectTimeout
        self.maxInboundBytes = maxInboundBytes
        self.maxQueuedBytes = maxQueuedBytes
    }
}

/// Why a connection is gone.
public enum CloseReason: Hashable, Sendable {
    /// Never opened: resolution, TCP, proxy, TLS or upgrade failed. The words are for the log.
    case connectFailed(String)
    /// Not open within `connectTimeout`.
    case connectTimedOut
    /// Peer closed, with its code when it sent one (nil: TCP end or reset).
    case byPeer(code: UInt16?)
    /// We asked for it.
    case byUs
    /// An inbound message was longer than `maxInboundBytes`.
    case messageTooLarge
    /// The peer broke the WebSocket protocol.
    case protocolError(String)
}

/// Receives what happens on connections. All calls come on the transport's executor, in order.
public protocol ConnectionObserver: AnyObject, Sendable {
    /// The WebSocket is open; frames may be sent.
    func transportOpened(_ id: ConnectionID)
    /// One whole message arrived. The bytes are valid during the call only.
    func transportReceived(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer)
    /// The connection is gone; nothing more comes for this id. Called exactly once for each `connect`.
    func transportClosed(_ id: ConnectionID, _ reason: CloseReason)
    /// An alarm set by `setAlarm` is due.
    func alarmFired()
}

/// Bytes of one text message.
public struct FrameBuffer: Sendable {
    /// Payload.
    public var storage: [UInt8] = []
    /// Frames that are handed over later may be written first: for large pieces whose order does not matter.
    public var mayBeOvertaken = false

    /// Creates an empty frame with space for `capacity` bytes.
    public init(capacity: Int) { storage.reserveCapacity(capacity) }

    /// Payload length in bytes.
    public var count: Int { storage.count }
    /// Payload.
    public var payload: ArraySlice<UInt8> { storage[...] }
}

/// What became of a message handed to the transport.
public enum TransportSendResult: Hashable, Sendable {
    /// Taken; it is written unless the connection dies first.
    case queued
    /// `maxQueuedBytes` would be exceeded; nothing was taken.
    case overflow
    /// There is no such open connection.
    case notOpen
}

/// Holds WebSocket connections on one serial executor.
///
/// All methods but `now` and the executor's own are called on that executor only. A session runs as an actor on it,
/// so a frame goes from socket to state machine without changing threads.
public protocol WebSocketTransport: SerialExecutor {
    /// Time line of alarms and connect time-outs.
    var now: MonotonicInstant { get }
    /// Starts a connection. `observer` hears `transportOpened` or `transportClosed`, never from inside this call.
    /// The observer is held strongly until `transportClosed`.
    func connect(_ target: ConnectionTarget, id: ConnectionID, observer: any ConnectionObserver)
    /// Queues one text message.
    func send(_ frame: consuming FrameBuffer, on id: ConnectionID) -> TransportSendResult
    /// Closes with a close frame, waiting a few seconds for the peer; `transportClosed(.byUs)` follows.
    func close(_ id: ConnectionID, code: UInt16)
    /// Ends the connection at once, without a close frame; `transportClosed(.byUs)` follows, not from inside this call.
    func abort(_ id: ConnectionID)
    /// Sets, moves or (nil) removes the single alarm of this observer. Held weakly.
    func setAlarm(_ deadline: MonotonicInstant?, for observer: any ConnectionObserver)
}
