import AsyncHTTPClient
public import Foundation
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
public import Shared

/// Posts the one message that a `response_url` takes: plain JSON, without encryption, signature or token.
public struct LateReplies: Sendable {
    /// Posts a body to an address.
    typealias Post = @Sendable (_ body: JSONValue, _ address: LateAddress) async -> SendOutcome
    let post: Post

    /// - Parameters:
    ///   - route: reaches an address, with the proxy and certificates of the account; nil: not now.
    ///   - timeout: for all of a post, on `clock`.
    ///   - allowedHosts: hosts that may be reached without TLS, for a simulated platform on this machine.
    public init(
        route: @escaping @Sendable (URL) -> HTTPRoute?, timeout: Duration, allowedHosts: Set<String> = [],
        clock: any MonotonicClock, logger: Logger
    ) {
        post = { body, address in
            guard let url = URL(string: address.url), Self.isAllowed(url, allowedHosts) else {
                return .rejected(PlatformError(code: 40_058))
            }
            guard let client = route(url)?.client else { return .notSent(.offline) }
            return await within(until: clock.now.advanced(by: timeout), on: clock) {
                await Self.post(body, to: address, client, logger)
            } ?? .unknown(.ackTimeout)
        }
    }

    /// - Parameter post: takes the place of the network.
    init(post: @escaping Post) { self.post = post }

    /// Only an answer with `errcode` 0 is a success; HTTP 200 alone says nothing.
    private static func post(
        _ body: JSONValue, to address: LateAddress, _ client: HTTPClient, _ logger: Logger
    ) async -> SendOutcome {
        var request = HTTPClientRequest(url: address.url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json; charset=utf-8")
        request.body = .bytes(ByteBuffer(string: body.text))
        do {
            let response = try await client.execute(request, deadline: .distantFuture)
            guard !response.isOfProxy else { throw HTTPClientError.proxyAuthenticationRequired }
            guard response.status == .ok else { return .unknown(.ackTimeout) }
            let bytes = try await response.body.collect(upTo: 65_536)
            guard let answer = try? JSONValue(parsing: bytes.readableBytesView),
                let code = answer["errcode"]?.integer
            else { return .unknown(.ackTimeout) }
            let words = answer["errmsg"]?.string ?? ""
            return code == 0 ? .acknowledged() : .rejected(PlatformError(code: code, message: words))
        } catch {
            if error.isOfProxy { logger.proxyRefused("response_url") }
            return error.isBeforeSending ? .notSent(.offline) : .unknown(.ackTimeout)
        }
    }

    private static func isAllowed(_ url: URL, _ hosts: Set<String>) -> Bool {
        guard let host = url.host else { return false }
        return url.scheme == "https" || url.scheme == "http" && hosts.contains(host)
    }
}

extension Logger {
    /// A proxy answered in place of the platform: what `call` would have done was not done.
    func proxyRefused(_ call: String) {
        let metadata = Metadata([
            .command: call, .reason: "http_407", .reaction: "correct user and password in network.egressProxyUrl",
        ])
        warning("proxy refused user or password", metadata: metadata)
    }
}

extension Error {
    /// Whether a request failed before a byte of it was sent, so that sending it again cannot make a duplicate.
    var isBeforeSending: Bool {
        if self is NIOConnectionError || self is ChannelError { return true }
        guard let error = self as? HTTPClientError else { return false }
        let early: [HTTPClientError] = [
            .connectTimeout, .proxyAuthenticationRequired, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout,
            .invalidURL,
        ]
        return early.contains(error)
    }
}
