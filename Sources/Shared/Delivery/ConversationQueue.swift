import DequeModule

/// Decides when a message's turn comes: one at a time in a conversation, so many at a time in all, in order of arrival.
public struct ConversationQueue<Item: Hashable & Sendable>: Sendable {
    /// What becomes of a message that arrived.
    public enum Arrival: Hashable, Sendable {
        /// Its turn is now.
        case start
        /// It waits for that many others of its conversation (0: only for a free place).
        case queued(ahead: Int)
        /// Its conversation has as many waiting as it may.
        case refused
    }

    private struct Lane {
        var running: Item?
        /// Whether the running one is still worked on, not only delivered.
        var holdsPlace = true
        var waiting: Deque<Item> = []
    }

    private let waitingPerConversation: Int
    private let places: Int
    private var lanes: [Conversation: Lane] = [:]
    private var running = 0
    /// Conversations whose first message waits for a place only.
    private var ready: Deque<Conversation> = []

    /// Creates a queue with its bounds: messages waiting in one conversation, messages worked on at a time.
    public init(waitingPerConversation: Int, places: Int) {
        self.waitingPerConversation = max(0, waitingPerConversation)
        self.places = max(1, places)
    }

    /// Messages that run or wait.
    public var count: Int { lanes.values.reduce(0) { $0 + $1.waiting.count + ($1.running == nil ? 0 : 1) } }

    /// Messages that wait.
    public var waitingCount: Int { lanes.values.reduce(0) { $0 + $1.waiting.count } }

    /// Messages of a conversation that run or wait.
    public func count(in conversation: Conversation) -> Int {
        guard let lane = lanes[conversation] else { return 0 }
        return lane.waiting.count + (lane.running == nil ? 0 : 1)
    }

    /// A message came. One that was accepted by an earlier run is not bound by the limits: it cannot be refused any more.
    public mutating func arrived(_ item: Item, in conversation: Conversation, isBound: Bool = true) -> Arrival {
        let ahead = count(in: conversation)
        if ahead == 0, running < places {
            lanes[conversation] = Lane(running: item)
            running += 1
            return .start
        }
        let isRefused = isBound && ahead > 0 && (lanes[conversation]?.waiting.count ?? 0) >= waitingPerConversation
        guard !isRefused else { return .refused }
        lanes[conversation, default: Lane()].waiting.append(item)
        if ahead == 0 { ready.append(conversation) }
        return .queued(ahead: ahead)
    }

    /// The work on a message is done and its answer waits for the delivery, which may be long: its place is for another
    /// conversation. Gives those whose turn is now.
    public mutating func released(_ item: Item, in conversation: Conversation) -> [Item] {
        guard lanes[conversation]?.running == item, lanes[conversation]?.holdsPlace == true else { return [] }
        lanes[conversation]?.holdsPlace = false
        running -= 1
        return fill()
    }

    /// A message is done with; gives those whose turn is now.
    public mutating func finished(_ item: Item, in conversation: Conversation) -> [Item] {
        guard lanes[conversation] != nil else { return [] }
        if lanes[conversation]?.running == item {
            lanes[conversation]?.running = nil
            if lanes[conversation]?.holdsPlace == true { running -= 1 }
            if lanes[conversation]?.waiting.isEmpty == false { ready.append(conversation) }
        } else {
            lanes[conversation]?.waiting.removeAll { $0 == item }
            if count(in: conversation) == 0 { ready.removeAll { $0 == conversation } }
        }
        if count(in: conversation) == 0 { lanes[conversation] = nil }
        return fill()
    }

    /// Messages of a conversation, the running one first.
    public func items(in conversation: Conversation) -> [Item] {
        guard let lane = lanes[conversation] else { return [] }
        return (lane.running.map { [$0] } ?? []) + lane.waiting
    }

    private mutating func fill() -> [Item] {
        var started: [Item] = []
        while running < places, let conversation = ready.popFirst() {
            guard let item = lanes[conversation]?.waiting.popFirst() else { continue }
            lanes[conversation]?.running = item
            lanes[conversation]?.holdsPlace = true
            running += 1
            started.append(item)
        }
        return started
    }
}
