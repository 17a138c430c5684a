import Shared
import Testing

@testable import AIBotWS

private func frame(_ text: String) -> InboundFrame? { Array(text.utf8).withUnsafeBytes { try? InboundFrame($0) } }

private func ack(
    _ id: ReqID?, _ code: Int = 0, _ message: String = "", body: String? = nil, hasCode: Bool = true
) -> InboundFrame {
    .ack(InboundFrame.Ack(reqID: id, code: code, message: message, body: body, hasCode: hasCode))
}

@Suite("InboundFrame: classification")
struct InboundFrameTests {
    static let table: [(String, InboundFrame)] = [
        (#"{"headers":{"req_id":"r1"},"errcode":0,"errmsg":"ok"}"#, ack("r1", 0, "ok")),
        (#"{"errcode":40058,"errmsg":"missing field"}"#, ack(nil, 40058, "missing field")),
        (#"{"headers":{},"errcode":40058}"#, ack(nil, 40058)),
        (#"{"headers":null,"errcode":0}"#, ack(nil)),
        (#"{"headers":{"req_id":null},"errcode":0}"#, ack(nil)),
        (#"{"headers":{"req_id":17},"errcode":0}"#, ack(nil)),
        (#"{"cmd":"pong","headers":{"req_id":"p"},"errcode":0,"errmsg":"ok"}"#, ack("p", 0, "ok")),
        (#"{"cmd":"pong","headers":{"req_id":"p"}}"#, ack("p", hasCode: false)),
        (#"{"headers":{"req_id":""},"errcode":40058}"#, ack(nil, 40_058)),
        (#"{"cmd":"ping","headers":{"req_id":""}}"#, .ping(nil)),
        (#"{"cmd":"ping","headers":{"req_id":"p"},"errcode":0}"#, ack("p")),
        (
            #"{"cmd":"aibot_respond_msg","headers":{"req_id":"r"},"errcode":846608,"errmsg":"x"}"#,
            ack("r", 846_608, "x")
        ),
        (#"{"cmd":"aibot_subscribe","headers":{"req_id":"r"},"errcode":853000}"#, ack("r", 853_000)),
        (#"{"cmd":"ping","headers":{"req_id":"p"}}"#, .ping("p")), (#"{"cmd":"ping"}"#, .ping(nil)),
        (#"{"cmd":"brand_new","headers":{"req_id":"r"},"body":{}}"#, .unknown(Command(rawValue: "brand_new"))),
        (#"{"cmd":"","headers":{"req_id":"r"}}"#, .unknown(Command(rawValue: ""))),
        (
            #"{"cmd":"aibot_msg_callback","headers":{"req_id":"r"},"body":{"a":1}}"#,
            .callback(Callback(kind: .message, reqID: "r", body: Array(#"{"a":1}"#.utf8)))
        ),
        (
            #"{"cmd":"aibot_callback","headers":{"req_id":"r"},"body":{}}"#,
            .callback(Callback(kind: .message, reqID: "r", body: Array("{}".utf8)))
        ),
        (
            #"{"cmd":"aibot_event_callback","headers":{"req_id":"e"},"body":{}}"#,
            .callback(Callback(kind: .event, reqID: "e", body: Array("{}".utf8)))
        ),
        (#"{"cmd":"aibot_msg_callback"}"#, .callback(Callback(kind: .message, reqID: "", body: []))),
        (
            #"{"cmd":"aibot_msg_callback","errcode":0,"headers":{"req_id":"r"},"body":{}}"#,
            .callback(Callback(kind: .message, reqID: "r", body: Array("{}".utf8)))
        ),
        (#"{"body":{"upload_id":"u"},"headers":{"req_id":"r"},"errcode":0}"#, ack("r", body: #"{"upload_id":"u"}"#)),
        (#"{"new_key":[1,{"x":null}],"headers":{"req_id":"r","trace":"t"},"errcode":0}"#, ack("r")),
        (#"{"cmd":null,"headers":{"req_id":"r"},"errcode":0}"#, ack("r")),
        (#"{"cmd":7,"headers":{"req_id":"r"},"errcode":-1}"#, ack("r", -1)), ("{}", ack(nil, hasCode: false)),
    ]

    @Test("WS-6: frames are told apart by their envelope", arguments: table.indices)
    func classifies(index: Int) {
        let (text, expected) = Self.table[index]
        #expect(frame(text) == expected)
    }

    @Test("WS-6: a frame is one JSON object, nothing else", arguments: ["", "[]", "1", "null", #""x""#, "{} x", "{"])
    func refusesOthers(text: String) {
        #expect(frame(text) == nil)
    }

    @Test(
        "WS-6: an error code that is no plain integer is not taken for success",
        arguments: [
            #"{"headers":{"req_id":"r"},"errcode":"853000"}"#, #"{"headers":{"req_id":"r"},"errcode":853000.0}"#,
            #"{"headers":{"req_id":"r"},"errcode":99999999999999999999}"#,
        ])
    func strangeErrorCodes(text: String) {
        guard case .ack(let ack) = frame(text) else {
            Issue.record("no ack")
            return
        }
        #expect(ack.error != nil)
    }

    @Test("WS-6: of the error text only the hint is kept")
    func errorHint() {
        let text =
            #"{"headers":{"req_id":"r"},"errcode":846607,"errmsg":"limit exceeded, hint: [1790000000], from ip: 203.0.113.9"}"#
        guard case .ack(let ack) = frame(text) else {
            Issue.record("no ack")
            return
        }
        #expect(ack.error == PlatformError(code: 846_607, message: "hint: [1790000000]"))
        #expect(ack.error?.hint == "1790000000")
        #expect(ack.error?.description.contains("203.0.113.9") == false)
    }

    @Test("WS-5: the displacement event is recognised, and only that")
    func displacement() {
        func event(_ body: String) -> Callback { Callback(kind: .event, reqID: "r", body: Array(body.utf8)) }
        #expect(event(#"{"msgtype":"event","event":{"eventtype":"disconnected_event"}}"#).isDisplacement)
        #expect(!event(#"{"event":{"eventtype":"enter_chat"}}"#).isDisplacement)
        #expect(!event(#"{"text":{"content":"disconnected_event"}}"#).isDisplacement)
        #expect(!event("broken").isDisplacement)
        #expect(
            !Callback(
                kind: .message, reqID: "r", body: Array(#"{"event":{"eventtype":"disconnected_event"}}"#.utf8)
            ).isDisplacement)
    }
}

@Suite("OutboundFrame")
struct OutboundFrameTests {
    private func text(_ frame: OutboundFrame) -> String { String(decoding: frame.buffer.payload, as: UTF8.self) }

    @Test("wire.heartbeat: P20, WS-3: a ping is its command and its req_id, without a body")
    func ping() {
        #expect(text(.ping("ping_1_0000000a")) == #"{"cmd":"ping","headers":{"req_id":"ping_1_0000000a"}}"#)
    }

    @Test("WS-2: subscribe carries bot_id and secret in snake case")
    func subscribe() {
        #expect(
            text(.subscribe("r", bot: "aib", secret: "s\"x"))
                == #"{"cmd":"aibot_subscribe","headers":{"req_id":"r"},"body":{"bot_id":"aib","secret":"s\"x"}}"#)
    }

    @Test("WS-3: the answer to the platform's ping repeats its req_id")
    func pong() {
        #expect(text(.pong("server-1")) == #"{"cmd":"pong","headers":{"req_id":"server-1"},"body":{}}"#)
    }

    @Test("WS-19: a push always says what kind of chat it goes to")
    func push() throws {
        for (kind, number) in [(Conversation.Kind.direct, 1), (.group, 2)] {
            let frame = OutboundFrame.push("r", to: Conversation(kind: kind, id: "Wr-Id"), markdown: "hi\n")
            let body = try JSONValue(parsing: frame.buffer.payload)["body"]
            #expect(body?["chat_type"] == .integer(number))
            #expect(body?["chatid"] == "Wr-Id")
            #expect(body?["markdown"]?["content"] == "hi\n")
            #expect(frame.repeatability == .once)
        }
    }

    @Test("WS-8: a welcome is text at the address of the event")
    func welcome() throws {
        let value = try JSONValue(parsing: OutboundFrame.welcome("e", text: "你好").buffer.payload)
        #expect(value["cmd"] == "aibot_respond_welcome_msg")
        #expect(value["body"] == .dictionary(["msgtype": "text", "text": .dictionary(["content": "你好"])]))
    }

    @Test("WS-6: own ids follow the platform's convention, stay short and do not repeat")
    func reqIDs() {
        var generator = ReqIDGenerator(seed: 5)
        var seen: Set<ReqID> = []
        for _ in 0..<20_000 {
            let id = generator.next(.send, unixMilliseconds: 1_795_000_000_000)
            #expect(seen.insert(id).inserted)
            guard id.rawValue.utf8.count == "aibot_send_msg_1795000000000_01234567".utf8.count else {
                Issue.record("\(id)")
                return
            }
        }
    }
}
