import Simulator
import Testing

@Suite("Control API", .timeLimit(.minutes(2)))
struct ControlAPITests {
    private func running(_ body: @escaping @Sendable (PlatformSimulator, Int) async throws -> Void) async throws {
        try await PlatformSimulator.withRunning(clock: .manual()) { simulator in
            try await body(simulator, try await simulator.boundPort)
        }
    }

    private static let bot = JSONValue.string(SimulatorBot.demo.id)

    @Test("SIM-4: state, users, groups, messages and the view of them")
    func everyday() async throws {
        try await running { _, port in
            let state = try #require(try await RawHTTP.get(port, "/api/state").json)
            #expect(state.objectValue?.keys == ["now", "bots", "users", "groups", "faults", "clock"])
            #expect(state["bots"]?.arrayValue?.first?["connected"] == false)
            #expect(state["clock"] == ["mode": "manual", "offsetMs": 0])
            let user: JSONValue = ["id": "zhao.min", "name": "赵敏"]
            #expect(try await RawHTTP.post(port, "/api/users", user).status == 200)
            let group: JSONValue = ["id": "wr2", "name": "two", "members": ["zhao.min"]]
            #expect(try await RawHTTP.post(port, "/api/groups", group).status == 200)
            let message: JSONValue = [
                "bot": Self.bot, "user": "zhao.min", "group": "wr2", "type": "mixed",
                "items": [
                    ["type": "text", "text": "look"],
                    ["type": "image", "media": ["name": "a.gif", "base64": "R0lGODlh"]],
                ],
            ]
            let posted = try #require(try await RawHTTP.post(port, "/api/messages", message).json)
            #expect(posted["entry"] == "e1")
            let view = try await RawHTTP.get(port, "/api/view?user=zhao.min&group=wr2&bot=\(SimulatorBot.demo.id)")
            let entry = try #require(view.json?["entries"]?.arrayValue?.first)
            #expect(entry["kind"] == "mixed")
            #expect(entry["items"]?.arrayValue?.first == ["type": "text", "text": "@Build Helper look"])
            let media = try #require(entry["items"]?.arrayValue?.last?["media"])
            #expect(media["mime"] == "image/gif")
            let path = try #require(media["url"]?.stringValue)
            #expect(try await RawHTTP.get(port, path).body == Array("GIF89a".utf8))
        }
    }

