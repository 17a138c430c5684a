/// What was sent to whom a short while ago, as hashes: the platform drops equal requests when it is asked to, and somebody may
/// well say the same twice.
struct DuplicateMemory: Sendable {
    /// Interval for which the platform is asked to remember, in seconds.
    static let interval = 60
    /// Ours: longer by the time that attempts take.
    private static let memory: Int64 = 180_000
    private static let most = 2_000
    private var times: [String: Int64] = [:]

    /// Whether the platform may be asked to drop a repeated request: no other message was the same.
    mutating func mayCheck(_ hash: String, now: Int64) -> Bool {
        let isNew = times[hash].map { now - $0 >= Self.memory } ?? true
        if times[hash] == nil, times.count >= Self.most { forgetOld(now: now) }
        times[hash] = now
        return isNew
    }

    /// Hashes that are remembered.
    var count: Int { times.count }

    /// It was not shown, as far as anybody knows: when it comes again, it is the same message.
    mutating func forget(_ hash: String) { times[hash] = nil }

    private mutating func forgetOld(now: Int64) {
        times = times.filter { now - $0.value < Self.memory }
        guard times.count >= Self.most else { return }
        for (hash, _) in times.sorted(by: { $0.value < $1.value }).prefix(Self.most / 10) { times[hash] = nil }
    }
}
