/// A JSON5 text and the values read from it: lookup by path, and edits that leave every other byte alone.
///
/// Comments, trailing commas, unquoted keys, both quotes, hexadecimal and signed numbers, `Infinity`, `NaN` and line
/// continuations are read. Bounds: `JSON5Limits`.
public struct JSON5Document: Sendable {
    /// The text as it was given, in UTF-8.
    public let bytes: [UInt8]
    /// The outermost value.
    public let root: JSON5Value
    private let limits: JSON5Limits

    /// Reads a text given as bytes of UTF-8.
    ///
    /// - Throws: the first syntax error, or every duplicate key, with positions.
    public init(parsing bytes: [UInt8], limits: JSON5Limits = JSON5Limits()) throws(JSON5Error) {
        if let problem = Self.refusal(of: bytes, limits: limits) { throw JSON5Error(problems: [problem]) }
        var parser = JSON5Parser(bytes, limits: limits)
        self.bytes = bytes
        self.limits = limits
        root = try parser.parse()
    }

    /// Reads a text.
    ///
    /// - Throws: the first syntax error, or every duplicate key, with positions.
    public init(parsing text: String, limits: JSON5Limits = JSON5Limits()) throws(JSON5Error) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    private static func refusal(of bytes: [UInt8], limits: JSON5Limits) -> JSON5Problem? {
        if bytes.count > limits.maxBytes {
            return JSON5Problem(
                position: .start, problem: "the text has \(bytes.count) bytes, more than \(limits.maxBytes)",
                fix: "Check that this is the right file")
        }
        guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
        var scanner = JSON5Scanner(bytes)
        return JSON5Problem(
            position: scanner.position(at: firstInvalidByte(in: bytes)), problem: "the text is not UTF-8 here",
            fix: "Save the file as UTF-8")
    }

    private static func firstInvalidByte(in bytes: [UInt8]) -> Int {
        var parser = UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var offset = 0
        while case .valid(let scalar) = parser.parseScalar(from: &iterator) { offset += scalar.count }
        return offset
    }

    /// The value at a path; nil when there is none.
    public func value(at path: JSON5Path) -> JSON5Value? {
        var value = root
        for segment in path.segments {
            guard let next = Self.step(from: value, by: segment) else { return nil }
            value = next.value
        }
        return value
    }

    /// Where a path stands: its key, or the nearest enclosing one that exists.
    public func position(of path: JSON5Path) -> JSON5Position {
        var value = root
        var position = root.position
        for segment in path.segments {
            guard let next = Self.step(from: value, by: segment) else { break }
            value = next.value
            position = next.position
        }
        return position
    }

    private static func step(
        from value: JSON5Value, by segment: JSON5Path.Segment
    ) -> (value: JSON5Value, position: JSON5Position)? {
        switch (segment, value.content) {
        case (.key(let key), .object):
            return value.member(key).map { ($0.value, $0.keyPosition) }
        case (.index(let index), .array(let elements)) where elements.indices.contains(index):
            return (elements[index], elements[index].position)
        default:
            return nil
        }
    }

    /// The text as a JSON5 string literal in double quotes; control characters are escaped.
    public static func quoted(_ text: String) -> String {
        var literal = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": literal += "\\\""
            case "\\": literal += "\\\\"
            case "\n": literal += "\\n"
            case "\r": literal += "\\r"
            case "\t": literal += "\\t"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: literal.unicodeScalars.append(scalar)
            }
        }
        return literal + "\""
    }
}

/// Why an edit was refused.
public enum JSON5EditError: Error, Sendable, Equatable {
    /// The new value is not JSON5.
    case invalidValue(JSON5Problem?)
    /// The path leads through something that is neither an object nor an existing array element.
    case noSuchPlace(JSON5Path)
    /// The edited text would exceed the limits of the document.
    case limitExceeded
}

