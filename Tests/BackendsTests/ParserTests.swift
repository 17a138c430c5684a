import Testing

@testable import Backends

@Suite struct UTF8AssemblerTests {
    @Test("Text survives every split of its bytes")
    func everySplit() {
        let text = "a你好🙂é\u{301}z"
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            var assembler = UTF8Assembler()
            let first = assembler.feed(bytes[..<cut])
            #expect(text.unicodeScalars.starts(with: first.unicodeScalars))
            #expect(first + assembler.feed(bytes[cut...]) + assembler.finish() == text)
        }
    }

    @Test("Bytes that are no UTF-8 become replacement characters and hold nothing up")
    func invalid() {
        var assembler = UTF8Assembler()
        #expect(assembler.feed([0xFF, 0x41]) == "\u{FFFD}A")
        #expect(assembler.feed([0xE4, 0xBD]) == "")
        #expect(assembler.finish() == "\u{FFFD}")
    }
}

@Suite struct SSEParserTests {
    private static let stream =
        "\u{FEFF}: comment\r\nevent: note\r\ndata: 你好\r\ndata:second\r\n\r\nid: 7\nretry: 10\n\ndata\n\ndata: {\"a\":1}\r\rdata: last"
    private static let expected = [
        SSEEvent(name: "note", data: "你好\nsecond"), SSEEvent(data: ""), SSEEvent(data: "{\"a\":1}"),
        SSEEvent(data: "last"),
    ]

    private static func parse(_ pieces: [ArraySlice<UInt8>]) throws -> [SSEEvent] {
        var parser = SSEParser(maxEventBytes: 100)
        var events: [SSEEvent] = []
        for piece in pieces { try parser.feed(piece, into: &events) }
        if let last = try parser.finish() { events.append(last) }
        return events
    }

    @Test("GW-10: events are the same at every split of the stream")
    func everySplit() throws {
        let bytes = Array(Self.stream.utf8)
        for cut in 0...bytes.count {
            #expect(try Self.parse([bytes[..<cut], bytes[cut...]]) == Self.expected, "cut at \(cut)")
        }
        #expect(try Self.parse(bytes.indices.map { bytes[$0...$0] }) == Self.expected)
    }

    @Test("GW-10: an event beyond the bound is refused, by one line or by many")
    func bound() throws {
        var parser = SSEParser(maxEventBytes: 20)
        var events: [SSEEvent] = []
        #expect(throws: LineTooLong(limit: 20)) {
            try parser.feed("data: ok\n\ndata: 123456789012345".utf8, into: &events)
        }
        #expect(events == [SSEEvent(data: "ok")])
        var many = SSEParser(maxEventBytes: 20)
        #expect(throws: LineTooLong(limit: 20)) {
            for _ in 0..<10 { try many.feed("data: 12345\n".utf8, into: &events) }
        }
        #expect(events.count == 1)
    }
}

@Suite struct CompletionReaderTests {
    private static let stream = """
        : keep-alive\r
        \r
        data: {"choices":[{"delta":{"role":"assistant","content":null}}]}\r
        \r
        data: {"choices":[{"delta":{"reasoning_content":"想想"}}]}

        data: {"choices":[{"delta":{"content":null,"reasoning":"一下"}}]}

        data: {"choices":[{"delta":{"content":"你好"}}]}

        data: {"choices":[{"delta":{"content":[{"type":"text","text":", "},{"type":"text","text":"世界🙂"}]}}]}

        data: {"choices":[{"delta":{},"finish_reason":"length"}]}

        data: {"choices":[],"usage":{"total_tokens":9}}

        data: [DONE]

        data: {"choices":[{"delta":{"content":"after the end"}}]}


        """
    private static let expected: [CompletionReader.Action] = [
        .think("想想"), .think("一下"), .text("你好"), .text(", 世界🙂"), .stopped(reason: "length"),
    ]

    private static func read(
        _ pieces: [ArraySlice<UInt8>], limit: Int = 1000
    ) -> ([CompletionReader.Action], CompletionReader.Problem?) {
        var reader = CompletionReader(limit: limit)
        var all: [CompletionReader.Action] = []
        for piece in pieces {
            let (actions, problem) = reader.feed(piece)
            all += actions
            if let problem { return (all, problem) }
        }
        let (actions, problem) = reader.finish()
        return (all + actions, problem)
    }

    @Test("GW-10: a chat-completions stream reads the same at every split")
    func everySplit() {
        let bytes = Array(Self.stream.utf8)
        for cut in 0...bytes.count {
            let (actions, problem) = Self.read([bytes[..<cut], bytes[cut...]])
            #expect(actions == Self.expected, "cut at \(cut)")
            #expect(problem == nil)
        }
    }

    @Test(
        "GW-10: how a stream can end",
        arguments: [
            ("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", .cutOff),
            ("data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n", nil),
            ("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]", nil),
            ("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choi", .cutOff),
            ("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {oops}\n\n", .malformed),
            ("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: 7\n\n", .malformed),
            (
                "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"code\":\"x y\",\"message\":\"sk-1\"}}\n\n",
                .reported(label: "code=x y")
            ),
        ] as [(String, CompletionReader.Problem?)])
    func endings(stream: String, expected: CompletionReader.Problem?) {
        let (actions, problem) = Self.read([Array(stream.utf8)[...]])
        #expect(actions.first == .text("a"))
        #expect(problem == expected)
    }

    @Test("GW-10: an answer that is not streamed is read whole")
    func unstreamed() {
        let body = Array(
            #" {"choices":[{"message":{"role":"assistant","content":"好的","reasoning":"r"},"finish_reason":"stop"}]}"#
                .utf8)
        for cut in 0...body.count {
            let (actions, problem) = Self.read([body[..<cut], body[cut...]])
            #expect(actions == [.think("r"), .text("好的"), .stopped(reason: "stop")])
            #expect(problem == nil)
        }
        #expect(Self.read([body.dropLast(3)]).1 == .cutOff)
        #expect(Self.read([body[...]], limit: 20).1 == .tooLong)
    }

    @Test("GW-10: an empty body is a cut stream")
    func empty() { #expect(Self.read([]).1 == .cutOff) }
}

@Suite struct ErrorLabelTests {
    @Test("GW-10: only type and code of an error reach the log")
    func label() {
        let body = Array(#"{"error":{"message":"bad key sk-secret","type":"auth\n<x>","code":401}}"#.utf8)
        #expect(ErrorLabel.ofBody(body) == "type=auth??x? code=401")
        #expect(ErrorLabel.ofBody(Array("<html>secret</html>".utf8)) == "no JSON body")
    }
}
