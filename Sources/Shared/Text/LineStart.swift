/// The beginning of a line: quote markers, list markers and indentation before its content.
struct LineStart {
    /// Bytes of a line's beginning that are looked at; containers nested deeper are content.
    static let maxHead = 256

    /// Offset of the first byte of content; the line's end when there is none.
    private(set) var content: Int
    /// Columns of space before the content, since the last marker.
    private(set) var indent = 0
    private(set) var quoteDepth = 0
    private(set) var isListItem = false
    /// Column after the last list marker and its space.
    private(set) var listIndent = 0

    /// Reads the line at `range`, whose line break may be included.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        content = range.lowerBound
        let end = min(range.upperBound, range.lowerBound + Self.maxHead)
        while content < end {
            switch bytes[content] {
            case ASCII.space:
                indent += 1
                content += 1
            case ASCII.tab:
                indent += 4
                content += 1
            case ASCII.greater:
                quoteDepth += 1
                content += 1
                if content < end, bytes[content] == ASCII.space { content += 1 }
                indent = 0
            default:
                guard let width = Self.listMarker(bytes, content..<range.upperBound) else { return }
                isListItem = true
                content = min(content + width, range.upperBound)
                listIndent = content - range.lowerBound
                indent = 0
            }
        }
    }

    /// Kind of a line with content that is neither fence nor table.
    func kind(_ bytes: [UInt8], _ end: Int) -> LineKind {
        if Self.isRule(bytes, content..<end) { return .rule }
        let hashes = MarkdownReader.runLength(bytes, content, end, of: ASCII.hash)
        if hashes > 0, hashes <= 6, indent <= 3, content + hashes == end || ASCII.isBlank(bytes[content + hashes]) {
            return .heading
        }
        return isListItem ? .listItem : quoteDepth > 0 ? .quote : .plain
    }

    /// Width of a list marker with the space after it, nil where there is none.
    private static func listMarker(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        var index = range.lowerBound
        let first = bytes[index]
        if first == ASCII.minus || first == ASCII.star || first == ASCII.plus {
            if isRule(bytes, range) { return nil }
        } else {
            while index < range.upperBound, index - range.lowerBound < 9, ASCII.isDigit(bytes[index]) { index += 1 }
            guard index > range.lowerBound, index < range.upperBound else { return nil }
            guard bytes[index] == ASCII.dot || bytes[index] == ASCII.closeParen else { return nil }
        }
        index += 1
        guard index < range.upperBound else { return index - range.lowerBound }
        return ASCII.isWhitespace(bytes[index]) ? index - range.lowerBound + (ASCII.isBlank(bytes[index]) ? 1 : 0) : nil
    }

    /// Whether the line is a thematic break: at least three of one marker and nothing else.
    private static func isRule(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        guard let marker = bytes[range].first else { return false }
        guard marker == ASCII.minus || marker == ASCII.star || marker == ASCII.underscore else { return false }
        var count = 0
        for byte in bytes[range] {
            if byte == marker { count += 1 } else if !ASCII.isWhitespace(byte) { return false }
        }
        return count >= 3
    }
}
