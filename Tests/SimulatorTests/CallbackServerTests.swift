import Foundation
import NIOConcurrencyHelpers
import NIOHTTP1
import Simulator
import Testing

@Suite("Callbacks over real sockets")
struct CallbackServerTests {
    private static let bot = SimulatorBot.demo.id

    /// A program that answers callbacks of the webhook side with the frames of a stream, one after the other.
    private static func program(_ frames: [String]) throws -> ProgramServer.Handler {
        let cipher = try CallbackCipher(
            token: WebhookHarness.side.token, encodingAESKey: WebhookHarness.key, receiveID: "")
        let step = NIOLockedValueBox(0)
        return { request in
            guard let query = try? WebhookHarness.query(request.uri), let nonce = query["nonce"],
                let timestamp = query["timestamp"], let signature = query["msg_signature"]
            else { return (.badRequest, []) }
            let sealed = query["echostr"] ?? (try? JSONValue.parse(request.body))?["encrypt"]?.stringValue ?? ""
            let envelope = CallbackEnvelope(
                sealed: sealed, signature: signature, timestamp: timestamp, nonce: nonce)
            guard let plain = try? envelope.open(with: cipher) else { return (.unauthorized, []) }
            if request.method == .GET { return (.ok, plain) }
            let index = step.withLockedValue { step in
                defer { step += 1 }
                return min(step, frames.count - 1)
            }
            let reply = WebhookHarness.stream(frames[index], final: index == frames.count - 1)
            let answer = try? CallbackEnvelope(
                sealing: reply.bytes, with: cipher, random: Array(repeating: 66, count: 16), timestamp: timestamp,
                nonce: nonce)
            return (.ok, answer?.jsonAnswer.bytes ?? [])
        }
    }

    @Test("SIM-1: a side given at run time, verified, asked until the stream ends")
    func stream() async throws {
        var configuration = SimulatorConfiguration()
        configuration.options.pollInterval = 200
        // A slow machine is no fault of the program's.
        configuration.options.callbackLimit = 60_000
        configuration.options.verificationLimit = 60_000
        let server = ProgramServer()
        try await PlatformSimulator.withRunning(configuration: configuration) { simulator in
            let port = try await simulator.boundPort
            try await server.run(try Self.program(["1", "on", "one"])) { program in
                let side: JSONValue = [
                    "bot": .string(Self.bot), "url": .string("http://127.0.0.1:\(program)/wecom/bot"),
                    "token": .string(WebhookHarness.side.token), "encodingAESKey": .string(WebhookHarness.key),
                ]
                #expect(try await RawHTTP.post(port, "/api/bots/webhook", side).status == 200)
                let verify: JSONValue = ["bot": .string(Self.bot), "via": "webhook"]
                #expect(try await RawHTTP.post(port, "/api/bots/verify", verify).status == 200)
                try await simulator.waitUntil(timeout: .seconds(60)) { $0.callbackRecords.first?.answer != nil }
                #expect(simulator.snapshot.violations.isEmpty)
                let message: JSONValue = [
                    "bot": .string(Self.bot), "user": "lin.wei", "type": "text", "text": "hello", "via": "webhook",
                ]
                let posted = try await RawHTTP.post(port, "/api/messages", message)
                #expect(posted.json?["delivered"] == true)
                try await simulator.waitUntil(timeout: .seconds(60)) { core in
                    core.view(of: ConversationKey(bot: Self.bot, chat: .single("lin.wei"))).last?.finished == true
                        && core.polls(of: "s1", bot: Self.bot)?.count == 2
                }
                #expect(simulator.view(of: "lin.wei").last?.content == "one")
                let log = try await RawHTTP.get(port, "/api/callbacks?bot=\(Self.bot)")
                #expect(log.json?["callbacks"]?.arrayValue?.count == 4)
                #expect(log.json?["violations"] == [])
                let state = try await RawHTTP.get(port, "/api/state").json?["bots"]?.arrayValue?.first
                #expect(state?["transports"] == ["longConnection", "webhook"])
            }
        }
        #expect(server.requests.count == 4)
    }

