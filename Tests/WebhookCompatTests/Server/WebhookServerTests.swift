import Shared
import Testing

@testable import WebhookCompat

@Suite("callback listener", .timeLimit(.minutes(2)))
struct WebhookServerTests {
    private static let path = "/wecom/bot"
    private static let query = "?msg_signature=0123&timestamp=1767225600&nonce=n1"

    /// Words of the configuration, which no answer may hold.
    private static func secrets() throws -> [String] {
        try Vectors.accounts().flatMap { [$0.token, $0.encodingAESKey, $0.receiveId, $0.account] }.filter {
            !$0.isEmpty
        }
    }

    private static func expectRefusal(_ answer: RawAnswer, _ status: Int, _ body: String) throws {
        #expect(answer.status == status)
        #expect(answer.text == body || body == "missing query params" && answer.text.hasPrefix(body))
        #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
        #expect(answer.headers["content-length"] == String(answer.body.count))
        #expect(answer.headers["server"] == nil)
        #expect(answer.headers["allow"] == (status == 405 ? "GET, POST" : nil))
        for secret in try secrets() { #expect(!answer.text.contains(secret)) }
    }

    @Test("WB-5: every request that has to be refused gets the status and body of the table")
    func refusals() async throws {
        let bodies = [404: "not found", 405: "method not allowed", 413: "payload too large"]
        try await ServerStage.run { stage in
            for vector in Vectors.all("negative") {
                let answer = try await stage.ask(ServerStage.request(vector))
                let expectation = try #require(vector.expect)
                guard expectation.status != 200 else {
                    #expect(answer.status == 200 && answer.body.isEmpty, "\(vector.id)")
                    continue
                }
                let reason = expectation.reason ?? ""
                let body =
                    switch reason {
                    case "invalid signature": "unauthorized: invalid signature"
                    case "receiveId mismatch": "decrypt failed: receiveId mismatch"
                    default: bodies[expectation.status] ?? reason
                    }
                try Self.expectRefusal(answer, expectation.status, body)
            }
        }
    }

    @Test("WB-2: an address is verified with exactly the bytes that were encrypted")
    func verification() async throws {
        try await ServerStage.run { stage in
            for vector in Vectors.all("url-verification") {
                let answer = try await stage.ask(ServerStage.request(vector))
                #expect(answer.status == 200)
                #expect(answer.body == Array(try #require(vector.expect?.body).utf8), "\(vector.id)")
                #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
                #expect(answer.headers["content-length"] == String(answer.body.count))
            }
        }
    }

    @Test("WB-5: other methods are 405 with Allow; an answer to HEAD has no body, and the connection goes on")
    func methods() async throws {
        try await ServerStage.run { stage in
            for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
                let answer = try await stage.ask(ServerStage.request(method, Self.path + Self.query))
                try Self.expectRefusal(answer, 405, "method not allowed")
            }
            let connection = try await stage.connect()
            try await connection.send(
                ServerStage.request("HEAD", Self.path) + ServerStage.request("GET", "/elsewhere"))
            let head = try await connection.answer(hasBody: false)
            #expect(head.status == 405 && head.headers["allow"] == "GET, POST")
            try Self.expectRefusal(try await connection.answer(), 404, "not found")
            await connection.close()
        }
    }

    @Test("WB-5, WB-9: nothing is served on any other path, whatever the method")
    func paths() async throws {
        let targets = [
            "/", "/wecom", "/wecom/", "/wecom/bot//", "/wecom/bot/x", "//wecom/bot", "/wecom/../wecom/bot",
            "/WECOM/BOT",
            "/wecom/bot%2F", "/wecom/%62ot", "/wecom/bot;a=b", "/health", "/metrics", "/favicon.ico", "/.env",
            "/?/wecom/bot", "*",
        ]
        try await ServerStage.run { stage in
            for target in targets {
                for method in ["GET", "POST", "PUT"] {
                    let query = target.contains("?") ? "" : Self.query
                    let answer = try await stage.ask(ServerStage.request(method, target + query))
                    try Self.expectRefusal(answer, 404, "not found")
                }
            }
            // One slash at the end makes no difference.
            let answer = try await stage.ask(ServerStage.request("GET", Self.path + "/"))
            try Self.expectRefusal(answer, 400, "missing query params")
        }
    }

