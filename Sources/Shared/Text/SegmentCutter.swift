/// Splits an answer into chunks while it streams in.
///
/// Feed it with `append(_:)`, take what was cut off with `takeSealed()`, show `open`. A segment is cut at the
/// first scalar with which its display form would exceed the limit, and where depends on the text up to there alone: the
/// chunks do not depend on how the text was divided into deltas. An append costs time in proportion to the delta; a
/// cut, to the limit.
public struct SegmentCutter: Sendable {
    /// What `replace(with:)` found.
    public enum ReplaceOutcome: Sendable, Hashable {
        /// The new text begins with what is sealed; the open segment was read anew.
        case kept
        /// The new text differs within what is sealed; nothing was changed.
        case diverged
    }

    private struct Candidate {
        let position: Int
        /// Context that the next segment begins in.
        let context: BlockContext
        /// Fence to close before the cut.
        let fence: Fence?
    }

    private enum Rank: Int, CaseIterable {
        /// Splits what belongs together: below a heading, at the edge inside a fence.
        case awkward
        case tableRow
        case lineEnd
        case blockEnd
        case blankLine
    }

    /// Largest length of a chunk's display form, in UTF-8 bytes.
    public let limitBytes: Int
    private let reader: MarkdownReader
    private var bytes: [UInt8] = []
    /// Source text of the open segment once more: it is shown with every refresh, and making a string of bytes checks each.
    private var openText = ""
    private var sealed: [Chunk] = []

    private var start = 0
    private var startContext = BlockContext()
    private var prefix: [UInt8] = []
    private var reserve: Int

    private var context = BlockContext()
    private var lineStart = 0
    /// No line break in the current line before this offset.
    private var searched = 0
    /// No overflow up to this offset.
    private var checked = 0
    private var candidates = [Candidate?](repeating: nil, count: Rank.allCases.count)
    private var previousLine: Candidate?
    private var tableStart: Candidate?

    /// Makes a cutter for an empty text.
    ///
    /// - Parameters:
    ///   - limitBytes: largest length of a chunk with prefix and suffix; raised to `Chunker.minLimitBytes`.
    ///   - firstReserveBytes: bytes kept free in the first chunk for what the caller puts before it, at most a quarter of the limit.
    public init(limitBytes: Int = Chunker.streamLimitBytes, firstReserveBytes: Int = 0) {
        self.limitBytes = max(limitBytes, Chunker.minLimitBytes)
        self.reserve = min(max(firstReserveBytes, 0), self.limitBytes / 4)
        self.reader = MarkdownReader(limitBytes: self.limitBytes)
    }

    /// The text so far.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
    func contains(_ first: UInt8, _ second: UInt8) -> Bool {
        bytes.withUnsafeBufferPointer { $0.contains(first, second) }
    }
    /// Length of the text so far, in UTF-8 bytes.
    public var utf8Count: Int { bytes.count }
    /// UTF-8 offset at which the open segment starts: everything before it is sealed.
    public var openStart: Int { start }

    /// The segment that still grows. Building its display form costs time in proportion to its length.
    public var open: OpenChunk {
        let suffix = Self.string(closing(openFence(at: bytes.count), at: bytes.count))
        return OpenChunk(
            prefix: Self.string(prefix), source: start..<bytes.count, suffix: suffix, display: growing + suffix)
    }

    /// What is shown of the open segment while more is to come: prefix and source text.
    ///
    /// A fence that is open is left so. In Markdown it reaches to the end of the text, and what the person sees only ever
    /// grows: a closing line would come and go with every refresh.
    public var growing: String { prefix.isEmpty ? openText : Self.string(prefix) + openText }

    /// Adds text at the end.
    public mutating func append(_ delta: String) {
        let before = start
        bytes.append(contentsOf: delta.utf8)
        read()
        if start == before { openText += delta } else { openText = Self.string(bytes[start...]) }
    }

    /// Chunks cut off since the last call, in order.
    public mutating func takeSealed() -> [Chunk] {
        defer { sealed.removeAll() }
        return sealed
    }

