public import Shared

/// What became of a send to one target.
public struct SendResult: Sendable, Hashable, Codable {
    /// How sure it is.
    public enum State: String, Sendable, Codable {
        /// The platform has all of it.
        case acked
        /// Sent, an ack is missing, and there is reason to believe that it was shown.
        case assumed
        /// Sent, and nobody knows yet.
        case unknown
        /// Refused or impossible.
        case failed
        /// Durable, not sent yet: it goes out when the connection allows it.
        case pending
    }

    /// Whom to.
    public var target: String
    /// How sure it is.
    public var state: State
    /// Why, when it is not `acked`.
    public var reason: String?
    /// What to do about it.
    public var advice: String?
    /// Task of the ledger, for `outbox`.
    public var task: Int64?
    /// Id in the ledger, for `trace`; nil for a send without a key.
    public var messageID: String?
    /// Whether the person may see it twice.
    public var possibleDuplicate: Bool

    private enum CodingKeys: String, CodingKey {
        case target, state, reason, advice, task
        case messageID = "messageId"
        case possibleDuplicate
    }

    /// Result of a target that was not even tried.
    public init(target: Target, refused error: GatewayError) {
        self.target = target.description
        state = .failed
        // The sentence of a target begins with it, and so does the line of its result.
        let named = "\(target): "
        let message = error.message.hasPrefix(named) ? String(error.message.dropFirst(named.count)) : error.message
        reason = message + (error.platform.map { ": \($0)" } ?? "")
        advice = error.platform.flatMap(Self.advice)
        possibleDuplicate = false
    }

    /// Result of a target by what the ledger says about its task.
    ///
    /// - Parameter untrustedAddress: address of ours that the platform refused; the ledger keeps numbers alone.
    public init(target: Target, task: LedgerTask, untrustedAddress: String? = nil) {
        self.target = target.description
        self.task = task.id.rawValue
        let id = task.entry.message.id.rawValue
        messageID = id.isEmpty ? nil : id
        possibleDuplicate = task.parts.contains(where: \.mayBeShownTwice)
        state = Self.state(of: task)
        let refused = task.parts.last { $0.state == .failed || $0.state == .dead }
        if state != .acked {
            let part = refused ?? task.parts.last { $0.state != .acked }
            let platform = part?.errcode.map { code in
                var error = PlatformError(code: code)
                if error.isAboutOurAddress { error.exitAddress = untrustedAddress }
                return error
            }
            let words = [part?.reason ?? task.reason, platform?.description].compactMap { $0 }
            reason = words.isEmpty ? Self.reason(for: state) : words.joined(separator: ": ")
            advice = platform.flatMap(Self.advice)
        }
    }

    private static func state(of task: LedgerTask) -> State {
        let states = Set(task.parts.map(\.state))
        if !states.isDisjoint(with: [.failed, .dead]) || task.state == .dead { return .failed }
        if states.isEmpty || states.contains(.pending) { return .pending }
        if !states.isDisjoint(with: [.sent, .unknown]) { return .unknown }
        return states.contains(.assumed) ? .assumed : .acked
    }

    private static func reason(for state: State) -> String? {
        switch state {
        case .acked, .failed: nil
        case .assumed: "no ack came, but something sent after it was acknowledged"
        case .unknown: "sent, and no ack came yet"
        case .pending: "not sent yet; it is in the ledger and goes out as soon as the connection allows it"
        }
    }

    /// What an operator does about a refusal; nil when the refusal says it all.
    public static func advice(_ error: PlatformError) -> String? {
        switch error.code {
        case 93006:
            "The chat id is unknown, is in the wrong case (ids are case-sensitive), or that chat never wrote to the bot: "
                + "someone must write to the bot there first."
        case 93001:
            "This bot may not push to that group: it can only answer there. Someone in the group has to write to it."
        case 93008: "Add the bot to the group first."
        default: error.advice ?? advice(for: error.reaction)
        }
    }

    private static func advice(for reaction: PlatformError.Reaction) -> String? {
        switch reaction {
        case .credentials: "Correct botId and secret of the account, then `wecom-aibot reconnect`."
        case .pauseConversation: "Too much was sent to this conversation; wait a minute."
        case .refuseContent: "The platform refused the content; send something else."
        case .split: "Send it in smaller pieces."
        case .sendCardAsText: "The card is not acceptable; see the platform's reference for its type."
        case .retry, .uploadAgain, .sendAsMarkdown, .failFrame, .unreachable, .push, .streamOver, .recycleConnection,
            .refreshToken, .sendAsFile, .fetchInPieces, .receiver, .configuration, .permanent:
            nil
        }
    }
}

extension LedgerPart {
    /// Whether a person may see it twice: written to the wire more than once by a route that the platform does not
    /// deduplicate, and not every earlier try was refused, as far as the ledger knows.
    var mayBeShownTwice: Bool {
        // Frames of bubbles are not counted, so their refusals are not either.
        let isCounted = errcode.map { !(846_604...846_608).contains($0) || $0 == 846_607 } ?? false
        return via != .bubble && attempts - (isCounted ? 1 : 0) > 1
    }
}
