import Scenarios
import Testing

@Suite struct FormatTests {
    private static func problem(_ body: String) -> String {
        do {
            _ = try Fixtures.scenario("title: t\n" + body)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "SIM-5: a mistake is named with its line and what was expected",
        arguments: [
            ("dances", "test.scenario:2: unknown step `dances`; docs/scenarios.md lists them"),
            ("online\nadvance soon", "test.scenario:3: no time: soon"),
            ("advance 3 s", "test.scenario:2: a time ends with ms, s, min or h: 3"),
            ("out {\"cmd\": }", "test.scenario:2: not JSON: {\"cmd\": }"),
            ("in nothing.json", "test.scenario:2: nothing.json: "),
            ("in ping", "test.scenario:2: ping is neither a frame nor a .json file"),
            ("online now", "test.scenario:2: `now` is not expected here"),
            ("online\nset seed 3", "test.scenario:3: `set` comes before the first step"),
            ("set nonsense 3", "test.scenario:2: unknown setting `nonsense`"),
            ("set onReplaced later", "test.scenario:2: onReplaced is wait, exit or takeover"),
            ("handler dances tango", "test.scenario:2: a handler does not `tango`"),
            ("handler says", "test.scenario:2: expected a text in quotes"),
            ("handler says 3 times", "test.scenario:2: write `3 x \"text\"`"),
            ("push lin.wei \"x\"", "test.scenario:2: `single` or `group`"),
            ("ack soon", "test.scenario:2: `ack` takes nothing, an errcode or a file"),
            ("\"online\"", "test.scenario:2: a line begins with a word, not with \"online\""),
            ("out out-ping.json headers.req_id=", "test.scenario:2: headers.req_id= needs a value"),
        ])
    func mistakes(body: String, message: String) { #expect(Self.problem(body).hasPrefix(message)) }

    @Test("SIM-5: a scenario without a title is refused")
    func title() { #expect(throws: ScenarioSyntaxError.self) { try Fixtures.scenario("online\n") } }

    @Test("SIM-5: a frame may span lines, and the lines after it keep their numbers")
    func lines() {
        let body = "in {\n  \"cmd\": \"ping\",\n  \"headers\": {\"req_id\": \"}\"}\n}\ndances"
        #expect(Self.problem(body).hasPrefix("test.scenario:6:"))
    }

    @Test(
        "SIM-5: a difference is named with its line, its place, what was expected and what came",
        arguments: [
            ("online\nno frames\nout ping", "test.scenario:4: expected a frame; none came"),
            (
                "online\nin in-server-ping.json",
                "test.scenario:3: expected no frames, but this frame came\n  got       {"
            ),
            (
                "online\nin in-server-ping.json\nout out-pong.json",
                "test.scenario:4: body is not expected\n  expected  {"
            ),
            (
                "online\nin in-server-ping.json\nout out-pong.json body={} headers.req_id=\"other\"",
                "test.scenario:4: headers.req_id differs\n  expected  {"
            ),
            (
                "online\nin in-server-ping.json\nout out-pong.json body={} headers.more=1",
                "test.scenario:4: headers.more is missing"
            ),
            (
                "online\nin in-server-ping.json\nout out-pong.json body={} cmd=$turn headers.req_id=$turn",
                "test.scenario:4: headers.req_id is not $turn, which is \"pong\""
            ),
            ("connects\nout subscribe\nstatus online", "test.scenario:4: the session is connecting, not online"),
            ("online\nconnects", "test.scenario:3: expected a connection attempt; there was none"),
            ("online\nclient closes", "test.scenario:3: expected the client to close the connection; it did not"),
            ("online\nhandler says \"x\"", "test.scenario:3: no handler got a message yet"),
            ("online\nhandler gets \"x\"", "test.scenario:3: expected a message for the handler; none came"),
            ("online\nin {\"headers\": {\"req_id\": \"$who\"}}", "test.scenario:3: $who stands for nothing yet"),
            ("online\nin in-event-auth-change.json", "test.scenario:3: an event came that the scenario does not name"),
            ("online\nwait 5s", "test.scenario:3: the client did nothing in that time"),
            ("refuses connection\nin in-server-ping.json", "test.scenario:3: there is no connection"),
            ("refuses connection\ndrops connection", "test.scenario:3: there is no connection"),
            ("online\nends", "test.scenario:3: the bot runs on"),
            ("online\nshutdown\nclient closes\nends superseded", "test.scenario:5: the bot ended"),
        ])
    func differences(body: String, beginning: String) async throws {
        let file = try Fixtures.scenario("title: t\n" + body + "\n")
        for way in ScenarioPlayer.Way.allCases {
            let result = await ScenarioPlayer.play(file, over: way)
            let failure = try #require(result.failure)
            #expect(failure.hasPrefix(beginning), "\(way): \(failure)")
        }
    }
}
