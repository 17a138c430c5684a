/// Number of a task in the ledger: stable over restarts, never used twice.
public struct TaskID: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    /// Row number, from 1.
    public let rawValue: Int64

    /// Wraps a row number.
    public init(_ rawValue: Int64) { self.rawValue = rawValue }

    /// Plain number.
    public var description: String { String(rawValue) }

    /// By age.
    public static func < (lhs: TaskID, rhs: TaskID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// What is written when a task begins: a message that was accepted, or something that is sent without one.
public struct LedgerEntry: Sendable, Hashable, Codable {
    /// Where a task comes from.
    public enum Origin: String, Sendable, Codable {
        /// A message of a person; the handler answers it.
        case message
        /// A message that the program itself answered with one line (command, policy, full queue).
        case line
        /// Sent on its own account: `send`, a schedule, the library.
        case push
    }

    /// Where it comes from.
    public var origin: Origin
    /// The message. For `.push` a stand-in: `id` is the caller's idempotency key (empty: none), `parts` is empty.
    public var message: InboundMessage
    /// Where replies go.
    public var route: ReplyRoute
    /// Beginning of the ids of its bubbles; the same after a restart, so that an open bubble is continued.
    public var stream: String
    /// Unix milliseconds.
    public var acceptedAt: Int64
    /// Why the handler never sees it (`policy`, `queue full`); nil when it does.
    public var refusal: String?

    /// Creates an entry.
    public init(
        origin: Origin, message: InboundMessage, route: ReplyRoute, stream: String, acceptedAt: Int64,
        refusal: String? = nil
    ) {
        self.origin = origin
        self.message = message
        self.route = route
        self.stream = stream
        self.acceptedAt = acceptedAt
        self.refusal = refusal
    }
}

/// What a ledger says to an entry.
public enum Acceptance: Sendable, Hashable {
    /// Durable from now on.
    case accepted(TaskID)
    /// There was one of the same account and id before.
    case known(TaskID)
}

/// Where a task stands.
public enum TaskState: String, Sendable, Codable, CaseIterable {
    /// Durable, without an answer yet. Runs again after a restart.
    case accepted
    /// The answer is durable; parts of it are not delivered yet.
    case answered
    /// Every part is settled.
    case done
    /// Given up, with a reason.
    case dead
}

/// Delivery state of one part of an answer.
public enum PartState: String, Sendable, Codable, CaseIterable {
    /// Not on the wire yet; sending it cannot make a duplicate.
    case pending
    /// Handed to the wire; no ack yet.
    case sent
    /// Acknowledged by the platform.
    case acked
    /// Sent, and nobody knows.
    case unknown
    /// Sent, never acknowledged, with reason to believe that it was shown.
    case assumed
    /// Refused for good.
    case failed
    /// Given up: too old, dropped by the operator, or the conversation cannot be reached.
    case dead

    /// Whether nothing more is to be done about it.
    public var isSettled: Bool {
        switch self {
        case .pending, .sent, .unknown: false
        case .acked, .assumed, .failed, .dead: true
        }
    }
}

/// How a part goes out.
public enum DeliveryRoute: String, Sendable, Codable, CaseIterable {
    /// Final frame of a bubble.
    case bubble
    /// Message at the reply address.
    case reply
    /// Message to the conversation.
    case push
    /// Message to the person by another channel of the account.
    case fallback
}

/// Content of one part of an answer.
public enum PartContent: Sendable, Hashable, Codable {
    /// Markdown.
    case text(String)
    /// Template card: JSON text, its task id, and what stands for it where cards cannot go.
    case card(json: String, taskID: String, text: String)
    /// File on this machine; `kind` is what it is sent as.
    case media(path: String, kind: MediaReference.Kind, name: String, bytes: Int)
}

/// What happened to one part.
public enum PartChange: Sendable, Hashable {
    /// About to be written to the wire; counts one attempt.
    case sent(DeliveryRoute)
    /// It was not written after all: that try does not count.
    case notSent
    /// The platform has it.
    case acked
    /// No ack, or the line ended before it.
    case unknown(SendOutcome.UnknownReason)
    /// Believed to be shown.
    case assumed
    /// Refused; goes another way or once more.
    case refused(errcode: Int)
    /// Refused for good.
    case failed(reason: String, errcode: Int?)
    /// Given up.
    case dead(reason: String)
    /// Changed into something that can be sent (a card into text, an image into a file).
    case replaced(PartContent)
}

/// One step in the life of a task. Every step is one transaction, alone or together with others of its batch.
public enum LedgerTransition: Sendable, Hashable {
    /// The handler starts; `attempt` counts from 1.
    case began(TaskID, attempt: Int, at: Int64)
    /// The message changed: its media were fetched.
    case fetched(TaskID, InboundMessage)
    /// Bubble number `index` (from 1) was opened. The first one is not recorded: acceptance stands for it, unless it has
    /// to wait for the quota, which is recorded as 0 before.
    case bubble(TaskID, index: Int, at: Int64)
    /// The segments of an unfinished answer that people surely see, by digest, in order.
    case shown(TaskID, segments: [String])
    /// No bubble of this task is to be used any more; false: what should have ended the last one was not sent.
    case handedOver(TaskID, Bool = true)
    /// What the late address of this task is from now on; nil when it takes no more, since something may have been sent
    /// there.
    case lateAddress(TaskID, LateAddress?)
    /// The answer is complete. `answer` is its whole text, for the history; `parts` is what is still to be delivered,
    /// numbered from `firstPart`.
    case answered(TaskID, answer: String, failure: String?, parts: [PartContent], firstPart: Int, at: Int64)
    /// Something happened to part `index` (from 0).
    case part(TaskID, index: Int, PartChange, at: Int64)
    /// Every part is settled, or the task was given up: `reason` says why.
    case finished(TaskID, reason: String?, at: Int64)

    /// Task that it belongs to.
    public var task: TaskID {
        switch self {
        case .began(let task, _, _), .fetched(let task, _), .bubble(let task, _, _), .shown(let task, _),
            .handedOver(let task, _), .lateAddress(let task, _), .answered(let task, _, _, _, _, _),
            .part(let task, _, _, _),
            .finished(let task, _, _):
            task
        }
    }
}
