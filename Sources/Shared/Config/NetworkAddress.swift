/// A host and a port, as in `127.0.0.1:18789` or `[::1]:18789`.
public struct NetworkAddress: Sendable, Hashable, CustomStringConvertible {
    /// Host name or IP address; an IPv6 address has no brackets here.
    public let host: String
    /// Port, 0 to 65535; 0 lets the system choose.
    public let port: Int

    /// Creates an address.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`; nil when it is malformed.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = text[..<colon]
        let digits = text[colon...].dropFirst()
        let isDecimal = !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber }
        guard isDecimal, let port = Int(digits), port <= 65_535 else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
        } else if !host.utf8.allSatisfy(Self.isHostByte) {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// `host:port`, with brackets around an IPv6 address.
    public var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Whether the host is this machine: `localhost`, `127.0.0.0/8`, `::1`.
    public var isLoopback: Bool {
        let name = host.lowercased()
        if name == "localhost" || name == "::1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Scheme (lower case), user part, and address of `scheme://[user@]host[:port][/…]`; nil when malformed.
    static func split(url: String) -> (scheme: String, user: String?, address: NetworkAddress, rest: String)? {
        guard let mark = url.firstRange(of: "://"), !url.contains(where: { $0.isWhitespace || $0.isNewline }) else {
            return nil
        }
        let scheme = url[..<mark.lowerBound].lowercased()
        let after = url[mark.upperBound...]
        let authority = after.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let rest = String(after.dropFirst(authority.count))
        let at = authority.lastIndex(of: "@")
        let user = at.map { String(authority[..<$0]) }
        let place = String(at.map { authority[$0...].dropFirst() } ?? authority)
        if let address = NetworkAddress(place) { return (scheme, user, address, rest) }
        let defaults = ["ws": 80, "http": 80, "wss": 443, "https": 443]
        guard let port = defaults[scheme], let address = NetworkAddress("\(place):\(port)") else { return nil }
        return (scheme, user, address, rest)
    }

    /// What is wrong with a URL, and what to write; nil when it is right.
    static func mistake(
        in url: String, secure: String, plain: String, plainIsLocal: Bool
    ) -> (problem: String, fix: String)? {
        let schemes = plainIsLocal ? "\(secure)://host[:port][/path]" : "\(plain)://… or \(secure)://…"
        guard let (scheme, user, address, _) = split(url: url) else {
            return ("this is no URL", "Write \(schemes)")
        }
        if user != nil { return ("a URL may not hold a user name or password", "Remove the part before @") }
        if scheme == secure || scheme == plain && !plainIsLocal { return nil }
        guard scheme == plain else { return ("the URL does not start with \(secure)://", "Write \(schemes)") }
        return address.isLoopback
            ? nil
            : ("\(plain):// is not encrypted and allowed for this machine only", "Write \(secure)://")
    }
}

/// The HTTP proxy for every outbound connection.
public enum EgressProxy: Sendable, Equatable, CustomStringConvertible {
    /// Connect directly; the environment's proxy variables are ignored.
    case none
    /// Use the environment's proxy variables.
    case environment
    /// Use this proxy.
    case proxy(NetworkAddress, user: String?, password: Secret?)

    /// Reads `http://[user:password@]host:port`, `env` or an empty string; nil when malformed. Percent escapes in the user part are resolved.
    public init?(_ text: String) {
        switch text {
        case "": self = .none
        case "env": self = .environment
        default:
            guard let (scheme, credentials, address, rest) = NetworkAddress.split(url: text), scheme == "http",
                rest.isEmpty || rest == "/", address.port > 0
            else { return nil }
            let parts = credentials?.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false) ?? []
            let user = parts.first.map(Self.resolvingEscapes)
            let password = parts.count > 1 ? Secret(Self.resolvingEscapes(parts[1])) : nil
            self = .proxy(address, user: user, password: password)
        }
    }

    private static func resolvingEscapes(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The form of the configuration, with `<secret>` in place of user and password.
    public var description: String {
        switch self {
        case .none: ""
        case .environment: "env"
        case .proxy(let address, let user, _): user == nil ? "http://\(address)" : "http://<secret>@\(address)"
        }
    }
}
