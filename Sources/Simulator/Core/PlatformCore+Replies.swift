extension PlatformCore {
    private static let replyTypes: Set<String> = [
        "stream", "markdown", "template_card", "image", "file", "voice", "video",
    ]
    private static let pushTypes = replyTypes.subtracting(["stream"])
    private static let welcomeTypes: Set<String> = ["text", "template_card"]

    // MARK: Commands

    /// `aibot_respond_msg`: only on the `req_id` of a message.
    mutating func respond(_ command: InboundCommand) throws(PlatformRefusal) -> JSONValue? {
        let bot = try subscribedBot(command)
        var allowed = Self.replyTypes
        if options.streamWithCard == .acknowledgeOnly { allowed.insert("stream_with_template_card") }
        let message = try OutboundMessage.parse(command.body, allowed: allowed)
        guard let request = requests[command.reqID], request.conversation.bot == bot, request.kind == .message else {
            throw .invalidReqID
        }
        if !options.acceptsOldRequests, request.connection != command.connection { throw .invalidReqID }
        guard command.now - request.issuedAt < options.requestLifetime else { throw .requestExpired }
        if request.hasCard, options.cardEndsRequest { throw .alreadyResponded }
        try refuseConcurrent(command)
        try show(message, in: request.conversation, command)
        if case .card = message { requests[command.reqID]?.hasCard = true }
        return nil
    }

    /// `aibot_send_msg`: to a person or group that exists.
    mutating func push(_ command: InboundCommand) throws(PlatformRefusal) -> JSONValue? {
        let bot = try subscribedBot(command)
        guard let target = command.body["chatid"]?.stringValue, !target.isEmpty else { throw .noTarget }
        let message = try OutboundMessage.parse(command.body, allowed: Self.pushTypes)
        let chatType = command.body["chat_type"]
        if let chatType, chatType.intValue == nil { throw .wrongType("body.chat_type") }
        let chat: ConversationKey.Chat
        switch chatType?.intValue ?? 0 {
        case 0 where directory.groups[target] != nil, 2 where directory.groups[target] != nil: chat = .group(target)
        case 0 where directory.users[target] != nil, 1 where directory.users[target] != nil: chat = .single(target)
        default: throw .chatID
        }
        let conversation = ConversationKey(bot: bot, chat: chat)
        if options.pushNeedsEarlierMessage, !conversations.opened.contains(conversation) { throw .chatID }
        try show(message, in: conversation, command)
        return nil
    }

    /// `aibot_respond_welcome_msg`: once, within the window of an `enter_chat`.
    mutating func welcome(_ command: InboundCommand) throws(PlatformRefusal) -> JSONValue? {
        let bot = try subscribedBot(command)
        let message = try OutboundMessage.parse(command.body, allowed: Self.welcomeTypes)
        guard let request = requests[command.reqID], request.conversation.bot == bot, request.kind == .enterChat,
            command.now - request.issuedAt <= options.eventWindow
        else { throw .invalidReqID }
        guard !request.isAnswered else { throw .alreadyResponded }
        try show(message, in: request.conversation, command)
        requests[command.reqID]?.isAnswered = true
        return nil
    }

    /// `aibot_respond_update_msg`: once, within the window of a click. A card with another task id is
    /// acknowledged and not drawn.
    mutating func updateCard(_ command: InboundCommand) throws(PlatformRefusal) -> JSONValue? {
        let bot = try subscribedBot(command)
        let type = try OutboundMessage.text(command.body, "response_type", path: "body")
        guard type == "update_template_card" else { throw .wrongType("body.response_type") }
        guard let card = command.body["template_card"] else { throw .missing("body.template_card") }
        _ = try OutboundMessage.text(card, "card_type", path: "body.template_card")
        guard let request = requests[command.reqID], request.conversation.bot == bot else { throw .invalidReqID }
        if request.kind == .message, request.hasCard { throw .alreadyResponded }
        guard case .cardClick(let entry, let taskID) = request.kind,
            command.now - request.issuedAt <= options.eventWindow
        else { throw .invalidReqID }
        guard !request.isAnswered else { throw .alreadyResponded }
        let verdict = cards.judge(card, bot: bot, isUpdate: true, options: options)
        if case .refuse(let refusal) = verdict { throw refusal }
        requests[command.reqID]?.isAnswered = true
        guard verdict == .show, card["task_id"]?.stringValue == taskID, !command.has(.hideCard) else { return nil }
        let audience = command.body["userids"]?.arrayValue?.compactMap(\.stringValue)
        change(entry, in: request.conversation, now: command.now) { shown in
            shown.cardState?.updates += 1
            if let audience, !audience.isEmpty {
                for user in audience.prefix(1_000) { shown.cardState?.replacements[user] = card }
            } else {
                shown.card = card
                shown.cardState?.replacements = [:]
            }
        }
        return nil
    }

    // MARK: Showing

    private func refuseConcurrent(_ command: InboundCommand) throws(PlatformRefusal) {
        if connections[command.connection]?.unacked[command.reqID] != nil { throw .conflict }
    }

    private mutating func show(
        _ message: OutboundMessage, in conversation: ConversationKey, _ command: InboundCommand
    ) throws(PlatformRefusal) {
        switch message {
        case .stream(let stream), .streamWithCard(let stream):
            try showStream(stream, in: conversation, command)
        case .markdown(let content, let feedbackID):
            try checkSize(content)
            try useQuota(conversation, now: command.now)
            add(.markdown, to: conversation, command, content: content) { $0.feedbackID = feedbackID }
        case .text(let content):
            try checkSize(content)
            try useQuota(conversation, now: command.now)
            add(.welcome, to: conversation, command, content: content)
        case .card(let card):
            try showCard(card, in: conversation, command)
        case .media(let type, let mediaID, let caption):
            guard
                let stored = media.uploaded(mediaID, bot: conversation.bot, type: type, now: command.now),
                let kind = Entry.Kind(rawValue: type)
            else { throw .mediaID }
            try useQuota(conversation, now: command.now)
            add(kind, to: conversation, command, content: nil) { entry in
                entry.media = stored.shown
                entry.caption = caption
            }
        }
    }

    private mutating func showStream(
        _ stream: OutboundMessage.Stream, in conversation: ConversationKey, _ command: InboundCommand
    ) throws(PlatformRefusal) {
        let key = Streams.Key(bot: conversation.bot, reqID: command.reqID, streamID: stream.id)
        let isVisible = hasVisibleContent(stream.content)
        let draw: (inout Entry) -> Void = { entry in
            entry.content = stream.content
            entry.finished = stream.isFinal
            entry.waiting = !stream.isFinal && !isVisible
            entry.sealedInvisibly = stream.isFinal && !isVisible
        }
        switch streams.frameArrived(key, now: command.now, options: options) {
        case .refuse:
            throw .streamExpired(window: options.streamWindow)
        case .open:
            try checkSize(stream.content)
            try useQuota(conversation, now: command.now)
            let entry = add(.stream, to: conversation, command, content: stream.content) { entry in
                draw(&entry)
                entry.feedbackID = stream.feedbackID
                entry.streamID = stream.id
            }
            streams.opened(key, entry: entry.id, conversation: conversation, now: command.now)
            if let deadline = streams.deadline(key, options: options), !stream.isFinal {
                timeline.add(.streamWindow(key), at: deadline)
            }
        case .replace(let entry):
            try checkSize(stream.content)
            if options.countStreamRefreshes { try useQuota(conversation, now: command.now) }
            if command.has(.discardStreamUpdate) { return }
            change(entry, in: conversation, now: command.now, draw)
        }
        streams.updated(key, isFinal: stream.isFinal, now: command.now)
    }

    private mutating func showCard(
        _ card: JSONValue, in conversation: ConversationKey, _ command: InboundCommand
    ) throws(PlatformRefusal) {
        guard hasQuota(conversation, now: command.now) else { throw .rate }
        switch cards.judge(card, bot: conversation.bot, isUpdate: false, options: options) {
        case .refuse(let refusal):
            throw refusal
        case .hide:
            quota.use(conversation, now: command.now)
        case .show:
            quota.use(conversation, now: command.now)
            if command.has(.hideCard) { return }
            add(.card, to: conversation, command, content: nil) { entry in
                entry.card = card
                entry.cardState = Entry.CardState()
                entry.feedbackID = card["feedback"]?["id"]?.stringValue
            }
        }
    }

    @discardableResult
    private mutating func add(
        _ kind: Entry.Kind, to conversation: ConversationKey, _ command: InboundCommand, content: String?,
        _ fill: (inout Entry) -> Void = { _ in }
    ) -> Entry {
        let entry = conversations.append(
            to: conversation, from: .bot, sender: conversation.bot, kind: kind, content: content, time: command.now
        ) { entry in
            fill(&entry)
            entry.via = .longConnection
            if command.cmd.hasPrefix("aibot_respond") { entry.reqID = command.reqID }
        }
        emit(.entry(conversation, entry))
        return entry
    }

    private func checkSize(_ content: String) throws(PlatformRefusal) {
        guard content.utf8.count <= options.maxContentBytes else { throw .contentSize }
    }

    func hasQuota(_ conversation: ConversationKey, now: Int) -> Bool {
        quota.hasRoom(conversation, now: now, perMinute: options.quotaPerMinute, perHour: options.quotaPerHour)
    }

    mutating func useQuota(_ conversation: ConversationKey, now: Int) throws(PlatformRefusal) {
        guard hasQuota(conversation, now: now) else { throw .rate }
        quota.use(conversation, now: now)
    }
}

extension StoredMedia {
    var shown: Entry.Media { Entry.Media(id: id, name: name, size: bytes.count, mime: mime) }
}
