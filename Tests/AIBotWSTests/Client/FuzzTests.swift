import Foundation
import Logging
import Shared
import Testing

@testable import AIBotWS

/// Frames that the platform might send, and everything that is nearly one.
private struct FrameFuzzer {
    var json: JSONGenerator

    init(seed: UInt64) { json = JSONGenerator(seed: seed) }

    static let seeds: [[UInt8]] = [
        #"{"cmd":"aibot_msg_callback","headers":{"req_id":"REQ"},"body":{"msgid":"MID","aibotid":"b","chattype":"single","from":{"userid":"lin.wei"},"msgtype":"text","text":{"content":"你好 hello"},"create_time":1795000000}}"#,
        #"{"cmd":"aibot_msg_callback","headers":{"req_id":"REQ"},"body":{"msgid":"MID","chatid":"wrA","chattype":"group","from":{"userid":"mei.chen","corpid":"c"},"msgtype":"mixed","mixed":{"msg_item":[{"msgtype":"text","text":{"content":"@Bot hi"}},{"msgtype":"image","image":{"url":"https://e.com/x","aeskey":"k"}}]},"quote":{"msgtype":"text","text":{"content":"q"}}}}"#,
        #"{"cmd":"aibot_event_callback","headers":{"req_id":"REQ"},"body":{"msgid":"MID","from":{"userid":"lin.wei"},"msgtype":"event","event":{"eventtype":"template_card_event","template_card_event":{"card_type":"vote_interaction","event_key":"k","task_id":"t","selected_items":{"selected_item":[{"question_key":"q","option_ids":{"option_id":["a"]}}]}}}}}"#,
        #"{"cmd":"aibot_event_callback","headers":{"req_id":"REQ"},"body":{"msgid":"MID","from":{"userid":"lin.wei"},"event":{"eventtype":"feedback_event","feedback_event":{"id":"trace_x","type":2,"inaccurate_reason_list":[1,2]}}}}"#,
        #"{"cmd":"aibot_event_callback","headers":{"req_id":"REQ"},"body":{"msgid":"MID","from":{"userid":"lin.wei"},"event":{"eventtype":"enter_chat"}}}"#,
        #"{"headers":{"req_id":"REQ"},"errcode":0,"errmsg":"ok"}"#,
        #"{"headers":{"req_id":"REQ"},"errcode":846608,"errmsg":"expired, hint: [17900], from ip: 203.0.113.9"}"#,
        #"{"errcode":40058,"errmsg":"missing field"}"#, #"{"cmd":"ping","headers":{"req_id":"REQ"}}"#,
        #"{"cmd":"pong","headers":{"req_id":"REQ"},"errcode":0}"#,
        #"{"cmd":"aibot_callback","headers":{"req_id":"REQ"},"body":{"msgid":"MID","from":{"userid":"u"},"msgtype":"voice","voice":{"content":"x"}}}"#,
    ].map { Array($0.utf8) }

