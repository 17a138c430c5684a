import Testing

@testable import Shared

/// A second opinion on Markdown, written apart from the chunker: which fence a text leaves open.
private func openFence(after text: String) -> String? {
    var open: (marker: Character, count: Int)?
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: { $0.isNewline }) {
        var content = line.drop { $0 == " " || $0 == ">" }
        if open == nil, let item = content.firstIndex(where: { $0 == " " }), content.hasPrefix("- ") {
            content = content[content.index(after: item)...]
        }
        guard let marker = content.first, marker == "`" || marker == "~" else { continue }
        let count = content.prefix { $0 == marker }.count
        let rest = content.dropFirst(count)
        if let current = open {
            if marker == current.marker, count >= current.count, rest.allSatisfy({ $0 == " " }) { open = nil }
        } else if count >= 3, marker == "~" || !rest.contains("`") {
            open = (marker, count)
        }
    }
    return open.map { String(repeating: $0.marker, count: $0.count) }
}

private func clusterBoundaries(_ text: String) -> Set<Int> {
    var result: Set<Int> = [0]
    var position = 0
    for character in text {
        position += character.utf8.count
        result.insert(position)
    }
    return result
}

private func check(_ chunks: [Chunk], of text: String, limit: Int, _ label: String) {
    var position = 0
    let boundaries = clusterBoundaries(text)
    for chunk in chunks {
        #expect(chunk.source.lowerBound == position && !chunk.source.isEmpty, "\(label): gap at \(position)")
        position = chunk.source.upperBound
        #expect(boundaries.contains(position), "\(label): cluster cut at \(position)")
        let display = chunk.text(of: text)
        #expect(display.utf8.count <= limit, "\(label): \(display.utf8.count) bytes")
        #expect(openFence(after: display) == nil, "\(label): open fence in chunk at \(chunk.source)")
        if chunk.sourceText(of: text).hasPrefix("| 行") {
            #expect(chunk.prefix.contains("|---|:--:|---|"), "\(label): rows without header at \(chunk.source)")
        }
    }
    #expect(position == text.utf8.count, "\(label): \(position) of \(text.utf8.count) bytes")
    #expect(chunks.map { $0.sourceText(of: text) }.joined() == text, "\(label): text changed")
}

private func streamed(_ text: String, limit: Int, _ random: inout SeededGenerator, upTo: Int) -> [Chunk] {
    var cutter = SegmentCutter(limitBytes: limit)
    var result: [Chunk] = []
    let scalars = Array(text.unicodeScalars)
    var index = 0
    var appends = 0
    while index < scalars.count {
        let next = min(scalars.count, index + Int.random(in: 1...upTo, using: &random))
        var delta = String.UnicodeScalarView()
        delta.append(contentsOf: scalars[index..<next])
        cutter.append(String(delta))
        index = next
        appends += 1
        // Each display costs its length: with the smallest deltas every eighth is enough.
        if upTo > 8 || appends % 8 == 0 {
            let count = cutter.open.display.utf8.count
            if count > limit { Issue.record("open display of \(count) bytes") }
        }
        result += cutter.takeSealed()
    }
    if let last = cutter.finish() { result.append(last) }
    return result
}

@Suite("Chunker")
struct ChunkerTests {
    @Test("WS-12: 10,000 random texts keep every invariant, whole and streamed", arguments: 0..<20)
    func randomTexts(part: Int) {
        var failures = 0
        for index in 0..<500 {
            let seed = UInt64(part * 1_000 + index)
            var generator = TextGenerator(seed: seed)
            let isLarge = index % 20 == 0
            let limit = isLarge ? 1_024 : [320, 400, 512][index % 3]
            let text = generator.text(size: isLarge ? 4_000 : 100 + generator.pick(600))
            let chunks = Chunker(limitBytes: limit).chunks(of: text)
            check(chunks, of: text, limit: limit, "seed \(seed)")
            let pieces = streamed(text, limit: limit, &generator.random, upTo: [5, 40, 2_000][index % 3])
            #expect(pieces == chunks, "seed \(seed): streamed differs")
            if pieces != chunks { failures += 1 }
            if failures > 2 { return }
        }
    }

