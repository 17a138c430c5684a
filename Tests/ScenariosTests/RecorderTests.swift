import AIBotWS
import Foundation
import Logging
import Scenarios
import Shared
import Testing

@Suite struct RecorderTests {
    /// Plays a scenario and gives its recording as text.
    private static func recording(
        of file: ScenarioFile, over way: ScenarioPlayer.Way = .inProcess, _ options: ScenarioRecorder.Options
    ) async -> String {
        let recorder = ScenarioRecorder(options)
        let result = await ScenarioPlayer.play(file, over: way) { recorder.record($0, $1, at: $2) }
        #expect(result.passed, "\(result.failure ?? "")")
        return recorder.text(title: "recorded")
    }

    @Test("SIM-5: what was recorded replays", arguments: Fixtures.scenarios)
    func replays(path: String) async throws {
        let file = try ScenarioFile.load(path)
        let text = await Self.recording(of: file, file.recorderOptions)
        let replay = await ScenarioPlayer.play(try Fixtures.scenario(text), over: .inProcess)
        #expect(replay.passed, "\(replay.failure ?? "")\n\(text)")
    }
}

extension RecorderTests {
    /// A conversation with everything in it that must not get out.
    private static let revealing = """
        title: private
        set botID "aibPRIVATEbot"
        set secret "PRIVATE-SECRET"
        set displayName "Private Helper"
        online
        in {"cmd": "aibot_msg_callback", "headers": {"req_id": "PRIVATEreq1"}, "body": {"msgid": "PRIVATEmsg1",
            "aibotid": "aibPRIVATEbot", "chatid": "wrPRIVATEchat", "chattype": "group", "create_time": 1795123456,
            "from": {"userid": "private.person", "corpid": "wwPRIVATEcorp"}, "msgtype": "mixed",
            "response_url": "https://private.example/r?code=PRIVATE", "private_field": {"inner": "PRIVATE value", "n": 4711},
            "mixed": {"msg_item": [{"msgtype": "text", "text": {"content": "@Private Helper my password is hunter2 密码"}},
            {"msgtype": "image", "image": {"url": "https://private.example/i?sign=PRIVATE", "aeskey": "PRIVATEKEY"}}]}}}
        out bubble $b "<think></think>"
        ack
        handler gets "my password is hunter2 密码"
        handler says "Your password is **hunter2**."
        out bubble $b "Your password is **hunter2**."
        ack 846607
        advance 2s
        handler says " Really 密码."
        advance 1s
        out bubble $b "Your password is **hunter2**. Really 密码."
        ack
        in {"cmd": "aibot_msg_callback", "headers": {"req_id": "PRIVATEreq2"}, "body": {"msgid": "PRIVATEmsg2",
            "aibotid": "aibPRIVATEbot", "chattype": "single", "from": {"userid": "private.person"},
            "msgtype": "PRIVATE", "PRIVATE": {"x": 1}}}
        out bubble $b2 "$starts:🤔" finish
        ack
        drops connection
        wait 1s
        online
        push single private.person "the hunter2 secret"
        out push single private.person "the hunter2 secret"
        in {"headers": {"req_id": "$last"}, "errcode": 93006, "errmsg": "invalid chatid PRIVATE, from ip: 203.0.113.9"}
        outcome rejected 93006
        handler finishes
        out bubble $b "$contains:hunter2" finish at PRIVATEreq1
        in {"headers": {"req_id": "PRIVATEreq1"}, "errcode": 0, "errmsg": "ok"}
        advance 1min
        """

    private static let secrets = [
        "private", "hunter2", "密码", "password", "4711", "203.0.113.9", "1795123456", "Helper", "Really",
    ]

