import Testing

@testable import Shared

@Suite("One message interface")
struct ChannelTests {
    @Test(
        "GW-1: the same handler answers on a channel without bubbles: whole messages, each within that channel's limit")
    func withoutBubbles() async {
        let answer = (0..<400).map { "第 \($0) 行" }.joined(separator: "\n")
        let channel = FakeChannel(streams: false, maxTextBytes: 2_048)
        await EngineBench.run(channel: channel, handler: { _, reply in try await reply.append(answer) }) {
            engine, channel, _ in
            engine.accept(EngineBench.message(1))
            await eventually("answered") { engine.openTurns == 0 }
            let pushed = channel.shown("push:lin.wei")
            #expect(pushed.count > 1)
            #expect(pushed.allSatisfy { $0.utf8.count <= 2_048 })
            #expect(pushed.joined() == answer)
            #expect(channel.operations.allSatisfy { if case .push = $0 { true } else { false } })
        }
    }

    @Test("GW-1: and on one with bubbles it grows in place, with nothing pushed")
    func withBubbles() async {
        await EngineBench.run(handler: { _, reply in try await reply.append("hello") }) { engine, channel, _ in
            engine.accept(EngineBench.message(1))
            await eventually("answered") { engine.openTurns == 0 }
            #expect(channel.shown("r1") == ["hello"])
            #expect(channel.shown("push:lin.wei").isEmpty)
        }
    }
}
