/// Names of the tags that models put around their reasoning, and how they are matched.
enum ThinkTags {
    static let names: [[UInt8]] = [Array("think".utf8), Array("thinking".utf8), Array("thought".utf8)]
    /// Bytes of the longest tag, `</thinking>`.
    static let maxLength = 11

    enum Match: Equatable {
        case opener
        case closer
        /// More bytes are needed to tell.
        case partial
        case none
    }

    /// What `bytes`, beginning with `<`, is: a whole tag (letter case aside, no attributes), the beginning of one, or neither.
    static func match(_ bytes: some Collection<UInt8>) -> Match {
        guard bytes.first == ASCII.less else { return .none }
        var rest = bytes.dropFirst()
        let isCloser = rest.first == ASCII.slash
        if isCloser { rest = rest.dropFirst() }
        var isPartial = false
        for name in names {
            let given = rest.prefix(name.count)
            guard given.elementsEqual(name.prefix(given.count), by: { ASCII.lowercased($0) == $1 }) else { continue }
            if rest.count <= name.count {
                isPartial = true
            } else if rest.dropFirst(name.count).first == ASCII.greater {
                return isCloser ? .closer : .opener
            }
        }
        return isPartial ? .partial : .none
    }
}

/// Puts U+200B after the `<` of literal think tags, so that the client shows an answer that speaks of them instead of folding it.
///
/// Works on deltas: a tag may be split anywhere; at most ten bytes are held back until it is clear what they are. The result
/// does not depend on how the text was divided.
public struct ThinkTagEscaper: Sendable {
    private var held: [UInt8] = []

    /// Makes an escaper at the start of a text.
    public init() {}

    /// Takes the next part of the answer; returns what can be shown now.
    public mutating func feed(_ delta: String) -> String {
        guard !held.isEmpty || delta.containsByte(ASCII.less) else { return delta }
        var output: [UInt8] = []
        output.reserveCapacity(delta.utf8.count + held.count)
        for byte in delta.utf8 {
            if held.isEmpty, byte != ASCII.less {
                output.append(byte)
                continue
            }
            held.append(byte)
            switch ThinkTags.match(held) {
            case .partial: continue
            case .opener, .closer: flushEscaped(to: &output)
            case .none:
                // The byte that ends a false beginning may begin another.
                let isNext = byte == ASCII.less && held.count > 1
                output.append(contentsOf: isNext ? held.dropLast() : held[...])
                held = isNext ? [byte] : []
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Ends the text; returns what was held back.
    public mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }

    private mutating func flushEscaped(to output: inout [UInt8]) {
        output.append(ASCII.less)
        output.append(contentsOf: "\u{200B}".utf8)
        output.append(contentsOf: held.dropFirst())
        held = []
    }
}

extension VisibleText {
    /// `text` with U+200B after the `<` of every literal `<think>`, `<thinking>`, `<thought>` and their closing tags.
    ///
    /// Apply it to answer text once, before chunking; use `ThinkTagEscaper` for deltas.
    public static func escapeThinkTags(_ text: String) -> String {
        guard text.containsByte(ASCII.less) else { return text }
        var escaper = ThinkTagEscaper()
        return escaper.feed(text) + escaper.finish()
    }
}
