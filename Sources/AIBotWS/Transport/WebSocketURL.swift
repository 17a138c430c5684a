import Shared

/// An address of a server or proxy that cannot be used. Its words never contain credentials.
public struct URLProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, and what would be right.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// `host`, `host:port` or `[address]:port`.
struct Authority: Hashable {
    var host: String
    var port: Int?

    init(_ text: Substring, of what: String) throws(URLProblem) {
        let hostPart: Substring
        var rest: Substring
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw URLProblem("\(what): missing ]") }
            hostPart = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
            guard Resolver.isAddress(String(hostPart)), hostPart.contains(":") else {
                throw URLProblem("\(what): not an IPv6 address in brackets")
            }
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            hostPart = text[..<end]
            rest = text[end...]
            guard !hostPart.isEmpty else { throw URLProblem("\(what): no host") }
            guard hostPart.utf8.count <= 253, hostPart.utf8.allSatisfy(Self.isHostByte) else {
                throw URLProblem("\(what): host is not a name or address")
            }
        }
        host = hostPart.lowercased()
        guard rest.popFirst() != nil else { return }
        guard rest.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(rest),
            (1...65_535).contains(number)
        else { throw URLProblem("\(what): port must be 1 to 65535") }
        port = number
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }

    /// True for names and addresses of this machine: `localhost`, 127.0.0.0/8, `::1`.
    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        return Resolver.isAddress(host) && host.hasPrefix("127.")
    }
}

extension ConnectionTarget {
    /// Whether the host is this machine.
    public var isLoopback: Bool { Authority.isLoopback(host) }

    /// Reads `wss://host[:port][/path][?query]`; `ws://` is for loopback hosts alone.
    ///
    /// - Throws: `URLProblem`, whose description says what to change.
    public init(url: String, caFile: String? = nil, proxy: Proxy? = nil) throws(URLProblem) {
        let what = "WebSocket URL"
        guard url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw URLProblem("\(what): only printable ASCII without spaces is allowed")
        }
        guard let separator = url.firstRange(of: "://") else {
            throw URLProblem("\(what): must start with wss://")
        }
        let secure: Bool
        switch url[..<separator.lowerBound].lowercased() {
        case "wss": secure = true
        case "ws": secure = false
        default: throw URLProblem("\(what): must start with wss://")
        }
        let rest = url[separator.upperBound...]
        guard !rest.contains("#") else { throw URLProblem("\(what): must not contain #") }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        guard !rest[..<end].contains("@") else { throw URLProblem("\(what): must not contain a user or password") }
        let authority = try Authority(rest[..<end], of: what)
        guard secure || Authority.isLoopback(authority.host) else {
            throw URLProblem("\(what): ws:// is for loopback hosts alone, use wss://")
        }
        let path = rest[end...]
        self.init(
            secure: secure, host: authority.host, port: authority.port ?? (secure ? 443 : 80),
            path: path.hasPrefix("/") ? String(path) : "/" + path, caFile: caFile, proxy: proxy)
    }
}