    @Test("text.split: P5, WS-12: 200 KB of Chinese Markdown in frames of 20,480 bytes")
    func longAnswer() {
        var generator = TextGenerator(seed: 5)
        var text = ""
        while text.utf8.count < 200_000 {
            text += "## 小节\n\n" + generator.text(size: 5_000)
            text += "\n" + generator.table("\n", rows: 40, lead: "") + "\n" + generator.fence("\n", lead: "")
            text += String(repeating: "这是一个很长的段落，用来检查切分。", count: 60) + "\n\n"
        }
        let chunks = Chunker().chunks(of: text)
        check(chunks, of: text, limit: 20_480, "200 KB")
        #expect((10...16).contains(chunks.count))
        #expect(chunks.dropLast().allSatisfy { $0.source.count > 10_000 })
    }

    @Test("WS-12: a table that fills a chunk is cut between rows and repeats its header")
    func largeTable() {
        var generator = TextGenerator(seed: 1)
        for lead in ["", "> ", "  "] {
            let text = "Intro\n\n" + generator.table("\n", rows: 80, lead: lead)
            let header = text.split(separator: "\n")[1...2].joined(separator: "\n") + "\n"
            let chunks = Chunker(limitBytes: 512).chunks(of: text)
            check(chunks, of: text, limit: 512, "table")
            #expect(chunks.count > 4)
            #expect(chunks[0].text(of: text) == "Intro\n\n")
            for chunk in chunks[1...] {
                let display = chunk.text(of: text)
                #expect(display.hasPrefix(header))
                #expect(display.components(of: header) == 1)
                let rows = display.split(separator: "\n").filter { $0.contains("|") }
                #expect(rows.count > 2 && rows.allSatisfy { $0.hasPrefix(lead + "|") && $0.hasSuffix("|") })
            }
        }
    }

    @Test("WS-12: a table that fits into a chunk is never cut")
    func smallTables() {
        var generator = TextGenerator(seed: 2)
        for rows in 1...8 {
            var text = ""
            for _ in 0..<20 {
                text += generator.line(words: 4) + "\n\n" + generator.table("\r\n", rows: rows, lead: "") + "\n"
            }
            let chunks = Chunker(limitBytes: 600).chunks(of: text)
            check(chunks, of: text, limit: 600, "tables")
            #expect(chunks.count > 2)
            #expect(chunks.allSatisfy { $0.prefix.isEmpty && $0.suffix.isEmpty })
        }
    }

    @Test("WS-12: header, delimiter and first row of a table stay together")
    func tableHead() {
        let table = "| name | value |\n|------|-------|\n| a | b |\n"
        for filler in 200..<320 {
            let text = String(repeating: "x", count: filler) + "\n" + table + "\nend of it, with words to go on\n"
            let chunks = Chunker(limitBytes: 320).chunks(of: text)
            #expect(chunks.contains { $0.sourceText(of: text).contains(table) }, "filler \(filler)")
        }
        let row = "| " + String(repeating: "word ", count: 120) + "|\n"
        let long = "\n\n| name |\n|---|\n" + row + row
        let chunks = Chunker(limitBytes: 320).chunks(of: long)
        #expect(chunks[0].source.count > 200)
        #expect(chunks.dropFirst().allSatisfy { $0.prefix == "| name |\n|---|\n" })
    }

    @Test("WS-12: a paragraph right below a table does not get its header")
    func belowTable() {
        var generator = TextGenerator(seed: 4)
        let table = generator.table("\n", rows: 5, lead: "")
        let text = table + String(repeating: "word ", count: 80)
        let chunks = Chunker(limitBytes: table.utf8.count + 40).chunks(of: text)
        #expect(chunks[0].sourceText(of: text) == table)
        #expect(chunks.allSatisfy { $0.prefix.isEmpty })
    }

