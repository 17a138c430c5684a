import Shared

/// A bubble that the platform asks for instead of being told: every refresh gets the newest content, the last one ends it.
///
/// States: opening (nothing to show yet), growing, finishing (the last content waits for a refresh), finished (a refresh
/// took it; the same answer is given to repetitions), over (nobody asked for it in time; what remains goes another way).
/// Only a refresh ends a bubble: it proves that the platform has it. The answer to the message itself may get lost, three
/// times in a row at worst, and nothing would tell.
/// Late or repeated inputs are ignored; nothing poisons the machine.
struct PolledStream: Sendable {
    /// What a refresh gets.
    struct Frame: Hashable, Sendable {
        var id: String
        var content: String
        var isFinal: Bool
        var images: [BubblePicture] = []
        /// Only on the first frame.
        var feedback: String?
    }

    /// What became of the last content.
    enum Verdict: Hashable, Sendable {
        /// A refresh took it.
        case delivered
        /// Nobody asks any more.
        case over
        /// Not known before that instant, or the next input.
        case waiting(until: MonotonicInstant)
    }

    /// What asks for the content.
    enum Occasion: Hashable, Sendable {
        /// The message itself, the first time or again.
        case message
        /// A message that an earlier run had accepted: its first frame may have been seen.
        case earlierMessage
        /// A refresh.
        case refresh
    }

    private enum State { case opening, growing, finishing, finished, over }

    /// Platforms that ask again do so within seconds.
    static let silence: Duration = .seconds(30)

    let id: String
    /// Where the bubble belongs: a refresh must come from there.
    let conversation: Conversation
    /// When the platform stops asking.
    private let endsAt: MonotonicInstant
    private let words: Words
    private var state = State.opening
    private var content = ""
    private var images: [BubblePicture] = []
    private var feedback: String?
    private var hasAnswered = false
    /// Last refresh, or last content that waits for one.
    private var heardAt: MonotonicInstant
    private(set) var lastUse: MonotonicInstant
    /// Refreshes so far, for whoever looks for a bubble that only shows its placeholder.
    private(set) var refreshes = 0

    /// What the bubble says while there is nothing of the answer in it.
    struct Words: Hashable, Sendable {
        /// Before the answer begins.
        var placeholder: String
        /// When what remains comes another way.
        var elsewhere: String
    }

    init(
        id: String, conversation: Conversation, words: Words, endsAt: MonotonicInstant, now: MonotonicInstant
    ) {
        self.id = id
        self.conversation = conversation
        self.words = words
        self.endsAt = endsAt
        heardAt = now
        lastUse = now
    }

    /// Whether it may be forgotten once nobody uses it any more.
    var isSettled: Bool { state == .finished || state == .over }

    /// New content; false when it comes too late.
    mutating func show(
        _ content: String, isFinal: Bool, images: [BubblePicture], feedback: String?, now: MonotonicInstant
    ) -> Bool {
        // A final that is shown again after a restart is asked for or not like any other.
        guard !isSettled else { return false }
        self.content = content
        self.images = images
        self.feedback = self.feedback ?? feedback
        if isFinal, state != .finishing { heardAt = max(heardAt, now) }
        state = isFinal ? .finishing : .growing
        lastUse = now
        return true
    }

    /// What the platform is answered with.
    mutating func frame(now: MonotonicInstant, for occasion: Occasion) -> Frame {
        heardAt = now
        lastUse = now
        if occasion == .refresh { refreshes += 1 }
        let first = !hasAnswered && occasion == .message
        hasAnswered = true
        switch state {
        case .opening: return Frame(id: id, content: words.placeholder, isFinal: false)
        case .finishing where occasion != .refresh, .growing:
            let shown = content.isEmpty ? words.placeholder : content
            return Frame(id: id, content: shown, isFinal: false, feedback: first ? feedback : nil)
        case .finishing, .finished:
            return Frame(id: id, content: content, isFinal: true, images: images, feedback: first ? feedback : nil)
        case .over:
            return Frame(id: id, content: words.elsewhere, isFinal: true)
        }
    }

    /// The answer with that frame went out whole.
    mutating func written(_ frame: Frame, now: MonotonicInstant) {
        guard frame.isFinal, state == .finishing, frame.content == content else { return }
        state = .finished
        lastUse = now
    }

    /// Asked whenever the time of the last verdict has come, and after inputs.
    mutating func verdict(now: MonotonicInstant) -> Verdict {
        switch state {
        case .finished: return .delivered
        case .over: return .over
        case .opening, .growing, .finishing: break
        }
        let limit = min(heardAt.advanced(by: Self.silence), endsAt.advanced(by: .seconds(5)))
        guard now >= limit else { return .waiting(until: limit) }
        // Should a refresh come after all, it must not show what comes another way as well.
        state = .over
        lastUse = now
        return .over
    }
}