    @Test("SIM-3: a program that does not answer is cut after the limit and asked again; one that is away, too")
    func unanswered() async throws {
        let clock = SimulatorClock.manual()
        let server = ProgramServer()
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        try await PlatformSimulator.withRunning(clock: clock) { simulator in
            let handler: ProgramServer.Handler = { _ in
                arrived.yield()
                return nil
            }
            try await server.run(handler) { program in
                var side = WebhookHarness.side
                side.callbackURL = "http://127.0.0.1:\(program)/wecom/bot"
                try simulator.setWebhook(side, of: Self.bot)
                try simulator.post(UserPost(bot: Self.bot, user: "lin.wei", content: .text("x"), via: .webhook))
                var requests = arrivals.makeAsyncIterator()
                for attempt in 1...3 {
                    await requests.next()
                    clock.advance(by: .seconds(5))
                    #expect(simulator.callbacks.map(\.outcome) == Array(repeating: .timedOut, count: attempt))
                    clock.advance(by: .seconds(1))
                }
                side.callbackURL = "http://127.0.0.1:1/wecom/bot"
                try simulator.setWebhook(side, of: Self.bot)
                try simulator.post(UserPost(bot: Self.bot, user: "lin.wei", content: .text("x"), via: .webhook))
                for attempt in 1...3 {
                    try await simulator.waitUntil(timeout: .seconds(60)) { core in
                        core.callbackRecords.count(where: { $0.outcome == .failed }) == attempt
                    }
                    clock.advance(by: .seconds(1))
                }
            }
        }
        #expect(server.requests.count == 3)
    }

    @Test("SIM-1: the server API over HTTP: token, upload, message, download, lost answers")
    func serverAPI() async throws {
        var configuration = SimulatorConfiguration()
        configuration.bots[0].app = AgentHarness.app
        try await PlatformSimulator.withRunning(configuration: configuration) { simulator in
            let port = try await simulator.boundPort
            let credentials = "corpid=\(AgentHarness.corpID)&corpsecret=\(AgentHarness.app.secret)"
            let answer = try await RawHTTP.get(port, "/cgi-bin/gettoken?\(credentials)")
            #expect(answer.head.lowercased().contains("error-code: 0"))
            let token = try #require(answer.json?["access_token"]?.stringValue)
            let part =
                "--B\r\nContent-Disposition: form-data; name=\"media\"; filename=\"说明.txt\"\r\n\r\nhello!\r\n--B--\r\n"
            let upload = try await RawHTTP.exchange(
                port,
                RawHTTP.request(
                    "POST", "/cgi-bin/media/upload?access_token=\(token)&type=file", host: "127.0.0.1:\(port)",
                    headers: "Content-Type: multipart/form-data; boundary=B\r\n", body: Array(part.utf8)))
            let mediaID = try #require(upload.json?["media_id"]?.stringValue)
            let body: JSONValue = [
                "touser": "lin.wei", "agentid": .int(AgentHarness.app.agentID), "msgtype": "file",
                "file": ["media_id": .string(mediaID)],
            ]
            let send = "/cgi-bin/message/send?access_token=\(token)"
            #expect(try await RawHTTP.post(port, send, body).json?["errcode"] == 0)
            #expect(simulator.view(of: "lin.wei").last?.media?.name == "说明.txt")
            let get = "/cgi-bin/media/get?access_token=\(token)&media_id=\(mediaID)"
            let whole = try await RawHTTP.get(port, get)
            #expect(whole.status == 200 && whole.body == Array("hello!".utf8))
            #expect(whole.head.lowercased().contains("content-disposition: attachment"))
            let range = try await RawHTTP.get(port, get, headers: "Range: bytes=0-1\r\n")
            #expect(range.status == 206 && range.body == Array("he".utf8))
            #expect(range.head.lowercased().contains("content-range: bytes 0-1/6"))
            simulator.setFaults(
                SimulatorFaults([
                    SimulatorFault(.httpErrorAfter, cmd: "cgi-bin/message/send", nth: 1),
                    SimulatorFault(.dropAfter, cmd: "cgi-bin/message/send", nth: 2),
                    SimulatorFault(.delayAck, cmd: "cgi-bin/message/send", nth: 3, ms: 20),
                ]))
            #expect(try await RawHTTP.post(port, send, body).status == 502)
            var received = 0
            let lost = RawHTTP.request(
                "POST", send, host: "127.0.0.1:\(port)", headers: "", body: body.bytes)
            try await RawHTTP.stream(port, lost) { piece in
                received += piece.count
                return true
            }
            #expect(received == 0)
            #expect(try await RawHTTP.post(port, send, body).status == 200)
            #expect(simulator.view(of: "lin.wei").count == 4)
            let large = "POST \(send) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Length: 1048577\r\n\r\n"
            #expect(try await RawHTTP.exchange(port, Array(large.utf8)).status == 413)
        }
    }

