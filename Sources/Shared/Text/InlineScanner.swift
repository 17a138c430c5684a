/// Finds the best place for a cut inside one line.
///
/// `line` begins where both a line or segment starts and a grapheme cluster does, and ends where the chunk is full.
struct InlineScanner {
    let bytes: [UInt8]
    let line: Range<Int>
    /// Places before this offset are not wanted.
    let window: Int
    /// In code neither sentences nor inline markup count.
    let isCode: Bool
    /// Bytes before the window in which a run of closing quotes and spaces may begin.
    private static let maxEnding = 64

    /// Last boundary between two clusters, wherever it is.
    let lastCluster: Int?
    private var ranked: [Int?]

    /// Offset of the best place in the window, nil if no cluster ends there.
    func best() -> Int? { ranked.last { $0 != nil } ?? nil }

    init(bytes: [UInt8], line: Range<Int>, window: Int, isCode: Bool) {
        self.bytes = bytes
        self.line = line
        self.window = window
        self.isCode = isCode
        let spans = isCode ? [] : InlineSpans.find(in: bytes, line, window: window)
        var ranked = [Int?](repeating: nil, count: 6)
        var last: Int?
        var position = line.lowerBound
        var before = Ending.other
        var spanIndex = 0
        for character in String(decoding: bytes[line], as: UTF8.self) {
            if position > line.lowerBound {
                last = position
                if position >= window {
                    while spanIndex < spans.count, spans[spanIndex].upperBound <= position { spanIndex += 1 }
                    let isInside = spanIndex < spans.count && spans[spanIndex].lowerBound < position
                    if let rank = before.rank(isCode: isCode, next: character) {
                        ranked[rank + (isInside ? 0 : 3)] = position
                    }
                }
            }
            if position + Self.maxEnding >= window { before = before.followed(by: character) }
            position += character.utf8.count
        }
        self.ranked = ranked
        self.lastCluster = last
    }

    /// What the text ends with at a boundary.
    private enum Ending {
        case other
        case space
        /// ASCII sentence mark, which counts once a space follows.
        case mark
        /// CJK sentence mark, or a mark with the closing quotes or spaces after it.
        case sentence

        func followed(by character: Character) -> Ending {
            guard let scalar = character.unicodeScalars.first else { return .other }
            switch scalar {
            case "。", "！", "？": return .sentence
            case ".", "!", "?": return .mark
            case " ", "\t", "\u{3000}": return self == .sentence || self == .mark ? .sentence : .space
            case "”", "’", "」", "』", "）", ")", "\"", "'", "》":
                return self == .sentence || self == .mark ? self : .other
            default: return .other
            }
        }

        /// 2 sentence end, 1 space, 0 between clusters; nil where the text just goes on in closing quotes or spaces.
        func rank(isCode: Bool, next: Character) -> Int? {
            let isGoingOn = self != .other && followed(by: next) == self
            switch self {
            case .other, .mark: return 0
            case .space: return isGoingOn ? 0 : 1
            case .sentence: return isGoingOn ? 0 : isCode ? 1 : 2
            }
        }
    }
}

/// Links, inline code and emphasis in one line.
struct InlineSpans {
    /// Farthest that the end of a link's destination is looked for, in bytes.
    static let maxDestination = 1_024
    private static let maxDepth = 32

    private struct Opener {
        let byte: UInt8
        let length: Int
        let position: Int
    }

    private let bytes: [UInt8]
    private let line: Range<Int>
    private let window: Int
    private var spans: [Range<Int>] = []
    private var openers: [Opener] = []
    private var unclosedCode: Set<Int> = []
    /// First `)` at or after the last link looked at.
    private var nextParen = 0

    /// Ranges not to be cut, sorted and merged; what is open at the end counts if it began in the window.
    static func find(in bytes: [UInt8], _ line: Range<Int>, window: Int) -> [Range<Int>] {
        var finder = InlineSpans(bytes: bytes, line: line, window: window)
        finder.scan()
        return finder.merged()
    }

