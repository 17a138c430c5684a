/// Stream bubbles of the webhook side, by bot and `stream.id`.
///
/// A bubble is open from the answer that named it until an answer with `finish` or the end of the window, which
/// counts from the person's message. While it is open, one refresh at a time asks for its content.
struct WebhookStreams: Sendable {
    /// Bubbles remembered; the oldest is forgotten first.
    static let limit = 20_000

    struct Key: Sendable, Hashable {
        var bot: String
        var streamID: String
    }

    struct Stream: Sendable {
        var entry: String
        var conversation: ConversationKey
        var user: String
        var progress: Int
        var msgID: String?
        var deadline: Int
        /// Refreshes that were posted, and when the newest was.
        var polls = 0
        var lastPoll: Int?
        var isOver = false
        var hasCard = false
        var pollsStopped = false
    }

    private var table: [Key: Stream] = [:]
    private var order: [Key] = []
    /// Messages that a bubble answers.
    private var answered: Set<String> = []

    subscript(key: Key) -> Stream? {
        get { table[key] }
        set { if table[key] != nil { table[key] = newValue } }
    }

    mutating func opened(_ key: Key, _ stream: Stream) {
        if table.updateValue(stream, forKey: key) == nil { order.append(key) }
        if let msgID = stream.msgID { answered.insert(msgID) }
        if order.count > Self.limit, let oldest = table.removeValue(forKey: order.removeFirst())?.msgID {
            answered.remove(oldest)
        }
    }

    /// Whether a bubble answers the message already.
    func hasStream(for msgID: String?) -> Bool { msgID.map { answered.contains($0) } ?? false }
}
