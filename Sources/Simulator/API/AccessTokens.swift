/// Access tokens: issued, running out, or ended early.
struct AccessTokens: Sendable {
    /// Tokens remembered; the oldest is forgotten first.
    static let limit = 2_000

    private struct Token: Sendable {
        var bot: String
        var expiresAt: Int
        /// Errcode of calls with a token that was ended early.
        var endedWith: Int?
    }

    private var table: [String: Token] = [:]
    private var order: [String] = []
    private var newest: [String: String] = [:]

    /// The token that still runs, or else `fresh`; with the milliseconds that it has left.
    mutating func issue(
        _ fresh: String, bot: String, lifetime: Int, reuses: Bool, now: Int
    ) -> (token: String, left: Int) {
        if reuses, let known = newest[bot], let token = table[known], token.endedWith == nil, now < token.expiresAt {
            return (known, token.expiresAt - now)
        }
        table[fresh] = Token(bot: bot, expiresAt: now + lifetime)
        newest[bot] = fresh
        order.append(fresh)
        if order.count > Self.limit { table[order.removeFirst()] = nil }
        return (fresh, lifetime)
    }

    /// Bot of a token, whether it still runs or not.
    func bot(of token: String) -> String? { table[token]?.bot }

    /// The bot that the token stands for.
    func check(_ token: String, now: Int) throws(PlatformRefusal) -> String {
        guard let known = table[token] else { throw .api(40_014, "invalid access_token") }
        if let code = known.endedWith {
            throw .api(code, code == 42_001 ? "access_token expired" : "invalid access_token")
        }
        guard now < known.expiresAt else { throw .api(42_001, "access_token expired") }
        return known.bot
    }

    /// Ends the tokens of a bot.
    mutating func end(bot: String, code: Int) {
        for (token, value) in table where value.bot == bot { table[token]?.endedWith = code }
    }
}

/// Calls per key in windows of a minute; who exceeds the limit is refused until the window is over.
struct CallMeter: Sendable {
    private var windows: [String: (start: Int, count: Int)] = [:]

    /// Counts a call; false when there were too many.
    mutating func count(_ key: String, limit: Int, now: Int) -> Bool {
        guard limit > 0 else { return true }
        var window = windows[key] ?? (now, 0)
        if now - window.start >= 60_000 { window = (now, 0) }
        window.count += 1
        windows[key] = window
        return window.count <= limit
    }
}
