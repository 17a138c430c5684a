/// Bytes of a document with a place in them, and the small pieces of XML that need no stack.
struct XMLBytes {
    private let bytes: [UInt8]
    private var index = 0

    /// Checks size and UTF-8, drops a byte order mark and makes every line end a line feed, as XML asks for.
    init(_ input: [UInt8]) throws(CallbackXMLError) {
        guard input.count <= CallbackXMLLimits.maxBytes else { throw .tooLarge }
        guard String(validating: input, as: UTF8.self) != nil else { throw .notUTF8 }
        var bytes = input.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(input.dropFirst(3)) : input
        if bytes.contains(UInt8(ascii: "\r")) { bytes = Self.withLineFeeds(bytes) }
        if let zero = bytes.firstIndex(of: 0) { throw .malformed(at: zero) }
        self.bytes = bytes
    }

    private static func withLineFeeds(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var afterReturn = false
        for byte in bytes {
            if byte == UInt8(ascii: "\r") {
                result.append(UInt8(ascii: "\n"))
            } else if !(afterReturn && byte == UInt8(ascii: "\n")) {
                result.append(byte)
            }
            afterReturn = byte == UInt8(ascii: "\r")
        }
        return result
    }

    var isAtEnd: Bool { index >= bytes.count }
    var current: UInt8? { index < bytes.count ? bytes[index] : nil }
    var malformed: CallbackXMLError { .malformed(at: index) }

    /// Steps over `word` if it is next.
    mutating func skip(_ word: StaticString) -> Bool {
        let matches = word.withUTF8Buffer { bytes[index...].starts(with: $0) }
        if matches { index += word.utf8CodeUnitCount }
        return matches
    }

    /// Steps over white space; whether there was any.
    mutating func skipBlanks() -> Bool {
        let start = index
        while let byte = current, Self.isBlank(byte) { index += 1 }
        return index > start
    }

    /// Everything before `word`, and steps over both; nil and no step when it does not come.
    mutating func take(until word: StaticString) -> ArraySlice<UInt8>? {
        let found = word.withUTF8Buffer { needle -> Int? in
            guard let first = needle.first else { return nil }
            var start = index
            while let hit = bytes[start...].firstIndex(of: first) {
                if bytes[hit...].starts(with: needle) { return hit }
                start = hit + 1
            }
            return nil
        }
        guard let found else { return nil }
        defer { index = found + word.utf8CodeUnitCount }
        return bytes[index..<found]
    }

    /// Everything before the next `<` or the end.
    mutating func takeText() -> ArraySlice<UInt8> {
        let start = index
        index = bytes[start...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
        return bytes[start..<index]
    }

    /// A name of ASCII letters, digits, `_`, `:`, `-`, `.` and anything beyond ASCII.
    mutating func name() throws(CallbackXMLError) -> String {
        let start = index
        while let byte = current, Self.isName(byte, first: index == start) { index += 1 }
        guard index > start else { throw malformed }
        guard index - start <= CallbackXMLLimits.maxNameBytes else { throw .nameTooLong }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t")
    }

    private static func isName(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            UInt8(ascii: ":"), 0x80...:
            true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."): !first
        default: false
        }
    }

    /// Text or the value of an attribute, with its references decoded.
    static func decode(_ run: ArraySlice<UInt8>) throws(CallbackXMLError) -> String {
        var result = ""
        var rest = run
        while let ampersand = rest.firstIndex(of: UInt8(ascii: "&")) {
            result += String(decoding: rest[..<ampersand], as: UTF8.self)
            // The longest is &#x10FFFF; some write leading zeros.
            let head = rest[(ampersand + 1)...].prefix(maxReferenceBytes)
            guard let end = head.firstIndex(of: UInt8(ascii: ";")), let character = reference(head[..<end]) else {
                throw .badReference
            }
            result.unicodeScalars.append(character)
            rest = rest[(end + 1)...]
        }
        return result + String(decoding: rest, as: UTF8.self)
    }

    private static let maxReferenceBytes = 16

    /// Whether there is a bare `]]>`, which text may not have.
    static func hasSectionEnd(_ run: ArraySlice<UInt8>) -> Bool {
        var brackets = 0
        for byte in run {
            if byte == UInt8(ascii: ">"), brackets >= 2 { return true }
            brackets = byte == UInt8(ascii: "]") ? brackets + 1 : 0
        }
        return false
    }

    /// The character that the words between `&` and `;` stand for.
    private static func reference(_ name: ArraySlice<UInt8>) -> Unicode.Scalar? {
        switch String(decoding: name, as: UTF8.self) {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        guard name.first == UInt8(ascii: "#") else { return nil }
        let isHexadecimal = name.dropFirst().first == UInt8(ascii: "x")
        let digits = name.dropFirst(isHexadecimal ? 2 : 1)
        // `UInt32.init` takes a sign, XML does not.
        guard let first = digits.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-"),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: isHexadecimal ? 16 : 10),
            let scalar = Unicode.Scalar(value), isCharacter(scalar)
        else { return nil }
        return scalar
    }

    /// Whether XML 1.0 has this character.
    static func isCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xA, 0xD, 0x20...0xFFFD, 0x1_0000...: true
        default: false
        }
    }
}
