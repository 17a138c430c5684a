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

    /// Creates the defaults.
    public init() {}
}

/// Takes messages from a channel and sees each of them answered: once, in order, and visibly.
///
/// `accept` may be called from any thread and returns at once. Everything that runs is a child of `run()`.
public final class ReplyEngine: Sendable {
    private let channel: any Channel
    private let settings: EngineSettings
    private let clock: any MonotonicClock
    private let wallClock: any WallClock
    private let alarms: AlarmClock
    private let gate: @Sendable (InboundMessage) -> GateVerdict
    private let onEvent: @Sendable (InboundEvent) -> Void
    private let handler: MessageHandler
    private let logger: Logger
    private let state: Locked<EngineState>
    private let work: AsyncStream<Work>
    private let workContinuation: AsyncStream<Work>.Continuation
    private let stopping = Signal()

    private enum Work: Sendable {
        case turn(Turn, queued: Bool)
        case welcome(ReplyRoute)
    }

    /// Creates an engine. It does nothing before `run()`.
    ///
    /// - Parameters:
    ///   - seed: makes the ids of bubbles; must differ between runs.
    ///   - gate: policy; called before anything else is done with a message.
    ///   - onEvent: hears feedback and events without an answer.
    public init(
        channel: any Channel, settings: EngineSettings, clock: any MonotonicClock, wallClock: any WallClock,
        seed: UInt64, logger: Logger, gate: @escaping @Sendable (InboundMessage) -> GateVerdict = { _ in .allow },
        onEvent: @escaping @Sendable (InboundEvent) -> Void = { _ in }, handler: @escaping MessageHandler
    ) {
        self.channel = channel
        self.settings = settings
        self.clock = clock
        self.wallClock = wallClock
        self.gate = gate
        self.onEvent = onEvent
        self.handler = handler
        self.logger = logger
        alarms = AlarmClock(clock: clock)
        state = Locked(
            EngineState(
                queue: ConversationQueue(
                    waitingPerConversation: settings.queuedPerConversation, places: settings.concurrentTasks),
                names: SeededGenerator(seed: seed)))
        (work, workContinuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(settings.acceptedMessages + 1_000))
    }

    // MARK: Inputs

    /// Takes what a channel received.
    public func accept(_ event: InboundEvent) {
        switch event {
        case .message(let message, let route): accept(message, route)
        case .enterChat(let id, let sender, let route):
            guard isNew(id) else { return }
            logger.debug("chat opened", metadata: .init([.messageID: id, .sender: sender.id]))
            if !settings.welcomeText.isEmpty { workContinuation.yield(.welcome(route)) }
        case .feedback(let feedback):
            guard isNew(feedback.id) else { return }
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
    /// cannot be delivered by then.
    public func stop(drain: Duration) {
        state.withLock { state in
            guard state.drainUntil == nil else { return }
            state.drainUntil = clock.now.advanced(by: drain)
        }
        stopping.raise()
    }

    /// Messages taken and not yet answered.
    public var openTurns: Int { state.withLock { $0.turns.count } }

    private func isNew(_ id: MessageID) -> Bool {
        // Without an id nothing can be told apart.
        id.rawValue.isEmpty || state.withLock { $0.seen.isNew(id.rawValue, now: wallClock.unixMilliseconds) }
    }

    // MARK: Messages

    private func accept(_ message: InboundMessage, _ route: ReplyRoute) {
        let metadata = Logger.Metadata([
            .messageID: message.id, .reqID: route.key,
            .conversation: message.conversation.kind.rawValue, .sender: message.sender.id,
        ])
        guard isNew(message.id) else {
            return logger.info("message delivered again, handled once", metadata: metadata)
        }
        if case .deny(let line, let reason) = gate(message) {
            logger.notice("message kept out", metadata: metadata.merging(.init([.reason: reason])) { $1 })
            if let line { say(line, to: message, route) }
            return
        }
        if let line = lineWithoutHandler(message) {
            logger.info("message answered without a backend", metadata: metadata)
            return say(line, to: message, route)
        }
        switch enqueue(message, route) {
        case .start: logger.info("message accepted", metadata: metadata)
        case .queued(let ahead):
            logger.info("message queued", metadata: metadata.merging(.init([.count: ahead])) { $1 })
        case .refused:
            logger.warning("message refused: queue full", metadata: metadata)
            say(settings.reply.words.queueFull, to: message, route)
        }
    }

    /// What the program itself answers; nil when the handler is to.
    private func lineWithoutHandler(_ message: InboundMessage) -> String? {
        let words = settings.reply.words
        if state.withLock({ $0.drainUntil != nil }) { return words.interrupted }
        let text = message.text.trimmed
        if text == "/stop" { return stopAll(in: message.conversation) }
        guard text.isEmpty, message.click == nil, message.media.isEmpty else { return nil }
        if message.parts.contains(where: { if case .unknown = $0 { true } else { false } }) { return words.unknownKind }
        if message.parts.contains(where: { if case .voice = $0 { true } else { false } }) { return words.emptyVoice }
        return message.quote == nil ? words.bareMention : nil
    }

    private func stopAll(in conversation: Conversation) -> String {
        let turns = state.withLock { $0.queue.items(in: conversation) }
        // The waiting ones first, so that none of them starts in between.
        for turn in turns.reversed() { turn.stop(.stopped) }
        return turns.isEmpty ? settings.reply.words.nothingToStop : settings.reply.words.stopping(turns.count)
    }

    private func enqueue(_ message: InboundMessage, _ route: ReplyRoute) -> ConversationQueue<Turn>.Arrival {
        let (arrival, turn) = state.withLock { state -> (ConversationQueue<Turn>.Arrival, Turn?) in
            guard state.turns.count < settings.acceptedMessages else { return (.refused, nil) }
            let ahead = state.queue.count(in: message.conversation)
            let turn = makeTurn(message, route, .handler(handler), queuedAhead: ahead, &state)
            let arrival = state.queue.arrived(turn, in: message.conversation)
            guard arrival != .refused else { return (.refused, nil) }
            state.turns.insert(turn)
            return (arrival, turn)
        }
        if let turn {
            if arrival == .start { turn.begin() }
            workContinuation.yield(.turn(turn, queued: true))
        }
        return arrival
    }

    private func say(_ line: String, to message: InboundMessage, _ route: ReplyRoute) {
        let turn = state.withLock { state -> Turn? in
            guard state.turns.count < settings.acceptedMessages + 1_000 else { return nil }
            let turn = makeTurn(message, route, .line(line), queuedAhead: nil, &state)
            state.turns.insert(turn)
            return turn
        }
        if let turn { workContinuation.yield(.turn(turn, queued: false)) }
    }

    private func makeTurn(
        _ message: InboundMessage, _ route: ReplyRoute, _ source: Turn.Source, queuedAhead: Int?,
        _ state: inout EngineState
    ) -> Turn {
        state.lastTurn += 1
        return Turn(
            number: state.lastTurn, name: "s\(String(state.names.next(), radix: 36))", message: message, route: route,
            source: source, settings: settings.reply, channel: channel, clock: clock, alarms: alarms,
            queuedAhead: queuedAhead, online: state.online)
    }

    // MARK: Running

    /// Works until cancelled, or until everything is answered after `stop`.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.alarms.run() }
            group.addTask { await self.drain() }
            await withDiscardingTaskGroup { turns in
                for await item in work {
                    turns.addTask { await self.perform(item) }
                }
            }
            group.cancelAll()
        }
    }

