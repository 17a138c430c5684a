public import AsyncHTTPClient
import NIOHTTP1

/// How an address is reached over HTTP.
public struct HTTPRoute: Sendable {
    /// Sends the requests; its owner shuts it down.
    public var client: HTTPClient
    /// Whether the client goes through a proxy, which then looks up what this machine cannot.
    public var isProxied: Bool

    /// Creates a route.
    public init(client: HTTPClient, isProxied: Bool = false) {
        self.client = client
        self.isProxied = isProxied
    }
}

extension HTTPClientResponse {
    /// Whether a proxy on the way answered, since it does not take our user and password.
    package var isOfProxy: Bool { status.code == 407 }
}

extension Error {
    /// Whether a proxy on the way did not take our user and password; nothing of the request left it.
    package var isOfProxy: Bool { (self as? HTTPClientError) == .proxyAuthenticationRequired }
}
