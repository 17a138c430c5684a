import Shared
import Testing

@testable import AIBotWS

/// Every frame of the folder through the codec.
@Suite struct CodecTests {
    @Test(
        "SIM-5: every frame keeps the order of its keys and its numbers through the codec", arguments: Fixtures.frames)
    func roundTrip(name: String) throws {
        let bytes = try Fixtures.bytes(name)
        let value = try JSONValue(parsing: bytes)
        #expect(value.text == Self.compact(bytes), "\(name)")
        #expect(try JSONValue(parsing: value.text.utf8) == value)
    }

    /// Without the white space between tokens: what the codec must give back, found without the codec.
    private static func compact(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        var inString = false
        var escaped = false
        for byte in bytes {
            if inString {
                result.append(byte)
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else {
                    inString = byte != UInt8(ascii: "\"")
                }
            } else if byte > 0x20 {
                result.append(byte)
                inString = byte == UInt8(ascii: "\"")
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func inbound(_ name: String) throws -> InboundFrame {
        try Fixtures.bytes(name).withUnsafeBytes { bytes throws in try InboundFrame(bytes) }
    }

    @Test(
        "WS-6: every answer is an answer, with its request, number and body",
        arguments: Fixtures.frames.filter { $0.hasPrefix("ack-") })
    func acks(name: String) throws {
        let source = try Fixtures.frame(name)
        guard case .ack(let ack) = try Self.inbound(name) else {
            Issue.record("\(name) is not taken for an answer")
            return
        }
        #expect(ack.reqID?.rawValue == source["headers"]?["req_id"]?.string)
        #expect(ack.code == source["errcode"]?.integer ?? 0)
        #expect(ack.message == source["errmsg"]?.string ?? "")
        let body = try ack.body.map { try JSONValue(parsing: $0.utf8) }
        #expect(body == source["body"])
        if ack.code != 0 {
            #expect(ack.error?.hint == "SIMHINT")
            #expect(PlatformError.knownCodes.contains(ack.code))
        }
    }

    @Test(
        "WS-7, WS-8: every callback is a callback, with its request and whole body",
        arguments: Fixtures.frames.filter { $0.hasPrefix("in-") && $0 != "in-server-ping.json" })
    func callbacks(name: String) throws {
        let source = try Fixtures.frame(name)
        guard case .callback(let callback) = try Self.inbound(name) else {
            Issue.record("\(name) is not taken for a callback")
            return
        }
        #expect(callback.kind == (name.hasPrefix("in-msg-") ? .message : .event))
        #expect(callback.reqID.rawValue == source["headers"]?["req_id"]?.string)
        #expect(try JSONValue(parsing: callback.body) == source["body"])
        #expect(callback.isDisplacement == (name == "in-event-disconnected.json"))
        let event = try #require(CallbackDecoder(account: "a").event(callback, receivedAt: 5))
        let id = source["body"]?["msgid"]?.string
        switch event {
        case .message(let message, let route):
            #expect(message.id.rawValue == id)
            #expect(message.createdAt == Int64((source["body"]?["create_time"]?.integer ?? 0) * 1000))
            #expect(route.key == callback.reqID.rawValue)
            #expect(route.takesReplies == name.hasPrefix("in-msg-"))
            #expect(name.hasPrefix("in-msg-") || name.hasPrefix("in-event-template-card-"))
        case .enterChat(let found, _, _):
            #expect(found.rawValue == id)
            #expect(name == "in-event-enter-chat.json")
        case .feedback(let feedback):
            #expect(feedback.id.rawValue == id)
            #expect(name.hasPrefix("in-event-feedback-"))
        case .other(let found, let type):
            #expect(found.rawValue == id)
            #expect(type == source["body"]?["event"]?["eventtype"]?.string)
        }
    }

    @Test("WS-3: the platform's ping is told apart")
    func ping() throws { #expect(try Self.inbound("in-server-ping.json") == .ping("SIMserverping0001")) }

    @Test("SIM-5: frames that are written by hand equal the fixtures")
    func handWritten() throws {
        func check(_ name: String, _ frame: OutboundFrame, file: JSONValue? = nil) throws {
            let written = try JSONValue(parsing: frame.buffer.payload)
            #expect(try written == file ?? Fixtures.frame(name), "\(name)")
        }
        let id: ReqID = "SIMreq0001AbCdEfGhIjKl"
        try check(
            "out-subscribe.json",
            .subscribe(
                "aibot_subscribe_1795000000000_a1b2c3d4", bot: "aibSIM0001example", secret: "SIM-SECRET-not-real"))
        try check("out-ping.json", .ping("ping_1795000030000_0f0e0d0c"))
        try check(
            "out-respond-stream-open.json",
            .stream(
                id, id: "stream_sim_0001", content: "<think></think>", finish: false, feedback: "trace_sim_turn_0001"))
        try check(
            "out-respond-stream-second-bubble.json",
            .stream(id, id: "stream_sim_0001_b", content: "补充：覆盖率 83%", finish: true))
        try check(
            "out-send-markdown-single.json",
            .push(
                "aibot_send_msg_1795000100001_11110001", to: Conversation(kind: .direct, id: "lin.wei"),
                markdown: "任务 **#42** 已完成。"))
        try check(
            "out-send-markdown-group.json",
            .push(
                "aibot_send_msg_1795000100002_11110002",
                to: Conversation(kind: .group, id: "wrSIMgroup0001EXAMPLEchatid"), markdown: "夜间构建通过。"))
        try check("out-welcome-text.json", .welcome("SIMreqEVENT0001AbCdEf", text: "你好，我是构建助手，直接说要做什么就行。"))
    }

    @Test("SIM-5: the answer to a version question equals the fixture")
    func versionAnswer() throws {
        let fixture = try Fixtures.frame("out-enter-check-update-reply.json")
        let id = try #require(fixture["headers"]?["req_id"]?.string)
        let version = try #require(fixture["body"]?["version"]?.string)
        let frame = OutboundFrame.enterCheckReply(ReqID(id), version: version)
        #expect(try JSONValue(parsing: frame.buffer.payload) == fixture)
    }
}
