extension GatewayConfiguration {
    /// `channels.wecom`: the accounts, and what they share.
    public struct WeCom: Sendable, Equatable {
        /// The account that a bot or agent without an account name is.
        static let implicitAccount = "default"
        /// Most accounts of one program.
        static let maxAccounts = 1_000

        /// Whether any account runs.
        public var enabled = true
        /// The account that commands and bare callback paths mean. Exists after `load`, unless there is no account.
        public var defaultAccount = "default"
        /// Account keys that stand at `channels.wecom` itself; already merged into `accounts`.
        var accountDefaults = Account()
        /// Accounts by name.
        public var accounts: [String: Account] = [:]
        /// Files that come in and go out.
        public var media = Media()
        /// A session and workspace of its own for every user or group.
        public var dynamicAgents = DynamicAgents()

        init() {}

        /// The accounts that run, by name.
        public var enabledAccounts: [String: Account] {
            enabled ? accounts.filter { $0.value.enabled } : [:]
        }
    }

    /// `channels.wecom.media`.
    public struct Media: Sendable, Equatable, ConfigurationSection {
        /// Largest file that is downloaded, in bytes.
        public var maxBytes = 83_886_080
        /// Folder for downloads; empty for `media` in the state folder.
        public var directory = ""
        /// How long downloads are kept.
        public var retention = Duration.seconds(24 * 3_600)
        /// Whether expired downloads are removed when the program starts.
        public var cleanupOnStart = true
        /// Folders from which a backend may send files, beside its workspace.
        public var localRoots: [String] = []
        /// Hosts with private addresses from which media may be fetched.
        public var allowPrivateHosts: [String] = []

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init(
                    "maxBytes", \.maxBytes, .integer(1...2_147_483_647), "Largest file that is downloaded, in bytes."),
                .init("dir", \.directory, .text(), "Folder for downloads; empty: `media` in the state folder."),
                .init("retentionHours", \.retention, .hours(0.1...8_760), "How long downloads are kept."),
                .init("cleanupOnStart", \.cleanupOnStart, .flag, "Remove expired downloads at start."),
                .init(
                    "localRoots", \.localRoots, .list(.text(), initial: "", most: 100),
                    "Folders from which a backend may send files, beside its workspace."),
                .init(
                    "allowPrivateHosts", \.allowPrivateHosts, .list(.identifier, initial: "", most: 100),
                    "Hosts with private addresses from which media may be fetched."),
            ]
        }
    }

    /// `channels.wecom.dynamicAgents`.
    public struct DynamicAgents: Sendable, Equatable, ConfigurationSection {
        /// Whether users and groups get sessions and workspaces of their own.
        public var enabled = false
        /// Whether each direct conversation gets one.
        public var directMessages = true
        /// Whether each group gets one.
        public var groups = true
        /// Users who use the account's main session instead, and pass command gates.
        public var adminUsers: [String] = []

        init() {}

        static var fields: [ConfigurationField<Self>] {
            let later = "sessions are not split by user or group in this version"
            return [
                .init(
                    "enabled", \.enabled, .flag, "A session and workspace of its own for every user or group.",
                    withoutEffect: later),
                .init("dmCreateAgent", \.directMessages, .flag, "Whether each direct conversation gets one."),
                .init("groupEnabled", \.groups, .flag, "Whether each group gets one."),
                .init(
                    "adminUsers", \.adminUsers, .list(.identifier, initial: "", most: 1_000),
                    "Users who use the account's main session and pass command gates.", withoutEffect: later),
            ]
        }
    }
}

extension GatewayConfiguration.WeCom: ConfigurationSection {
    static var fields: [ConfigurationField<Self>] {
        let own: [ConfigurationField<Self>] = [
            .init("enabled", \.enabled, .flag, "Whether any account runs."),
            .init(
                "defaultAccount", \.defaultAccount, .identifier,
                "The account that commands and bare callback paths mean; the only account when there is one."),
        ]
        // Read before the accounts, which start from them.
        let shared = GatewayConfiguration.Account.fields
            .filter { $0.name != "enabled" && $0.name != "name" }
            .map { ConfigurationField(lifting: $0, to: \Self.accountDefaults) }
        let accounts = ConfigurationField<Self>(
            "accounts", \.accounts,
            .map(.section, initial: GatewayConfiguration.Account(), named: "account", most: maxAccounts),
            "Bots and agents.")
        return own + shared
            + [
                .init(accounts, read: Self.readAccounts),
                .init(
                    "media", \.media, .section, "Files that come in and go out."),
                .init("dynamicAgents", \.dynamicAgents, .section, "Sessions of their own for users and groups."),
            ]
    }

    private static func readAccounts(
        _ wecom: inout Self, _ value: JSON5Value, _ path: JSON5Path, _ reader: inout ConfigurationReader
    ) {
        guard case .object(let members) = value.content else {
            reader.typeMistake(value, at: path, expected: "an object", example: "{default: {bot: { … }}}")
            return
        }
        guard reader.accepts(count: members.count, most: maxAccounts, at: path) else { return }
        for member in members where member.value.content != .null {
            let place = path.appending(member.key)
            let isName: (Character) -> Bool = { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "-" || $0 == "_" }
            if !(1...64).contains(member.key.count) || !member.key.allSatisfy(isName) {
                reader.mistake(
                    at: place, "this account name cannot be part of a callback path",
                    "Use up to 64 letters, digits, - and _, and put the label into name")
            }
            reader.resolvesSecrets = wecom.enabled && member.value.member("enabled")?.value.content != .bool(false)
            var account = wecom.accountDefaults
            account.read(member.value, at: place, with: &reader)
            reader.resolvesSecrets = true
            wecom.accounts[member.key] = account
        }
    }
}