    @Test("WS-12: a line that begins like a fence is not cut where it still looks like one")
    func almostFence() {
        for filler in 200..<230 {
            let text = String(repeating: "a", count: filler) + "\n``` `" + String(repeating: "b", count: 300) + "\n"
            check(Chunker(limitBytes: 320).chunks(of: text), of: text, limit: 320, "filler \(filler)")
        }
    }

    @Test("WS-12: a fence is closed and opened again with marker, indentation and info string")
    func fences() {
        let code = (0..<60).map { "   line \($0)\n" }.joined()
        let cases = [
            ("```swift title=1\n", "```", "```swift title=1\n", "```"),
            ("  ~~~~\n", "  ~~~~", "  ~~~~\n", "  ~~~~"),
            ("- item\n\n  ```py\n", "  ```", "  ```py\n", "  ```"),
            ("1. ```sh\r\n", "   ```", "   ```sh\n", "   ```"),
            ("````md\n```js\n", "````", "````md\n", "```\n````"),
        ]
        for (opener, closing, reopening, closer) in cases {
            let text = opener + code + closer + "\nafter\n"
            let chunks = Chunker(limitBytes: 320).chunks(of: text)
            #expect(chunks.count >= 3)
            #expect(chunks.dropLast().allSatisfy { $0.suffix == closing })
            #expect(chunks.dropFirst().allSatisfy { $0.prefix == reopening })
            #expect(chunks.last?.suffix == "")
            #expect(chunks.dropLast().allSatisfy { $0.sourceText(of: text).last?.isNewline == true })
        }
    }

    @Test("WS-12: a fence in a quote is carried with the quote marker and ends with the quote")
    func quotedFence() {
        let text =
            "> ```c\n" + String(repeating: "> int x;\n", count: 60) + "outside\n"
            + String(repeating: "text\n", count: 60)
        let chunks = Chunker(limitBytes: 320).chunks(of: text)
        #expect(chunks[0].suffix == "> ```" && chunks[1].prefix == "> ```c\n")
        #expect(chunks.last?.prefix == "" && chunks.last?.suffix == "")
    }

    @Test("WS-12: the best boundary in the window wins")
    func preferences() {
        let filler = String(repeating: "字", count: 80)
        let cases: [(tail: String, end: String)] = [
            ("\n\nSecond\nthird line. More words ", "\n\n"),
            ("\n- item one\n- item two\ngoes on. Words ", "item one\n"),
            ("\nplain line\nnext one. Words ", "plain line\n"),
            ("。这是一句话", "。"),
            (" words. and more words", "words. "),
            ("word another", "word "),
            ("\n## Title\n\ntext", "字\n"),
        ]
        for (tail, end) in cases {
            let text = filler + tail + String(repeating: "汉", count: 60)
            let first = Chunker(limitBytes: 320).chunks(of: text)[0].sourceText(of: text)
            #expect(first.hasSuffix(end), "\(tail) gives \(first.suffix(12))")
        }
    }

    @Test("WS-12: links, inline code and emphasis are not cut where there is another place")
    func spans() {
        let filler = String(repeating: "字", count: 90)
        for span in [
            "[链 接 text](https://e.com/a (b) c)", "`let x = 1. let y`", "**very 。important text**", "![a b](c d)",
        ] {
            for shift in 0..<20 {
                let text =
                    filler + String(repeating: "x", count: shift) + " " + span + String(repeating: "汉", count: 90)
                let chunks = Chunker(limitBytes: 320).chunks(of: text)
                check(chunks, of: text, limit: 320, span)
                let isWhole = chunks.contains { $0.sourceText(of: text).contains(span) }
                #expect(isWhole, "\(span) cut at shift \(shift)")
            }
        }
    }

