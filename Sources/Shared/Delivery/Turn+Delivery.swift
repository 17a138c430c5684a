import Logging

extension Turn {
    /// Delivers text first, then everything else in order. Nil when it was left to a later run.
    func deliver() async -> DeliveryReport? {
        defer { services.alarms.set(nil, for: number, changed) }
        guard var report = await deliverText() else { return nil }
        if report.failure == nil, await !deliverAttachments(&report) { return nil }
        let isLeft = state.withLock { state in
            state.isAbandoned || state.machine.isParked || state.machine.isClosed && services.store.isDurable
        }
        guard !isLeft else { return nil }
        if let task { services.ledger.note(.finished(task, reason: report.failure, at: services.now)) }
        return report
    }

    // MARK: Text

    private func deliverText() async -> DeliveryReport? {
        await withTaskCancellationHandler {
            // From an ack to the next frame no thread changes.
            await services.channel.run { await self.runMachine() }
        } onCancel: {
            changed.raise()
        }
    }

    private nonisolated(nonsending) func runMachine() async -> DeliveryReport? {
        while !Task.isCancelled {
            switch apply({ $0.next(now: services.clock.now) }) {
            case .done(let report):
                shown.raise()
                return report
            case .wait(let until):
                services.alarms.set(until, for: number, changed)
                if services.settings.reply.sendsEveryDelta { shown.raise() }
                await changed.raised()
            case .perform(let operation): await perform(operation)
            }
        }
        return nil
    }

    /// Returns once all that was said so far stands in the bubble.
    func untilShown() async {
        while !Task.isCancelled, !state.withLock({ $0.stopped != nil || $0.machine.isShown }) { await shown.wait() }
    }

    private nonisolated(nonsending) func perform(_ operation: ReplyStreamStateMachine.Operation) async {
        let cost = state.withLock { $0.machine.cost }
        if let cost, let until = services.admit(conversation, cost) {
            return apply { $0.postponed(until: until) }
        }
        let (stake, bubble) = state.withLock { ($0.machine.partAtStake, $0.machine.openedBubble) }
        if let stake, await !noteSent(stake.part, by: stake.route), isTakenUp {
            return apply { $0.postponed(until: services.clock.now.advanced(by: .seconds(1))) }
        }
        // A bubble that the ledger does not know would never be sealed.
        if let task, let bubble { await services.ledger.commit([.bubble(task, index: bubble, at: services.now)]) }
        let seal = await noteSeal(operation)
        if case .fallback(let text) = operation {
            let outcome = await performAside(.push(fallbackConversation ?? conversation, markdown: text, feedback: nil))
            return apply { $0.completed(outcome, now: self.services.clock.now) }
        }
        let riding = operation.isFinal ? state.withLock { $0.riding(services.channel.capabilities) } : []
        let outcome = await services.channel.perform(address(operation, isCounted: cost != nil, riding)) {
            [listener] verdict in
            listener.withLock { $0 }?.settledLate(operation, verdict)
        }
        if cost != nil { services.learn(outcome, conversation) }
        if case .acknowledged = outcome, !riding.isEmpty { arrived(riding) }
        let takenBack =
            if case .notSent = outcome { seal + address(freedFrom: stake?.route) } else { [LedgerTransition]() }
        apply(adding: takenBack) {
            $0.completed(outcome, now: self.services.clock.now)
        }
    }

    /// A message that cannot be repeated is written down before it goes out. False when that is not durable: it goes out all
    /// the same, but not from what an earlier run left, or each start could repeat it and none would be counted.
    private nonisolated(nonsending) func noteSent(_ part: Int, by route: DeliveryRoute) async -> Bool {
        guard let task else { return true }
        var steps = [LedgerTransition.part(task, index: part, .sent(route), at: services.now)]
        if isLate(route) { steps.append(.lateAddress(task, nil)) }
        return await services.ledger.commit(steps)
    }

    /// Once the notice of a stop may stand in a bubble, nothing else can follow there. Returns what takes that back when it
    /// was not sent after all.
    private nonisolated(nonsending) func noteSeal(
        _ operation: ReplyStreamStateMachine.Operation
    ) async -> [LedgerTransition] {
        let (isSeal, isFirst) = state.withLock { state in
            (operation.isFinal && state.machine.isParked, state.machine.unanswered == 0)
        }
        guard let task, isSeal else { return [] }
        await services.ledger.commit([.handedOver(task)])
        return isFirst ? [.handedOver(task, false)] : []
    }

    /// The late address takes its one message still when nothing was written there.
    private func address(freedFrom route: DeliveryRoute?) -> [LedgerTransition] {
        guard let task, let route, isLate(route) else { return [] }
        return [.lateAddress(task, entry.route.late)]
    }

    private func isLate(_ route: DeliveryRoute) -> Bool {
        route == .reply && services.channel.capabilities.lateReply != nil
    }