    private init(bytes: [UInt8], line: Range<Int>, window: Int) {
        self.bytes = bytes
        self.line = line
        self.window = window
    }

    private mutating func scan() {
        var index = line.lowerBound
        while index < line.upperBound {
            switch bytes[index] {
            case ASCII.backslash: index += 2
            case ASCII.backtick: index = code(at: index)
            case ASCII.openBracket:
                let isImage = index > line.lowerBound && bytes[index - 1] == ASCII.bang
                push(Opener(byte: ASCII.openBracket, length: 1, position: isImage ? index - 1 : index))
                index += 1
            case ASCII.closeBracket: index = link(at: index)
            case ASCII.star, ASCII.underscore, ASCII.tilde: index = emphasis(at: index)
            default: index += 1
            }
        }
        for opener in openers where opener.position >= window { spans.append(opener.position..<line.upperBound) }
    }

    private mutating func push(_ opener: Opener) {
        if openers.count == Self.maxDepth { openers.removeFirst() }
        openers.append(opener)
    }

    private mutating func code(at index: Int) -> Int {
        let run = MarkdownReader.runLength(bytes, index, line.upperBound, of: ASCII.backtick)
        var close = index + run
        while !unclosedCode.contains(run), close < line.upperBound {
            guard bytes[close] == ASCII.backtick else {
                close += 1
                continue
            }
            let length = MarkdownReader.runLength(bytes, close, line.upperBound, of: ASCII.backtick)
            close += length
            if length == run {
                spans.append(index..<close)
                return close
            }
        }
        unclosedCode.insert(run)
        if index >= window { spans.append(index..<line.upperBound) }
        return index + run
    }

    private mutating func link(at index: Int) -> Int {
        guard let at = openers.lastIndex(where: { $0.byte == ASCII.openBracket }) else { return index + 1 }
        let opener = openers[at]
        openers.removeSubrange(at...)
        guard index + 1 < line.upperBound else {
            spans.append(opener.position..<line.upperBound)
            return index + 1
        }
        guard bytes[index + 1] == ASCII.openParen else { return index + 1 }
        var depth = 0
        var end = index + 1
        let farthest = min(line.upperBound, end + Self.maxDestination)
        while nextParen < end || (nextParen < line.upperBound && bytes[nextParen] != ASCII.closeParen) {
            nextParen = max(nextParen + 1, end)
        }
        guard nextParen < farthest || farthest == line.upperBound else { return index + 1 }
        if nextParen >= farthest {
            spans.append(opener.position..<line.upperBound)
            return index + 1
        }
        while end < farthest {
            if bytes[end] == ASCII.openParen { depth += 1 }
            if bytes[end] == ASCII.closeParen { depth -= 1 }
            end += 1
            if depth == 0 { break }
        }
        if depth == 0 || end == line.upperBound { spans.append(opener.position..<end) }
        return depth == 0 ? end : index + 1
    }

    private mutating func emphasis(at index: Int) -> Int {
        let byte = bytes[index]
        let run = MarkdownReader.runLength(bytes, index, line.upperBound, of: byte)
        let end = index + run
        let before = index > line.lowerBound ? bytes[index - 1] : ASCII.space
        let after = end < line.upperBound ? bytes[end] : ASCII.space
        if byte == ASCII.tilde && run != 2 { return end }
        if byte == ASCII.underscore, ASCII.isWord(before), ASCII.isWord(after) { return end }
        if !ASCII.isWhitespace(before),
            let at = openers.lastIndex(where: { $0.byte == byte && $0.length == run })
        {
            spans.append(openers[at].position..<end)
            openers.removeSubrange(at...)
        } else if !ASCII.isWhitespace(after) || end == line.upperBound {
            push(Opener(byte: byte, length: run, position: index))
        }
        return end
    }

    private func merged() -> [Range<Int>] {
        var result: [Range<Int>] = []
        for span in spans.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, span.lowerBound < last.upperBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
            } else {
                result.append(span)
            }
        }
        return result
    }
}
