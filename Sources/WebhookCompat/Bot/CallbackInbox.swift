import OrderedCollections
import Shared

/// Messages of one bot that came before, by their id: a repetition belongs to the same bubble.
struct CallbackInbox: Sendable {
    /// Ids remembered. The ledger knows older ones.
    static let limit = 20_000
    static let keepFor: Duration = .seconds(7_200)

    private var keys: OrderedDictionary<String, (key: String, at: MonotonicInstant)> = [:]

    /// Key of the first delivery of a message; `fresh` when this is the first.
    mutating func enter(_ messageID: String, fresh: String, now: MonotonicInstant) -> (key: String, isNew: Bool) {
        if let known = keys[messageID], known.at.duration(to: now) < Self.keepFor { return (known.key, false) }
        keys[messageID] = nil
        if keys.count >= Self.limit { keys.removeFirst(Self.limit / 10) }
        keys[messageID] = (fresh, now)
        return (fresh, true)
    }

    mutating func forget(_ messageID: String) { keys[messageID] = nil }
}
