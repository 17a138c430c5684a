import Shared
import Testing

@testable import Backends

@Suite struct AnswerParserTests {
    private static func parse(
        _ pieces: [ArraySlice<UInt8>], limit: Int = 1000, oneObject: Bool = false
    ) throws -> [AnswerEvent] {
        var parser = AnswerParser(maxLineBytes: limit, expectsOneObject: oneObject)
        var events: [AnswerEvent] = []
        for piece in pieces { try parser.feed(piece, into: &events) }
        parser.finish(into: &events)
        return joined(events)
    }

    /// Adjacent deltas in one, as where a plain text is cut means nothing.
    private static func joined(_ events: [AnswerEvent]) -> [AnswerEvent] {
        events.reduce(into: []) { all, event in
            if case .delta(let more) = event, case .delta(let text) = all.last {
                all[all.count - 1] = .delta(text + more)
            } else {
                all.append(event)
            }
        }
    }

    private static func parse(_ text: String, limit: Int = 1000, oneObject: Bool = false) throws -> [AnswerEvent] {
        try parse([Array(text.utf8)[...]], limit: limit, oneObject: oneObject)
    }

    private static let lines =
        "\n {\"thinking\":\"嗯\",\"ignored\":1}\r\n\r\n{\"text\":\"全文\"}\n{\"delta\":\"你好🙂\"}\n"
        + "{\"file\":\"out/a.png\",\"kind\":\"image\",\"name\":\"图.png\"}\n{\"file\":\"https://x/y\",\"kind\":\"odd\"}\n"
        + "{\"card\":{\"b\":2.5,\"a\":[1,true,null]}}\n{\"later\":\"key\"}\nno object\n{\"delta\":5}\n{\"done\":true}"
    private static let linesExpected: [AnswerEvent] = [
        .thinking("嗯"), .text("全文"), .delta("你好🙂"), .file(location: "out/a.png", kind: .image, name: "图.png"),
        .file(location: "https://x/y", kind: nil, name: nil), .card(json: #"{"a":[1,true,null],"b":2.5}"#),
        .delta("no object\n"), .done,
    ]

    @Test("GW-10: JSON lines mean the same at every split")
    func everySplitOfLines() throws {
        let bytes = Array(Self.lines.utf8)
        for cut in 0...bytes.count {
            #expect(try Self.parse([bytes[..<cut], bytes[cut...]]) == Self.linesExpected, "cut at \(cut)")
        }
        #expect(try Self.parse(bytes.indices.map { bytes[$0...$0] }) == Self.linesExpected)
    }

    @Test(
        "GW-10: plain text stays as it is at every split",
        arguments: [
            "你好\nworld🙂\n", "\n  indented\n", "{\"unknown\": 1}\n{\"delta\":\"x\"}\n", "{ not json\n}\n", "{",
            "[1,2]\n",
            "text first\n{\"delta\":\"x\"}\n", "\n\n", "```json\n{\"delta\":\"x\"}\n```",
        ])
    func everySplitOfPlain(text: String) throws {
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            #expect(try Self.parse([bytes[..<cut], bytes[cut...]]) == [.delta(text)], "cut at \(cut)")
        }
    }

