import Shared

/// What a callback is answered with (protocol reference of callbacks, section 6.1).
enum BotReply: Hashable, Sendable {
    /// A bubble.
    case stream(PolledStream.Frame)
    /// Text, for somebody who opened the chat.
    case text(String)
    /// The clicked card as it looks from now on.
    case cardUpdate(json: String)

    /// JSON of the reply. In place of pictures that cannot be read any more the text names them.
    ///
    /// - Parameter onMissing: hears how many these are.
    func json(onMissing: (Int) -> Void = { _ in }) -> String {
        switch self {
        case .text(let text):
            JSONValue.dictionary(["msgtype": .string("text"), "text": .dictionary(["content": .string(text)])]).text
        case .cardUpdate(let json):
            JSONValue.dictionary([
                "response_type": .string("update_template_card"),
                "template_card": (try? JSONValue(parsing: json.utf8)) ?? .null,
            ]).text
        case .stream(let frame): Self.stream(frame, onMissing).text
        }
    }

    private static func stream(_ frame: PolledStream.Frame, _ onMissing: (Int) -> Void) -> JSONValue {
        let pictures = frame.images.map { (name: $0.media.name, item: $0.item) }
        let items = pictures.compactMap(\.item)
        let missing = pictures.filter { $0.item == nil }.map(\.name)
        if !missing.isEmpty { onMissing(missing.count) }
        return .dictionary([
            "msgtype": .string("stream"),
            "stream": .dictionary([
                "id": .string(frame.id), "finish": .bool(frame.isFinal),
                "content": .string(content(frame.content, without: missing)),
                "msg_item": items.isEmpty ? nil : .array(items),
                "feedback": frame.feedback.map { .dictionary(["id": .string($0)]) },
            ]),
        ])
    }

    /// Most bytes of names in the line about pictures: it says them twice, and the room for notices has to hold it.
    private static let maxNameBytes = 120

    private static func content(_ content: String, without missing: [String]) -> String {
        guard !missing.isEmpty else { return content }
        let names = VisibleText.prefix(of: missing.joined(separator: ", "), maxBytes: maxNameBytes)
        let line = ReplyWords().notSent(String(names))
        return VisibleText.isVisible(content) ? "\(content)\n\n\(line)" : line
    }
}