    /// Has the fallback do something.
    private func performAside(_ operation: ChannelOperation) async -> SendOutcome {
        guard let fallback = services.fallback else { return .notSent(.closed) }
        return await fallback.perform(operation, late: nil)
    }

    /// The person whom the fallback reaches: who said it, or whom a push is for.
    var fallbackConversation: Conversation? { Self.fallbackConversation(entry, services) }

    static func fallbackConversation(_ entry: LedgerEntry, _ services: EngineServices) -> Conversation? {
        guard services.fallback != nil else { return nil }
        let sender = entry.message.sender.id.rawValue
        if !sender.isEmpty { return Conversation(kind: .direct, id: sender) }
        return entry.message.conversation.kind == .direct ? entry.message.conversation : nil
    }

    /// Pictures went out with the last frame of the bubble.
    private func arrived(_ parts: [LedgerPart]) {
        let indexes = Set(parts.map(\.index))
        state.withLock { state in
            state.attachments.removeAll { indexes.contains($0.index) }
            guard let task else { return }
            _ = services.ledger.enqueue(
                indexes.sorted().flatMap { index -> [LedgerTransition] in
                    [
                        .part(task, index: index, .sent(.bubble), at: services.now),
                        .part(task, index: index, .acked, at: services.now),
                    ]
                })
        }
    }

    private func settledLate(_ operation: ReplyStreamStateMachine.Operation, _ verdict: LateVerdict) {
        apply { $0.settledLate(operation, verdict, now: self.services.clock.now) }
        changed.raise()
    }

    /// Changes the machine and writes down what that means for the parts, in that order for every writer. Time alone may
    /// settle a part or close its bubble, so asking for the next step is such a change, too.
    private func apply<Result>(
        adding more: [LedgerTransition] = [], _ change: (inout ReplyStreamStateMachine) -> Result
    ) -> Result {
        state.withLock { state in
            let (hadLeft, hadWaited) = (state.machine.leavesBubbles, state.machine.firstBubbleWaited)
            let result = change(&state.machine)
            guard let task else { return result }
            var steps = state.machine.takeChanges().map { change in
                LedgerTransition.part(task, index: change.part, change.change, at: services.now)
            }
            if let shown = state.machine.takeShown() { steps.append(.shown(task, segments: shown)) }
            if !hadLeft, state.machine.leavesBubbles { steps.append(.handedOver(task)) }
            if !hadWaited, state.machine.firstBubbleWaited { steps.append(.bubble(task, index: 0, at: services.now)) }
            steps += more
            if !steps.isEmpty { _ = services.ledger.enqueue(steps) }
            return result
        }
    }

    private func address(
        _ operation: ReplyStreamStateMachine.Operation, isCounted: Bool, _ riding: [LedgerPart]
    ) -> ChannelOperation {
        switch operation {
        case .stream(let id, let content, let finish):
            // The platform heeds the id on a bubble's first frame; the last one carries it for whoever reads along.
            let feedback = isCounted || finish ? feedbackID(bubble: id) : nil
            guard riding.isEmpty else {
                let images = riding.compactMap(\.content.media)
                return .seal(entry.route, id: id, content: content, images: images, feedback: feedback)
            }
            return .stream(entry.route, id: id, content: content, finish: finish, feedback: feedback)
        case .reply(let markdown):
            return .reply(entry.route, markdown: markdown, feedback: feedbackID(part: partInFlight))
        case .push(let markdown), .fallback(let markdown):
            return .push(conversation, markdown: markdown, feedback: feedbackID(part: partInFlight))
        }
    }

    private var partInFlight: Int { state.withLock { $0.machine.partAtStake?.part ?? 0 } }

    private var wantsFeedback: Bool {
        guard services.settings.asksForFeedback, task != nil, entry.origin == .message else { return false }
        if case .line = source { return false }
        return true
    }

    private func feedbackID(bubble id: StreamID) -> String? {
        guard wantsFeedback else { return nil }
        let number = Int(id.rawValue.dropFirst(entry.stream.count + 1)) ?? 1
        return FeedbackID.make(stream: entry.stream, part: number)
    }

    /// Parts that are no bubbles are numbered from 1,000.
    private func feedbackID(part: Int) -> String? {
        wantsFeedback ? FeedbackID.make(stream: entry.stream, part: 1_000 + part) : nil
    }

    // MARK: Everything else

    /// False when it was left to a later run.
    private func deliverAttachments(_ report: inout DeliveryReport) async -> Bool {
        for attachment in state.withLock({ $0.attachments }) {
            let expiry = keptSince.advanced(by: services.settings.reply.keepFor)
            let age = services.instant(of: entry.acceptedAt).duration(to: services.clock.now)
            let capabilities = services.channel.capabilities
            state.withLock { state in
                let history = DeliveryPlan.History(
                    addressIsOpen: !state.machine.isHandedOver && age < capabilities.replyWindow,
                    addressIsProven: state.machine.isAddressProven, bubblesAreLeft: false,
                    lateAddressIsOpen: state.machine.isLateAddressOpen && !state.isLateAddressUsed)
                state.part = PartStateMachine(
                    attachment.content, settings: services.settings.reply, terms: terms, history: history,
                    doubts: attachment.state == .unknown ? max(attachment.doubts, 1) : 0,
                    online: state.online, expiry: expiry)
            }
            guard await deliver(attachment.index) else { return false }
            let (result, isAbandoned) = state.withLock { ($0.part?.state ?? .dead, $0.isAbandoned) }
            guard result.isSettled, !isAbandoned else { return false }
            report.count(result)
        }
        return true
    }

