/// Small values that outlive the process: access tokens, days on which somebody was greeted. All calls may come from any
/// task. What cannot be read or written counts as not there: nothing may depend on more than saving a call.
public protocol KeptValues: Sendable {
    /// The value of a key that has not expired at `now` (Unix milliseconds).
    func value(of key: String, now: Int64) async -> String?
    /// Keeps a value until that time; an earlier one of the same key is replaced.
    func keep(_ value: String, of key: String, until: Int64) async
    /// Keeps a value unless the key has one that has not expired. Whether it was kept: of several callers one gets true.
    func keepIfAbsent(_ value: String, of key: String, now: Int64, until: Int64) async -> Bool
    /// Forgets a key, but only while it has this value.
    func forget(_ key: String, ifValue: String) async
}

/// Values that are forgotten with the process. The ones that expire first make room for new ones.
public final class InMemoryKeptValues: KeptValues {
    private let limit: Int
    private let values = Locked<[String: (value: String, until: Int64)]>([:])

    /// - Parameter limit: most keys.
    public init(limit: Int = 100_000) { self.limit = limit }

    /// The value of a key that has not expired.
    public func value(of key: String, now: Int64) async -> String? {
        values.withLock { $0[key].flatMap { $0.until > now ? $0.value : nil } }
    }

    /// Keeps a value.
    public func keep(_ value: String, of key: String, until: Int64) async {
        values.withLock { Self.put(value, key, until, &$0, limit) }
    }

    /// Keeps a value unless there is one.
    public func keepIfAbsent(_ value: String, of key: String, now: Int64, until: Int64) async -> Bool {
        values.withLock { values in
            if let there = values[key], there.until > now { return false }
            Self.put(value, key, until, &values, limit)
            return true
        }
    }

    /// Forgets a key while it has this value.
    public func forget(_ key: String, ifValue value: String) async {
        values.withLock { if $0[key]?.value == value { $0[key] = nil } }
    }

    private static func put(
        _ value: String, _ key: String, _ until: Int64, _ values: inout [String: (value: String, until: Int64)],
        _ limit: Int
    ) {
        if values[key] == nil, values.count >= limit {
            // A tenth at a time, so that a full memory is not searched for every new key.
            let oldest = values.sorted { $0.value.until < $1.value.until }.prefix(max(1, limit / 10))
            for (key, _) in oldest { values[key] = nil }
        }
        values[key] = (value, until)
    }
}
