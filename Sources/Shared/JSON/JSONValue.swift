/// A JSON value read from the wire, or to be written to it. Objects keep the order of their keys.
public enum JSONValue: Hashable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// Integer number.
    case integer(Int)
    /// Any other number, as it was written.
    case number(String)
    /// String.
    case string(String)
    /// Array.
    case array([JSONValue])
    /// Object; of repeated keys the last one counts.
    case object([Member])

    /// One key of an object with its value.
    public struct Member: Hashable, Sendable {
        /// Key.
        public var key: String
        /// Value.
        public var value: JSONValue

        /// Creates a member.
        public init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Reads strict JSON.
    ///
    /// - Throws: `GatewayError.invalidFrame` with the offset in bytes where it stops being JSON.
    public init(parsing bytes: some Sequence<UInt8>) throws {
        do {
            self = try Array(bytes).withUnsafeBytes { try JSONValue(parsing: $0) }
        } catch let error as JSONScanner.Malformed {
            throw GatewayError(.invalidFrame, "not JSON at byte \(error.offset)")
        }
    }

    package init(parsing bytes: UnsafeRawBufferPointer) throws(JSONScanner.Malformed) {
        var scanner = JSONScanner(bytes)
        self = try Self.value(&scanner, depth: 0)
        try scanner.finish()
    }

    private static func value(_ scanner: inout JSONScanner, depth: Int) throws(JSONScanner.Malformed) -> JSONValue {
        guard depth < JSONScanner.maxDepth else { throw scanner.malformed }
        switch try scanner.peek() {
        case UInt8(ascii: "{"):
            var members: [Member] = []
            try scanner.object { (scanner, key) throws(JSONScanner.Malformed) in
                let name = copy key
                members.append(Member(key: name, value: try value(&scanner, depth: depth + 1)))
            }
            return .object(members)
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            try scanner.expect(UInt8(ascii: "["))
            if try scanner.take(UInt8(ascii: "]")) { return .array([]) }
            repeat { elements.append(try value(&scanner, depth: depth + 1)) } while try scanner.take(UInt8(ascii: ","))
            try scanner.expect(UInt8(ascii: "]"))
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try scanner.string())
        case UInt8(ascii: "t"):
            try scanner.literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try scanner.literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try scanner.literal("null")
            return .null
        default: return try scanner.numberValue()
        }
    }

    // MARK: Reading

    /// Value of a key; nil when this is no object or has no such key.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// String inside, or nil.
    public var string: String? { if case .string(let string) = self { string } else { nil } }

    /// Integer inside, also when it came as a string of digits; else nil.
    public var integer: Int? {
        switch self {
        case .integer(let integer): integer
        case .string(let string): Int(string)
        default: nil
        }
    }

    /// Elements, or none.
    public var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }

    // MARK: Writing

    /// Object from pairs in the given order; nil values are left out.
    public static func dictionary(_ pairs: KeyValuePairs<String, JSONValue?>) -> JSONValue {
        .object(pairs.compactMap { pair in pair.value.map { Member(key: pair.key, value: $0) } })
    }

    /// Compact JSON text.
    public var text: String {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    package func write(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let bool): bytes.append(contentsOf: (bool ? "true" : "false").utf8)
        case .integer(let integer): bytes.append(contentsOf: String(integer).utf8)
        case .number(let number): bytes.append(contentsOf: number.utf8)
        case .string(let string): bytes.appendJSON(string)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes.appendJSON(member.key)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

extension JSONScanner {
    fileprivate mutating func numberValue() throws(Malformed) -> JSONValue {
        _ = try peek()
        let text = text(of: try number())
        return Int(text).map { .integer($0) } ?? .number(text)
    }
}

extension [UInt8] {
    /// Appends a JSON string literal. Runs of plain bytes are copied whole.
    package mutating func appendJSON(_ string: String) {
        append(UInt8(ascii: "\""))
        var string = string
        string.withUTF8 { utf8 in
            var start = 0
            while start < utf8.count {
                let end = Self.plainEnd(utf8, from: start)
                append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<end]))
                if end < utf8.count { appendEscape(utf8[end]) }
                start = end + 1
            }
        }
        append(UInt8(ascii: "\""))
    }

    /// Offset of the next byte that must be escaped, or the end. Eight bytes at a time: answers are long and plain.
    private static func plainEnd(_ utf8: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        let bytes = UnsafeRawBufferPointer(utf8)
        var index = start
        while index + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            // A byte's top bit is set in the sum where the byte was below the bound, or zero after the exclusive or.
            let low: UInt64 = 0x0101_0101_0101_0101
            let high: UInt64 = 0x8080_8080_8080_8080
            let quote = word ^ (low &* 0x22)
            let backslash = word ^ (low &* 0x5C)
            let found =
                ((word &- (low &* 0x20)) & ~word) | ((quote &- low) & ~quote) | ((backslash &- low) & ~backslash)
            // A borrow can mark a byte too many above a true one, never below it: the lowest mark is right.
            if found & high != 0 { return index + (found & high).littleEndian.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < bytes.count, bytes[index] >= 0x20, bytes[index] != 0x22, bytes[index] != 0x5C { index += 1 }
        return index
    }

    private mutating func appendEscape(_ byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0D: append(UInt8(ascii: "r"))
        case 0x09: append(UInt8(ascii: "t"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        default:
            let digits = Array("0123456789abcdef".utf8)
            append(contentsOf: "u00".utf8)
            append(digits[Int(byte >> 4)])
            append(digits[Int(byte & 15)])
        }
    }
}
