/// The work from one accepted message to its delivered answer: runs the handler, and drives the machines that deliver.
///
/// With a ledger every step that matters is written before something depends on it: the complete answer before its final
/// frame, a message that cannot be repeated before it is sent. The writes of one turn keep their order.
final class Turn: Sendable, Hashable {
    /// Where the answer comes from.
    enum Source: Sendable {
        /// Run the handler when the turn begins.
        case handler(MessageHandler)
        /// The program itself says this; `failure` is why the handler does not.
        case line(String, failure: String? = nil)
        /// The answer is there; this is sent on its own account.
        case parts([PartContent])
        /// The answer is complete in the ledger.
        case ledger
    }

    let number: UInt64
    /// Number in the ledger; nil when the ledger could not take it and the person is told so.
    let task: TaskID?
    let entry: LedgerEntry
    let source: Source
    let services: EngineServices
    /// 1, or more after a restart.
    let attempt: Int
    /// Whether an earlier run had it.
    let isTakenUp: Bool
    /// Since when it is kept for delivery.
    let keptSince: MonotonicInstant
    /// Hears of the end, with nil when it was left to a later run.
    let onDone: (@Sendable (DeliveryReport?) -> Void)?
    /// Hears that the handler has ended and the answer waits for its delivery.
    let onHandled: (@Sendable (Turn) -> Void)?
    let changed = Signal()
    let turnHasCome = Signal()
    let stopHandler = Signal()
    let mediaFetched = Signal()
    let cardReady = Signal()
    let redrawDone = Signal()
    let shown = Signal()
    let state: Locked<TurnState>
    /// The turn while it runs: sessions keep those who wait for late acks for longer than that.
    let listener = Locked<Turn?>(nil)

    /// Creates the work for an entry. `earlier` is what the ledger has of it after a restart.
    init(
        number: UInt64, task: TaskID?, entry: LedgerEntry, source: Source, services: EngineServices,
        queuedAhead: Int?, online: Bool, earlier: LedgerTask? = nil,
        onDone: (@Sendable (DeliveryReport?) -> Void)? = nil, onHandled: (@Sendable (Turn) -> Void)? = nil
    ) {
        self.number = number
        self.task = task
        self.entry = entry
        self.source = source
        self.services = services
        self.onDone = onDone
        self.onHandled = onHandled
        attempt = (earlier?.attempts ?? 0) + 1
        isTakenUp = earlier != nil
        let capabilities = services.channel.capabilities
        let createdAt = services.instant(of: entry.acceptedAt)
        keptSince = max(createdAt, earlier?.revivedAt.map { services.instant(of: $0) } ?? createdAt)
        let isPast = createdAt.duration(to: services.clock.now) >= capabilities.replyWindow
        let pushOnly =
            !entry.route.takesReplies || !capabilities.streams || entry.origin == .push || earlier?.isHandedOver == true
            || isPast || entry.message.channel != capabilities.channel
        let machine = ReplyStreamStateMachine(
            frozen: entry.origin == .push ? services.push : services.reply, name: entry.stream,
            capabilities: capabilities,
            fallback: Self.fallbackConversation(entry, services) == nil ? nil : services.fallback?.capabilities,
            queuedAhead: queuedAhead, pushOnly: pushOnly, online: online, records: task != nil,
            createdAt: createdAt, keptSince: keptSince, lateUntil: Self.lateUntil(entry, services),
            resuming: earlier.map { Self.resumption(of: $0, services) }, now: services.clock.now)
        state = Locked(TurnState(machine: machine, message: entry.message, online: online))
        if case .line(let line, let failure) = source {
            // At once, so that the line comes without waiting dots before it.
            state.withLock { state in
                state.failure = failure
                state.machine.appended(line)
                state.machine.ended(.finished)
            }
        }
        if isPast, let earlier, !earlier.isHandedOver, entry.opensBubble {
            // What its bubble shows stays as it is.
            services.ledger.note(.handedOver(earlier.id))
        }
        guard let earlier, case .ledger = source else { return }
        let left = earlier.parts.filter { Self.isLeftAlone($0, entry, services) }
        for part in left { services.ledger.note(.part(earlier.id, index: part.index, .assumed, at: services.now)) }
        let open = earlier.parts.filter { !$0.state.isSettled && !Self.isLeftAlone($0, entry, services) }
        state.withLock { state in
            state.attachments = open.filter { !$0.content.isText }
            state.machine.report.segments += left.count
            state.machine.report.assumed += left.count
        }
    }

    /// Until when the late address takes a message; nil when there is none, or when an earlier run has tried it.
    private static func lateUntil(_ entry: LedgerEntry, _ services: EngineServices) -> MonotonicInstant? {
        guard services.channel.capabilities.lateReply != nil, let late = entry.route.late else { return nil }
        let left = late.expiresAt - services.now
        return left > 0 ? services.clock.now.advanced(by: .milliseconds(left)) : nil
    }