    @Test("WS-12: a cluster is cut only when it exceeds the limit alone, and then between scalars")
    func giantCluster() {
        let giant = "e" + String(repeating: "\u{301}", count: 400)
        let text = "ab" + giant + "cd\n" + giant
        let chunks = Chunker(limitBytes: 320).chunks(of: text)
        #expect(chunks.map { $0.sourceText(of: text) }.joined().utf8.elementsEqual(text.utf8))
        #expect(chunks[0].sourceText(of: text) == "ab")
        #expect(chunks.allSatisfy { $0.source.count <= 320 && !$0.sourceText(of: text).contains("\u{FFFD}") })
        let family = "👩‍👩‍👧‍👦"
        let families = String(repeating: family, count: 100)
        let cut = Chunker(limitBytes: 64).chunks(of: families)
        #expect(cut.allSatisfy { $0.source.count % family.utf8.count == 0 })
    }

    @Test("WS-12: one line of 100 KB, and limits below the smallest, still split")
    func longLine() {
        let text = String(repeating: "中", count: 34_000)
        check(Chunker().chunks(of: text), of: text, limit: 20_480, "line")
        check(Chunker(limitBytes: 1).chunks(of: text), of: text, limit: Chunker.minLimitBytes, "tiny")
        #expect(Chunker().chunks(of: "").isEmpty)
        #expect(Chunker().chunks(of: "a") == [Chunk(prefix: "", source: 0..<1, suffix: "")])
    }

    @Test(
        "WS-12: noise of Markdown marks keeps the limit, the text and its clusters, whole and streamed",
        arguments: 0..<8)
    func noise(part: Int) {
        let marks = [
            "`", "```", "~~~", ">", "> ", "|", "|-|", "---", "\n", "\n", "\r\n", " ", "    ", "\t", "- ", "1. ", "# ",
            "[", "](", ")",
            "*", "**", "_", "a", "word. ", "中", "。", "👩‍👩‍👧‍👦", "🇨🇳", "\u{301}", "\r", "\\",
        ]
        var random = SeededGenerator(seed: UInt64(part) + 500)
        for index in 0..<250 {
            let few = (0..<6).map { _ in marks[Int.random(in: 0..<marks.count, using: &random)] }
            let source = index % 2 == 0 ? marks : few
            let text = (0..<Int.random(in: 20...250, using: &random)).map { _ in
                source[Int.random(in: 0..<source.count, using: &random)]
            }.joined()
            let limit = [64, 100, 320][index % 3]
            let chunks = Chunker(limitBytes: limit).chunks(of: text)
            let label = "part \(part) index \(index)"
            #expect(chunks.map { $0.sourceText(of: text) }.joined().utf8.elementsEqual(text.utf8), "\(label)")
            #expect(chunks.allSatisfy { $0.text(of: text).utf8.count <= limit && !$0.source.isEmpty }, "\(label)")
            let boundaries = clusterBoundaries(text)
            let hasGiant = text.contains { $0.utf8.count > limit / 4 }
            #expect(hasGiant || chunks.allSatisfy { boundaries.contains($0.source.upperBound) }, "\(label)")
            #expect(streamed(text, limit: limit, &random, upTo: 1 + index % 30) == chunks, "\(label)")
        }
    }

    @Test("WS-12: hostile fence lines and headers leave room for the answer")
    func hostile() {
        let texts = [
            String(repeating: "`", count: 5_000) + "\n" + String(repeating: "a\n", count: 2_000),
            "```" + String(repeating: "i", count: 5_000) + "\n" + String(repeating: "a\n", count: 2_000),
            String(repeating: "> ", count: 3_000) + "```\n" + String(repeating: "a\n", count: 2_000),
            "|" + String(repeating: "a|", count: 3_000) + "\n|" + String(repeating: "-|", count: 3_000) + "\n| a |\n",
            String(repeating: "[", count: 3_000) + String(repeating: "](", count: 3_000),
            String(repeating: "\n", count: 3_000), String(repeating: " ", count: 3_000),
            String(repeating: "\r", count: 3_000),
            String(repeating: "```\n", count: 1_000), String(repeating: "> ```\n```\n", count: 500),
        ]
        var random = SeededGenerator(seed: 9)
        for (index, text) in texts.enumerated() {
            for limit in [64, 320, 1_024] {
                let chunks = Chunker(limitBytes: limit).chunks(of: text)
                #expect(chunks.map { $0.sourceText(of: text) }.joined() == text, "text \(index)")
                #expect(chunks.allSatisfy { $0.text(of: text).utf8.count <= limit }, "text \(index)")
                #expect(streamed(text, limit: limit, &random, upTo: 90) == chunks, "text \(index)")
            }
        }
    }
}

