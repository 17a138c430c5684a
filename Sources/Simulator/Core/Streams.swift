/// Stream bubbles, by (`req_id`, `stream.id`).
///
/// A bubble is open from its first frame until a frame with `finish` or the end of its window, whichever is first;
/// sealed and expired are terminal. Every frame replaces the whole content.
struct Streams: Sendable {
    /// Bubbles remembered; the oldest is forgotten first.
    static let limit = 50_000

    struct Key: Sendable, Hashable {
        var bot: String
        var reqID: String
        var streamID: String
    }

    struct Bubble: Sendable {
        var entry: String
        var conversation: ConversationKey
        var openedAt: Int
        var updatedAt: Int
        var isSealed = false
        var isExpired = false
    }

    enum FrameAction: Sendable, Hashable {
        /// First frame of a bubble.
        case open
        /// Next frame of the bubble shown by that entry.
        case replace(entry: String)
        /// Sealed, or past its window.
        case refuse
    }

    private var table: [Key: Bubble] = [:]
    private var order: [Key] = []
    private var head = 0

    /// What the next frame of a bubble does. Changes nothing.
    func frameArrived(_ key: Key, now: Int, options: PlatformOptions) -> FrameAction {
        guard let bubble = table[key] else { return .open }
        if bubble.isSealed || bubble.isExpired || now >= deadline(of: bubble, options: options) { return .refuse }
        return .replace(entry: bubble.entry)
    }

    mutating func opened(_ key: Key, entry: String, conversation: ConversationKey, now: Int) {
        let bubble = Bubble(entry: entry, conversation: conversation, openedAt: now, updatedAt: now)
        if table.updateValue(bubble, forKey: key) == nil { order.append(key) }
        while order.count - head > Self.limit {
            table[order[head]] = nil
            head += 1
        }
        if head > Self.limit {
            order.removeFirst(head)
            head = 0
        }
    }

    mutating func updated(_ key: Key, isFinal: Bool, now: Int) {
        table[key]?.updatedAt = now
        if isFinal { table[key]?.isSealed = true }
    }

    /// When the bubble's window ends; nil when it is over already.
    func deadline(_ key: Key, options: PlatformOptions) -> Int? {
        guard let bubble = table[key], !bubble.isSealed, !bubble.isExpired else { return nil }
        return deadline(of: bubble, options: options)
    }

    /// Marks the bubble as expired and returns it.
    mutating func expired(_ key: Key) -> Bubble? {
        table[key]?.isExpired = true
        return table[key]
    }

    private func deadline(of bubble: Bubble, options: PlatformOptions) -> Int {
        (options.streamWindowIsIdle ? bubble.updatedAt : bubble.openedAt) + options.streamWindow
    }
}
