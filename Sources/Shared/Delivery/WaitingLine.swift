/// What a bubble shows while there is nothing of the answer yet: dots, its place in the queue, hints in turn.
struct WaitingLine: Sendable {
    /// Messages that come before this one; nil when its turn is now.
    private(set) var queuedAhead: Int?
    /// When the next hint is due.
    private(set) var hintAt: MonotonicInstant?
    private var hintsShown = 0

    init(queuedAhead: Int?, settings: ReplySettings, now: MonotonicInstant) {
        self.queuedAhead = queuedAhead
        if queuedAhead == nil { hintAt = Self.firstHint(settings, after: now) }
    }

    /// The message's turn has come.
    mutating func started(_ settings: ReplySettings, now: MonotonicInstant) {
        guard queuedAhead != nil else { return }
        queuedAhead = nil
        hintAt = Self.firstHint(settings, after: now)
    }

    /// Nothing is waited for any more.
    mutating func ended() { queuedAhead = nil }

    /// Text for now. `thinking` takes the place of the dots.
    mutating func content(_ settings: ReplySettings, thinking: String?, now: MonotonicInstant) -> String {
        if let queuedAhead, queuedAhead > 0 { return settings.words.queued(ahead: queuedAhead) }
        if let due = hintAt, due <= now {
            hintsShown += 1
            hintAt = settings.hintEvery > .zero ? now.advanced(by: settings.hintEvery) : nil
        }
        guard hintsShown > 0, !settings.hints.isEmpty else { return thinking ?? settings.opening }
        return settings.hints[(hintsShown - 1) % settings.hints.count]
    }

    private static func firstHint(_ settings: ReplySettings, after now: MonotonicInstant) -> MonotonicInstant? {
        guard settings.firstHintAfter > .zero, !settings.hints.isEmpty else { return nil }
        return now.advanced(by: settings.firstHintAfter)
    }
}
