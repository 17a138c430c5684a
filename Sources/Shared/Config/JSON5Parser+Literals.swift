extension JSON5Parser {
    /// Reads a number and returns it as it is written.
    mutating func parseNumber(at start: JSON5Position) throws(JSON5Problem) -> String {
        let first = scanner.offset
        if scanner.current == UInt8(ascii: "+") || scanner.current == UInt8(ascii: "-") { scanner.advance() }
        switch scanner.current {
        case UInt8(ascii: "I"): try expectWord("Infinity", at: start)
        case UInt8(ascii: "N"): try expectWord("NaN", at: start)
        case UInt8(ascii: "0") where scanner.byte(ahead: 1).map { $0 | 0x20 } == UInt8(ascii: "x"):
            scanner.advance(2)
            guard skipDigits(hexadecimal: true) > 0 else { throw badNumber(at: start) }
        default: try skipDecimal(at: start)
        }
        if let (scalar, _) = scanner.scalar(), JSON5Scanner.isIdentifierPart(scalar) || scalar == "." {
            throw badNumber(at: start)
        }
        return String(decoding: scanner.bytes[first..<scanner.offset], as: UTF8.self)
    }

    private mutating func skipDecimal(at start: JSON5Position) throws(JSON5Problem) {
        let leadingZero = scanner.current == UInt8(ascii: "0")
        let whole = skipDigits(hexadecimal: false)
        if leadingZero && whole > 1 {
            throw scanner.problem(at: start, "a number may not start with an extra 0", "Remove it, or quote an id")
        }
        var fraction = 0
        if scanner.current == UInt8(ascii: ".") {
            scanner.advance()
            fraction = skipDigits(hexadecimal: false)
        }
        guard whole + fraction > 0 else { throw badNumber(at: start) }
        if scanner.current.map({ $0 | 0x20 }) == UInt8(ascii: "e") {
            scanner.advance()
            if scanner.current == UInt8(ascii: "+") || scanner.current == UInt8(ascii: "-") { scanner.advance() }
            guard skipDigits(hexadecimal: false) > 0 else { throw badNumber(at: start) }
        }
    }

    private mutating func skipDigits(hexadecimal: Bool) -> Int {
        let first = scanner.offset
        while let byte = scanner.current {
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            let isHex = hexadecimal && (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
            guard isDigit || isHex else { break }
            scanner.advance()
        }
        return scanner.offset - first
    }

    private mutating func expectWord(_ word: String, at start: JSON5Position) throws(JSON5Problem) {
        for byte in word.utf8 {
            guard scanner.current == byte else { throw badNumber(at: start) }
            scanner.advance()
        }
    }

    private func badNumber(at start: JSON5Position) -> JSON5Problem {
        scanner.problem(at: start, "this is not a number", "Write digits like 30 or 0.5, or put text in quotes")
    }

    /// Reads a string in single or double quotes and resolves its escapes.
    mutating func parseString() throws(JSON5Problem) -> String {
        let start = scanner.here()
        guard let quote = scanner.current else { throw unterminated(start) }
        scanner.advance()
        var text: [UInt8] = []
        while let byte = scanner.current {
            switch byte {
            case quote:
                scanner.advance()
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"): throw unterminated(start)
            case 0:
                throw scanner.problem(at: scanner.here(), "a NUL character stands in a string", "Remove it")
            case UInt8(ascii: "\\"):
                scanner.advance()
                try parseEscape(into: &text, string: start)
            default:
                text.append(byte)
                scanner.advance()
            }
        }
        throw unterminated(start)
    }

    private func unterminated(_ start: JSON5Position) -> JSON5Problem {
        scanner.problem(
            at: start, "this string is never closed",
            "Close it on the same line with the quotation mark it began with")
    }

    private mutating func parseEscape(into text: inout [UInt8], string: JSON5Position) throws(JSON5Problem) {
        let start = scanner.here()
        guard let (scalar, length) = scanner.scalar() else { throw unterminated(string) }
        scanner.advance(length)
        switch scalar {
        case "n": text.append(0x0A)
        case "r": text.append(0x0D)
        case "t": text.append(0x09)
        case "b": text.append(0x08)
        case "f": text.append(0x0C)
        case "v": text.append(0x0B)
        case "0":
            if let next = scanner.current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) {
                throw badEscape(at: start)
            }
            text.append(0)
        case "1"..."9": throw badEscape(at: start)
        case "x": text.append(contentsOf: Self.utf8(try parseHexadecimal(digits: 2, at: start)))
        case "u": text.append(contentsOf: Self.utf8(try parseUnicodeEscape(at: start).value))
        case "\r": if scanner.current == UInt8(ascii: "\n") { scanner.advance() }
        case "\n", "\u{2028}", "\u{2029}": break
        default: text.append(contentsOf: Self.utf8(scalar.value))
        }
    }

    private func badEscape(at start: JSON5Position) -> JSON5Problem {
        scanner.problem(
            at: start, "this escape after \\ is not valid", "Write \\\\ for a backslash, \\n for a new line")
    }

    private static func utf8(_ value: UInt32) -> [UInt8] {
        Unicode.Scalar(value).map { Array(String($0).utf8) } ?? []
    }

    /// Reads the digits after `\u`, and the second half when they are the first half of a surrogate pair.
    mutating func parseUnicodeEscape(at start: JSON5Position) throws(JSON5Problem) -> Unicode.Scalar {
        let unit = try parseHexadecimal(digits: 4, at: start)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let lone = scanner.problem(
            at: start, "this escape is half of a surrogate pair", "Write both halves, or the character itself")
        guard unit < 0xDC00, scanner.current == UInt8(ascii: "\\"), scanner.byte(ahead: 1) == UInt8(ascii: "u")
        else { throw lone }
        scanner.advance(2)
        let low = try parseHexadecimal(digits: 4, at: start)
        guard (0xDC00...0xDFFF).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + low - 0xDC00)
        else { throw lone }
        return scalar
    }

    private mutating func parseHexadecimal(digits: Int, at start: JSON5Position) throws(JSON5Problem) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let byte = scanner.current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw badEscape(at: start)
            }
            value = value << 4 | UInt32(digit)
            scanner.advance()
        }
        return value
    }
}
