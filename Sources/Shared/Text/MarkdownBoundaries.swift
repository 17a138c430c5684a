/// What a line of Markdown is, as far as cutting needs to know.
enum LineKind: Equatable {
    case blank
    case plain
    case heading
    case rule
    case listItem
    case quote
    case fenceOpener(Fence)
    case fenceBody
    case fenceCloser
    /// A line outside the quote that the open fence lives in: the fence ended before it.
    case fenceLeft
    case tableDelimiter
    case tableRow
}

/// An open code fence. By reference, as contexts are copied with every line.
final class Fence: Equatable, Sendable {
    /// Fence line that opens it again, without line break: container, marker run, info string.
    let opening: [UInt8]
    /// Fence line that closes it, without line break: container and marker run.
    let closing: [UInt8]
    let marker: UInt8
    let length: Int
    let indent: Int
    let quoteDepth: Int

    init(opening: [UInt8], closing: [UInt8], marker: UInt8, length: Int, indent: Int, quoteDepth: Int) {
        self.opening = opening
        self.closing = closing
        self.marker = marker
        self.length = length
        self.indent = indent
        self.quoteDepth = quoteDepth
    }

    static func == (lhs: Fence, rhs: Fence) -> Bool {
        lhs.opening == rhs.opening && lhs.closing == rhs.closing && lhs.indent == rhs.indent
            && lhs.quoteDepth == rhs.quoteDepth
    }
}

/// A table that is being read.
final class Table: Equatable, Sendable {
    /// Header and delimiter row with their line breaks; empty when they are too long to repeat.
    let header: [UInt8]
    /// Whether rows begin with a pipe, as the header does.
    let leadingPipe: Bool
    let quoteDepth: Int

    init(header: [UInt8], leadingPipe: Bool, quoteDepth: Int) {
        self.header = header
        self.leadingPipe = leadingPipe
        self.quoteDepth = quoteDepth
    }

    static func == (lhs: Table, rhs: Table) -> Bool {
        lhs.header == rhs.header && lhs.leadingPipe == rhs.leadingPipe && lhs.quoteDepth == rhs.quoteDepth
    }
}

/// Where the reader stands at the start of a line.
struct BlockContext: Equatable, Sendable {
    /// What came right before.
    enum Previous: Equatable, Sendable {
        case none
        case blank
        /// A line with a pipe may turn out to be a table's header.
        case text(mayBeHeader: Bool)
        case quote(mayBeHeader: Bool)
        case heading
        case rule
        case fenceOpener
        case fenceBody
        case fenceCloser
        case tableDelimiter
        case tableRow

        var mayBeHeader: Bool {
            switch self {
            case .text(let pipe), .quote(let pipe): pipe
            default: false
            }
        }
    }

    var fence: Fence?
    var table: Table?
    /// Content column of the innermost list item, while in a list.
    var listIndent: Int?
    var previous = Previous.none
    /// Range of the line before, for the header of a table.
    var previousRange = 0..<0
    /// Last line that was not blank was a heading, which should stay with what follows.
    var afterHeading = false
    /// The line began before the segment, so its rest is plain text whatever it looks like.
    var isTail = false
}

/// Reads lines of Markdown: a pure function of the bytes of a line and of the context before it.
///
/// Bounds: a fence line may have at most `maxFenceLine` bytes, a table's header and delimiter row together
/// at most `maxHeader`; longer ones are plain text, so that what a cut adds always leaves room for the answer.
struct MarkdownReader: Sendable {
    let maxFenceLine: Int
    let maxHeader: Int

    init(limitBytes: Int) {
        maxFenceLine = min(256, limitBytes / 16)
        maxHeader = limitBytes / 2
    }

    /// Kind of the line at `range`, which may be incomplete: its line break is then missing.
    func kind(of bytes: [UInt8], _ range: Range<Int>, _ context: BlockContext) -> LineKind {
        if let fence = context.fence {
            return context.isTail ? .fenceBody : kindInFence(bytes, range, fence)
        }
        if context.isTail { return context.table == nil ? .plain : .tableRow }
        let end = Self.trimmedEnd(bytes, range)
        let start = LineStart(bytes, range.lowerBound..<end)
        if start.content >= end {
            return start.isListItem ? .listItem : start.quoteDepth > 0 ? .quote : .blank
        }
        if let fence = opener(bytes, range.lowerBound..<end, start, context) { return .fenceOpener(fence) }
        if let table = context.table, isRow(bytes, start.content..<end, start, of: table) { return .tableRow }
        if isDelimiter(bytes, range.lowerBound..<end, start, context) { return .tableDelimiter }
        return start.kind(bytes, end)
    }

