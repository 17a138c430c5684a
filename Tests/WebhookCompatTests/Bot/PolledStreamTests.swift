import Shared
import Testing

@testable import WebhookCompat

private let conversation = Conversation(kind: .direct, id: "lin.wei")
private let words = PolledStream.Words(placeholder: "1", elsewhere: "below")

private func seconds(_ seconds: Double) -> MonotonicInstant {
    MonotonicInstant().advanced(by: .milliseconds(Int64(seconds * 1_000)))
}

private func stream() -> PolledStream {
    PolledStream(id: "s", conversation: conversation, words: words, endsAt: seconds(360), now: seconds(0))
}

@Suite("PolledStream: transitions")
struct PolledStreamTests {
    @Test(
        "webhook.refresh: P21, WB-2: the first answer is the placeholder, each refresh gets the newest content, the same when nothing is new"
    )
    func growing() {
        var stream = stream()
        #expect(stream.frame(now: seconds(0), for: .message).content == "1")
        #expect(stream.show("a", isFinal: false, images: [], feedback: nil, now: seconds(1)) == true)
        #expect(stream.show("ab", isFinal: false, images: [], feedback: nil, now: seconds(2)) == true)
        for _ in 0..<2 {
            let frame = stream.frame(now: seconds(3), for: .refresh)
            #expect(frame.content == "ab" && !frame.isFinal)
        }
        #expect(stream.refreshes == 2)
    }

    @Test("WB-2: the feedback id is on the first answer alone, which a refresh never is, also after a restart")
    func feedbackOnce() {
        var restored = stream()
        _ = restored.show("a", isFinal: false, images: [], feedback: "f", now: seconds(1))
        #expect(restored.frame(now: seconds(2), for: .earlierMessage).feedback == nil)
        #expect(restored.frame(now: seconds(2), for: .refresh).feedback == nil)
        var fresh = stream()
        _ = fresh.show("a", isFinal: false, images: [], feedback: "f", now: seconds(1))
        #expect(fresh.frame(now: seconds(2), for: .message).feedback == "f")
        #expect(fresh.frame(now: seconds(3), for: .refresh).feedback == nil)
    }

    @Test(
        "WB-2: the last content counts as delivered once an answer with it went out whole, and is given again when asked for"
    )
    func delivered() {
        var stream = stream()
        _ = stream.frame(now: seconds(0), for: .message)
        _ = stream.show("all", isFinal: true, images: [], feedback: nil, now: seconds(1))
        #expect(stream.verdict(now: seconds(1)) == .waiting(until: seconds(31)))
        let frame = stream.frame(now: seconds(2), for: .refresh)
        #expect(frame.isFinal && frame.content == "all")
        #expect(stream.verdict(now: seconds(2)) == .waiting(until: seconds(32)))
        stream.written(frame, now: seconds(2))
        #expect(stream.verdict(now: seconds(2)) == .delivered)
        #expect(stream.frame(now: seconds(3), for: .refresh) == frame)
        #expect(stream.show("more", isFinal: true, images: [], feedback: nil, now: seconds(4)) == false)
    }

    @Test(
        "WB-2: the answer to the message never ends the bubble, since it may get lost and nothing tells: a refresh does",
        arguments: [PolledStream.Occasion.message, .earlierMessage])
    func proof(occasion: PolledStream.Occasion) {
        var stream = stream()
        _ = stream.show("all", isFinal: true, images: [], feedback: nil, now: seconds(1))
        for second in 1...3 {
            let frame = stream.frame(now: seconds(Double(second)), for: occasion)
            #expect(frame.content == "all" && !frame.isFinal)
            stream.written(frame, now: seconds(Double(second)))
        }
        #expect(stream.verdict(now: seconds(4)) == .waiting(until: seconds(33)))
        // The platform never had one of them: what there is to say goes another way.
        #expect(stream.verdict(now: seconds(33)) == .over)
    }

    @Test("WB-2: pictures alone come with the end; until then the bubble shows its placeholder")
    func picturesAlone() {
        var stream = stream()
        let picture = BubblePicture(OutboundMedia(path: "/a.png", kind: .image, name: "a.png", bytes: 1))
        _ = stream.show("", isFinal: true, images: [picture], feedback: nil, now: seconds(1))
        let first = stream.frame(now: seconds(1), for: .message)
        #expect(first.content == "1" && !first.isFinal && first.images.isEmpty)
        #expect(stream.frame(now: seconds(2), for: .refresh).images == [picture])
    }

    @Test("WB-2: an answer that went out with older content delivers nothing")
    func stale() {
        var stream = stream()
        _ = stream.show("a", isFinal: false, images: [], feedback: nil, now: seconds(1))
        let old = stream.frame(now: seconds(1), for: .refresh)
        _ = stream.show("ab", isFinal: true, images: [], feedback: nil, now: seconds(2))
        stream.written(old, now: seconds(2))
        #expect(stream.verdict(now: seconds(3)) == .waiting(until: seconds(32)))
    }

