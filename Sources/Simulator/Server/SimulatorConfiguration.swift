/// A listening address.
public struct SimulatorAddress: Sendable, Hashable {
    /// Host name or address.
    public var host: String
    /// TCP port; 0 lets the system choose.
    public var port: Int

    /// An address.
    public init(host: String = "127.0.0.1", port: Int = 0) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, `[IPv6]:PORT`; nil when it is neither.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { return nil }
        self.init(host: host, port: port)
    }

    /// Whether only programs on this machine can reach it.
    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

/// What a simulator serves, and where.
public struct SimulatorConfiguration: Sendable {
    /// Listener for HTTP and `ws://`.
    public var listen = SimulatorAddress()
    /// Listener for HTTPS and `wss://`; nil is none.
    public var tlsListen: SimulatorAddress?
    /// File that gets the certificate of the authority made at start, as PEM.
    public var caOut: String?
    /// Start of media urls; nil is the HTTP listener, by the name under which the bot's program reached us.
    public var baseURL: String?
    /// Behavior of the platform.
    public var options = PlatformOptions()
    /// Bots.
    public var bots: [SimulatorBot] = [.demo]
    /// People.
    public var users: [SimulatorUser] = SimulatorUser.demo
    /// Groups.
    public var groups: [SimulatorGroup] = [.demo]
    /// Departments.
    public var departments = SimulatorDepartment.demo
    /// Tags.
    public var tags = SimulatorTag.demo
    /// Faults from the start.
    public var faults = SimulatorFaults()
    /// Source of ids and keys; nil is a new one at every start.
    public var seed: UInt64?
    /// Largest body of an HTTP request in bytes.
    public var maxBodyBytes = 30 << 20
    /// Largest WebSocket message in bytes.
    public var maxMessageBytes = 2 << 20
    /// Bytes that may wait for one slow client before it is dropped.
    public var maxPendingBytes = 8 << 20
    /// WebSocket connections at a time; further ones are closed as soon as they are open.
    public var maxConnections = 20_000

    /// The demo's bot, people and group on a free port of the loopback interface.
    public init() {}
}
