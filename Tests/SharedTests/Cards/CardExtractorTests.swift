import Testing

@testable import Shared

@Suite("Cards in answers")
struct CardExtractorTests {
    private static let card =
        #"{"template_card": {"card_type":"button_interaction","main_title":{"title":"a } \" {"},"#
        + #""button_list":[{"text":"批准","key":"k"}]}}"#
    private static let bare =
        #"{"card_type":"vote_interaction","main_title":{"title":"t"},"checkbox":{"question_key":"q","#
        + #""option_list":[{"id":"a","text":"A"}]},"submit_button":{"text":"OK","key":"go"}}"#
    private static let invalid = #"{"template_card": {"card_type":"button_interaction","button_list":[]}}"#

    private struct Result: Equatable {
        var text = ""
        var cards: [TemplateCard] = []
        var problems: [CardProblem] = []
    }

    private func extract(_ deltas: [String]) -> Result {
        var extractor = CardExtractor()
        var text = ""
        for delta in deltas { text += extractor.feed(delta) }
        let end = extractor.finish()
        return Result(text: text + end.text, cards: end.cards, problems: end.problems)
    }

    private func cut(_ text: String, _ random: inout SeededGenerator, most: Int) -> [String] {
        var deltas: [String] = []
        var rest = text.unicodeScalars[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...most, using: &random)
            deltas.append(String(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return deltas
    }

    /// Text, what of it is shown, and how many cards come out.
    private static let cases: [(String, String, Int)] = [
        (card, "", 1),
        ("Look:\n\(card)\nDone.", "Look:\n\nDone.", 1),
        ("Look: \(card) and \(card).", "Look:  and .", 2),
        ("```json\n\(card)\n```", "", 1),
        ("好：\n```\n \(card) \n```\n完。", "好：\n\n完。", 1),
        ("~~~~ JSON \r\n\(card)\r\n~~~~ \r\nx", "\nx", 1),
        (#"{"msgtype": "template_card", "template_card": \#(bare)}"#, "", 1),
        (bare, "", 1),
        (" \n\(bare)\n ", " \n", 1),
        ("```json\n\(bare)\n```\n", "", 1),
        ("{\(card)", "{", 1),
        ("{{{ \(card)", "{{{ ", 1),
        // Not cards.
        ("A card: \(bare)", "A card: \(bare)", 0),
        ("\(bare) is a card", "\(bare) is a card", 0),
        ("```json\n\(bare)\n```\nis a card", "```json\n\(bare)\n```\nis a card", 0),
        (invalid, invalid, 0),
        ("```json\n\(invalid)\n```", "```json\n\(invalid)\n```", 0),
        ("Write `\(card)` then.", "Write `\(card)` then.", 0),
        ("```python\nx = \(card)\n```\n", "```python\nx = \(card)\n```\n", 0),
        ("```python\n\(card)\n```\n", "```python\n\(card)\n```\n", 0),
        ("```json\n\(card)\n\(card)\n```\n", "```json\n\(card)\n\(card)\n```\n", 0),
        ("```json\n[\(card)]\n```\n\(card)", "```json\n[\(card)]\n```\n", 1),
        ("```json\n{\"a\": 1}\n```\n\(card)", "```json\n{\"a\": 1}\n```\n", 1),
        (#"{"template_card": …} is the form"#, #"{"template_card": …} is the form"#, 0),
        (#"{"template_card": {"card_type": "#, #"{"template_card": {"card_type": "#, 0),
        (#"{"msgtype": "markdown", "markdown": {}}"#, #"{"msgtype": "markdown", "markdown": {}}"#, 0),
        ("{\"template_card\"\n", "{\"template_card\"\n", 0),
        ("```json", "```json", 0),
        ("``", "``", 0),
        ("{", "{", 0),
        ("", "", 0),
    ]

    @Test("WS-18: cards are found as the answer, in it and in a fence, and nowhere else", arguments: 0..<cases.count)
    func found(index: Int) {
        let (text, shown, count) = Self.cases[index]
        var random = SeededGenerator(seed: UInt64(index))
        let whole = extract([text])
        #expect(whole.text == shown && whole.cards.count == count)
        #expect(Array(whole.text.utf8) == Array(shown.utf8))
        #expect(extract(text.unicodeScalars.map { String($0) }) == whole)
        for most in [2, 7, 40] { #expect(extract(cut(text, &random, most: most)) == whole) }
    }

    @Test("WS-18: an object that is meant as a card but is none says why; other JSON does not")
    func problems() {
        #expect(extract([Self.invalid]).problems.map(\.field) == ["main_title"])
        #expect(extract([#"{"msgtype": "markdown", "markdown": {}}"#]).problems.isEmpty)
        #expect(extract([#"{"source": "a", "b": 1}"#]).problems.isEmpty)
    }

    @Test("WS-18: text without cards comes out at once and unchanged, byte for byte")
    func textAlone() {
        var generator = TextGenerator(seed: 3)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<150 {
            let text = generator.text(size: 400)
            let result = extract(cut(text, &random, most: 12))
            #expect(Array(result.text.utf8) == Array(text.utf8) && result.cards.isEmpty)
        }
        var extractor = CardExtractor()
        for delta in ["你好 ", "func f() { return ", "{\"a\": 1} ", "x `y` ", "\n\n# Title\n"] {
            #expect(extractor.feed(delta) == delta)
        }
    }

    @Test("WS-18: whatever the text and wherever it is cut, the result is the same")
    func cuts() {
        var generator = TextGenerator(seed: 18)
        var random = SeededGenerator(seed: 18)
        let pieces = [
            Self.card, Self.bare, Self.invalid, "```json\n", "```\n", "\n```", "```", "~~~\n", "{", "}", "\"", "`",
            "\\", "\n",
            "{\"template_card\":", "{\"template_card\": {", "{\"msgtype\":", " ", "```json\n\(Self.card)\n```\n",
            "e\u{301}", "👩‍👩‍👧",
        ]
        var cards = 0
        for _ in 0..<2_000 {
            var text = ""
            for _ in 0..<Int.random(in: 1...9, using: &random) {
                text +=
                    Int.random(in: 0..<4, using: &random) == 0
                    ? generator.text(size: 30) : pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }
            let whole = extract([text])
            #expect(extract(cut(text, &random, most: 9)) == whole)
            cards += whole.cards.count
            if whole.cards.isEmpty { #expect(Array(whole.text.utf8) == Array(text.utf8)) }
        }
        #expect(cards > 300)
    }

    @Test("WS-18: no more than 64 KiB is held back, and no more than eight cards are taken")
    func bounds() {
        let endless = "{\"template_card\": {\"a\": \"" + String(repeating: "x", count: 200_000)
        var random = SeededGenerator(seed: 64)
        var extractor = CardExtractor()
        var shown = 0
        var given = 0
        for delta in cut(endless, &random, most: 3_000) {
            given += delta.utf8.count
            shown += extractor.feed(delta).utf8.count
            #expect(given - shown <= CardCandidate.maxBytes)
        }
        #expect(shown > 0)
        let many = extract(Array(repeating: Self.card, count: 9))
        #expect(many.cards.count == 8 && many.text == Self.card && many.problems.count == 1)
    }
}
