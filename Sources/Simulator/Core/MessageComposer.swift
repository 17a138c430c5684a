/// Turns what a person sends into what they see and what the bot gets: mentions, links to encrypted media, and
/// the limits of group chats (a picture arrives as `mixed`, other files never arrive).
struct MessageComposer {
    /// What came of it.
    struct Composed {
        var kind: Entry.Kind
        var text: String?
        var media: Entry.Media?
        var items: [Entry.Item] = []
        /// Members for the callback's body; nil when the platform does not deliver it.
        var payload: JSONObject?
    }

    let conversation: ConversationKey
    /// Name to mention; nil when the bot is not mentioned.
    let mention: String?
    /// Key of media on the webhook side; nil on long connections, where each file has its own.
    let webhookKey: [UInt8]?

    private var isGroup: Bool { conversation.group != nil }

    func compose(
        _ content: UserPost.Content, quote: Entry.Quote?, core: inout PlatformCore, now: Int
    ) -> Composed {
        var composed = body(content, core: &core, now: now)
        if isGroup, mention == nil { composed.payload = nil }
        let isQuotable =
            webhookKey == nil || ["text", "mixed"].contains(composed.payload?["msgtype"]?.stringValue ?? "")
        if composed.payload != nil, isQuotable, let quote {
            composed.payload?["quote"] = quotePayload(quote, core: &core, now: now)
        }
        return composed
    }

    /// What people see of a message to an application.
    func shown(_ content: UserPost.Content, core: inout PlatformCore) -> Composed {
        switch content {
        case .text(let text): return Composed(kind: .text, text: text)
        case .voice(let transcript):
            // A recording of silence: its words are the transcript.
            let silence = Array("#!AMR\n".utf8) + Array(repeating: 0x3C, count: 32)
            let stored = core.keep(UserPost.File(name: "voice.amr", bytes: silence))
            return Composed(kind: .voice, text: transcript, media: stored.shown)
        case .image(let file): return Composed(kind: .image, media: core.keep(file).shown)
        case .file(let file): return Composed(kind: .file, media: core.keep(file).shown)
        case .video(let file): return Composed(kind: .video, media: core.keep(file).shown)
        case .mixed(let items): return Composed(kind: .mixed, items: items.map { core.keep($0) })
        case .location(_, _, let label): return Composed(kind: .text, text: "📍 \(label)")
        case .link(let title, _, let url): return Composed(kind: .text, text: "\(title)\n\(url)")
        case .unknown(let type): return Composed(kind: .text, text: "[\(type)]")
        }
    }

    private func mentioned(_ text: String) -> String {
        guard isGroup, let mention else { return text }
        return "@\(mention) \(text)"
    }

    private func body(_ content: UserPost.Content, core: inout PlatformCore, now: Int) -> Composed {
        switch content {
        case .text(let text):
            let shown = mentioned(text)
            return Composed(kind: .text, text: shown, payload: typed("text", ["content": .string(shown)]))
        case .voice(let transcript):
            let payload = isGroup ? nil : typed("voice", ["content": .string(transcript)])
            return Composed(kind: .voice, text: transcript, payload: payload)
        case .image(let file):
            guard !isGroup else { return mixed([.text(""), .image(file)], core: &core, now: now) }
            return attachment(.image, file, core: &core, now: now)
        case .file(let file): return attachment(.file, file, core: &core, now: now)
        case .video(let file): return attachment(.video, file, core: &core, now: now)
        case .mixed(let items): return mixed(items, core: &core, now: now)
        case .location(_, _, let label): return Composed(kind: .text, text: "📍 \(label)")
        case .link(let title, _, let url): return Composed(kind: .text, text: "\(title)\n\(url)")
        case .unknown(let type):
            return Composed(kind: .text, text: "[\(type)]", payload: typed(type, ["name": "Somewhere"]))
        }
    }

    private func typed(_ type: String, _ value: JSONValue) -> JSONObject {
        var object = JSONObject()
        object["msgtype"] = .string(type)
        object[type] = value
        return object
    }

    /// In a group the client splits a file off: the bot gets the mention alone.
    private func attachment(
        _ kind: Entry.Kind, _ file: UserPost.File, core: inout PlatformCore, now: Int
    ) -> Composed {
        let stored = core.keep(file)
        var payload: JSONObject?
        if !isGroup {
            payload = typed(
                kind.rawValue, link(stored.id, kind: kind.rawValue, core: &core, now: now))
        } else if kind == .file {
            payload = typed("text", ["content": .string(mentioned(""))])
        }
        return Composed(kind: kind, media: stored.shown, payload: payload)
    }

