/// The bubbles of one answer: at most one is open at a time, and each has the answer's name and its number.
struct BubbleSlot: Sendable {
    /// A bubble that grows.
    struct Bubble: Sendable {
        var id: StreamID
        var openedAt: MonotonicInstant
        /// What its last frame showed, and when that was asked for.
        var sent: String
        var sentAt: MonotonicInstant

        /// Time between two refreshes: an older bubble changes less often.
        func interval(_ settings: ReplySettings, now: MonotonicInstant) -> Duration {
            let age = openedAt.duration(to: now)
            return settings.minInterval * (age < .seconds(60) ? 1 : age < .seconds(180) ? 2 : 3)
        }
    }

    private let name: String
    /// Bubbles opened so far.
    private(set) var opened = 0
    /// The one that is open.
    private(set) var bubble: Bubble?
    /// Whether the frame in flight opens it.
    private(set) var isOpening = false
    /// Whether the first one had to wait, so that acceptance does not stand for it.
    private(set) var firstWaited = false

    init(name: String) { self.name = name }

    /// Goes on with an earlier run's bubbles, the last of which is open when `openedAt` is given. What it shows is not
    /// known, so the next frame always differs.
    mutating func resume(_ count: Int, openedAt: MonotonicInstant?) {
        opened = count
        firstWaited = count == 0
        bubble = openedAt.map { Bubble(id: id(count), openedAt: $0, sent: "", sentAt: $0) }
    }

    private func id(_ number: Int) -> StreamID { StreamID(number == 1 ? name : "\(name)-\(number)") }

    /// The open bubble, or else a new one, is to show this. Returns its id.
    mutating func show(_ content: String, now: MonotonicInstant) -> StreamID {
        if bubble == nil {
            opened += 1
            isOpening = true
            bubble = Bubble(id: id(opened), openedAt: now, sent: content, sentAt: now)
        }
        bubble?.sent = content
        bubble?.sentAt = now
        return id(opened)
    }

    /// The frame in flight has an outcome. Returns whether it was to open the bubble.
    mutating func settle() -> Bool {
        defer { isOpening = false }
        return isOpening
    }

    /// The next frame opens the bubble, and counts as that.
    mutating func neverOpened(_ id: StreamID) {
        guard bubble?.id == id else { return }
        bubble = nil
        opened -= 1
    }

    /// The frame that was to open it has to wait.
    mutating func postponed(_ id: StreamID) {
        neverOpened(id)
        firstWaited = firstWaited || opened == 0
    }

    /// Number of the bubble that the frame in flight opens, when acceptance does not stand for it.
    var unannounced: Int? { isOpening && (opened > 1 || firstWaited) ? opened : nil }

    /// No more frames for it.
    mutating func close() { bubble = nil }
}
