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
    }
    #expect(position == text.utf8.count, "\(label): \(position) of \(text.utf8.count) bytes")
    #expect(chunks.map { $0.sourceText(of: text) }.joined() == text, "\(label): text changed")
}

private func streamed(_ text: String, limit: Int, _ random: inout SeededGenerator, upTo: Int) -> [Chunk] {
    var cutter = SegmentCutter(limitBytes: limit)
    var result: [Chunk] = []
    let scalars = Array(text.unicodeScalars)
    var index = 0
    while index < scalars.count {
        let next = min(scalars.count, index + Int.random(in: 1...upTo, using: &random))
        var delta = String.UnicodeScalarView()
        delta.append(contentsOf: scalars[index..<next])
        cutter.append(String(delta))
        index = next
        let open = cutter.open
        if open.display.utf8.count > limit { Issue.record("open display of \(open.display.utf8.count) bytes") }
        result += cutter.takeSealed()
    }
    if let last = cutter.finish() { result.append(last) }
    return result
}

@Suite("Chunker")
struct ChunkerTests {
    @Test("WS-12: random texts keep every invariant, whole and streamed", arguments: 0..<10)
    func randomTexts(part: Int) {
        var failures = 0
        for index in 0..<100 {
            let seed = UInt64(part * 1_000 + index)
            var generator = TextGenerator(seed: seed)
            let limit = [512, 700, 1_024][index % 3]
            let text = generator.text(size: 200 + generator.pick(4_000))
            let chunks = Chunker(limitBytes: limit).chunks(of: text)
            check(chunks, of: text, limit: limit, "seed \(seed)")
            let pieces = streamed(text, limit: limit, &generator.random, upTo: [3, 40, 2_000][index % 3])
            #expect(pieces == chunks, "seed \(seed): streamed differs")
            if pieces != chunks { failures += 1 }
            if failures > 2 { return }
        }
    }
}
