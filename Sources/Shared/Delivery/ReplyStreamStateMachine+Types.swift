extension ReplyStreamStateMachine {
    /// What the driver has to do next.
    public enum Action: Hashable, Sendable {
        /// Perform, then call `completed`.
        case perform(Operation)
        /// Nothing to do before that instant, or before the next input.
        case wait(until: MonotonicInstant?)
        /// All is said.
        case done(DeliveryReport)
    }

    /// One operation on the channel, without its address.
    public enum Operation: Hashable, Sendable {
        /// Show or refresh a bubble; `finish` seals it.
        case stream(id: StreamID, content: String, finish: Bool)
        /// Markdown at the reply address.
        case reply(String)
        /// Markdown to the conversation.
        case push(String)
        /// Text to the person by the fallback.
        case fallback(String)
    }

    /// How the handler ended.
    public enum Ending: Hashable, Sendable {
        /// Answer complete.
        case finished
        /// Complete, with nothing to say in words.
        case silent
        /// Failed, with words for the person.
        case failed(String)
        /// Stopped by the person.
        case stopped
        /// The program is going down.
        case interrupted
    }

    /// What is left of an answer of an earlier run.
    public struct Resumption: Sendable {
        /// Parts that are not settled, in order.
        public var parts: [(index: Int, text: String)]
        /// Bubbles opened, the last one included.
        public var bubbles: Int
        /// When the last one was opened.
        public var bubbleOpenedAt: MonotonicInstant
        /// Whether the answer is complete; if not, the handler runs again.
        public var isComplete: Bool
        /// Digests of the segments of an unfinished answer that were shown.
        public var shown: [String]
        /// Whether every bubble so far shows a part of this answer; if not, some show what an earlier start had said.
        public var countsAllBubbles: Bool

        /// Creates a description.
        public init(
            parts: [(index: Int, text: String)], bubbles: Int, bubbleOpenedAt: MonotonicInstant, isComplete: Bool,
            shown: [String] = [], countsAllBubbles: Bool = true
        ) {
            self.parts = parts
            self.bubbles = bubbles
            self.bubbleOpenedAt = bubbleOpenedAt
            self.isComplete = isComplete
            self.shown = shown
            self.countsAllBubbles = countsAllBubbles
        }
    }

    /// A step of one part of the answer, for the ledger.
    public struct Change: Hashable, Sendable {
        /// Position of the part.
        public var part: Int
        /// What happened to it.
        public var change: PartChange
    }

    /// A complete answer, for the ledger.
    public struct Record: Hashable, Sendable {
        /// Whole text.
        public var answer: String
        /// Texts of the parts that are not delivered yet.
        public var parts: [String]
        /// Position of the first of them.
        public var firstPart: Int
    }
}

extension ReplyStreamStateMachine.Ending {
    /// Line that the program adds to the answer.
    func line(_ words: ReplyWords) -> String? {
        switch self {
        case .finished, .silent: nil
        case .failed(let words): words
        case .stopped: words.stopped
        case .interrupted: words.interrupted
        }
    }
}

extension ReplyStreamStateMachine {
    /// Creates the machine for one answer.
    ///
    /// - Parameters:
    ///   - name: unique beginning of the ids of its bubbles.
    ///   - queuedAhead: messages that come before this one; nil when its turn is now.
    ///   - pushOnly: there is no reply address.
    ///   - online: whether the session is subscribed now.
    ///   - records: whether the complete answer waits for `recorded()`.
    ///   - fallback: another channel that reaches the person.
    ///   - createdAt: when the message was accepted; nil: now.
    ///   - lateUntil: until when the late address takes a message; nil: there is none, or it was used.
    ///   - resumption: what is left of an earlier run.
    public init(
        settings: ReplySettings, name: String, capabilities: Capabilities, fallback: Capabilities? = nil,
        queuedAhead: Int?, pushOnly: Bool = false, online: Bool = true, records: Bool = false,
        createdAt: MonotonicInstant? = nil, lateUntil: MonotonicInstant? = nil, resuming resumption: Resumption? = nil,
        now: MonotonicInstant
    ) {
        self.init(
            frozen: Frozen(settings), name: name, capabilities: capabilities, fallback: fallback,
            queuedAhead: queuedAhead, pushOnly: pushOnly, online: online, records: records, createdAt: createdAt,
            lateUntil: lateUntil, resuming: resumption, now: now)
    }
}

extension ReplyStreamStateMachine.Operation {
    var route: DeliveryRoute {
        switch self {
        case .stream: .bubble
        case .reply: .reply
        case .push: .push
        case .fallback: .fallback
        }
    }
    var isStream: Bool { if case .stream = self { true } else { false } }
    var isSnapshot: Bool { if case .stream(_, _, finish: false) = self { true } else { false } }
    var isFinal: Bool { if case .stream(_, _, finish: true) = self { true } else { false } }
}

extension PlatformError {
    /// Whether the very message may be sent again after a while.
    /// An access token may end again before the repeated call is there.
    var mayBeTriedAgain: Bool {
        reaction == .retry || reaction == .pauseConversation || reaction == .refreshToken
    }

    /// Whether another message would not arrive there either: the person is out of reach, or something has to be set up.
    var closesTheWay: Bool {
        switch reaction {
        case .receiver, .configuration, .credentials, .unreachable: true
        default: false
        }
    }
}
