/// The application side: encrypted XML posted to the program, passive answers.
extension PlatformCore {
    /// Posts what a person sends to an application; what applications cannot hear is refused.
    mutating func postToApp(
        _ post: UserPost, in conversation: ConversationKey, now: Int
    ) throws(UserActionError) -> UserActionOutcome {
        guard post.group == nil else { throw UserActionError("group", "applications hear direct chats only") }
        guard let app = directory.bots[post.bot]?.app, app.callbackURL != nil else {
            throw UserActionError("via", "the application has no callback url")
        }
        let composer = MessageComposer(conversation: conversation, mention: nil, webhookKey: nil)
        let built = composer.shown(post.content, core: &self)
        let entry = addUserEntry(built, from: post.user, in: conversation, quote: nil, via: .agent, now: now)
        var outcome = UserActionOutcome(entry: entry.id)
        for fields in appFields(post.content, built, corpID: app.corpID, now: now) {
            appMessages += 1
            let msgID = String(7_000_000_000_000_000_000 + appMessages)
            let type = fields.first?.text ?? ""
            let xml = appXML(app, user: post.user, fields + [XMLElement("MsgId", text: msgID)], now: now)
            var delivery = Delivery(
                kind: .message(progress: 0), transport: .agent, conversation: conversation, user: post.user, type: type,
                msgID: msgID, plaintext: xml, entry: entry.id, actedAt: now, maxAttempts: options.callbackDeliveries)
            let isSent = launch(delivery, now: now)
            if outcome.msgID == nil { outcome.msgID = msgID }
            outcome.isDelivered = outcome.isDelivered || isSent
            delivery.isExtra = true
            for _ in 0..<post.repeats { launch(delivery, now: now) }
        }
        return outcome
    }

    /// Posts an event; members of the payload become elements.
    mutating func postAppEvent(
        _ type: String, _ payload: JSONValue?, conversation: ConversationKey, user: String?, kind: Delivery.Kind,
        now: Int
    ) -> Bool {
        guard let app = directory.bots[conversation.bot]?.app, app.callbackURL != nil else { return false }
        var fields = [XMLElement("MsgType", text: "event"), XMLElement("Event", text: type)]
        if case .cardClick(let entry, _) = kind {
            fields += cardFields(payload ?? [:], entry: entry, conversation, now: now)
        } else {
            fields += XMLElement.elements(payload ?? ["EventKey": ""])
        }
        return launch(
            Delivery(
                kind: kind, transport: .agent, conversation: conversation, user: user, type: fields[1].text,
                plaintext: appXML(app, user: user ?? "sys", fields, now: now), actedAt: now,
                maxAttempts: options.callbackDeliveries),
            now: now)
    }

    private mutating func cardFields(
        _ payload: JSONValue, entry: String, _ conversation: ConversationKey, now: Int
    ) -> [XMLElement] {
        var fields = [
            XMLElement("EventKey", text: payload["event_key"]?.stringValue ?? ""),
            XMLElement("TaskId", text: payload["task_id"]?.stringValue ?? ""),
            XMLElement("CardType", text: payload["card_type"]?.stringValue ?? ""),
            XMLElement("ResponseCode", text: issueResponseCode([(conversation, entry)], conversation.bot, now: now)),
        ]
        if let items = payload["selected_items"]?["selected_item"]?.arrayValue {
            let selected = items.map { item in
                let ids = item["option_ids"]?["option_id"]?.arrayValue?.compactMap(\.stringValue) ?? []
                return XMLElement(
                    "SelectedItem",
                    children: [
                        XMLElement("QuestionKey", text: item["question_key"]?.stringValue ?? ""),
                        XMLElement("OptionIds", children: ids.map { XMLElement("OptionId", text: $0) }),
                    ])
            }
            fields.append(XMLElement("SelectedItems", children: selected))
        }
        return fields
    }

    private func appXML(_ app: ApplicationSide, user: String, _ fields: [XMLElement], now: Int) -> String {
        let head = [
            XMLElement("ToUserName", text: app.corpID), XMLElement("FromUserName", text: user),
            XMLElement("CreateTime", text: String(now / 1000)),
        ]
        return XMLElement("xml", children: head + fields + [XMLElement("AgentID", text: String(app.agentID))]).document
    }

