import AIBotWS
import Shared

extension AccountStatus {
    /// Status of an account by what its session does.
    ///
    /// - Parameter since: Unix milliseconds at which the session began to do so.
    init(name: String, botID: BotID, session: SessionStatus, since: Int64) {
        self.init(
            name: name, botID: botID.rawValue, state: session.word, since: since, reason: session.reason,
            online: session == .online)
    }
}

extension SessionStatus {
    /// Word for people and machines.
    var word: String {
        switch self {
        case .idle: "idle"
        case .connecting: "connecting"
        case .online: "online"
        case .backingOff: "backing off"
        case .credentialsRejected: "credentials rejected"
        case .superseded: "superseded"
        case .closed: "closed"
        }
    }

    /// Why the account is not online, and what to do where something is to be done.
    var reason: String? {
        switch self {
        case .idle, .connecting, .online, .closed: nil
        case .backingOff(let loss): loss.sentence
        case .credentialsRejected(let code):
            "\(PlatformError(code: code)): correct botId and secret; the next try comes slowly"
        case .superseded:
            "another connection of this bot took over: stop the other program, then `wecom-aibot reconnect`"
        }
    }
}

extension SessionStatus.Loss {
    fileprivate var sentence: String {
        switch self {
        case .transport(let reason): reason.sentence
        case .halfOpen: "nothing came from the platform for two heartbeats"
        case .subscribeTimedOut: "the platform did not answer the subscription"
        case .subscribeRefused(let error): "the platform refused the subscription: \(error)"
        case .notSubscribed: "the platform said that the connection was not subscribed"
        case .superseded: "another connection of this bot took over"
        case .shutdown: "the program stops"
        case .requested: "a new connection was asked for"
        }
    }
}

extension CloseReason {
    fileprivate var sentence: String {
        switch self {
        case .connectFailed(let words): "cannot connect: \(words)"
        case .connectTimedOut: "cannot connect: no answer in time"
        case .byPeer(let code): "the other side closed the connection" + (code.map { " (code \($0))" } ?? "")
        case .byUs: "the connection was closed by this program"
        case .messageTooLarge: "the platform sent a frame that is too large"
        case .protocolError: "what came was no WebSocket"
        }
    }
}