    @Test(
        "webhook.refresh: P21, WB-2: a last content that nobody asks for within 30 s, or before the window ends, is over; it is not shown any more"
    )
    func over() {
        var silent = stream()
        _ = silent.show("all", isFinal: true, images: [], feedback: nil, now: seconds(10))
        #expect(silent.verdict(now: seconds(39)) == .waiting(until: seconds(40)))
        #expect(silent.verdict(now: seconds(40)) == .over)
        let late = silent.frame(now: seconds(41), for: .refresh)
        #expect(late.isFinal && late.content == "below")

        var old = stream()
        _ = old.frame(now: seconds(359), for: .refresh)
        _ = old.show("all", isFinal: true, images: [], feedback: nil, now: seconds(360))
        #expect(old.verdict(now: seconds(365)) == .over)
    }

    @Test("WB-2: the feedback id goes with the first frame alone")
    func feedback() {
        var stream = stream()
        _ = stream.show("a", isFinal: false, images: [], feedback: "f", now: seconds(0))
        #expect(stream.frame(now: seconds(0), for: .message).feedback == "f")
        _ = stream.show("ab", isFinal: true, images: [], feedback: "f", now: seconds(1))
        #expect(stream.frame(now: seconds(1), for: .refresh).feedback == nil)
    }

    @Test("WB-2: bubbles are bounded; ended ones are kept for 10 minutes after their last use")
    func bounds() {
        var streams = PolledStreams()
        var opened = 0
        for number in 0..<PolledStreams.limit + 1 {
            opened += streams.open(stream(), id: "\(number)", now: seconds(0)) ? 1 : 0
        }
        #expect(opened == PolledStreams.limit)
        _ = streams.with("7") { $0.show("all", isFinal: true, images: [], feedback: nil, now: seconds(1)) }
        _ = streams.with("7") { $0.verdict(now: seconds(400)) }
        streams.sweep(now: seconds(999))
        #expect(streams.count == PolledStreams.limit)
        streams.sweep(now: seconds(1_000))
        #expect(streams.count == PolledStreams.limit - 1 && streams["7"] == nil)
        streams.sweep(now: seconds(1_200))
        #expect(streams.count == 0)
        let reopens = streams.open(stream(), id: "one more", now: seconds(1_200))
        #expect(reopens)
    }

    @Test("WB-2: at the bound bubbles that have ended make room, the oldest first; those that are asked for stay")
    func room() {
        var streams = PolledStreams()
        for number in 0..<PolledStreams.limit {
            let isOpen = streams.open(stream(), id: "\(number)", now: seconds(0))
            #expect(isOpen)
            guard number % 2 == 0 else { continue }
            streams.with("\(number)") { stream in
                _ = stream.show("all", isFinal: true, images: [], feedback: nil, now: seconds(1))
                stream.written(stream.frame(now: seconds(1), for: .refresh), now: seconds(1))
            }
        }
        let isOpen = streams.open(stream(), id: "next", now: seconds(2))
        #expect(isOpen && streams.count == PolledStreams.limit * 9 / 10 + 1)
        #expect(streams["0"] == nil && streams["2"] == nil)
        #expect(streams["1"] != nil && streams["\(PolledStreams.limit - 2)"] != nil)
    }

    @Test(
        "dedupe.repeated: P8, WB-1: exactly the same request gets exactly the same answer for 2 hours; number and bytes are bounded"
    )
    func replay() {
        var memory = ReplayMemory()
        let answer = ReplayMemory.Answer(contentType: "t", body: [1])
        memory.keep(answer, to: "q", now: seconds(0))
        #expect(memory.answer(to: "q", now: seconds(7_199))?.body == answer.body)
        #expect(memory.answer(to: "q", now: seconds(7_200)) == nil)
        #expect(memory.answer(to: "other", now: seconds(0)) == nil)
        let long = ReplayMemory.Answer(contentType: "t", body: [UInt8](repeating: 0, count: 65_536))
        for number in 0..<600 { memory.keep(long, to: "\(number)", now: seconds(1)) }
        #expect(memory.answer(to: "599", now: seconds(1)) != nil && memory.answer(to: "0", now: seconds(1)) == nil)
        let longer = ReplayMemory.Answer(contentType: "t", body: [UInt8](repeating: 0, count: 65_537))
        memory.keep(longer, to: "longer", now: seconds(1))
        #expect(memory.answer(to: "longer", now: seconds(1)) == nil)
    }

    @Test("WB-1: of many refusals of a kind one a second is logged, with the number of the others")
    func quiet() {
        var log = QuietLog()
        #expect(log.speaks(of: 401, now: seconds(0)) == 0)
        #expect(log.speaks(of: 401, now: seconds(0.5)) == nil)
        #expect(log.speaks(of: 400, now: seconds(0.5)) == 0)
        #expect(log.speaks(of: 401, now: seconds(0.9)) == nil)
        #expect(log.speaks(of: 401, now: seconds(1)) == 2)
    }
}
