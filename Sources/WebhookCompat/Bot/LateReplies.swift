public import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Shared

/// Posts the one message that a `response_url` takes: plain JSON, without encryption, signature or token.
public struct LateReplies: Sendable {
    /// Posts a body to an address.
    typealias Post = @Sendable (_ body: JSONValue, _ address: LateAddress) async -> SendOutcome
    let post: Post

    /// - Parameters:
    ///   - client: sends the requests, with the proxy and certificates of the account; nil: not now.
    ///   - allowedHosts: hosts that may be reached without TLS, for a simulated platform on this machine.
    public init(
        client: @escaping @Sendable () -> HTTPClient?, timeout: Duration, allowedHosts: Set<String> = []
    ) {
        post = { body, address in
            guard let client = client() else { return .notSent(.offline) }
            guard Self.isAllowed(address.url, allowedHosts) else { return .rejected(PlatformError(code: 40_058)) }
            return await Self.post(body, to: address, client, timeout)
        }
    }

    /// - Parameter post: takes the place of the network.
    init(post: @escaping Post) { self.post = post }

    /// Only an answer with `errcode` 0 is a success; HTTP 200 alone says nothing.
    private static func post(
        _ body: JSONValue, to address: LateAddress, _ client: HTTPClient, _ timeout: Duration
    ) async -> SendOutcome {
        var request = HTTPClientRequest(url: address.url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json; charset=utf-8")
        request.body = .bytes(ByteBuffer(string: body.text))
        do {
            let response = try await client.execute(request, timeout: TimeAmount(timeout))
            guard response.status == .ok else { return .unknown(.ackTimeout) }
            let bytes = try await response.body.collect(upTo: 65_536)
            guard let answer = try? JSONValue(parsing: bytes.readableBytesView) else { return .unknown(.ackTimeout) }
            let code = answer["errcode"]?.integer ?? 0
            let words = answer["errmsg"]?.string ?? ""
            return code == 0 ? .acknowledged() : .rejected(PlatformError(code: code, message: words))
        } catch {
            return error.isBeforeSending ? .notSent(.offline) : .unknown(.ackTimeout)
        }
    }

    private static func isAllowed(_ address: String, _ hosts: Set<String>) -> Bool {
        guard let url = URL(string: address), let host = url.host else { return false }
        return url.scheme == "https" || url.scheme == "http" && hosts.contains(host)
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
