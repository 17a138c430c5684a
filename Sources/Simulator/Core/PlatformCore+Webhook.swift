/// The webhook side of bots: stream bubbles that are asked for, passive replies, cards.
extension PlatformCore {
    // MARK: Answers

    mutating func readWebhookAnswer(
        _ body: [UInt8], of id: Int, _ flight: Callbacks.InFlight, now: Int
    ) throws(ReplyProblem) {
        let delivery = flight.delivery
        guard !body.isEmpty else {
            guard PassiveReply.legal(for: delivery.kind).contains("empty") else {
                throw ReplyProblem("illegalReply", "empty is not legal here")
            }
            answered(delivery, now: now)
            return
        }
        guard let value = try? JSONValue.parse(body) else { throw ReplyProblem("envelope", "not JSON") }
        let plain = try open(CallbackEnvelope(jsonAnswer: value), flight)
        noteAnswer(id, plain, flight, now: now)
        switch try PassiveReply.parse(plain, to: delivery.kind, options: options) {
        case .empty: answered(delivery, now: now)
        case .text(let text):
            addEntry(.welcome, to: delivery.conversation, via: .webhook, content: text, now: now)
        case .card(let card):
            try show(card, delivery, now: now)
            answered(delivery, now: now)
        case .update(let card, let users): try update(card, users: users, delivery, now: now)
        case .stream(let frame, let card):
            for problem in frame.problems { violated(problem, by: delivery, callback: id, now: now) }
            let key = WebhookStreams.Key(bot: delivery.bot, streamID: frame.id)
            if case .refresh(let asked) = delivery.kind {
                guard asked == key else { throw ReplyProblem("streamID", "not the one that was asked for") }
                refreshed(key, frame, delivery, callback: id, now: now)
            } else {
                try opened(key, frame, delivery, callback: id, now: now)
            }
            if let card, card != .null { try showOnce(card, of: key, delivery, now: now) }
        }
    }

    private mutating func answered(_ delivery: Delivery, now: Int) {
        if case .message(let number) = delivery.kind { endProgress(number, delivery, now: now) }
    }

    // MARK: Streams

    /// The answer to a message names a bubble.
    private mutating func opened(
        _ key: WebhookStreams.Key, _ frame: PassiveReply.Frame, _ delivery: Delivery, callback id: Int, now: Int
    ) throws(ReplyProblem) {
        guard case .message(let number) = delivery.kind, let user = delivery.user else { return }
        if let known = webhookStreams[key] {
            guard known.msgID == delivery.msgID else { throw ReplyProblem("streamID", "used for another message") }
            if !known.isOver { draw(frame, key, now: now) }
            return
        }
        if webhookStreams.hasStream(for: delivery.msgID) {
            violated(ReplyProblem("repeat", "another stream for the same msgid"), by: delivery, callback: id, now: now)
        }
        let entry = addEntry(.stream, to: delivery.conversation, via: .webhook, content: frame.content, now: now) {
            $0.streamID = frame.id
            $0.feedbackID = frame.feedbackID
            $0.finished = false
        }
        let deadline = delivery.actedAt + options.webhookStreamWindow
        webhookStreams.opened(
            key,
            WebhookStreams.Stream(
                entry: entry.id, conversation: delivery.conversation, user: user, progress: number,
                msgID: delivery.msgID, deadline: deadline))
        draw(frame, key, now: now)
        if !frame.isFinal {
            timeline.add(.webhookWindow(key), at: max(deadline, now))
            schedulePoll(key, now: now)
        }
    }

    private mutating func refreshed(
        _ key: WebhookStreams.Key, _ frame: PassiveReply.Frame, _ delivery: Delivery, callback id: Int, now: Int
    ) {
        guard let stream = webhookStreams[key], !stream.isOver else { return }
        if frame.feedbackID != nil, frame.feedbackID != feedbackID(of: stream) {
            violated(
                ReplyProblem("feedback", "feedback.id after the first frame"), by: delivery, callback: id, now: now)
        }
        draw(frame, key, now: now)
        if !frame.isFinal, !delivery.isExtra { schedulePoll(key, now: now) }
    }

    private func feedbackID(of stream: WebhookStreams.Stream) -> String? {
        conversations.entry(stream.entry, in: stream.conversation)?.feedbackID
    }

