/// What one person sees at one place of a conversation: their own message, or a bubble of the bot.
public struct Entry: Sendable, Hashable {
    /// Who wrote it.
    public enum Author: String, Sendable, Hashable {
        case user
        case bot
    }

    /// What it shows.
    public enum Kind: String, Sendable, Hashable {
        case text
        case stream
        case markdown
        case card
        case image
        case file
        case voice
        case video
        case mixed
        case welcome
        case event
    }

    /// A picture, file, recording or film.
    public struct Media: Sendable, Hashable {
        /// Id in the media shelf.
        public var id: String
        /// File name.
        public var name: String
        /// Size in bytes.
        public var size: Int
        /// Media type.
        public var mime: String

        /// Path of the plain bytes on the simulator's HTTP port.
        public var path: String { "/media/plain/\(id)" }
    }

    /// One part of a mixed message.
    public enum Item: Sendable, Hashable {
        case text(String)
        case image(Media)
    }

    /// A message that another one quotes.
    public struct Quote: Sendable, Hashable {
        /// `text`, `image`, `mixed`, `voice`, `file` or `video`.
        public var kind: String
        /// Text, or transcript of a recording.
        public var text: String?
        /// Media of a picture, file or film.
        public var media: Media?
        /// Parts of a mixed message.
        public var items: [Item] = []
    }

    /// What became of a card.
    public struct CardState: Sendable, Hashable {
        /// One click on the card.
        public struct Click: Sendable, Hashable {
            /// Who clicked.
            public var user: String
            /// Key of the button.
            public var key: String
            /// When, Unix milliseconds.
            public var time: Int
        }

        /// Clicks, oldest first; the last 50 are kept.
        public var clicks: [Click] = []
        /// How often the bot redrew it.
        public var updates = 0
        /// What single people see instead, by user id.
        public var replacements: [String: JSONValue] = [:]
    }

    /// Identifies the entry (`e` and the sequence number).
    public var id: String
    /// Order of creation, over all conversations.
    public var seq: Int
    /// Whose it is.
    public var from: Author
    /// User id or bot id of the sender.
    public var sender: String
    /// What it shows.
    public var kind: Kind
    /// Text, Markdown or transcript.
    public var content: String?
    /// False while a stream bubble is open.
    public var finished = true
    /// A bubble that still shows nothing visible.
    public var waiting = false
    /// A stream that was sealed with nothing visible: people see it spin for ever.
    public var sealedInvisibly = false
    /// A stream whose window ended before it was sealed.
    public var expired = false
    /// The card as the bot sent it.
    public var card: JSONValue?
    /// What became of the card.
    public var cardState: CardState?
    /// Media of a picture, file, recording or film.
    public var media: Media?
    /// Title and description of a film.
    public var caption: String?
    /// The quoted message.
    public var quote: Quote?
    /// Parts of a mixed message.
    public var items: [Item] = []
    /// By which side it was sent.
    public var via: Transport?
    /// Bytes that the platform cut off, as the text was too long.
    public var cutBytes: Int?
    /// Whether the bot's program took it back.
    public var isRecalled = false
    /// `feedback.id` of the first frame.
    public var feedbackID: String?
    /// The callback that it caused (people), or that it answers (bots); nil for pushes.
    public var reqID: String?
    /// `stream.id` of a stream bubble.
    public var streamID: String?
    /// Unix milliseconds of creation.
    public var time: Int
    /// Unix milliseconds of the newest change.
    public var updatedAt: Int

    init(seq: Int, from: Author, sender: String, kind: Kind, content: String? = nil, time: Int) {
        self.id = "e\(seq)"
        self.seq = seq
        self.from = from
        self.sender = sender
        self.kind = kind
        self.content = content
        self.time = time
        self.updatedAt = time
    }
}

extension Entry {
    /// The entry as the control API shows it to `viewer` (nil: to nobody in particular).
    public func json(for viewer: String? = nil) -> JSONValue {
        .members([
            ("id", .string(id)), ("seq", .int(seq)), ("from", .string(from.rawValue)), ("sender", .string(sender)),
            ("kind", .string(kind.rawValue)), ("content", content.map { .string($0) }), ("finished", .bool(finished)),
            ("waiting", .bool(waiting)), ("broken", .bool(sealedInvisibly)), ("card", cardJSON(for: viewer)),
            ("media", media?.json), ("caption", caption.map { .string($0) }), ("quote", quote?.json),
            ("items", items.isEmpty ? nil : .array(items.map(\.json))),
            ("time", .int(time)), ("updatedAt", .int(updatedAt)),
            ("feedbackId", feedbackID.map { .string($0) }), ("expired", expired ? true : nil),
            ("reqId", reqID.map { .string($0) }), ("streamId", streamID.map { .string($0) }),
            ("via", via.map { .string($0.rawValue) }), ("cutBytes", cutBytes.map { .int($0) }),
            ("recalled", isRecalled ? true : nil),
        ])
    }

    private func cardJSON(for viewer: String?) -> JSONValue? {
        guard let card, let cardState else { return nil }
        let shown = viewer.flatMap { cardState.replacements[$0] } ?? card
        guard var object = shown.objectValue else { return nil }
        let clicks = cardState.clicks.map { click in
            JSONValue.members([
                ("user", .string(click.user)), ("key", .string(click.key)), ("time", .int(click.time)),
            ])
        }
        var replacements = JSONObject()
        for (user, replacement) in cardState.replacements.sorted(by: { $0.key < $1.key }) {
            replacements[user] = replacement
        }
        object["state"] = .members([
            ("clicks", .array(clicks)), ("updates", .int(cardState.updates)),
            ("replacements", viewer == nil && !replacements.members.isEmpty ? .object(replacements) : nil),
        ])
        return .object(object)
    }
}

extension Entry.Media {
    var json: JSONValue {
        ["name": .string(name), "size": .int(size), "url": .string(path), "mime": .string(mime)]
    }
}

extension Entry.Item {
    var json: JSONValue {
        switch self {
        case .text(let text): ["type": "text", "text": .string(text)]
        case .image(let media): ["type": "image", "media": media.json]
        }
    }
}

extension Entry.Quote {
    var json: JSONValue {
        .members([
            ("type", .string(kind)), ("text", text.map { .string($0) }), ("media", media?.json),
            ("items", items.isEmpty ? nil : .array(items.map(\.json))),
        ])
    }
}

/// Whether a person would see anything: whitespace, zero-width characters and empty reasoning sections do not
/// count.
func hasVisibleContent(_ text: String) -> Bool {
    let invisible: Set<Unicode.Scalar> = ["\u{200B}", "\u{200C}", "\u{200D}", "\u{2060}", "\u{FEFF}", "\u{00AD}"]
    let withoutTags = text.replacing("<think>", with: "").replacing("</think>", with: "")
    return withoutTags.unicodeScalars.contains { !$0.properties.isWhitespace && !invisible.contains($0) }
}
