/// A refusal by the platform: its number decides, its words are for the log.
public struct PlatformError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Whom the platform refused: some numbers mean different things to different callers.
    public enum Origin: Hashable, Sendable {
        /// A frame of a bot.
        case bot
        /// A call of the server API.
        case serverAPI
        /// The call that fetches an access token.
        case tokenRequest
    }

    /// `errcode` of the answer.
    public var code: Int
    /// Who was refused.
    public var origin: Origin
    /// Trace hint from `errmsg`, for the platform's support; nil when there was none.
    public var hint: String?
    /// The address that our calls come from, as the platform sees it. Only of a refusal that is about it (60020).
    public var exitAddress: String?

    /// Creates an error from a number and the words that came with it. Of the words only the hint is kept, and our own
    /// address where it is what was refused.
    public init(code: Int, message: String = "", origin: Origin = .bot) {
        self.code = code
        self.origin = origin
        self.hint = Self.hint(in: message)
        if isAboutOurAddress { exitAddress = Self.address(in: message) }
    }

    /// Whether our address is not among the trusted ones of the application.
    public var isAboutOurAddress: Bool { code == Self.addressNotTrusted }

    /// Number and meaning, safe to show.
    public var description: String {
        "errcode \(code) (\(meaning))" + (exitAddress.map { ", our address \($0)" } ?? "")
            + (hint.map { ", hint \($0)" } ?? "")
    }

    private static func hint(in message: String) -> String? {
        guard let start = message.range(of: "hint: [")?.upperBound else { return nil }
        let rest = message[start...]
        guard let end = rest.firstIndex(of: "]") else { return nil }
        return String(rest[..<end].prefix(64))
    }

    private static func address(in message: String) -> String? {
        guard let start = message.range(of: "from ip: ")?.upperBound else { return nil }
        let address = message[start...].prefix { $0.isASCII && ($0.isHexDigit || $0 == "." || $0 == ":") }
        return (2...45).contains(address.utf8.count) ? String(address) : nil
    }
}

extension String {
    fileprivate func range(of needle: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}

extension PlatformError {
    /// What a sender does about a refusal.
    public enum Reaction: Hashable, Sendable {
        /// Busy or conflicting: the very frame may be sent again after a short wait, a few times.
        case retry
        /// The media id is unknown: upload once more.
        case uploadAgain
        /// The kind of message does not go here: send the text as Markdown.
        case sendAsMarkdown
        /// The card is not acceptable: a new task id once, then text.
        case sendCardAsText
        /// Our frame was malformed: repeating it is useless.
        case failFrame
        /// The content was refused: never repeat it, tell the person neutrally.
        case refuseContent
        /// Too long: split and send again.
        case split
        /// Too many messages in this conversation: wait, keep final answers.
        case pauseConversation
        /// The chat cannot be reached until it writes again.
        case unreachable
        /// Bot id or secret are wrong: a matter of configuration.
        case credentials
        /// The reply address is used up: push to the chat instead.
        case push
        /// The bubble is sealed or past its window: push the whole of its text.
        case streamOver
        /// This connection is not subscribed: reconnect, then send the refused frame once more.
        case recycleConnection
        /// The access token is not good any more: fetch another one, and make the call once more.
        case refreshToken
        /// The platform does not take it as this kind of media: send it as a file.
        case sendAsFile
        /// Too large for one answer: fetch it in pieces.
        case fetchInPieces
        /// The receiver does not exist or is out of reach; nothing helps but another one.
        case receiver
        /// Something has to be set up, here or in the platform's admin console; `advice` says what.
        case configuration
        /// Nothing known helps.
        case permanent
    }

    /// Reaction by number, after the tables of the protocol reference.
    public var reaction: Reaction {
        guard origin == .bot else { return serverEntry?.reaction ?? .permanent }
        return Self.table[code]?.reaction ?? serverEntry?.reaction ?? .permanent
    }

    /// Meaning by number, in our words.
    public var meaning: String {
        let known = origin == .bot ? Self.table[code]?.meaning ?? serverEntry?.meaning : serverEntry?.meaning
        return known ?? "not in the known table"
    }

    /// Every number of a bot with a known meaning.
    public static var knownCodes: [Int] { table.keys.sorted() }

    private static let table: [Int: (reaction: Reaction, meaning: String)] = [
        -1: (.retry, "platform busy"),
        6000: (.retry, "two frames of one reply at a time"),
        40001: (.credentials, "credentials refused"),
        40007: (.uploadAgain, "media id unknown, expired or foreign"),
        40008: (.sendAsMarkdown, "kind of message not allowed here"),
        40013: (.credentials, "credentials refused"),
        40016: (.sendCardAsText, "wrong number of buttons on the card"),
        40058: (.failFrame, "request malformed"),
        40201: (.refuseContent, "content refused by the spam check"),
        42014: (.sendCardAsText, "task id of the card invalid or used before"),
        42039: (.sendCardAsText, "button with an address on the card"),
        45002: (.split, "content too long"),
        45009: (.pauseConversation, "calls too frequent"),
        45033: (.pauseConversation, "too many calls at a time"),
        86201: (.failFrame, "target missing"),
        93001: (.unreachable, "bot may not push to this group"),
        93006: (.unreachable, "chat id unknown, in the wrong case, or never written to the bot"),
        93008: (.unreachable, "bot is not in this group"),
        93019: (.credentials, "bot deleted or unknown"),
        600039: (.sendAsMarkdown, "client does not take streams"),
        600041: (.credentials, "secret wrong"),
        846604: (.push, "reply address expired"),
        846605: (.push, "reply address unknown or of another kind"),
        846606: (.push, "already answered"),
        846607: (.pauseConversation, "more than 30 messages a minute or 1,000 an hour in this conversation"),
        846608: (.streamOver, "bubble sealed or past its window"),
        846609: (.recycleConnection, "connection not subscribed"),
        853000: (.credentials, "bot id or secret wrong"),
    ]
}
