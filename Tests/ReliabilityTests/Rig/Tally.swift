/// The counts of one round, or of all.
struct Tally: Sendable {
    var points = 0
    var asked = 0
    var accepted = 0
    var answered = 0
    /// Given up after too many deaths of the program, with a line that says so.
    var apologized = 0
    /// Posted to a `response_url` without an answer and not to be seen: the ledger says that nobody knows.
    var doubtful = 0
    var pushes = 0
    var named = 0
    var unnamed = 0
    var missing = 0
    var unfinished = 0
    var strays = 0
    var refused = 0
    /// Kills by what they were aimed at; a moment that did not come counts under its own name.
    var kills: [String: Int] = [:]
    /// Accepted messages and pushes by their side.
    var sides: [Side: Int] = [:]
    /// A line for everything that was seen twice and is named.
    var notes: [String] = []
    /// A line for everything that must not be.
    var problems: [String] = []

    static let head = [
        "points", "asked", "accepted", "answered", "apologized", "doubtful", "pushes", "named", "unnamed", "missing",
        "open",
        "stray",
    ]

    var cells: [Int] {
        [points, asked, accepted, answered, apologized, doubtful, pushes, named, unnamed, missing, unfinished, strays]
    }

    mutating func add(_ other: Tally) {
        points += other.points
        asked += other.asked
        accepted += other.accepted
        answered += other.answered
        apologized += other.apologized
        doubtful += other.doubtful
        pushes += other.pushes
        named += other.named
        unnamed += other.unnamed
        missing += other.missing
        unfinished += other.unfinished
        strays += other.strays
        refused += other.refused
        kills.merge(other.kills, uniquingKeysWith: +)
        sides.merge(other.sides, uniquingKeysWith: +)
        notes += other.notes
        problems += other.problems
    }

    /// The kills in words.
    var killLine: String {
        "kills: " + kills.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    /// What was accepted on each side, in words.
    var sideLine: String {
        "accepted: " + Side.allCases.map { "\($0.rawValue) \(sides[$0] ?? 0)" }.joined(separator: ", ")
    }

    /// One line of the table.
    static func line(_ name: String, _ cells: [String]) -> String {
        let label = name + String(repeating: " ", count: max(0, 26 - name.count))
        return label + cells.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }.joined()
    }
}
