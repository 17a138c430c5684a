import Foundation
import NIOCore
import NIOHTTP1

/// A whole HTTP request.
struct HTTPRequest: Sendable {
    var method: HTTPMethod
    /// Path, still percent-encoded, without the query.
    var path: String
    var query: [String: String]
    var body: [UInt8]
    var contentType: String
    var range: String?
    /// Address of the peer.
    var address: String
    /// Id of the last event that a returning reader of the event stream got.
    var lastEventID: Int?

    init(head: HTTPRequestHead, body: ByteBuffer, address: String) {
        method = head.method
        self.address = address
        contentType = head.headers.first(name: "content-type") ?? ""
        range = head.headers.first(name: "range")
        self.body = Array(body.readableBytesView)
        lastEventID = head.headers.first(name: "last-event-id").flatMap { Int($0) }
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = parts.first.map(String.init) ?? "/"
        query = [:]
        for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = sides.count > 1 ? String(sides[1]).replacing("+", with: " ") : ""
            query[String(sides[0])] = value.removingPercentEncoding ?? value
        }
    }
}

/// An HTTP answer.
struct HTTPReply: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        /// Encrypted while it is sent.
        case encrypted(MediaLink)
        /// Stays open.
        case events(since: Int?)
    }

    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: Body
    var fate = APIAnswer.Fate.answer
    /// Milliseconds until it is sent.
    var delay = 0

    static func json(_ value: JSONValue, status: HTTPResponseStatus = .ok) -> HTTPReply {
        HTTPReply(
            status: status,
            headers: ["Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"],
            body: .bytes(value.bytes))
    }

    static func error(_ status: HTTPResponseStatus, _ reason: String) -> HTTPReply {
        json(["error": .string(reason)], status: status)
    }
}
