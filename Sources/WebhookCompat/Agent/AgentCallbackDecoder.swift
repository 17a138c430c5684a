public import Shared

/// What a callback of an application means.
public enum AgentCallback: Hashable, Sendable {
    /// For the engine. Events that need nothing are `.other`.
    case event(InboundEvent)
    /// Somebody opened the application or was let into it: may be greeted with the answer to this very request.
    case greeting(AgentGreeting)
    /// The enterprise's directory has changed: what is known of it counts no more.
    case directoryChanged(MessageID)
    /// Not from a person.
    case ignored(type: String)
}

/// Somebody who may be greeted.
public struct AgentGreeting: Hashable, Sendable {
    /// Deduplication key.
    public var id: MessageID
    /// Who.
    public var user: UserID
    /// Wire name of the event: `subscribe` or `enter_agent`.
    public var type: String
}

/// Turns callbacks of an application into transport-neutral events. Tolerant: unknown kinds are passed on by name.
///
/// Everything is a direct conversation, unless a chat id is there. No route takes replies: answers go by the server API. Of a
/// click on a card the route's key is the response code, with which the card can be redrawn once.
public struct AgentCallbackDecoder: Sendable {
    private let account: AccountID

    /// Creates a decoder.
    public init(account: AccountID) { self.account = account }

    /// What a callback means; nil for the callback of a bot.
    public func decode(_ callback: VerifiedCallback, receivedAt unixMilliseconds: Int64) -> AgentCallback? {
        guard case .xml(let root) = callback.payload else { return nil }
        return decode(root, receivedAt: unixMilliseconds)
    }

    func decode(_ root: CallbackElement, receivedAt unixMilliseconds: Int64) -> AgentCallback {
        let fields = Fields(root: root, receivedAt: unixMilliseconds)
        if fields.isEvent, fields.event == "change_contact" { return .directoryChanged(fields.id) }
        guard !fields.sender.isEmpty, fields.sender.lowercased() != "sys" else {
            return .ignored(type: fields.isEvent ? fields.event : fields.type)
        }
        return fields.isEvent ? event(fields) : .event(message(fields, parts: parts(fields), key: fields.id.rawValue))
    }

    // MARK: Messages

    private func message(
        _ fields: Fields, parts: [MessagePart], key: String, click: CardClick? = nil
    ) -> InboundEvent {
        let conversation = fields.conversation
        let message = InboundMessage(
            id: fields.id, account: account, channel: WebhookChannels.agent.channel, conversation: conversation,
            sender: Sender(id: UserID(fields.sender)), parts: parts, click: click, createdAt: fields.time)
        return .message(message, ReplyRoute(key: key, conversation: conversation, takesReplies: false))
    }

    private func parts(_ fields: Fields) -> [MessagePart] {
        switch fields.type {
        case "text":
            let text = fields["Content"] ?? ""
            return VisibleText.isVisible(text) ? [.text(text)] : []
        case "voice":
            if let words = fields["Recognition"], VisibleText.isVisible(words) { return [.voice(transcript: words)] }
            return media(.voice, fields)
        case "image": return media(.image, fields)
        case "video": return media(.video, fields)
        case "file": return media(.file, fields)
        case "location": return [.text(Self.location(fields))]
        case "link": return [.text(Self.link(fields))]
        default: return [.unknown(type: fields.type)]
        }
    }

    private func media(_ kind: MediaReference.Kind, _ fields: Fields) -> [MessagePart] {
        guard let id = fields["MediaId"], !id.isEmpty else { return [.unknown(type: fields.type)] }
        let name = fields["FileName"].flatMap { $0.isEmpty ? nil : $0 }
        return [.media(MediaReference(kind: kind, mediaID: id, name: name))]
    }

    private static func location(_ fields: Fields) -> String {
        let place = [fields["Location_X"], fields["Location_Y"]].compactMap { $0 }.joined(separator: ", ")
        let label = fields["Label"] ?? ""
        return ["[location]", label, place.isEmpty ? "" : "(\(place))"].filter { !$0.isEmpty }.joined(separator: " ")
    }