    private func perform(_ item: Work) async {
        switch item {
        case .welcome(let route):
            let outcome = await channel.perform(.welcome(route, text: settings.welcomeText), late: nil)
            if case .acknowledged = outcome { return }
            logger.notice("welcome not confirmed", metadata: .init([.reqID: route.key, .reason: "\(outcome)"]))
        case .turn(let turn, let queued):
            let report = await turn.run()
            finished(turn, queued: queued)
            note(turn, report)
        }
    }

    private func finished(_ turn: Turn, queued: Bool) {
        let (next, isLast) = state.withLock { state -> ([Turn], Bool) in
            state.turns.remove(turn)
            let next = queued ? state.queue.finished(turn, in: turn.message.conversation) : []
            return (next, state.drainUntil != nil && state.turns.isEmpty)
        }
        for turn in next { turn.begin() }
        if isLast { workContinuation.finish() }
    }

    private func note(_ turn: Turn, _ report: DeliveryReport?) {
        var metadata = Logger.Metadata([.messageID: turn.message.id, .reqID: turn.route.key])
        if let failure = turn.failure {
            logger.warning("backend failed", metadata: metadata.merging(.init([.error: failure])) { $1 })
        }
        guard let report else { return logger.warning("answer abandoned at shutdown", metadata: metadata) }
        metadata.merge(.init([.count: report.segments, .delivery: report.word])) { $1 }
        if let code = report.lastRefusal { metadata[LogKey.errcode.rawValue] = .string("\(code)") }
        if let failure = report.failure {
            metadata[LogKey.reason.rawValue] = .string(failure)
            logger.error("answer not delivered", metadata: metadata)
        } else {
            logger.info(
                report.pushed > 0 ? "answer delivered by push fallback" : "answer delivered", metadata: metadata)
        }
    }

    private func drain() async {
        await stopping.wait()
        guard let until = state.withLock({ $0.drainUntil }) else { return }
        if state.withLock({ $0.turns.isEmpty }) { return workContinuation.finish() }
        try? await clock.sleep(until: until, tolerance: nil)
        for turn in state.withLock({ Array($0.turns) }) { turn.stop(.interrupted) }
        // Without a session the last words cannot be said, however long it waits.
        try? await clock.sleep(until: until.advanced(by: settings.lastWords), tolerance: nil)
        for turn in state.withLock({ Array($0.turns) }) { turn.abandon() }
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

/// What an engine keeps under its lock.
private struct EngineState: Sendable {
    var queue: ConversationQueue<Turn>
    var turns: Set<Turn> = []
    var seen = Deduplicator()
    var names: SeededGenerator
    var lastTurn: UInt64 = 0
    var online = false
    var drainUntil: MonotonicInstant?
}
