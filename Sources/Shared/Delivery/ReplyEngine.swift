import DequeModule
public import Logging

/// Answers one message.
public typealias MessageHandler = @Sendable (InboundMessage, any Replying) async throws -> Void

/// Whether a message is let in.
public enum GateVerdict: Hashable, Sendable {
    /// Let in.
    case allow
    /// Kept out; `line` is said to the sender when there is one, `reason` is for the log.
    case deny(line: String?, reason: String)
}

/// Bounds and texts of an engine.
public struct EngineSettings: Sendable {
    /// How answers are shown.
    public var reply = ReplySettings()
    /// Messages worked on at a time.
    public var concurrentTasks = 64
    /// Messages that may wait in one conversation.
    public var queuedPerConversation = 20
    /// Messages taken and not yet answered, in all conversations.
    public var acceptedMessages = 10_000
    /// At a stop, after the drain: time to end what still runs with a line.
    public var lastWords: Duration = .seconds(5)
    /// Said to a person who opens the chat; empty: nothing.
    public var welcomeText = ""
    /// Answers above that many bytes are attached as a file, and the bubble shows their beginning. 0: never.
    public var attachAboveBytes = 0
    /// Whether answers carry an id that people can judge them by.
    public var asksForFeedback = true
    /// Messages per minute and hour in one conversation, of which bubbles, pushes, cards and media count one each. 0: any.
    public var perMinute = 30
    /// The same for an hour.
    public var perHour = 1_000
    /// Time that a handler has for redrawing a clicked card, of the platform's five seconds.
    public var redrawAfter: Duration = .seconds(2)
    /// Runs of the program that may begin to answer one message.
    public var maxAttempts = 3
    /// Channels whose unfinished messages of an earlier run are taken up; nil: all of the account. Where an account has two
    /// engines, each takes its own.
    public var takesUpFrom: Set<String>?

    func takesUp(_ channel: String) -> Bool { takesUpFrom?.contains(channel) ?? true }

    /// Creates the defaults.
    public init() {}
}

/// Takes messages from a channel and sees each of them answered: once, in order, and visibly.
///
/// A message is accepted once its row in the ledger is durable; that comes before its first frame and before the handler
/// starts. What an earlier run accepted and did not finish is taken up first. `accept` may be called from any thread and
/// returns at once. Everything that runs is a child of `run()`.
public final class ReplyEngine: Sendable {
    let account: AccountID
    let services: EngineServices
    let gate: @Sendable (InboundMessage) -> GateVerdict
    private let onEvent: @Sendable (InboundEvent) -> Void
    let handler: MessageHandler
    let state: Locked<EngineState>
    private let work: AsyncStream<Work>
    let workContinuation: AsyncStream<Work>.Continuation
    let arrivals = Signal()
    private let stopping = Signal()

    enum Work: Sendable {
        case turn(Turn, queued: Bool)
        case welcome(ReplyRoute)
        case feedback(Feedback)
    }

    /// Creates an engine. It does nothing before `run()`.
    ///
    /// - Parameters:
    ///   - account: whose messages these are, for the ledger.
    ///   - fallback: another channel of the account, which takes what `channel` cannot; for the sender alone.
    ///   - ledger: remembers what was accepted and delivered. The default forgets with the process.
    ///   - seed: makes the ids of bubbles; must differ between runs.
    ///   - gate: policy; called before anything else is done with a message.
    ///   - onEvent: hears feedback and events without an answer.
    public init(
        account: AccountID = "default", channel: any Channel, fallback: (any Channel)? = nil,
        ledger: any LedgerStore = InMemoryLedger(),
        settings: EngineSettings, hooks: EngineHooks = EngineHooks(), clock: any MonotonicClock,
        wallClock: any WallClock, seed: UInt64, logger: Logger,
        gate: @escaping @Sendable (InboundMessage) -> GateVerdict = { _ in .allow },
        onEvent: @escaping @Sendable (InboundEvent) -> Void = { _ in }, handler: @escaping MessageHandler
    ) {
        self.account = account
        self.gate = gate
        self.onEvent = onEvent
        self.handler = handler
        var random = SeededGenerator(seed: seed)
        services = EngineServices(
            channel: channel, fallback: fallback, settings: settings, hooks: hooks, clock: clock, wallClock: wallClock,
            store: ledger, cardSeed: random.next(), logger: logger)
        state = Locked(
            EngineState(
                queue: ConversationQueue(
                    waitingPerConversation: settings.queuedPerConversation, places: settings.concurrentTasks),
                names: random))
        (work, workContinuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(settings.acceptedMessages + 1_000))
    }

    var settings: EngineSettings { services.settings }
    var logger: Logger { services.logger }
    private var clock: any MonotonicClock { services.clock }

    // MARK: Inputs

