/// A place in a JSON5 text.
public struct JSON5Position: Sendable, Hashable, Comparable {
    /// Line, counted from 1. LF, CR and CRLF end a line.
    public let line: Int
    /// Column, counted from 1 in Unicode scalars.
    public let column: Int
    /// Offset from the start of the text, in bytes of UTF-8.
    public let offset: Int

    /// Creates a position; `line` and `column` count from 1, `offset` from 0.
    public init(line: Int, column: Int, offset: Int) {
        self.line = line
        self.column = column
        self.offset = offset
    }

    /// The very start of a text.
    public static let start = JSON5Position(line: 1, column: 1, offset: 0)

    /// Orders positions by where they stand in the text.
    public static func < (left: Self, right: Self) -> Bool { left.offset < right.offset }
}

/// One value of a JSON5 text, with the place it was read from.
public struct JSON5Value: Sendable, Equatable {
    /// What a value is.
    public enum Content: Sendable, Equatable {
        /// `null`.
        case null
        /// `true` or `false`.
        case bool(Bool)
        /// A number as it is written (`0x1F`, `+.5`, `Infinity`); nothing is rounded.
        case number(String)
        /// A string with its escapes resolved.
        case string(String)
        /// The elements in order.
        case array([JSON5Value])
        /// The members in the order of the text; no key occurs twice.
        case object([JSON5Member])
    }

    /// The value itself.
    public let content: Content
    /// Where its first character stands.
    public let position: JSON5Position
    /// The bytes it takes in the text, without comments or white space around it.
    public let range: Range<Int>
    /// Whether an array or object has a comma after its last element.
    let hasTrailingComma: Bool

    init(_ content: Content, at position: JSON5Position, end: Int, hasTrailingComma: Bool = false) {
        self.content = content
        self.position = position
        self.range = position.offset..<end
        self.hasTrailingComma = hasTrailingComma
    }

    /// The member of an object by its key; nil when there is none, or when this is no object.
    public func member(_ key: String) -> JSON5Member? {
        guard case .object(let members) = content else { return nil }
        return members.first { $0.key == key }
    }

    /// A number as a double (hex included); nil when this is no number.
    public var doubleValue: Double? {
        guard case .number(let source) = content else { return nil }
        if let integer = Self.hexadecimal(source) { return Double(integer) }
        let (negative, digits) = Self.sign(of: source)
        switch digits {
        case "Infinity": return negative ? -Double.infinity : Double.infinity
        case "NaN": return Double.nan
        default:
            // The standard library wants a digit on both sides of the point.
            var text = digits.hasPrefix(".") ? "0" + digits : String(digits)
            if let point = text.firstIndex(of: ".") {
                let next = text.index(after: point)
                if next == text.endIndex || !text[next].isNumber { text.insert("0", at: next) }
            }
            return Double(text).map { negative ? -$0 : $0 }
        }
    }

    /// A number as an integer, when it has no fraction and fits; nil otherwise. `1e3` and `30.0` are integers.
    public var integerValue: Int? {
        guard case .number(let source) = content else { return nil }
        if let integer = Self.hexadecimal(source) { return integer }
        if let integer = Int(source) { return integer }
        return doubleValue.flatMap(Int.init(exactly:))
    }

    private static func sign(of source: String) -> (negative: Bool, digits: Substring) {
        guard let first = source.first, first == "-" || first == "+" else { return (false, source[...]) }
        return (first == "-", source.dropFirst())
    }

    private static func hexadecimal(_ source: String) -> Int? {
        let (negative, digits) = sign(of: source)
        guard digits.hasPrefix("0x") || digits.hasPrefix("0X") else { return nil }
        return Int((negative ? "-" : "") + digits.dropFirst(2), radix: 16)
    }

