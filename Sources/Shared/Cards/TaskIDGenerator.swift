/// Makes ids for cards: `t-<base 36 Unix milliseconds>-<base 36 random>`, at most 28 of the 128 bytes allowed.
///
/// The 64 random bits come from a generator that visits every value once before it repeats, so that no two ids of one
/// generator are equal, whatever the clock does. Other processes differ by their seed.
public struct TaskIDGenerator: Sendable {
    /// Most bytes of an id (documented).
    public static let maxBytes = 128

    private var random: SeededGenerator

    /// Creates a generator; the same seed and times give the same ids.
    public init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// Makes the next id at `now`, in Unix milliseconds.
    public mutating func next(now: Int64) -> String {
        "t-" + String(max(now, 0), radix: 36) + "-" + String(random.next(), radix: 36)
    }

    /// Whether the platform takes `id`: 1 to 128 bytes of letters, digits, `_`, `-` and `@`. A colon, say, makes a card
    /// vanish without an error.
    public static func isValid(_ id: String) -> Bool {
        (1...maxBytes).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), ASCII.underscore, ASCII.minus, UInt8(ascii: "@"):
                    true
                default: false
                }
            }
    }
}