    /// Elements of the message, `MsgType` first; a mixed message comes as several.
    private mutating func appFields(
        _ content: UserPost.Content, _ built: MessageComposer.Composed, corpID: String, now: Int
    ) -> [[XMLElement]] {
        func fields(_ type: String, _ pairs: [(String, String)]) -> [XMLElement] {
            [XMLElement("MsgType", text: type)] + pairs.map { XMLElement($0.0, text: $0.1) }
        }
        switch content {
        case .text(let text): return [fields("text", [("Content", text)])]
        case .image, .file, .video:
            guard let media = built.media else { return [] }
            return [mediaFields(built.kind.rawValue, media, corpID: corpID, now: now)]
        case .voice(let transcript):
            guard let media = built.media else { return [] }
            var voice = mediaFields("voice", media, corpID: corpID, now: now)
            if options.recognizesVoice { voice.append(XMLElement("Recognition", text: transcript)) }
            return [voice]
        case .mixed:
            return built.items.map { item in
                switch item {
                case .text(let text): fields("text", [("Content", text)])
                case .image(let media): mediaFields("image", media, corpID: corpID, now: now)
                }
            }
        case .location(let latitude, let longitude, let label):
            return [
                fields(
                    "location",
                    [
                        ("Location_X", String(latitude)), ("Location_Y", String(longitude)), ("Scale", "15"),
                        ("Label", label), ("AppType", "wxwork"),
                    ])
            ]
        case .link(let title, let description, let url):
            return [
                fields("link", [("Title", title), ("Description", description), ("Url", url), ("PicUrl", "")])
            ]
        case .unknown(let type): return [fields(type, [("Name", "Somewhere")])]
        }
    }

    private mutating func mediaFields(
        _ type: String, _ media: Entry.Media, corpID: String, now: Int
    ) -> [XMLElement] {
        let id = "SIMMEDIA_" + random.urlSafeToken(60)
        register(mediaID: id, media.id, corpID: corpID, type: type, now: now)
        var fields = [XMLElement("MsgType", text: type)]
        switch type {
        case "image": fields.append(XMLElement("PicUrl", text: "\(baseURL)\(media.path)"))
        case "voice": fields.append(XMLElement("Format", text: "amr"))
        case "video": fields.append(XMLElement("ThumbMediaId", text: id))
        default: fields.append(XMLElement("FileName", text: media.name))
        }
        return fields + [XMLElement("MediaId", text: id)]
    }

    mutating func register(mediaID: String, _ stored: String, corpID: String, type: String, now: Int) {
        media.register(
            mediaID: mediaID,
            MediaShelf.Upload(
                media: stored, bot: "corp:\(corpID)", type: type, expiresAt: now + options.mediaLifetime))
    }

    // MARK: Answers

    mutating func readAgentAnswer(
        _ body: [UInt8], of id: Int, _ flight: Callbacks.InFlight, now: Int
    ) throws(ReplyProblem) {
        // The plain word is no documented answer, but platform and programs know it from elsewhere.
        guard !body.isEmpty, body != Array("success".utf8) else { return }
        guard let outer = try? XMLElement.parse(body) else { throw ReplyProblem("envelope", "not XML") }
        let plain = try open(CallbackEnvelope(xmlAnswer: outer), flight)
        noteAnswer(id, plain, flight, now: now)
        guard let reply = try? XMLElement.parse(plain), reply.name == "xml" else {
            throw ReplyProblem("schema", "the sealed text is not XML")
        }
        try show(reply, flight.delivery, now: now)
    }

