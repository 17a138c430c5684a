/// A message that an application wants shown, read from the body of a call.
enum AppMessage: Sendable, Hashable {
    case text(String)
    case markdown(String)
    case media(type: String, id: String, caption: String?)
    case card(JSONValue)

    /// Reads `body`. `allowsCards`: direct messages may be template cards, group messages not.
    static func parse(_ body: JSONValue, allowsCards: Bool) throws(PlatformRefusal) -> AppMessage {
        guard let type = body["msgtype"]?.stringValue else { throw .api(40_008, "invalid message type") }
        var known: Set<String> = ["text", "markdown", "image", "voice", "video", "file", "textcard", "news"]
        if allowsCards { known.insert("template_card") }
        guard known.contains(type) else { throw .api(40_008, "invalid message type") }
        guard let content = body[type], content.objectValue != nil else { throw .missingParameter(type) }
        switch type {
        case "text":
            let text = content["content"]?.stringValue ?? ""
            guard !text.isEmpty else { throw .api(44_004, "empty content") }
            return .text(text)
        case "markdown":
            let text = content["content"]?.stringValue ?? ""
            guard !text.isEmpty else { throw .api(44_004, "empty content") }
            guard text.utf8.count <= 2_048 else { throw .contentSize }
            return .markdown(text)
        case "textcard": return .markdown(try textCard(content))
        case "news": return .markdown(try news(content))
        case "template_card": return .card(content)
        default:
            guard let id = content["media_id"]?.stringValue, !id.isEmpty else {
                throw .api(41_006, "media_id missing")
            }
            let caption = [
                content["title"]?.stringValue?.cut(toBytes: 128),
                content["description"]?.stringValue?.cut(toBytes: 512),
            ].compactMap { $0 }
            return .media(type: type, id: id, caption: caption.isEmpty ? nil : caption.joined(separator: "\n"))
        }
    }

    private static func textCard(_ card: JSONValue) throws(PlatformRefusal) -> String {
        guard let title = card["title"]?.stringValue, !title.isEmpty else { throw .missingParameter("textcard.title") }
        guard let text = card["description"]?.stringValue, !text.isEmpty else {
            throw .missingParameter("textcard.description")
        }
        let url = try address(card["url"], "textcard.url")
        let button = String((card["btntxt"]?.stringValue ?? "详情").prefix(4))
        return "**\(title.prefix(128))**\n\n\(text.prefix(512))\n\n[\(button)](\(url))"
    }

    private static func news(_ news: JSONValue) throws(PlatformRefusal) -> String {
        guard let articles = news["articles"]?.arrayValue, (1...8).contains(articles.count) else {
            throw .api(45_008, "article count out of limit")
        }
        var lines: [String] = []
        for article in articles {
            guard let title = article["title"]?.stringValue, !title.isEmpty else {
                throw .missingParameter("news.articles.title")
            }
            let description = article["description"]?.stringValue.map { "\n\n\($0.cut(toBytes: 512))" } ?? ""
            lines.append(
                "[\(title.cut(toBytes: 128))](\(try address(article["url"], "news.articles.url")))\(description)")
        }
        return lines.joined(separator: "\n\n")
    }

    private static func address(_ value: JSONValue?, _ name: String) throws(PlatformRefusal) -> String {
        guard let url = value?.stringValue, !url.isEmpty else { throw .missingParameter(name) }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw .api(45_034, "url must have a scheme")
        }
        guard url.utf8.count <= 2_048 else { throw .contentSize }
        return url
    }
}

extension JSONValue {
    /// The document with the members of all objects in order of their keys.
    var canonical: JSONValue {
        switch self {
        case .array(let values): return .array(values.map(\.canonical))
        case .object(let object):
            return .members(object.members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.canonical) })
        default: return self
        }
    }
}
