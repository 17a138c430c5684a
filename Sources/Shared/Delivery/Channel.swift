/// Address for replies to one message: opaque to everything but the channel that made it.
public struct ReplyRoute: Hashable, Sendable, Codable {
    /// The channel's own key (`req_id` on the long connection).
    public var key: String
    /// Where the message was said, for pushing when the address is used up.
    public var conversation: Conversation
    /// Whether bubbles and messages can be sent to it. Addresses of events take their own kind of answer only.
    public var takesReplies: Bool
    /// Address that takes one whole message later, where the platform gave one.
    public var late: LateAddress?

    /// Creates a route.
    public init(key: String, conversation: Conversation, takesReplies: Bool = true, late: LateAddress? = nil) {
        self.key = key
        self.conversation = conversation
        self.takesReplies = takesReplies
        self.late = late
    }
}

/// An address of the platform that takes one message without further credentials (`response_url`). Whoever knows it can
/// write in our name, so it is never printed.
public struct LateAddress: Hashable, Sendable, Codable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The address.
    public var url: String
    /// Unix milliseconds from which on it takes nothing any more.
    public var expiresAt: Int64

    /// Creates an address.
    public init(url: String, expiresAt: Int64) {
        self.url = url
        self.expiresAt = expiresAt
    }

    /// A word in place of the address.
    public var description: String { "late reply address" }
    /// The same.
    public var debugDescription: String { description }
}

/// One primitive thing that a channel can be asked to do.
public enum ChannelOperation: Hashable, Sendable {
    /// Shows or refreshes a bubble: `content` is the whole of its text and replaces what it shows.
    /// `finish` seals it for good. Idempotent while the bubble lives.
    case stream(ReplyRoute, id: StreamID, content: String, finish: Bool, feedback: String?)
    /// Seals a bubble with pictures below its text. As idempotent as any frame of a bubble.
    case seal(ReplyRoute, id: StreamID, content: String, images: [OutboundMedia], feedback: String?)
    /// A Markdown message at the reply address. Not idempotent.
    case reply(ReplyRoute, markdown: String, feedback: String?)
    /// A Markdown message to a conversation at any time. Not idempotent.
    case push(Conversation, markdown: String, feedback: String?)
    /// A template card (its JSON text) at the reply address. Not idempotent.
    case replyCard(ReplyRoute, json: String)
    /// A template card to a conversation. Not idempotent.
    case pushCard(Conversation, json: String)
    /// Uploaded media at the reply address. Not idempotent.
    case replyMedia(ReplyRoute, UploadedMedia)
    /// Uploaded media to a conversation. Not idempotent.
    case pushMedia(Conversation, UploadedMedia)
    /// Redraws the card whose click came on this address; the card has the task id of the click.
    case updateCard(ReplyRoute, json: String)
    /// Text shown to a person who opened the chat, at the address of that event.
    case welcome(ReplyRoute, text: String)
}

/// A file to be uploaded.
public struct OutboundMedia: Hashable, Sendable {
    /// Where it lies on this machine.
    public var path: String
    /// What it is sent as; its bytes fit.
    public var kind: MediaReference.Kind
    /// Name that the person sees.
    public var name: String
    /// Size in bytes.
    public var bytes: Int

    /// Creates a description.
    public init(path: String, kind: MediaReference.Kind, name: String, bytes: Int) {
        self.path = path
        self.kind = kind
        self.name = name
        self.bytes = bytes
    }
}

/// A file that the platform has, for three days.
public struct UploadedMedia: Hashable, Sendable {
    /// What it was uploaded as.
    public var kind: MediaReference.Kind
    /// Opaque id; never logged.
    public var mediaID: String
    /// Title, for a video.
    public var title: String?

    /// Creates a description.
    public init(kind: MediaReference.Kind, mediaID: String, title: String? = nil) {
        self.kind = kind
        self.mediaID = mediaID
        self.title = title
    }
}

/// What became of an upload. Nothing is shown to anybody by it, so it may be repeated.
public enum UploadOutcome: Hashable, Sendable {
    /// The platform has the file.
    case uploaded(UploadedMedia)
    /// The platform refused it.
    case rejected(PlatformError)
    /// No session, or it ended on the way; worth another try.
    case interrupted
    /// The file cannot be read, or changed on the way.
    case unreadable(String)
}

