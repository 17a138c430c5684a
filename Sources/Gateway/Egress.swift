import AIBotWS
import AsyncHTTPClient
import Backends
import Foundation
import Shared

/// The way out of one account: for each host directly, or through a proxy.
struct Egress: Sendable {
    private let setting: EgressProxy
    private let environment: [String: String]

    init(_ setting: EgressProxy, environment: [String: String]) {
        self.setting = setting
        self.environment = environment
    }

    /// The proxy for a host, in lower case; nil for none.
    ///
    /// - Throws: when the variable of the environment that applies is no proxy address.
    func proxy(host: String, port: Int, secure: Bool) throws(URLProblem) -> ConnectionTarget.Proxy? {
        switch setting {
        case .none: nil
        case .environment:
            try .from(setting: "env", environment: environment, host: host, port: port, secure: secure)
        case .proxy(let address, let user, let password):
            ConnectionTarget.Proxy(
                host: address.host, port: address.port,
                credentials: user.map { "\($0):\(password?.reveal() ?? "")" })
        }
    }

    /// The proxy for an `http(s)` address, as one; nil for none.
    ///
    /// - Throws: like `proxy(host:port:secure:)`.
    func proxyURL(for url: URL) throws(URLProblem) -> String? {
        let secure = url.scheme?.lowercased() != "http"
        let host = (url.host(percentEncoded: false) ?? "").lowercased()
        return try proxy(host: host, port: url.port ?? (secure ? 443 : 80), secure: secure)?.url
    }

    /// Every proxy that an address may need.
    ///
    /// - Throws: like `proxy(host:port:secure:)`.
    func proxyURLs() throws(URLProblem) -> Set<String> {
        // No exception is for a host without a name.
        let all = [
            try proxy(host: "", port: 443, secure: true)?.url, try proxy(host: "", port: 80, secure: false)?.url,
        ]
        return Set(all.compactMap { $0 })
    }
}

/// The HTTP clients of one account: one for each way out.
struct EgressClients: Sendable {
    private let egress: Egress
    private let direct: HTTPClient
    private let proxied: [String: HTTPClient]

    /// - Throws: for a `caFile` or proxy that cannot be used.
    init(_ egress: Egress, _ settings: HTTPSettings) throws {
        self.egress = egress
        // All that can fail comes before the first client, which has to be shut down.
        let configurations = try egress.proxyURLs().map { proxy in
            var settings = settings
            settings.proxyURL = proxy
            return (proxy, try settings.clientConfiguration())
        }
        let plain = try settings.clientConfiguration()
        direct = HTTPClient(eventLoopGroupProvider: .singleton, configuration: plain)
        proxied = Dictionary(uniqueKeysWithValues: configurations).mapValues {
            HTTPClient(eventLoopGroupProvider: .singleton, configuration: $0)
        }
    }

    /// The way to an address.
    func route(to url: URL) -> HTTPRoute {
        guard let proxy = try? egress.proxyURL(for: url), let client = proxied[proxy] else {
            return HTTPRoute(client: direct)
        }
        return HTTPRoute(client: client, isProxied: true)
    }

    func shutdown() async {
        for client in [direct] + proxied.values { try? await client.shutdown() }
    }
}

extension ConnectionTarget.Proxy {
    /// `http://[user:password@]host:port`.
    fileprivate var url: String {
        let name = host.contains(":") ? "[\(host)]" : host
        let parts = credentials?.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false) ?? []
        let user = parts.isEmpty ? "" : parts.map { String($0).percentEncoded }.joined(separator: ":") + "@"
        return "http://\(user)\(name):\(port)"
    }
}

extension String {
    fileprivate var percentEncoded: String {
        utf8.map { byte in
            let isPlain =
                (byte < 0x80 && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A) || (0x30...0x39).contains(byte)
            let hex = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(Unicode.Scalar(byte)) : "%" + (hex.count == 1 ? "0" : "") + hex
        }.joined()
    }
}
