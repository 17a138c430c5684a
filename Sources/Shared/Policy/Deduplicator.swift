/// Remembers ids for a while, so that a message that is delivered again is handled once (WS-9).
///
/// Bounded by number and age. An id seen again becomes the most recent one, but its age counts from when it was first seen.
/// Every call costs constant time on average.
public struct Deduplicator: Sendable {
    /// Largest number of ids remembered; the one seen longest ago goes first.
    public let maxEntries: Int
    /// Age at which an id is forgotten, in milliseconds.
    public let maxAgeMilliseconds: Int64

    private struct Entry {
        let firstSeen: Int64
        /// Position in `order` of the latest sighting; older positions of the id are stale.
        var position: Int
    }

    private var entries: [String: Entry] = [:]
    /// Ids by sighting, oldest first; positions count from `base`.
    private var order: [String] = []
    private var base = 0
    private var head = 0

    /// Makes an empty deduplicator; both bounds are at least 1.
    public init(maxEntries: Int = 10_000, maxAgeMilliseconds: Int64 = 86_400_000) {
        self.maxEntries = max(maxEntries, 1)
        self.maxAgeMilliseconds = max(maxAgeMilliseconds, 1)
    }

    /// Number of ids remembered.
    public var count: Int { entries.count }

    /// Whether `id` was not seen within the age limit; it is remembered from now on.
    ///
    /// - Parameter now: milliseconds of any clock; a clock that goes back makes ids live longer, never shorter.
    public mutating func isNew(_ id: String, now: Int64) -> Bool {
        let known = entries[id]
        let firstSeen: Int64? = known.flatMap { isExpired($0.firstSeen, now) ? nil : $0.firstSeen }
        entries[id] = Entry(firstSeen: firstSeen ?? now, position: base + order.count)
        order.append(id)
        evict(now: now)
        return firstSeen == nil
    }

    /// Forgets `id`, so that it counts as new again: handling it was refused before it began.
    public mutating func forget(_ id: String) { entries[id] = nil }

    private func isExpired(_ firstSeen: Int64, _ now: Int64) -> Bool {
        let (age, overflow) = now.subtractingReportingOverflow(firstSeen)
        return overflow ? now > firstSeen : age >= maxAgeMilliseconds
    }

    private mutating func evict(now: Int64) {
        while head < order.count {
            let id = order[head]
            if let entry = entries[id], entry.position == base + head {
                guard entries.count > maxEntries || isExpired(entry.firstSeen, now) else { break }
                entries[id] = nil
            }
            head += 1
        }
        if order.count - head > 2 * maxEntries { dropStale() }
        if head > 64, head * 2 > order.count { rebase() }
    }

    /// One id seen over and over leaves stale sightings behind the oldest live one.
    private mutating func dropStale() {
        var live: [String] = []
        live.reserveCapacity(entries.count)
        for index in head..<order.count where entries[order[index]]?.position == base + index {
            live.append(order[index])
        }
        order = live
        head = 0
        base = 0
        for (index, id) in live.enumerated() { entries[id]?.position = index }
    }

    private mutating func rebase() {
        order.removeFirst(head)
        base += head
        head = 0
    }
}
