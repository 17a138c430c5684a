/// Lets a limited number of connection attempts run at once; the rest wait in the order they came.
///
/// Thousands of simultaneous handshakes overflow listen queues and time each other out. TLS ones cost more and have
/// a limit of their own. Bounded by the number of connections: each waits at most once.
struct ConnectThrottle<ID: Hashable & Sendable>: Sendable {
    private struct Lane {
        var limit: Int
        var running = 0
        var waiting: [ID] = []
        var head = 0
        var cancelled: Set<ID> = []

        mutating func next() -> ID? {
            while running < limit, head < waiting.count {
                let id = waiting[head]
                head += 1
                if head == waiting.count {
                    waiting.removeAll(keepingCapacity: false)
                    head = 0
                }
                if cancelled.remove(id) != nil { continue }
                running += 1
                return id
            }
            return nil
        }
    }

    private var plain: Lane
    private var secure: Lane

    /// Creates a throttle with the limits for attempts without and with TLS.
    init(plainLimit: Int = 200, secureLimit: Int = 100) {
        plain = Lane(limit: plainLimit)
        secure = Lane(limit: secureLimit)
    }

    /// Asks for a place: true when the attempt may start now, false when it waits.
    mutating func request(_ id: ID, secure isSecure: Bool) -> Bool {
        withLane(isSecure) { lane in
            if lane.running < lane.limit, lane.waiting.isEmpty {
                lane.running += 1
                return true
            }
            lane.waiting.append(id)
            return false
        }
    }

    /// Gives up waiting.
    mutating func cancelWaiting(_ id: ID, secure isSecure: Bool) {
        withLane(isSecure) { lane in _ = lane.cancelled.insert(id) }
    }

    /// Gives back a place; returns the attempt that may start in it.
    mutating func finished(secure isSecure: Bool) -> ID? {
        withLane(isSecure) { lane in
            lane.running -= 1
            return lane.next()
        }
    }

    private mutating func withLane<Result>(_ isSecure: Bool, _ body: (inout Lane) -> Result) -> Result {
        isSecure ? body(&secure) : body(&plain)
    }
}
