import DequeModule

/// Lets a limited number of connection attempts run at once; the rest wait in the order they came.
///
/// Thousands of simultaneous handshakes overflow listen queues and time each other out. TLS ones cost more and have
/// a limit of their own. Bounded by the number of connections: each waits at most once.
struct ConnectThrottle<ID: Hashable & Sendable>: Sendable {
    private struct Lane {
        var limit: Int
        var running = 0
        /// In the order they came; some have given up meanwhile.
        var queue: Deque<ID> = []
        var waiting: Set<ID> = []

        mutating func next() -> ID? {
            while running < limit, let id = queue.popFirst() {
                guard waiting.remove(id) != nil else { continue }
                running += 1
                return id
            }
            return nil
        }

        mutating func cancel(_ id: ID) {
            guard waiting.remove(id) != nil, queue.count > 2 * waiting.count + 16 else { return }
            queue = Deque(queue.filter { waiting.contains($0) })
        }
    }

    private var plain: Lane
    private var secure: Lane

    /// Places in the queues, of those that gave up too.
    var queued: Int { plain.queue.count + secure.queue.count }

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
            if lane.waiting.insert(id).inserted { lane.queue.append(id) }
            return false
        }
    }

    /// Gives up waiting; nothing happens when it does not wait.
    mutating func cancelWaiting(_ id: ID, secure isSecure: Bool) {
        withLane(isSecure) { lane in lane.cancel(id) }
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
