import Crypto

/// What an application sent, for recall.
struct SentMessages: Sendable {
    /// Messages remembered; the oldest is forgotten first.
    static let limit = 20_000
    /// Time in which a message can be recalled: 24 hours.
    static let recallWindow = 86_400_000

    struct Message: Sendable {
        var bot: String
        var time: Int
        var entries: [(conversation: ConversationKey, entry: String)]
    }

    private var table: [String: Message] = [:]
    private var order: [String] = []
    /// Requests that asked not to be delivered twice, with the end of that.
    private var digests: [String: Int] = [:]

    subscript(id: String) -> Message? { table[id] }

    mutating func add(_ id: String, _ message: Message) {
        table[id] = message
        order.append(id)
        if order.count > Self.limit { table[order.removeFirst()] = nil }
    }

    mutating func remove(_ id: String) { table[id] = nil }

    /// Whether the same request came within its interval; notes it otherwise.
    mutating func isDuplicate(_ digest: String, interval: Int, now: Int) -> Bool {
        if let end = digests[digest], now < end { return true }
        if digests.count >= Self.limit { digests = digests.filter { now < $0.value } }
        if digests.count >= Self.limit { digests.removeAll() }
        digests[digest] = now + interval
        return false
    }
}

extension PlatformCore {
    /// `message/send`.
    mutating func sendAppMessage(_ call: AppCall) throws(PlatformRefusal) -> JSONValue {
        let body = try call.json()
        guard let agentID = body["agentid"] else { throw .api(41_011, "agentid missing") }
        guard let number = agentID.intValue else { throw .api(40_056, "invalid agentid") }
        guard number == call.app.agentID else {
            throw .api(301_002, "not allow operate another agent with this accesstoken")
        }
        let message = try AppMessage.parse(body, allowsCards: true)
        let receivers = try AppReceivers(body, app: call.app, directory: directory)
        guard !receivers.users.isEmpty else { throw .api(81_013, "user & party & tag all invalid") }
        let content = try prepared(message, call, isDirect: true)
        let msgID = "SIMMSG_" + random.urlSafeToken(48)
        var answer = receivers.answer
        if isDuplicate(body, call) {
            answer["msgid"] = .string(msgID)
            return .object(answer)
        }
        var shown: [(conversation: ConversationKey, entry: String)] = []
        for user in receivers.users {
            let conversation = ConversationKey(bot: call.bot, chat: .single(user))
            guard takeAppQuota(call.bot, user, now: call.now) else { continue }
            shown.append((conversation, show(content, in: conversation, now: call.now).id))
        }
        sentMessages.add(msgID, SentMessages.Message(bot: call.bot, time: call.now, entries: shown))
        answer["msgid"] = .string(msgID)
        if case .card(let card) = message, CardSchema.isInteractive(card) {
            answer["response_code"] = .string(issueResponseCode(shown, call.bot, now: call.now))
        }
        return .object(answer)
    }

    private mutating func isDuplicate(_ body: JSONValue, _ call: AppCall) -> Bool {
        guard body["enable_duplicate_check"]?.intValue == 1 else { return false }
        let seconds = min(max(body["duplicate_check_interval"]?.intValue ?? 1_800, 1), 14_400)
        let digest = hexadecimal(SHA256.hash(data: body.canonical.bytes))
        return sentMessages.isDuplicate("\(call.bot) \(digest)", interval: seconds * 1_000, now: call.now)
    }

    /// 30 messages a minute and 1,000 an hour per member; what is beyond gets lost without an error.
    private mutating func takeAppQuota(_ bot: String, _ user: String, now: Int) -> Bool {
        let key = Progress.Key(bot: bot, user: user)
        let hasRoom = appQuota.hasRoom(
            key, now: now, perMinute: options.appMessagesPerMinute, perHour: options.appMessagesPerHour)
        if hasRoom { appQuota.use(key, now: now) } else { lostAppMessages[key, default: 0] += 1 }
        return hasRoom
    }

    // MARK: Showing

    /// A message with what it refers to.
    enum AppContent {
        case text(String)
        case markdown(String)
        case media(Entry.Kind, StoredMedia, caption: String?)
        case card(JSONValue)
    }

