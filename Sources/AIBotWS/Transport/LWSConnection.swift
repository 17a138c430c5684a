import CLibWebSockets
import DequeModule
import Shared

#if canImport(Glibc)
    import Glibc
#endif

/// Frames that wait for the socket: those that may be overtaken last, each kind oldest first.
struct SendQueue {
    private var frames: Deque<[UInt8]> = []
    private var pieces: Deque<[UInt8]> = []
    private var most = 0
    /// Payload bytes waiting.
    private(set) var bytes = 0

    /// Nothing waits.
    var isEmpty: Bool { frames.isEmpty && pieces.isEmpty }

    /// Adds a frame.
    mutating func append(_ frame: consuming FrameBuffer) {
        bytes += frame.count
        if frame.mayBeOvertaken { pieces.append(frame.storage) } else { frames.append(frame.storage) }
        most = max(most, frames.count)
    }

    /// Takes the next frame.
    mutating func popFirst() -> [UInt8]? {
        guard let storage = frames.popFirst() ?? pieces.popFirst() else { return nil }
        bytes -= storage.count
        if frames.isEmpty, most > 256 {
            // A burst must not leave its table behind.
            frames = []
            most = 0
        }
        return storage
    }

    /// Drops what may be overtaken.
    mutating func dropPieces() {
        bytes -= pieces.reduce(0) { $0 + $1.count }
        pieces = []
    }
}

/// One attempt to hold a WebSocket. Confined to the service thread.
final class LWSConnection {
    /// Where it is. `dead` says what was or will be reported; its socket may live on a little.
    enum Phase: Equatable {
        case waitingForTurn
        case resolving
        case connecting
        case open
        case closing(code: UInt16)
        case dead
    }

    /// Owner; the cycle ends when the loop forgets the connection.
    let loop: LWSLoop
    let id: ConnectionID
    let target: ConnectionTarget
    /// Nil once `transportClosed` was called.
    var observer: (any ConnectionObserver)?
    var phase = Phase.waitingForTurn
    /// Socket of the current attempt.
    var wsi: OpaquePointer?
    /// True inside `lws_client_connect_via_info`, whose callbacks come before it returns the socket.
    var isAttempting = false
    /// False once the current attempt is known to have failed.
    var isAttemptLive = false
    /// References that lws holds as user pointers: one per socket, retained before connecting and released in
    /// `LWS_CALLBACK_WSI_DESTROY` (or when connecting returned no socket).
    var userReferences = 0
    var addresses: [String] = []
    var nextAddress = 0
    var deadline = MonotonicInstant()
    var timer: AlarmTable<LWSConnection>.Timer?
    var holdsPlace = false
    /// What the certificate check or the upgrade said; ends the attempt for every address.
    var refusal: String?
    var outgoing = SendQueue()
    var writer = FrameWriter()
    private(set) var isReadingPaused = false
    /// Input has its turn before anything more is written.
    var readsFirst = false
    var writeRequested = false
    var closeSent = false
    var peerClosed = false
    var peerCode: UInt16?
    var inbound: [UInt8] = []

    /// Whose addresses are tried: the proxy's, if there is one.
    var peerHost: String { target.proxy?.host ?? target.host }

    init(loop: LWSLoop, id: ConnectionID, target: ConnectionTarget, observer: any ConnectionObserver) {
        self.loop = loop
        self.id = id
        self.target = target
        self.observer = observer
    }

    /// Asks for a writeable callback once.
    func requestWrite() {
        guard !writeRequested, let wsi else { return }
        writeRequested = true
        lws_callback_on_writable(wsi)
    }

    /// While a frame is half written lws must have nothing to say, so it must not see a ping.
    func pauseReading() {
        guard !isReadingPaused, let wsi else { return }
        isReadingPaused = true
        lws_rx_flow_control(wsi, 0)
    }

    /// Undoes `pauseReading`.
    func resumeReading() {
        guard isReadingPaused, let wsi else { return }
        isReadingPaused = false
        lws_rx_flow_control(wsi, 1)
    }

    /// Makes the kernel forget what it has not sent, and reset the line, when the socket is closed. Otherwise it goes on
    /// sending for minutes: a subscription that was given up would arrive later and take the bot from its successor.
    func discardUnsent() {
        guard let wsi else { return }
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        _ = setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_LINGER, &option, size)
    }

    /// Ends the socket from outside or inside any of its callbacks, at the next service pass, without a close frame.
    func kill() {
        guard let wsi else { return }
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC)
    }
}
