/// An HTTP request that the driver has to make for the platform.
public struct CallbackRequest: Sendable, Hashable {
    /// Number of the request; the answer names it.
    public var id: Int
    /// `GET` for verifications, else `POST`.
    public var method: String
    /// Address with query.
    public var url: String
    /// Media type of the body.
    public var contentType: String
    /// Body; empty for `GET`.
    public var body: [UInt8]
}

/// What became of a `CallbackRequest`.
public enum CallbackResult: Sendable, Hashable {
    /// Most bytes of an answer that are read: one with ten pictures fits.
    public static let maxBodyBytes = 32 << 20

    /// An answer came.
    case answered(status: Int, body: [UInt8])
    /// No connection, or it broke, or the answer was too large.
    case failed
}

/// One callback as it was made, for observers and tests.
public struct CallbackRecord: Sendable, Hashable {
    /// How it ended.
    public enum Outcome: Sendable, Hashable {
        /// Posted, no answer so far.
        case pending
        /// Waits for one of the connections, or for its time.
        case waiting
        /// An answer with this HTTP status came.
        case answered(status: Int)
        /// No answer within the limit; the connection was cut.
        case timedOut
        /// No connection, or it broke.
        case failed
        /// A fault lost the callback, or the answer to it.
        case lost
    }

    /// Number of the request.
    public var id: Int
    /// Bot.
    public var bot: String
    /// Webhook or application.
    public var transport: Transport
    /// `msgtype` or type of the event; `verification`.
    public var type: String
    /// `msgid`, where it has one.
    public var msgID: String?
    /// `stream.id` of a refresh.
    public var streamID: String?
    /// Number of the delivery, from 1.
    public var attempt: Int
    /// What was sealed; at most 64 KiB.
    public var plaintext: String
    /// Opened answer, where there was one; at most 64 KiB.
    public var answer: String?
    /// How it ended.
    public var outcome: Outcome
    /// Unix milliseconds when it was posted.
    public var time: Int
    /// Unix milliseconds when it ended.
    public var endedAt: Int?

    /// The record as the control API shows it.
    public var json: JSONValue {
        var status: Int?
        let name: String
        switch outcome {
        case .pending: name = "pending"
        case .waiting: name = "waiting"
        case .timedOut: name = "timedOut"
        case .failed: name = "failed"
        case .lost: name = "lost"
        case .answered(let code):
            name = "answered"
            status = code
        }
        return .members([
            ("id", .int(id)), ("bot", .string(bot)), ("via", .string(transport.rawValue)), ("type", .string(type)),
            ("msgid", msgID.map { .string($0) }), ("streamId", streamID.map { .string($0) }),
            ("attempt", .int(attempt)), ("outcome", .string(name)), ("status", status.map { .int($0) }),
            ("plaintext", .string(plaintext)), ("answer", answer.map { .string($0) }), ("time", .int(time)),
            ("endedAt", endedAt.map { .int($0) }),
        ])
    }
}

/// Something that a bot's program answered and must not have.
public struct ProtocolViolation: Sendable, Hashable {
    /// Bot.
    public var bot: String
    /// Webhook or application.
    public var transport: Transport
    /// Number of the callback that was answered so.
    public var callback: Int
    /// Short name of the rule: `envelope`, `signature`, `nonce`, `illegalReply`, `schema`, `contentSize`, …
    public var rule: String
    /// What was wrong, without content.
    public var detail: String
    /// Unix milliseconds.
    public var time: Int

    /// The violation as the control API shows it.
    public var json: JSONValue {
        [
            "bot": .string(bot), "via": .string(transport.rawValue), "callback": .int(callback),
            "rule": .string(rule), "detail": .string(detail), "time": .int(time),
        ]
    }
}
