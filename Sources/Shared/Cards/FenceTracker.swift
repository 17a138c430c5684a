/// Follows Markdown code fences through shown text, byte by byte.
struct FenceTracker: Sendable {
    private enum Line {
        /// Only spaces so far, at most three.
        case indent(Int)
        /// Run of fence characters that began the line.
        case run(UInt8, Int)
        /// After an opening run.
        case info(UInt8, Int)
        /// Blanks after a run that closes the open fence.
        case closing
        /// Anything else.
        case rest
    }

    private var line = Line.indent(0)
    private var fence: (byte: UInt8, count: Int)?
    /// Byte before the current one; 0 at the start.
    private(set) var previous: UInt8 = 0

    /// Whether the text stands inside a code block.
    var isInside: Bool { fence != nil }

    /// Whether a fence could begin here.
    var isLineStart: Bool { if case .indent = line { true } else { false } }

    /// Whether nothing but the end of the line changes anything.
    var isMidLine: Bool { if case .rest = line { true } else { false } }

    static func isFence(_ byte: UInt8) -> Bool { byte == ASCII.backtick || byte == ASCII.tilde }

    /// Takes the next byte of shown text.
    mutating func advance(_ byte: UInt8) {
        defer { previous = byte }
        if byte == ASCII.lineFeed {
            endLine()
            return
        }
        switch line {
        case .indent(let spaces):
            if byte == ASCII.space, spaces < 3 {
                line = .indent(spaces + 1)
            } else if byte == ASCII.space || !Self.isFence(byte) {
                line = .rest
            } else {
                line = .run(byte, 1)
            }
        case .run(let fenceByte, let count):
            line = byte == fenceByte ? .run(byte, count + 1) : afterRun(fenceByte, count, byte)
        case .info(let fenceByte, _):
            // Backticks in the rest of the line make it code within the line.
            if byte == ASCII.backtick, fenceByte == ASCII.backtick { line = .rest }
        case .closing:
            if !ASCII.isWhitespace(byte) { line = .rest }
        case .rest: break
        }
    }

    /// A card was cut out of the middle of a line.
    mutating func skipCard() {
        line = .rest
        previous = 0
    }

    /// Any number of bytes without line end went by, the last of them `last`.
    mutating func skipRest(last: UInt8) { previous = last }

    private func afterRun(_ fenceByte: UInt8, _ count: Int, _ byte: UInt8) -> Line {
        guard let fence else { return count >= 3 ? .info(fenceByte, count) : .rest }
        let isClosing = fenceByte == fence.byte && count >= fence.count && ASCII.isWhitespace(byte)
        return isClosing ? .closing : .rest
    }

    private mutating func endLine() {
        switch line {
        case .run(let byte, let count):
            if let fence {
                if byte == fence.byte, count >= fence.count { self.fence = nil }
            } else if count >= 3 {
                fence = (byte, count)
            }
        case .info(let byte, let count): fence = (byte, count)
        case .closing: fence = nil
        case .indent, .rest: break
        }
        line = .indent(0)
    }
}
