import Foundation

/// The parts of an HTTP address that decide where it goes.
struct HTTPAddress: Sendable, Equatable {
    var scheme: String
    var user: String?
    var password: String?
    var host: String
    var port: Int
    private let url: URL

    /// Nil unless it is an absolute `http` or `https` address with a host.
    init?(_ text: String) {
        guard let url = URL(string: text) else { return nil }
        self.init(url)
    }

    private init?(_ url: URL) {
        guard let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https",
            let host = url.host(percentEncoded: false), !host.isEmpty
        else { return nil }
        self.url = url
        self.scheme = scheme
        self.host = host.lowercased()
        port = url.port ?? (scheme == "https" ? 443 : 80)
        user = url.user(percentEncoded: false)
        password = url.password(percentEncoded: false)
    }

    /// Address that a `Location` header names, seen from this one; nil when it is none.
    func resolving(_ location: String) -> HTTPAddress? {
        URL(string: location, relativeTo: url).flatMap { HTTPAddress($0.absoluteURL) }
    }

    /// Whole address.
    var text: String { url.absoluteString }

    /// Whether both name the same scheme, host and port.
    func sharesOrigin(with other: HTTPAddress) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }
}

extension Duration {
    /// Whole nanoseconds between 1 ms and 30 days, for NIO, which counts in 64 bits.
    var nanosecondsForNIO: Int64 {
        let (seconds, attoseconds) = components
        let bounded = min(max(seconds, 0), 30 * 86_400)
        return max(bounded * 1_000_000_000 + attoseconds / 1_000_000_000, 1_000_000)
    }
}