    /// Drives the machine of one part. False when it was left to a later run.
    private func deliver(_ index: Int) async -> Bool {
        while !Task.isCancelled, !state.withLock({ $0.isAbandoned }) {
            let action = state.withLock { $0.part?.next(now: services.clock.now) ?? .done }
            noteChanges(of: index)
            switch action {
            case .done: return true
            case .wait(let until):
                services.alarms.set(until, for: number, changed)
                await changed.wait()
            case .upload(let media, let route): await upload(media, route)
            case .send(let message, let route): await send(message, route, index)
            }
            noteChanges(of: index)
        }
        return false
    }

    private func noteChanges(of index: Int, adding more: [LedgerTransition] = []) {
        state.withLock { state in
            guard let changes = state.part?.takeChanges(), let task else { return }
            let steps = changes.map { LedgerTransition.part(task, index: index, $0, at: services.now) } + more
            if !steps.isEmpty { _ = services.ledger.enqueue(steps) }
        }
    }

    /// What the plan goes by.
    var terms: DeliveryPlan.Terms {
        DeliveryPlan.Terms(
            conversation: conversation.kind, channel: services.channel.capabilities,
            fallback: fallbackConversation == nil ? nil : services.fallback?.capabilities)
    }

    private func upload(_ media: OutboundMedia, _ route: DeliveryRoute) async {
        let channel = route == .fallback ? services.fallback : services.channel
        let outcome = await channel?.upload(media, progress: nil) ?? .unreadable("no such channel")
        state.withLock { $0.part?.uploaded(outcome, now: services.clock.now) }
    }

    private func send(_ message: PartStateMachine.Message, _ route: DeliveryRoute, _ index: Int) async {
        if let until = services.admit(conversation, .final) {
            return state.withLock { $0.part?.postponed(until: until) ?? () }
        }
        if case .card = message { await rememberCard() }
        if await !noteSent(index, by: route), isTakenUp {
            let until = services.clock.now.advanced(by: .seconds(1))
            return state.withLock { $0.part?.postponed(until: until) ?? () }
        }
        if route == .fallback {
            let outcome = await performAside(address(message, route, index))
            return state.withLock { $0.part?.completed(outcome, now: services.clock.now) ?? () }
        }
        if route == .reply { state.withLock { $0.isLateAddressUsed = true } }
        let outcome = await services.channel.perform(address(message, route, index)) { [listener] verdict in
            guard let turn = listener.withLock({ $0 }) else { return }
            turn.state.withLock { $0.part?.settledLate(verdict, now: turn.services.clock.now) }
            turn.changed.raise()
        }
        services.learn(outcome, conversation)
        let isSent = if case .notSent = outcome { false } else { true }
        state.withLock { state in
            if route == .reply, !isSent { state.isLateAddressUsed = false }
            state.part?.completed(outcome, now: services.clock.now)
        }
        noteChanges(of: index, adding: isSent ? [] : address(freedFrom: route))
    }

    private func address(
        _ message: PartStateMachine.Message, _ route: DeliveryRoute, _ index: Int
    ) -> ChannelOperation {
        let replies = route == .reply
        let conversation = route == .fallback ? fallbackConversation ?? conversation : conversation
        return switch message {
        case .card(let json): replies ? .replyCard(entry.route, json: json) : .pushCard(conversation, json: json)
        case .media(let media): replies ? .replyMedia(entry.route, media) : .pushMedia(conversation, media)
        case .text(let text):
            replies
                ? .reply(entry.route, markdown: text, feedback: nil)
                : .push(conversation, markdown: text, feedback: feedbackID(part: index))
        }
    }

    private func rememberCard() async {
        guard case .card(let json, let taskID, _)? = state.withLock({ $0.part?.content }), !taskID.isEmpty else {
            return
        }
        let card = SentCard(
            taskID: taskID, account: entry.message.account, conversation: conversation, json: json, sentAt: services.now
        )
        // Without it a click cannot be redrawn; the card itself is worth sending all the same.
        try? await services.store.remember(card)
    }
}

extension DeliveryReport {
    /// Counts a part that is no text.
    fileprivate mutating func count(_ state: PartState) {
        switch state {
        case .acked: segments += 1
        case .assumed:
            segments += 1
            assumed += 1
        default: failure = failure ?? "part not delivered"
        }
    }
}
