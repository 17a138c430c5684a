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
    ///   - allowedHosts: hosts that may be reached without TLS, for a simulated platform on this machine.
    public init(
        route: @escaping @Sendable (URL) -> HTTPRoute?, timeout: Duration, allowedHosts: Set<String> = [],
        clock: any MonotonicClock = SystemMonotonicClock(), logger: Logger
    ) {
        post = { body, address in
            guard let url = URL(string: address.url), Self.isAllowed(url, allowedHosts) else {
                return .rejected(PlatformError(code: 40_058))
            }
            guard let client = route(url)?.client else { return .notSent(.offline) }
            return await Self.limited(to: timeout + Self.bodyTime, clock) {
                await Self.post(body, to: address, client, timeout, logger)
            }
        }
    }

    /// For the rest of an answer whose head came in time: the client's own limit ends there.
    private static let bodyTime = Duration.seconds(5)

    static func limited(
        to time: Duration, _ clock: any MonotonicClock, _ post: @escaping @Sendable () async -> SendOutcome
    ) async -> SendOutcome {
        await withTaskGroup(of: SendOutcome?.self) { group in
            group.addTask { await post() }
            group.addTask {
                try? await clock.sleep(for: time)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next().flatMap { $0 } ?? .unknown(.ackTimeout)
        }
    }

    /// - Parameter post: takes the place of the network.
    init(post: @escaping Post) { self.post = post }

    /// Only an answer with `errcode` 0 is a success; HTTP 200 alone says nothing.
    private static func post(
        _ body: JSONValue, to address: LateAddress, _ client: HTTPClient, _ timeout: Duration, _ logger: Logger
    ) async -> SendOutcome {
        var request = HTTPClientRequest(url: address.url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json; charset=utf-8")
        request.body = .bytes(ByteBuffer(string: body.text))
        do {
            let response = try await client.execute(request, timeout: TimeAmount(timeout))
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