    mutating func prepared(
        _ message: AppMessage, _ call: AppCall, isDirect: Bool
    ) throws(PlatformRefusal) -> AppContent {
        switch message {
        case .text(let text): return .text(text)
        case .markdown(let text): return .markdown(text)
        case .media(let type, let id, let caption):
            guard
                let stored = media.uploaded(id, bot: "corp:\(call.app.corpID)", type: type, now: call.now),
                let kind = Entry.Kind(rawValue: type)
            else { throw .mediaID }
            return .media(kind, stored, caption: caption)
        case .card(let card):
            if CardSchema.isInteractive(card), call.app.callbackURL == nil {
                throw .api(40_058, "the application has no callback url")
            }
            if case .refuse(let refusal) = cards.judge(
                card, bot: "app:\(call.bot)", isUpdate: false, options: options)
            {
                throw refusal
            }
            return .card(card)
        }
    }

    @discardableResult
    mutating func show(_ content: AppContent, in conversation: ConversationKey, now: Int) -> Entry {
        switch content {
        case .text(let text): return showCut(text, .text, in: conversation, now: now)
        case .markdown(let text): return addEntry(.markdown, to: conversation, via: .agent, content: text, now: now)
        case .media(let kind, let stored, let caption):
            return addEntry(kind, to: conversation, via: .agent, now: now) { entry in
                entry.media = stored.shown
                entry.caption = caption
            }
        case .card(let card):
            return addEntry(.card, to: conversation, via: .agent, now: now) { entry in
                entry.card = card
                entry.cardState = Entry.CardState()
            }
        }
    }

    // MARK: Later

    /// `message/recall`.
    mutating func recall(_ call: AppCall) throws(PlatformRefusal) -> JSONValue {
        guard let id = try call.json()["msgid"]?.stringValue else { throw .missingParameter("msgid") }
        guard let message = sentMessages[id], message.bot == call.bot,
            call.now - message.time < SentMessages.recallWindow
        else { throw .api(40_058, "invalid msgid") }
        sentMessages.remove(id)
        for (conversation, entry) in message.entries {
            change(entry, in: conversation, now: call.now) { entry in
                entry.isRecalled = true
                entry.content = nil
                entry.card = nil
                entry.media = nil
                entry.caption = nil
            }
        }
        return ["errcode": 0, "errmsg": "ok"]
    }

    /// `message/update_template_card`: once per code, within 72 hours.
    mutating func updateAppCard(_ call: AppCall) throws(PlatformRefusal) -> JSONValue {
        let body = try call.json()
        guard body["agentid"]?.intValue == call.app.agentID else {
            throw .api(301_002, "not allow operate another agent with this accesstoken")
        }
        guard let text = body["response_code"]?.stringValue else { throw .missingParameter("response_code") }
        guard let code = responseCodes[text], code.bot == call.bot, call.now < code.expiresAt else {
            throw .responseCode
        }
        guard !code.isUsed else { throw .usedCode }
        let card = body["template_card"]
        let name = body["button"]?["replace_name"]?.stringValue
        if let card {
            if let refusal = CardSchema.check(card) { throw refusal }
        } else if name == nil {
            throw .missingParameter("button.replace_name")
        }
        let users = body["userids"]?.arrayValue?.compactMap { $0.stringValue?.lowercased() } ?? []
        guard users.count <= 1_000 else { throw .api(40_032, "too many userids") }
        let isForAll = users.isEmpty || body["atall"]?.intValue == 1
        responseCodes[text]?.isUsed = true
        for (conversation, entry) in code.cards {
            guard isForAll || users.contains(conversation.user?.lowercased() ?? "") else { continue }
            guard let old = conversations.entry(entry, in: conversation)?.card else { continue }
            redraw(
                entry, in: conversation, with: card ?? old.withButton(name ?? ""), for: nil, now: call.now)
        }
        let unknown = users.filter { directory.user(ignoringCase: $0) == nil }
        return .members([
            ("errcode", 0), ("errmsg", "ok"),
            ("invaliduser", unknown.isEmpty ? nil : .array(unknown.map { .string($0) })),
        ])
    }
}

extension CardSchema {
    /// Whether a click on the card makes an event.
    static func isInteractive(_ card: JSONValue) -> Bool {
        ["button_interaction", "vote_interaction", "multiple_interaction"].contains(card["card_type"]?.stringValue)
            || card["action_menu"] != nil
    }
}
