import Shared

/// Correlates frames with acks: one lane per `req_id`, one frame in flight per lane.
///
/// Why lanes: all replies to one message share its `req_id`, and an ack names nothing else. Two frames in flight could
/// not be told apart, so the next one waits for the ack of the last.
///
/// States of a lane: `inFlight`, `awaitingStaleAck` (the last frame timed out; its ack may still come and must not be
/// credited to the next frame). A lane without frames does not exist. What frees a lane that awaits a stale ack: that
/// ack, one further time-out, or the end of the session. A final snapshot does not wait for it: it goes out at once and
/// the next ack on the lane counts as the stale one.
///
/// What is learned of a frame after its time-out is told once: by its own ack, or by an answer to something that was written
/// after it (`OvertakenFrames`).
///
/// Ignored: acks for unknown lanes. Nothing that arrives can poison the machine.
struct AckStateMachine<Request: Sendable>: Sendable {
    /// What the owner has to do, in order.
    enum Effect {
        /// Write the frame; its time-out runs from now.
        case write(Request)
        /// The frame's outcome is known (or known to be unknowable).
        case complete(Request, SendOutcome)
        /// More is known of a frame that was completed as unknown.
        case late(Request, LateVerdict)
    }

    private struct Flight {
        var ticket: UInt64
        var request: Request
        var deadline: MonotonicInstant
        var timeout: Duration
    }

    private enum State {
        /// `unsettled` are older frames without an ack; the acks that come first are theirs.
        case inFlight(Flight, unsettled: [Flight])
        case awaitingStaleAck([Flight], until: MonotonicInstant)
    }

    private struct Waiting {
        var request: Request
        var timeout: Duration
        var repeatability: OutboundFrame.Repeatability
    }

    private struct Lane {
        var state: State
        var waiting: [Waiting] = []

        var deadline: MonotonicInstant {
            switch state {
            case .inFlight(let flight, _): flight.deadline
            case .awaitingStaleAck(_, let until): until
            }
        }
    }

    /// An error that named no `req_id`, and the frames that may be meant.
    private struct Anonymous {
        var error: PlatformError
        var suspects: Set<UInt64>
    }

    /// Bounds: frames that wait in one lane, lanes at a time, and errors waiting to be attributed.
    struct Limits {
        var waitingPerLane = 64
        var lanes = 16_384
        var anonymousErrors = 32
        var unsettledPerLane = 8
        /// Frames without an ack of which more may be learned.
        var overdue = 16_384
    }

    private let limits: Limits
    private var lanes: [ReqID: Lane] = [:]
    private var inFlightCount = 0
    private var lastTicket: UInt64 = 0
    private var anonymous: [Anonymous] = []
    private var overtaken: OvertakenFrames<Request>
    /// No deadline lies before this; kept as a bound so that acks cost no search.
    private(set) var nextDeadline: MonotonicInstant?

    init(limits: Limits = Limits()) {
        self.limits = limits
        overtaken = OvertakenFrames(limit: limits.overdue)
    }

    /// Lanes that hold anything; 0 when idle.
    var laneCount: Int { lanes.count }
    /// Frames written and not answered yet.
    var inFlight: Int { inFlightCount }

    // MARK: Sending

    /// Takes a frame for the lane `id`. A final snapshot does not wait for a stale ack, and snapshots that still wait
    /// in its lane are given back: showing them after it is neither possible nor wanted.
    mutating func send(
        _ request: Request, on id: ReqID, timeout: Duration, repeatability: OutboundFrame.Repeatability,
        now: MonotonicInstant
    ) -> [Effect] {
        let waiting = Waiting(request: request, timeout: timeout, repeatability: repeatability)
        guard let index = lanes.index(forKey: id) else {
            guard lanes.count < limits.lanes else { return [.complete(request, .notSent(.overflow))] }
            lanes[id] = Lane(state: .inFlight(launch(waiting, now: now), unsettled: []))
            return [.write(request)]
        }
        var effects: [Effect] = []
        if repeatability == .finalSnapshot { overtake(index, into: &effects) }
        if repeatability == .finalSnapshot, case .awaitingStaleAck(let unsettled, _) = lanes.values[index].state {
            lanes.values[index].state = .inFlight(launch(waiting, now: now), unsettled: unsettled)
            effects.append(.write(request))
        } else if lanes.values[index].waiting.count < limits.waitingPerLane {
            lanes.values[index].waiting.append(waiting)
        } else {
            effects.append(.complete(request, .notSent(.overflow)))
        }
        return effects
    }

    private mutating func overtake(_ index: Dictionary<ReqID, Lane>.Index, into effects: inout [Effect]) {
        for waiting in lanes.values[index].waiting where waiting.repeatability == .snapshot {
            effects.append(.complete(waiting.request, .notSent(.overtaken)))
        }
        lanes.values[index].waiting.removeAll { $0.repeatability == .snapshot }
    }

