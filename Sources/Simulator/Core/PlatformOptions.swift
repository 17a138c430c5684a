/// How the simulated platform behaves where its behavior is disputed or tunable. The defaults are the
/// behavior believed to be current; times are in milliseconds.
public struct PlatformOptions: Sendable, Hashable {
    /// What happens to `stream_with_template_card`.
    public enum StreamWithCard: String, Sendable, Hashable {
        /// Refused with 40008.
        case reject
        /// Acknowledged; the text is shown, the card is not.
        case acknowledgeOnly
    }

    /// What happens to a card that breaks the schema.
    public enum InvalidCard: String, Sendable, Hashable {
        /// Refused with 42014 or 40016.
        case reject
        /// Acknowledged and never shown.
        case acknowledgeOnly
    }

    /// Shape of the answer to a heartbeat.
    public enum PingAck: String, Sendable, Hashable {
        case plain
        case withoutReqID
        case commandPong
    }

    /// How the media server names a file.
    public enum ContentDisposition: String, Sendable, Hashable, CaseIterable {
        /// `filename="…"`, form-urlencoded (a space is `+`), as the object store behind the platform does.
        case formEncoded
        /// `filename*=UTF-8''…`.
        case extended
        /// An ASCII stand-in and `filename*`.
        case both
        /// `filename="…"` with raw UTF-8.
        case raw
        /// `attachment` alone.
        case nameless
        /// No header at all.
        case absent
    }

    /// Life of a stream bubble, from its first frame.
    public var streamWindow = 600_000
    /// True counts `streamWindow` from the newest frame instead of the first.
    public var streamWindowIsIdle = false
    /// Whether stream refreshes consume the conversation's quota, not only the creation of a bubble.
    public var countStreamRefreshes = false
    /// Treatment of `stream_with_template_card`.
    public var streamWithCard = StreamWithCard.reject
    /// Time during which a message's `req_id` takes replies.
    public var requestLifetime = 86_400_000
    /// False refuses (846605) a `req_id` issued on an earlier connection.
    public var acceptsOldRequests = true
    /// Time between displacing a connection and dropping its socket.
    public var displacedCloseDelay = 2_200
    /// Adds `response_url` to messages and card events, and serves it.
    public var includesResponseURL = false
    /// After a card reply, refuses every further frame on the same `req_id` with 846606.
    public var cardEndsRequest = false
    /// Acknowledges cards that carry `source` without showing them.
    public var hidesCardsWithSource = false
    /// Acknowledges cards that carry unknown top-level fields without showing them.
    public var hidesCardsWithUnknownFields = false
    /// Treatment of cards that break the schema.
    public var invalidCards = InvalidCard.reject
    /// True refuses (93006) a push into a conversation in which nobody has written to the bot.
    public var pushNeedsEarlierMessage = false
    /// Keeps messages posted while no program was subscribed and delivers them on the next subscribe.
    public var deliversMissedMessages = false
    /// Interval of server-initiated `ping` frames; 0 is never.
    public var serverPingInterval = 0
    /// Drops a connection that sent nothing for this long; 0 is never.
    public var idleLimit = 0
    /// Shape of heartbeat acks.
    public var pingAck = PingAck.plain
    /// Delay of every ack except that of a heartbeat.
    public var ackDelay = 0
    /// Window of `enter_chat` and card events.
    public var eventWindow = 5_000
    /// Life of a media url.
    public var mediaURLLifetime = 300_000
    /// Life of an upload session.
    public var uploadSessionLifetime = 1_800_000
    /// Life of an uploaded `media_id`.
    public var mediaLifetime = 259_200_000
    /// Messages per minute and conversation, replies and pushes together; also upload inits per minute and bot.
    public var quotaPerMinute = 30
    /// Messages per hour and conversation; also upload inits per hour and bot.
    public var quotaPerHour = 1_000
    /// Subscribe attempts per minute and bot before 45009; 0 is without limit.
    public var subscribesPerMinute = 0
    /// Longest stream or markdown content in bytes.
    public var maxContentBytes = 20_480
    /// Whether message callbacks carry `create_time`.
    public var includesCreateTime = true
    /// Whether `created_at` of an upload is a string.
    public var createdAtIsString = false
    /// Whether `aeskey` keeps its base64 padding.
    public var padsMediaKeys = false
    /// Naming of downloads.
    public var contentDisposition = ContentDisposition.formEncoded
    /// Errcode of a subscribe with wrong credentials.
    public var badCredentialsCode = 853_000
    /// Life of a stream bubble of the webhook side, from the person's message.
    public var webhookStreamWindow = 360_000
    /// Time from the answer to a refresh to the next refresh; kept within 200 to 5,000.
    public var pollInterval = 1_000
    /// Time in which callbacks over HTTP have to be answered.
    public var callbackLimit = 5_000
    /// Time in which the verification of a callback url has to be answered.
    public var verificationLimit = 1_000
    /// Deliveries in all of callbacks over HTTP that are not answered with 200; card events have one.
    public var callbackDeliveries = 3
    /// Time from a failed delivery to the next one.
    public var callbackRetryDelay = 1_000
    /// Life of a `response_url`.
    public var responseURLLifetime = 3_600_000
    /// Life of an access token.
    public var tokenLifetime = 7_200_000
    /// Whether asking again while a token runs gives the same one.
    public var reusesTokens = true
    /// Calls of one API of the server per minute and application before 45009; 0 is without limit.
    public var apiCallsPerMinute = 10_000
    /// Messages of an application per minute and member; further ones get lost without an error.
    public var appMessagesPerMinute = 30
    /// Messages of an application per hour and member.
    public var appMessagesPerHour = 1_000
    /// Whether recordings reach applications with their transcript.
    public var recognizesVoice = true
    /// Whether frames are recorded for observers.
    public var recordsFrames = true

    /// The defaults.
    public init() {}
}
