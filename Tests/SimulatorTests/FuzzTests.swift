import Simulator
import Testing

@Suite("Any input")
struct FuzzTests {
    private static let commands = [
        "aibot_subscribe", "ping", "pong", "aibot_respond_msg", "aibot_respond_welcome_msg",
        "aibot_respond_update_msg", "aibot_send_msg", "aibot_upload_media_init", "aibot_upload_media_chunk",
        "aibot_upload_media_finish", "aibot_get_mcp_config", "aibot_unheard_of",
    ]
    private static let keys = [
        "bot_id", "secret", "chatid", "chat_type", "msgtype", "stream", "markdown", "template_card", "image", "id",
        "finish", "content", "feedback", "card_type", "task_id", "button_list", "checkbox", "option_list", "key",
        "text", "type", "filename", "total_size", "total_chunks", "upload_id", "chunk_index", "base64_data",
        "media_id", "response_type", "userids", "md5",
    ]
    private static let words = [
        "stream", "markdown", "template_card", "image", "file", "text", "lin.wei", "button_interaction",
        "update_template_card", "aGVsbG8=", "", "🙂", SimulatorBot.demo.id, SimulatorBot.demo.secret,
    ]
    private static let numbers = [Int.min, -1, 0, 1, 2, 100, 524_288, 20_971_520, Int.max]

    private static func value(_ depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 3 ? 5 : 9), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .int(numbers[Int.random(in: 0..<numbers.count, using: &random)])
        case 3: return .double(1e300)
        case 4: return .string(words[Int.random(in: 0..<words.count, using: &random)])
        case 5: return .array((0..<3).map { _ in value(depth + 1, &random) })
        default:
            var object = JSONObject()
            for _ in 0..<5 {
                object[keys[Int.random(in: 0..<keys.count, using: &random)]] = value(depth + 1, &random)
            }
            return .object(object)
        }
    }

    @Test("SIM-3: whatever a program sends, it gets at most one ack and the platform goes on", arguments: [1, 2, 3])
    func randomCommands(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var harness = CoreHarness()
        let id = try harness.subscribed()
        var reqIDs = ["own"]
        for step in 0..<4_000 {
            if step % 40 == 0 {
                reqIDs.append(try harness.post())
                reqIDs.append(try #require(try harness.act(.enter(bot: CoreHarness.bot.id, user: "lin.wei")).reqID))
                harness.advance(Int.random(in: 0...90_000, using: &random))
            }
            let before = harness.sent[id]?.count ?? 0
            let cmd = Self.commands[Int.random(in: 0..<Self.commands.count, using: &random)]
            let reqID = reqIDs[Int.random(in: 0..<reqIDs.count, using: &random)]
            _ = harness.send(id, cmd, Self.value(0, &random), reqID: reqID)
            let frames = (harness.sent[id] ?? []).dropFirst(before)
            #expect(frames.count == (cmd == "pong" ? 0 : 1))
        }
        #expect(harness.core.owner(of: CoreHarness.bot.id) == id)
        #expect(harness.closed.isEmpty)
    }

    @Test("SIM-3: faults with absurd numbers do no harm")
    func absurdFaults() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        for kind in SimulatorFault.Kind.allCases where kind != .oversizedFrame {
            for number in [Int.min, -1, Int.max] {
                let fault = SimulatorFault(kind, cmd: "*", nth: number, count: number, ms: number, code: number)
                harness.core.setFaults(SimulatorFaults([fault]))
                let connection = harness.core.state(of: id) == .subscribed ? id : harness.open()
                _ = harness.send(connection, "aibot_subscribe", CoreHarness.credentials)
                _ = try? harness.post()
                harness.advance(1_000)
            }
        }
        harness.core.setFaults(SimulatorFaults())
        let last = try harness.subscribed()
        #expect(harness.core.owner(of: CoreHarness.bot.id) == last)
    }
}