    private static func resumption(
        of task: LedgerTask, _ services: EngineServices
    ) -> ReplyStreamStateMachine.Resumption {
        let open = task.parts.filter { !$0.state.isSettled && !isLeftAlone($0, task.entry, services) }
        return ReplyStreamStateMachine.Resumption(
            parts: open.compactMap { part in
                if case .text(let text) = part.content { (part.index, text) } else { nil }
            },
            bubbles: task.bubbles, bubbleOpenedAt: services.instant(of: task.bubbleOpenedAt),
            isComplete: task.state == .answered, shown: task.shown,
            countsAllBubbles: task.attempts <= 1 || task.bubbles <= 1 && task.shown.isEmpty)
    }

    /// What may have been shown already is not repeated where that is not wanted.
    private static func isLeftAlone(_ part: LedgerPart, _ entry: LedgerEntry, _ services: EngineServices) -> Bool {
        let reply = services.settings.reply
        guard part.state == .unknown, part.via != .bubble else { return false }
        // The late address takes one message, and there is no other way.
        let isSpent =
            part.via == .reply && services.channel.capabilities.lateReply != nil
            && fallbackConversation(entry, services) == nil
        return isSpent || reply.onUnknown == .drop || part.doubts > reply.maxRepeats
    }

    static func == (lhs: Turn, rhs: Turn) -> Bool { lhs === rhs }
    func hash(into hasher: inout Hasher) { hasher.combine(number) }

    // MARK: Inputs

    /// Conversation that it belongs to.
    var conversation: Conversation { entry.message.conversation }

    /// The message's turn has come.
    func begin() {
        state.withLock { $0.machine.started(now: services.clock.now) }
        changed.raise()
        turnHasCome.raise()
    }

    /// Ends the handler, whether it has begun or not.
    func stop(_ how: ReplyStreamStateMachine.Ending) {
        state.withLock { if $0.stopped == nil { $0.stopped = how } }
        stopHandler.raise()
        turnHasCome.raise()
        mediaFetched.raise()
    }

    /// The operator gave it up: the person is told that it was stopped, and what is complete is not delivered any more.
    func drop() {
        guard state.withLock({ $0.machine.hasEnded }) else { return stop(.stopped) }
        abandon()
    }

    /// Ends the delivery as well, whatever is still unsaid; the ledger keeps it.
    func abandon() {
        stop(.interrupted)
        state.withLock { state in
            state.isAbandoned = true
            state.machine.abandon("interrupted")
        }
        changed.raise()
    }

    func sessionChanged(online: Bool) {
        state.withLock { state in
            state.online = online
            if online { state.machine.sessionOnline() } else { state.machine.sessionOffline() }
            if online { state.part?.sessionOnline() } else { state.part?.sessionOffline() }
        }
        changed.raise()
    }

    // MARK: Running

    /// Runs to the end of the delivery, or until cancelled or abandoned (nil).
    func run() async -> DeliveryReport? {
        listener.withLock { $0 = self }
        defer { listener.withLock { $0 = nil } }
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.work() }
            if hasMediaToFetch { group.addTask { await self.fetchMedia() } }
            let redraws = entry.message.click != nil && isHandled
            if redraws { group.addTask { await self.redrawCard() } }
            let report = await self.deliver()
            self.stop(.interrupted)
            if redraws {
                cardReady.raise()
                await redrawDone.wait()
            }
            group.cancelAll()
            return report
        }
    }

    /// Whether the handler answers, rather than the program itself.
    var isHandled: Bool { if case .handler = source { true } else { false } }

    /// Why the handler failed, for the log.
    var failure: String? { state.withLock { $0.failure } }
}

/// What a turn keeps under its lock.
struct TurnState: Sendable {
    var machine: ReplyStreamStateMachine
    var message: InboundMessage
    var online: Bool
    var stopped: ReplyStreamStateMachine.Ending?
    var failure: String?
    var isAbandoned = false
    var hasFetched = false
    /// Takes cards out of the text.
    var extractor = CardExtractor()
    /// Whole answer as far as it goes into a file because the bubble is full.
    var overflow: String?
    /// Everything of the answer that is not text, in order.
    var attachments: [LedgerPart] = []
    /// Whether it was said that there are too many of them.
    var hasTooMany = false
    /// Card that the handler gave for the clicked one.
    var redraw: String?
    /// Whether it is too late for that.
    var isRedrawn = false
    /// Whether a part has taken the late address.
    var isLateAddressUsed = false
    /// Delivers one of the attachments.
    var part: PartStateMachine?

    init(machine: ReplyStreamStateMachine, message: InboundMessage, online: Bool) {
        self.machine = machine
        self.message = message
        self.online = online
    }
}

extension PartContent {
    var isText: Bool { if case .text = self { true } else { false } }
}