    @Test("GW-10: a byte that is no UTF-8 spoils a character of a JSON line, not the line", arguments: [true, false])
    func wrongEncoding(first: Bool) throws {
        // What a program writes that prints in GBK.
        let spoiled = Array(#"{"delta":"a"#.utf8) + [0xC4, 0xE3] + Array("\"}\n".utf8)
        let good = Array("{\"delta\":\"b\"}\n".utf8)
        let events = try Self.parse([(first ? spoiled + good : good + spoiled)[...]])
        let text = events.map { if case .delta(let text) = $0 { text } else { "" } }.joined()
        #expect(text.filter { $0 != "\u{FFFD}" } == (first ? "ab" : "ba") && text.contains("\u{FFFD}"), "\(text)")
    }

    @Test("GW-10: plain text is handed on as it comes, not only at line ends")
    func streamed() throws {
        var parser = AnswerParser(maxLineBytes: 100)
        var events: [AnswerEvent] = []
        try parser.feed("half a li".utf8, into: &events)
        #expect(events == [.delta("half a li")])
    }

    @Test(
        "GW-10: the first line decides",
        arguments: [
            ("{\"template_card\":{\"card_type\":\"text_notice\"}}", [.card(json: "{\"card_type\":\"text_notice\"}")]),
            ("{\"done\":false}\n{\"delta\":\"x\"}", [.delta("x")]),
            ("{\"error\":\"坏了\"}", [.error("坏了")]),
            ("{\"error\":{\"message\":\"m\"}}", [.error("m")]),
            ("{\"error\":null}\n", []),
            ("", []),
        ] as [(String, [AnswerEvent])])
    func firstLine(text: String, expected: [AnswerEvent]) throws {
        #expect(try Self.parse(text) == expected)
    }

    @Test("GW-10: a first line beyond the bound is plain text, a later one a problem")
    func bound() throws {
        let long = "{\"delta\":\"" + String(repeating: "x", count: 100) + "\"}\n"
        #expect(try Self.parse(long, limit: 50) == [.delta(long)])
        #expect(try Self.parse(String(repeating: " ", count: 200), limit: 50).count == 1)
        var parser = AnswerParser(maxLineBytes: 50)
        var events: [AnswerEvent] = []
        #expect(throws: LineTooLong(limit: 50)) { try parser.feed(("{\"delta\":\"a\"}\n" + long).utf8, into: &events) }
        #expect(events == [.delta("a")])
    }

    @Test("GW-10: one object over several lines is understood where it may come")
    func oneObject() throws {
        let pretty = "{\n  \"text\": \"hi\",\n  \"done\": true\n}\n"
        let bytes = Array(pretty.utf8)
        for cut in 0...bytes.count {
            let pieces = [bytes[..<cut], bytes[cut...]]
            #expect(try Self.parse(pieces, oneObject: true) == [.text("hi"), .done])
            #expect(try Self.parse(pieces) == [.delta(pretty)])
        }
        #expect(try Self.parse("{\"delta\":\"a\"}\n{\"delta\":\"b\"}", oneObject: true) == [.delta("ab")])
        #expect(try Self.parse("{\n\"answer\": 1\n}", oneObject: true) == [.delta("{\n\"answer\": 1\n}")])
    }
}

@Suite struct RequestEncoderTests {
    @Test("GW-10: the request is what the contract says")
    func wholeRequest() throws {
        var request = Samples.request()
        request.message.parts = [
            .text("看/看"), .voice(transcript: "voice text"), .unknown(type: "location"),
            .media(MediaReference(kind: .image, url: "https://cos/?sig=secret", key: "a2V5", name: "a.png")),
            .media(Samples.fetched),
        ]
        request.message.sender.name = "Lin Wei"
        request.message.quote = Quote(type: "text", parts: [.text("早先")])
        request.history = [HistoryEntry(role: .assistant, text: "a", at: 5)]
        request.workspace = "/w/s1"
        request.attempt = 2
        let json = String(decoding: try RequestEncoder.encode(request), as: UTF8.self)
        let error = RequestEncoder.attachmentError
        #expect(
            json
                == #"{"attempt":2,"history":[{"at":5,"role":"assistant","text":"a"}],"message":{"account":"default","channel":"aibot-ws","#
                + #""conversation":{"id":"lin.wei","kind":"direct"},"createdAt":1795000000123,"id":"msg-1","parts":["#
                + #"{"text":"看/看","type":"text"},{"text":"voice text","type":"voice"},{"type":"location"},"#
                + #"{"error":"\#(error)","name":"a.png","type":"image"},"#
                + #"{"mime":"image/png","name":"b.png","path":"/media/b.png","size":7,"type":"image"}],"quote":{"text":"早先","type":"text"},"#
                + #""sender":{"id":"lin.wei","name":"Lin Wei"},"text":"看/看\nvoice text"},"session":{"id":"s1","workspace":"/w/s1"}}"#
        )
        #expect(!json.contains("secret"))
    }

    @Test("GW-10: a card click is an event with a text that describes it")
    func click() throws {
        let click = CardClick(
            cardType: "vote_interaction", taskID: "t1", eventKey: "ok", selected: ["q": ["a", "b"]])
        var request = Samples.request()
        request.message = Samples.message(parts: [], click: click)
        let value = JSONValue.parse(try RequestEncoder.encode(request))?["message"]
        #expect(
            value?["event"]?.jsonText
                == #"{"card_type":"vote_interaction","event_key":"ok","selected":{"q":["a","b"]},"task_id":"t1","type":"template_card_event"}"#
        )
        #expect(value?["text"] == .string("[The user clicked ok on the card t1 with q=a,b]"))
        request.message.parts = [.text("chosen")]
        #expect(JSONValue.parse(try RequestEncoder.encode(request))?["message"]?["text"] == .string("chosen"))
    }
}
