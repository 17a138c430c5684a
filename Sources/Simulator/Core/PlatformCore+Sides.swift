/// Sides of bots: which there are, how they are changed, verification of their addresses.
extension PlatformCore {
    /// The side that is meant: that one, or the long connection, or the first one.
    func side(_ via: Transport?, of bot: String) throws(UserActionError) -> Transport {
        guard let known = directory.bots[bot] else { throw UserActionError("bot", "unknown, see GET /api/state") }
        guard let via else { return known.transports.first ?? .longConnection }
        guard known.transports.contains(via) else {
            throw UserActionError("via", "the bot has no such side, see GET /api/state")
        }
        return via
    }

    mutating func change(_ bot: String, _ body: (inout SimulatorBot) -> Void) throws(UserActionError) {
        guard var known = directory.bots[bot] else { throw UserActionError("bot", "unknown, see GET /api/state") }
        body(&known)
        if let side = known.webhook { try check(side.callbackURL, side.token, side.encodingAESKey) }
        if let side = known.app {
            if let url = side.callbackURL { try check(url, side.token, side.encodingAESKey) }
            let isTaken = directory.bots.values.contains { other in
                other.id != bot && other.app?.corpID == side.corpID
                    && (other.app?.agentID == side.agentID || other.app?.secret == side.secret)
            }
            guard !isTaken else { throw UserActionError("agentid", "another bot has this application") }
        }
        _ = directory.add(known)
    }

    private func check(_ url: String, _ token: String, _ key: String) throws(UserActionError) {
        guard url.hasPrefix("http://") || url.hasPrefix("https://"), url.utf8.count <= 2_048 else {
            throw UserActionError("url", "must start with http:// or https://")
        }
        guard (1...32).contains(token.utf8.count) else { throw UserActionError("token", "1 to 32 letters or digits") }
        guard (try? CallbackCipher(token: token, encodingAESKey: key, receiveID: "")) != nil else {
            throw UserActionError("encodingAESKey", "43 letters or digits")
        }
    }

    /// Asks the program for an echo, as saving the address in the admin console does.
    mutating func verify(_ bot: String, via: Transport, now: Int) throws(UserActionError) -> UserActionOutcome {
        let side = try side(via, of: bot)
        guard cipher(of: bot, side) != nil else { throw UserActionError("via", "has no callback url") }
        let echo = String(random.next())
        let delivery = Delivery(
            kind: .verification(echo: echo), transport: side,
            conversation: ConversationKey(bot: bot, chat: .single("")),
            type: "verification", plaintext: echo, actedAt: now)
        return UserActionOutcome(isDelivered: launch(delivery, now: now))
    }
}

extension Delivery.Kind {
    init(_ kind: IssuedRequest.Kind, _ type: String) {
        switch kind {
        case .enterChat: self = .enterChat
        case .cardClick(let entry, let taskID): self = .cardClick(entry: entry, taskID: taskID)
        case .message, .otherEvent: self = type == "feedback_event" ? .feedback : .otherEvent
        }
    }
}
