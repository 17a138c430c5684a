import Testing

@testable import Shared

@Suite("Visible text")
struct VisibleTextTests {
    @Test(
        "P4: white space, zero-width characters and empty think blocks are not visible",
        arguments: [
            ("", false), (" \r\n\t\u{3000}", false), ("\u{200B}\u{200C}\u{200D}\u{2060}\u{FEFF}", false),
            ("<think></think>", false), (" <think> \n</think>\n<think></think>", false), ("a", true), ("。", true),
            ("<think>x</think>", true), ("<think>", true), ("<think></think>done", true), ("\u{200B}👍", true),
        ])
    func visibility(text: String, expected: Bool) {
        #expect(VisibleText.isVisible(text) == expected)
    }

    @Test(
        "Literal think tags get U+200B behind <, in any letter case, wherever a delta is split",
        arguments: [
            ("Use <think> and </think>.", "Use <\u{200B}think> and <\u{200B}/think>."),
            ("<THINKING>a</Thought>", "<\u{200B}THINKING>a<\u{200B}/Thought>"),
            ("<<think>", "<<\u{200B}think>"), ("<thin<think>", "<thin<\u{200B}think>"),
            ("<thinker> a < b <think x> <", "<thinker> a < b <think x> <"), ("</thinking", "</thinking"),
        ])
    func escape(text: String, expected: String) {
        #expect(VisibleText.escapeThinkTags(text) == expected)
        for split in 0...text.utf8.count {
            let bytes = Array(text.utf8)
            var escaper = ThinkTagEscaper()
            var result = escaper.feed(String(decoding: bytes[..<split], as: UTF8.self))
            result += escaper.feed(String(decoding: bytes[split...], as: UTF8.self))
            result += escaper.finish()
            #expect(result == expected, "split at \(split)")
        }
    }

    @Test("A prefix is limited in bytes and cuts no cluster")
    func prefix() {
        #expect(VisibleText.prefix(of: "中文", maxBytes: 5) == "中")
        #expect(VisibleText.prefix(of: "a👩‍👩‍👧‍👦", maxBytes: 20) == "a")
        #expect(VisibleText.prefix(of: "abc", maxBytes: 3) == "abc")
        #expect(VisibleText.prefix(of: "abc", maxBytes: 0) == "")
    }
}