    /// Takes what a channel received.
    ///
    /// - Parameter onTaken: hears of a message what became of it, at once or as soon as that is durable. Called once, on any
    ///   thread.
    public func accept(_ event: InboundEvent, onTaken: (@Sendable (Taken) -> Void)? = nil) {
        switch event {
        case .message(let message, let route): accept(message, route, onTaken)
        case .enterChat(let id, let sender, let route):
            guard isNew(id) else { return }
            logger.debug("chat opened", metadata: .init([.messageID: id, .sender: sender.id]))
            if !settings.welcomeText.isEmpty { workContinuation.yield(.welcome(route)) }
        case .feedback(let feedback):
            guard isNew(feedback.id) else { return }
            workContinuation.yield(.feedback(feedback))
            onEvent(event)
        case .other(let id, let type):
            guard isNew(id) else { return }
            logger.info("event without an answer", metadata: .init([.messageID: id, .kind: type]))
            onEvent(event)
        }
    }

    /// The channel's session came up or went down.
    public func sessionChanged(online: Bool) {
        let turns = state.withLock { state -> [Turn] in
            state.online = online
            return Array(state.turns)
        }
        for turn in turns { turn.sessionChanged(online: online) }
    }

    /// Takes no more messages, lets what runs go on for `drain`, then ends it with a line to the person, and gives up what
    /// cannot be delivered by then. With a durable ledger the next run goes on with it.
    public func stop(drain: Duration) {
        state.withLock { state in
            guard state.drainUntil == nil else { return }
            state.drainUntil = clock.now.advanced(by: drain)
        }
        stopping.raise()
    }

    /// Messages taken and not yet answered.
    public var openTurns: Int { state.withLock { $0.turns.count + $0.arrived.count + $0.taking } }

    /// Messages that wait for one before them.
    public var waitingTurns: Int { state.withLock { $0.queue.waitingCount } }

    /// Stops whatever is being done for a task of the ledger; the ledger says what becomes of it.
    public func abandon(_ task: TaskID) {
        for turn in state.withLock({ $0.turns.filter { $0.task == task } }) { turn.drop() }
    }

    private func isNew(_ id: MessageID) -> Bool {
        // Without an id nothing can be told apart.
        id.rawValue.isEmpty || state.withLock { $0.seen.isNew(id.rawValue, now: services.now) }
    }

    /// What became of a message that came.
    public enum Taken: Hashable, Sendable {
        /// Durable: it will be answered, if only with a line.
        case accepted
        /// Durable, and nobody hears of it, as the policy wants.
        case ignored
        /// It came before.
        case known
        /// Nothing remembers it, and the sender is told so: a repetition counts as new.
        case told
        /// Nothing remembers it, and nobody heard of it: it should come again.
        case refused
    }

    private func accept(_ message: InboundMessage, _ route: ReplyRoute, _ onTaken: (@Sendable (Taken) -> Void)?) {
        let arrival = Arrival(message: message, route: route, at: services.now)
        let place = state.withLock { $0.arrived(arrival, onTaken, limit: settings.acceptedMessages) }
        switch place {
        case .new: arrivals.raise()
        case .awaited, .known:
            if place == .known { onTaken?(.known) }
            logger.info("message delivered again, handled once", metadata: Self.metadata(message, route))
        case .tooMany:
            onTaken?(.refused)
            logger.error("message refused: too many at a time", metadata: Self.metadata(message, route))
        }
    }

    static func metadata(_ message: InboundMessage, _ route: ReplyRoute) -> Logger.Metadata {
        .init([
            .messageID: message.id, .reqID: route.key, .conversation: message.conversation.kind.rawValue,
            .sender: message.sender.id,
        ])
    }

    static func metadata(_ entry: LedgerEntry) -> Logger.Metadata { metadata(entry.message, entry.route) }

    // MARK: Running

