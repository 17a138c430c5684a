import Logging

extension Turn {
    /// Brings the answer about.
    func work() async {
        switch source {
        case .ledger: return
        case .line: await record { _ in }
        case .parts(let parts): await end(with: parts)
        case .handler(let handler):
            await turnHasCome.wait()
            if hasMediaToFetch, state.withLock({ !$0.hasFetched && $0.stopped == nil }) { await mediaFetched.wait() }
            if let stopped = state.withLock({ $0.stopped }) { return await end(stopped) }
            await count()
            if let stopped = state.withLock({ $0.stopped }) { return await end(stopped) }
            await work(handler)
            onHandled?(self)
        }
    }

    /// Counts a start of the handler. Where an earlier run was about to start it, too, that is durable before, however long
    /// it takes: a message that ends the program must not do so for ever.
    ///
    /// - Parameter waits: whether it has to be durable, too, for a message that is new.
    func count(waits: Bool = false) async {
        guard let task else { return }
        let ticket = services.ledger.enqueue([.began(task, attempt: attempt, at: services.now)])
        guard isTakenUp else {
            if waits { _ = await services.ledger.durable(ticket) }
            return
        }
        while !Task.isCancelled, state.withLock({ $0.stopped == nil }), await !services.ledger.durable(ticket) {
            try? await services.clock.sleep(for: .seconds(1))
        }
    }

    private func work(_ handler: @escaping MessageHandler) async {
        await withTaskGroup(of: ReplyStreamStateMachine.Ending?.self) { group in
            group.addTask { await self.run(handler) }
            group.addTask {
                await self.stopHandler.wait()
                return nil
            }
            // The person hears of a stop at once, even if the handler takes its time to end.
            let ending = await group.next() ?? nil
            await end(state.withLock { $0.stopped } ?? ending ?? .interrupted)
            group.cancelAll()
        }
    }

    private func run(_ handler: MessageHandler) async -> ReplyStreamStateMachine.Ending {
        let message = state.withLock { $0.message }
        if let line = message.lineInsteadOfHandler { return .failed(line) }
        do {
            try await handler(message, TurnReply(turn: self))
            return .finished
        } catch let failure as BackendFailure {
            note(failure.detail)
            return .failed(failure.userText ?? services.settings.reply.words.failed)
        } catch let error as GatewayError where error.code == .answerTooLarge {
            note(error.description)
            return .failed(services.settings.reply.words.tooLong)
        } catch {
            note(error is CancellationError ? "context canceled" : "\(type(of: error))")
            return .failed(services.settings.reply.words.failed)
        }
    }

    private func note(_ detail: String) { state.withLock { $0.failure = detail } }

    // MARK: Text

    /// Applies what the handler gave.
    ///
    /// - Parameter bytes: text that it adds.
    /// - Throws: `CancellationError` when nothing is taken any more, since the handler was stopped or has ended.
    func update(adding bytes: Int = 0, _ change: (inout TurnState) -> Void) throws {
        let limit = services.settings.reply.maxAnswerBytes
        let tooLarge = try state.withLock { state -> Bool in
            guard state.stopped == nil, !state.machine.hasEnded else { throw CancellationError() }
            guard state.overflow?.utf8.count ?? state.machine.answerBytes <= limit - bytes else { return true }
            change(&state)
            return false
        }
        if tooLarge { try refuseTooLarge() }
        changed.raise()
    }

    /// - Throws: always.
    func refuseTooLarge() throws {
        throw GatewayError(
            .answerTooLarge, "answer exceeds \(services.settings.reply.maxAnswerBytes) bytes")
    }

    // MARK: End

    /// The answer is complete: what is no text leaves it, the ledger gets it, then the last frames may go out.
    private func end(_ ending: ReplyStreamStateMachine.Ending) async {
        if ending == .interrupted, task != nil, services.store.isDurable { return park() }
        // What a handler says that is cancelled is no answer.
        guard !Task.isCancelled else { return park() }
        if ending == .finished { await takePictures() }
        let overflow = state.withLock { state -> String? in
            state.takeCards(services)
            return ending == .finished ? state.overflow : nil
        }
        if let overflow { await attach(whole: overflow) }
        guard !Task.isCancelled else { return park() }
        await record { state in
            guard ending == .finished else { return state.machine.ended(ending) }
            state.settleRoutes(services.settings.reply.words, terms)
            state.addLines(services.settings.reply.words, fetches: services.hooks.fetch != nil)
            state.machine.ended(state.isSilent(click: entry.message.click) ? .silent : .finished)
        }
        if entry.message.click != nil { cardReady.raise() }
    }

