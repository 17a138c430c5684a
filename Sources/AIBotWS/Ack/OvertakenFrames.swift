/// Frames whose senders were told that no ack came, until it is known that they had arrived.
///
/// A connection keeps the order, so the ack of a frame that was written later shows that an earlier one had arrived.
/// Tickets say the order; they count the frames and heartbeats of a session in the order of writing.
struct OvertakenFrames<Request: Sendable>: Sendable {
    private let limit: Int
    /// Latest ticket that was answered; 0 when none was on this connection.
    private var answered: UInt64 = 0
    /// By ticket.
    private var overdue: [(ticket: UInt64, request: Request)] = []
    /// Heartbeats without an answer, oldest first.
    private var heartbeats: [(ticket: UInt64, id: ReqID)] = []
    private let heartbeatLimit = 4

    /// At most `limit` frames are remembered; the oldest is forgotten.
    init(limit: Int) { self.limit = limit }

    /// The frame with this ticket was answered: frames that are known to have arrived by that, oldest first.
    mutating func answered(_ ticket: UInt64) -> ArraySlice<Request> {
        guard ticket > answered else { return [] }
        answered = ticket
        return takeOvertaken()
    }

    private mutating func takeOvertaken() -> ArraySlice<Request> {
        guard let first = overdue.first, first.ticket < answered else { return [] }
        let count = position(answered)
        let taken = overdue[..<count].map(\.request)
        overdue.removeFirst(count)
        return taken[...]
    }

    /// No ack came for this frame; true when it is known at once that it had arrived.
    mutating func timedOut(_ ticket: UInt64, _ request: Request) -> Bool {
        if ticket < answered { return true }
        if overdue.count >= limit { overdue.removeFirst() }
        overdue.insert((ticket, request), at: position(ticket))
        return false
    }

    /// An ack of this frame came after all; true when its sender does not know yet.
    mutating func takeLate(_ ticket: UInt64) -> Bool {
        let index = position(ticket)
        guard index < overdue.count, overdue[index].ticket == ticket else { return false }
        overdue.remove(at: index)
        return true
    }

    /// A heartbeat was written.
    mutating func heartbeatWritten(_ id: ReqID, _ ticket: UInt64) {
        if heartbeats.count >= heartbeatLimit { heartbeats.removeFirst() }
        heartbeats.append((ticket, id))
    }

    /// Ticket of the heartbeat that an answer belongs to, and whether it is one. Some answers name no heartbeat: then
    /// it is the oldest, which claims the least.
    mutating func takeHeartbeat(_ id: ReqID?) -> UInt64? {
        guard let index = heartbeats.firstIndex(where: { id == nil || $0.id == id }) else { return nil }
        defer { heartbeats.removeFirst(index + 1) }
        return heartbeats[index].ticket
    }

    /// The connection is gone: what is learned on the next one says nothing about this one's frames.
    mutating func sessionLost() {
        answered = 0
        overdue = []
        heartbeats = []
    }

    /// First frame whose ticket is not less.
    private func position(_ ticket: UInt64) -> Int {
        var low = 0
        var high = overdue.count
        while low < high {
            let middle = (low + high) / 2
            if overdue[middle].ticket < ticket { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