    private mutating func show(_ reply: XMLElement, _ delivery: Delivery, now: Int) throws(ReplyProblem) {
        guard let app = directory.bots[delivery.bot]?.app else { return }
        let type = reply.text("MsgType") ?? ""
        guard Self.passiveTypes(for: delivery).contains(type) else {
            throw ReplyProblem("illegalReply", "\(type) is not legal here")
        }
        guard reply.text("ToUserName")?.lowercased() == delivery.user?.lowercased() else {
            throw ReplyProblem("schema", "ToUserName is not the member")
        }
        guard reply.text("FromUserName") == app.corpID else {
            throw ReplyProblem("schema", "FromUserName is not the corp id")
        }
        guard reply.text("CreateTime").flatMap({ Int($0) }) != nil else { throw ReplyProblem("schema", "CreateTime") }
        switch type {
        case "text":
            guard let content = reply.text("Content"), !content.isEmpty else {
                throw ReplyProblem("schema", "Content")
            }
            showCut(content, .text, in: delivery.conversation, now: now)
        case "image", "voice", "video":
            let name = type.prefix(1).uppercased() + type.dropFirst()
            guard let id = reply[name]?.text("MediaId"),
                let stored = media.uploaded(id, bot: "corp:\(app.corpID)", type: type, now: now),
                let kind = Entry.Kind(rawValue: type)
            else { throw ReplyProblem("schema", "\(name).MediaId") }
            addEntry(kind, to: delivery.conversation, via: .agent, now: now) { $0.media = stored.shown }
        case "news":
            let titles = reply["Articles"]?.children.compactMap { $0.text("Title") } ?? []
            guard (1...8).contains(titles.count) else { throw ReplyProblem("schema", "Articles") }
            addEntry(
                .markdown, to: delivery.conversation, via: .agent, content: titles.joined(separator: "\n\n"), now: now)
        default: try redraw(reply, delivery, now: now)
        }
    }

    private static func passiveTypes(for delivery: Delivery) -> Set<String> {
        let messages: Set<String> = ["text", "image", "voice", "video", "news"]
        let updates: Set<String> = ["update_button", "update_template_card"]
        switch delivery.kind {
        case .message, .enterChat: return messages
        case .cardClick: return delivery.type == "template_card_menu_event" ? messages.union(updates) : updates
        case .otherEvent:
            let answered = ["subscribe", "location", "click", "view", "view_miniprogram", "scancode_waitmsg"]
            return answered.contains(delivery.type.lowercased()) ? messages : []
        case .refresh, .feedback, .verification: return []
        }
    }

    /// `update_button` and `update_template_card`.
    private mutating func redraw(_ reply: XMLElement, _ delivery: Delivery, now: Int) throws(ReplyProblem) {
        guard case .cardClick(let entry, _) = delivery.kind,
            let card = conversations.entry(entry, in: delivery.conversation)?.card
        else { return }
        let isButton = reply.text("MsgType") == "update_button"
        guard
            let name = reply["Button"]?.text("ReplaceName") ?? reply["TemplateCard"]?.text("ReplaceText")
                ?? title(reply)
        else { throw ReplyProblem("schema", isButton ? "Button.ReplaceName" : "TemplateCard") }
        redraw(
            entry, in: delivery.conversation, with: isButton ? card.withButton(name) : card.withTitle(name), for: nil,
            now: now)
    }

    private func title(_ reply: XMLElement) -> String? { reply["TemplateCard"]?["MainTitle"]?.text("Title") }

    /// Shows a text of an application; what is beyond 2,048 bytes is cut off at a character.
    @discardableResult
    mutating func showCut(
        _ text: String, _ kind: Entry.Kind, in conversation: ConversationKey, now: Int
    ) -> Entry {
        let shown = text.cut(toBytes: 2_048)
        return addEntry(kind, to: conversation, via: .agent, content: shown, now: now) { entry in
            if shown.utf8.count < text.utf8.count { entry.cutBytes = text.utf8.count - shown.utf8.count }
        }
    }
}

extension JSONValue {
    /// A card whose buttons were replaced by a text.
    func withButton(_ name: String) -> JSONValue {
        guard var card = objectValue else { return self }
        card["button_list"] = [["text": .string(name), "key": "replaced", "style": 4]]
        return .object(card)
    }

    /// A card with another title.
    func withTitle(_ title: String) -> JSONValue {
        guard var card = objectValue else { return self }
        var main = card["main_title"]?.objectValue ?? JSONObject()
        main["title"] = .string(title)
        card["main_title"] = .object(main)
        return .object(card)
    }
}

extension XMLElement {
    /// Members of a JSON object as elements; arrays become repeated elements.
    static func elements(_ value: JSONValue) -> [XMLElement] {
        value.objectValue?.members.flatMap { member in
            (member.value.arrayValue ?? [member.value]).map { item in
                switch item {
                case .object: XMLElement(member.key, children: elements(item))
                case .string(let text): XMLElement(member.key, text: text)
                default: XMLElement(member.key, text: item == .null ? "" : item.text)
                }
            }
        } ?? []
    }
}

extension String {
    /// The longest beginning of at most `limit` bytes that ends between characters.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(startIndex, offsetBy: limit)
        while utf8[end] & 0xC0 == 0x80 { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
