extension ConfigurationReader {
    /// Checks the keys of the bot and the agent of one account.
    mutating func checkKeys(of account: GatewayConfiguration.Account, _ place: AccountPlace) {
        let hasBot = ["mode", "botId", "secret", "token", "encodingAESKey"].contains { place.isGiven("bot", $0) }
        let hasAgent = ["corpId", "corpSecret", "agentId", "accessToken", "token", "encodingAESKey"]
            .contains { place.isGiven("agent", $0) }
        if !hasBot, !hasAgent {
            guard errors.isEmpty else { return }
            mistake(
                at: place.own.appending("bot"), "the account has neither a bot nor an agent",
                "Write bot.botId and bot.secret, or set enabled: false")
            return
        }
        if hasBot { checkBot(account.bot, place) }
        if hasAgent { checkAgent(account.agent, place) }
        checkKeyLength(account.bot.encodingAESKey, place.path("bot", "encodingAESKey"))
        checkKeyLength(account.agent.encodingAESKey, place.path("agent", "encodingAESKey"))
        checkKeyLength(account.bot.previousKey.encodingAESKey, place.path("bot", "previousKey", "encodingAESKey"))
        checkPair("token", "encodingAESKey", below: ["bot", "previousKey"], place)
        for section in ["bot", "agent"] {
            let path = section == "bot" ? account.bot.webhookPath : account.agent.webhookPath
            if !path.isEmpty, !path.hasPrefix("/") || path.contains(where: \.isWhitespace) {
                mistake(
                    at: place.path(section, "webhookPath"), "a callback path starts with / and has no spaces",
                    "Write a path such as \"/wecom/callback\"")
            }
        }
    }

    private mutating func checkBot(_ bot: GatewayConfiguration.Bot, _ place: AccountPlace) {
        let (id, secret) = (place.isGiven("bot", "botId"), place.isGiven("bot", "secret"))
        let (token, key) = (place.isGiven("bot", "token"), place.isGiven("bot", "encodingAESKey"))
        if place.isGiven("bot", "mode"), bot.mode == nil { return }
        switch bot.mode {
        case nil where id != secret && token != key:
            mistake(
                at: place.path("bot", id ? "secret" : "botId"),
                "half of the long connection's keys and half of the callback's keys are given",
                "Complete one pair: botId with secret, or token with encodingAESKey")
        case .websocket?:
            need(["botId": id, "secret": secret], for: "mode websocket", place)
        case .webhook?:
            need(["token": token, "encodingAESKey": key], for: "mode webhook", place)
        case nil:
            if id || secret { need(["botId": id, "secret": secret], for: "the long connection", place) }
            if token || key { need(["token": token, "encodingAESKey": key], for: "the callback", place) }
        }
        if id { checkBotID(bot.botID, place.path("bot", "botId")) }
        if secret, let value = bot.secret { checkBotSecret(value, bot.botID, place.path("bot", "secret")) }
    }

    /// One line that names whatever is missing.
    private mutating func need(_ keys: [String: Bool], for purpose: String, _ place: AccountPlace) {
        let missing = keys.filter { !$0.value }.keys.sorted()
        guard let first = missing.first else { return }
        mistake(
            at: place.path("bot", first), "\(purpose) needs \(missing.joined(separator: " and "))",
            "Write \(missing.map { "bot." + $0 }.joined(separator: " and ")) from the bot's page in the admin console")
    }

    private mutating func checkPair(_ first: String, _ second: String, below: [String], _ place: AccountPlace) {
        let given = [first, second].map { key -> Bool in
            switch document.value(at: place.path(below + [key]))?.content {
            case nil, .null, .string(""): false
            default: true
            }
        }
        guard given[0] != given[1] else { return }
        let (there, missing) = given[0] ? (first, second) : (second, first)
        mistake(
            at: place.path(below + [missing]), "\(there) is given and \(missing) is missing",
            "Write \((below + [missing]).joined(separator: "."))")
    }

    private mutating func checkBotID(_ id: String, _ path: JSON5Path) {
        let page = "the bot's page in the admin console"
        if id.contains(where: \.isWhitespace) {
            mistake(at: path, "the bot id has a space or line end in it", "Copy the Bot ID from \(page) again")
        } else if Self.isNumber(id) {
            mistake(
                at: path, "this is a number, as the AgentId of a self-built application is",
                "Write the Bot ID from \(page); an AgentId goes to agent.agentId")
        } else if Self.isCorporationID(id) {
            mistake(
                at: path, "this looks like a company id (corpId)",
                "Write the Bot ID from \(page); a company id goes to agent.corpId")
        }
    }

    private mutating func checkBotSecret(_ secret: Secret, _ id: String, _ path: JSON5Path) {
        let text = secret.reveal()
        let page = "the bot's page in the admin console"
        if text.contains(where: \.isWhitespace) {
            mistake(at: path, "the secret has a space or line end in it", "Copy the Secret from \(page) again")
        } else if text == id {
            mistake(at: path, "the secret is the same as botId", "Write the Secret from \(page)")
        } else if Self.isNumber(text) {
            mistake(
                at: path, "this is a number, as the AgentId of a self-built application is",
                "Write the Secret from \(page)")
        } else if Self.isCorporationID(text) {
            mistake(at: path, "this looks like a company id (corpId)", "Write the Secret from \(page)")
        }
    }

    private mutating func checkAgent(_ agent: GatewayConfiguration.Agent, _ place: AccountPlace) {
        var missing: [String] = []
        if !place.isGiven("agent", "corpId") { missing.append("corpId") }
        if !place.isGiven("agent", "agentId") { missing.append("agentId") }
        if !place.isGiven("agent", "corpSecret"), !place.isGiven("agent", "accessToken") {
            missing.append("corpSecret")
        }
        if let first = missing.first {
            mistake(
                at: place.path("agent", first), "the agent needs \(missing.joined(separator: " and "))",
                "Write \(missing.map { "agent." + $0 }.joined(separator: " and ")) from the application's page")
        }
        checkPair("token", "encodingAESKey", below: ["agent"], place)
        let corporation = agent.corpID
        guard !corporation.isEmpty else { return }
        let path = place.path("agent", "corpId")
        let fix = "Write the company id from My Company in the admin console, such as \"ww1234567890abcdef\""
        if corporation.contains(where: \.isWhitespace) {
            mistake(at: path, "the company id has a space or line end in it", fix)
        } else if Self.isNumber(corporation) {
            mistake(at: path, "this is a number, as an AgentId is", fix)
        } else if corporation.hasPrefix("aib") {
            mistake(at: path, "this looks like a Bot ID", fix)
        }
    }

    private mutating func checkKeyLength(_ key: Secret?, _ path: JSON5Path) {
        guard let key else { return }
        let text = key.reveal()
        let fix = "Copy the EncodingAESKey of the callback settings again"
        if text.count != 43 {
            mistake(at: path, "the key has \(text.count) characters; an EncodingAESKey has 43", fix)
        } else if !text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) {
            mistake(at: path, "the key has a character other than letters and digits", fix)
        }
    }

    private static func isNumber(_ text: String) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// `ww` and 16 hexadecimal digits (older companies: `wx`).
    private static func isCorporationID(_ text: String) -> Bool {
        (text.hasPrefix("ww") || text.hasPrefix("wx")) && text.count == 18 && text.dropFirst(2).allSatisfy(\.isHexDigit)
    }
}
