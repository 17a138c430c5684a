import OrderedCollections
import Shared

/// The bubbles of one bot that the platform may still ask for.
struct PolledStreams: Sendable {
    /// Most bubbles at a time, by our own bound. At the bound those go that have ended, the oldest first: a repetition of
    /// theirs is answered out of the ledger.
    static let limit = 20_000
    /// How long an ended bubble is kept for repetitions, from its last use.
    static let keepFor: Duration = .seconds(600)

    private var streams: OrderedDictionary<String, PolledStream> = [:]

    /// Bubbles that are known.
    var count: Int { streams.count }

    /// Adds a bubble unless it is there; false when there are too many.
    mutating func open(_ stream: @autoclosure () -> PolledStream, id: String, now: MonotonicInstant) -> Bool {
        if streams[id] != nil { return true }
        if streams.count >= Self.limit { makeRoom(now: now) }
        guard streams.count < Self.limit else { return false }
        streams[id] = stream()
        return true
    }

    subscript(id: String) -> PolledStream? { streams[id] }

    mutating func with<Result>(_ id: String, _ body: (inout PolledStream) -> Result) -> Result? {
        guard let index = streams.index(forKey: id) else { return nil }
        return body(&streams.values[index])
    }

    mutating func forget(_ id: String) { streams[id] = nil }

    private mutating func makeRoom(now: MonotonicInstant) {
        sweep(now: now)
        var surplus = streams.count - Self.limit * 9 / 10
        guard surplus > 0 else { return }
        streams.removeAll { entry in
            guard surplus > 0, entry.value.isSettled else { return false }
            surplus -= 1
            return true
        }
    }

    /// Forgets what nobody will ask for.
    mutating func sweep(now: MonotonicInstant) {
        streams.removeAll {
            $0.value.lastUse.duration(to: now) >= ($0.value.isSettled ? Self.keepFor : Self.keepFor * 2)
        }
    }
}
