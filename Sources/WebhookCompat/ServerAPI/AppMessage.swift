public import Shared

/// A message that an application can send.
public enum AppMessage: Hashable, Sendable {
    /// Plain text with line ends and `<a href>`; at most 2,048 bytes of UTF-8.
    case text(String)
    /// A subset of Markdown, which WeCom itself shows and the WeChat plug-in does not; at most 2,048 bytes of UTF-8.
    case markdown(String)
    /// Uploaded media; `description` (512 bytes) is for videos.
    case media(UploadedMedia, description: String? = nil)
    /// A card with an address: title 128 characters, description 512, address 2,048 bytes with its scheme, button 4
    /// characters; the platform cuts title, description and button.
    case textCard(title: String, description: String, url: String, button: String? = nil)
    /// One to eight articles.
    case news([Article])
    /// A template card as JSON text. Groups take none.
    case templateCard(json: String)

    /// One article of a `news` message.
    public struct Article: Hashable, Sendable {
        /// At most 128 bytes.
        public var title: String
        /// At most 512 bytes.
        public var description: String?
        /// Address behind it.
        public var url: String?
        /// Address of its picture.
        public var pictureURL: String?

        /// Creates an article.
        public init(title: String, description: String? = nil, url: String? = nil, pictureURL: String? = nil) {
            self.title = title
            self.description = description
            self.url = url
            self.pictureURL = pictureURL
        }
    }

    /// What the platform would refuse or cut unsaid; nil when nothing is wrong.
    var fault: PlatformError? {
        func fault(_ code: Int) -> PlatformError { PlatformError(code: code, origin: .serverAPI) }
        switch self {
        case .text(let text), .markdown(let text):
            if !VisibleText.isVisible(text) { return fault(44_004) }
            return text.utf8.count > AgentSettings.maxTextBytes ? fault(45_002) : nil
        case .media(let media, _): return media.mediaID.isEmpty ? fault(41_006) : nil
        case .textCard(_, _, let url, _): return url.contains("://") ? nil : fault(40_094)
        case .news(let articles): return (1...8).contains(articles.count) ? nil : fault(45_008)
        case .templateCard(let json): return JSONText.isObject(json) ? nil : fault(40_058)
        }
    }

    /// Members of the request that make up the message.
    var members: [(name: String, value: String)] {
        let (type, content) = typeAndContent
        return [("msgtype", JSONText.quoted(type)), (type, content)]
    }

    private var typeAndContent: (type: String, content: String) {
        switch self {
        case .text(let text): ("text", JSONText.object([("content", JSONText.quoted(text))]))
        case .markdown(let text): ("markdown", JSONText.object([("content", JSONText.quoted(text))]))
        case .media(let media, let description): (media.kind.rawValue, Self.media(media, description))
        case .textCard(let title, let description, let url, let button):
            (
                "textcard",
                Self.strings([("title", title), ("description", description), ("url", url), ("btntxt", button)])
            )
        case .news(let articles):
            (
                "news",
                JSONText.object([
                    (
                        "articles",
                        "["
                            + articles.map {
                                Self.strings([
                                    ("title", $0.title), ("description", $0.description), ("url", $0.url),
                                    ("picurl", $0.pictureURL),
                                ])
                            }.joined(separator: ",") + "]"
                    )
                ])
            )
        case .templateCard(let json): ("template_card", json)
        }
    }

    private static func media(_ media: UploadedMedia, _ description: String?) -> String {
        guard media.kind == .video else { return strings([("media_id", media.mediaID)]) }
        // Title and description are cut by the platform, between bytes for all we know.
        return strings([
            ("media_id", media.mediaID),
            ("title", media.title.map { String(VisibleText.prefix(of: $0, maxBytes: 128)) }),
            ("description", description.map { String(VisibleText.prefix(of: $0, maxBytes: 512)) }),
        ])
    }

    private static func strings(_ members: [(name: String, value: String?)]) -> String {
        JSONText.object(members.compactMap { member in member.value.map { (member.name, JSONText.quoted($0)) } })
    }
}