    private mutating func draw(_ frame: PassiveReply.Frame, _ key: WebhookStreams.Key, now: Int) {
        guard let stream = webhookStreams[key] else { return }
        var images: [Entry.Item] = []
        for (index, bytes) in frame.images.enumerated() {
            let suffix = MediaType.byContent(bytes) == "image/png" ? "png" : "jpg"
            images.append(.image(keep(UserPost.File(name: "image\(index + 1).\(suffix)", bytes: bytes)).shown))
        }
        let isVisible = hasVisibleContent(frame.content) || !images.isEmpty
        change(stream.entry, in: stream.conversation, now: now) { entry in
            entry.content = frame.content
            entry.items = images
            entry.finished = frame.isFinal
            entry.waiting = !frame.isFinal && !isVisible
            entry.sealedInvisibly = frame.isFinal && !isVisible
        }
        if frame.isFinal { end(key, now: now) }
    }

    private mutating func end(_ key: WebhookStreams.Key, now: Int) {
        guard let stream = webhookStreams[key], !stream.isOver else { return }
        webhookStreams[key]?.isOver = true
        endProgress(stream.progress, Progress.Key(bot: key.bot, user: stream.user), now: now)
    }

    mutating func schedulePoll(_ key: WebhookStreams.Key, now: Int) {
        guard let stream = webhookStreams[key], !stream.isOver, !stream.pollsStopped else { return }
        timeline.add(.poll(key), at: now + min(max(options.pollInterval, 200), 5_000))
    }

    /// Asks for the content of an open bubble.
    mutating func poll(_ key: WebhookStreams.Key, now: Int) {
        guard let stream = webhookStreams[key], !stream.isOver, now < stream.deadline else { return }
        var body = webhookHeader(random.hexToken(32), stream.conversation, user: stream.user)
        body["msgtype"] = "stream"
        body["stream"] = ["id": .string(key.streamID)]
        launch(
            Delivery(
                kind: .refresh(key), transport: .webhook, conversation: stream.conversation, user: stream.user,
                type: "stream", msgID: body["msgid"]?.stringValue, plaintext: JSONValue.object(body).text,
                actedAt: now),
            now: now)
    }

    mutating func webhookWindowEnded(_ key: WebhookStreams.Key, now: Int) {
        guard let stream = webhookStreams[key], !stream.isOver else { return }
        change(stream.entry, in: stream.conversation, now: now) { entry in
            entry.expired = true
            entry.finished = true
            entry.waiting = false
        }
        end(key, now: now)
    }

    // MARK: Cards

    private mutating func show(_ card: JSONValue, _ delivery: Delivery, now: Int) throws(ReplyProblem) {
        switch cards.judge(card, bot: delivery.bot, isUpdate: false, options: options) {
        case .refuse(let refusal): throw ReplyProblem("card", "\(refusal.code): \(refusal.text)")
        case .hide: break
        case .show:
            addEntry(.card, to: delivery.conversation, via: .webhook, now: now) { entry in
                entry.card = card
                entry.cardState = Entry.CardState()
                entry.feedbackID = card["feedback"]?["id"]?.stringValue
            }
        }
    }

    /// The card of a stream is shown once; answers that repeat it are no news.
    private mutating func showOnce(
        _ card: JSONValue, of key: WebhookStreams.Key, _ delivery: Delivery, now: Int
    ) throws(ReplyProblem) {
        guard webhookStreams[key]?.hasCard == false else { return }
        webhookStreams[key]?.hasCard = true
        try show(card, delivery, now: now)
    }

    private mutating func update(
        _ card: JSONValue, users: [String]?, _ delivery: Delivery, now: Int
    ) throws(ReplyProblem) {
        guard case .cardClick(let entry, let taskID) = delivery.kind else { return }
        if case .refuse(let refusal) = cards.judge(card, bot: delivery.bot, isUpdate: true, options: options) {
            throw ReplyProblem("card", "\(refusal.code): \(refusal.text)")
        }
        guard card["task_id"]?.stringValue ?? "" == taskID else { throw ReplyProblem("card", "another task_id") }
        redraw(entry, in: delivery.conversation, with: card, for: users, now: now)
    }

