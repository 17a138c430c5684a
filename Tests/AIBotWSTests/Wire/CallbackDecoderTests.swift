import Shared
import Testing

@testable import AIBotWS

private func decode(
    _ body: String, kind: Callback.Kind = .message, displayName: String? = "Helper Bot"
) -> InboundEvent? {
    CallbackDecoder(account: "acc", displayName: displayName)
        .event(Callback(kind: kind, reqID: "r", body: Array(body.utf8)), receivedAt: 1_000)
}

private func message(_ fields: String, displayName: String? = "Helper Bot") -> InboundMessage? {
    let body = #"{"msgid":"m1","from":{"userid":"lin.wei"},\#(fields)}"#
    guard case .message(let message, _) = decode(body, displayName: displayName) else { return nil }
    return message
}

private let direct = #""chattype":"single""#
private let group = #""chattype":"group","chatid":"wrAbC""#

@Suite("CallbackDecoder: messages")
struct CallbackDecoderMessageTests {
    @Test("WS-7: a text of a direct chat, with its sender, route and time")
    func text() {
        let body =
            #"{"msgid":"m1","aibotid":"b","chattype":"single","from":{"userid":"Lin.Wei","corpid":"c"},"create_time":1795000000,"msgtype":"text","text":{"content":"hi"}}"#
        guard case .message(let message, let route) = decode(body) else {
            Issue.record("no message")
            return
        }
        #expect(message.id == "m1")
        #expect(message.account == "acc")
        #expect(message.conversation == Conversation(kind: .direct, id: "Lin.Wei"))
        #expect(message.sender == Sender(id: "Lin.Wei", corporation: "c"))
        #expect(message.parts == [.text("hi")])
        #expect(message.createdAt == 1_795_000_000_000)
        #expect(route == ReplyRoute(key: "r", conversation: message.conversation))
        #expect(route.takesReplies)
    }

    @Test("isolation.matrix: P10, WS-7: groups by chat id, case kept; `chatid` of a direct chat is ignored")
    func conversation() {
        #expect(
            message(#"\#(group),"msgtype":"text","text":{"content":"x"}"#)?.conversation
                == Conversation(kind: .group, id: "wrAbC"))
        #expect(
            message(#"\#(direct),"chatid":"CAQQ123","msgtype":"text","text":{"content":"x"}"#)?.conversation
                == Conversation(kind: .direct, id: "lin.wei"))
        #expect(
            message(#""chatid":"CAQQ123","msgtype":"text","text":{"content":"x"}"#)?.conversation
                == Conversation(kind: .direct, id: "lin.wei"))
    }