    @Test(
        "SIM-5: a recording has nothing personal in it, and replays both ways", arguments: ScenarioPlayer.Way.allCases)
    func scrubbed(way: ScenarioPlayer.Way) async throws {
        let file = try Fixtures.scenario(Self.revealing)
        let text = await Self.recording(of: file, over: way, file.recorderOptions)
        for secret in Self.secrets {
            #expect(!text.lowercased().contains(secret.lowercased()), "\(secret) is in\n\(text)")
        }
        #expect(
            text.contains(
                "xxxx xxxxxxxx xx **xxxxxx0**.".replacingOccurrences(of: "xxxx xxxxxxxx", with: "Xxxx xxxxxxxx")))
        #expect(text.contains("@Scrubbed Bot xx xxxxxxxx xx xxxxxx0 文文"))
        for replayed in ScenarioPlayer.Way.allCases {
            let replay = await ScenarioPlayer.play(try Fixtures.scenario(text), over: replayed)
            #expect(replay.passed, "\(replay.failure ?? "")\n\(text)")
        }
    }

    @Test("SIM-5: texts are kept where that is wanted; ids and secrets are not")
    func keepsText() async throws {
        let file = try Fixtures.scenario(Self.revealing)
        var options = file.recorderOptions
        options.keepsText = true
        let text = await Self.recording(of: file, options)
        #expect(text.contains("my password is hunter2 密码"))
        for secret in ["PRIVATE-SECRET", "aibPRIVATE", "wrPRIVATE", "private.person", "PRIVATEKEY", "sign="] {
            #expect(!text.contains(secret), "\(secret)")
        }
    }

    @Test("SIM-5: a recording is bounded, and says where it ends")
    func bounded() throws {
        var options = ScenarioRecorder.Options()
        options.maxFrames = 3
        options.maxBytes = 100
        let recorder = ScenarioRecorder(options)
        let ping = Array(#"{"cmd":"ping","headers":{"req_id":"p"}}"#.utf8)
        for _ in 0..<10 { recorder.record(.inbound, ping[...], at: MonotonicInstant()) }
        #expect(recorder.count == 2)
        #expect(recorder.isFull)
        #expect(recorder.text(title: "t").hasSuffix("# The recording ends here: it reached its bound.\n"))
    }

    @Test("SIM-5: what is no frame is left out of a recording")
    func noise() throws {
        let recorder = ScenarioRecorder()
        let noise = ["{", "[1]", "null", "\"PRIVATE\"", "{\"cmd\":\"PRIVATE_command\",\"headers\":{\"req_id\":7}}"]
        for text in noise {
            recorder.record(.outbound, Array(text.utf8)[...], at: MonotonicInstant())
            recorder.record(.inbound, Array(text.utf8)[...], at: MonotonicInstant())
        }
        let text = recorder.text(title: "two\nlines")
        #expect(text.contains("title: two lines\n"))
        #expect(!text.contains("\"PRIVATE\""))
        _ = try Fixtures.scenario(text)
    }
}

extension RecorderTests {
    /// A real handler, which gives its whole answer at once, on the system's clock.
    @Test("SIM-5: a run of a program that nobody scripted replays")
    func unscripted() async throws {
        let transport = InProcessTransport(clock: SystemMonotonicClock())
        transport.setReply { _, text in
            guard let frame = try? JSONValue(parsing: text.utf8), frame["errcode"] == nil else { return [] }
            return [JSONValue.dictionary(["headers": frame["headers"], "errcode": .integer(0), "errmsg": "ok"]).text]
        }
        let recorder = ScenarioRecorder()
        let clock = SystemMonotonicClock()
        let bot = AIBotClient(
            AIBotClient.Configuration(
                session: SessionConfiguration(
                    botID: "aibPRIVATE", secret: "PRIVATE",
                    target: ConnectionTarget(secure: false, host: "127.0.0.1", port: 9))
            ),
            transport: transport, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            tap: { recorder.record($0, $1, at: clock.now) })
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await bot.run { message, reply in try await reply.append("You said: " + message.text) }
            }
            let id = await transport.connection(number: 1)
            for number in 1...3 {
                let before = await transport.sent(id, atLeast: 1).count
                transport.deliver(Self.message(number), to: id)
                await Self.finalFrame(transport, id, after: before)
            }
            group.cancelAll()
        }
        let text = recorder.text(title: "unscripted")
        #expect(!text.contains("PRIVATE"))
        #expect(text.contains("handler h3 gets"))
        let replay = await ScenarioPlayer.play(try Fixtures.scenario(text), over: .inProcess)
        #expect(replay.passed, "\(replay.failure ?? "")\n\(text)")
    }

    private static func message(_ number: Int) -> String {
        """
        {"cmd":"aibot_msg_callback","headers":{"req_id":"PRIVATE\(number)"},"body":{"msgid":"m\(number)","chattype":"single",
        "from":{"userid":"lin.wei"},"msgtype":"text","text":{"content":"message \(number)"}}}
        """
    }

    private static func finalFrame(_ transport: InProcessTransport, _ id: ConnectionID, after count: Int) async {
        var wanted = count + 1
        while true {
            let sent = await transport.sent(id, atLeast: wanted)
            if sent[count...].contains(where: { $0.contains("\"finish\":true") }) { return }
            wanted = sent.count + 1
        }
    }
}
