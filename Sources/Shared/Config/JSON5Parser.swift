/// Reads one JSON5 text into values with positions. Recursion is bounded by `JSON5Limits.maxDepth`.
///
/// Stricter than the JSON5 standard in three points, because the text is a configuration: a key may not occur twice, a
/// raw NUL is refused everywhere, and half of a surrogate pair in an escape is refused.
struct JSON5Parser {
    private static let maxReportedDuplicates = 50

    var scanner: JSON5Scanner
    private let limits: JSON5Limits
    private var duplicates: [JSON5Problem] = []

    init(_ bytes: [UInt8], limits: JSON5Limits) {
        scanner = JSON5Scanner(bytes)
        self.limits = limits
    }

    mutating func parse() throws(JSON5Error) -> JSON5Value {
        do {
            try scanner.skipTrivia()
            let value = try parseValue(depth: 0)
            try scanner.skipTrivia()
            guard scanner.isAtEnd else {
                throw unexpected(expected: "nothing more after the end of the configuration")
            }
            guard duplicates.isEmpty else { throw JSON5Error(problems: duplicates) }
            return value
        } catch let problem as JSON5Problem {
            throw JSON5Error(problems: (duplicates + [problem]).sorted { $0.position < $1.position })
        } catch let error as JSON5Error {
            throw error
        } catch {
            throw JSON5Error(problems: [])
        }
    }

    private mutating func parseValue(depth: Int) throws(JSON5Problem) -> JSON5Value {
        let start = scanner.here()
        switch scanner.current {
        case UInt8(ascii: "{"): return try parseObject(at: start, depth: depth)
        case UInt8(ascii: "["): return try parseArray(at: start, depth: depth)
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            let text = try parseString()
            return JSON5Value(.string(text), at: start, end: scanner.offset)
        case let byte? where Self.startsNumber(byte):
            let source = try parseNumber(at: start)
            return JSON5Value(.number(source), at: start, end: scanner.offset)
        default:
            return try parseWord(at: start)
        }
    }

