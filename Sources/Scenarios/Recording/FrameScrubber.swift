import AIBotWS
import Foundation
import Shared

/// Takes everything out of frames that names a person, a chat or a bot, opens a door, or was said.
///
/// What is known to be harmless stays; every other string becomes filler. The same value always gets the same pseudonym.
struct FrameScrubber {
    /// Texts that the program itself says, and that therefore tell nothing.
    private let words: ProgramWords
    private let displayName: String?
    private let keepsText: Bool
    private var pseudonyms: [String: String] = [:]
    private var counts: [String: Int] = [:]
    private var firstTime: Int?

    /// Name that stands for the bot's in mentions.
    static let botName = "Scrubbed Bot"
    static let secret = "scrubbed-secret"
    /// Name that the first bot of a recording gets.
    static let bot = "bot1"

    /// Keys whose values are words of the protocol.
    private static let wordKeys: Set<String> = [
        "cmd", "msgtype", "chattype", "eventtype", "card_type", "response_type",
    ]
    /// Words of the protocol that frames are understood by, as keys and as values.
    private static let vocabulary: Set<String> = [
        "aibot_subscribe", "ping", "pong", "aibot_msg_callback", "aibot_callback", "aibot_event_callback",
        "aibot_respond_msg", "aibot_respond_welcome_msg", "aibot_respond_update_msg", "aibot_send_msg",
        "aibot_upload_media_init", "aibot_upload_media_chunk", "aibot_upload_media_finish", "ww_ai_robot_enter_event",
        "aibot_get_mcp_config", "aibot_send_biz_msg", "cmd", "headers", "req_id", "body", "errcode", "errmsg", "bot_id",
        "secret", "msgid", "aibotid", "chatid", "chat_id", "chattype", "single", "group", "from", "userid", "userids",
        "corpid", "create_time", "msgtype", "text", "content", "image", "url", "aeskey", "mixed", "msg_item", "voice",
        "file", "video", "quote", "response_url", "event", "eventtype", "enter_chat", "template_card_event",
        "card_type",
        "event_key", "task_id", "selected_items", "selected_item", "question_key", "option_ids", "option_id",
        "feedback_event", "feedback", "id", "type", "inaccurate_reason_list", "disconnected_event", "auth_change_event",
        "auth_list", "enter_check_update", "stream", "finish", "markdown", "chat_type", "template_card", "filename",
        "name",
        "button_interaction", "vote_interaction", "multiple_interaction", "text_notice", "news_notice",
    ]
    private static let kinds: [String: String] = [
        "bot_id": "bot", "aibotid": "bot", "userid": "user", "userids": "user", "chatid": "chat", "chat_id": "chat",
        "corpid": "corp", "msgid": "msg", "req_id": "req", "media_id": "media", "upload_id": "upload",
        "task_id": "task", "event_key": "key", "question_key": "question", "option_id": "option", "id": "id",
    ]
    private static let harmlessNumbers: Set<String> = [
        "errcode", "chat_type", "type", "inaccurate_reason_list", "auth_list", "mode", "style", "biz_type",
    ]

    init(words: ProgramWords, displayName: String?, keepsText: Bool) {
        self.words = words
        self.displayName = displayName
        self.keepsText = keepsText
    }

    mutating func scrub(_ value: JSONValue, key: String = "") -> JSONValue {
        switch value {
        case .string(let string): return .string(scrub(string, key: key))
        case .array(let elements): return .array(elements.map { scrub($0, key: key) })
        case .object(var members):
            for index in members.indices {
                let key = members[index].key
                members[index].key = word(key)
                members[index].value = scrub(members[index].value, key: key)
            }
            return .object(members)
        case .integer(let number): return .integer(scrub(number, key: key))
        case .number: return .integer(0)
        case .null, .bool: return value
        }
    }

    /// Name that stands for a value; the same for the same value.
    mutating func pseudonym(_ raw: String, kind: String) -> String {
        guard !raw.isEmpty else { return "" }
        if let known = pseudonyms[raw] { return known }
        let number = (counts[kind] ?? 0) + 1
        counts[kind] = number
        let name = "\(kind)\(number)"
        pseudonyms[raw] = name
        return name
    }

