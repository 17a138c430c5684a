/// `cmd` of a frame. Open: what this version does not know keeps its name.
public struct Command: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// Wire name.
    public let rawValue: String
    /// Wraps a wire name.
    public init(rawValue: String) { self.rawValue = rawValue }
    private init(_ rawValue: String) { self.rawValue = rawValue }

    /// Wire name.
    public var description: String { rawValue }

    /// Authenticates the connection; first frame.
    public static let subscribe = Command("aibot_subscribe")
    /// Heartbeat, in both directions.
    public static let ping = Command("ping")
    /// Answer to the platform's ping.
    public static let pong = Command("pong")
    /// Message of a user.
    public static let messageCallback = Command("aibot_msg_callback")
    /// Older name of `messageCallback`, accepted on the way in.
    public static let legacyMessageCallback = Command("aibot_callback")
    /// Event.
    public static let eventCallback = Command("aibot_event_callback")
    /// Reply to a message.
    public static let respond = Command("aibot_respond_msg")
    /// Reply to `enter_chat`, within 5 s.
    public static let respondWelcome = Command("aibot_respond_welcome_msg")
    /// Redraws a card after a click, within 5 s.
    public static let respondUpdate = Command("aibot_respond_update_msg")
    /// Message to a conversation at any time.
    public static let send = Command("aibot_send_msg")
    /// Opens an upload.
    public static let uploadInit = Command("aibot_upload_media_init")
    /// One piece of an upload.
    public static let uploadChunk = Command("aibot_upload_media_chunk")
    /// Ends an upload.
    public static let uploadFinish = Command("aibot_upload_media_finish")
    /// Answer to `enter_check_update`.
    public static let enterCheckReply = Command("ww_ai_robot_enter_event")
}
