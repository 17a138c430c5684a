import Simulator
import Testing

@Suite("JSON")
struct JSONTests {
    @Test(
        "Text goes through unchanged",
        arguments: [
            "{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"x\"},\"e\":-1.5}", "[]", "{}", "\"\"", "0",
        ])
    func roundTrip(text: String) throws {
        #expect(try JSONValue.parse(text).text == text)
    }

    @Test("Escapes, surrogate pairs, lone surrogates")
    func escapes() throws {
        #expect(try JSONValue.parse("\"\\ud83d\\ude00\\u00e9\\n\\/\"") == "😀é\n/")
        #expect(try JSONValue.parse("\"\\ud83dx\\udc00\"") == "\u{FFFD}x\u{FFFD}")
        #expect(try JSONValue.parse("\"\\ud83d\\u0041\"") == "\u{FFFD}A")
        #expect(JSONValue.string("\u{1}\"\\").text == "\"\\u0001\\\"\\\\\"")
    }

    @Test(
        "What is not JSON is refused",
        arguments: [
            "", "{", "[1,]", "{\"a\"}", "{\"a\":}", "01", "1.", "-", "nul", "\"\\x\"", "\"a\nb\"", "[1] 2", "1e999",
            "\"\\u12\"", "{a:1}", "'a'", "\"open",
        ])
    func refused(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONValue.parse(text) }
    }

    @Test("Depth, members and encoding are bounded")
    func bounds() {
        let nested = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
        #expect(throws: JSONSyntaxError.self) { try JSONValue.parse(nested) }
        let wide = "{" + (0...1_024).map { "\"k\($0)\":0" }.joined(separator: ",") + "}"
        #expect(throws: JSONSyntaxError.self) { try JSONValue.parse(wide) }
        #expect(throws: JSONSyntaxError.self) { try JSONValue.parse([0x22, 0xFF, 0x22]) }
    }

    @Test("Any bytes parse or throw")
    func randomBytes() {
        var random = SeededGenerator(seed: 11)
        let alphabet = Array("{}[]\",:\\u0123eE+-.truefalsn \u{FF}".utf8)
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...24, using: &random)
            let bytes = (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
            if let value = try? JSONValue.parse(bytes) {
                #expect((try? JSONValue.parse(value.text)) == value)
            }
        }
    }
}
