/// A `req_id` that the platform issued with a callback, and what may still be answered on it.
struct IssuedRequest: Sendable {
    enum Kind: Sendable, Hashable {
        case message
        case enterChat
        case cardClick(entry: String, taskID: String)
        case otherEvent
    }

    var kind: Kind
    var conversation: ConversationKey
    var issuedAt: Int
    var connection: ConnectionID
    /// The one answer of an event was given.
    var isAnswered = false
    /// A card was sent on it.
    var hasCard = false
}

/// The newest `req_id`s that were issued.
struct Requests: Sendable {
    /// Requests remembered; the oldest is forgotten first, after which it is an invalid `req_id`.
    static let limit = 50_000

    private var table: [String: IssuedRequest] = [:]
    private var order: [String] = []
    private var head = 0

    subscript(id: String) -> IssuedRequest? {
        get { table[id] }
        set { if table[id] != nil { table[id] = newValue } }
    }

    mutating func issue(_ id: String, _ request: IssuedRequest) {
        if table.updateValue(request, forKey: id) == nil { order.append(id) }
        while order.count - head > Self.limit {
            table[order[head]] = nil
            head += 1
        }
        if head > Self.limit {
            order.removeFirst(head)
            head = 0
        }
    }
}