    private static func startsNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }

    private mutating func parseWord(at start: JSON5Position) throws(JSON5Problem) -> JSON5Value {
        guard let (first, _) = scanner.scalar(), JSON5Scanner.isIdentifierStart(first) else {
            throw unexpected(expected: "a value")
        }
        let word = skipIdentifier()
        let content: JSON5Value.Content
        switch word {
        case "true": content = .bool(true)
        case "false": content = .bool(false)
        case "null": content = .null
        case "Infinity", "NaN": content = .number(word)
        default:
            throw scanner.problem(
                at: start, "a bare word is no value", "Put text in quotes; true, false and null are written small")
        }
        return JSON5Value(content, at: start, end: scanner.offset)
    }

    /// Skips the identifier at the offset and returns its source text, escapes as they stand.
    private mutating func skipIdentifier() -> String {
        let start = scanner.offset
        while let (scalar, length) = scanner.scalar(), JSON5Scanner.isIdentifierPart(scalar) { scanner.advance(length) }
        return String(decoding: scanner.bytes[start..<scanner.offset], as: UTF8.self)
    }

    private func checkDepth(_ depth: Int, at start: JSON5Position) throws(JSON5Problem) {
        guard depth < limits.maxDepth else {
            throw scanner.problem(
                at: start, "lists and objects are nested deeper than \(limits.maxDepth)", "Remove the extra levels")
        }
    }

    private mutating func parseArray(at start: JSON5Position, depth: Int) throws(JSON5Problem) -> JSON5Value {
        try checkDepth(depth, at: start)
        scanner.advance()
        var elements: [JSON5Value] = []
        var endsWithComma = false
        while true {
            try scanner.skipTrivia()
            if scanner.current == UInt8(ascii: "]") { break }
            guard elements.isEmpty || endsWithComma else { throw missingSeparator(opened: start, closing: "]") }
            guard !scanner.isAtEnd else { throw unclosed(start, closing: "]") }
            elements.append(try parseValue(depth: depth + 1))
            endsWithComma = try skipComma()
        }
        scanner.advance()
        return JSON5Value(.array(elements), at: start, end: scanner.offset, hasTrailingComma: endsWithComma)
    }

    private mutating func parseObject(at start: JSON5Position, depth: Int) throws(JSON5Problem) -> JSON5Value {
        try checkDepth(depth, at: start)
        scanner.advance()
        var members: [JSON5Member] = []
        var lines: [String: Int] = [:]
        var endsWithComma = false
        while true {
            try scanner.skipTrivia()
            if scanner.current == UInt8(ascii: "}") { break }
            guard members.isEmpty || endsWithComma else { throw missingSeparator(opened: start, closing: "}") }
            guard !scanner.isAtEnd else { throw unclosed(start, closing: "}") }
            let member = try parseMember(depth: depth)
            if let first = lines.updateValue(member.keyPosition.line, forKey: member.key) {
                noteDuplicate(member, first: first)
            }
            members.append(member)
            endsWithComma = try skipComma()
        }
        scanner.advance()
        return JSON5Value(.object(members), at: start, end: scanner.offset, hasTrailingComma: endsWithComma)
    }

    private mutating func noteDuplicate(_ member: JSON5Member, first: Int) {
        guard duplicates.count < Self.maxReportedDuplicates else { return }
        let key = JSON5Path(member.key).description
        duplicates.append(
            scanner.problem(
                at: member.keyPosition,
                "the key \(key) is given twice, on lines \(first) and \(member.keyPosition.line)",
                "Keep one of them"))
    }

    private mutating func parseMember(depth: Int) throws(JSON5Problem) -> JSON5Member {
        let start = scanner.here()
        let key = try parseKey(at: start)
        try scanner.skipTrivia()
        guard scanner.current == UInt8(ascii: ":") else {
            throw unexpected(expected: "a colon after the key")
        }
        scanner.advance()
        try scanner.skipTrivia()
        return JSON5Member(key: key, keyPosition: start, value: try parseValue(depth: depth + 1))
    }

    private mutating func parseKey(at start: JSON5Position) throws(JSON5Problem) -> String {
        if scanner.current == UInt8(ascii: "\"") || scanner.current == UInt8(ascii: "'") { return try parseString() }
        var key = String.UnicodeScalarView()
        while let (scalar, length) = scanner.scalar() {
            if JSON5Scanner.isIdentifierStart(scalar) || !key.isEmpty && JSON5Scanner.isIdentifierPart(scalar) {
                key.append(scalar)
                scanner.advance(length)
            } else if scalar == "\\", scanner.byte(ahead: 1) == UInt8(ascii: "u") {
                scanner.advance(2)
                let escaped = try parseUnicodeEscape(at: start)
                guard key.isEmpty ? JSON5Scanner.isIdentifierStart(escaped) : JSON5Scanner.isIdentifierPart(escaped)
                else { throw scanner.problem(at: start, "this key has an escape that is no letter", "Quote the key") }
                key.append(escaped)
            } else {
                break
            }
        }
        guard !key.isEmpty else { throw unexpected(expected: "a key") }
        if scanner.current == UInt8(ascii: "-") || scanner.current == UInt8(ascii: ".") {
            throw scanner.problem(
                at: start, "this key has a character that needs quotes", "Put the whole key in quotes")
        }
        return String(key)
    }

    /// Skips trivia and one comma; whether there was one.
    private mutating func skipComma() throws(JSON5Problem) -> Bool {
        try scanner.skipTrivia()
        guard scanner.current == UInt8(ascii: ",") else { return false }
        scanner.advance()
        return true
    }

    private mutating func missingSeparator(opened: JSON5Position, closing: String) -> JSON5Problem {
        scanner.isAtEnd ? unclosed(opened, closing: closing) : unexpected(expected: "a comma or \(closing)")
    }

    private func unclosed(_ start: JSON5Position, closing: String) -> JSON5Problem {
        scanner.problem(
            at: start, "the text ends before what opens here is closed", "Add the missing \(closing)")
    }

    /// Names the one character found, never more of the text.
    private mutating func unexpected(expected: String) -> JSON5Problem {
        let position = scanner.here()
        guard let (scalar, _) = scanner.scalar() else {
            return scanner.problem(at: position, "the text ends where \(expected) is expected", "Complete the file")
        }
        if let ascii = Self.asciiTwin(of: scalar) {
            return scanner.problem(
                at: position, "the full-width or curly character \(scalar) stands where \(expected) is expected",
                "Write the plain \(ascii)")
        }
        return scanner.problem(
            at: position, "found \(Self.name(of: scalar)) where \(expected) is expected", "Correct or remove it")
    }

    private static func name(of scalar: Unicode.Scalar) -> String {
        switch scalar.value {
        case 0: "a NUL character"
        case 1..<0x20, 0x7F..<0xA0: "a control character"
        default: scalar == "'" || scalar == "\"" ? "a quotation mark" : "'\(scalar)'"
        }
    }

    /// The plain character for one that an input method or word processor puts in its place.
    private static func asciiTwin(of scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "\u{201C}", "\u{201D}": "\""
        case "\u{2018}", "\u{2019}": "'"
        case "\u{3001}", "\u{FF0C}": ","
        case "\u{FF01}"..."\u{FF5E}": Unicode.Scalar(scalar.value - 0xFEE0).map { String($0) }
        default: nil
        }
    }
}
