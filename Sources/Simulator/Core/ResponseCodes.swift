/// One-use codes with which an application changes a card that it sent.
struct ResponseCodes: Sendable {
    /// Codes remembered; the oldest is forgotten first.
    static let limit = 20_000
    /// Life of a code: 72 hours.
    static let lifetime = 259_200_000

    struct Code: Sendable {
        var bot: String
        var cards: [(conversation: ConversationKey, entry: String)]
        var expiresAt: Int
        var isUsed = false
    }

    private var table: [String: Code] = [:]
    private var order: [String] = []

    subscript(code: String) -> Code? {
        get { table[code] }
        set { if table[code] != nil { table[code] = newValue } }
    }

    mutating func issue(_ code: String, _ value: Code) {
        table[code] = value
        order.append(code)
        if order.count > Self.limit { table[order.removeFirst()] = nil }
    }
}

extension PlatformCore {
    mutating func issueResponseCode(
        _ cards: [(conversation: ConversationKey, entry: String)], _ bot: String, now: Int
    ) -> String {
        let code = "SIMCODE_" + random.urlSafeToken(40)
        responseCodes.issue(
            code, ResponseCodes.Code(bot: bot, cards: cards, expiresAt: now + ResponseCodes.lifetime))
        return code
    }
}
