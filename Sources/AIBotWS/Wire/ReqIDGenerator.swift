import Shared

/// Makes ids for our own commands: `{cmd}_{unix milliseconds}_{8 hex}`, as the platform's own clients do, so that they
/// never meet the ids of callbacks.
struct ReqIDGenerator: Sendable {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func next(_ command: Command, unixMilliseconds: Int64) -> ReqID {
        let word = String(UInt32(truncatingIfNeeded: random.next()), radix: 16)
        return ReqID("\(command)_\(unixMilliseconds)_\(String(repeating: "0", count: 8 - word.count))\(word)")
    }
}
