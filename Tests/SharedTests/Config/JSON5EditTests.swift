import Testing

@testable import Shared

@Suite("JSON5 editing")
struct JSON5EditTests {
    private let text = """
        // head
        {
          a: 1, // one
          'b': {c: [10, 20], }, /* two */
          d: {
            // nothing yet
          },
        }

        """

    private func setting(_ path: String, to source: String, in text: String? = nil) throws -> String {
        let document = try JSON5Document(parsing: text ?? self.text)
        return try document.setting(try #require(JSON5Path(parsing: path)), to: source)
    }

    @Test("replacing a value touches nothing else")
    func replacing() throws {
        #expect(try setting("a", to: "'x'") == text.replacing("a: 1,", with: "a: 'x',"))
        #expect(try setting("b.c[1]", to: " 30 // no comment comes along") == text.replacing("20", with: "30"))
    }

    @Test("a new key goes to the end of its object")
    func inserting() throws {
        #expect(try setting("e", to: "2") == text.replacing("  },\n}", with: "  },\n  e: 2,\n}"))
        #expect(try setting("b.e", to: "2") == text.replacing("20], }", with: "20], e: 2, }"))
        #expect(try setting("d.e", to: "2") == text.replacing("yet\n  },", with: "yet\n      e: 2,\n  },"))
        #expect(try setting("d.'x".replacing("'x", with: "\"x-y\""), to: "2").contains("\"x-y\": 2,\n"))
        #expect(try setting("x.y", to: "1", in: "{}") == "{x: {y: 1}}")
        #expect(try setting("b", to: "1", in: "{a: 1}") == "{a: 1, b: 1}")
        #expect(try setting("b", to: "1", in: "{\r\n  a: 1 // one\r\n}") == "{\r\n  a: 1, // one\r\n  b: 1,\r\n}")
        #expect(try setting("b", to: "1", in: "{\n  a: 1 /* x */ }") == "{\n  a: 1, b: 1 /* x */ }")
    }

    @Test("edits that have no place are refused")
    func refused() {
        #expect(throws: JSON5EditError.self) { try setting("a.b", to: "1") }
        #expect(throws: JSON5EditError.self) { try setting("b.c[2]", to: "1") }
        #expect(throws: JSON5EditError.self) { try setting("a", to: "{") }
        #expect(throws: JSON5EditError.self) { try setting("a", to: "1, z: 2") }
        #expect(throws: JSON5EditError.self) {
            let small = try JSON5Document(parsing: "[1]", limits: JSON5Limits(maxBytes: 8))
            _ = try small.setting(JSON5Path([.index(0)]), to: "\"123456789\"")
        }
    }

    /// A random text full of comments and odd white space.
    private func randomText(_ depth: Int, _ generator: inout SeededGenerator) -> String {
        let gaps = ["", " ", "\n", "\r\n", " // note\n", "/* ä企 */", "\t", "\n    "]
        func gap() -> String { gaps.randomElement(using: &generator) ?? "" }
        let scalars = ["1", "-.5", "0xFF", "'a\\\n b'", "\"企\"", "null", "true", "Infinity", "[]", "{}"]
        guard depth > 0 else { return scalars.randomElement(using: &generator) ?? "1" }
        let isObject = Bool.random(using: &generator)
        let count = Int.random(in: 0...4, using: &generator)
        var text = isObject ? "{" : "["
        for index in 0..<count {
            let key = isObject ? (index.isMultiple(of: 2) ? "k\(index)" : "'k\(index)'") + gap() + ":" : ""
            text += gap() + key + gap() + randomText(depth - 1, &generator) + gap()
            if index + 1 < count || Bool.random(using: &generator) { text += "," }
        }
        return text + gap() + (isObject ? "}" : "]")
    }

    private func paths(_ value: JSON5Value, _ path: JSON5Path = JSON5Path()) -> [JSON5Path] {
        switch value.content {
        case .array(let elements):
            return [path] + elements.enumerated().flatMap { paths($0.element, path.appending(index: $0.offset)) }
        case .object(let members):
            return [path] + members.flatMap { paths($0.value, path.appending($0.key)) }
        default: return [path]
        }
    }

    @Test("whatever value is replaced or added, every other byte stays", arguments: 0..<60)
    func everyOtherByteStays(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let text = randomText(4, &generator)
        let document = try JSON5Document(parsing: text)
        for path in paths(document.root) {
            let old = try #require(document.value(at: path))
            let replaced = try document.setting(path, to: "'NEW'")
            let before = Array(text.utf8)[..<old.range.lowerBound]
            let after = Array(text.utf8)[old.range.upperBound...]
            #expect(Array(replaced.utf8) == before + Array("'NEW'".utf8) + after)
            #expect(try JSON5Document(parsing: replaced).value(at: path)?.content == .string("NEW"))

            guard case .object = old.content else { continue }
            let added = try document.setting(path.appending("added"), to: "'NEW'")
            let reread = try JSON5Document(parsing: added)
            #expect(reread.value(at: path.appending("added"))?.content == .string("NEW"))
            #expect(isSubsequence(Array(text.utf8), of: Array(added.utf8)))
            for other in paths(document.root) where other.segments.count > path.segments.count {
                let was = try #require(document.value(at: other))
                #expect(reread.value(at: other)?.isEquivalent(to: was) == true)
            }
        }
    }

    private func isSubsequence(_ part: [UInt8], of whole: [UInt8]) -> Bool {
        var rest = part[...]
        for byte in whole where byte == rest.first { rest = rest.dropFirst() }
        return rest.isEmpty
    }

    @Test("quoted strings read back as they were")
    func quoted() throws {
        let odd = "a\"b\\c\nd\u{0}\u{7F}\u{2028}企😀"
        #expect(try JSON5Document(parsing: JSON5Document.quoted(odd)).root.content == .string(odd))
    }
}
