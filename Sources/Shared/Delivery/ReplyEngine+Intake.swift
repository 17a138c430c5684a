import DequeModule
import Logging

extension ReplyEngine {
    /// What is done with a message that came.
    private enum Decision {
        var isSilent: Bool { if case .keepOut(line: nil, _) = self { true } else { false } }

        /// The handler answers.
        case handle
        /// Kept out by policy.
        case keepOut(line: String?, reason: String)
        /// The program itself answers.
        case line(String)
        /// A command of the person.
        case command(Command)
    }

    private enum Command: String {
        case stop = "/stop"
        case new = "/new"
        case reset = "/reset"
        case status = "/status"
        case help = "/help"
    }

    /// Most messages written to the ledger in one transaction.
    private static let maxBatch = 256

    /// Takes up what an earlier run left, then message after message, until cancelled.
    func takeMessages() async {
        await recover()
        let waiting = state.withLock { state in
            defer { state.waitingForRecovery = nil }
            return state.waitingForRecovery ?? []
        }
        for signal in waiting { signal.raise() }
        while !Task.isCancelled {
            let batch = state.withLock { state -> [Arrival] in
                // What comes behind a new session belongs to it, so that has to be durable first.
                let session = state.arrived.prefix(Self.maxBatch).firstIndex { Self.beginsSession($0.message) }
                let batch = Array(state.arrived.prefix(session.map { $0 + 1 } ?? Self.maxBatch))
                state.arrived.removeFirst(batch.count)
                state.taking = batch.count
                return batch
            }
            guard !batch.isEmpty else {
                await arrivals.wait()
                continue
            }
            await take(batch)
            state.withLock { $0.taking = 0 }
            endIfIdle()
        }
    }

    private static func beginsSession(_ message: InboundMessage) -> Bool {
        let text = message.text
        guard text.utf8.count < 64, let command = Command(rawValue: text.trimmed) else { return false }
        return command == .new || command == .reset
    }

    /// Ends the wait of what came while the ledger of earlier runs could not be read.
    func refuseArrivals() {
        let left = state.withLock { state in
            defer { state.arrived = [] }
            state.isOver = true
            // A repetition must not count as known: nobody has it.
            for arrival in state.arrived { state.seen.forget(arrival.message.id.rawValue) }
            return state.arrived
        }
        for arrival in left { tell(arrival, .refused) }
        endIfIdle()
    }

    private func endIfIdle() {
        if state.withLock({ $0.drainUntil != nil && $0.isIdle }) { workContinuation.finish() }
    }

    private func take(_ batch: [Arrival]) async {
        let decided = batch.map { (arrival: $0, decision: decide($0.message)) }
        let entries = decided.map { entry($0.arrival, $0.decision) }
        let acceptances: [Acceptance]
        do throws(LedgerTrouble) {
            acceptances = try await services.store.accept(entries)
        } catch {
            for ((arrival, decision), entry) in zip(decided, entries) {
                let taken = refuse(decision, entry, error)
                tell(arrival, taken)
            }
            return
        }
        for index in decided.indices {
            let entry = entries[index]
            switch acceptances[index] {
            case .known:
                tell(decided[index].arrival, .known)
                logger.info("message delivered again, handled once", metadata: Self.metadata(entry))
            case .accepted(let task):
                tell(decided[index].arrival, decided[index].decision.isSilent ? .ignored : .accepted)
                await begin(decided[index].decision, entry, task)
            }
        }
    }

    private func tell(_ arrival: Arrival, _ taken: Taken) {
        let waiting = state.withLock { $0.awaited.removeValue(forKey: arrival.message.id) }
        for onTaken in waiting ?? [] { onTaken(taken) }
    }

    /// Nothing is accepted that cannot be written down; the person hears of it, and a repetition of the message counts as new.
    private func refuse(_ decision: Decision, _ entry: LedgerEntry, _ trouble: LedgerTrouble) -> Taken {
        state.withLock { $0.seen.forget(entry.message.id.rawValue) }
        logger.error(
            "message refused: ledger cannot write",
            metadata: Self.metadata(entry).merging(.init([.error: trouble])) { $1 })
        var line: String? = settings.reply.words.notAccepted
        // Whom the policy keeps out hears what the policy says, or nothing.
        if case .keepOut(let words, _) = decision { line = words }
        guard let line else { return .ignored }
        return say(line, entry, task: nil) ? .told : .refused
    }

    // MARK: Deciding

    private func decide(_ message: InboundMessage) -> Decision {
        if case .deny(let line, let reason) = gate(message) { return .keepOut(line: line, reason: reason) }
        let words = settings.reply.words
        if !services.store.isDurable, state.withLock({ $0.drainUntil != nil }) { return .line(words.interrupted) }
        let text = message.text.trimmed
        if let command = Command(rawValue: text) { return .command(command) }
        guard text.isEmpty, message.click == nil, message.media.isEmpty else { return .handle }
        if message.parts.contains(where: { if case .unknown = $0 { true } else { false } }) {
            return .line(words.unknownKind)
        }
        if message.parts.contains(where: { if case .voice = $0 { true } else { false } }) {
            return .line(words.emptyVoice)
        }
        return message.quote == nil ? .line(words.bareMention) : .handle
    }

