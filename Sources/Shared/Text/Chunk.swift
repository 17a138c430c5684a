/// One bubble of a long answer: a range of the answer and what was added around it.
///
/// The `source` ranges of an answer's chunks follow each other without a gap and cover it exactly. `prefix` and `suffix`
/// are never part of the answer: a reopened fence line or a repeated table header before, a closing fence after.
public struct Chunk: Sendable, Hashable {
    /// Text added before the source: empty, a reopening fence line, or a table's header and delimiter rows.
    public let prefix: String
    /// Half-open range of UTF-8 offsets in the answer, on scalar boundaries.
    public let source: Range<Int>
    /// Text added after the source: empty, or a closing fence (with a line break before it where one is missing).
    public let suffix: String

    /// Makes a chunk from its parts.
    public init(prefix: String, source: Range<Int>, suffix: String) {
        self.prefix = prefix
        self.source = source
        self.suffix = suffix
    }

    /// What the person sees: prefix, the chunk's part of `answer`, suffix.
    ///
    /// A range beyond the end of `answer` is cut to it.
    public func text(of answer: String) -> String {
        prefix + sourceText(of: answer) + suffix
    }

    /// The chunk's part of `answer` alone.
    public func sourceText(of answer: String) -> String {
        let utf8 = answer.utf8
        let lower = utf8.index(utf8.startIndex, offsetBy: source.lowerBound, limitedBy: utf8.endIndex) ?? utf8.endIndex
        let upper = utf8.index(lower, offsetBy: source.count, limitedBy: utf8.endIndex) ?? utf8.endIndex
        return String(decoding: utf8[lower..<upper], as: UTF8.self)
    }
}

/// The segment that still grows: it reaches from the end of the last sealed chunk to the end of the text so far.
public struct OpenChunk: Sendable, Hashable {
    /// Text added before the source, as in `Chunk`.
    public let prefix: String
    /// Half-open range of UTF-8 offsets in the text so far; empty before the first text and right after a cut.
    public let source: Range<Int>
    /// Closing fence while a fence is open at the end of the text so far, else empty.
    public let suffix: String
    /// Prefix, source text and suffix: never longer than the limit.
    public let display: String

    /// The chunk that sealing the segment as it stands would give.
    public var chunk: Chunk { Chunk(prefix: prefix, source: source, suffix: suffix) }
}

/// Splits Markdown into bubbles of a limited number of UTF-8 bytes (WS-12).
///
/// Cuts are looked for in the last 30 % of a chunk, best first: after a blank line, at the end of a block or list item, at
/// the end of a line, at the end of a sentence, at a space, between grapheme clusters. Cuts inside a line avoid links,
/// inline code and emphasis where the window offers another place. A scalar is never cut, a grapheme cluster only when
/// it alone exceeds the limit. A fence is cut at a line end, closed and reopened. A table moves whole into the next chunk; if it
/// fills a chunk alone, it is cut between rows and repeats header and delimiter row.
///
/// The result is a function of the text alone: a `SegmentCutter` fed piece by piece gives the same chunks.
public struct Chunker: Sendable {
    /// Largest length of a chunk with prefix and suffix, in UTF-8 bytes; at least `minLimitBytes`.
    public let limitBytes: Int

    /// Smallest limit that leaves room for what a cut may add, in UTF-8 bytes; smaller values are raised to it.
    public static let minLimitBytes = 64
    /// Largest `content` of a stream frame, in UTF-8 bytes (documented by the platform).
    public static let streamLimitBytes = 20_480

    /// Makes a chunker for chunks of at most `limitBytes` UTF-8 bytes.
    public init(limitBytes: Int = Chunker.streamLimitBytes) {
        self.limitBytes = max(limitBytes, Chunker.minLimitBytes)
    }

    /// Splits a whole text; an empty text has no chunks.
    public func chunks(of text: String) -> [Chunk] {
        var cutter = SegmentCutter(limitBytes: limitBytes)
        cutter.append(text)
        var result = cutter.takeSealed()
        if let last = cutter.finish() { result.append(last) }
        return result
    }
}
