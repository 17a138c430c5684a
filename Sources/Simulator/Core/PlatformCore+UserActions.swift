extension PlatformCore {
    /// Lets a person, or a test, do something.
    /// - Throws: `UserActionError` when it is impossible; then nothing has changed.
    public mutating func userAction(_ action: UserAction, now: Int) throws(UserActionError) -> UserActionOutcome {
        var outcome = UserActionOutcome()
        var problem: UserActionError?
        let done = perform(now) { core in
            do throws(UserActionError) { outcome = try core.carryOut(action, now: now) } catch { problem = error }
        }
        // What was merely due has to be done even when the action itself is refused.
        if let problem {
            actions = done
            throw problem
        }
        outcome.actions = done
        return outcome
    }

    private mutating func carryOut(
        _ action: UserAction, now: Int
    ) throws(UserActionError) -> UserActionOutcome {
        switch action {
        case .post(let post): return try self.post(post, now: now)
        case .enter(let bot, let user, let via): return try enter(bot: bot, user: user, via: via, now: now)
        case .click(let bot, let user, let group, let entry, let key, let selected, let via):
            let conversation = try conversation(bot: bot, user: user, group: group)
            return try click(
                conversation, user: user, entry: entry, key: key, selected: selected, via: via, now: now)
        case .feedback(let bot, let user, let group, let entry, let type, let content, let reasons, let via):
            let conversation = try conversation(bot: bot, user: user, group: group)
            let payload = try feedback(conversation, entry: entry, type: type, content: content, reasons: reasons)
            let side = try side(via ?? conversations.entry(entry, in: conversation)?.via, of: bot)
            return event(
                "feedback_event", payload, in: conversation, user: user, kind: .otherEvent, via: side, now: now)
        case .rawEvent(let bot, let user, let type, let payload, let via):
            let side = try side(via, of: bot)
            let conversation = ConversationKey(bot: bot, chat: .single(user ?? ""))
            return event(type, payload, in: conversation, user: user, kind: .otherEvent, via: side, now: now)
        case .verifyURL(let bot, let via): return try verify(bot, via: via, now: now)
        case .rawFrame(let bot, let text):
            send(try owner(of: bot), text, now: now)
            return UserActionOutcome(isDelivered: true)
        default:
            try administer(action, now: now)
            return UserActionOutcome()
        }
    }

    private mutating func administer(_ action: UserAction, now: Int) throws(UserActionError) {
        switch action {
        case .addUser(let user):
            guard !user.id.isEmpty, user.id.utf8.count <= 64 else { throw UserActionError("id", "1 to 64 bytes") }
            guard directory.add(user) else { throw UserActionError("id", "too many users") }
        case .addGroup(let group):
            guard !group.id.isEmpty, group.id.utf8.count <= 64 else { throw UserActionError("id", "1 to 64 bytes") }
            for member in group.members where directory.users[member] == nil {
                throw UserActionError("members", "unknown user, add it with POST /api/users first")
            }
            guard directory.add(group) else { throw UserActionError("id", "too many groups") }
        case .setWebhook(let id, let side): try change(id) { $0.webhook = side }
        case .setApp(let id, let side): try change(id) { $0.app = side }
        case .endTokens(let bot, let code):
            guard directory.bots[bot]?.app != nil else { throw UserActionError("bot", "has no application") }
            tokens.end(bot: bot, code: code)
        case .dropConnections(let bot):
            if let bot, directory.bots[bot] == nil { throw UserActionError("bot", "unknown, see GET /api/state") }
            let ids = connections.all.filter { bot == nil || $0.value.bot == bot }.keys
            for id in ids.sorted(by: { $0.rawValue < $1.rawValue }) { end(id, code: nil) }
        case .kick(let bot): displace(try owner(of: bot), now: now)
        case .halfOpen(let bot): goHalfOpen(try owner(of: bot))
        default: break
        }
    }

    private func owner(of bot: String) throws(UserActionError) -> ConnectionID {
        guard directory.bots[bot] != nil else { throw UserActionError("bot", "unknown, see GET /api/state") }
        guard let id = connections.owners[bot] else { throw UserActionError("bot", "not connected") }
        return id
    }

    func conversation(
        bot: String, user: String, group: String?
    ) throws(UserActionError) -> ConversationKey {
        guard directory.bots[bot] != nil else { throw UserActionError("bot", "unknown, see GET /api/state") }
        guard directory.users[user] != nil else {
            throw UserActionError("user", "unknown, add it with POST /api/users first")
        }
        guard let group else { return ConversationKey(bot: bot, chat: .single(user)) }
        guard let known = directory.groups[group] else {
            throw UserActionError("group", "unknown, add it with POST /api/groups first")
        }
        guard known.members.contains(user) else { throw UserActionError("user", "not a member of the group") }
        return ConversationKey(bot: bot, chat: .group(group))
    }

    // MARK: Messages

    private mutating func post(_ post: UserPost, now: Int) throws(UserActionError) -> UserActionOutcome {
        let conversation = try conversation(bot: post.bot, user: post.user, group: post.group)
        guard (0...20).contains(post.repeats) else { throw UserActionError("repeat", "0 to 20") }
        let side = try side(post.via, of: post.bot)
        if side == .agent { return try postToApp(post, in: conversation, now: now) }
        let composer = MessageComposer(
            conversation: conversation, mention: post.mention ? directory.bots[post.bot]?.name : nil,
            webhookKey: side == .webhook ? cipher(of: post.bot, .webhook)?.key : nil)
        let quote = try quoted(post.quote, in: conversation)
        let built = composer.compose(post.content, quote: quote, core: &self, now: now)
        let entry = addUserEntry(built, from: post.user, in: conversation, quote: quote, via: side, now: now)
        guard let payload = built.payload else { return UserActionOutcome(entry: entry.id) }
        let msgID = random.hexToken(32)
        if side == .webhook {
            let isSent = postWebhookMessage(
                payload, msgID: msgID, conversation: conversation, user: post.user, entry: entry.id,
                repeats: post.repeats, now: now)
            return UserActionOutcome(msgID: msgID, entry: entry.id, isDelivered: isSent)
        }
        var body = header(msgID, conversation, user: post.user, isEvent: false, now: now)
        for member in payload.members { body[member.key] = member.value }
        addResponseURL(&body, conversation, via: side, entry: entry.id, now: now)
        let callback = Callback(
            cmd: "aibot_msg_callback", body: .object(body), kind: .message, conversation: conversation)
        let sent = deliver(callback, now: now)
        for _ in 0..<post.repeats { _ = deliver(callback, now: now) }
        if let reqID = sent.reqID {
            change(entry.id, in: conversation, now: now) { $0.reqID = reqID }
        }
        return UserActionOutcome(msgID: msgID, reqID: sent.reqID, entry: entry.id, isDelivered: sent.isDelivered)
    }

    mutating func addUserEntry(
        _ built: MessageComposer.Composed, from user: String, in conversation: ConversationKey,
        quote: Entry.Quote?, via side: Transport, now: Int
    ) -> Entry {
        let entry = conversations.append(
            to: conversation, from: .user, sender: user, kind: built.kind, content: built.text, time: now
        ) { entry in
            entry.media = built.media
            entry.items = built.items
            entry.quote = quote
            entry.via = side
        }
        emit(.entry(conversation, entry))
        return entry
    }

    private mutating func quoted(
        _ quote: UserPost.Quote?, in conversation: ConversationKey
    ) throws(UserActionError) -> Entry.Quote? {
        switch quote {
        case nil: return nil
        case .entry(let id):
            guard let entry = conversations.entry(id, in: conversation) else {
                throw UserActionError("quote.entry", "no such entry in this conversation, see GET /api/view")
            }
            return Entry.Quote(quoting: entry)
        case .content(let content):
            switch content {
            case .text(let text): return Entry.Quote(kind: "text", text: text)
            case .voice(let text): return Entry.Quote(kind: "voice", text: text)
            case .image(let file): return Entry.Quote(kind: "image", media: keep(file).shown)
            case .file(let file): return Entry.Quote(kind: "file", media: keep(file).shown)
            case .video(let file): return Entry.Quote(kind: "video", media: keep(file).shown)
            case .mixed(let items): return Entry.Quote(kind: "mixed", items: items.map { keep($0) })
            case .unknown, .location, .link:
                throw UserActionError("quote.type", "text, image, file, voice, video or mixed")
            }
        }
    }

    mutating func keep(_ file: UserPost.File) -> StoredMedia {
        media.store(id: random.hexToken(16), name: file.name, bytes: file.bytes)
    }

    mutating func keep(_ item: UserPost.Item) -> Entry.Item {
        switch item {
        case .text(let text): .text(text)
        case .image(let file): .image(keep(file).shown)
        }
    }

    // MARK: Events

    private mutating func enter(
        bot: String, user: String, via: Transport?, now: Int
    ) throws(UserActionError) -> UserActionOutcome {
        let conversation = try conversation(bot: bot, user: user, group: nil)
        let side = try side(via, of: bot)
        if side == .longConnection, let id = connections.owners[bot], connections[id]?.usesScene == true {
            _ = event("enter_check_update", nil, in: conversation, user: user, kind: .otherEvent, via: side, now: now)
        }
        let entry = conversations.append(
            to: conversation, from: .user, sender: user, kind: .event,
            content: side == .agent ? "enter_agent" : "enter_chat", time: now
        ) { $0.via = side }
        emit(.entry(conversation, entry))
        if side == .webhook, !isFirstEntry(bot: bot, user: user, now: now) {
            return UserActionOutcome(entry: entry.id)
        }
        var outcome = event(
            side == .agent ? "enter_agent" : "enter_chat", nil, in: conversation, user: user, kind: .enterChat,
            via: side, now: now)
        outcome.entry = entry.id
        return outcome
    }

    /// `enter_chat` comes once a day (in China's time), whether it is answered or not.
    private mutating func isFirstEntry(bot: String, user: String, now: Int) -> Bool {
        let day = (now + 8 * 3_600_000) / 86_400_000
        if enteredDays.count >= 20_000 { enteredDays = enteredDays.filter { $0.value == day } }
        return enteredDays.updateValue(day, forKey: Progress.Key(bot: bot, user: user)) != day
    }

    private mutating func click(
        _ conversation: ConversationKey, user: String, entry id: String, key: String, selected: [String: [String]],
        via: Transport?, now: Int
    ) throws(UserActionError) -> UserActionOutcome {
        guard let entry = conversations.entry(id, in: conversation), let state = entry.cardState,
            let card = state.replacements[user] ?? entry.card
        else { throw UserActionError("entry", "no card in this conversation, see GET /api/view") }
        let payload = try CardClick.payload(card: card, key: key, selected: selected)
        let side = try side(via ?? entry.via, of: conversation.bot)
        let taskID = card["task_id"]?.stringValue ?? ""
        change(id, in: conversation, now: now) { entry in
            entry.cardState?.clicks.append(Entry.CardState.Click(user: user, key: key, time: now))
            if let count = entry.cardState?.clicks.count, count > 50 { entry.cardState?.clicks.removeFirst(count - 50) }
        }
        var outcome = event(
            "template_card_event", payload, in: conversation, user: user,
            kind: .cardClick(entry: id, taskID: taskID), via: side, isMenu: CardClick.isMenu(card, key: key), now: now)
        outcome.entry = id
        return outcome
    }

    private func feedback(
        _ conversation: ConversationKey, entry id: String, type: Int, content: String?, reasons: [Int]
    ) throws(UserActionError) -> JSONValue {
        guard let entry = conversations.entry(id, in: conversation) else {
            throw UserActionError("entry", "no such entry in this conversation, see GET /api/view")
        }
        guard let feedbackID = entry.feedbackID else {
            throw UserActionError("entry", "the bot asked for no feedback on it (feedback.id of the first frame)")
        }
        guard (1...3).contains(type) else { throw UserActionError("type", "1, 2 or 3") }
        return .members([
            ("id", .string(feedbackID)), ("type", .int(type)), ("content", content.map { .string($0) }),
            ("inaccurate_reason_list", reasons.isEmpty ? nil : .array(reasons.map { .int($0) })),
        ])
    }

    private mutating func event(
        _ type: String, _ payload: JSONValue?, in conversation: ConversationKey, user: String?,
        kind: IssuedRequest.Kind, via side: Transport, isMenu: Bool = false, now: Int
    ) -> UserActionOutcome {
        let msgID = random.hexToken(32)
        switch side {
        case .longConnection: break
        case .webhook:
            let hasURL = if case .cardClick = kind { !isMenu } else { false }
            let isSent = postWebhookEvent(
                type, payload, msgID: msgID, conversation: conversation, user: user, kind: Delivery.Kind(kind, type),
                hasResponseURL: hasURL, now: now)
            return UserActionOutcome(msgID: msgID, isDelivered: isSent)
        case .agent:
            let isSent = postAppEvent(
                isMenu ? "template_card_menu_event" : type, payload, conversation: conversation, user: user,
                kind: Delivery.Kind(kind, type), now: now)
            return UserActionOutcome(isDelivered: isSent)
        }
        var body = header(msgID, conversation, user: user, isEvent: true, now: now)
        body["msgtype"] = "event"
        body["event"] = .members([("eventtype", .string(type)), (type, payload)])
        if case .cardClick = kind { addResponseURL(&body, conversation, via: side, entry: nil, now: now) }
        let callback = Callback(
            cmd: "aibot_event_callback", body: .object(body), kind: kind, conversation: conversation)
        let sent = deliver(callback, now: now)
        return UserActionOutcome(msgID: msgID, reqID: sent.reqID, isDelivered: sent.isDelivered)
    }
}
