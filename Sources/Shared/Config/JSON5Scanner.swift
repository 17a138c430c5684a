/// Walks over the bytes of a JSON5 text: white space, comments, positions. Bytes are known to be valid UTF-8.
struct JSON5Scanner {
    let bytes: [UInt8]
    private(set) var offset = 0
    private var mark = JSON5Position.start

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        // A byte order mark is white space.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    var isAtEnd: Bool { offset >= bytes.count }
    var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    func byte(ahead distance: Int) -> UInt8? {
        offset + distance < bytes.count ? bytes[offset + distance] : nil
    }

    mutating func advance(_ count: Int = 1) {
        offset = min(offset + count, bytes.count)
    }

    /// The position of a byte offset. Asked in rising order the whole text is walked once.
    mutating func position(at target: Int) -> JSON5Position {
        var (line, column, index) = (mark.line, mark.column, mark.offset)
        if target < index { (line, column, index) = (1, 1, 0) }
        while index < target, index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\n")
                || byte == UInt8(ascii: "\r") && (index + 1 >= bytes.count || bytes[index + 1] != UInt8(ascii: "\n"))
            {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
            index += 1
        }
        mark = JSON5Position(line: line, column: column, offset: target)
        return mark
    }

    mutating func here() -> JSON5Position { position(at: offset) }

    func problem(at position: JSON5Position, _ problem: String, _ fix: String) -> JSON5Problem {
        JSON5Problem(position: position, problem: problem, fix: fix)
    }

    /// The scalar at the offset and how many bytes it takes.
    func scalar() -> (scalar: Unicode.Scalar, length: Int)? {
        guard let first = current else { return nil }
        if first < 0x80 { return (Unicode.Scalar(first), 1) }
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard offset + length <= bytes.count else { return nil }
        var value = UInt32(first) & (0x7F >> UInt32(length))
        for index in 1..<length { value = value << 6 | UInt32(bytes[offset + index] & 0x3F) }
        return Unicode.Scalar(value).map { ($0, length) }
    }

    /// Skips white space and comments.
    mutating func skipTrivia() throws(JSON5Problem) {
        while let (scalar, length) = scalar() {
            if Self.isWhitespace(scalar) {
                advance(length)
            } else if scalar == "/" {
                try skipComment()
            } else {
                return
            }
        }
    }

    private mutating func skipComment() throws(JSON5Problem) {
        let start = here()
        switch byte(ahead: 1) {
        case UInt8(ascii: "/"):
            while let (scalar, length) = scalar(), !Self.isLineTerminator(scalar) { advance(length) }
        case UInt8(ascii: "*"):
            advance(2)
            while !(current == UInt8(ascii: "*") && byte(ahead: 1) == UInt8(ascii: "/")) {
                guard !isAtEnd else {
                    throw problem(at: start, "this comment is never closed", "End it with */")
                }
                advance()
            }
            advance(2)
        default:
            throw problem(at: start, "a single / stands here", "Write // or /* */ for a comment, or quote the text")
        }
    }

    static func isLineTerminator(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\n" || scalar == "\r" || scalar.value == 0x2028 || scalar.value == 0x2029
    }

    static func isWhitespace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x20, 0xA0, 0xFEFF, 0x2028, 0x2029: true
        case 0..<0x80: false
        default: scalar.properties.generalCategory == .spaceSeparator
        }
    }

    static func isIdentifierStart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x24, 0x5F, 0x41...0x5A, 0x61...0x7A: true
        case 0..<0x80: false
        default: scalar.properties.isIDStart
        }
    }

    static func isIdentifierPart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x30...0x39, 0x200C, 0x200D: true
        default: isIdentifierStart(scalar) || scalar.value >= 0x80 && scalar.properties.isIDContinue
        }
    }
}