    /// The fence that is open after the line at `range`, complete or not.
    func fence(after range: Range<Int>, in bytes: [UInt8], _ context: BlockContext) -> Fence? {
        if context.isTail || range.isEmpty { return context.fence }
        if let fence = context.fence {
            if range.count > maxFenceLine + 2, fence.quoteDepth == 0 { return fence }
            switch kindInFence(bytes, range, fence) {
            case .fenceBody: return fence
            case .fenceCloser: return nil
            default: break
            }
        }
        if range.count > maxFenceLine + 2 { return nil }
        let end = Self.trimmedEnd(bytes, range)
        let line = range.lowerBound..<end
        return opener(bytes, line, LineStart(bytes, line), context)
    }

    /// The context after the complete line at `range`.
    func context(after range: Range<Int>, in bytes: [UInt8], _ kind: LineKind, _ context: BlockContext) -> BlockContext
    {
        var next = context
        next.isTail = false
        next.previousRange = range
        if kind != .blank { next.afterHeading = kind == .heading }
        if kind != .tableRow && kind != .tableDelimiter { next.table = nil }
        let mayBeHeader =
            !context.isTail && range.count <= maxHeader && bytes.firstIndex(of: ASCII.pipe, in: range) != nil
        switch kind {
        case .blank: next.previous = .blank
        case .plain, .rule, .listItem:
            next.previous = kind == .rule ? .rule : .text(mayBeHeader: mayBeHeader)
            next.listIndent = listIndent(after: range, in: bytes, kind, context)
        case .quote: next.previous = .quote(mayBeHeader: mayBeHeader)
        case .heading:
            next.previous = .heading
            next.listIndent = nil
        case .fenceOpener(let fence):
            next.fence = fence
            next.previous = .fenceOpener
        case .fenceBody: next.previous = .fenceBody
        case .fenceCloser:
            next.fence = nil
            next.previous = .fenceCloser
        case .fenceLeft:
            next.fence = nil
            next.previous = .none
            return self.context(after: range, in: bytes, self.kind(of: bytes, range, next), next)
        case .tableDelimiter:
            next.table = table(header: context.previousRange, delimiter: range, in: bytes)
            next.previous = .tableDelimiter
        case .tableRow: next.previous = .tableRow
        }
        return next
    }

    /// Whether the incomplete line at `range` may yet become a delimiter row below a possible header.
    func mayBecomeDelimiter(_ bytes: [UInt8], _ range: Range<Int>, _ context: BlockContext) -> Bool {
        guard context.previous.mayBeHeader, context.fence == nil, !context.isTail else { return false }
        let start = LineStart(bytes, range)
        return bytes[start.content..<range.upperBound].allSatisfy { Self.isDelimiterByte($0) }
    }

    static func trimmedEnd(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var end = range.upperBound
        if end > range.lowerBound, bytes[end - 1] == ASCII.lineFeed { end -= 1 }
        if end > range.lowerBound, bytes[end - 1] == ASCII.carriageReturn { end -= 1 }
        return end
    }
}

// MARK: - Fences

extension MarkdownReader {
    private func kindInFence(_ bytes: [UInt8], _ range: Range<Int>, _ fence: Fence) -> LineKind {
        let end = Self.trimmedEnd(bytes, range)
        var index = range.lowerBound
        var indent = 0
        var depth = 0
        let headEnd = min(end, index + LineStart.maxHead)
        while index < headEnd {
            if bytes[index] == ASCII.space {
                indent += 1
            } else if bytes[index] == ASCII.tab {
                indent += 4
            } else if bytes[index] == ASCII.greater, depth < fence.quoteDepth {
                depth += 1
                // The space after a quote marker belongs to it.
                indent = -1
            } else {
                break
            }
            index += 1
        }
        if depth < fence.quoteDepth {
            // An incomplete line without a character yet may still get its quote marker.
            return index == range.upperBound ? .fenceBody : .fenceLeft
        }
        guard end - range.lowerBound <= maxFenceLine, indent <= fence.indent + 3 else { return .fenceBody }
        let run = Self.runLength(bytes, index, end, of: fence.marker)
        guard run >= fence.length else { return .fenceBody }
        let isClosed = bytes[(index + run)..<end].allSatisfy { ASCII.isBlank($0) }
        return isClosed ? .fenceCloser : .fenceBody
    }

