extension ConfigurationReader {
    /// Checks what one key alone cannot tell: pairs, combinations, and names that refer to each other.
    mutating func check(_ configuration: GatewayConfiguration) {
        let accounts = configuration.wecom.accounts.sorted { $0.key < $1.key }
        for (name, account) in accounts {
            check(account, AccountPlace(name: name, document: document), configuration)
        }
        checkDefaultAccount(configuration.wecom)
        checkSharedBots(accounts.filter { $0.value.enabled })
        checkCallbacks(accounts.filter { $0.value.enabled }, configuration)
        checkReferences(configuration)
        checkProgram(configuration)
    }

    private mutating func check(
        _ account: GatewayConfiguration.Account, _ place: AccountPlace, _ configuration: GatewayConfiguration
    ) {
        guard account.enabled, configuration.wecom.enabled else { return }
        checkKeys(of: account, place)
        if account.draftChunk.minCharacters > account.draftChunk.maxCharacters {
            mistake(at: place.path("draftChunk", "minChars"), "minChars is more than maxChars", "Lower it")
        }
        if account.bot.reconnect.minimum > account.bot.reconnect.maximum {
            mistake(
                at: place.path("bot", "reconnect", "minSeconds"), "minSeconds is more than maxSeconds", "Lower it")
        }
        if account.stream.minInterval >= account.stream.maxDuration {
            mistake(
                at: place.path("stream", "minIntervalSeconds"), "no refresh fits between two of stream.maxSeconds",
                "Lower it, or raise stream.maxSeconds")
        }
        checkGroups(of: account, place, configuration)
    }

    private mutating func checkGroups(
        of account: GatewayConfiguration.Account, _ place: AccountPlace, _ configuration: GatewayConfiguration
    ) {
        for (group, settings) in account.groups.sorted(by: { $0.key < $1.key }) {
            if settings.requireMention == false, account.bot.effectiveMode != nil {
                warn(
                    at: place.path("groups", group, "requireMention"),
                    "WeCom does not deliver group messages that do not mention the bot",
                    "Remove the key, unless the agent channel is meant")
            }
            checkDepartment(settings.departmentID, at: place.path("groups", group, "departmentId"), account)
            for tool in settings.tools ?? [] where configuration.tools[tool] == nil && tool != "*" {
                warn(
                    at: place.path("groups", group, "tools"),
                    "there is no tool named \(JSON5Document.quoted(tool))",
                    Self.suggestion(tool, among: Array(configuration.tools.keys), section: "tools"))
            }
        }
        for (path, list, policy) in [
            (place.path("bot", "dm", "allowFrom"), account.bot.directMessages, "dm.policy"),
            (place.path("agent", "dm", "allowFrom"), account.agent.directMessages, "dm.policy"),
        ] where !Set(list.allowFrom).subtracting(["*"]).isEmpty && (list.policy == .open || list.policy == .disabled) {
            warn(
                at: path, "\(policy) \(list.policy.rawValue) does not look at allowFrom",
                "Set dm.policy to allowlist, or remove allowFrom")
        }
        if !account.groupAllowFrom.isEmpty, account.groupPolicy != .allowlist {
            warn(
                at: place.path("groupAllowFrom"),
                "groupPolicy \(account.groupPolicy.rawValue) does not look at groupAllowFrom",
                "Set groupPolicy to allowlist, or remove groupAllowFrom")
        }
    }

    /// Departments are numbers, and only an application can tell who is in one.
    private mutating func checkDepartment(
        _ department: String?, at path: JSON5Path, _ account: GatewayConfiguration.Account
    ) {
        guard let department, !department.isEmpty else { return }
        if !account.agent.hasAnyKey {
            mistake(
                at: path, "only an agent can tell who is in a department, and the account has none",
                "Write the account's agent.corpId, agent.corpSecret and agent.agentId, or remove the key")
        } else if (Int(department) ?? 0) < 1 || !department.allSatisfy(\.isNumber) {
            mistake(
                at: path, "a department is named by its number, a whole number from 1 on",
                "Write the number from the department's page in the admin console, such as \"7\"")
        }
    }

    private mutating func checkDefaultAccount(_ wecom: GatewayConfiguration.WeCom) {
        let path = JSON5Path("channels", "wecom", "defaultAccount")
        guard wecom.enabled else { return }
        guard !wecom.accounts.isEmpty else {
            // Whatever else is wrong probably hides the account.
            guard errors.isEmpty else { return }
            mistake(
                at: JSON5Path("channels", "wecom", "accounts"), "no bot is configured",
                "Write channels.wecom.accounts.default.bot with botId and secret")
            return
        }
        guard wecom.accounts[wecom.defaultAccount] == nil else { return }
        let names = wecom.accounts.keys.sorted()
        if document.value(at: path) == nil {
            mistake(
                at: path, "there are \(names.count) accounts and none is named default",
                "Write one of \(Self.list(names))")
        } else {
            mistake(
                at: path, "there is no account named \(JSON5Document.quoted(wecom.defaultAccount))",
                Self.suggestion(wecom.defaultAccount, among: names, section: "channels.wecom.accounts"))
        }
    }