    private func mixed(_ items: [UserPost.Item], core: inout PlatformCore, now: Int) -> Composed {
        var shown: [Entry.Item] = []
        var hasText = false
        for item in items {
            if case .text(let text) = item, !hasText {
                hasText = true
                shown.append(.text(mentioned(text)))
            } else {
                shown.append(core.keep(item))
            }
        }
        if isGroup, mention != nil, !hasText { shown.insert(.text(mentioned("")), at: 0) }
        let payload = typed("mixed", ["msg_item": .array(shown.map { itemPayload($0, core: &core, now: now) })])
        return Composed(kind: .mixed, items: shown, payload: payload)
    }

    private func itemPayload(_ item: Entry.Item, core: inout PlatformCore, now: Int) -> JSONValue {
        switch item {
        case .text(let text): ["msgtype": "text", "text": ["content": .string(text)]]
        case .image(let media):
            ["msgtype": "image", "image": link(media.id, kind: "mix", core: &core, now: now)]
        }
    }

    private func link(_ id: String, kind: String, core: inout PlatformCore, now: Int) -> JSONValue {
        core.link(to: id, kind: kind, for: conversation.bot, webhookKey: webhookKey, now: now)
    }

    private func quotePayload(_ quote: Entry.Quote, core: inout PlatformCore, now: Int) -> JSONValue {
        if let media = quote.media {
            return .object(typed(quote.kind, link(media.id, kind: "quote", core: &core, now: now)))
        }
        if quote.kind == "mixed" {
            let items = quote.items.map { itemPayload($0, core: &core, now: now) }
            return .object(typed("mixed", ["msg_item": .array(items)]))
        }
        return .object(typed(quote.kind, ["content": .string(quote.text ?? "")]))
    }
}

extension Entry.Quote {
    /// The quote that a client makes of an entry: text of bubbles, the file of files.
    init(quoting entry: Entry) {
        switch entry.kind {
        case .image, .file, .video: self.init(kind: entry.kind.rawValue, media: entry.media)
        case .mixed: self.init(kind: "mixed", items: entry.items)
        case .voice where entry.media == nil: self.init(kind: "voice", text: entry.content)
        case .card:
            let title = entry.card?["main_title"]?["title"]?.stringValue ?? entry.card?["sub_title_text"]?.stringValue
            self.init(kind: "text", text: title ?? "")
        default: self.init(kind: "text", text: entry.content ?? "")
        }
    }
}

/// The event that a click makes.
enum CardClick {
    static func payload(
        card: JSONValue, key: String, selected: [String: [String]]
    ) throws(UserActionError) -> JSONValue {
        let type = card["card_type"]?.stringValue ?? ""
        var items: [JSONValue] = []
        switch type {
        case _ where isMenu(card, key: key): break
        case "button_interaction" where keys(card["button_list"]).contains(key):
            if let selection = card["button_selection"] { items = [try item(selection, selected)] }
        case "vote_interaction" where card["submit_button"]?["key"]?.stringValue == key:
            if let box = card["checkbox"] { items = [try item(box, selected)] }
        case "multiple_interaction" where card["submit_button"]?["key"]?.stringValue == key:
            for select in card["select_list"]?.arrayValue ?? [] { items.append(try item(select, selected)) }
        default:
            throw UserActionError("key", "the card has no button or menu entry with this key")
        }
        return .members([
            ("card_type", .string(type)), ("event_key", .string(key)),
            ("task_id", .string(card["task_id"]?.stringValue ?? "")),
            ("selected_items", items.isEmpty ? nil : ["selected_item": .array(items)]),
        ])
    }

    /// Whether the key is that of an entry of the menu at the top right.
    static func isMenu(_ card: JSONValue, key: String) -> Bool {
        keys(card["action_menu"]?["action_list"]).contains(key)
    }

    private static func keys(_ list: JSONValue?) -> [String] {
        list?.arrayValue?.compactMap { $0["key"]?.stringValue } ?? []
    }

    /// What is chosen, or else what the card has preselected, or else the first option of a single choice.
    private static func item(
        _ question: JSONValue, _ selected: [String: [String]]
    ) throws(UserActionError) -> JSONValue {
        let key = question["question_key"]?.stringValue ?? ""
        let options = question["option_list"]?.arrayValue ?? []
        let ids = options.compactMap { $0["id"]?.stringValue }
        var chosen: [String]
        if let given = selected[key] {
            for id in given where !ids.contains(id) {
                throw UserActionError("selected", "an option id is not in the card")
            }
            chosen = given
        } else if let preset = question["selected_id"]?.stringValue {
            chosen = [preset]
        } else {
            chosen = options.filter { $0["is_checked"]?.boolValue == true }.compactMap { $0["id"]?.stringValue }
            if chosen.isEmpty, question["mode"] == nil { chosen = Array(ids.prefix(1)) }
        }
        return [
            "question_key": .string(key), "option_ids": ["option_id": .array(chosen.map { .string($0) })],
        ]
    }
}