    @Test("WB-3: a callback is answered with what its receiver says, encrypted, or with an empty body")
    func answers() async throws {
        let account = try Vectors.account("bot-a")
        let cipher = CallbackCipher(key: try CallbackKey(encodingAESKey: account.encodingAESKey), receiveID: .any)
        try await ServerStage.run(answer: { callback in
            guard case .json(let content) = callback.payload else { return .init() }
            switch String(decoding: content, as: UTF8.self) {
            case "{\"say\":1}": return .init(message: "{\"said\":1}")
            case "{\"wait\":1}": return nil
            default: return .init()
            }
        }) { stage in
            let said = try await stage.ask(ServerStage.message("{\"say\":1}"))
            #expect(said.status == 200 && said.headers["content-type"] == "application/json; charset=utf-8")
            let envelope = try JSONValue(parsing: said.body)
            #expect(try cipher.open(envelope["encrypt"]?.string ?? "") == Array("{\"said\":1}".utf8))
            let empty = try await stage.ask(ServerStage.message("{}"))
            #expect(empty.status == 200 && empty.body.isEmpty && empty.headers["content-length"] == "0")
            let busy = try await stage.ask(ServerStage.message("{\"wait\":1}"))
            #expect(busy.status == 503 && busy.headers["retry-after"] == "1")
        }
    }

    @Test("WB-5: one connection takes request after request, and ends where one asks for it")
    func keepAlive() async throws {
        try await ServerStage.run { stage in
            let connection = try await stage.connect()
            for round in 0..<50 {
                try await connection.send(ServerStage.message("{\"round\":\(round)}"))
                let answer = try await connection.answer()
                #expect(answer.status == 200 && answer.headers["connection"] == nil)
            }
            try await connection.send(ServerStage.message("{}", headers: ["Connection: close"]))
            #expect(try await connection.answer().status == 200)
            #expect(await connection.untilClosed().isEmpty)
        }
    }

    @Test("WB-5: requests that come without waiting for answers are answered in their order")
    func pipelining() async throws {
        try await ServerStage.run(answer: { callback in
            guard case .json(let content) = callback.payload else { return .init() }
            return .init(message: String(decoding: content, as: UTF8.self))
        }) { stage in
            let account = try Vectors.account("bot-a")
            let cipher = CallbackCipher(key: try CallbackKey(encodingAESKey: account.encodingAESKey), receiveID: .any)
            let connection = try await stage.connect()
            let rounds = 100
            var text = ""
            for round in 0..<rounds {
                text += try ServerStage.message("{\"round\":\(round)}") + ServerStage.request("GET", "/\(round)")
            }
            try await connection.send(text)
            for round in 0..<rounds {
                let envelope = try JSONValue(parsing: try await connection.answer().body)
                #expect(try cipher.open(envelope["encrypt"]?.string ?? "") == Array("{\"round\":\(round)}".utf8))
                #expect(try await connection.answer().status == 404)
            }
            await connection.close()
        }
    }

    @Test("WB-5: what is no HTTP gets an answer that gives nothing away, or none, and the connection ends")
    func malformed() async throws {
        let long = String(repeating: "a", count: 20_000)
        let requests = [
            "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}", "hello\r\n\r\n", "GET\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n",
            "GET /\u{0} HTTP/1.1\r\n\r\n", "G\u{0}T / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost x\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            "GET /\(long) HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nX: \(long)\r\n\r\n",
            "GET / HTTP/1.1\r\n\(long): x\r\n\r\n",
            "GET / HTTP/1.1\r\n" + (0..<200).map { "X\($0): x\r\n" }.joined() + "\r\n",
            "CONNECT internal:443 HTTP/1.1\r\nHost: internal\r\n\r\n",
        ]
        let allowed: Set = ["connection", "content-length", "content-type", "date", "allow"]
        var limits = WebhookServer.Limits()
        limits.request = .milliseconds(500)
        try await ServerStage.run(limits) { stage in
            for request in requests {
                let connection = try await stage.connect()
                try? await connection.send(request)
                if let answer = try? await connection.answer() {
                    #expect([400, 404, 405, 413, 431, 501].contains(answer.status), "\(request.prefix(40))")
                    #expect(Set(answer.headers.keys).isSubset(of: allowed), "\(answer.headers)")
                    #expect(["", "not found", "method not allowed"].contains(answer.text))
                }
                await connection.close()
            }
            let vector = try #require(Vectors.all("url-verification").first)
            #expect(try await stage.ask(ServerStage.request(vector)).status == 200)
        }
    }
}
