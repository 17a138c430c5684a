import Crypto
import Foundation
import Simulator
import Testing

@Suite("Webhook side")
struct WebhookTests {
    private typealias Harness = WebhookHarness

    @Test("SIM-1: a text, its placeholder, refreshes that replace, the last frame")
    func stream() throws {
        var harness = try Harness()
        let outcome = try harness.post()
        #expect(outcome.isDelivered && outcome.reqID == nil)
        let message = try harness.callback()
        #expect(
            message.body.objectValue?.keys
                == ["msgid", "aibotid", "chattype", "from", "response_url", "msgtype", "text"])
        #expect(message["msgid"]?.stringValue == outcome.msgID)
        #expect(message["text"] == ["content": "hello"])
        try harness.answer(message, Harness.stream("1"))
        #expect(harness.bubbles.map(\.content) == ["1"])
        #expect(harness.bubbles.first?.finished == false && harness.bubbles.first?.via == .webhook)
        for (index, content) in ["on", "one"].enumerated() {
            harness.advance(999)
            #expect(try harness.next() == nil)
            harness.advance(1)
            let refresh = try harness.callback()
            #expect(refresh["msgtype"] == "stream" && refresh["stream"] == ["id": "s1"])
            #expect(refresh["response_url"] == nil && refresh["msgid"] != message["msgid"])
            try harness.answer(refresh, Harness.stream(content, final: index == 1))
            #expect(harness.bubbles.map(\.content) == [content])
        }
        #expect(harness.bubbles.first?.finished == true)
        #expect(harness.core.polls(of: "s1", bot: SimulatorBot.demo.id)?.count == 2)
        harness.advance(400_000)
        #expect(try harness.next() == nil)
        #expect(harness.core.violations.isEmpty)
    }
}
