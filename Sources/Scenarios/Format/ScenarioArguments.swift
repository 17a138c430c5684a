import AIBotWS
import Shared

/// What is wrong with a line.
struct ScenarioProblem: Error { var message: String }

/// Tokens after the first word of a step.
struct ScenarioArguments {
    private var tokens: ArraySlice<ScenarioToken>

    init(_ tokens: ArraySlice<ScenarioToken>) { self.tokens = tokens }

    func finish() throws(ScenarioProblem) {
        if let extra = tokens.first { throw ScenarioProblem(message: "`\(extra.description)` is not expected here") }
    }

    mutating func optionalWord() -> String? {
        guard case .word(let word)? = tokens.first else { return nil }
        tokens.removeFirst()
        return word
    }

    mutating func optionalWord(_ word: String) -> Bool {
        guard case .word(word)? = tokens.first else { return false }
        tokens.removeFirst()
        return true
    }

    mutating func word(_ what: String) throws(ScenarioProblem) -> String {
        guard let word = optionalWord() else { throw ScenarioProblem(message: "expected \(what)") }
        return word
    }

    mutating func phrase(_ what: String) throws(ScenarioProblem) -> String {
        var words = [try word(what)]
        while let word = optionalWord() { words.append(word) }
        return words.joined(separator: " ")
    }

    mutating func optionalJSON() -> JSONValue? {
        guard case .json(let value)? = tokens.first else { return nil }
        tokens.removeFirst()
        return value
    }

    mutating func json(_ what: String) throws(ScenarioProblem) -> JSONValue {
        guard let value = optionalJSON() else { throw ScenarioProblem(message: "expected \(what)") }
        return value
    }

    mutating func optionalChange() -> ScenarioToken? {
        switch tokens.first {
        case .assignment?: return tokens.popFirst()
        case .word(let word)? where word.hasPrefix("-"): return tokens.popFirst()
        default: return nil
        }
    }

    mutating func count() throws(ScenarioProblem) -> Int {
        guard let count = Int(try word("a number")), count >= 0 else { throw ScenarioProblem(message: "not a number") }
        return count
    }

    mutating func optionalText() throws(ScenarioProblem) -> String? { tokens.isEmpty ? nil : try text() }

    /// `"text"`, `40 x "text"`, and several of them with `+` between.
    mutating func text() throws(ScenarioProblem) -> String {
        var text = ""
        repeat {
            var times = 1
            if case .word? = tokens.first {
                times = try count()
                guard optionalWord("x") else { throw ScenarioProblem(message: "write `3 x \"text\"`") }
            }
            guard let piece = optionalJSON()?.string else {
                throw ScenarioProblem(message: "expected a text in quotes")
            }
            guard times <= 1_000_000, text.utf8.count + times * piece.utf8.count <= 16 << 20 else {
                throw ScenarioProblem(message: "text longer than 16 MiB")
            }
            text += String(repeating: piece, count: times)
        } while optionalWord("+")
        return text
    }

    mutating func conversation() throws(ScenarioProblem) -> Conversation {
        let kind = try word("`single` or `group`")
        guard kind == "single" || kind == "group" else { throw ScenarioProblem(message: "`single` or `group`") }
        return Conversation(kind: kind == "single" ? .direct : .group, id: try word("an id"))
    }

    mutating func duration() throws(ScenarioProblem) -> Duration {
        let word = try word("a time such as 500ms, 30s, 6min or 2h")
        let digits = word.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), number >= 0, number < 1e9 else {
            throw ScenarioProblem(message: "no time: \(word)")
        }
        switch word.dropFirst(digits.count) {
        case "ms": return .nanoseconds(Int64(number * 1e6))
        case "s": return .nanoseconds(Int64(number * 1e9))
        case "min": return .seconds(Int64(number * 60))
        case "h": return .seconds(Int64(number * 3_600))
        default: throw ScenarioProblem(message: "a time ends with ms, s, min or h: \(word)")
        }
    }
}
