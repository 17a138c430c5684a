/// Finds the known name that was probably meant.
enum NearestKey {
    private static let longestName = 64

    /// The nearest name, ignoring case, `_` and `-`; nil when none is near (more than a third of it would have to change).
    static func find(_ name: String, among known: [String]) -> String? {
        let wanted = folded(name)
        guard !wanted.isEmpty, wanted.count <= longestName else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in known {
            let letters = folded(candidate)
            let allowed = max(1, max(letters.count, wanted.count) / 3)
            guard abs(letters.count - wanted.count) <= allowed, letters.count > 2 || letters == wanted else { continue }
            let distance = distance(wanted, letters)
            if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name
    }

    private static func folded(_ name: String) -> [Character] {
        name.lowercased().filter { $0 != "_" && $0 != "-" }
    }

    /// Insertions, deletions, replacements and swaps of neighbors that lead from one to the other.
    static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var before: [Int] = []
        var previous = Array(0...right.count)
        for i in left.indices {
            var row = [i + 1]
            row.reserveCapacity(right.count + 1)
            for j in right.indices {
                let replace = previous[j] + (left[i] == right[j] ? 0 : 1)
                var cost = min(replace, previous[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    cost = min(cost, before[j - 1] + 1)
                }
                row.append(cost)
            }
            before = previous
            previous = row
        }
        return previous[right.count]
    }
}
