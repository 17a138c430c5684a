/// A user's direct chat with the bot, or one group; for an application also those whom it can write to at once.
public struct Conversation: Hashable, Sendable, Codable {
    /// How many people talk here.
    public enum Kind: String, Sendable, Codable {
        /// One member and the bot.
        case direct
        /// A group; its messages reach the bot only when they mention it.
        case group
        /// Members of a department: an application writes to them, and nothing comes from there.
        case department
        /// Members with a tag: the same.
        case tag
    }

    /// What it is.
    public var kind: Kind
    /// User id for a direct chat, chat id for a group, number of a department, number or name of a tag. Case-sensitive.
    public var id: String

    /// Creates a conversation key.
    public init(kind: Kind, id: String) {
        self.kind = kind
        self.id = id
    }
}

/// Who wrote a message.
public struct Sender: Hashable, Sendable, Codable {
    /// Member id, possibly encrypted.
    public var id: UserID
    /// Corporation of the member, absent for bots of the own corporation.
    public var corporation: String?
    /// Display name, where a directory look-up gave one.
    public var name: String?

    /// Creates a sender.
    public init(id: UserID, corporation: String? = nil, name: String? = nil) {
        self.id = id
        self.corporation = corporation
        self.name = name
    }
}

/// A file of the user that waits on the platform's storage.
public struct MediaReference: Hashable, Sendable, Codable {
    /// Kinds of media, as the platform names them.
    public enum Kind: String, Sendable, Codable {
        /// Picture.
        case image
        /// Any file.
        case file
        /// Video.
        case video
        /// Recorded voice.
        case voice
    }

    /// What it is said to be; the bytes decide.
    public var kind: Kind
    /// Pre-signed address, good for 5 minutes. Carries a signature, so it is never logged. Empty for media of an
    /// application, which is fetched by its id.
    public var url: String
    /// AES key of this very file, base64 with or without padding; nil means that the body is plain.
    public var key: String?
    /// Id by which an application fetches it, good for three days; never logged.
    public var mediaID: String?
    /// Name, where the callback or the download gave one.
    public var name: String?
    /// File on this machine, once it was fetched.
    public var path: String?
    /// Media type by its bytes, once it was fetched.
    public var mime: String?
    /// Size in bytes, once it was fetched.
    public var bytes: Int?
    /// Why it could not be fetched, in words for a person.
    public var failure: String?

    /// Creates a reference.
    public init(kind: Kind, url: String, key: String? = nil, name: String? = nil) {
        self.kind = kind
        self.url = url
        self.key = key
        self.name = name
    }

    /// Creates a reference to media of an application.
    public init(kind: Kind, mediaID: String, name: String? = nil) {
        self.init(kind: kind, url: "", name: name)
        self.mediaID = mediaID
    }
}

/// One piece of a message, in the order in which the user sent it.
public enum MessagePart: Hashable, Sendable, Codable {
    /// Text, mentions of the bot already removed.
    case text(String)
    /// Transcript of a voice message; empty when nothing was understood.
    case voice(transcript: String)
    /// Picture, file or video to download.
    case media(MediaReference)
    /// A kind that this version does not know, by its wire name.
    case unknown(type: String)
}

/// What the user quoted. The platform gives neither its id nor its author.
public struct Quote: Hashable, Sendable, Codable {
    /// Wire name of the quoted kind: `text`, `image`, `mixed`, `voice`, `file`, `video`.
    public var type: String
    /// Pieces of the quoted message.
    public var parts: [MessagePart]

    /// Creates a quote.
    public init(type: String, parts: [MessagePart]) {
        self.type = type
        self.parts = parts
    }

    /// Text and transcripts of the quote, joined by line ends.
    public var text: String { parts.plainText }
}

/// A click on a template card.
public struct CardClick: Hashable, Sendable, Codable {
    /// Wire name of the card type, for example `button_interaction`.
    public var cardType: String
    /// Id that the card was sent with.
    public var taskID: String
    /// Key of the button or menu entry.
    public var eventKey: String
    /// Chosen option ids by question key.
    public var selected: [String: [String]]

    /// Creates a click.
    public init(cardType: String, taskID: String, eventKey: String, selected: [String: [String]] = [:]) {
        self.cardType = cardType
        self.taskID = taskID
        self.eventKey = eventKey
        self.selected = selected
    }
}

/// What a user sent, the same for every transport.
public struct InboundMessage: Hashable, Sendable, Codable {
    /// Deduplication key.
    public var id: MessageID
    /// Account that received it.
    public var account: AccountID
    /// Transport name: `aibot-ws`, `bot-webhook` or `agent`.
    public var channel: String
    /// Where it was said.
    public var conversation: Conversation
    /// Who said it.
    public var sender: Sender
    /// Content in order. Empty only for a bare mention.
    public var parts: [MessagePart]
    /// Quoted message, if any.
    public var quote: Quote?
    /// Click that this message stands for, if it is one.
    public var click: CardClick?
    /// Whether it was addressed to the bot. Always true for bot channels.
    public var mentioned: Bool
    /// Unix milliseconds; the platform's time when it gave one, else that of arrival.
    public var createdAt: Int64

    /// Creates a message.
    public init(
        id: MessageID, account: AccountID, channel: String, conversation: Conversation, sender: Sender,
        parts: [MessagePart], quote: Quote? = nil, click: CardClick? = nil, mentioned: Bool = true, createdAt: Int64
    ) {
        self.id = id
        self.account = account
        self.channel = channel
        self.conversation = conversation
        self.sender = sender
        self.parts = parts
        self.quote = quote
        self.click = click
        self.mentioned = mentioned
        self.createdAt = createdAt
    }

    /// Text and transcripts of all parts, joined by line ends.
    public var text: String { parts.plainText }

    /// Media parts in order.
    public var media: [MediaReference] {
        parts.compactMap { if case .media(let reference) = $0 { reference } else { nil } }
    }
}

extension [MessagePart] {
    /// Text and transcripts joined by line ends.
    fileprivate var plainText: String {
        compactMap { part in
            switch part {
            case .text(let text): text
            case .voice(let transcript): transcript
            case .media, .unknown: nil
            }
        }.joined(separator: "\n")
    }
}
