import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Shared

extension ServerAPI {
    /// One HTTP exchange within its time, which counts on the injected clock.
    func exchange<Value: Sendable>(
        _ call: Call, query: [(name: String, value: String)],
        _ read: @escaping @Sendable (HTTPClientResponse) async throws -> (AttemptResult, Value?)
    ) async -> (AttemptResult, Value?) {
        let body = call.body?()
        let request = request(call, query, body)
        let end = clock.now.advanced(by: call.timeout ?? settings.timeout)
        let ended = await within(until: end, on: clock) { [client, logger] () async -> (AttemptResult, Value?) in
            do {
                let response = try await client.execute(request, deadline: .distantFuture)
                guard !response.isOfProxy else { throw HTTPClientError.proxyAuthenticationRequired }
                guard [200, 206].contains(response.status.code) else { return (.status(response.status.code), nil) }
                return try await read(response)
            } catch  where error.isOfProxy {
                logger.proxyRefused(call.path)
                return (.status(407), nil)
            } catch {
                return (Self.result(of: body, isBeforeSending: error.isBeforeSending), nil)
            }
        }
        let result = ended ?? (Self.result(of: body, isBeforeSending: false), nil)
        // What was said before the cancellation counts.
        guard Task.isCancelled, [.notConnected, .noAnswer].contains(result.0) else { return result }
        return (.cancelled(wasWritten: Self.isWritten(body)), nil)
    }

    /// What an exchange means that broke off.
    private static func result(of body: RequestBody?, isBeforeSending: Bool) -> AttemptResult {
        // Without a body nothing tells how far it came.
        guard let progress = body?.progress.withLock({ $0 }) else { return isBeforeSending ? .notConnected : .noAnswer }
        if progress.isUnreadable { return .unreadable }
        return progress.hasBegun ? .noAnswer : .notConnected
    }

    private static func isWritten(_ body: RequestBody?) -> Bool { body?.progress.withLock { $0.hasBegun } ?? false }

    private func request(
        _ call: Call, _ query: [(name: String, value: String)], _ body: RequestBody?
    ) -> HTTPClientRequest {
        let text = query.map { "\($0.name)=\(Self.percentEncoded($0.value))" }.joined(separator: "&")
        var request = HTTPClientRequest(url: "\(baseURL)/cgi-bin/\(call.path)?\(text)")
        for header in call.headers { request.headers.add(name: header.name, value: header.value) }
        if let body {
            request.method = .POST
            request.headers.add(name: "Content-Type", value: call.contentType)
            request.body = .stream(body, length: .known(body.count))
        }
        return request
    }

    /// Everything but unreserved characters is escaped.
    static func percentEncoded(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.append(byte)
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += Array("%\(byte < 16 ? "0" : "")\(digits)".utf8)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    static func collect(_ response: HTTPClientResponse, upTo limit: Int) async throws -> Data {
        let buffer = try await response.body.collect(upTo: limit)
        return Data(buffer.readableBytesView)
    }
}
