/// Why something is not a card that the platform would show. Safe to log: names fields, never quotes the card.
public struct CardProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where it is, in the platform's names: `button_list[2].key`; empty for the card as a whole.
    public let field: String
    /// What is wrong, without a full stop.
    public let problem: String
    /// What to write instead, without a full stop.
    public let fix: String

    init(_ field: String, _ problem: String, _ fix: String) {
        self.field = field
        self.problem = problem
        self.fix = fix
    }

    /// One line: `button_list[2].key: is used twice. Give every button its own key.`
    public var description: String { "\(field.isEmpty ? "card" : field): \(problem). \(fix)." }
}
