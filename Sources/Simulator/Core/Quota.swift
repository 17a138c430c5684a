/// Sliding windows of one minute and one hour per key.
struct Quota<Key: Hashable & Sendable>: Sendable {
    private var times: [Key: [Int]] = [:]

    /// Whether one more use stays within the limits. A limit of 0 is none.
    func hasRoom(_ key: Key, now: Int, perMinute: Int, perHour: Int) -> Bool {
        let list = times[key] ?? []
        if perHour > 0, list.count(where: { $0 > now - 3_600_000 }) >= perHour { return false }
        return perMinute <= 0 || list.count(where: { $0 > now - 60_000 }) < perMinute
    }

    /// Counts one use; uses older than an hour, and all but the newest 5,000, are forgotten.
    mutating func use(_ key: Key, now: Int) {
        var list = times[key] ?? []
        list.append(now)
        if list.count > 5_000 || list[0] <= now - 3_600_000 {
            list.removeAll { $0 <= now - 3_600_000 }
            list.removeFirst(max(0, list.count - 5_000))
        }
        times[key] = list
    }
}