    private func opener(_ bytes: [UInt8], _ line: Range<Int>, _ start: LineStart, _ context: BlockContext) -> Fence? {
        guard line.count <= maxFenceLine, start.content < line.upperBound else { return nil }
        let marker = bytes[start.content]
        guard marker == ASCII.backtick || marker == ASCII.tilde else { return nil }
        let run = Self.runLength(bytes, start.content, line.upperBound, of: marker)
        guard run >= 3 else { return nil }
        let listIndent = start.isListItem ? nil : context.listIndent
        guard start.indent <= 3 || start.indent < (listIndent ?? 0) + 4 else { return nil }
        let info = bytes[(start.content + run)..<line.upperBound]
        if marker == ASCII.backtick, info.contains(ASCII.backtick) { return nil }
        // The list marker's place is kept by spaces: the fence is the same, the item is not begun again.
        let container = bytes[line.lowerBound..<start.content].map {
            $0 == ASCII.greater || $0 == ASCII.tab ? $0 : ASCII.space
        }
        let closing = container + bytes[start.content..<(start.content + run)]
        let indent = start.isListItem ? start.listIndent + start.indent : start.indent
        return Fence(
            opening: closing + info, closing: closing, marker: marker, length: run, indent: indent,
            quoteDepth: start.quoteDepth)
    }

    static func runLength(_ bytes: [UInt8], _ index: Int, _ end: Int, of byte: UInt8) -> Int {
        var run = index
        while run < end, bytes[run] == byte { run += 1 }
        return run - index
    }
}

// MARK: - Tables and lists

extension MarkdownReader {
    private func isRow(_ bytes: [UInt8], _ content: Range<Int>, _ start: LineStart, of table: Table) -> Bool {
        guard start.quoteDepth == table.quoteDepth, !start.isListItem else { return false }
        return table.leadingPipe ? bytes[content.lowerBound] == ASCII.pipe : bytes[content].contains(ASCII.pipe)
    }

    private static func isDelimiterByte(_ byte: UInt8) -> Bool {
        byte == ASCII.minus || byte == ASCII.pipe || byte == ASCII.colon || ASCII.isBlank(byte)
    }

    private func isDelimiter(
        _ bytes: [UInt8], _ line: Range<Int>, _ start: LineStart, _ context: BlockContext
    ) -> Bool {
        guard context.table == nil, context.previous.mayBeHeader, !start.isListItem else { return false }
        guard context.previousRange.count + line.count < maxHeader else { return false }
        let content = bytes[start.content..<line.upperBound]
        guard content.allSatisfy({ Self.isDelimiterByte($0) }), content.contains(ASCII.minus) else { return false }
        guard content.contains(ASCII.pipe) else { return false }
        let headerLine = context.previousRange.lowerBound..<Self.trimmedEnd(bytes, context.previousRange)
        let header = LineStart(bytes, headerLine)
        guard header.quoteDepth == start.quoteDepth else { return false }
        return Self.cells(bytes[header.content..<headerLine.upperBound]) == Self.cells(content)
    }

    /// Number of cells in a row, pipes at both ends and escaped pipes aside.
    static func cells(_ row: ArraySlice<UInt8>) -> Int {
        var row = row
        while let last = row.last, ASCII.isWhitespace(last) { row.removeLast() }
        if row.first == ASCII.pipe { row.removeFirst() }
        if row.last == ASCII.pipe, row.dropLast().last != ASCII.backslash { row.removeLast() }
        var count = 1
        var isEscaped = false
        for byte in row {
            if byte == ASCII.pipe, !isEscaped { count += 1 }
            isEscaped = byte == ASCII.backslash && !isEscaped
        }
        return count
    }

    private func table(header: Range<Int>, delimiter: Range<Int>, in bytes: [UInt8]) -> Table {
        let start = LineStart(bytes, header)
        let container = bytes[header.lowerBound..<start.content].map {
            $0 == ASCII.greater || $0 == ASCII.tab ? $0 : ASCII.space
        }
        return Table(
            header: container + bytes[start.content..<header.upperBound] + bytes[delimiter],
            leadingPipe: bytes[start.content] == ASCII.pipe, quoteDepth: start.quoteDepth)
    }

    private func listIndent(after range: Range<Int>, in bytes: [UInt8], _ kind: LineKind, _ context: BlockContext)
        -> Int?
    {
        let start = LineStart(bytes, range)
        if start.isListItem { return start.listIndent }
        guard let current = context.listIndent else { return nil }
        // A paragraph line goes on lazily, but not over a blank line.
        if kind == .rule || (context.previous == .blank && start.indent < min(current, 2)) { return nil }
        return current
    }
}