    /// Replaces a card, for everybody or for single people.
    mutating func redraw(
        _ entry: String, in conversation: ConversationKey, with card: JSONValue, for users: [String]?, now: Int
    ) {
        change(entry, in: conversation, now: now) { shown in
            shown.cardState?.updates += 1
            if let feedbackID = card["feedback"]?["id"]?.stringValue { shown.feedbackID = feedbackID }
            if let users, !users.isEmpty {
                for user in users.prefix(1_000) { shown.cardState?.replacements[user] = card }
            } else {
                shown.card = card
                shown.cardState?.replacements = [:]
            }
        }
    }

    // MARK: Callbacks

    /// Members that callbacks of the webhook side have; direct chats have no `chatid`.
    func webhookHeader(_ msgID: String, _ conversation: ConversationKey, user: String) -> JSONObject {
        var body = JSONObject()
        body["msgid"] = .string(msgID)
        body["aibotid"] = .string(conversation.bot)
        body["chatid"] = conversation.group.map { .string($0) }
        body["chattype"] = conversation.group == nil ? "single" : "group"
        body["from"] = ["userid": .string(user)]
        return body
    }

    /// Posts a message of a person, or holds it back behind three others. False when it did not leave at once.
    mutating func postWebhookMessage(
        _ payload: JSONObject, msgID: String, conversation: ConversationKey, user: String, entry: String,
        repeats: Int, now: Int
    ) -> Bool {
        var body = webhookHeader(msgID, conversation, user: user)
        addResponseURL(&body, conversation, via: .webhook, entry: entry, now: now)
        for member in payload.members { body[member.key] = member.value }
        var delivery = Delivery(
            kind: .message(progress: progress.number()), transport: .webhook, conversation: conversation, user: user,
            type: payload["msgtype"]?.stringValue ?? "", msgID: msgID, plaintext: JSONValue.object(body).text,
            entry: entry, actedAt: now, maxAttempts: options.callbackDeliveries)
        let isSent = startMessage(delivery, now: now)
        delivery.isExtra = true
        for _ in 0..<repeats { launch(delivery, now: now) }
        return isSent
    }

    /// Takes a message into progress and posts it, unless three others are in progress.
    mutating func startMessage(_ delivery: Delivery, now: Int) -> Bool {
        guard case .message(let number) = delivery.kind, let user = delivery.user else { return false }
        guard progress.begin(number, delivery, key: Progress.Key(bot: delivery.bot, user: user)) else { return false }
        return launch(delivery, now: now)
    }

    /// Posts an event. False when it did not leave at once.
    mutating func postWebhookEvent(
        _ type: String, _ payload: JSONValue?, msgID: String, conversation: ConversationKey, user: String?,
        kind: Delivery.Kind, hasResponseURL: Bool, now: Int
    ) -> Bool {
        var body = JSONObject()
        body["msgid"] = .string(msgID)
        body["create_time"] = .int(now / 1000)
        body["aibotid"] = .string(conversation.bot)
        if kind != .enterChat {
            body["chatid"] = conversation.group.map { .string($0) }
            body["chattype"] = conversation.group == nil ? "single" : "group"
        }
        if let user { body["from"] = ["userid": .string(user)] }
        if hasResponseURL { addResponseURL(&body, conversation, via: .webhook, entry: nil, now: now) }
        body["msgtype"] = "event"
        body["event"] = .members([("eventtype", .string(type)), (type, payload)])
        var attempts = options.callbackDeliveries
        if case .cardClick = kind { attempts = 1 }
        return launch(
            Delivery(
                kind: kind, transport: .webhook, conversation: conversation, user: user, type: type, msgID: msgID,
                plaintext: JSONValue.object(body).text, actedAt: now, maxAttempts: attempts),
            now: now)
    }

    @discardableResult
    mutating func addEntry(
        _ kind: Entry.Kind, to conversation: ConversationKey, via transport: Transport, content: String? = nil,
        now: Int, _ fill: (inout Entry) -> Void = { _ in }
    ) -> Entry {
        let entry = conversations.append(
            to: conversation, from: .bot, sender: conversation.bot, kind: kind, content: content, time: now
        ) { entry in
            entry.via = transport
            fill(&entry)
        }
        emit(.entry(conversation, entry))
        return entry
    }
}
