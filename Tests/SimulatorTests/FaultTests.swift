import Simulator
import Testing

@Suite("Fault injection")
struct FaultTests {
    /// A subscribed harness with one open message.
    private func prepared(_ faults: [SimulatorFault]) throws -> (CoreHarness, ConnectionID, String) {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let reqID = try harness.post()
        harness.core.setFaults(SimulatorFaults(faults))
        return (harness, id, reqID)
    }

    private let frame: JSONValue = ["msgtype": "stream", "stream": ["id": "s", "finish": true, "content": "x"]]

    @Test("SIM-3: a lost ack: the command is carried out all the same")
    func dropAck() throws {
        var (harness, id, reqID) = try prepared([SimulatorFault(.dropAck, cmd: "aibot_respond_msg")])
        let before = harness.sent[id]?.count
        _ = harness.send(id, "aibot_respond_msg", frame, reqID: reqID)
        harness.advance(3_600_000)
        #expect(harness.sent[id]?.count == before)
        #expect(harness.bubbles().map(\.content) == ["x"])
    }

    @Test("SIM-3: delayed, late and doubled acks")
    func timing() throws {
        for (fault, times) in [
            (SimulatorFault(.delayAck, ms: 700), [700]), (SimulatorFault(.lateAck), [15_000]),
            (SimulatorFault(.duplicateAck, ms: 40), [0, 40]),
        ] {
            var (harness, id, reqID) = try prepared([fault])
            let start = harness.now
            var seen: [Int] = []
            var count = harness.sent[id]?.count ?? 0
            _ = harness.send(id, "aibot_respond_msg", frame, reqID: reqID)
            while harness.now <= start + 15_000 {
                let now = harness.sent[id]?.count ?? 0
                seen += Array(repeating: harness.now - start, count: now - count)
                count = now
                guard let next = harness.core.nextDeadline else { break }
                harness.advance(next - harness.now)
            }
            #expect(seen == times)
        }
    }

    @Test("SIM-3: an ack without req_id, in a binary frame, with a chosen error")
    func shapes() throws {
        var (harness, id, reqID) = try prepared([SimulatorFault(.ackWithoutReqID, count: 1)])
        #expect(try harness.command(id, "aibot_respond_msg", frame, reqID: reqID)["headers"] == nil)
        harness.core.setFaults(SimulatorFaults([SimulatorFault(.binaryAck)]))
        _ = harness.send(id, "aibot_respond_msg", frame, reqID: reqID)
        let bytes = try #require(harness.binary[id]?.first)
        #expect(try JSONValue.parse(bytes)["errcode"] == 846_608)
        harness.core.setFaults(SimulatorFaults([SimulatorFault(.errorCode, code: 846_607)]))
        let ack = try harness.command(id, "aibot_respond_msg", frame, reqID: try harness.post())
        #expect(ack["errcode"] == 846_607)
        #expect(ack["errmsg"]?.stringValue?.hasPrefix("aibot send msg frequency limit exceeded, hint:") == true)
        #expect(harness.bubbles().count == 1)
    }

