/// Which segments of an unfinished answer people surely see.
///
/// A program that died in the middle of an answer asks its handler again. Segments are cut by their text alone, so as long
/// as the new answer reads like the old one its segments are the same, and those that were shown need not be shown again.
/// With the first one that differs, everything from there on is new.
struct ShownSegments: Sendable {
    /// Digests of what an earlier run showed.
    private let earlier: [String]
    /// Segments of this run that equal those.
    private var matched = 0
    private var hasDiverged = false
    private var hasGap = false
    /// The last of them, in case that the new answer ends there.
    private(set) var lastMatched: String?
    /// Digests of what is shown of this run's answer.
    private(set) var digests: [String] = []

    init(earlier: [String] = []) { self.earlier = earlier }

    /// Whether the segment that is open now may turn out to have been shown.
    var isCatchingUp: Bool { !hasDiverged && matched < earlier.count }

    /// Whether a closed segment is shown already. Each segment is asked about once, in order.
    mutating func contains(_ text: String) -> Bool {
        guard isCatchingUp, earlier[matched] == Self.digest(text) else {
            hasDiverged = true
            return false
        }
        matched += 1
        lastMatched = text
        digests.append(earlier[matched - 1])
        return true
    }

    /// A segment was delivered. After one that may not have arrived nothing is sure any more.
    mutating func add(_ text: String, isSure: Bool) {
        guard isSure, !hasGap else {
            hasGap = true
            return
        }
        digests.append(Self.digest(text))
    }

    /// FNV-1a over 64 bits: enough to tell an answer from itself, and the same in every run.
    private static func digest(_ text: String) -> String {
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }
}