    @Test(
        "SIM-4: wrong input gets 400 with the field and the fix",
        arguments: [
            ("/api/messages", "{\"bot\":\"x\"}", "user: missing"),
            (
                "/api/messages", "{\"bot\":\"aibSIM0001example\",\"user\":\"lin.wei\",\"type\":\"poem\"}",
                "type: must be text"
            ),
            (
                "/api/messages", "{\"bot\":\"aibSIM0001example\",\"user\":\"x\",\"type\":\"text\",\"text\":\"\"}",
                "user: unknown"
            ),
            (
                "/api/messages",
                "{\"bot\":\"aibSIM0001example\",\"user\":\"lin.wei\",\"type\":\"file\",\"media\":{\"name\":\"a\",\"base64\":\"?\"}}",
                "media.base64: must be base64"
            ),
            ("/api/messages", "[]", "body: must be a JSON object"),
            ("/api/messages", "{", "body: must be JSON"),
            ("/api/clock/advance", "{\"seconds\":-1}", "seconds: 0 to"),
            ("/api/faults", "[{\"fault\":\"meteor\"}]", "body: must be an array"),
            ("/api/connections/kick", "{\"bot\":\"aibSIM0001example\"}", "bot: not connected"),
            (
                "/api/cards/click",
                "{\"bot\":\"aibSIM0001example\",\"user\":\"lin.wei\",\"entry\":\"e1\",\"key\":\"k\",\"selected\":{\"q\":\"a\"}}",
                "selected.q: must be an array of strings"
            ),
        ])
    func wrongInput(path: String, body: String, reason: String) async throws {
        try await running { _, port in
            let request = RawHTTP.request("POST", path, host: "localhost", headers: "", body: Array(body.utf8))
            let answer = try await RawHTTP.exchange(port, request)
            #expect(answer.status == 400)
            #expect(
                answer.json?["error"]?.stringValue?.hasPrefix(reason) == true,
                "\(String(decoding: answer.body, as: UTF8.self))")
        }
    }

    @Test("SIM-4: foreign hosts and origins are refused, large bodies too, unknown paths are 404")
    func refusals() async throws {
        try await running { _, port in
            let foreign = "Origin: https://evil.example\r\n"
            let own = "Origin: http://127.0.0.1:\(port)\r\n"
            let user: JSONValue = ["id": "a", "name": "a"]
            let large = "POST /api/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 31457281\r\n\r\n"
            var statuses = [
                try await RawHTTP.get(port, "/api/state", host: "evil.example").status,
                try await RawHTTP.get(port, "/api/state", host: "localhost:\(port)").status,
                try await RawHTTP.post(port, "/api/users", user, headers: foreign).status,
                try await RawHTTP.post(port, "/api/users", user, headers: own).status,
                try await RawHTTP.exchange(port, Array(large.utf8)).status,
            ]
            #expect(statuses == [403, 200, 403, 200, 413])
            statuses = []
            for path in ["/nowhere", "/page/../Package.swift", "/page/%2e%2e/x", "/media/plain/none"] {
                statuses.append(try await RawHTTP.get(port, path).status)
            }
            #expect(statuses == [404, 404, 404, 404])
        }
    }

    @Test("SIM-4: the page comes with its policy and without caching")
    func page() async throws {
        try await running { _, port in
            for path in ["/", "/page/index.html"] {
                let answer = try await RawHTTP.get(port, path)
                #expect(answer.status == 200)
                #expect(answer.head.contains("Content-Type: text/html; charset=utf-8"))
                #expect(answer.head.contains("Cache-Control: no-store"))
                let policy = "Content-Security-Policy: default-src 'self'; img-src 'self' data: https: http:"
                #expect(answer.head.contains(policy))
            }
        }
    }

    @Test("SIM-4: events tell entries, frames, connections and the clock, and can be resumed")
    func events() async throws {
        try await running { simulator, port in
            try await TestBot.run(port: port) { bot in
                try await bot.subscribe()
                try simulator.post("hello")
                simulator.advance(by: .seconds(5))
                var text = ""
                var request = RawHTTP.request("GET", "/api/events?since=0", host: "localhost", headers: "", body: [])
                try await RawHTTP.stream(port, request) { piece in
                    text += String(decoding: piece, as: UTF8.self)
                    return !text.contains("event: clock")
                }
                #expect(text.contains("Content-Type: text/event-stream"))
                for part in [
                    "event: connection\ndata: {\"bot\":null,\"connection\":\"c1\",\"state\":\"open\"}",
                    "\"connection\":\"c1\",\"state\":\"subscribed\"", "\"direction\":\"in\"", "\"direction\":\"out\"",
                    "event: entry\ndata: {\"bot\":\"aibSIM0001example\",\"user\":\"lin.wei\",\"group\":null",
                    "event: clock\ndata: {\"mode\":\"manual\",\"offsetMs\":5000",
                ] {
                    #expect(text.contains(part))
                }
                #expect(!text.contains(SimulatorBot.demo.secret))
                let last = try #require(
                    text.split(whereSeparator: \.isNewline).last { $0.hasPrefix("id: ") }?.dropFirst(4).description)
                let resumeAt = try #require(Int(last)) - 1
                text = ""
                request = RawHTTP.request(
                    "GET", "/api/events?since=\(resumeAt)", host: "localhost", headers: "", body: [])
                try await RawHTTP.stream(port, request) { piece in
                    text += String(decoding: piece, as: UTF8.self)
                    return !text.contains("event: clock")
                }
                #expect(!text.contains("event: entry"))
            }
        }
    }

    @Test("SIM-3: faults are set, listed and removed; frames are kept")
    func faults() async throws {
        try await running { simulator, port in
            let script: JSONValue = [["fault": "errorCode", "cmd": "ping", "code": 6000, "count": 1]]
            #expect(try await RawHTTP.post(port, "/api/faults", script).status == 200)
            #expect(try await RawHTTP.get(port, "/api/state").json?["faults"]?.arrayValue?.count == 1)
            try await TestBot.run(port: port) { bot in
                try await bot.send(["cmd": "ping", "headers": ["req_id": "p"]])
                #expect(try await bot.next()["errcode"] == 6_000)
            }
            let frames = try await RawHTTP.get(port, "/api/frames").json?["frames"]?.arrayValue
            #expect(frames?.map { $0["direction"] } == ["in", "out"])
            let delete = RawHTTP.request("DELETE", "/api/faults", host: "localhost", headers: "", body: [])
            #expect(try await RawHTTP.exchange(port, delete).status == 200)
            #expect(simulator.snapshot.faults == SimulatorFaults())
        }
    }
}
