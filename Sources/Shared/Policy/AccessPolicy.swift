/// Who may speak to the bot on one account (GW-3). Plain values; ids are compared exactly.
public struct AccessSettings: Sendable, Hashable {
    /// Rule for direct chats.
    public enum DirectMode: Sendable, Hashable, CaseIterable {
        /// Everyone.
        case open
        /// Ids in `directAllowFrom`.
        case allowlist
        /// Ids in `directAllowFrom` and those an operator approved; others are told how to ask.
        case pairing
        /// Nobody.
        case disabled
    }

    /// Rule for group chats.
    public enum GroupMode: Sendable, Hashable, CaseIterable {
        /// Every group.
        case open
        /// Groups in `groupAllowFrom`.
        case allowlist
        /// None.
        case disabled
    }

    /// Settings of one group, or of all with the id `*`. What a group leaves out is taken from `*`.
    public struct GroupEntry: Sendable, Hashable {
        /// Whether only messages that mention the bot are answered; nil means unset.
        public var requireMention: Bool?
        /// Senders who may speak in the group, `*` for all; nil means unset, empty nobody.
        public var allowFrom: [String]?

        /// Makes an entry.
        public init(requireMention: Bool? = nil, allowFrom: [String]? = nil) {
            self.requireMention = requireMention
            self.allowFrom = allowFrom
        }
    }

    /// Rule for direct chats.
    public var directMode: DirectMode
    /// User ids, or `*` for everyone, under `allowlist` and `pairing`.
    public var directAllowFrom: [String]
    /// User ids that an operator approved, under `pairing`.
    public var paired: Set<String>
    /// Rule for group chats.
    public var groupMode: GroupMode
    /// Ids of group chats, or `*` for every group, under `allowlist`.
    public var groupAllowFrom: [String]
    /// Settings by group id; `*` holds for all groups.
    public var groups: [String: GroupEntry]

    /// Makes settings; the defaults are those of an empty configuration.
    public init(
        directMode: DirectMode = .pairing, directAllowFrom: [String] = [], paired: Set<String> = [],
        groupMode: GroupMode = .open, groupAllowFrom: [String] = [], groups: [String: GroupEntry] = [:]
    ) {
        self.directMode = directMode
        self.directAllowFrom = directAllowFrom
        self.paired = paired
        self.groupMode = groupMode
        self.groupAllowFrom = groupAllowFrom
        self.groups = groups
    }
}

/// Decides whether a message, command or click may reach the bot: one rule for all of them, on every channel.
public enum AccessPolicy {
    /// Where the message was said.
    public enum Conversation: Sendable, Hashable {
        /// Direct chat with the sender.
        case direct
        /// Group chat, by id.
        case group(String)
    }

    /// Decision about one message.
    public enum Decision: Sendable, Hashable {
        /// The bot answers.
        case allow
        /// The bot does not; the reason says what the sender is told.
        case deny(Reason)
    }

    /// Why a message is refused.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// Direct chats are off.
        case directDisabled = "direct-disabled"
        /// The sender is not on the list for direct chats.
        case notListed = "sender-not-listed"
        /// The sender is not paired yet.
        case notPaired = "sender-not-paired"
        /// Group chats are off.
        case groupDisabled = "group-disabled"
        /// The group is not on the list.
        case groupNotListed = "group-not-listed"
        /// The sender is not on the group's list.
        case notListedInGroup = "sender-not-listed-in-group"
        /// A group message that does not speak to the bot.
        case notMentioned = "not-mentioned"

        /// Word for logs and metrics; holds no id.
        public var logWord: String { rawValue }

