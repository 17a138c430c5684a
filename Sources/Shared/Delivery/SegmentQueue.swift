import DequeModule

/// Closed segments of an answer that wait for their delivery, each of them a numbered part of it.
struct SegmentQueue: Hashable, Sendable {
    private struct Segment: Hashable {
        var text: String
        var part: Int
        /// Whether its part has no further piece.
        var endsPart: Bool
        /// Text of its part behind this piece.
        var after = ""
    }

    /// What is left of a part of which a piece was delivered.
    struct Remainder: Hashable, Sendable {
        var part: Int
        var text: String
    }

    private var waiting: Deque<Segment> = []
    private var nextPart = 0
    /// Segments that were delivered.
    private(set) var delivered = 0
    /// What is left of the part that was delivered from last; nil when it is complete.
    private(set) var remainder: Remainder?

    init() {}

    /// Takes up parts of an earlier run.
    init(resuming parts: [(index: Int, text: String)]) {
        waiting = Deque(parts.map { Segment(text: $0.text, part: $0.index, endsPart: true) })
        nextPart = (parts.map(\.index).max() ?? -1) + 1
        delivered = parts.map(\.index).min() ?? 0
    }

    var isEmpty: Bool { waiting.isEmpty }
    /// Segments that wait.
    var count: Int { waiting.count }
    /// Text that is to be delivered next.
    var first: String? { waiting.first?.text }
    /// Part that it belongs to.
    var firstPart: Int? { waiting.first?.part }
    /// Number of the next part.
    var end: Int { nextPart }
    /// Texts of the parts that wait.
    var texts: [String] { waiting.map(\.text) }

    mutating func append(_ text: String) {
        waiting.append(Segment(text: text, part: nextPart, endsPart: true))
        nextPart += 1
    }

    /// One more was delivered by an earlier run. Only before any waits.
    mutating func skip() {
        nextPart += 1
        delivered += 1
    }

    /// The first one was delivered. Returns its part when that is complete.
    mutating func firstDelivered() -> Int? {
        delivered += 1
        let first = waiting.popFirst()
        remainder = first.flatMap { $0.endsPart ? nil : Remainder(part: $0.part, text: $0.after) }
        guard let first, first.endsPart else { return nil }
        return first.part
    }

    /// Cuts the first one into smaller pieces; false when it is small already.
    mutating func splitFirst() -> Bool {
        guard let first = waiting.first, first.text.utf8.count > Chunker.minLimitBytes * 4 else { return false }
        return splitFirst(maxBytes: first.text.utf8.count / 2 + 64)
    }

    /// Cuts the first one into pieces of at most that size; false when it is small enough already.
    mutating func splitFirst(maxBytes: Int) -> Bool {
        let limit = max(maxBytes, Chunker.minLimitBytes)
        guard let first = waiting.first, first.text.utf8.count > limit else { return false }
        waiting.removeFirst()
        let chunks = Chunker(limitBytes: limit).chunks(of: first.text)
        let pieces = chunks.indices.map { index in
            var piece = Segment(text: chunks[index].text(of: first.text), part: first.part, endsPart: false)
            if index + 1 < chunks.count {
                let next = chunks[index + 1]
                let source = first.text.utf8.dropFirst(next.source.lowerBound)
                piece.after = next.prefix + String(decoding: source, as: UTF8.self)
            }
            piece.after += first.after
            return piece
        }
        waiting.insert(contentsOf: pieces, at: waiting.startIndex)
        if let last = pieces.indices.last { waiting[last].endsPart = first.endsPart }
        return true
    }

    /// Puts one line in the place of all that wait. Returns the parts that are no more.
    mutating func replaceAll(with line: String) -> [Int] {
        let parts = Set(waiting.map(\.part)).sorted()
        waiting = [Segment(text: line, part: parts.first ?? nextPart, endsPart: true)]
        if parts.isEmpty { nextPart += 1 }
        return Array(parts.dropFirst())
    }
}
