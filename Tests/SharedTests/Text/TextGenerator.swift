import Shared

/// Makes Markdown of the kind that models answer with, and worse.
struct TextGenerator {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private static let words = [
        "数据", "编译器", "我们", "的", "你好。", "可以吗？", "太好了！", "word", "sentence.", "Really? ", "a", "resumé",
        "👩‍👩‍👧‍👦", "🇨🇳🇩🇪", "👍🏽", "e\u{301}\u{323}", "한국어", "각", "क्षि", "❤️‍🔥", "x*y", "5 < 6",
        "`let x = 1`", "**重点 text**", "[链接](https://example.com/a_(b)?q=1)", "![图](https://e.com/a.png)", "~~old~~",
        "_it_", "\\`", "`", "*", "[", "https://example.com/very/long/path", "\u{200B}", "a | b", "\u{2005}",
    ]

    mutating func pick(_ upper: Int) -> Int { Int.random(in: 0..<upper, using: &random) }

    mutating func line(words count: Int) -> String {
        var result = ""
        for _ in 0..<count {
            result += Self.words[pick(Self.words.count)]
            if pick(3) > 0 { result += " " }
        }
        return result
    }

    /// A text of about `size` bytes.
    mutating func text(size: Int) -> String {
        var result = ""
        let eol = pick(4) == 0 ? "\r\n" : "\n"
        while result.utf8.count < size {
            result += block(eol)
            result += pick(4) == 0 ? "" : eol
        }
        return result
    }

    private mutating func block(_ eol: String) -> String {
        switch pick(10) {
        case 0: return "## " + line(words: 3) + eol
        case 1: return list(eol)
        case 2: return table(eol, rows: 1 + pick(12), lead: "")
        case 3, 4: return fence(eol, lead: ["", "", "  ", "> "][pick(4)])
        case 5: return "> " + line(words: 8) + eol + "> " + line(words: 4) + eol
        case 6: return line(words: 40 + pick(200)) + eol
        case 7: return String(repeating: eol, count: pick(4))
        default: return (0..<(1 + pick(4))).map { _ in line(words: 4 + pick(20)) + eol }.joined()
        }
    }

    private mutating func list(_ eol: String) -> String {
        var result = ""
        for item in 1...(2 + pick(5)) {
            result += (pick(2) == 0 ? "- " : "\(item). ") + line(words: 6) + eol
            if pick(4) == 0 { result += fence(eol, lead: "   ") }
        }
        return result
    }

    mutating func table(_ eol: String, rows: Int, lead: String) -> String {
        var result = lead + "| 名称 | value | \(pick(100)) |" + eol + lead + "|---|:--:|---|" + eol
        for row in 0..<rows {
            result += lead + "| 行\(row) | " + Self.words[pick(24)] + " | 🇨🇳 |" + eol
        }
        return result
    }

    mutating func fence(_ eol: String, lead: String) -> String {
        let isNested = pick(4) == 0
        let marker = isNested ? "````" : ["```", "~~~", "```"][pick(3)]
        var result = lead + marker + ["swift", "", "py title=\"a\"", "md"][isNested ? 3 : pick(4)] + eol
        for _ in 0..<pick(14) {
            result += lead + "let value = \(pick(1_000)) // " + line(words: pick(8)) + eol
            if pick(8) == 0 { result += lead + eol }
        }
        if isNested { result += lead + "```js" + eol + lead + "inner()" + eol + lead + "```" + eol }
        return result + lead + marker + eol
    }
}
