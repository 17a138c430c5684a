import Logging

/// What the engine needs from the program around it besides the channel. The defaults keep everything in memory and leave
/// media alone.
public struct EngineHooks: Sendable {
    /// Fetches the media of a message: gives it back with paths, or with the reasons why not. Nil: attachments are only named.
    public var fetch: (@Sendable (InboundMessage) async -> InboundMessage)?
    /// Turns a file of an answer into something that can be uploaded, or into a sentence for the person.
    public var resolve: (@Sendable (Attachment, InboundMessage) async -> Result<OutboundMedia, AttachmentProblem>)?
    /// Takes the pictures out of a complete answer: the text without them, and where they are.
    public var pictures: (@Sendable (String) -> (text: String, locations: [String]))?
    /// Writes a long answer to a file. Nil: answers are never attached.
    public var attachLong: (@Sendable (String, InboundMessage) async -> OutboundMedia?)?

    /// Creates hooks that do nothing.
    public init() {}
}

/// Why a file of an answer cannot be sent, in words for the person.
public struct AttachmentProblem: Error, Hashable, Sendable {
    /// Sentence in Chinese and English.
    public var line: String

    /// Creates a problem.
    public init(line: String) { self.line = line }
}

/// What all turns of an engine share. By reference: each of them holds it.
final class EngineServices: Sendable {
    let channel: any Channel
    /// Another channel of the account, which takes what the first cannot.
    let fallback: (any Channel)?
    let settings: EngineSettings
    /// How most answers are shown; how those are that answer nothing.
    let reply: Frozen<ReplySettings>, push: Frozen<ReplySettings>
    let hooks: EngineHooks
    let clock: any MonotonicClock
    let wallClock: any WallClock
    let alarms: AlarmClock
    let store: any LedgerStore
    let ledger: LedgerWriter
    let governor: Locked<RateGovernor>
    let cardIDs: Locked<TaskIDGenerator>
    let logger: Logger

    init(
        channel: any Channel, fallback: (any Channel)?, settings: EngineSettings, hooks: EngineHooks,
        clock: any MonotonicClock, wallClock: any WallClock, store: any LedgerStore, cardSeed: UInt64, logger: Logger
    ) {
        self.channel = channel
        self.fallback = fallback
        self.settings = settings
        reply = Frozen(settings.reply)
        var push = settings.reply
        // What is sent on its own account answers nothing, however late it goes out.
        push.ageNoticeAfter = .zero
        self.push = Frozen(push)
        self.hooks = hooks
        self.clock = clock
        self.wallClock = wallClock
        alarms = AlarmClock(clock: clock)
        self.store = store
        ledger = LedgerWriter(store: store, clock: clock, logger: logger)
        governor = Locked(RateGovernor(perMinute: settings.perMinute, perHour: settings.perHour))
        cardIDs = Locked(TaskIDGenerator(seed: cardSeed))
        self.logger = logger
    }

    /// Current time in Unix milliseconds.
    var now: Int64 { wallClock.unixMilliseconds }

    /// Point on the monotonic clock of a moment in Unix milliseconds, as far as both clocks run alike.
    func instant(of unixMilliseconds: Int64) -> MonotonicInstant {
        clock.now.advanced(by: .milliseconds(min(0, unixMilliseconds - now)))
    }

    /// Asks whether a message of that priority may go to the conversation now; if not, until when it has to wait.
    func admit(_ conversation: Conversation, _ priority: RateGovernor.Priority) -> MonotonicInstant? {
        switch governor.withLock({ $0.request(conversation, priority, now: now) }) {
        case .allowed: nil
        case .wait(let duration): clock.now.advanced(by: duration)
        }
    }

    /// Tells the governor what the platform said to a message that counts.
    func learn(_ outcome: SendOutcome, _ conversation: Conversation) {
        switch outcome {
        case .acknowledged: governor.withLock { $0.accepted(conversation) }
        case .rejected(let error) where error.reaction == .pauseConversation:
            _ = governor.withLock { $0.refused(conversation, now: now) }
        default: break
        }
    }
}