    private mutating func launch(_ waiting: Waiting, now: MonotonicInstant) -> Flight {
        lastTicket &+= 1
        inFlightCount += 1
        let deadline = now.advanced(by: waiting.timeout)
        nextDeadline = min(nextDeadline ?? deadline, deadline)
        return Flight(ticket: lastTicket, request: waiting.request, deadline: deadline, timeout: waiting.timeout)
    }

    /// Starts the next waiting frame of a lane, or drops the lane when there is none.
    private mutating func proceed(_ index: Dictionary<ReqID, Lane>.Index, now: MonotonicInstant) -> Effect? {
        guard !lanes.values[index].waiting.isEmpty else {
            lanes.remove(at: index)
            return nil
        }
        let next = lanes.values[index].waiting.removeFirst()
        lanes.values[index].state = .inFlight(launch(next, now: now), unsettled: [])
        return .write(next.request)
    }

    /// The frame in flight on lane `id` could not be written after all.
    mutating func notWritten(_ id: ReqID, _ reason: SendOutcome.NotSentReason, now: MonotonicInstant) -> [Effect] {
        guard let index = lanes.index(forKey: id), case .inFlight(let flight, let unsettled) = lanes.values[index].state
        else { return [] }
        inFlightCount -= 1
        var effects = [Effect.complete(flight.request, .notSent(reason))]
        release(index, unsettled, flight.timeout, now: now, into: &effects)
        if !anonymous.isEmpty { settleAnonymous(without: flight.ticket, now: now, into: &effects) }
        return effects
    }

    /// Ends a flight without an ack of its own: the lane goes on, or back to waiting for stale acks.
    private mutating func release(
        _ index: Dictionary<ReqID, Lane>.Index, _ unsettled: [Flight], _ timeout: Duration, now: MonotonicInstant,
        into effects: inout [Effect]
    ) {
        if unsettled.isEmpty {
            if let next = proceed(index, now: now) { effects.append(next) }
        } else {
            let until = now.advanced(by: timeout)
            lanes.values[index].state = .awaitingStaleAck(unsettled, until: until)
            nextDeadline = min(nextDeadline ?? until, until)
        }
    }

    // MARK: Acks

    /// An ack that names its lane.
    mutating func acknowledged(
        _ id: ReqID, error: PlatformError?, body: String?, now: MonotonicInstant
    ) -> [Effect] {
        guard let index = lanes.index(forKey: id) else { return heartbeatAnswered(id) }
        switch lanes.values[index].state {
        case .inFlight(let flight, var unsettled):
            guard unsettled.isEmpty else {
                let stale = unsettled.removeFirst()
                lanes.values[index].state = .inFlight(flight, unsettled: unsettled)
                return settle(stale, error)
            }
            inFlightCount -= 1
            let outcome = error.map { SendOutcome.rejected($0) } ?? .acknowledged(body: body)
            var effects = [Effect.complete(flight.request, outcome)]
            if let next = proceed(index, now: now) { effects.append(next) }
            answered(flight.ticket, into: &effects)
            if !anonymous.isEmpty { settleAnonymous(without: flight.ticket, now: now, into: &effects) }
            return effects
        case .awaitingStaleAck(var unsettled, let until):
            let stale = unsettled.removeFirst()
            var effects = settle(stale, error)
            if unsettled.isEmpty {
                if let next = proceed(index, now: now) { effects.append(next) }
            } else {
                lanes.values[index].state = .awaitingStaleAck(unsettled, until: until)
            }
            return effects
        }
    }

    /// The ack of a frame that had been given up.
    private mutating func settle(_ stale: Flight, _ error: PlatformError?) -> [Effect] {
        var effects: [Effect] = []
        if overtaken.takeLate(stale.ticket) {
            effects.append(.late(stale.request, error.map { .rejected($0) } ?? .acknowledged))
        }
        answered(stale.ticket, into: &effects)
        return effects
    }

    private mutating func answered(_ ticket: UInt64, into effects: inout [Effect]) {
        for request in overtaken.answered(ticket) { effects.append(.late(request, .overtaken)) }
    }

    /// A heartbeat was written. It has no lane, but its place in the order counts.
    mutating func heartbeatWritten(_ id: ReqID) {
        lastTicket &+= 1
        overtaken.heartbeatWritten(id, lastTicket)
    }

    /// An ack that names no lane of ours may be a heartbeat's; one without an id is, unless it is an error.
    mutating func heartbeatAnswered(_ id: ReqID?) -> [Effect] {
        var effects: [Effect] = []
        if let ticket = overtaken.takeHeartbeat(id) { answered(ticket, into: &effects) }
        return effects
    }

    /// An error that names no lane (raised before routing). With one frame in flight that frame is meant; otherwise
    /// the error is held until all others were answered, or until one of them times out.
    mutating func rejectedWithoutReqID(_ error: PlatformError, now: MonotonicInstant) -> [Effect] {
        var suspects: Set<UInt64> = []
        for lane in lanes.values { if case .inFlight(let flight, _) = lane.state { suspects.insert(flight.ticket) } }
        guard !suspects.isEmpty else { return [] }
        if anonymous.count >= limits.anonymousErrors { anonymous.removeFirst() }
        anonymous.append(Anonymous(error: error, suspects: suspects))
        var effects: [Effect] = []
        attribute(now: now, into: &effects)
        return effects
    }