    /// Seals the open segment as the last chunk; nil when it is empty. Later text begins a new segment.
    public mutating func finish() -> Chunk? {
        guard start < bytes.count else { return nil }
        let chunk = open.chunk
        let fence = openFence(at: bytes.count)
        var next = context
        next.fence = fence
        next.isTail = lineStart < bytes.count
        begin(at: bytes.count, in: next)
        openText = ""
        return chunk
    }

    /// Replaces the whole text, as a source that sends snapshots does.
    ///
    /// Chunks that are sealed stay if the new text begins with all of their source. Costs time in proportion to the text.
    public mutating func replace(with text: String) -> ReplaceOutcome {
        var text = text
        let outcome: ReplaceOutcome? = text.withUTF8 { new in
            guard new.count >= start, new.prefix(start).elementsEqual(bytes[..<start]) else { return .diverged }
            let isAppended = new.count >= bytes.count && new[start..<bytes.count].elementsEqual(bytes[start...])
            if isAppended {
                bytes.append(contentsOf: new[bytes.count...])
                return nil
            }
            bytes.replaceSubrange(start..., with: new[start...])
            return .kept
        }
        if outcome == .diverged { return .diverged }
        if outcome == .kept { begin(at: start, in: startContext) }
        read()
        openText = Self.string(bytes[start...])
        return .kept
    }

    private static func string(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}

// MARK: - Reading

extension SegmentCutter {
    private mutating func read() {
        while true {
            // Farther away the segment is too long in any case.
            let farthest = min(bytes.count, start + limitBytes + 8)
            let newline = bytes.firstIndex(of: ASCII.lineFeed, in: searched..<farthest)
            let end = newline.map { $0 + 1 } ?? farthest
            if let overflow = firstOverflow(upTo: end) {
                cut(at: overflow)
                continue
            }
            checked = max(checked, end)
            searched = end
            if newline == nil { return }
            commitLine(lineStart..<end)
        }
    }

    private mutating func commitLine(_ line: Range<Int>) {
        let kind = reader.kind(of: bytes, line, context)
        addCandidate(at: line, kind, isComplete: true)
        previousLine = Candidate(position: line.lowerBound, context: before(kind), fence: context.fence)
        context = reader.context(after: line, in: bytes, kind, context)
        if context.table == nil { tableStart = nil }
        lineStart = line.upperBound
    }

    private func openFence(at end: Int) -> Fence? {
        reader.fence(after: lineStart..<end, in: bytes, context)
    }

    private func closing(_ fence: Fence?, at end: Int) -> [UInt8] {
        guard let fence else { return [] }
        return end > 0 && bytes[end - 1] == ASCII.lineFeed ? fence.closing : [ASCII.lineFeed] + fence.closing
    }

    private func displayLength(at end: Int) -> Int {
        prefix.count + reserve + end - start + closing(openFence(at: end), at: end).count
    }

    /// End of the first scalar with which the open segment would be too long, in the current line up to `end`.
    private func firstOverflow(upTo end: Int) -> Int? {
        let safe = start + limitBytes - prefix.count - reserve - reader.maxFenceLine - 1
        var position = max(checked, min(safe, end), lineStart)
        while position < end {
            position += 1
            while position < end, ASCII.isContinuation(bytes[position]) { position += 1 }
            if displayLength(at: position) > limitBytes { return position }
        }
        return nil
    }
}

// MARK: - Cutting

extension SegmentCutter {
    /// Notes the start of `line` as a place to cut, now that it is known what the line is.
    private mutating func addCandidate(at line: Range<Int>, _ kind: LineKind, isComplete: Bool) {
        if kind == .tableDelimiter {
            tableStart = previousLine
            return
        }
        guard line.lowerBound > start, !context.isTail else { return }
        guard let rank = rank(line, kind, isComplete: isComplete) else { return }
        candidates[rank.rawValue] = Candidate(
            position: line.lowerBound, context: before(kind), fence: context.fence)
    }

    /// The context that a segment begins in which starts with, or inside, a line of `kind`.
    private func before(_ kind: LineKind) -> BlockContext {
        var next = context
        if kind != .tableRow { next.table = nil }
        if kind == .fenceLeft { next.fence = nil }
        return next
    }