    @Test("SIM-3: a half-open connection keeps the socket and neither reads nor sends")
    func halfOpen() throws {
        var (harness, id, _) = try prepared([])
        try harness.act(.halfOpen(bot: CoreHarness.bot.id))
        #expect(harness.readingPaused == [id])
        let before = harness.sent[id]?.count
        _ = harness.send(id, "ping", nil)
        #expect(
            try harness.act(.post(UserPost(bot: CoreHarness.bot.id, user: "lin.wei", content: .text("x")))).isDelivered
                == false)
        #expect(harness.sent[id]?.count == before)
        #expect(harness.closed[id] == nil)
    }

    @Test("SIM-3: dropped before and after the command, closed with a code")
    func drops() throws {
        for (fault, code, shown) in [
            (SimulatorFault(.dropBefore), nil, 0), (SimulatorFault(.dropAfter), nil, 1),
            (SimulatorFault(.close, code: 1_001), UInt16(1_001), 1),
        ] {
            var (harness, id, reqID) = try prepared([fault])
            _ = harness.send(id, "aibot_respond_msg", frame, reqID: reqID)
            #expect(harness.closed[id] == .some(code))
            #expect(harness.bubbles().count == shown)
            #expect(harness.core.owner(of: CoreHarness.bot.id) == nil)
        }
    }

    @Test("SIM-3: a kicked connection is told and loses its rights")
    func kick() throws {
        var (harness, id, _) = try prepared([])
        try harness.act(.kick(bot: CoreHarness.bot.id))
        #expect(
            try harness.callback(id, "aibot_event_callback")["body"]?["event"] == ["eventtype": "disconnected_event"])
        #expect(try harness.push(id, "x") == 846_609)
    }

    @Test("SIM-3: a slow reader pauses for a while")
    func slowReader() throws {
        var (harness, id, reqID) = try prepared([SimulatorFault(.slowReader, ms: 300)])
        #expect(try harness.command(id, "aibot_respond_msg", frame, reqID: reqID)["errcode"] == 0)
        #expect(harness.readingPaused == [id])
        harness.advance(300)
        #expect(harness.readingPaused.isEmpty)
    }

    @Test("SIM-3: frames that nobody expects come before the ack")
    func strangeFrames() throws {
        let kinds: [SimulatorFault.Kind] = [
            .unknownCommand, .unknownEvent, .unknownMessageType, .serverPing, .malformedFrame, .oversizedFrame,
        ]
        let (prepared, id, reqID) = try prepared(kinds.map { SimulatorFault($0) })
        var harness = prepared
        let before = harness.rawTexts[id]?.count ?? 0
        _ = harness.send(id, "aibot_respond_msg", frame, reqID: reqID)
        let texts = Array((harness.rawTexts[id] ?? []).dropFirst(before))
        #expect(texts.count == kinds.count + 1)
        #expect(texts[0].contains("aibot_unheard_of"))
        #expect(texts[1].contains("unheard_of_event"))
        #expect(texts[2].contains("\"msgtype\":\"location\""))
        #expect(texts[3].contains("\"cmd\":\"ping\""))
        #expect((try? JSONValue.parse(texts[4])) == nil)
        #expect(texts[5].utf8.count > 2 << 20)
        #expect(texts[6].contains("\"errcode\":0"))
    }

    @Test("SIM-3: acknowledged but not shown: stream updates and cards")
    func silentDiscards() throws {
        var (harness, id, reqID) = try prepared([SimulatorFault(.discardStreamUpdate), SimulatorFault(.hideCard)])
        #expect(try harness.stream(id, reqID, "first") == 0)
        #expect(try harness.stream(id, reqID, "second") == 0)
        let card = try #require(CardTests.samples["text_notice"])
        let body: JSONValue = ["msgtype": "template_card", "template_card": card]
        #expect(try harness.command(id, "aibot_respond_msg", body, reqID: reqID)["errcode"] == 0)
        #expect(harness.bubbles().map(\.content) == ["first"])
    }

    @Test("SIM-3: callbacks lost, late and doubled")
    func callbacks() throws {
        let cmd = "aibot_msg_callback"
        var (harness, id, _) = try prepared([
            SimulatorFault(.dropCallback, cmd: cmd, nth: 1), SimulatorFault(.delayCallback, cmd: cmd, nth: 2, ms: 500),
            SimulatorFault(.redeliver, cmd: cmd, nth: 3, ms: 100),
        ])
        func count() -> Int { (harness.sent[id] ?? []).count { $0["cmd"]?.stringValue == cmd } - 1 }
        for text in ["lost", "late", "double"] {
            try harness.act(.post(UserPost(bot: CoreHarness.bot.id, user: "lin.wei", content: .text(text))))
        }
        #expect(count() == 1)
        harness.advance(100)
        #expect(count() == 2)
        harness.advance(400)
        #expect(count() == 3)
        #expect(try harness.callback(id)["body"]?["text"]?["content"] == "late")
    }

    @Test("SIM-3: nth, count, bot and probability decide when a fault fires")
    func matching() throws {
        var (harness, id, _) = try prepared([
            SimulatorFault(.errorCode, cmd: "aibot_send_msg", nth: 2, count: 2, code: -1),
            SimulatorFault(.errorCode, cmd: "aibot_send_msg", bot: "another", code: 6_000),
        ])
        #expect(try (0..<5).map { try harness.push(id, "n\($0)") } == [0, -1, -1, 0, 0])
        harness.core.setFaults(
            SimulatorFaults([SimulatorFault(.errorCode, cmd: "aibot_send_msg", probability: 0.5, code: -1)]))
        harness.core.options.quotaPerMinute = 0
        let refused = try (0..<200).count { try harness.push(id, "n\($0)") == -1 }
        #expect((60...140).contains(refused))
    }

    @Test("SIM-3: subscribing can be refused with any code")
    func refusedSubscribe() throws {
        var harness = CoreHarness()
        harness.core.setFaults(
            SimulatorFaults([SimulatorFault(.errorCode, cmd: "aibot_subscribe", count: 1, code: 45_009)]))
        let id = harness.open()
        #expect(try harness.command(id, "aibot_subscribe", CoreHarness.credentials)["errcode"] == 45_009)
        #expect(try harness.push(id, "x") == 846_609)
        #expect(try harness.command(id, "aibot_subscribe", CoreHarness.credentials)["errcode"] == 0)
    }
}
