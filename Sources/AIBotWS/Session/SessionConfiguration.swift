public import Shared

/// How one bot is kept online. Defaults follow the protocol reference.
public struct SessionConfiguration: Sendable {
    /// What to do when another connection of the same bot takes over (`disconnected_event`).
    public enum ReplacedPolicy: String, Sendable, CaseIterable {
        /// Stay offline until told to reconnect.
        case wait
        /// End, so that a supervisor can leave the program down.
        case exit
        /// Try again after 60 to 120 s, at most three times an hour.
        case takeover
    }

    /// Bot to subscribe as.
    public var botID: BotID
    /// Its long-connection secret. Never logged.
    public var secret: String
    /// Where to connect.
    public var target: ConnectionTarget
    /// Time between heartbeats.
    public var heartbeat: Duration = .seconds(30)
    /// Time to wait for an ack.
    public var ackTimeout: Duration = .seconds(10)
    /// Time to wait for the ack of a welcome message or a card update.
    public var eventAckTimeout: Duration = .seconds(5)
    /// Shortest step of the reconnect delay.
    public var minBackoff: Duration = .seconds(1)
    /// Longest step of the reconnect delay.
    public var maxBackoff: Duration = .seconds(60)
    /// Reaction to being replaced.
    public var onReplaced: ReplacedPolicy = .wait

    /// Creates a configuration with the defaults.
    public init(botID: BotID, secret: String, target: ConnectionTarget) {
        self.botID = botID
        self.secret = secret
        self.target = target
    }
}

/// What a session is doing, for logs, health and the handler of a bot.
public enum SessionStatus: Hashable, Sendable {
    /// Not started.
    case idle
    /// Opening the connection, or waiting for the answer to the subscription.
    case connecting
    /// Subscribed: messages come in and answers go out.
    case online
    /// Waiting before the next attempt.
    case backingOff(Loss)
    /// Bot id or secret refused; the next attempt comes slowly.
    case credentialsRejected(code: Int)
    /// Another connection of this bot took over.
    case superseded
    /// Stopped.
    case closed

    /// Why a session ended or an attempt failed.
    public enum Loss: Hashable, Sendable {
        /// The connection ended, or was never opened.
        case transport(CloseReason)
        /// No frame came for two heartbeats.
        case halfOpen
        /// No answer to the subscription.
        case subscribeTimedOut
        /// The subscription was refused for another reason than credentials.
        case subscribeRefused(PlatformError)
        /// The platform said that this connection is not subscribed (846609).
        case notSubscribed
        /// Another connection of this bot took over.
        case superseded
        /// We stopped.
        case shutdown
        /// Someone asked for a new connection.
        case requested
    }
}

extension SessionConfiguration: CustomStringConvertible, CustomDebugStringConvertible {
    /// The bot alone: the secret is not to be seen anywhere.
    public var description: String { "session of bot \(botID)" }
    /// The bot alone.
    public var debugDescription: String { description }
}