    private func rank(_ line: Range<Int>, _ kind: LineKind, isComplete: Bool) -> Rank? {
        switch kind {
        case .tableRow: return context.previous == .tableDelimiter ? nil : .tableRow
        case .fenceCloser: return .awkward
        case .fenceBody: return context.previous == .fenceOpener ? .awkward : .lineEnd
        default: break
        }
        if context.afterHeading, kind != .heading { return .awkward }
        if !isComplete, reader.mayBecomeDelimiter(bytes, line, context) { return .awkward }
        switch (context.previous, kind) {
        case (.blank, _): return .blankLine
        case (.quote, .quote): return .lineEnd
        case (.text, .plain), (.text, .quote), (.none, .plain): return .lineEnd
        case (.text, .blank), (.quote, .blank), (.none, .blank): return .lineEnd
        case (.heading, .heading): return .lineEnd
        default: return .blockEnd
        }
    }

    private mutating func cut(at end: Int) {
        let line = lineStart..<end
        let isComplete = bytes[end - 1] == ASCII.lineFeed
        let kind = reader.kind(of: bytes, line, context)
        let mayBeRow = kind == .blank && !isComplete && context.table != nil
        addCandidate(at: line, mayBeRow ? .tableRow : kind, isComplete: isComplete)
        let isInTable = kind == .tableRow || kind == .tableDelimiter || mayBeRow
        let choice = isInTable ? tableChoice() : lineChoice(before: end)
        seal(choice ?? innerChoice(line: line, before(isInTable ? .tableRow : kind)))
    }

    /// Before the table, if it may fit into a chunk of its own; else between its rows.
    private func tableChoice() -> Candidate? {
        if let tableStart, tableStart.position > start,
            VisibleText.isVisible(bytes[start..<tableStart.position])
        {
            return tableStart
        }
        return candidates[Rank.tableRow.rawValue]
    }

    private func windowStart(_ end: Int) -> Int { end - (end - start) * 3 / 10 }

    private func lineChoice(before end: Int) -> Candidate? {
        for rank in [Rank.blankLine, .blockEnd, .lineEnd, .awkward] {
            if let candidate = candidates[rank.rawValue], candidate.position >= windowStart(end) { return candidate }
        }
        return nil
    }

    /// Inside the line that does not fit: a good place in the window, else the latest that cuts no cluster, else a scalar's end.
    private func innerChoice(line: Range<Int>, _ context: BlockContext) -> Candidate {
        // Where a line's beginning looks like a fence, a cut would leave its rest as text.
        let head = context.isTail ? 0 : reader.maxFenceLine + 2
        let window = max(windowStart(line.upperBound), line.lowerBound + head)
        let scanner = InlineScanner(bytes: bytes, line: line, window: window, isCode: context.fence != nil)
        let fallback = candidates.compactMap { $0 }.max { $0.position < $1.position }
        var next = context
        next.isTail = true
        if let best = scanner.best() { return Candidate(position: best, context: next, fence: next.fence) }
        if let cluster = scanner.lastCluster, cluster > fallback?.position ?? start {
            return Candidate(position: cluster, context: next, fence: next.fence)
        }
        if let fallback { return fallback }
        var position = line.upperBound - 1
        while position > start + 1, ASCII.isContinuation(bytes[position]) { position -= 1 }
        return Candidate(position: position, context: next, fence: next.fence)
    }

    private mutating func seal(_ candidate: Candidate) {
        let suffix = closing(candidate.fence, at: candidate.position)
        sealed.append(
            Chunk(prefix: Self.string(prefix), source: start..<candidate.position, suffix: Self.string(suffix)))
        begin(at: candidate.position, in: candidate.context)
    }

    /// Starts a segment, whose text is then read from its start.
    private mutating func begin(at position: Int, in context: BlockContext) {
        if position > start { reserve = 0 }
        start = position
        self.context = context
        self.context.previous = .none
        self.context.afterHeading = false
        startContext = self.context
        prefix = context.fence.map { $0.opening + [ASCII.lineFeed] } ?? context.table?.header ?? []
        lineStart = position
        searched = position
        checked = position
        candidates = [Candidate?](repeating: nil, count: Rank.allCases.count)
        previousLine = nil
        tableStart = nil
    }
}
