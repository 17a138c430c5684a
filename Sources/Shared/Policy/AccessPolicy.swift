/// Who may speak to the bot on one account (GW-3). Plain values; ids are compared exactly.
public struct AccessSettings: Sendable, Hashable {
    /// Rule for direct chats.
    public enum DirectMode: Sendable, Hashable, CaseIterable {
        /// Everyone.
        case open
        /// Ids in `directAllowFrom`.
        case allowlist
        /// Ids in `directAllowFrom`; others are told that an administrator has to approve them.
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
    /// Rule for group chats.
    public var groupMode: GroupMode
    /// Ids of group chats, or `*` for every group, under `allowlist`.
    public var groupAllowFrom: [String]
    /// Settings by group id; `*` holds for all groups.
    public var groups: [String: GroupEntry]

    /// Makes settings; the defaults are those of an empty configuration.
    public init(
        directMode: DirectMode = .pairing, directAllowFrom: [String] = [],
        groupMode: GroupMode = .open, groupAllowFrom: [String] = [], groups: [String: GroupEntry] = [:]
    ) {
        self.directMode = directMode
        self.directAllowFrom = directAllowFrom
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

    private static func direct(_ settings: AccessSettings, _ sender: String) -> Decision {
        switch settings.directMode {
        case .open: return .allow
        case .disabled: return .deny(.directDisabled)
        case .allowlist: return lists(settings.directAllowFrom, sender) ? .allow : .deny(.notListed)
        case .pairing: return lists(settings.directAllowFrom, sender) ? .allow : .deny(.notPaired)
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
