/// Turns what the platform says about a bot into transport-neutral events: the long connection and callbacks give the same
/// objects. Tolerant: unknown keys, kinds and shapes are kept or passed over, never fatal (protocol reference, sections 6
/// and 7).
public struct BotEventDecoder: Sendable {
    /// What an object is.
    public enum Kind: Hashable, Sendable {
        /// Somebody wrote.
        case message
        /// Something happened.
        case event
    }

    private let account: AccountID
    private let channel: String
    private let displayName: String?
    private let accountName: String?
    private let mediaKey: String?

    /// Creates a decoder.
    ///
    /// - Parameters:
    ///   - channel: transport name that messages carry.
    ///   - displayName: what people write after `@` to mention the bot; nil falls back to `accountName`, then to rules.
    ///   - mediaKey: key of media that come without one of their own.
    public init(
        account: AccountID, channel: String, displayName: String? = nil, accountName: String? = nil,
        mediaKey: String? = nil
    ) {
        self.account = account
        self.channel = channel
        self.displayName = displayName
        self.accountName = accountName
        self.mediaKey = mediaKey
    }

    /// Event of an object; nil when it names no conversation to answer in.
    ///
    /// - Parameters:
    ///   - routeKey: the channel's key of the reply address.
    ///   - unixMilliseconds: time of arrival, for objects without a time of their own.
    public func event(
        _ kind: Kind, _ body: JSONValue, routeKey: String, receivedAt unixMilliseconds: Int64
    ) -> InboundEvent? {
        guard let sender = sender(body) else {
            return kind == .event ? .other(id(body), type: body["event"]?["eventtype"]?.string ?? "") : nil
        }
        guard let conversation = conversation(body, sender) else {
            return kind == .event ? .other(id(body), type: body["event"]?["eventtype"]?.string ?? "") : nil
        }
        let route = ReplyRoute(key: routeKey, conversation: conversation, takesReplies: kind == .message)
        let createdAt = body["create_time"]?.integer.map { Int64($0).multipliedReportingOverflow(by: 1000) }
        let time = createdAt.flatMap { $0.overflow ? nil : $0.partialValue } ?? unixMilliseconds
        switch kind {
        case .message: return .message(message(body, conversation, sender, time), route)
        case .event: return event(body, conversation, sender, time, route)
        }
    }

    // MARK: Envelope of the body

    private func id(_ body: JSONValue) -> MessageID { MessageID(body["msgid"]?.string ?? "") }

    private func sender(_ body: JSONValue) -> Sender? {
        guard let user = body["from"]?["userid"]?.string, !user.isEmpty else { return nil }
        return Sender(id: UserID(user), corporation: body["from"]?["corpid"]?.string)
    }

    /// Group by its chat id, nil without one; a direct chat by the sender, whatever `chatid` may say there.
    private func conversation(_ body: JSONValue, _ sender: Sender) -> Conversation? {
        guard body["chattype"]?.string == "group" else { return Conversation(kind: .direct, id: sender.id.rawValue) }
        guard let chat = body["chatid"]?.string, !chat.isEmpty else { return nil }
        return Conversation(kind: .group, id: chat)
    }

    // MARK: Messages

    private func message(
        _ body: JSONValue, _ conversation: Conversation, _ sender: Sender, _ time: Int64
    ) -> InboundMessage {
        var parts = self.parts(body)
        if conversation.kind == .group { parts = withoutMention(parts) }
        let quote = body["quote"].flatMap { quote -> Quote? in
            guard let type = quote["msgtype"]?.string else { return nil }
            return Quote(type: type, parts: self.parts(quote))
        }
        return InboundMessage(
            id: id(body), account: account, channel: channel, conversation: conversation, sender: sender,
            parts: parts, quote: quote, createdAt: time)
    }

    private func parts(_ body: JSONValue) -> [MessagePart] {
        guard let type = body["msgtype"]?.string else { return [.unknown(type: "")] }
        if type == "mixed" { return body["mixed"]?["msg_item"]?.elements.flatMap(parts) ?? [] }
        guard let part = part(type, body[type]) else { return [] }
        return [part]
    }