    private func entry(_ arrival: Arrival, _ decision: Decision) -> LedgerEntry {
        var origin = LedgerEntry.Origin.message
        var refusal: String?
        switch decision {
        case .handle: break
        case .keepOut(_, let reason): refusal = "policy: \(reason)"
        case .line, .command: origin = .line
        }
        return LedgerEntry(
            origin: origin, message: arrival.message, route: arrival.route, stream: name(for: arrival.route),
            acceptedAt: arrival.at, refusal: refusal)
    }

    /// Where a message has one bubble, the address is its id already: by it the bubble is found again after a restart.
    private func name(for route: ReplyRoute) -> String {
        guard services.channel.capabilities.bubblesPerMessage == 1, !route.key.isEmpty else { return nextName() }
        state.withLock { _ = $0.ownNames?.insert(route.key) }
        return route.key
    }

    /// Begins with the time, so that the ledger finds the places of new names side by side.
    func nextName() -> String {
        let time = String(max(services.now, 0), radix: 36)
        return state.withLock { state in
            let name = "s\(time)\(String(state.names.next(), radix: 36))"
            state.ownNames?.insert(name)
            return name
        }
    }

    // MARK: Beginning

    private func begin(_ decision: Decision, _ entry: LedgerEntry, _ task: TaskID) async {
        switch decision {
        case .handle: enqueue(entry, task)
        case .keepOut(let line, let reason):
            logger.notice("message kept out", metadata: Self.metadata(entry).merging(.init([.reason: reason])) { $1 })
            if let line { say(line, entry, task: nil) }
        case .line(let line):
            logger.info("message answered without a backend", metadata: Self.metadata(entry))
            say(line, entry, task: task)
        case .command(let command):
            logger.info("command", metadata: Self.metadata(entry).merging(.init([.kind: command.rawValue])) { $1 })
            say(await answer(to: command, in: entry.message.conversation), entry, task: task)
        }
    }

    private func answer(to command: Command, in conversation: Conversation) async -> String {
        let words = settings.reply.words
        let store = services.store
        switch command {
        case .stop: return stopAll(in: conversation)
        case .help: return words.help
        case .new, .reset:
            do throws(LedgerTrouble) {
                _ = try await store.resetSession(account: account, conversation: conversation, at: services.now)
                return words.newSession
            } catch {
                return words.notAccepted
            }
        case .status:
            let count = state.withLock { $0.queue.count(in: conversation) }
            let session = (try? await store.session(account: account, conversation: conversation)) ?? 0
            return words.status(running: min(count, 1), waiting: max(0, count - 1), session: session)
        }
    }

    private func stopAll(in conversation: Conversation) -> String {
        let turns = state.withLock { $0.queue.items(in: conversation) }
        // The waiting ones first, so that none of them starts in between.
        for turn in turns.reversed() { turn.stop(.stopped) }
        return turns.isEmpty ? settings.reply.words.nothingToStop : settings.reply.words.stopping(turns.count)
    }

    private func enqueue(_ entry: LedgerEntry, _ task: TaskID) {
        let conversation = entry.message.conversation
        let (arrival, turn) = state.withLock { state -> (ConversationQueue<Turn>.Arrival, Turn?) in
            guard state.turns.count < settings.acceptedMessages else { return (.refused, nil) }
            let ahead = state.queue.count(in: conversation)
            let turn = makeTurn(task, entry, .handler(handler), queuedAhead: ahead, &state)
            let arrival = state.queue.arrived(turn, in: conversation)
            guard arrival == .refused else { return (arrival, turn) }
            state.turns.remove(turn)
            return (arrival, nil)
        }
        switch arrival {
        case .start: logger.info("message accepted", metadata: Self.metadata(entry))
        case .queued(let ahead):
            logger.info("message queued", metadata: Self.metadata(entry).merging(.init([.count: ahead])) { $1 })
        case .refused:
            logger.warning("message refused: queue full", metadata: Self.metadata(entry))
            services.ledger.note(.finished(task, reason: "refused: queue full", at: services.now))
            say(settings.reply.words.queueFull, entry, task: nil)
            return
        }
        if let turn { start(turn, now: arrival == .start) }
    }

    private func start(_ turn: Turn, now: Bool) {
        if now { turn.begin() }
        workContinuation.yield(.turn(turn, queued: true))
        let isOver = state.withLock { state in state.drainUntil.map { $0 <= services.clock.now } ?? false }
        if isOver { turn.stop(.interrupted) }
    }

    /// False when there is no room for it.
    @discardableResult
    private func say(_ line: String, _ entry: LedgerEntry, task: TaskID?) -> Bool {
        let turn = state.withLock { state -> Turn? in
            guard state.turns.count < settings.acceptedMessages + 1_000 else { return nil }
            return makeTurn(task, entry, .line(line), queuedAhead: nil, &state)
        }
        if let turn { workContinuation.yield(.turn(turn, queued: false)) }
        return turn != nil
    }