/// What a channel can carry, as data: the engine plans from it and never asks which channel it is.
public struct Capabilities: Hashable, Sendable {
    /// Transport name: `aibot-ws`, `bot-webhook` or `agent`.
    public var channel: String
    /// Conversations that reach the bot.
    public var conversations: Set<Conversation.Kind>
    /// Whether bubbles can be refreshed while an answer grows.
    public var streams: Bool
    /// Whether a conversation can be written to without a reply address.
    public var pushes: Bool
    /// Longest text of one message in UTF-8 bytes.
    public var maxTextBytes: Int
    /// How long after the message a new bubble may still be opened.
    public var replyWindow: Duration
    /// How long after its first frame a bubble can be refreshed, as far as it is safe to rely on.
    public var streamWindow: Duration
    /// Time to answer an `enter_chat` event.
    public var welcomeWindow: Duration?
    /// Kinds of media that users can send.
    public var mediaIn: Set<MediaReference.Kind>
    /// Kinds of media that the bot can send.
    public var mediaOut: Set<MediaReference.Kind>
    /// Whether template cards can be shown.
    public var cards: Bool
    /// Whether there is a line that comes and goes, keeps the order, and acknowledges what it carried; false where each
    /// message is a request of its own.
    public var hasSession: Bool
    /// Bubbles that one message can have; nil: any number. Where it is 1, the key of the reply address is the bubble's id.
    public var bubblesPerMessage: Int?
    /// What the late address of a message takes; nil where there are none.
    public var lateReply: LateReply?
    /// Pictures that the last frame of a bubble takes, and nothing else does; nil: pictures are messages of their own.
    public var bubbleImages: BubbleImages?

    /// What an address of the kind of `response_url` takes: one message.
    public struct LateReply: Hashable, Sendable {
        /// How long it lives, from the message on.
        public var window: Duration
        /// Conversations in which the one message may be a card.
        public var cards: Set<Conversation.Kind>

        /// Creates a description.
        public init(window: Duration, cards: Set<Conversation.Kind>) {
            self.window = window
            self.cards = cards
        }
    }

    /// How many pictures a last frame takes.
    public struct BubbleImages: Hashable, Sendable {
        /// Most pictures.
        public var count: Int
        /// Most bytes of one.
        public var bytes: Int
        /// Most bytes of all.
        public var totalBytes: Int

        /// Creates a description.
        public init(count: Int, bytes: Int, totalBytes: Int) {
            self.count = count
            self.bytes = bytes
            self.totalBytes = totalBytes
        }
    }

    /// Creates a description.
    public init(
        channel: String, conversations: Set<Conversation.Kind>, streams: Bool, pushes: Bool, maxTextBytes: Int,
        replyWindow: Duration, streamWindow: Duration, welcomeWindow: Duration?,
        mediaIn: Set<MediaReference.Kind>, mediaOut: Set<MediaReference.Kind>, cards: Bool, hasSession: Bool = true,
        bubblesPerMessage: Int? = nil, lateReply: LateReply? = nil, bubbleImages: BubbleImages? = nil
    ) {
        self.channel = channel
        self.conversations = conversations
        self.streams = streams
        self.pushes = pushes
        self.maxTextBytes = maxTextBytes
        self.replyWindow = replyWindow
        self.streamWindow = streamWindow
        self.welcomeWindow = welcomeWindow
        self.mediaIn = mediaIn
        self.mediaOut = mediaOut
        self.cards = cards
        self.hasSession = hasSession
        self.bubblesPerMessage = bubblesPerMessage
        self.lateReply = lateReply
        self.bubbleImages = bubbleImages
    }
}

/// A transport as the engine sees it: primitive operations and data.
public protocol Channel: Sendable {
    /// What it can carry.
    var capabilities: Capabilities { get }
    /// Runs `body` where the channel handles its frames: whoever calls `perform` from there changes no threads. It must not
    /// block or compute for long.
    func run<Result: Sendable>(
        _ body: nonisolated(nonsending) @Sendable () async -> Result
    ) async -> Result
    /// Performs one operation and says what became of it. `late` is called at most once, and only after
    /// `.unknown(.ackTimeout)`, when an ack came after all.
    nonisolated(nonsending) func perform(
        _ operation: ChannelOperation, late: (@Sendable (LateVerdict) -> Void)?
    ) async -> SendOutcome
    /// Uploads a file. `progress` hears of bytes done, on any thread.
    func upload(_ media: OutboundMedia, progress: (@Sendable (Int) -> Void)?) async -> UploadOutcome
}

extension Channel {
    /// A channel without a thread of its own.
    public func run<Result: Sendable>(
        _ body: nonisolated(nonsending) @Sendable () async -> Result
    ) async -> Result { await body() }

    /// A channel without media.
    public func upload(_ media: OutboundMedia, progress: (@Sendable (Int) -> Void)?) async -> UploadOutcome {
        .unreadable("this channel takes no media")
    }
}
