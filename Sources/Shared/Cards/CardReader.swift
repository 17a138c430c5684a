/// Reads one object of a card leniently: numbers written as strings and strings written as numbers are repaired, null and
/// invisible texts count as absent, keys that nobody asks for are dropped.
struct CardReader {
    /// Path of the object in the platform's names; empty for the card.
    let path: String
    private let object: JSON5Value

    init?(_ value: JSON5Value, path: String) {
        guard case .object = value.content else { return nil }
        self.path = path
        object = value
    }

    func field(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

    private func value(_ key: String) -> JSON5Value? {
        guard let value = object.member(key)?.value, value.content != .null else { return nil }
        return value
    }

    private func mistyped(_ key: String, _ value: JSON5Value, _ wanted: String) -> CardProblem {
        CardProblem(field(key), "is \(value.kindInWords)", "Write \(wanted)")
    }

    /// A name or an address, as it stands; nil when absent or empty.
    func string(_ key: String) throws(CardProblem) -> String? {
        guard let value = value(key) else { return nil }
        switch value.content {
        case .string(let text): return text.isEmpty ? nil : text
        case .number(let text): return text
        default: throw mistyped(key, value, "a string")
        }
    }

    /// Text for people, cut to the length that clients show; nil when absent or invisible.
    func text(_ key: String, most: Int = .max) throws(CardProblem) -> String? {
        guard let text = try string(key), VisibleText.isVisible(text) else { return nil }
        return CardText.cut(text, to: most)
    }

    func required(_ key: String) throws(CardProblem) -> String {
        guard let text = try string(key) else { throw missing(key) }
        return text
    }

    func requiredText(_ key: String, most: Int) throws(CardProblem) -> String {
        guard let text = try text(key, most: most) else { throw missing(key) }
        return text
    }

    func missing(_ key: String) -> CardProblem { CardProblem(field(key), "is missing", "Add it") }

    func integer(_ key: String) throws(CardProblem) -> Int? {
        guard let value = value(key) else { return nil }
        if let integer = value.integerValue { return integer }
        guard case .string(let text) = value.content else { throw mistyped(key, value, "a whole number") }
        if text.isEmpty { return nil }
        guard let integer = Int(text) else { throw mistyped(key, value, "a whole number") }
        return integer
    }

    func double(_ key: String) throws(CardProblem) -> Double? {
        guard let value = value(key) else { return nil }
        if let number = value.doubleValue { return number }
        guard case .string(let text) = value.content, let number = Double(text) else {
            throw mistyped(key, value, "a number")
        }
        return number
    }

    func bool(_ key: String) throws(CardProblem) -> Bool? {
        guard let value = value(key) else { return nil }
        switch value.content {
        case .bool(let flag): return flag
        case .string("true"), .string("1"), .number("1"): return true
        case .string("false"), .string("0"), .number("0"), .string(""): return false
        default: throw mistyped(key, value, "true or false")
        }
    }

    func object(_ key: String) throws(CardProblem) -> CardReader? {
        guard let value = value(key) else { return nil }
        guard let reader = CardReader(value, path: field(key)) else { throw mistyped(key, value, "an object") }
        return reader
    }

    func requiredObject(_ key: String) throws(CardProblem) -> CardReader {
        guard let reader = try object(key) else { throw missing(key) }
        return reader
    }

    /// Elements of a list, each read by `read`; nil when absent or empty.
    func list<Element>(
        _ key: String, _ read: (CardReader) throws(CardProblem) -> Element
    ) throws(CardProblem) -> [Element]? {
        guard let value = value(key) else { return nil }
        guard case .array(let elements) = value.content else { throw mistyped(key, value, "a list") }
        var result: [Element] = []
        for (index, element) in elements.enumerated() {
            let path = field(key) + "[\(index)]"
            guard let reader = CardReader(element, path: path) else {
                throw CardProblem(path, "is \(element.kindInWords)", "Write an object")
            }
            result.append(try read(reader))
        }
        return result.isEmpty ? nil : result
    }

    func requiredList<Element>(
        _ key: String, _ read: (CardReader) throws(CardProblem) -> Element
    ) throws(CardProblem) -> [Element] {
        guard let elements = try list(key, read) else { throw missing(key) }
        return elements
    }

    /// `type` of something that links. Where it was left out, what is given tells: a link without its type would be dead.
    func linkType(_ hints: [(key: String, type: Int)]) throws(CardProblem) -> Int? {
        if let type = try integer("type") { return type }
        for hint in hints where try string(hint.key) != nil { return hint.type }
        return nil
    }
}

/// Texts of a card.
enum CardText {
    /// `text` if it has at most `most` characters, else its beginning with an ellipsis, together `most`. Cuts no character.
    static func cut(_ text: String, to most: Int) -> String {
        guard text.utf8.count > most, text.count > most else { return text }
        return String(text.prefix(max(most - 1, 0))) + "…"
    }
}