    func makeTurn(
        _ task: TaskID?, _ entry: LedgerEntry, _ source: Turn.Source, queuedAhead: Int?, earlier: LedgerTask? = nil,
        onDone: (@Sendable (DeliveryReport?) -> Void)? = nil, _ state: inout EngineState
    ) -> Turn {
        state.lastTurn += 1
        let turn = Turn(
            number: state.lastTurn, task: task, entry: entry, source: source, services: services,
            queuedAhead: queuedAhead, online: state.online, earlier: earlier, onDone: onDone,
            onHandled: { [weak self] in self?.handled($0) })
        state.turns.insert(turn)
        return turn
    }

    private func handled(_ turn: Turn) {
        let next = state.withLock { $0.queue.released(turn, in: turn.conversation) }
        for turn in next { turn.begin() }
    }

    // MARK: Recovery

    /// Answers that were not delivered go out, and messages without an answer are asked again, in the order in which they
    /// came.
    private func recover() async {
        guard let found = await unfinished() else { return }
        let open = found.filter { settings.takesUp($0.entry.message.channel) || !$0.isReadable }
        // A push of this run may have come before.
        let own = state.withLock { state in
            defer { state.ownNames = nil }
            return state.ownNames ?? []
        }
        takeUp(open.filter { !own.contains($0.entry.stream) })
        // Sends of earlier runs that hold nothing are given up now, and can be asked for again.
        await services.ledger.flushed()
    }

    /// Begins with a task of the ledger, if it is of this engine: somebody made it deliverable again. No other one, since
    /// what looks unfinished there may have ended a moment ago.
    public func takeUp(_ task: TaskID) async {
        guard let open = try? await services.store.tasks(in: [.accepted, .answered], limit: .max) else { return }
        let isLive = state.withLock { $0.turns.contains { $0.task == task } }
        guard !isLive else { return }
        takeUp(
            open.filter {
                $0.id == task && $0.entry.message.account == account
                    && (settings.takesUp($0.entry.message.channel) || !$0.isReadable)
            })
    }

    private func takeUp(_ open: [LedgerTask]) {
        for task in open {
            let metadata = Self.metadata(task.entry.message, task.entry.route)
            if !task.entry.message.id.rawValue.isEmpty {
                state.withLock { _ = $0.seen.isNew(task.entry.message.id.rawValue, now: services.now) }
            }
            if !task.isReadable {
                logger.error(
                    "message given up: \(LedgerTask.unreadable)", metadata: .init([.reqID: task.entry.route.key]))
                services.ledger.note(.finished(task.id, reason: LedgerTask.unreadable, at: services.now))
            } else if task.state == .answered {
                logger.notice("answer of an earlier run is delivered", metadata: metadata)
                resume(task, .ledger)
            } else if task.entry.origin != .message {
                takeUpUnwritten(task, metadata)
            } else if task.attempts >= settings.maxAttempts {
                logger.error("message given up: its answer never came", metadata: metadata)
                resume(
                    task,
                    .line(
                        settings.reply.words.gaveUp,
                        failure: "the program ended \(task.attempts) times before the answer was complete"))
            } else {
                logger.notice(
                    "message of an earlier run is asked again",
                    metadata: metadata.merging(.init([.count: task.attempts + 1])) { $1 })
                askAgain(task)
            }
        }
    }

    /// The program died before it had written what it was about to say itself.
    private func takeUpUnwritten(_ task: LedgerTask, _ metadata: Logger.Metadata) {
        logger.notice("nothing is left of a line or a send of an earlier run", metadata: metadata)
        if task.entry.origin == .line { return resume(task, .line(settings.reply.words.interrupted)) }
        services.ledger.note(.finished(task.id, reason: Self.unwritten, at: services.now))
    }

    /// Why a send ended that an earlier run had not written down whole.
    static let unwritten = "the program ended before the content was written"

    private func unfinished() async -> [LedgerTask]? {
        while !Task.isCancelled {
            do throws(LedgerTrouble) {
                let open = try await services.store.unfinished(account: account)
                let sends = try await services.store.sends(account: account, since: services.now - 3_600_000)
                services.governor.withLock { $0.restore(sends) }
                return open
            } catch {
                logger.error("ledger cannot be read; trying again", metadata: .init([.error: error]))
                try? await services.clock.sleep(for: .seconds(1))
            }
        }
        return nil
    }

    private func resume(_ task: LedgerTask, _ source: Turn.Source) {
        let turn = state.withLock { state in
            makeTurn(task.id, task.entry, source, queuedAhead: nil, earlier: task, &state)
        }
        workContinuation.yield(.turn(turn, queued: false))
    }

    private func askAgain(_ task: LedgerTask) {
        let (turn, isFirst) = state.withLock { state -> (Turn, Bool) in
            let conversation = task.entry.message.conversation
            let ahead = state.queue.count(in: conversation)
            let turn = makeTurn(
                task.id, task.entry, .handler(handler), queuedAhead: ahead, earlier: task, &state)
            return (turn, state.queue.arrived(turn, in: conversation, isBound: false) == .start)
        }
        start(turn, now: isFirst)
    }
}
