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

    /// A message came.
    public mutating func arrived(_ item: Item, in conversation: Conversation) -> Arrival {
        var lane = lanes[conversation] ?? Lane()
        defer { lanes[conversation] = lane }
        if lane.running == nil, lane.waiting.isEmpty, running < places {
            lane.running = item
            running += 1
            return .start
        }
        let ahead = lane.waiting.count + (lane.running == nil ? 0 : 1)
        guard lane.waiting.count < waitingPerConversation || ahead == 0 else { return .refused }
        lane.waiting.append(item)
        if ahead == 0 { ready.append(conversation) }
        return .queued(ahead: ahead)
    }

    /// A message is done with; gives those whose turn is now.
    public mutating func finished(_ item: Item, in conversation: Conversation) -> [Item] {
        guard var lane = lanes[conversation] else { return [] }
        if lane.running == item {
            lane.running = nil
            running -= 1
            if !lane.waiting.isEmpty { ready.append(conversation) }
        } else {
            lane.waiting.removeAll { $0 == item }
            if lane.waiting.isEmpty, lane.running == nil { ready.removeAll { $0 == conversation } }
        }
        lanes[conversation] = lane.running == nil && lane.waiting.isEmpty ? nil : lane
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
            running += 1
            started.append(item)
        }
        return started
    }
}
