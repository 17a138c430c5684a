import AIBotWS

/// A word, a JSON value, or `path=value`.
enum ScenarioToken: Sendable {
    case word(String)
    case json(JSONValue)
    case assignment(path: String, JSONValue)

    var description: String {
        switch self {
        case .word(let word): word
        case .json(let value): value.text
        case .assignment(let path, let value): "\(path)=\(value.text)"
        }
    }
}

/// Cuts a statement into tokens.
struct ScenarioTokenizer {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ text: Substring) { bytes = Array(text.utf8) }

    static func tokens(of text: Substring) throws(ScenarioProblem) -> [ScenarioToken] {
        var tokenizer = ScenarioTokenizer(text)
        var tokens: [ScenarioToken] = []
        while let token = try tokenizer.next() { tokens.append(token) }
        return tokens
    }

    /// Whether braces and strings are closed, so that the statement ends here.
    static func isComplete(_ text: Substring) -> Bool {
        var depth = 0
        var inString = false
        var escaped = false
        for byte in text.utf8 {
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
        return depth <= 0
    }

    private mutating func next() throws(ScenarioProblem) -> ScenarioToken? {
        while offset < bytes.count, Self.isSpace(bytes[offset]) { offset += 1 }
        guard offset < bytes.count else { return nil }
        if Self.opensJSON(bytes[offset]) { return .json(try json()) }
        let word = takeWord()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "=") else { return .word(word) }
        offset += 1
        guard offset < bytes.count, !Self.isSpace(bytes[offset]) else {
            throw ScenarioProblem(message: "\(word)= needs a value")
        }
        if Self.opensJSON(bytes[offset]) { return .assignment(path: word, try json()) }
        return .assignment(path: word, Self.bare(takeWord()))
    }

    private mutating func takeWord() -> String {
        let start = offset
        while offset < bytes.count, !Self.isSpace(bytes[offset]), bytes[offset] != UInt8(ascii: "=") { offset += 1 }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    /// A JSON value up to its own end.
    private mutating func json() throws(ScenarioProblem) -> JSONValue {
        let start = offset
        var depth = 0
        var inString = false
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            if inString {
                if byte == UInt8(ascii: "\\") { offset += 1 } else if byte == UInt8(ascii: "\"") { inString = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): inString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                default: break
                }
            }
            if depth == 0, !inString { break }
        }
        let slice = bytes[start..<min(offset, bytes.count)]
        guard let value = try? JSONValue(parsing: slice) else {
            throw ScenarioProblem(message: "not JSON: \(String(decoding: slice.prefix(60), as: UTF8.self))")
        }
        return value
    }

    /// Numbers, `true`, `false` and `null` are JSON; other words are strings.
    private static func bare(_ word: String) -> JSONValue {
        (try? JSONValue(parsing: word.utf8)) ?? .string(word)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

    private static func opensJSON(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[")
    }
}
