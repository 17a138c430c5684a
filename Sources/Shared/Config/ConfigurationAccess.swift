extension GatewayConfiguration {
    /// Who is answered, one plain sentence for every account that runs, in the order of their names.
    public func accessSentences() -> [String] {
        wecom.enabledAccounts.sorted { $0.key < $1.key }.map { name, account in
            var parts: [String] = []
            if account.bot.effectiveMode != nil {
                parts.append("the bot answers " + account.bot.directMessages.inWords)
            }
            if account.agent.hasAnyKey {
                parts.append("the agent answers " + account.agent.directMessages.inWords)
            }
            parts.append(account.groupsInWords)
            return "Account \(name): " + parts.joined(separator: "; ") + "."
        }
    }
}

extension GatewayConfiguration.DirectMessages {
    /// Who is answered, as the object of a sentence.
    fileprivate var inWords: String {
        let listed = allowFrom.contains("*") ? nil : allowFrom.count
        switch (policy, listed) {
        case (.open, _), (.pairing, nil), (.allowlist, nil): return "direct messages of everyone"
        case (.disabled, _): return "no direct messages"
        case (.allowlist, 0): return "no direct messages, because allowFrom is empty"
        case (.allowlist, let count?): return "direct messages of the \(Self.users(count)) in allowFrom only"
        case (.pairing, 0): return "direct messages of users whom an operator approved only"
        case (.pairing, let count?):
            return "direct messages of the \(Self.users(count)) in allowFrom and of users whom an operator approved"
        }
    }

    private static func users(_ count: Int) -> String { count == 1 ? "one user" : "\(count) users" }
}

extension GatewayConfiguration.Account {
    fileprivate var groupsInWords: String {
        let which: String
        switch groupPolicy {
        case .disabled: return "messages in groups are not answered"
        case .open: which = "every group"
        case .allowlist:
            if groupAllowFrom.isEmpty { return "messages in groups are not answered, because groupAllowFrom is empty" }
            which =
                groupAllowFrom.contains("*")
                ? "every group" : groupAllowFrom.count == 1 ? "one group" : "\(groupAllowFrom.count) groups"
        }
        let all = GatewayConfiguration.GroupSettings()
        let general = groups["*"] ?? all
        var text = "in \(which) it answers "
        text +=
            general.allowFrom.map { $0.contains("*") ? "everyone" : "the users in groups.*.allowFrom" } ?? "everyone"
        if let department = general.departmentID, !department.isEmpty { text += " in department \(department)" }
        text += general.requireMention ?? true ? " who mentions it" : ", mentioned or not"
        let own = groups.filter { $0.key != "*" }.values
        if !own.isEmpty {
            text += ", with rules of their own for \(own.count == 1 ? "one group" : "\(own.count) groups")"
        }
        let limited = own.count { !($0.departmentID ?? "").isEmpty }
        if limited > 0 { text += " (\(limited) of them for the members of a department)" }
        return text
    }
}