    mutating func frame(reqID: String) -> [UInt8] {
        switch json.pick(16) {
        case 0: return (0..<json.pick(80)).map { _ in UInt8(json.pick(256)) }
        case 1: return Array(json.value().text.utf8)
        default: break
        }
        var bytes = Self.replacing(Self.seeds[json.pick(Self.seeds.count)], "REQ", reqID)
        bytes = Self.replacing(bytes, "MID", "m\(json.pick(1_000_000))")
        for _ in 0..<json.pick(4) { mutate(&bytes) }
        return bytes
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let at = json.pick(bytes.count)
        let end = min(bytes.count, at + 1 + json.pick(12))
        switch json.pick(7) {
        case 0: bytes[at] = UInt8(json.pick(256))
        case 1: bytes.removeSubrange(at..<end)
        case 2: bytes.insert(contentsOf: bytes[at..<end], at: json.pick(bytes.count))
        case 3: bytes.removeSubrange(at...)
        case 4: bytes.insert(contentsOf: json.value().text.utf8, at: at)
        case 5: bytes.replaceSubrange(at..<end, with: Array(#"":[{"\u"#.utf8).prefix(json.pick(8)))
        default: bytes.insert(Array(#"[{"\"#.utf8)[json.pick(4)], at: at)
        }
    }

    private static func replacing(_ bytes: [UInt8], _ word: String, _ with: String) -> [UInt8] {
        guard let first = word.utf8.first else { return bytes }
        let word = Array(word.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 16)
        var index = 0
        while index < bytes.count {
            if bytes[index] == first, bytes[index...].starts(with: word) {
                result += with.utf8
                index += word.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }
}

/// `FUZZ_ITERATIONS=1000000` runs the whole of it; by default a short one.
@Suite("fuzz")
struct FuzzTests {
    static let iterations =
        ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 20_000

    @Test("fuzz: WS-6: frames of any shape through reader, decoder and machines: no crash, everything bounded")
    func machines() {
        var fuzzer = FrameFuzzer(seed: 2_026)
        var acks = AckStateMachine<Int>()
        var session = SessionBench()
        session.online()
        let decoder = CallbackDecoder(account: "acc", displayName: "Bot")
        var open = 0
        var completed = 0
        var decoded = 0
        func note(_ effects: [AckStateMachine<Int>.Effect]) {
            for effect in effects { if case .complete = effect { completed += 1 } }
        }
        let start = ContinuousClock.now
        for round in 0..<Self.iterations {
            let reqID = "r\(fuzzer.json.pick(40))"
            let now = session.now
            let kinds: [OutboundFrame.Repeatability] = [.snapshot, .finalSnapshot, .once]
            note(
                acks.send(
                    round, on: ReqID(reqID), timeout: .seconds(10), repeatability: kinds[fuzzer.json.pick(3)],
                    now: now))
            open += 1
            let bytes = fuzzer.frame(reqID: reqID)
            let frame = bytes.withUnsafeBytes { try? InboundFrame($0) }
            session.frame()
            switch frame {
            case .ack(let ack):
                if let id = ack.reqID {
                    note(acks.acknowledged(id, error: ack.error, body: ack.body, now: now))
                } else if let error = ack.error {
                    note(acks.rejectedWithoutReqID(error, now: now))
                }
            case .callback(let callback):
                _ = callback.isDisplacement
                if let event = decoder.event(callback, receivedAt: 0) {
                    decoded += 1
                    if case .message(let message, let route) = event {
                        #expect(message.conversation == route.conversation)
                        #expect(!message.conversation.id.isEmpty)
                    }
                }
            case .ping, .unknown, nil: break
            }
            if round % 64 == 0 {
                session.pass(.milliseconds(fuzzer.json.pick(2_000)))
                note(acks.deadlineReached(now: session.now))
                session.log.removeAll()
                #expect(acks.laneCount <= 40)
                #expect(acks.inFlight <= 40)
                #expect(open - completed <= 40 * 65)
            }
        }
        note(acks.sessionLost())
        #expect(open == completed)
        #expect(decoded > Self.iterations / 20)
        let took = start.duration(to: .now).inSeconds
        print("fuzz: \(Self.iterations) frames, \(took / Double(Self.iterations) * 100_000) s per 100,000")
    }

    @Test("fuzz: WS-21: a session that hears anything at all stays up and answers afterwards")
    func wholeClient() async {
        let platform = FakePlatform()
        let log = StatusLog()
        let client = platform.client { $0.engine.queuedPerConversation = 5 }
        var fuzzer = FrameFuzzer(seed: 77)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await client.run(onStatus: { log.add($0) }) { message, reply in
                    try await reply.append(message.text)
                }
            }
            await eventually("online") { log.last == .online }
            for round in 0..<min(Self.iterations / 10, 20_000) {
                let frame = String(decoding: fuzzer.frame(reqID: "x\(round)"), as: UTF8.self)
                if frame.contains("disconnected_event") { continue }
                platform.transport.deliver(frame, to: platform.current)
                if round % 200 == 0 { await platform.transport.settle() }
            }
            platform.say(1, "after all", user: "calm.user")
            await eventually("answered") { platform.shown.contains("after all") }
            #expect(log.last == .online)
            #expect(platform.transport.connections.count == 1)
            group.cancelAll()
        }
    }
}
