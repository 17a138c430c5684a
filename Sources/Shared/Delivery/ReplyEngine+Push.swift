/// What became of something that was sent on its own account.
public struct PushResult: Hashable, Sendable {
    /// Where it stands.
    public enum State: String, Hashable, Sendable, Codable {
        /// The platform has it.
        case acked
        /// No ack, but reason to believe that it was shown.
        case assumed
        /// Not delivered yet; it is kept and goes out when it can.
        case pending
        /// Given up.
        case failed
        /// The same key was sent before; nothing was sent now.
        case known
    }

    /// Where it stands.
    public var state: State
    /// Number in the ledger.
    public var task: TaskID
    /// How it was delivered; nil while it is pending, and for a known key.
    public var report: DeliveryReport?
}

extension ReplyEngine {
    /// Sends something to a conversation without a message that it answers.
    ///
    /// Durable like an answer: when it is pending at the end of `wait`, it still goes out, after a restart, too.
    ///
    /// - Parameters:
    ///   - key: idempotency key; the same key is sent once. Empty: none.
    ///   - wait: how long to wait for the outcome.
    /// - Throws: `GatewayError.queueFull` when too much is under way, `.closed` when the ledger cannot take it.
    public func push(
        _ parts: [PartContent], to conversation: Conversation, key: String = "", wait: Duration = .seconds(30)
    ) async throws(GatewayError) -> PushResult {
        let stand = InboundMessage(
            id: MessageID(key), account: account, channel: services.channel.capabilities.channel,
            conversation: conversation, sender: Sender(id: ""), parts: [], createdAt: services.now)
        let entry = LedgerEntry(
            origin: .push, message: stand,
            route: ReplyRoute(key: "", conversation: conversation, takesReplies: false), stream: nextName(),
            acceptedAt: services.now)
        guard state.withLock({ $0.turns.count < settings.acceptedMessages && $0.drainUntil == nil }) else {
            throw GatewayError(
                .queueFull, "too many messages are under way, or the program is stopping: try again later")
        }
        switch try await accepted(entry) {
        case .known(let task):
            // What an earlier run had of it is decided when the ledger was read.
            await recovered(within: wait)
            guard await takeUpUnwritten(task, key) else { return PushResult(state: .known, task: task) }
            return await send(parts, entry, task, wait: wait)
        case .accepted(let task): return await send(parts, entry, task, wait: wait)
        }
    }

    /// Whether a send of that key was begun by an earlier run that died before it had written what to send.
    private func takeUpUnwritten(_ task: TaskID, _ key: String) async -> Bool {
        let earlier = try? await services.store.trace(messageID: MessageID(key)).first { $0.id == task }
        guard earlier?.state == .dead, earlier?.reason == Self.unwritten else { return false }
        return (try? await services.store.revive(task, at: services.now)) == true
    }

    /// Returns when everything of earlier runs was taken up, at the latest after `wait`.
    private func recovered(within wait: Duration) async {
        let signal = Signal()
        let isOver = state.withLock { state -> Bool in
            state.waitingForRecovery?.append(signal)
            return state.waitingForRecovery == nil
        }
        if !isOver { await signal.wait(atMost: wait, services.clock) }
    }

    private func accepted(_ entry: LedgerEntry) async throws(GatewayError) -> Acceptance {
        do throws(LedgerTrouble) {
            guard let acceptance = try await services.store.accept([entry]).first else {
                throw LedgerTrouble.broken("no answer to an entry")
            }
            return acceptance
        } catch {
            throw GatewayError(.closed, error.description)
        }
    }

    private func send(_ parts: [PartContent], _ entry: LedgerEntry, _ task: TaskID, wait: Duration) async -> PushResult
    {
        let result = Locked<DeliveryReport?>(nil)
        let done = Signal()
        let turn = state.withLock { state in
            makeTurn(
                task, entry, .parts(parts), queuedAhead: nil,
                onDone: { report in
                    result.withLock { $0 = report }
                    done.raise()
                }, &state)
        }
        workContinuation.yield(.turn(turn, queued: false))
        await done.wait(atMost: wait, services.clock)
        await services.ledger.flushed()
        guard let report = result.withLock({ $0 }) else { return PushResult(state: .pending, task: task) }
        let word: PushResult.State = report.failure != nil ? .failed : report.assumed > 0 ? .assumed : .acked
        return PushResult(state: word, task: task, report: report)
    }

    /// Gives a card an id of its own where it has none.
    public func named(_ card: TemplateCard) -> TemplateCard {
        card.taskID == nil ? card.withTaskID(services.cardIDs.withLock { $0.next(now: services.now) }) : card
    }
}

extension Signal {
    /// Suspends until raised, or until that time has passed.
    fileprivate func wait(atMost time: Duration, _ clock: any MonotonicClock) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask { try? await clock.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
    }
}
