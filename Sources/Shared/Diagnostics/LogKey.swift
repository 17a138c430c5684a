public import Logging

/// Keys of log metadata. No other key is used, so a log can be searched by this list.
public enum LogKey: String, CaseIterable, Sendable {
    /// Configured account.
    case account
    /// Bot id.
    case bot
    /// Connection, counted over the life of the process.
    case connection
    /// Correlation of a frame.
    case reqID = "req_id"
    /// Message.
    case messageID = "msgid"
    /// `direct` or `group`, and the id.
    case conversation
    /// Sender of a message.
    case sender
    /// Command of a frame.
    case command = "cmd"
    /// Number of a platform error.
    case errcode
    /// Trace hint of a platform error.
    case hint
    /// Why something happened.
    case reason
    /// What is done about it.
    case reaction
    /// A count.
    case count
    /// Bytes.
    case bytes
    /// Seconds.
    case seconds
    /// Kind of a message or event.
    case kind
    /// Backend that answers.
    case backend
    /// Address listened on or connected to.
    case address
    /// File.
    case path
    /// Delivery state of an answer.
    case delivery
    /// Error in words that hold no message text and no secrets.
    case error
}

extension Logger {
    /// Sets or reads one piece of metadata by its key.
    public subscript(key: LogKey) -> String? {
        get { self[metadataKey: key.rawValue].map { "\($0)" } }
        set { self[metadataKey: key.rawValue] = newValue.map { .string($0) } }
    }
}

extension Logger.Metadata {
    /// Metadata from keys and values.
    public init(_ pairs: KeyValuePairs<LogKey, any CustomStringConvertible>) {
        self.init()
        for (key, value) in pairs { self[key.rawValue] = .string(value.description) }
    }
}