    /// Two long connections of one bot would take it from each other for ever.
    private mutating func checkSharedBots(_ accounts: [(key: String, value: GatewayConfiguration.Account)]) {
        var owners: [String: String] = [:]
        for (name, account) in accounts where account.bot.effectiveMode == .websocket && !account.bot.botID.isEmpty {
            if let other = owners.updateValue(name, forKey: account.bot.botID) {
                mistake(
                    at: AccountPlace(name: name, document: document).path("bot", "botId"),
                    "accounts \(other) and \(name) connect the same bot and would disconnect each other",
                    "Give each account a bot of its own, or disable one")
            }
        }
    }

    /// Where callbacks come in, and whose they are.
    private mutating func checkCallbacks(
        _ accounts: [(key: String, value: GatewayConfiguration.Account)], _ configuration: GatewayConfiguration
    ) {
        guard configuration.wecom.enabled else { return }
        let called = accounts.filter { $0.value.bot.effectiveMode == .webhook || $0.value.agent.receives }
        if let (name, _) = called.first, configuration.gateway.listen == nil {
            mistake(
                at: JSON5Path("gateway", "listen"),
                "account \(name) takes callbacks, and there is no address for them", "Write \"127.0.0.1:18789\"")
        }
        var owners: [String: String] = [:]
        for (name, account) in called {
            var sides: [(section: String, path: String, token: Secret?)] = []
            if account.bot.effectiveMode == .webhook {
                sides.append(("bot", account.bot.webhookPath, account.bot.token))
            }
            if account.agent.receives { sides.append(("agent", account.agent.webhookPath, account.agent.token)) }
            for side in sides where !side.path.isEmpty {
                guard let token = side.token?.reveal(),
                    let other = owners.updateValue(name, forKey: "\(side.path)\u{0}\(token)"), other != name
                else { continue }
                warn(
                    at: AccountPlace(name: name, document: document).path(side.section, "webhookPath"),
                    "accounts \(other) and \(name) have this path and the same token, so they cannot be told apart by it",
                    "Give each a token or a path of its own")
            }
        }
    }

    private mutating func checkProgram(_ configuration: GatewayConfiguration) {
        let gateway = configuration.gateway
        if let listen = gateway.listen, listen == gateway.admin, listen.port != 0 {
            mistake(
                at: JSON5Path("gateway", "admin"), "gateway.listen and gateway.admin are the same address",
                "Give each a port of its own")
        }
        if gateway.stateDirectory.isEmpty {
            mistake(at: JSON5Path("gateway", "stateDir"), "the state folder has no name", "Write \"~/.wecom-aibot\"")
        }
        let limits = configuration.limits
        // 0 counts nothing, so it allows everything.
        if limits.perConversationPerHour > 0, limits.perConversationPerMinute > limits.perConversationPerHour {
            mistake(
                at: JSON5Path("limits", "perConversationPerMinute"),
                "more messages a minute than perConversationPerHour allows in an hour", "Lower it")
        }
    }

    static func list(_ names: [String]) -> String {
        let shown = names.sorted().prefix(8).map { JSON5Document.quoted($0) }.joined(separator: ", ")
        return names.count > 8 ? shown + ", …" : shown
    }

    /// What to write in place of a name that refers to nothing.
    static func suggestion(_ name: String, among names: [String], section: String) -> String {
        if let nearest = NearestKey.find(name, among: names.sorted()) {
            return "Did you mean \(JSON5Document.quoted(nearest))?"
        }
        return names.isEmpty ? "Add it to \(section)" : "Add it to \(section), or write one of \(list(names))"
    }
}

/// Where the keys of an account stand: in the account itself, or at `channels.wecom`.
struct AccountPlace {
    let own: JSON5Path
    private let shared = JSON5Path("channels", "wecom")
    private let document: JSON5Document

    init(name: String, document: JSON5Document) {
        self.document = document
        let named = JSON5Path("channels", "wecom", "accounts", name)
        own = document.value(at: named) == nil ? JSON5Path("channels", "wecom") : named
    }

    /// The path of a key: where it is given, else where it would be given in the account.
    func path(_ keys: String...) -> JSON5Path { path(keys) }

    func path(_ keys: [String]) -> JSON5Path {
        let inAccount = own.appending(keys)
        let atChannel = shared.appending(keys)
        if document.value(at: inAccount) == nil, document.value(at: atChannel) != nil { return atChannel }
        return inAccount
    }

    /// Whether the file gives the key (an empty string or null is as good as nothing), readable or not.
    func isGiven(_ keys: String...) -> Bool {
        switch document.value(at: path(keys))?.content {
        case nil, .null, .string(""): false
        default: true
        }
    }
}
