/// Walks strict JSON in one pass over raw bytes. Never traps, never recurses deeper than `maxDepth`.
///
/// Why not Foundation's decoder: a frame is looked at for its envelope first (20 times faster this way), and bodies are
/// read tolerantly, key by key, where a decoder gives up at the first surprise.
package struct JSONScanner {
    package static let maxDepth = 64

    package struct Malformed: Error {
        package var offset: Int
    }

    private let bytes: UnsafeRawBufferPointer
    package private(set) var offset = 0

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { offset = 3 }
    }

    package var malformed: Malformed { Malformed(offset: offset) }

    // MARK: Structure

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    package mutating func peek() throws(Malformed) -> UInt8 {
        skipSpace()
        guard offset < bytes.count else { throw malformed }
        return bytes[offset]
    }

    package mutating func expect(_ byte: UInt8) throws(Malformed) {
        guard try peek() == byte else { throw malformed }
        offset += 1
    }

    /// Consumes `byte` if it comes next.
    package mutating func take(_ byte: UInt8) throws(Malformed) -> Bool {
        guard try peek() == byte else { return false }
        offset += 1
        return true
    }

    package mutating func finish() throws(Malformed) {
        skipSpace()
        guard offset == bytes.count else { throw malformed }
    }

    /// Calls `member` with each key; it must consume the value.
    package mutating func object(_ member: (inout JSONScanner, borrowing String) throws(Malformed) -> Void)
        throws(Malformed)
    {
        try expect(UInt8(ascii: "{"))
        if try take(UInt8(ascii: "}")) { return }
        repeat {
            guard try peek() == UInt8(ascii: "\"") else { throw malformed }
            let key = try string()
            try expect(UInt8(ascii: ":"))
            try member(&self, key)
        } while try take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    // MARK: Scalars

    /// Range of the next value, which is checked and passed over.
    package mutating func skipValue(depth: Int = 0) throws(Malformed) -> Range<Int> {
        guard depth < Self.maxDepth else { throw malformed }
        let first = try peek()
        let start = offset
        switch first {
        case UInt8(ascii: "{"):
            offset += 1
            if try !take(UInt8(ascii: "}")) {
                repeat {
                    guard try peek() == UInt8(ascii: "\"") else { throw malformed }
                    try skipString()
                    try expect(UInt8(ascii: ":"))
                    _ = try skipValue(depth: depth + 1)
                } while try take(UInt8(ascii: ","))
                try expect(UInt8(ascii: "}"))
            }
        case UInt8(ascii: "["):
            offset += 1
            if try !take(UInt8(ascii: "]")) {
                repeat { _ = try skipValue(depth: depth + 1) } while try take(UInt8(ascii: ","))
                try expect(UInt8(ascii: "]"))
            }
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: _ = try number()
        }
        return start..<offset
    }

    package mutating func literal(_ word: StaticString) throws(Malformed) {
        let length = word.utf8CodeUnitCount
        guard offset + length <= bytes.count else { throw malformed }
        for index in 0..<length where bytes[offset + index] != word.utf8Start[index] { throw malformed }
        offset += length
    }

    /// Text of a number; its grammar is checked.
    package mutating func number() throws(Malformed) -> Range<Int> {
        let start = offset
        func digits() -> Int {
            var count = 0
            while offset < bytes.count, bytes[offset] &- 0x30 < 10 {
                offset += 1
                count += 1
            }
            return count
        }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let leadingZero = offset < bytes.count && bytes[offset] == UInt8(ascii: "0")
        let whole = digits()
        guard whole > 0, !(leadingZero && whole > 1) else { throw malformed }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            guard digits() > 0 else { throw malformed }
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            guard digits() > 0 else { throw malformed }
        }
        return start..<offset
    }

    /// Integer value of the next number; nil when it is a fraction or does not fit.
    package mutating func integer() throws(Malformed) -> Int? {
        _ = try peek()
        let range = try number()
        return Int(text(of: range))
    }

    package func text(of range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private mutating func skipString() throws(Malformed) {
        offset += 1
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                offset += 1
                return
            }
            guard byte >= 0x20 else { throw malformed }
            if byte == UInt8(ascii: "\\") { try skipEscape() } else { offset += 1 }
        }
        throw malformed
    }

    private mutating func skipEscape() throws(Malformed) {
        guard offset + 1 < bytes.count else { throw malformed }
        switch bytes[offset + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 2
        case UInt8(ascii: "u"):
            _ = try hexUnit(at: offset + 2)
            offset += 6
        default: throw malformed
        }
    }

    /// The next string, escapes resolved. Bytes that are no UTF-8 become U+FFFD.
    package mutating func string() throws(Malformed) -> String {
        try expect(UInt8(ascii: "\""))
        let start = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                defer { offset += 1 }
                return String(decoding: bytes[start..<offset], as: UTF8.self)
            }
            guard byte >= 0x20 else { throw malformed }
            if byte == UInt8(ascii: "\\") { break }
            offset += 1
        }
        return try escapedString(from: start)
    }

    private mutating func escapedString(from start: Int) throws(Malformed) -> String {
        var result = Array(bytes[start..<offset])
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                offset += 1
                return String(decoding: result, as: UTF8.self)
            }
            guard byte >= 0x20 else { throw malformed }
            if byte == UInt8(ascii: "\\") {
                try unescape(into: &result)
            } else {
                result.append(byte)
                offset += 1
            }
        }
        throw malformed
    }

    private mutating func unescape(into result: inout [UInt8]) throws(Malformed) {
        guard offset + 1 < bytes.count else { throw malformed }
        let kind = bytes[offset + 1]
        guard kind != UInt8(ascii: "u") else { return try unescapeUnicode(into: &result) }
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(kind)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        default: throw malformed
        }
        offset += 2
    }

    private mutating func unescapeUnicode(into result: inout [UInt8]) throws(Malformed) {
        var scalar = UInt32(try hexUnit(at: offset + 2))
        offset += 6
        if scalar & 0xFC00 == 0xD800, offset + 6 <= bytes.count, bytes[offset] == UInt8(ascii: "\\"),
            bytes[offset + 1] == UInt8(ascii: "u")
        {
            let low = UInt32(try hexUnit(at: offset + 2))
            if low & 0xFC00 == 0xDC00 {
                scalar = 0x10000 + ((scalar & 0x3FF) << 10 | low & 0x3FF)
                offset += 6
            }
        }
        // A lone surrogate is somebody's broken text, not a broken frame.
        result.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
    }

    private func hexUnit(at start: Int) throws(Malformed) -> UInt16 {
        guard start + 4 <= bytes.count else { throw malformed }
        var unit: UInt16 = 0
        for index in start..<start + 4 {
            let digit: UInt8
            switch bytes[index] {
            case let byte where byte &- 0x30 < 10: digit = byte - 0x30
            case let byte where (byte | 0x20) &- 0x61 < 6: digit = (byte | 0x20) - 0x61 + 10
            default: throw malformed
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}
