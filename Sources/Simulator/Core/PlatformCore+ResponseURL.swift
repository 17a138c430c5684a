extension PlatformCore {
    /// Adds a one-shot reply address to a callback. Long connections have it only where options say so.
    mutating func addResponseURL(
        _ body: inout JSONObject, _ conversation: ConversationKey, via transport: Transport, entry: String?, now: Int
    ) {
        guard transport == .webhook || options.includesResponseURL else { return }
        let code = random.urlSafeToken(43)
        if responseURLs.count >= 10_000 { responseURLs = responseURLs.filter { now < $0.value.expiresAt } }
        if responseURLs.count >= 10_000 { responseURLs.removeAll() }
        responseURLs[code] = ResponseURL(
            conversation: conversation, transport: transport, entry: entry,
            expiresAt: now + options.responseURLLifetime)
        let base = transport == .webhook ? baseURL : baseURL(for: conversation.bot)
        body["response_url"] = .string("\(base)/cgi-bin/aibot/response?response_code=\(code)")
    }

    /// A reply posted to a `response_url`: errcode and errmsg of the HTTP answer.
    ///
    /// It takes one reply within its life: Markdown, or in a direct chat a card. A refused one does not use it up.
    public mutating func responseURLPosted(
        code: String, body: JSONValue, now: Int
    ) -> (errcode: Int, errmsg: String, actions: [PlatformAction]) {
        var refusal: PlatformRefusal?
        let done = perform(now) { core in
            do throws(PlatformRefusal) { try core.answerByURL(code, body, now: now) } catch { refusal = error }
        }
        return (refusal?.code ?? 0, refusal?.message(hint: "0", address: "127.0.0.1") ?? "ok", done)
    }

    mutating func answerByURL(_ code: String, _ body: JSONValue, now: Int) throws(PlatformRefusal) {
        guard let target = responseURLs[code], now < target.expiresAt else { throw .responseCode }
        guard !target.isUsed else { throw .usedCode }
        switch try OutboundMessage.parse(body, allowed: ["markdown", "template_card"]) {
        case .markdown(let content, let feedbackID):
            guard content.utf8.count <= options.maxContentBytes else { throw .contentSize }
            try useQuota(target.conversation, now: now)
            addEntry(.markdown, to: target.conversation, via: target.transport, content: content, now: now) { entry in
                entry.feedbackID = feedbackID
            }
        case .card(let card):
            guard target.conversation.group == nil else { throw .responseCode }
            if case .refuse(let refusal) = cards.judge(
                card, bot: target.conversation.bot, isUpdate: false, options: options)
            {
                throw refusal
            }
            try useQuota(target.conversation, now: now)
            addEntry(.card, to: target.conversation, via: target.transport, now: now) { entry in
                entry.card = card
                entry.cardState = Entry.CardState()
                entry.feedbackID = card["feedback"]?["id"]?.stringValue
            }
        default: throw .messageType
        }
        responseURLs[code]?.isUsed = true
        quoteTrigger(target, now: now)
    }

    /// In groups the platform quotes the message that the reply answers.
    private mutating func quoteTrigger(_ target: ResponseURL, now: Int) {
        guard target.conversation.group != nil, let id = target.entry,
            let quoted = conversations.entry(id, in: target.conversation),
            let newest = conversations.view(of: target.conversation).last
        else { return }
        change(newest.id, in: target.conversation, now: now) { $0.quote = Entry.Quote(quoting: quoted) }
    }
}