    private mutating func scrub(_ number: Int, key: String) -> Int {
        if Self.harmlessNumbers.contains(key) { return number }
        guard key == "create_time" else { return 0 }
        let first = firstTime ?? number
        firstTime = first
        return 1_795_000_000 &+ (number &- first)
    }

    private mutating func scrub(_ string: String, key: String) -> String {
        if Self.wordKeys.contains(key) { return word(string) }
        if let kind = Self.kinds[key] { return pseudonym(string, kind: kind) }
        switch key {
        case "secret": return Self.secret
        case "errmsg": return string == "ok" ? "ok" : "scrubbed, hint: [scrubbed]"
        case "url", "response_url": return "https://scrubbed.example/" + pseudonym(string, kind: "address")
        case "aeskey": return String(repeating: "A", count: 43)
        default: return scrubText(string)
        }
    }

    /// A word of the protocol as it is; what is not known as one might be anything.
    private mutating func word(_ string: String) -> String {
        Self.vocabulary.contains(string) ? string : pseudonym(string, kind: "field")
    }

    // MARK: Text

    /// Text with the same length and the same marks, and nothing in it to read.
    func scrubText(_ text: String) -> String {
        if keepsText || words.isOwn(text) { return text }
        if let displayName, let rest = text.after("@" + displayName) {
            return "@" + Self.botName + scrubText(rest, after: " ")
        }
        let (head, tail) = words.splitOwnEnding(text)
        let (reasoning, answer) = words.splitReasoning(head)
        if !reasoning.isEmpty { return words.folded(filled(reasoning)) + filled(answer) + tail }
        return filled(head) + tail
    }

    private func filled(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map(Self.filler)))
    }

    /// Commands of the program are kept: without them the answer would be another.
    private func scrubText(_ text: String, after space: String) -> String {
        let trimmed = text.drop { $0.isWhitespace }
        let lead = text[..<trimmed.startIndex]
        return lead + scrubText(String(trimmed))
    }

    private static func filler(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar.properties.isWhitespace || scalar.properties.isDefaultIgnorableCodePoint { return scalar }
        switch scalar {
        case "0"..."9": return "0"
        case "A"..."Z": return "X"
        case "a"..."z": return "x"
        default: break
        }
        switch scalar.value {
        case ..<0x80: return scalar
        case ..<0x800: return "é"
        case ..<0x10000: return "文"
        default: return "😀"
        }
    }
}

/// What the program itself says, as far as a recording must tell it from an answer.
struct ProgramWords {
    let reply: ReplySettings

    var words: ReplyWords { reply.words }

    /// Said at once, without a handler.
    func isLine(_ text: String) -> Bool {
        let fixed = [
            words.unknownKind, words.emptyVoice, words.bareMention, words.queueFull, words.nothingToStop,
            words.interrupted,
        ]
        return fixed.contains(text) || (1...100).contains { words.stopping($0) == text }
    }

    /// Said while there is nothing of the answer.
    func isWaiting(_ text: String) -> Bool { text == reply.opening || reply.hints.contains(text) || isQueued(text) }

    func isQueued(_ text: String) -> Bool { (1...100).contains { words.queued(ahead: $0) == text } }

    /// Reasoning as a bubble shows it.
    func folded(_ reasoning: String) -> String { "<think>\(reasoning)</think>\n" }

    /// Folded reasoning in front of an answer, and the answer.
    func splitReasoning(_ text: String) -> (reasoning: String, answer: String) {
        guard reply.reasoning == .fold, let rest = text.after("<think>"), let end = rest.range(of: "</think>\n") else {
            return ("", text)
        }
        return (String(rest[..<end.lowerBound]), String(rest[end.upperBound...]))
    }

    func isOwn(_ text: String) -> Bool {
        isLine(text) || isWaiting(text) || [words.empty, words.refused, "/stop"].contains(text)
    }

    private var endings: [String] {
        [words.handOver, words.failed, words.stopped, words.interrupted, words.tooLong, words.attachment]
    }

    /// Text, and what the program put at its end.
    func splitOwnEnding(_ text: String) -> (head: String, tail: String) {
        for ending in endings where text.hasSuffix(ending) {
            let head = text.dropLast(ending.count)
            let gap = head.hasSuffix("\n\n") ? 2 : 0
            return (String(head.dropLast(gap)), String(text.dropFirst(head.count - gap)))
        }
        return (text, "")
    }
}
