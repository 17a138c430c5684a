/// The work from one accepted message to its delivered answer: runs the handler, and drives the reply machine.
final class Turn: Sendable, Hashable {
    /// Where the answer comes from.
    enum Source: Sendable {
        /// Run the handler when the turn begins.
        case handler(MessageHandler)
        /// The program itself says this.
        case line(String)
    }

    let number: UInt64
    let message: InboundMessage
    let route: ReplyRoute
    private let source: Source
    private let settings: ReplySettings
    private let channel: any Channel
    private let clock: any MonotonicClock
    private let alarms: AlarmClock
    private let changed = Signal()
    private let turnHasCome = Signal()
    private let stopHandler = Signal()
    private let state: Locked<TurnState>

    init(
        number: UInt64, name: String, message: InboundMessage, route: ReplyRoute, source: Source,
        settings: ReplySettings, channel: any Channel, clock: any MonotonicClock, alarms: AlarmClock,
        queuedAhead: Int?, online: Bool
    ) {
        self.number = number
        self.message = message
        self.route = route
        self.source = source
        self.settings = settings
        self.channel = channel
        self.clock = clock
        self.alarms = alarms
        let capabilities = channel.capabilities
        state = Locked(
            TurnState(
                machine: ReplyStreamStateMachine(
                    settings: settings, name: name, maxTextBytes: capabilities.maxTextBytes,
                    replyWindow: capabilities.replyWindow, queuedAhead: queuedAhead,
                    pushOnly: !route.takesReplies || !capabilities.streams, online: online, now: clock.now)))
        if case .line(let line) = source {
            state.withLock { state in
                state.machine.appended(line)
                state.machine.ended(.finished)
            }
        }
    }

    static func == (lhs: Turn, rhs: Turn) -> Bool { lhs === rhs }
    func hash(into hasher: inout Hasher) { hasher.combine(number) }

    // MARK: Inputs

    /// The message's turn has come.
    func begin() {
        state.withLock { $0.machine.started(now: clock.now) }
        changed.raise()
        turnHasCome.raise()
    }

    /// Ends the handler, whether it has begun or not.
    func stop(_ how: ReplyStreamStateMachine.Ending) {
        state.withLock { if $0.stopped == nil { $0.stopped = how } }
        stopHandler.raise()
        turnHasCome.raise()
    }

    /// Ends the delivery as well, whatever is still unsaid.
    func abandon() {
        stop(.interrupted)
        state.withLock { $0.machine.abandon("interrupted") }
        changed.raise()
    }

    func sessionChanged(online: Bool) {
        state.withLock { state in
            if online { state.machine.sessionOnline() } else { state.machine.sessionOffline() }
        }
        changed.raise()
    }

    /// Applies what the handler gave.
    func update(_ change: (inout ReplyStreamStateMachine) -> Void) throws {
        let tooLarge = try state.withLock { state -> Bool in
            guard state.stopped == nil else { throw CancellationError() }
            guard state.machine.answerBytes <= settings.maxAnswerBytes else { return true }
            change(&state.machine)
            return false
        }
        if tooLarge {
            throw GatewayError(.answerTooLarge, "answer exceeds \(settings.maxAnswerBytes) bytes")
        }
        changed.raise()
    }

    // MARK: Running

    /// Runs to the end of the delivery, or until cancelled (nil).
    func run() async -> DeliveryReport? {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.work() }
            let report = await self.pump()
            self.stop(.interrupted)
            group.cancelAll()
            return report
        }
    }

    private func pump() async -> DeliveryReport? {
        defer { alarms.set(nil, for: number, changed) }
        while !Task.isCancelled {
            switch state.withLock({ $0.machine.next(now: clock.now) }) {
            case .done(let report): return report
            case .wait(let until):
                alarms.set(until, for: number, changed)
                await changed.wait()
            case .perform(let operation):
                let outcome = await channel.perform(address(operation)) { [weak self] verdict in
                    self?.settledLate(operation, verdict)
                }
                state.withLock { $0.machine.completed(outcome, now: clock.now) }
            }
        }
        return nil
    }

    private func settledLate(_ operation: ReplyStreamStateMachine.Operation, _ verdict: LateVerdict) {
        state.withLock { $0.machine.settledLate(operation, verdict, now: clock.now) }
        changed.raise()
    }

    private func address(_ operation: ReplyStreamStateMachine.Operation) -> ChannelOperation {
        switch operation {
        case .stream(let id, let content, let finish):
            .stream(route, id: id, content: content, finish: finish, feedback: nil)
        case .reply(let markdown): .reply(route, markdown: markdown, feedback: nil)
        case .push(let markdown): .push(route.conversation, markdown: markdown, feedback: nil)
        }
    }

    private func work() async {
        guard case .handler(let handler) = source else { return }
        await turnHasCome.wait()
        if let stopped = state.withLock({ $0.stopped }) { return end(stopped) }
        await withTaskGroup(of: ReplyStreamStateMachine.Ending?.self) { group in
            group.addTask { await self.run(handler) }
            group.addTask {
                await self.stopHandler.wait()
                return nil
            }
            // The person hears of a stop at once, even if the handler takes its time to end.
            let ending = await group.next() ?? nil
            end(state.withLock { $0.stopped } ?? ending ?? .interrupted)
            group.cancelAll()
        }
    }

    private func end(_ ending: ReplyStreamStateMachine.Ending) {
        state.withLock { state in
            // In one step: a refresh in between would hold the final frame back for a round trip.
            if ending == .finished, !message.media.isEmpty {
                state.machine.appendParagraph(settings.words.attachment)
            }
            state.machine.ended(ending)
        }
        changed.raise()
    }

    private func run(_ handler: MessageHandler) async -> ReplyStreamStateMachine.Ending {
        do {
            try await handler(message, TurnReply(turn: self, words: settings.words))
            return .finished
        } catch let failure as BackendFailure {
            note(failure.detail)
            return .failed(failure.userText ?? settings.words.failed)
        } catch let error as GatewayError where error.code == .answerTooLarge {
            note(error.description)
            return .failed(settings.words.tooLong)
        } catch {
            note(error is CancellationError ? "context canceled" : "\(type(of: error))")
            return .failed(settings.words.failed)
        }
    }

    private func note(_ detail: String) { state.withLock { $0.failure = detail } }

    /// Why the handler failed, for the log.
    var failure: String? { state.withLock { $0.failure } }
}

/// What a turn keeps under its lock.
private struct TurnState: Sendable {
    var machine: ReplyStreamStateMachine
    var stopped: ReplyStreamStateMachine.Ending?
    var failure: String?
}

extension ReplyStreamStateMachine {
    /// Adds a line of the program's own below what was said, if anything was.
    fileprivate mutating func appendParagraph(_ line: String) { appended((answerBytes == 0 ? "" : "\n\n") + line) }
}

/// The handler's view of its turn.
struct TurnReply: Replying {
    let turn: Turn
    let words: ReplyWords

    func append(_ delta: String) async throws { try turn.update { $0.appended(delta) } }
    func replace(with text: String) async throws { try turn.update { $0.replaced(with: text) } }
    func think(_ delta: String) async throws { try turn.update { $0.thought(delta) } }

    func attach(_ attachment: Attachment) async throws {
        let name =
            switch attachment {
            case .file(let location, _, let name): name ?? location.split(separator: "/").last.map(String.init) ?? ""
            case .card: "template card"
            }
        try turn.update { $0.appendParagraph(words.cannotSend(name)) }
    }
}