    private func part(_ type: String, _ content: JSONValue?) -> MessagePart? {
        switch type {
        case "text":
            let text = (content?["content"]?.string ?? "").trimmingInvisibleEnds
            return text.isEmpty ? nil : .text(text)
        case "voice": return .voice(transcript: (content?["content"]?.string ?? "").trimmingInvisibleEnds)
        default:
            guard let kind = MediaReference.Kind(rawValue: type), let url = content?["url"]?.string else {
                return .unknown(type: type)
            }
            let name = content?["filename"]?.string ?? content?["name"]?.string
            let key = content?["aeskey"]?.string ?? mediaKey
            return .media(MediaReference(kind: kind, url: url.trimmingInvisibleEnds, key: key, name: name))
        }
    }

    /// Mentions are part of the text: they are taken from the first piece of text that has one.
    private func withoutMention(_ parts: [MessagePart]) -> [MessagePart] {
        var found = false
        return parts.compactMap { part in
            guard !found, case .text(let text) = part else { return part }
            let stripped = MentionPolicy.strip(text, displayName: displayName, accountName: accountName)
            guard stripped.mentioned else { return part }
            found = true
            return stripped.text.isEmpty ? nil : .text(stripped.text)
        }
    }

    // MARK: Events

    private func event(
        _ body: JSONValue, _ conversation: Conversation, _ sender: Sender, _ time: Int64, _ route: ReplyRoute
    ) -> InboundEvent {
        let event = body["event"]
        let type = event?["eventtype"]?.string ?? ""
        switch type {
        case "enter_chat": return .enterChat(id(body), sender, route)
        case "template_card_event":
            let click = Self.click(event)
            let message = InboundMessage(
                id: id(body), account: account, channel: channel, conversation: conversation,
                sender: sender, parts: [.text(Self.words(click))], click: click, createdAt: time)
            return .message(message, route)
        case "feedback_event": return .feedback(feedback(event?["feedback_event"], body, conversation, sender))
        default: return .other(id(body), type: type)
        }
    }

    /// The payload is nested; an older description of it put the keys directly under `event`.
    private static func click(_ event: JSONValue?) -> CardClick {
        let payload = event?["template_card_event"] ?? event
        var selected: [String: [String]] = [:]
        for item in payload?["selected_items"]?["selected_item"]?.elements ?? [] {
            guard let question = item["question_key"]?.string else { continue }
            let chosen = item["option_ids"]?["option_id"]
            // One choice may come without its list.
            selected[question] = chosen?.string.map { [$0] } ?? chosen?.elements.compactMap(\.string) ?? []
        }
        return CardClick(
            cardType: payload?["card_type"]?.string ?? "", taskID: payload?["task_id"]?.string ?? "",
            eventKey: payload?["event_key"]?.string ?? "", selected: selected)
    }

    private static func words(_ click: CardClick) -> String {
        let choices = click.selected.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.joined(separator: ","))" }
        return (["[card click]", click.eventKey] + choices).joined(separator: " ")
    }

    private func feedback(
        _ payload: JSONValue?, _ body: JSONValue, _ conversation: Conversation, _ sender: Sender
    ) -> Feedback {
        let verdict: Feedback.Verdict =
            switch payload?["type"]?.integer {
            case 1: .accurate
            case 2: .inaccurate
            case 3: .withdrawn
            case let other: .unknown(other ?? 0)
            }
        return Feedback(
            id: id(body), feedbackID: payload?["id"]?.string ?? "", verdict: verdict,
            content: payload?["content"]?.string,
            reasons: payload?["inaccurate_reason_list"]?.elements.compactMap(\.integer) ?? [],
            conversation: conversation, sender: sender)
    }
}

extension String {
    /// Without white space and zero-width characters at both ends.
    fileprivate var trimmingInvisibleEnds: String {
        func isVisible(_ scalar: Unicode.Scalar) -> Bool {
            !VisibleText.isZeroWidth(scalar) && !scalar.properties.isWhitespace
        }
        guard let first = unicodeScalars.firstIndex(where: isVisible),
            let last = unicodeScalars.lastIndex(where: isVisible)
        else { return "" }
        return String(unicodeScalars[first...last])
    }
}
