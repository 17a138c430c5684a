import NIOHTTP1

/// The server API over HTTP, `/cgi-bin/…`.
struct APIEndpoint: Sendable {
    let engine: SimulatorEngine

    func handle(_ request: HTTPRequest) -> HTTPReply {
        let call = APICall(
            String(request.path.dropFirst("/cgi-bin/".count)), query: request.query, body: request.body,
            address: request.address, contentType: request.contentType, range: request.range)
        let answer = engine.call { core, now in
            let result = core.apiCalled(call, now: now)
            return (result.actions, result.answer)
        }
        var reply = reply(to: answer)
        reply.fate = answer.fate
        reply.delay = answer.delay
        return reply
    }

    private func reply(to answer: APIAnswer) -> HTTPReply {
        let status = HTTPResponseStatus(statusCode: answer.status)
        switch answer.body {
        case .empty: return HTTPReply(status: status, headers: [:], body: .bytes([]))
        case .json(let value):
            var reply = HTTPReply.json(value, status: status)
            reply.headers.add(name: "error-code", value: String(value["errcode"]?.intValue ?? 0))
            // Header values are ASCII without controls; messages of the platform may name a file.
            let message = value["errmsg"]?.stringValue ?? ""
            reply.headers.add(
                name: "error-msg",
                value: String(String.UnicodeScalarView(message.unicodeScalars.filter { 0x20..<0x7F ~= $0.value })))
            return reply
        case .media(let media, let part):
            let name = media.name.filter { $0 != "\"" && $0 != "\r" && $0 != "\n" }
            var headers: HTTPHeaders = [
                "Content-Type": media.mime, "Content-disposition": "attachment; filename=\"\(name)\"",
                "Accept-Ranges": "bytes",
            ]
            guard let part else { return HTTPReply(status: status, headers: headers, body: .bytes(media.bytes)) }
            headers.add(
                name: "Content-Range", value: "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(media.bytes.count)")
            return HTTPReply(status: status, headers: headers, body: .bytes(Array(media.bytes[part])))
        }
    }
}