extension JSON5Document {
    /// The text with one value replaced or added; comments, order, and every byte that is not part of the edit stay.
    ///
    /// Missing objects on the way are added. An added key goes to the end of its object, on a line of its own when the
    /// object takes several lines.
    ///
    /// - Parameters:
    ///   - path: where the value goes; an array element must exist already.
    ///   - source: the new value as JSON5 text (see `quoted(_:)` for strings).
    /// - Returns: the whole new text.
    /// - Throws: `JSON5EditError`; the document itself never changes.
    public func setting(_ path: JSON5Path, to source: String) throws(JSON5EditError) -> String {
        let literal = try Self.literal(source, limits: limits)
        var target = root
        for (index, segment) in path.segments.enumerated() {
            if let next = Self.step(from: target, by: segment) {
                target = next.value
                continue
            }
            guard case .object = target.content else { throw .noSuchPlace(path) }
            return try inserting(path.segments[index...], literal, into: target, path: path)
        }
        return try edited([(target.range, literal)])
    }

    private static func literal(_ source: String, limits: JSON5Limits) throws(JSON5EditError) -> String {
        do {
            let document = try JSON5Document(parsing: source, limits: limits)
            return String(decoding: document.bytes[document.root.range], as: UTF8.self)
        } catch {
            throw .invalidValue(error.problems.first)
        }
    }

    private func inserting(
        _ missing: ArraySlice<JSON5Path.Segment>, _ literal: String, into object: JSON5Value, path: JSON5Path
    ) throws(JSON5EditError) -> String {
        guard case .object(let members) = object.content else { throw .noSuchPlace(path) }
        var text = literal
        for (depth, segment) in missing.enumerated().reversed() {
            guard case .key(let key) = segment else { throw .noSuchPlace(path) }
            text = Self.written(key) + ": " + text
            if depth > 0 { text = "{" + text + "}" }
        }
        let contentEnd = members.last?.value.range.upperBound ?? object.range.lowerBound + 1
        var comma: [(Range<Int>, String)] = []
        if !members.isEmpty, !object.hasTrailingComma { comma = [(contentEnd..<contentEnd, ",")] }
        guard let lineStart = closingLineStart(of: object, after: contentEnd) else {
            // On one line: right behind the last value, before any comma that is there already.
            let place = contentEnd..<contentEnd
            return try edited([(place, members.isEmpty ? text : ", " + text)])
        }
        let indent = indentation(at: lineStart)
        let inner = members.last.map { indentation(before: $0.keyPosition.offset) } ?? indent + "    "
        let line = inner + text + "," + newline(before: lineStart)
        return try edited(comma + [(lineStart..<lineStart, line)])
    }

    /// The start of the line of the closing brace, when nothing but white space stands before it on that line.
    private func closingLineStart(of object: JSON5Value, after contentEnd: Int) -> Int? {
        var index = object.range.upperBound - 1
        while index > contentEnd {
            let byte = bytes[index - 1]
            if byte == UInt8(ascii: "\n") { return index }
            guard byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") else { return nil }
            index -= 1
        }
        return nil
    }

    private func newline(before lineStart: Int) -> String {
        lineStart >= 2 && bytes[lineStart - 2] == UInt8(ascii: "\r") ? "\r\n" : "\n"
    }

    private func indentation(at lineStart: Int) -> String {
        let blanks = bytes[lineStart...].prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        return String(decoding: blanks, as: UTF8.self)
    }

    private func indentation(before offset: Int) -> String {
        let lineStart = bytes[..<offset].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return indentation(at: lineStart)
    }

    private static func written(_ key: String) -> String {
        let scalars = key.unicodeScalars
        let isIdentifier =
            scalars.first.map(JSON5Scanner.isIdentifierStart) == true
            && scalars.allSatisfy { $0.isASCII && JSON5Scanner.isIdentifierPart($0) }
        return isIdentifier ? key : quoted(key)
    }

    /// Replaces ranges (in rising order) and reads the outcome again, so that an edit can never leave a broken file.
    private func edited(_ edits: [(Range<Int>, String)]) throws(JSON5EditError) -> String {
        var output: [UInt8] = []
        var index = 0
        for (range, text) in edits {
            output += bytes[index..<range.lowerBound]
            output += Array(text.utf8)
            index = range.upperBound
        }
        output += bytes[index...]
        guard (try? JSON5Document(parsing: output, limits: limits)) != nil else { throw .limitExceeded }
        return String(decoding: output, as: UTF8.self)
    }
}