    /// Works until cancelled, or until everything is answered after `stop`.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.services.alarms.run() }
            group.addTask { await self.services.ledger.run() }
            group.addTask { await self.drain() }
            group.addTask { await self.takeMessages() }
            await withDiscardingTaskGroup { turns in
                for await item in work {
                    turns.addTask { await self.perform(item) }
                }
            }
            await services.ledger.end()
            group.cancelAll()
        }
    }

    private func perform(_ item: Work) async {
        switch item {
        case .welcome(let route):
            let outcome = await services.channel.perform(.welcome(route, text: settings.welcomeText), late: nil)
            if case .acknowledged = outcome { return }
            logger.notice("welcome not confirmed", metadata: .init([.reqID: route.key, .reason: "\(outcome)"]))
        case .feedback(let feedback):
            let record = FeedbackRecord(feedback: feedback, account: account, at: services.now)
            do throws(LedgerTrouble) {
                _ = try await services.store.record(record)
                logger.info("feedback recorded", metadata: .init([.messageID: feedback.id]))
            } catch {
                logger.error("feedback not recorded", metadata: .init([.messageID: feedback.id, .error: error]))
            }
        case .turn(let turn, let queued):
            let report = await turn.run()
            finished(turn, queued: queued)
            note(turn, report)
            turn.onDone?(report)
        }
    }

    private func finished(_ turn: Turn, queued: Bool) {
        let (next, isLast) = state.withLock { state -> ([Turn], Bool) in
            state.turns.remove(turn)
            let next = queued ? state.queue.finished(turn, in: turn.conversation) : []
            return (next, state.drainUntil != nil && state.isIdle)
        }
        for turn in next { turn.begin() }
        if isLast { workContinuation.finish() }
    }

    private func note(_ turn: Turn, _ report: DeliveryReport?) {
        if let failure = turn.failure {
            logger.warning(
                "backend failed", metadata: Self.metadata(turn, nil).merging(.init([.error: failure])) { $1 })
        }
        guard let report else {
            guard services.store.isDurable else {
                return logger.warning("answer abandoned at shutdown", metadata: Self.metadata(turn, nil))
            }
            return logger.notice("answer kept for the next start", metadata: Self.metadata(turn, nil))
        }
        guard report.failure == nil else {
            return logger.error("answer not delivered", metadata: Self.metadata(turn, report))
        }
        // Where nothing streams, a push is no fallback.
        let isFallback = report.pushed > 0 && services.channel.capabilities.streams
        logger.info(
            isFallback ? "answer delivered by push fallback" : "answer delivered",
            metadata: Self.metadata(turn, report))
    }

    private static func metadata(_ turn: Turn, _ report: DeliveryReport?) -> Logger.Metadata {
        var metadata = Logger.Metadata([.messageID: turn.entry.message.id, .reqID: turn.entry.route.key])
        guard let report else { return metadata }
        metadata.merge(.init([.count: report.segments, .delivery: report.word])) { $1 }
        if let code = report.lastRefusal { metadata[LogKey.errcode.rawValue] = .string("\(code)") }
        if let failure = report.failure { metadata[LogKey.reason.rawValue] = .string(failure) }
        return metadata
    }

    private func drain() async {
        await stopping.wait()
        guard let until = state.withLock({ $0.drainUntil }) else { return }
        if state.withLock({ $0.isIdle }) { return workContinuation.finish() }
        try? await clock.sleep(until: until, tolerance: nil)
        for turn in state.withLock({ Array($0.turns) }) { turn.stop(.interrupted) }
        // Without a session the last words cannot be said, however long it waits.
        try? await clock.sleep(until: until.advanced(by: settings.lastWords), tolerance: nil)
        for turn in state.withLock({ Array($0.turns) }) { turn.abandon() }
        refuseArrivals()
    }
}

extension DeliveryReport {
    fileprivate var word: String {
        assumed > 0 ? "assumed" : handedOver ? "handed over" : "confirmed"
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}

/// A message that came and is not in the ledger yet.
struct Arrival: Sendable {
    var message: InboundMessage
    var route: ReplyRoute
    var at: Int64
}

/// What an engine keeps under its lock.
struct EngineState: Sendable {
    var queue: ConversationQueue<Turn>
    var turns: Set<Turn> = []
    var arrived: Deque<Arrival> = []
    /// Messages that are being written to the ledger.
    var taking = 0
    /// Who waits to hear what became of messages that came and are not in the ledger yet.
    var awaited: [MessageID: [@Sendable (ReplyEngine.Taken) -> Void]] = [:]
    var seen = Deduplicator()
    var names: SeededGenerator
    /// Names given out before the ledger was read: their tasks are no earlier run's. Nil from then on.
    var ownNames: Set<String>? = []
    /// Who waits until everything of earlier runs was taken up; nil from then on.
    var waitingForRecovery: [Signal]? = []
    /// Nothing that comes is looked at any more.
    var isOver = false
    var lastTurn: UInt64 = 0
    var online = false
    var drainUntil: MonotonicInstant?

    var isIdle: Bool { turns.isEmpty && arrived.isEmpty && taking == 0 }

    /// Where a message that came stands.
    enum Place: Hashable, Sendable {
        case new
        /// It came before, and nobody knows yet what becomes of it.
        case awaited
        case known
        case tooMany
    }

    mutating func arrived(
        _ arrival: Arrival, _ onTaken: (@Sendable (ReplyEngine.Taken) -> Void)?, limit: Int
    ) -> Place {
        let id = arrival.message.id
        // Without an id nothing can be told apart.
        guard id.rawValue.isEmpty || seen.isNew(id.rawValue, now: arrival.at) else {
            guard awaited[id] != nil else { return .known }
            if let onTaken { awaited[id]?.append(onTaken) }
            return .awaited
        }
        guard arrived.count < limit, !isOver else {
            seen.forget(id.rawValue)
            return .tooMany
        }
        arrived.append(arrival)
        awaited[id] = onTaken.map { [$0] } ?? []
        return .new
    }
}
