/// One WebSocket connection of a bot program.
public struct ConnectionID: Sendable, Hashable, CustomStringConvertible {
    /// Number of the connection, unique while the simulator runs.
    public var rawValue: Int

    /// The connection of that number.
    public init(_ rawValue: Int) { self.rawValue = rawValue }

    /// `c` and the number.
    public var description: String { "c\(rawValue)" }
}

/// Life of a connection, as observers see it.
public enum ConnectionState: String, Sendable, Hashable {
    case open
    case subscribed
    case displaced
    case closed
}

/// Who is connected, and which connection owns which bot.
///
/// States: open, subscribed, displaced; a connection that ends is forgotten. At most one connection per bot is
/// subscribed; a newer subscribe displaces the older one, which lives on without rights until its socket is dropped.
struct Connections: Sendable {
    struct Connection: Sendable {
        var address: String
        /// Start of the urls that this client can reach us by.
        var baseURL: String?
        var bot: String?
        var state = ConnectionState.open
        var isHalfOpen = false
        var usesScene = false
        var lastHeard: Int
        /// Acks on their way, by `req_id`.
        var unacked: [String: Int] = [:]
    }

    private(set) var all: [ConnectionID: Connection] = [:]
    private(set) var owners: [String: ConnectionID] = [:]

    subscript(id: ConnectionID) -> Connection? { all[id] }

    mutating func opened(_ id: ConnectionID, address: String, baseURL: String?, now: Int) {
        all[id] = Connection(address: address, baseURL: baseURL, lastHeard: now)
    }

    /// Forgets the connection; its last state is returned.
    mutating func closed(_ id: ConnectionID) -> Connection? {
        if let bot = all[id]?.bot, owners[bot] == id { owners[bot] = nil }
        return all.removeValue(forKey: id)
    }

    /// Makes `id` the owner of `bot`; returns the connection that it displaces.
    mutating func subscribed(_ id: ConnectionID, bot: String, usesScene: Bool) -> ConnectionID? {
        guard all[id] != nil else { return nil }
        if let former = all[id]?.bot, former != bot, owners[former] == id { owners[former] = nil }
        let previous = owners[bot]
        owners[bot] = id
        all[id]?.bot = bot
        all[id]?.state = .subscribed
        all[id]?.usesScene = usesScene
        guard let previous, previous != id else { return nil }
        all[previous]?.state = .displaced
        return previous
    }

    /// Takes the bot from its connection, as a newer one elsewhere would.
    mutating func displaced(_ id: ConnectionID) {
        guard let bot = all[id]?.bot, all[id]?.state == .subscribed else { return }
        owners[bot] = nil
        all[id]?.state = .displaced
    }

    mutating func heard(_ id: ConnectionID, now: Int) { all[id]?.lastHeard = now }

    mutating func wentHalfOpen(_ id: ConnectionID) { all[id]?.isHalfOpen = true }

    mutating func ackScheduled(_ id: ConnectionID, reqID: String) { all[id]?.unacked[reqID, default: 0] += 1 }

    mutating func ackLeft(_ id: ConnectionID, reqID: String) {
        guard let count = all[id]?.unacked[reqID] else { return }
        all[id]?.unacked[reqID] = count > 1 ? count - 1 : nil
    }
}
