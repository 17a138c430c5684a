/// A string that the platform or this program uses as a name for something.
///
/// Opaque and case-sensitive: lower-casing a chat id, say, makes the platform refuse it (93006).
public protocol Identifier: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByStringLiteral,
    CustomStringConvertible
where RawValue == String {
    /// Wraps the string as it stands, without trimming or checking it.
    init(_ rawValue: String)
}

extension Identifier {
    /// Wraps the string as it stands.
    public init(rawValue: String) { self.init(rawValue) }
    /// Wraps a literal as it stands.
    public init(stringLiteral value: String) { self.init(value) }
    /// Plain string inside.
    public var description: String { rawValue }
}

/// Long-connection id of a bot (`aib…`), from the platform's admin page.
public struct BotID: Identifier {
    /// Id as the admin page shows it.
    public let rawValue: String
    /// Wraps the string as it stands.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// Member of the corporation. May be an encrypted id rather than the account name.
public struct UserID: Identifier {
    /// `from.userid` of a callback.
    public let rawValue: String
    /// Wraps the string as it stands.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// Group chat (`wr…`).
public struct ChatID: Identifier {
    /// `chatid` of a callback.
    public let rawValue: String
    /// Wraps the string as it stands.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// Unique name of a message or event; the key of deduplication.
public struct MessageID: Identifier {
    /// `msgid` of a callback.
    public let rawValue: String
    /// Wraps the string as it stands.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// Correlation of a frame with its ack, and the address of a reply. At most 256 bytes.
public struct ReqID: Identifier {
    /// `headers.req_id`.
    public let rawValue: String
    /// Wraps the string as it stands.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// One bubble that is refreshed in place; chosen by us.
public struct StreamID: Identifier {
    /// `stream.id`.
    public let rawValue: String
    /// Wraps the string as it stands.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// Name of a configured account (one bot and/or agent).
public struct AccountID: Identifier {
    /// Key below `accounts`.
    public let rawValue: String
    /// Wraps the string as it stands.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}
