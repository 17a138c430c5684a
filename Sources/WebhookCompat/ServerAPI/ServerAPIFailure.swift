public import Shared

/// Why a call of the server API has no result. Never holds a token, a secret, an address or text.
public enum ServerAPIFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The platform refused it; nothing happened.
    case refused(PlatformError)
    /// It never reached the platform, or was turned away before it was looked at: sending it later makes no duplicate.
    case notSent(Obstacle)
    /// It was sent, and nobody knows what became of it.
    case unknown

    /// What was in the way.
    public enum Obstacle: String, Hashable, Sendable {
        /// No connection, or no answer to a call that may be made any number of times.
        case unreachable
        /// The platform's front answered with an HTTP error.
        case unavailable
        /// More calls wait for their turn than are kept.
        case tooMany
        /// The task was cancelled.
        case cancelled
        /// The agent has neither a secret nor a fixed access token.
        case noCredentials
        /// What is to be sent cannot be read.
        case unreadable
    }

    /// What happened, safe to show.
    public var description: String {
        switch self {
        case .refused(let error): error.description
        case .notSent(.unreachable): "the server API cannot be reached"
        case .notSent(.unavailable): "the server API is not available"
        case .notSent(.tooMany): "too many calls wait for their turn"
        case .notSent(.cancelled): "cancelled"
        case .notSent(.noCredentials): "neither corpSecret nor accessToken is set"
        case .notSent(.unreadable): "the file cannot be read, or changed on the way"
        case .unknown: "sent, and no answer came"
        }
    }
}

extension ServerAPIFailure {
    /// What a sender of a message makes of it.
    var outcome: SendOutcome {
        switch self {
        case .refused(let error): .rejected(error)
        case .notSent(.cancelled): .notSent(.closed)
        // There is no session that could come back: asked again after a pause, as after a full queue.
        case .notSent(.noCredentials): .rejected(PlatformError(code: 41_004, origin: .serverAPI))
        case .notSent: .notSent(.overflow)
        case .unknown: .unknown(.ackTimeout)
        }
    }
}
