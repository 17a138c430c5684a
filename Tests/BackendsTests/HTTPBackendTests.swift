import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Shared
import Testing

@testable import Backends

@Suite(.timeLimit(.minutes(1))) struct HTTPBackendTests {
    private let clock = ManualClock()
    private let reply = RecordingReply()

    private func backend(_ server: TestServer, _ client: HTTPClient) -> HTTPBackend {
        let settings = HTTPBackendSettings(url: server.address + "/chat?a=1", headers: ["X-Token": "t-secret"])
        return HTTPBackend(settings: settings, client: client, clock: clock)
    }

    @Test(
        "GW-10: plain text, JSON lines, server-sent events and one object all become the answer",
        arguments: [
            ("text/plain; charset=utf-8", "你好🙂", "你好🙂"),
            ("application/x-ndjson", "{\"delta\":\"你\"}\n{\"delta\":\"好🙂\"}\n", "你好🙂"),
            ("text/plain", "{\"delta\":\"你\"}\n{\"delta\":\"好🙂\"}\n", "你好🙂"),
            (
                "text/event-stream",
                "data: {\"delta\":\"你\"}\n\ndata: 好\n\n: x\n\ndata: {\"delta\":\"🙂\"}\n\ndata: [DONE]\n\ndata: late\n\n",
                "你好🙂"
            ),
            ("application/json", "{\n \"text\": \"你好🙂\"\n}", "你好🙂"),
            ("application/json", "{\"answer\": 42}", "{\"answer\": 42}"),
        ])
    func formats(type: String, body: String, text: String) async throws {
        try await TestServer.with { server, client in
            async let done: Void = backend(server, client).answer(Samples.request(), to: reply)
            let exchange = try await server.next()
            exchange.sendChunkedHead(type: type)
            for byte in body.utf8 { exchange.sendChunk([byte]) }
            exchange.endChunks()
            try await done
            #expect(reply.text == text)
            #expect(exchange.head.uri == "/chat?a=1")
            #expect(exchange.head.headers["X-Token"] == ["t-secret"])
            #expect(exchange.body == String(decoding: try RequestEncoder.encode(Samples.request()), as: UTF8.self))
        }
    }

    @Test("GW-10: text is handed on while the service still writes")
    func streamed() async throws {
        try await TestServer.with { server, client in
            async let done: Void = backend(server, client).answer(Samples.request(), to: reply)
            let exchange = try await server.next()
            exchange.sendHead(type: "text/plain")
            exchange.send("first ")
            await reply.wait { $0 == [.append("first ")] }
            exchange.send("second")
            exchange.close()
            try await done
            #expect(reply.text == "first second")
        }
    }

    @Test("GW-10: a service is asked by as many at a time as the settings say")
    func manyAtATime() async throws {
        var settings = HTTPSettings()
        settings.requestsPerHost = 40
        try await TestServer.with(settings: settings) { server, client in
            let backend = backend(server, client)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 { group.addTask { try await backend.answer(Samples.request(), to: RecordingReply()) } }
                // None is answered before all have come.
                var exchanges: [TestExchange] = []
                while exchanges.count < 40 { exchanges.append(try await server.next()) }
                for exchange in exchanges { exchange.respond(body: "{\"text\":\"yes\"}") }
                try await group.waitForAll()
            }
        }
    }

    @Test("GW-10: an error status is a failure, in the service's own words where it has some")
    func statuses() async throws {
        try await TestServer.with { server, client in
            let backend = backend(server, client)
            for (status, body, words) in [
                ("500 Oops", "<html>", "AI 服务出错了,请稍后再试。"), ("403 No", "{\"error\":\"请先绑定账号\"}", "请先绑定账号"),
                ("429 Busy", "", "服务正忙,请稍后再试。"),
            ] {
                async let ended = failure { try await backend.answer(Samples.request(), to: reply) }
                try await server.next().respond(status, body: body)
                let failure = await ended
                #expect(failure?.userText == words)
                #expect(failure?.detail.hasPrefix("status \(status.prefix(3))") == true)
            }
            #expect(reply.entries == [])
        }
    }

    @Test("GW-10: an error object is shown to the person")
    func errorObject() async throws {
        try await TestServer.with { server, client in
            async let ended = failure { try await backend(server, client).answer(Samples.request(), to: reply) }
            try await server.next().respond(body: "{\"error\":\"今天的额度用完了\"}")
            #expect(await ended?.userText == "今天的额度用完了")
        }
    }

    @Test("GW-10: redirects stay on the host, keep the body, and are bounded")
    func redirects() async throws {
        try await TestServer.with { server, client in
            async let done: Void = backend(server, client).answer(Samples.request(), to: reply)
            try await server.next().respond("307 Moved", headers: ["Location: /other"], body: "")
            let second = try await server.next()
            second.respond(type: "text/plain", body: "ok")
            try await done
            #expect(second.head.uri == "/other")
            #expect(second.head.method == .POST)
            #expect(second.body == String(decoding: try RequestEncoder.encode(Samples.request()), as: UTF8.self))
            #expect(reply.text == "ok")
        }
    }

    @Test(
        "GW-10: redirects elsewhere are refused, so that headers and messages stay where they belong",
        arguments: [
            "307 X|Location: http://localhost:1/x", "308 X|Location: //127.0.0.2/x", "302 X|Location: /other",
            "307 X|X: y",
            "307 X|Location: https://127.0.0.1/x",
        ])
    func refusedRedirects(answer: String) async throws {
        let parts = answer.split(separator: "|").map(String.init)
        try await TestServer.with { server, client in
            async let ended = failure { try await backend(server, client).answer(Samples.request(), to: reply) }
            try await server.next().respond(parts[0], headers: [parts[1]], body: "")
            #expect(await ended?.detail == "status \(parts[0].prefix(3)): redirect refused")
        }
    }

    @Test("GW-10: an endless ring of redirects ends")
    func redirectRing() async throws {
        try await TestServer.with { server, client in
            async let ended = failure { try await backend(server, client).answer(Samples.request(), to: reply) }
            for _ in 0...HTTPBackend.maxRedirects {
                try await server.next().respond("308 X", headers: ["Location: /chat"], body: "")
            }
            #expect(await ended?.detail == "status 308: redirect refused")
        }
    }

    @Test("GW-10: silence ends the answer and keeps its text; a whole answer has a bound, too")
    func timeouts() async throws {
        try await TestServer.with { server, client in
            async let stalled = failure { try await backend(server, client).answer(Samples.request(), to: reply) }
            let exchange = try await server.next()
            exchange.sendHead(type: "text/plain")
            exchange.send("a")
            await reply.wait { !$0.isEmpty }
            clock.advance(by: .seconds(120))
            #expect(await stalled?.userText == "回答在这里中断了,请重新提问。")
            try await exchange.untilClosed()

            async let late = failure { try await backend(server, client).answer(Samples.request(), to: reply) }
            let second = try await server.next()
            clock.advance(by: .seconds(600))
            #expect(await late?.detail == "time-out (total)")
            try await second.untilClosed()
        }
    }

    @Test("GW-10: a cut connection and a line beyond the bound leave the text and end as failures")
    func broken() async throws {
        try await TestServer.with { server, client in
            async let cut = failure { try await backend(server, client).answer(Samples.request(), to: reply) }
            let exchange = try await server.next()
            exchange.sendChunkedHead(type: "text/plain")
            exchange.sendChunk(Array("a".utf8))
            exchange.close()
            #expect(await cut?.userText == "回答在这里中断了,请重新提问。")

            async let long = failure { try await backend(server, client).answer(Samples.request(), to: reply) }
            let second = try await server.next()
            second.sendHead(type: "text/event-stream")
            second.send("data: {\"delta\":\"b\"}\n\ndata: " + String(repeating: "x", count: 1 << 20))
            #expect(await long?.detail.hasPrefix("a line or event beyond the bound") == true)
            #expect(reply.text == "ab")
        }
    }

    @Test("GW-10: cancelling closes the request")
    func cancellation() async throws {
        try await TestServer.with { server, client in
            let backend = backend(server, client)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await backend.answer(Samples.request(), to: reply) }
                let exchange = try await server.next()
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.waitForAll() }
                try await exchange.untilClosed()
            }
        }
    }

    @Test("GW-10: requests go through the proxy, with its credentials")
    func proxy() async throws {
        try await TestServer.with { server, _ in
            let settings = HTTPSettings(proxyURL: "http://user:p%40ss@127.0.0.1:\(server.port)")
            let client = HTTPClient(configuration: try settings.clientConfiguration())
            let backend = HTTPBackend(
                settings: HTTPBackendSettings(url: "https://flow.invalid/chat"), client: client, clock: clock)
            async let ended = failure { try await backend.answer(Samples.request(), to: reply) }
            let exchange = try await server.next()
            #expect(exchange.head.method == .CONNECT)
            #expect(exchange.head.uri == "flow.invalid:443")
            #expect(
                exchange.head.headers["proxy-authorization"] == [
                    "Basic " + Data("user:p@ss".utf8).base64EncodedString()
                ])
            exchange.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            #expect(await ended?.userText == "暂时连接不上 AI 服务,请稍后再试。")
            try await client.shutdown()
        }
    }

    @Test(
        "GW-10: a file of roots that cannot be read is an error that names it; one that can replaces the system's roots"
    )
    func roots() throws {
        let folder = "/tmp/roots-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, content) in [("none.pem", nil), ("empty.pem", ""), ("text.pem", "no certificate\n")] {
            let path = "\(folder)/\(name)"
            if let content { try Data(content.utf8).write(to: URL(fileURLWithPath: path)) }
            let error = #expect(throws: HTTPSettingsError.self) { try HTTPSettings(caFile: path).clientConfiguration() }
            #expect(error?.description.contains("network.caFile \(path)") == true)
        }
        try Data(Samples.authority.utf8).write(to: URL(fileURLWithPath: folder + "/ca.pem"))
        let tls = try HTTPSettings(caFile: folder + "/ca.pem").clientConfiguration().tlsConfiguration
        let shown = String(reflecting: tls as Any)
        #expect(shown.contains("trustRoots: Optional(NIOSSL.NIOSSLTrustRoots.certificates("), "\(shown)")
        #expect(shown.contains("additionalTrustRoots: []"), "\(shown)")
    }

    @Test("GW-10: a proxy address is read, and never shown")
    func settings() throws {
        var settings = HTTPSettings(proxyURL: "http://user:p%40ss@127.0.0.1:3128")
        #expect(try settings.clientConfiguration().proxy != nil)
        for bad in ["socks5://127.0.0.1:1", "127.0.0.1:3128", ""] {
            settings.proxyURL = bad
            #expect(throws: HTTPSettingsError.unusableProxyURL) { try settings.clientConfiguration() }
        }
        let shown = HTTPBackendSettings(url: "http://x", headers: ["Authorization": "t-secret"])
        #expect(!"\(shown) \(String(reflecting: shown))".contains("t-secret"))
    }
}