    static let parts: [(String, [MessagePart])] = [
        (#""msgtype":"image","image":{"url":"u","aeskey":"k"}"#, [.media(.init(kind: .image, url: "u", key: "k"))]),
        (#""msgtype":"image","image":{"url":"u"}"#, [.media(.init(kind: .image, url: "u"))]),
        (
            #""msgtype":"file","file":{"url":"u","aeskey":"k","filename":"a.pdf"}"#,
            [.media(.init(kind: .file, url: "u", key: "k", name: "a.pdf"))]
        ),
        (#""msgtype":"video","video":{"url":"u","aeskey":"k"}"#, [.media(.init(kind: .video, url: "u", key: "k"))]),
        (#""msgtype":"voice","voice":{"content":"said"}"#, [.voice(transcript: "said")]),
        (#""msgtype":"voice","voice":{"content":" "}"#, [.voice(transcript: "")]),
        (#""msgtype":"voice"}"#.dropLast().description, [.voice(transcript: "")]),
        (#""msgtype":"location","location":{"x":1}"#, [.unknown(type: "location")]),
        (#""msgtype":"image","image":{"url":7}"#, [.unknown(type: "image")]),
        (#""msgtype":"image","image":null"#, [.unknown(type: "image")]),
        (#""msgtype":"text","text":"plain""#, []), (#""msgtype":"text","text":{"content":5}"#, []),
        (#""msgtype":7"#, [.unknown(type: "")]), (#""text":{"content":"x"}"#, [.unknown(type: "")]),
        (#""msgtype":"text","text":{"content":"\u200b\u2060 hi \ufeff\u200d"}"#, [.text("hi")]),
        (#""msgtype":"text","text":{"content":"\u200b\u200c"}"#, []),
        (
            #""msgtype":"mixed","mixed":{"msg_item":[{"msgtype":"image","image":{"url":"u"}},{"msgtype":"text","text":{"content":"t"}},{"msgtype":"sticker"}]}"#,
            [.media(.init(kind: .image, url: "u")), .text("t"), .unknown(type: "sticker")]
        ),
        (#""msgtype":"mixed","mixed":{"msg_item":{}}"#, []), (#""msgtype":"mixed""#, []),
        (
            #""msgtype":"mixed","mixed":{"msg_item":[1,null,"x",[]]}"#,
            [.unknown(type: ""), .unknown(type: ""), .unknown(type: ""), .unknown(type: "")]
        ),
    ]

    @Test("WS-7: every kind of message, whole and damaged", arguments: parts.indices)
    func reads(index: Int) {
        let (fields, expected) = Self.parts[index]
        #expect(message(direct + "," + fields)?.parts == expected)
    }

    @Test(
        "mention.strip: WS-7: in groups the mention goes, also from a mixed message; direct chats are untouched",
        arguments: [
            (group, "@Helper Bot hi", "hi"), (group, "@Helper Bot\u{2005}/new", "/new"), (group, "@Helper Bot", ""),
            (direct, "@Helper Bot hi", "@Helper Bot hi"),
        ])
    func mention(chat: String, text: String, expected: String) {
        let plain = message(#"\#(chat),"msgtype":"text","text":{"content":"\#(text)"}"#)
        #expect(plain?.text == expected)
        let mixed = message(
            #"\#(chat),"msgtype":"mixed","mixed":{"msg_item":[{"msgtype":"image","image":{"url":"u"}},{"msgtype":"text","text":{"content":"\#(text)"}}]}"#
        )
        #expect(mixed?.text == expected)
        #expect(mixed?.media.count == 1)
    }

    @Test(
        "WS-7: quotes of every kind come along; damaged ones are left out",
        arguments: [
            (#"{"msgtype":"text","text":{"content":"q"}}"#, Quote(type: "text", parts: [.text("q")])),
            (
                #"{"msgtype":"image","image":{"url":"u"}}"#,
                Quote(type: "image", parts: [.media(.init(kind: .image, url: "u"))])
            ),
            (#"{"msgtype":"voice","voice":{"content":"v"}}"#, Quote(type: "voice", parts: [.voice(transcript: "v")])),
            (
                #"{"msgtype":"mixed","mixed":{"msg_item":[{"msgtype":"text","text":{"content":"m"}}]}}"#,
                Quote(type: "mixed", parts: [.text("m")])
            ),
            (#"{}"#, nil), (#""x""#, nil), ("null", nil),
        ] as [(String, Quote?)])
    func quotes(json: String, expected: Quote?) {
        #expect(message(#"\#(direct),"msgtype":"text","text":{"content":"x"},"quote":\#(json)"#)?.quote == expected)
    }

    @Test(
        "WS-7: times out of range fall back to the time of arrival",
        arguments: ["9223372036854775807", #""soon""#, "null", "1.5"])
    func strangeTimes(time: String) {
        #expect(
            message(#"\#(direct),"msgtype":"text","text":{"content":"x"},"create_time":\#(time)"#)?.createdAt == 1_000)
    }

    @Test(
        "WS-7: a message without a sender or with a broken body is none",
        arguments: [
            "", "{", "[]", "null", "{}", #"{"from":{}}"#, #"{"from":{"userid":""}}"#, #"{"from":{"userid":5}}"#,
            #"{"from":"x"}"#,
        ])
    func noMessage(body: String) {
        #expect(decode(body) == nil)
    }
}

@Suite("CallbackDecoder: events")
struct CallbackDecoderEventTests {
    private func event(_ fields: String) -> InboundEvent? {
        decode(#"{"msgid":"e1","from":{"userid":"lin.wei"},"event":{\#(fields)}}"#, kind: .event)
    }

    @Test("WS-8: opening a chat; its address takes a welcome only")
    func enterChat() {
        guard case .enterChat(let id, let sender, let route) = event(#""eventtype":"enter_chat""#) else {
            Issue.record("no event")
            return
        }
        #expect(id == "e1")
        #expect(sender.id == "lin.wei")
        #expect(!route.takesReplies)
    }

    @Test(
        "WS-8: card clicks in both shapes that were described",
        arguments: [
            #""eventtype":"template_card_event","template_card_event":{"card_type":"vote_interaction","event_key":"submit","task_id":"t-1","selected_items":{"selected_item":[{"question_key":"q","option_ids":{"option_id":["a","b"]}},{"option_ids":1},7]}}"#,
            #""eventtype":"template_card_event","card_type":"vote_interaction","event_key":"submit","task_id":"t-1","selected_items":{"selected_item":[{"question_key":"q","option_ids":{"option_id":["a","b"]}}]}"#,
        ])
    func click(fields: String) {
        guard case .message(let message, let route) = event(fields) else {
            Issue.record("no message")
            return
        }
        #expect(
            message.click
                == CardClick(
                    cardType: "vote_interaction", taskID: "t-1", eventKey: "submit", selected: ["q": ["a", "b"]]))
        #expect(message.text == "[card click] submit q=a,b")
        #expect(!route.takesReplies)
    }

    @Test(
        "WS-8: feedback with its verdict and reasons",
        arguments: [
            ("1", Feedback.Verdict.accurate), ("2", .inaccurate), ("3", .withdrawn), ("9", .unknown(9)),
            ("null", .unknown(0)),
        ])
    func feedback(type: String, verdict: Feedback.Verdict) {
        let fields =
            #""eventtype":"feedback_event","feedback_event":{"id":"trace_1","type":\#(type),"content":"bad","inaccurate_reason_list":[1,"2",null]}"#
        guard case .feedback(let feedback) = event(fields) else {
            Issue.record("no feedback")
            return
        }
        #expect(feedback.verdict == verdict)
        #expect(feedback.feedbackID == "trace_1")
        #expect(feedback.reasons == [1, 2])
        #expect(feedback.content == "bad")
    }

    private func recorded(_ name: String) throws -> InboundEvent? {
        let frame = try FrameFixture.load(name)
        return decode(frame["body"]?.text ?? "", kind: .event)
    }

    @Test("WS-8: feedback as recorded, in a group and in a direct chat")
    func recordedFeedback() throws {
        let sender = Sender(id: "lin.wei")
        #expect(
            try recorded("in-event-feedback-inaccurate")
                == .feedback(
                    Feedback(
                        id: "simmsg00290f3c9e7b1a", feedbackID: "trace_sim_turn_0002", verdict: .inaccurate,
                        content: "步骤缺了一段", reasons: [2, 4],
                        conversation: Conversation(kind: .group, id: "wrSIMgroup0001EXAMPLEchatid"), sender: sender)))
        #expect(
            try recorded("in-event-feedback-cancel")
                == .feedback(
                    Feedback(
                        id: "simmsg00300f3c9e7b1a", feedbackID: "trace_sim_turn_0002", verdict: .withdrawn,
                        conversation: Conversation(kind: .direct, id: "lin.wei"), sender: sender)))
    }

    @Test("WS-8: the version question is surfaced under its name, with its id")
    func recordedVersionQuestion() throws {
        #expect(
            try recorded("in-event-enter-check-update") == .other("simmsg00330f3c9e7b1a", type: "enter_check_update"))
    }

    @Test("WS-8: other events keep their name, also without a sender")
    func others() {
        #expect(event(#""eventtype":"enter_check_update""#) == .other("e1", type: "enter_check_update"))
        #expect(event("") == .other("e1", type: ""))
        #expect(
            decode(#"{"msgid":"e2","event":{"eventtype":"auth_change_event"}}"#, kind: .event)
                == .other("e2", type: "auth_change_event"))
        #expect(decode("broken", kind: .event) == nil)
    }
}