    /// Whether both say the same, wherever and however they are written. Numbers compare by value.
    public func isEquivalent(to other: JSON5Value) -> Bool {
        switch (content, other.content) {
        case (.null, .null): return true
        case (.bool(let left), .bool(let right)): return left == right
        case (.string(let left), .string(let right)): return left == right
        case (.number(let left), .number(let right)): return left == right || doubleValue == other.doubleValue
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.isEquivalent(to: $1) }
        case (.object(let left), .object(let right)):
            return left.count == right.count
                && zip(left, right).allSatisfy { $0.key == $1.key && $0.value.isEquivalent(to: $1.value) }
        default: return false
        }
    }

    /// What kind of value this is, in words for an error line.
    var kindInWords: String {
        switch content {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// One `key: value` of an object.
public struct JSON5Member: Sendable, Equatable {
    /// The key with its quotes and escapes resolved.
    public let key: String
    /// Where the key stands.
    public let keyPosition: JSON5Position
    /// The value.
    public let value: JSON5Value
}

/// How large a JSON5 text may be.
public struct JSON5Limits: Sendable {
    /// Most bytes of the whole text.
    public var maxBytes: Int
    /// Most arrays and objects inside each other; more than 200 counts as 200, because reading recurses.
    public var maxDepth: Int

    /// Creates limits; the defaults fit a configuration file.
    public init(maxBytes: Int = 1 << 20, maxDepth: Int = 64) {
        self.maxBytes = maxBytes
        self.maxDepth = min(max(maxDepth, 1), 200)
    }
}

/// One thing that is wrong in a JSON5 text.
public struct JSON5Problem: Error, Sendable, Equatable {
    /// Where it is.
    public let position: JSON5Position
    /// What is wrong, without a full stop. Never quotes a value of the text.
    public let problem: String
    /// What to write instead, without a full stop.
    public let fix: String

    /// The one-line form, `FILE:LINE: problem. Fix.`
    public func description(file: String) -> String {
        ConfigurationIssue(file: file, position: position, keyPath: "", problem: problem, fix: fix).description
    }
}

/// Why a JSON5 text was refused: the first syntax error, or every duplicate key.
public struct JSON5Error: Error, Sendable, Equatable {
    /// At least one problem, in the order of the text.
    public let problems: [JSON5Problem]
}

/// The way to a value: `channels.wecom.accounts.default`, `bindings[0].backend`, `groups."wr.x"`.
public struct JSON5Path: Sendable, Hashable, CustomStringConvertible {
    /// One step.
    public enum Segment: Sendable, Hashable {
        /// Into an object.
        case key(String)
        /// Into an array, counted from 0.
        case index(Int)
    }

    /// The steps from the top of the text.
    public var segments: [Segment]

    /// Creates a path from its steps.
    public init(_ segments: [Segment] = []) {
        self.segments = segments
    }

    /// Creates a path of object keys.
    public init(_ keys: String...) {
        self.segments = keys.map(Segment.key)
    }

    /// Reads a written path: keys joined by dots, `[0]` for array elements, quotes around odd keys; nil when malformed.
    public init?(parsing text: String) {
        var segments: [Segment] = []
        var rest = text[...]
        while !rest.isEmpty {
            if rest.first == "[", let close = rest.firstIndex(of: "]") {
                guard let index = Int(rest[..<close].dropFirst()), index >= 0 else { return nil }
                segments.append(.index(index))
                rest = rest[close...].dropFirst()
            } else if rest.first == "\"" {
                guard let (key, length) = Self.quotedKey(at: rest) else { return nil }
                segments.append(.key(key))
                rest = rest.dropFirst(length)
            } else {
                let key = rest.prefix { $0 != "." && $0 != "[" }
                guard !key.isEmpty else { return nil }
                segments.append(.key(String(key)))
                rest = rest.dropFirst(key.count)
            }
            guard rest.isEmpty || rest.first == "." || rest.first == "[" else { return nil }
            if rest.first == "." {
                rest = rest.dropFirst()
                guard !rest.isEmpty else { return nil }
            }
        }
        guard !segments.isEmpty else { return nil }
        self.segments = segments
    }

    /// The key of a string literal that the text starts with, and the literal's length in characters.
    private static func quotedKey(at text: Substring) -> (key: String, length: Int)? {
        var isEscaped = false
        var length = 1
        for character in text.dropFirst() {
            length += 1
            if character == "\"", !isEscaped { break }
            isEscaped = character == "\\" && !isEscaped
        }
        guard let literal = try? JSON5Document(parsing: String(text.prefix(length))),
            case .string(let key) = literal.root.content
        else { return nil }
        return (key, length)
    }

    /// This path and one object key more.
    public func appending(_ key: String) -> JSON5Path { JSON5Path(segments + [.key(key)]) }
    /// This path and several object keys more.
    func appending(_ keys: [String]) -> JSON5Path { JSON5Path(segments + keys.map(Segment.key)) }
    /// This path and one array index more.
    public func appending(index: Int) -> JSON5Path { JSON5Path(segments + [.index(index)]) }

    /// The written form; keys other than letters, digits, `_`, `-` and `*` are quoted, control characters escaped.
    public var description: String {
        var text = ""
        for segment in segments {
            switch segment {
            case .index(let index): text += "[\(index)]"
            case .key(let key):
                if !text.isEmpty { text += "." }
                text += Self.isPlain(key) ? key : JSON5Document.quoted(key)
            }
        }
        return text
    }

    private static func isPlain(_ key: String) -> Bool {
        !key.isEmpty
            && key.unicodeScalars.allSatisfy {
                $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "_" || $0 == "-" || $0 == "*"
            }
    }
}
