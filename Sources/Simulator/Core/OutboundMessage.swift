/// A message that a bot program wants shown, read from the body of a command.
enum OutboundMessage: Sendable, Hashable {
    case stream(Stream)
    case markdown(content: String, feedbackID: String?)
    case card(JSONValue)
    case text(String)
    case media(type: String, mediaID: String, caption: String?)
    case streamWithCard(Stream)

    struct Stream: Sendable, Hashable {
        var id: String
        var isFinal: Bool
        var content: String
        var feedbackID: String?
    }

    /// Reads `body`. Types outside `allowed` are refused with 40008, missing or mistyped members with 40058.
    static func parse(_ body: JSONValue, allowed: Set<String>) throws(PlatformRefusal) -> OutboundMessage {
        let type = try text(body, "msgtype", path: "body")
        guard allowed.contains(type) else { throw .messageType }
        guard let content = body[type] ?? (type == "stream_with_template_card" ? body["stream"] : nil) else {
            throw .missing("body.\(type)")
        }
        guard content.objectValue != nil else { throw .wrongType("body.\(type)") }
        let path = "body.\(type)"
        switch type {
        case "stream": return .stream(try stream(content, path: path))
        case "stream_with_template_card": return .streamWithCard(try stream(content, path: "body.stream"))
        case "markdown":
            return .markdown(
                content: try text(content, "content", path: path), feedbackID: try feedbackID(content, path: path))
        case "text": return .text(try text(content, "content", path: path))
        case "template_card":
            _ = try text(content, "card_type", path: path)
            return .card(content)
        default:
            let caption = [content["title"]?.stringValue, content["description"]?.stringValue].compactMap { $0 }
            return .media(
                type: type, mediaID: try text(content, "media_id", path: path),
                caption: caption.isEmpty ? nil : caption.joined(separator: "\n"))
        }
    }

    private static func stream(_ value: JSONValue, path: String) throws(PlatformRefusal) -> Stream {
        let id = try text(value, "id", path: path)
        guard !id.isEmpty else { throw .missing("\(path).id") }
        if let finish = value["finish"], finish.boolValue == nil { throw .wrongType("\(path).finish") }
        if let content = value["content"], content.stringValue == nil { throw .wrongType("\(path).content") }
        return Stream(
            id: id, isFinal: value["finish"]?.boolValue ?? false, content: value["content"]?.stringValue ?? "",
            feedbackID: try feedbackID(value, path: path))
    }

    private static func feedbackID(_ value: JSONValue, path: String) throws(PlatformRefusal) -> String? {
        guard let feedback = value["feedback"], feedback != .null else { return nil }
        let id = try text(feedback, "id", path: "\(path).feedback")
        guard id.utf8.count <= 256 else { throw .wrongType("\(path).feedback.id") }
        return id
    }

    static func text(_ value: JSONValue, _ key: String, path: String) throws(PlatformRefusal) -> String {
        guard let member = value[key] else { throw .missing("\(path).\(key)") }
        guard let text = member.stringValue else { throw .wrongType("\(path).\(key)") }
        return text
    }

    static func integer(_ value: JSONValue, _ key: String, path: String) throws(PlatformRefusal) -> Int {
        guard let member = value[key] else { throw .missing("\(path).\(key)") }
        guard let number = member.intValue else { throw .wrongType("\(path).\(key)") }
        return number
    }
}