    private static func link(_ fields: Fields) -> String {
        let lines = [fields["Title"], fields["Description"], fields["Url"]].compactMap { $0 }.filter { !$0.isEmpty }
        return (["[link]"] + lines).joined(separator: "\n")
    }

    // MARK: Events

    private func event(_ fields: Fields) -> AgentCallback {
        switch fields.event {
        case "subscribe", "enter_agent":
            return .greeting(AgentGreeting(id: fields.id, user: UserID(fields.sender), type: fields.event))
        case "template_card_event", "template_card_menu_event":
            let click = Self.click(fields)
            let code = fields["ResponseCode"] ?? ""
            return .event(message(fields, parts: [.text(Self.words(click))], key: code, click: click))
        case "click" where fields["EventKey"]?.hasPrefix("/") ?? false:
            // A menu whose key is a command stands for typing it.
            return .event(message(fields, parts: [.text(fields["EventKey"] ?? "")], key: fields.id.rawValue))
        default: return .event(.other(fields.id, type: fields.event))
        }
    }

    private static func click(_ fields: Fields) -> CardClick {
        var selected: [String: [String]] = [:]
        for item in fields.root.child("SelectedItems")?.children ?? [] where item.name == "SelectedItem" {
            guard let question = item.text(of: "QuestionKey") else { continue }
            selected[question, default: []] += (item.child("OptionIds")?.children ?? [])
                .filter { $0.name == "OptionId" }.map(\.text)
        }
        return CardClick(
            cardType: fields["CardType"] ?? "", taskID: fields["TaskId"] ?? "", eventKey: fields["EventKey"] ?? "",
            selected: selected)
    }

    private static func words(_ click: CardClick) -> String {
        let choices = click.selected.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.joined(separator: ","))" }
        return (["[card click]", click.eventKey] + choices).joined(separator: " ")
    }
}

/// Elements that nearly every callback has.
private struct Fields {
    /// Longest deduplication key that is kept as it is, in bytes.
    private static let maxKeyBytes = 128
    let root: CallbackElement
    let receivedAt: Int64

    subscript(_ name: String) -> String? { root.text(of: name) }

    var sender: String { self["FromUserName"] ?? "" }
    var type: String { self["MsgType"]?.lowercased() ?? "" }
    var isEvent: Bool { type == "event" }
    var event: String { self["Event"]?.lowercased() ?? "" }

    var conversation: Conversation {
        if let chat = self["ChatId"], !chat.isEmpty { return Conversation(kind: .group, id: chat) }
        return Conversation(kind: .direct, id: sender)
    }

    var time: Int64 {
        guard let seconds = self["CreateTime"].flatMap({ Int64($0) }), (0...253_402_300_799).contains(seconds) else {
            return receivedAt
        }
        return seconds * 1_000
    }

    /// Number of a message. Events have none: sender and second are what the platform names, and two events of one second
    /// differ in the rest.
    var id: MessageID {
        if let id = self["MsgId"], !id.isEmpty, id.utf8.count <= Self.maxKeyBytes { return MessageID(id) }
        let names = ["CreateTime", "MsgType", "Event", "EventKey", "TaskId", "ChangeType"]
        let content = ["MsgId", "Content", "MediaId", "UserID", "Id", "ResponseCode", "Url"]
        let wanted = isEvent ? names + ["UserID", "Id"] : names + content
        let key = "event:" + ([sender] + wanted.map { self[$0] ?? "" }).joined(separator: "|")
        guard key.utf8.count > Self.maxKeyBytes || key.contains(where: \.isWhitespace) else { return MessageID(key) }
        return MessageID(ServerAPI.hash(key).map { "event:\($0)" } ?? String(key.prefix(Self.maxKeyBytes)))
    }
}
