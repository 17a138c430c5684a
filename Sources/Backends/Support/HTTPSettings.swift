public import AsyncHTTPClient
import NIOCore
import NIOSSL

/// What outbound HTTP of backends trusts and goes through.
public struct HTTPSettings: Sendable, Equatable {
    /// PEM file with the roots that are trusted instead of the system's; nil for the system's.
    public var caFile: String?
    /// `http://[user:password@]host:port` of a proxy; nil for none. The environment is never asked.
    public var proxyURL: String?
    /// Bound of making a connection, TLS included.
    public var connectTimeout: Duration
    /// Requests to one host at a time; more wait for their turn. Models and services are often behind a single address.
    public var requestsPerHost = 8

    /// Creates settings.
    public init(caFile: String? = nil, proxyURL: String? = nil, connectTimeout: Duration = .seconds(10)) {
        self.caFile = caFile
        self.proxyURL = proxyURL
        self.connectTimeout = connectTimeout
    }

    /// Configuration for the `HTTPClient` that backends share. The owner of the client shuts it down.
    ///
    /// Redirects are not followed, and a failed connect is reported at once: both are the backends' business.
    ///
    /// - Throws: `HTTPSettingsError` for an unusable proxy address and an unreadable `caFile`.
    public func clientConfiguration() throws -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .nanoseconds(connectTimeout.nanosecondsForNIO)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = requestsPerHost
        if let caFile {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .certificates(try Self.authorities(in: caFile))
            configuration.tlsConfiguration = tls
        }
        if let proxyURL { configuration.proxy = try Self.proxy(from: proxyURL) }
        return configuration
    }

    private static func authorities(in path: String) throws(HTTPSettingsError) -> [NIOSSLCertificate] {
        guard let found = try? NIOSSLCertificate.fromPEMFile(path), !found.isEmpty else {
            throw .unreadableCAFile(path: path)
        }
        return found
    }

    private static func proxy(from text: String) throws -> HTTPClient.Configuration.Proxy {
        guard let url = HTTPAddress(text), url.scheme == "http" else { throw HTTPSettingsError.unusableProxyURL }
        guard let user = url.user else { return .server(host: url.host, port: url.port) }
        return .server(
            host: url.host, port: url.port,
            authorization: .basic(username: user, password: url.password ?? ""))
    }
}

/// Settings that cannot be used. Never carries the proxy's address, which may hold a password.
public enum HTTPSettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// `proxyURL` is not `http://[user:password@]host:port`.
    case unusableProxyURL
    /// `caFile` is not there, cannot be read, or holds no certificate in PEM form.
    case unreadableCAFile(path: String)

    /// Sentence for the operator.
    public var description: String {
        switch self {
        case .unusableProxyURL: "network.egressProxyUrl: no http:// address of a proxy"
        case .unreadableCAFile(let path): "network.caFile \(path): cannot be read as certificates in PEM form"
        }
    }
}
