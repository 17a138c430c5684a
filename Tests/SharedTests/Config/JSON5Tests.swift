import Testing

@testable import Shared

/// A value without positions, for comparing.
private func content(_ text: String) throws -> JSON5Value.Content {
    try JSON5Document(parsing: text).root.content
}

private func problem(_ bytes: [UInt8], limits: JSON5Limits = JSON5Limits()) -> JSON5Problem? {
    do throws(JSON5Error) {
        _ = try JSON5Document(parsing: bytes, limits: limits)
        return nil
    } catch {
        return error.problems.first
    }
}

@Suite("JSON5 reading")
struct JSON5ReadingTests {
    @Test(
        "strings",
        arguments: [
            (#""plain""#, "plain"), ("'it'", "it"), (#"'say "hi"'"#, #"say "hi""#),
            (#""a\nb\tc\\d\/e""#, "a\nb\tc\\d/e"), (#""\x41\u0042""#, "AB"),
            ("\"one \\\n two\"", "one  two"), ("\"one \\\r\n two\"", "one  two"), (#""\uD83D\uDE00""#, "😀"),
            ("'企业微信'", "企业微信"), (#"'\q\''"#, "q'"), (#"'\0'"#, "\0"), ("'\u{2028}'", "\u{2028}"),
        ])
    func strings(source: String, expected: String) throws {
        #expect(try content(source) == .string(expected))
    }

    @Test(
        "numbers keep their source and read as numbers",
        arguments: [
            ("0", 0.0), ("-12.5", -12.5), ("+3", 3), (".5", 0.5), ("5.", 5), ("0x1F", 31), ("-0xa", -10),
            ("1e3", 1_000),
            ("5.e-1", 0.5), ("Infinity", .infinity), ("-Infinity", -.infinity),
        ])
    func numbers(source: String, expected: Double) throws {
        let value = try JSON5Document(parsing: source).root
        #expect(value.content == .number(source))
        #expect(value.doubleValue == expected)
    }

    @Test("NaN, and integers where there are any")
    func integers() throws {
        #expect(try JSON5Document(parsing: "NaN").root.doubleValue?.isNaN == true)
        #expect(try JSON5Document(parsing: "1000001").root.integerValue == 1_000_001)
        #expect(try JSON5Document(parsing: "1e3").root.integerValue == 1_000)
        #expect(try JSON5Document(parsing: "0.5").root.integerValue == nil)
        #expect(try JSON5Document(parsing: "1e400").root.integerValue == nil)
        #expect(try JSON5Document(parsing: "9223372036854775807").root.integerValue == Int.max)
    }

    @Test("objects, lists, comments, commas, and every kind of key")
    func structure() throws {
        let text =
            "\u{FEFF}// first\n{ /* a */ a: 1, 'b-c': [true, null,], \"d\": {}, $e_1: [], \u{4F01}: false, \\u0066: 2, }\u{A0}// end"
        guard case .object(let members) = try content(text) else {
            Issue.record("no object")
            return
        }
        #expect(members.map(\.key) == ["a", "b-c", "d", "$e_1", "\u{4F01}", "f"])
        #expect(members[1].value.content.isArray(count: 2))
    }

    @Test("positions of keys and values: lines end with LF, CRLF or CR, columns count scalars")
    func positions() throws {
        let document = try JSON5Document(parsing: "{\n  企: '微',\r\n  b: [\r    10,\n  ],\n}")
        guard case .object(let members) = document.root.content else {
            Issue.record("no object")
            return
        }
        #expect(document.root.position == .start)
        #expect(members[0].keyPosition.line == 2 && members[0].keyPosition.column == 3)
        #expect(members[0].value.position.line == 2 && members[0].value.position.column == 6)
        #expect(members[1].keyPosition.line == 3)
        #expect(document.value(at: JSON5Path([.key("b"), .index(0)]))?.position.line == 4)
        #expect(document.position(of: JSON5Path([.key("b"), .index(0)])).column == 5)
        #expect(document.position(of: JSON5Path("b", "none", "deeper")).line == 3)
    }

    @Test("duplicate keys are all reported, with both lines")
    func duplicates() {
        let error = #expect(throws: JSON5Error.self) {
            try JSON5Document(parsing: "{\n a: 1,\n b: {c: 1, 'c': 2},\n \"a\": 3,\n}")
        }
        #expect(error?.problems.map(\.position.line) == [3, 4])
        #expect(error?.problems.last?.problem.contains("lines 2 and 4") == true)
        #expect(
            error?.problems.last?.description(file: "x.json5").hasPrefix("x.json5:4: the key a is given twice") == true)
    }

    @Test(
        "refused texts name the line and a fix",
        arguments: [
            ("", 1, "ends where a value"), ("{\n a: ", 2, "ends where a value"), ("{\n", 1, "before what opens"),
            ("[1,\n2", 1, "before what opens"), ("{a: 1}\n}", 2, "nothing more"), ("{a: 'x\n'}", 1, "never closed"),
            ("/* open\n\n", 1, "comment is never closed"), ("{a: 1\n b: 2}", 2, "a comma"), ("{a 1}", 1, "a colon"),
            ("{a-b: 1}", 1, "needs quotes"), ("{a: yes}", 1, "bare word"), ("[01]", 1, "extra 0"),
            ("[0x]", 1, "not a number"),
            ("[1.2.3]", 1, "not a number"), ("[+]", 1, "not a number"), ("[1e]", 1, "not a number"),
            ("[12ab]", 1, "not a number"),
            ("['\\1']", 1, "escape"), ("['\\xZZ']", 1, "escape"), ("['\\uD800']", 1, "surrogate"),
            ("[,]", 1, "a value"),
            ("{,}", 1, "a key"), ("{a：1}", 1, "full-width"), ("{a: “x”}", 1, "full-width"),
            ("{a: 1，b: 2}", 1, "full-width"),
            ("{a: #}", 1, "found '#'"), ("{a: /}", 1, "single /"), ("\0{}", 1, "NUL"), ("['a\0b']", 1, "NUL"),
        ])
    func refusals(text: String, line: Int, words: String) {
        let found = problem(Array(text.utf8))
        #expect(found?.position.line == line)
        #expect(found?.problem.contains(words) == true, "\(String(describing: found))")
        #expect(found?.fix.isEmpty == false)
    }

    @Test("invalid UTF-8 is refused where it stands")
    func invalidUTF8() {
        let found = problem(Array("{\n  a: '".utf8) + [0xC3, 0x28] + Array("'}".utf8))
        #expect(found?.position == JSON5Position(line: 2, column: 7, offset: 8))
        #expect(problem([0xFF])?.problem.contains("UTF-8") == true)
        #expect(problem(Array("{a: '".utf8) + [0xE4, 0xBC])?.problem.contains("UTF-8") == true)
    }

    @Test("depth is bounded, exactly")
    func depth() {
        let deep = { (count: Int) in
            Array((String(repeating: "[", count: count) + String(repeating: "]", count: count)).utf8)
        }
        #expect(problem(deep(64)) == nil)
        #expect(problem(deep(65))?.problem.contains("deeper than 64") == true)
        #expect(problem(Array(String(repeating: "{a:", count: 300_000).utf8))?.problem.contains("deeper") == true)
        #expect(JSON5Limits(maxDepth: 1_000_000).maxDepth == 200)
        #expect(problem(deep(200), limits: JSON5Limits(maxDepth: 1_000_000)) == nil)
    }

    @Test("5 MB: refused by default, read whole when allowed, in one pass")
    func size() throws {
        let element = "{a: 'some text', b: [1, 2, 3]},"
        let text = "[" + String(repeating: element, count: 5_000_000 / element.utf8.count + 1) + "]"
        #expect(problem(Array(text.utf8))?.problem.contains("more than 1048576") == true)
        let document = try JSON5Document(parsing: text, limits: JSON5Limits(maxBytes: 6_000_000))
        guard case .array(let elements) = document.root.content else {
            Issue.record("no list")
            return
        }
        #expect(elements.count == 5_000_000 / element.utf8.count + 1)
        #expect(elements.last?.position.column == 2 + (elements.count - 1) * element.utf8.count)
    }

    @Test("no prefix and no single changed byte of a text makes the reader fail other than by an error")
    func mutations() {
        let text = Array(
            "// c\n{a: [1, -0x2F, 'x\\u0041\\\n', \"\u{4F01}\"], /* d */ 'b': {c: null, d: .5e1}, e: Infinity,}".utf8)
        for length in 0..<text.count { _ = problem(Array(text[..<length])) }
        var refused = 0
        for index in text.indices {
            for byte in [0, 0x22, 0x27, 0x2F, 0x5C, 0x5B, 0x7D, 0x80, 0xFF] as [UInt8] {
                var changed = text
                changed[index] = byte
                if problem(changed) != nil { refused += 1 }
            }
        }
        #expect(refused > text.count)
        #expect(problem(text) == nil)
    }

    @Test("paths are written and read")
    func paths() {
        let path = JSON5Path([.key("channels"), .key("x.\"y\\"), .index(2), .key("name")])
        #expect(path.description == #"channels."x.\"y\\"[2].name"#)
        #expect(JSON5Path(parsing: path.description) == path)
        #expect(JSON5Path(parsing: "") == nil)
        #expect(JSON5Path(parsing: "a.\"b") == nil)
        #expect(JSON5Path(parsing: "a.") == nil)
        #expect(JSON5Path(parsing: "a[x]") == nil)
        #expect(JSON5Path(parsing: "a..b") == nil)
    }
}

extension JSON5Value.Content {
    fileprivate func isArray(count: Int) -> Bool {
        if case .array(let elements) = self { return elements.count == count }
        return false
    }
}