    private mutating func settleAnonymous(without ticket: UInt64, now: MonotonicInstant, into effects: inout [Effect]) {
        for index in anonymous.indices { anonymous[index].suspects.remove(ticket) }
        attribute(now: now, into: &effects)
    }

    /// Errors as many as their common suspects belong to all of these.
    private mutating func attribute(now: MonotonicInstant, into effects: inout [Effect]) {
        anonymous.removeAll { $0.suspects.isEmpty }
        while let found = anonymous.first(where: { candidate in
            anonymous.count { $0.suspects == candidate.suspects } >= candidate.suspects.count
        }) {
            anonymous.removeAll { $0.suspects == found.suspects }
            for ticket in found.suspects.sorted() { reject(ticket, found.error, now: now, into: &effects) }
            for index in anonymous.indices { anonymous[index].suspects.subtract(found.suspects) }
            anonymous.removeAll { $0.suspects.isEmpty }
        }
    }

    private mutating func reject(
        _ ticket: UInt64, _ error: PlatformError, now: MonotonicInstant, into effects: inout [Effect]
    ) {
        let index = lanes.indices.first { index in
            if case .inFlight(let flight, _) = lanes.values[index].state { flight.ticket == ticket } else { false }
        }
        guard let index, case .inFlight(let flight, let unsettled) = lanes.values[index].state else { return }
        inFlightCount -= 1
        effects.append(.complete(flight.request, .rejected(error)))
        release(index, unsettled, flight.timeout, now: now, into: &effects)
    }

    // MARK: Time and loss

    /// Completes what is overdue. Call when `nextDeadline` is reached; earlier is harmless.
    mutating func deadlineReached(now: MonotonicInstant) -> [Effect] {
        guard let bound = nextDeadline, bound <= now else { return [] }
        var effects: [Effect] = []
        var overdue: [ReqID] = []
        for (id, lane) in lanes {
            switch lane.state {
            case .inFlight(let flight, _) where flight.deadline <= now: overdue.append(id)
            case .awaitingStaleAck(_, let until) where until <= now: overdue.append(id)
            default: break
            }
        }
        for id in overdue.sorted(by: { $0.rawValue < $1.rawValue }) { expire(id, now: now, into: &effects) }
        nextDeadline = lanes.values.map(\.deadline).min()
        return effects
    }

    private mutating func expire(_ id: ReqID, now: MonotonicInstant, into effects: inout [Effect]) {
        guard let index = lanes.index(forKey: id) else { return }
        switch lanes.values[index].state {
        case .inFlight(let flight, let unsettled):
            // Attributing an error to another lane may have answered this one meanwhile.
            guard flight.deadline <= now else { return }
            if let held = anonymous.first(where: { $0.suspects.contains(flight.ticket) }) {
                anonymous.removeAll { $0.suspects == held.suspects && $0.error == held.error }
                reject(flight.ticket, held.error, now: now, into: &effects)
                return settleAnonymous(without: flight.ticket, now: now, into: &effects)
            }
            inFlightCount -= 1
            effects.append(.complete(flight.request, .unknown(.ackTimeout)))
            if overtaken.timedOut(flight.ticket, flight.request) { effects.append(.late(flight.request, .overtaken)) }
            overdueLane(index, unsettled + [flight], now: now, into: &effects)
            if !anonymous.isEmpty { settleAnonymous(without: flight.ticket, now: now, into: &effects) }
        case .awaitingStaleAck(_, let until):
            // It may have got there in this very round, by an error that was attributed to its flight.
            guard until <= now else { return }
            if let next = proceed(index, now: now) { effects.append(next) }
        }
    }

    private mutating func overdueLane(
        _ index: Dictionary<ReqID, Lane>.Index, _ unsettled: [Flight], now: MonotonicInstant,
        into effects: inout [Effect]
    ) {
        let kept = Array(unsettled.suffix(limits.unsettledPerLane))
        if let position = lanes.values[index].waiting.firstIndex(where: { $0.repeatability == .finalSnapshot }) {
            let final = lanes.values[index].waiting.remove(at: position)
            lanes.values[index].state = .inFlight(launch(final, now: now), unsettled: kept)
            effects.append(.write(final.request))
        } else {
            let timeout = kept.last?.timeout ?? .zero
            lanes.values[index].state = .awaitingStaleAck(kept, until: now.advanced(by: timeout))
        }
    }

    /// The session is gone: what was written is unknown, what was not goes back untouched.
    mutating func sessionLost() -> [Effect] {
        var effects: [Effect] = []
        for (_, lane) in lanes {
            if case .inFlight(let flight, _) = lane.state {
                effects.append(.complete(flight.request, .unknown(.sessionLost)))
            }
            for waiting in lane.waiting { effects.append(.complete(waiting.request, .notSent(.offline))) }
        }
        lanes.removeAll()
        anonymous.removeAll()
        overtaken.sessionLost()
        inFlightCount = 0
        nextDeadline = nil
        return effects
    }
}