@Suite("Segment cutter")
struct SegmentCutterTests {
    @Test("WS-12: the open segment is shown with its fence closed")
    func openDisplay() {
        var cutter = SegmentCutter(limitBytes: 320)
        cutter.append("Text\n```sw")
        #expect(cutter.open.display == "Text\n```sw\n```")
        cutter.append("ift\nlet x")
        #expect(cutter.open.display == "Text\n```swift\nlet x\n```")
        cutter.append("\n")
        #expect(cutter.open.display == "Text\n```swift\nlet x\n```")
        cutter.append("```")
        #expect(cutter.open.display == "Text\n```swift\nlet x\n```")
        #expect(cutter.open.source == 0..<cutter.utf8Count && cutter.takeSealed().isEmpty)
    }

    @Test("WS-12: a quoted fence stays open while the next line has no character yet that leaves the quote")
    func openQuote() {
        var cutter = SegmentCutter(limitBytes: 320)
        cutter.append("> ```\n> a\n")
        #expect(cutter.open.suffix == "> ```")
        cutter.append(" ")
        #expect(cutter.open.suffix == "\n> ```")
        cutter.append("> b\nout")
        #expect(cutter.open.suffix == "")
    }

    @Test("WS-12: a snapshot that keeps the sealed part is taken over, another diverges")
    func replace() {
        let old = (0..<60).map { "Line \($0) of text.\n" }.joined()
        var cutter = SegmentCutter(limitBytes: 320)
        cutter.append(old)
        let sealed = cutter.takeSealed()
        let kept = String(decoding: old.utf8.prefix(cutter.openStart), as: UTF8.self)
        #expect(sealed.count >= 3 && sealed.last?.source.upperBound == cutter.openStart)
        #expect(cutter.replace(with: kept + "Other.\n") == .kept)
        #expect(cutter.text == kept + "Other.\n" && cutter.open.display == "Other.\n")
        #expect(cutter.replace(with: kept + "Other.\nMore.") == .kept)
        #expect(cutter.open.display == "Other.\nMore." && cutter.takeSealed().isEmpty)
        #expect(cutter.replace(with: "Completely new") == .diverged)
        #expect(cutter.replace(with: String(kept.dropLast())) == .diverged)
        #expect(cutter.text == kept + "Other.\nMore.")
        #expect(cutter.replace(with: kept) == .kept)
        #expect(cutter.finish() == nil)
        #expect(cutter.replace(with: old) == .kept && cutter.takeSealed().isEmpty && cutter.text == old)
    }

    @Test("WS-12: the first chunk leaves room for what the caller puts before it")
    func reserve() {
        let text = String(repeating: "word ", count: 300)
        var cutter = SegmentCutter(limitBytes: 400, firstReserveBytes: 90)
        cutter.append(text)
        let chunks = cutter.takeSealed()
        #expect(chunks[0].source.count <= 310 && chunks[0].source.count > 250)
        #expect(chunks[1].source.count > 310)
    }

    @Test("WS-12: text after finish goes on in a new segment, inside the open fence")
    func resumed() {
        var cutter = SegmentCutter(limitBytes: 320)
        cutter.append("```c\nint a;\n")
        #expect(cutter.finish()?.text(of: cutter.text) == "```c\nint a;\n```")
        cutter.append("int b;\n```\nend")
        #expect(cutter.open.display == "```c\nint b;\n```\nend")
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
