/// Whom something is sent to, as people write it: `user:lin.wei`, `group:wr…`, `party:1`, `tag:Ops`, a bare id, and the
/// same with `wecom:` before it. Ids are case-sensitive and kept as they stand; the words before the colon are not.
public enum Target: Hashable, Sendable, CustomStringConvertible {
    /// One member.
    case user(String)
    /// A group chat (`wr…`).
    case group(String)
    /// A department of the corporation, by its number.
    case department(String)
    /// Members with a tag, by its number or name.
    case tag(String)

    /// Longest id in bytes, by our own bound; the platform's are at most 64.
    static let maxIDBytes = 256

    /// Fewest characters of a bare `wr…` or `wc…` that is taken for a group: people are called `wright`, too.
    static let minChatIDCharacters = 20

    /// Reads a target. A bare id is a group when it begins with `wr` or `wc` and is as long as chat ids are, a department when it
    /// is a number, else a user. With `user:` or `group:` before it nothing is guessed.
    ///
    /// - Throws: `GatewayError.invalidConfiguration` with what is wrong and what can be written.
    public init(_ text: String) throws(GatewayError) {
        var rest = text[...]
        if let (word, id) = Self.split(rest), word == "wecom" { rest = id }
        guard let (word, id) = Self.split(rest) else {
            let id = try Self.checked(rest, of: text)
            self = Self.bare(id)
            return
        }
        switch word {
        case "user": self = .user(try Self.checked(id, of: text))
        case "group", "chat": self = .group(try Self.checked(id, of: text))
        case "party", "dept", "department":
            guard id.utf8.allSatisfy(ASCII.isDigit) else {
                throw Self.problem(text, "a department is named by its number, as in party:1")
            }
            self = .department(try Self.checked(id, of: text))
        case "tag": self = .tag(try Self.checked(id, of: text))
        case "webhook": throw Self.problem(text, "webhooks of group robots are not written to; name the group itself")
        default: throw Self.problem(text, "write user:ID, group:ID, party:NUMBER, tag:NAME, or a bare id")
        }
    }

    /// Word before the first colon, in lower case, and what follows.
    private static func split(_ text: Substring) -> (word: String, rest: Substring)? {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        return (text[..<colon].lowercased(), text[text.index(after: colon)...])
    }

    private static func bare(_ id: String) -> Target {
        let looksLikeChat = id.hasPrefix("wr") || id.hasPrefix("wc")
        if looksLikeChat, id.count >= minChatIDCharacters { return .group(id) }
        return id.utf8.allSatisfy(ASCII.isDigit) ? .department(id) : .user(id)
    }

    private static func checked(_ id: Substring, of text: String) throws(GatewayError) -> String {
        guard !id.isEmpty else { throw problem(text, "the id is missing") }
        let isPlain = id.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F && $0 != ":" }
        guard isPlain, id.utf8.count <= maxIDBytes else {
            throw problem(text, "an id has no blanks and no colon, and at most \(maxIDBytes) bytes")
        }
        return String(id)
    }

    private static func problem(_ text: String, _ why: String) -> GatewayError {
        GatewayError(.invalidConfiguration, "target '\(text.prefix(80))': \(why)")
    }

    /// The form that every command takes, without `wecom:`.
    public var description: String {
        switch self {
        case .user(let id): "user:\(id)"
        case .group(let id): "group:\(id)"
        case .department(let id): "party:\(id)"
        case .tag(let name): "tag:\(name)"
        }
    }

    /// Where a bot sends it.
    ///
    /// - Throws: `GatewayError.invalidConfiguration` for a department or a tag, which a bot cannot write to.
    ///   A user whose id is a number is written `user:` and the number.
    public func botConversation() throws(GatewayError) -> Conversation {
        switch self {
        case .user(let id): Conversation(kind: .direct, id: id)
        case .group(let id): Conversation(kind: .group, id: id)
        case .department, .tag:
            throw GatewayError(
                .invalidConfiguration,
                "\(self): a bot writes to users and groups; departments and tags are reached by an Agent only. "
                    + "Name the users (a user whose id is a number as user:ID) or the group, "
                    + "or give the account an agent and send with that")
        }
    }

    /// Where an application sends it.
    ///
    /// - Parameter allowGroupSend: whether groups are tried; only those that the application made itself can be reached.
    /// - Throws: `GatewayError.invalidConfiguration` for a group while that is off.
    public func agentConversation(allowGroupSend: Bool) throws(GatewayError) -> Conversation {
        switch self {
        case .user(let id): return Conversation(kind: .direct, id: id)
        case .department(let id): return Conversation(kind: .department, id: id)
        case .tag(let id): return Conversation(kind: .tag, id: id)
        case .group(let id):
            guard allowGroupSend else {
                throw GatewayError(
                    .invalidConfiguration,
                    "\(self): an application reaches only groups that it made itself; others are refused (86008). "
                        + "Write to the group with a bot that is in it, name the users, or, for a group of its own, set "
                        + "allowGroupSend of the agent")
            }
            return Conversation(kind: .group, id: id)
        }
    }
}