    @Test(
        "SIM-1: sides that make no sense are refused",
        arguments: [
            ("url", "ftp://x", "token", WebhookHarness.key), ("token", "http://x", "", WebhookHarness.key),
            ("encodingAESKey", "http://x", "token", "short"),
        ])
    func wrongSides(_ field: String, _ url: String, _ token: String, _ key: String) throws {
        let simulator = PlatformSimulator()
        let error = #expect(throws: UserActionError.self) {
            try simulator.setWebhook(
                WebhookSide(callbackURL: url, token: token, encodingAESKey: key), of: SimulatorBot.demo.id)
        }
        #expect(error?.field == field)
    }

    @Test("SIM-1: an application given at run time, its tokens ended, wrong requests refused with the field")
    func control() async throws {
        try await PlatformSimulator.withRunning { simulator in
            let port = try await simulator.boundPort
            let app: JSONValue = [
                "bot": .string(Self.bot), "corpid": "ww1", "secret": "s", "agentid": 7, "range": ["lin.wei"],
                "trustedIps": ["127.0.0.1"],
            ]
            #expect(try await RawHTTP.post(port, "/api/bots/app", app).status == 200)
            let credentials = "/cgi-bin/gettoken?corpid=ww1&corpsecret=s"
            let token = try #require(
                try await RawHTTP.get(port, credentials).json?["access_token"]?.stringValue)
            let list = "/cgi-bin/tag/list?access_token=\(token)"
            #expect(try await RawHTTP.get(port, list).json?["errcode"] == 0)
            let end: JSONValue = ["bot": .string(Self.bot), "code": 42_001]
            #expect(try await RawHTTP.post(port, "/api/bots/endtokens", end).status == 200)
            #expect(try await RawHTTP.get(port, list).json?["errcode"] == 42_001)
            let message: JSONValue = [
                "bot": .string(Self.bot), "user": "lin.wei", "type": "text", "text": "x", "via": "webhook",
            ]
            let refused = try await RawHTTP.post(port, "/api/messages", message)
            #expect(refused.status == 400 && refused.json?["error"]?.stringValue?.hasPrefix("via:") == true)
            let remove: JSONValue = ["bot": .string(Self.bot)]
            #expect(try await RawHTTP.post(port, "/api/bots/app", remove).status == 200)
            #expect(try await RawHTTP.get(port, credentials).json?["errcode"] == 40_013)
        }
    }

    @Test("SIM-2: 300 people at once, each with a stream that is asked for until it ends")
    func many() async throws {
        var configuration = SimulatorConfiguration()
        configuration.options.pollInterval = 200
        // A slow machine is no fault of the program's.
        configuration.options.callbackLimit = 60_000
        configuration.options.verificationLimit = 60_000
        configuration.users = (0..<300).map { SimulatorUser(id: "user\($0)", name: "user\($0)") }
        configuration.groups = []
        let cipher = try CallbackCipher(
            token: WebhookHarness.side.token, encodingAESKey: WebhookHarness.key, receiveID: "")
        let handler: ProgramServer.Handler = { request in
            guard let query = try? WebhookHarness.query(request.uri), let nonce = query["nonce"],
                let sealed = (try? JSONValue.parse(request.body))?["encrypt"]?.stringValue,
                let plain = try? cipher.open(sealed), let body = try? JSONValue.parse(plain)
            else { return (.badRequest, []) }
            let isRefresh = body["msgtype"] == "stream"
            let id = isRefresh ? body["stream"]?["id"]?.stringValue : body["msgid"]?.stringValue
            let reply = WebhookHarness.stream(isRefresh ? "done" : "1", id: id ?? "", final: isRefresh)
            let answer = try? CallbackEnvelope(
                sealing: reply.bytes, with: cipher, random: Array(repeating: 66, count: 16), timestamp: "1",
                nonce: nonce)
            return (.ok, answer?.jsonAnswer.bytes ?? [])
        }
        let server = ProgramServer()
        try await PlatformSimulator.withRunning(configuration: configuration) { simulator in
            try await server.run(handler) { program in
                var side = WebhookHarness.side
                side.callbackURL = "http://127.0.0.1:\(program)/wecom/bot"
                try simulator.setWebhook(side, of: Self.bot)
                for index in 0..<300 {
                    try simulator.post(
                        UserPost(bot: Self.bot, user: "user\(index)", content: .text("x"), via: .webhook))
                }
                try await simulator.waitUntil(timeout: .seconds(60)) { core in
                    (0..<300).allSatisfy { core.messagesInProgress(bot: Self.bot, user: "user\($0)") == 0 }
                }
                let shown = (0..<300).compactMap { simulator.view(of: "user\($0)").last?.content }
                #expect(shown == Array(repeating: "done", count: 300))
                #expect(simulator.violations.isEmpty)
            }
        }
        #expect(server.requests.count == 600)
    }
}