    private func end(with parts: [PartContent]) async {
        await record { state in
            for part in parts {
                if case .text(let text) = part { state.machine.appendParagraph(text) } else { state.add(part) }
            }
            state.settleRoutes(services.settings.reply.words, terms)
            state.machine.ended(parts.contains { !$0.isText } && !state.machine.hasVisibleText ? .silent : .finished)
        }
    }

    private func record(_ complete: (inout TurnState) -> Void) async {
        let ticket = state.withLock { state -> UInt64? in
            complete(&state)
            guard let task, let record = state.machine.unrecorded else { return nil }
            let first = record.firstPart + record.parts.count
            for index in state.attachments.indices { state.attachments[index].index = first + index }
            let parts = record.parts.map { PartContent.text($0) } + state.attachments.map(\.content)
            return services.ledger.enqueue([
                .answered(
                    task, answer: record.answer, failure: state.failure, parts: parts, firstPart: record.firstPart,
                    at: services.now)
            ])
        }
        // A ledger that cannot write keeps the answer and tries again; the person need not wait for that.
        if let ticket { _ = await services.ledger.durable(ticket) }
        state.withLock { $0.machine.recorded() }
        changed.raise()
    }

    /// The program goes down: the bubble says so, and the next run goes on.
    private func park() {
        state.withLock { $0.machine.park() }
        changed.raise()
    }

    // MARK: What is no text

    /// Adds a file or a card of the handler.
    func attach(_ attachment: Attachment) async throws {
        let words = services.settings.reply.words
        guard state.withLock({ $0.attachments.count < services.settings.reply.maxAttachments }) else {
            return try update { state in
                if !state.hasTooMany { state.machine.appendParagraph(words.tooManyAttachments) }
                state.hasTooMany = true
            }
        }
        switch attachment {
        case .card(let json):
            do {
                let card = try TemplateCard(json: json)
                try update { $0.add(card, answering: entry.message.click, services) }
                cardReady.raise()
            } catch let problem as CardProblem {
                services.logger.warning(
                    "card refused", metadata: .init([.messageID: entry.message.id, .error: problem]))
                try update { $0.machine.appendParagraph(words.badCard) }
            }
        case .file(let location, _, let name):
            let shown = name ?? location.split(separator: "/").last.map(String.init) ?? ""
            guard let resolve = services.hooks.resolve else {
                return try update { $0.machine.appendParagraph(words.cannotSend(shown)) }
            }
            switch await resolve(attachment, entry.message) {
            case .success(let media): try update { $0.add(media.part) }
            case .failure(let problem): try update { $0.machine.appendParagraph(problem.line) }
            }
        }
    }

    private func takePictures() async {
        guard let pictures = services.hooks.pictures, let resolve = services.hooks.resolve else { return }
        // Looked for before the answer is made a string once more.
        let answer = state.withLock { $0.machine.mayShowPictures ? $0.machine.answer : "" }
        guard !answer.isEmpty else { return }
        let (text, locations) = pictures(answer)
        let room = services.settings.reply.maxAttachments - state.withLock { $0.attachments.count }
        guard !locations.isEmpty, locations.count <= room else { return }
        var found: [OutboundMedia] = []
        for location in locations {
            let attachment = Attachment.file(location: location, kind: .image, name: nil)
            if case .success(let media) = await resolve(attachment, entry.message) { found.append(media) }
        }
        // A picture that cannot be sent stays a link.
        guard found.count == locations.count else { return }
        state.withLock { state in
            state.machine.rewritten(text)
            for media in found { state.add(media.part) }
        }
    }

    private func attach(whole answer: String) async {
        let media = await services.hooks.attachLong?(answer, entry.message)
        state.withLock { state in
            if let media {
                state.machine.appendParagraph(services.settings.reply.words.attached(media.name, media.bytes))
                state.add(media.part)
            } else {
                state.machine.appended(String(answer.utf8.dropFirst(state.machine.answerBytes)) ?? "")
            }
            state.overflow = nil
        }
    }
}

extension TurnState {
    fileprivate mutating func add(_ content: PartContent) {
        attachments.append(LedgerPart(index: attachments.count, content: content))
    }