        /// What the sender is told; nil where the bot keeps silent because nobody spoke to it.
        public func userText(_ locale: Locale) -> String? {
            let (chinese, english): (String, String)
            switch self {
            case .notMentioned: return nil
            case .directDisabled: (chinese, english) = ("这个机器人暂不接受单聊。", "This bot does not take direct messages.")
            case .notListed:
                (chinese, english) = (
                    "抱歉，您暂无权限使用这个机器人，请联系管理员。",
                    "Sorry, you are not allowed to use this bot. Please ask its administrator."
                )
            case .notPaired:
                (chinese, english) = (
                    "抱歉，使用前需要管理员批准，请联系管理员。", "Sorry, an administrator has to approve you first. Please ask them."
                )
            case .groupDisabled: (chinese, english) = ("这个机器人暂不在群聊中回复。", "This bot does not answer in groups.")
            case .groupNotListed:
                (chinese, english) = (
                    "抱歉，这个群暂未开通机器人，请联系管理员。",
                    "Sorry, this bot is not enabled for this group. Please ask its administrator."
                )
            case .notListedInGroup:
                (chinese, english) = (
                    "抱歉，您在本群暂无权限使用这个机器人。", "Sorry, you are not allowed to use this bot in this group."
                )
            }
            switch locale {
            case .zh: return chinese
            case .en: return english
            case .both: return chinese + "\n" + english
            }
        }
    }

    /// Language of the line for the sender.
    public enum Locale: String, Sendable, Hashable, CaseIterable {
        /// Chinese.
        case zh
        /// English.
        case en
        /// Chinese, then English: the default, for the sender's language is not known.
        case both
    }

    /// Decides about one message.
    ///
    /// The order of the checks decides the reason: mention, then group, then sender, so that an unmentioned message
    /// is never answered with a refusal.
    ///
    /// - Parameters:
    ///   - settings: the account's rules.
    ///   - conversation: where the message was said.
    ///   - sender: the sender's user id; an empty id is listed nowhere but under `*`.
    ///   - mentioned: whether the message speaks to the bot; always true for group messages of a bot channel, which
    ///     delivers no others.
    public static func decide(
        _ settings: AccessSettings, conversation: Conversation, sender: String, mentioned: Bool
    ) -> Decision {
        switch conversation {
        case .direct: direct(settings, sender)
        case .group(let group): decide(settings, group: group, sender, mentioned)
        }
    }

    /// The rules in one sentence, for `config check` and `doctor`; names how many ids are listed, not which.
    public static func summary(_ settings: AccessSettings) -> String {
        directSummary(settings) + "; " + groupSummary(settings)
    }

    private static func directSummary(_ settings: AccessSettings) -> String {
        let isForAll = settings.directAllowFrom.contains("*")
        let listed = settings.directAllowFrom.count
        switch settings.directMode {
        case .open: return "everyone may write directly"
        case .disabled: return "nobody may write directly"
        case .allowlist where isForAll, .pairing where isForAll: return "everyone may write directly (* in allowFrom)"
        case .allowlist: return "only listed users (\(listed)) may write directly"
        case .pairing:
            return
                "only listed (\(listed)) and paired (\(settings.paired.count)) users may write directly, others must pair"
        }
    }

    private static func groupSummary(_ settings: AccessSettings) -> String {
        if settings.groupMode == .disabled { return "the bot answers in no group" }
        let common = settings.groups["*"]
        var parts = ["the bot answers in every group"]
        if settings.groupMode == .allowlist, !settings.groupAllowFrom.contains("*") {
            parts = ["the bot answers only in listed groups (\(settings.groupAllowFrom.count))"]
        }
        if let senders = common?.allowFrom, !senders.contains("*") {
            parts.append("only listed senders (\(senders.count))")
        }
        parts.append(common?.requireMention ?? true ? "when it is mentioned" : "to every message")
        let own = settings.groups.keys.count { $0 != "*" }
        if own > 0 { parts.append("unless the group's own settings (\(own)) differ") }
        return parts.joined(separator: ", ")
    }

    private static func direct(_ settings: AccessSettings, _ sender: String) -> Decision {
        switch settings.directMode {
        case .open: return .allow
        case .disabled: return .deny(.directDisabled)
        case .allowlist: return lists(settings.directAllowFrom, sender) ? .allow : .deny(.notListed)
        case .pairing:
            let isAdmitted = lists(settings.directAllowFrom, sender) || settings.paired.contains(sender)
            return isAdmitted ? .allow : .deny(.notPaired)
        }
    }

    private static func decide(
        _ settings: AccessSettings, group: String, _ sender: String, _ mentioned: Bool
    ) -> Decision {
        let entry = settings.groups[group]
        let common = settings.groups["*"]
        if !mentioned, entry?.requireMention ?? common?.requireMention ?? true { return .deny(.notMentioned) }
        switch settings.groupMode {
        case .open: break
        case .disabled: return .deny(.groupDisabled)
        case .allowlist:
            guard lists(settings.groupAllowFrom, group) else { return .deny(.groupNotListed) }
        }
        guard let senders = entry?.allowFrom ?? common?.allowFrom else { return .allow }
        return lists(senders, sender) ? .allow : .deny(.notListedInGroup)
    }

    private static func lists(_ ids: [String], _ id: String) -> Bool {
        ids.contains { $0 == "*" || (!id.isEmpty && $0 == id) }
    }
}