    /// A card that answers a click under the id of the clicked one redraws it, while there is time; an id is never sent
    /// twice.
    fileprivate mutating func add(_ card: TemplateCard, answering click: CardClick?, _ services: EngineServices) {
        let isSame = click != nil && card.taskID == click?.taskID
        if isSame, !isRedrawn {
            redraw = card.json
            return
        }
        let needsID = card.taskID == nil || isSame
        let named = needsID ? card.withTaskID(services.cardIDs.withLock { $0.next(now: services.now) }) : card
        add(.card(json: named.json, taskID: named.taskID ?? "", text: named.text))
    }

    /// What was held back as the beginning of a card turns out to be one, or text.
    fileprivate mutating func takeCards(_ services: EngineServices) {
        let rest = extractor.finish()
        if !rest.text.isEmpty { machine.appended(rest.text) }
        for problem in rest.problems {
            services.logger.warning("card refused", metadata: .init([.messageID: message.id, .error: problem]))
        }
        for card in rest.cards { add(card, answering: message.click, services) }
    }

    /// Says where files and cards go that do not come in this chat, and puts words in the place of those that cannot go
    /// anywhere, while there is still a text to say it in.
    fileprivate mutating func settleRoutes(_ words: ReplyWords, _ terms: DeliveryPlan.Terms) {
        let riding = machine.way == .bubble ? riding(terms.channel, beforeEnd: true) : []
        var history = machine.ways.history
        history.bubblesAreLeft = false
        // The one late message carries the text.
        if machine.way == .reply, machine.hasVisibleText { history.lateAddressIsOpen = false }
        var kept: [LedgerPart] = []
        for part in attachments {
            if riding.contains(where: { $0.index == part.index }) {
                kept.append(part)
                continue
            }
            switch DeliveryPlan.routes(for: part.content.planned, terms: terms, history: history).first {
            case nil: machine.appendParagraph(part.content.words(words))
            case .fallback:
                machine.appendParagraph(words.sentByFallback(part.content.name))
                kept.append(part)
            default: kept.append(part)
            }
        }
        for index in kept.indices { kept[index].index = index }
        attachments = kept
    }

    /// Pictures that go out with the last frame of the bubble.
    func riding(_ channel: Capabilities, beforeEnd: Bool = false) -> [LedgerPart] {
        guard let limits = channel.bubbleImages, beforeEnd || machine.isClosing else { return [] }
        var total = 0
        var riding: [LedgerPart] = []
        for part in attachments where riding.count < limits.count {
            guard !part.state.isSettled, let media = part.content.media, media.kind == .image,
                media.bytes <= limits.bytes, total + media.bytes <= limits.totalBytes
            else { continue }
            total += media.bytes
            riding.append(part)
        }
        return riding
    }

    /// What the program itself has to say at the end of an answer.
    fileprivate mutating func addLines(_ words: ReplyWords, fetches: Bool) {
        if !fetches, !message.media.isEmpty { machine.appendParagraph(words.attachment) }
        for line in message.mediaFailures { machine.appendParagraph(line) }
        guard !attachments.isEmpty, !machine.hasVisibleText, !machine.isHandedOver else { return }
        machine.appended(words.seeBelow)
    }

    /// Whether there is nothing to say in words, and no bubble that wants any.
    fileprivate func isSilent(click: CardClick?) -> Bool {
        machine.isHandedOver && !machine.hasVisibleText && (!attachments.isEmpty || click != nil)
    }
}

extension ReplyStreamStateMachine {
    /// Adds a line of the program's own below what was said, if anything was.
    mutating func appendParagraph(_ line: String) { appended((answerBytes == 0 ? "" : "\n\n") + line) }
}

extension PartContent {
    /// The file inside, if it is one.
    var media: OutboundMedia? {
        guard case .media(let path, let kind, let name, let bytes) = self else { return nil }
        return OutboundMedia(path: path, kind: kind, name: name, bytes: bytes)
    }

    /// What the plan takes it for.
    var planned: DeliveryPlan.Content {
        switch self {
        case .text: .text
        case .card: .card
        case .media(_, let kind, _, _): .media(kind)
        }
    }

    /// What stands for it where it cannot go.
    fileprivate func words(_ words: ReplyWords) -> String {
        switch self {
        case .text(let text): text
        case .card(_, _, let text): text
        case .media(_, _, let name, _): words.cannotSend(name)
        }
    }

    fileprivate var name: String {
        if case .media(_, _, let name, _) = self { name } else { "卡片 / card" }
    }
}

extension OutboundMedia {
    fileprivate var part: PartContent { .media(path: path, kind: kind, name: name, bytes: bytes) }
}
