import Logging
import Shared

/// What a session writes into the log about outcomes and states.
extension SessionRunner {
    func note(_ pending: Pending, _ outcome: SendOutcome) {
        switch outcome {
        case .acknowledged, .notSent: break
        case .rejected(let error):
            logger.debug(
                "frame refused",
                metadata: .init([
                    .reqID: pending.reqID, .command: pending.command, .errcode: error.code, .hint: error.hint ?? "-",
                    .reaction: "\(error.reaction)",
                ]))
        case .unknown(let reason):
            logger.debug(
                "no ack",
                metadata: .init([.reqID: pending.reqID, .command: pending.command, .reason: reason.rawValue]))
        }
    }

    func log(_ status: SessionStatus, retryAt: MonotonicInstant?, now: MonotonicInstant) {
        switch status {
        case .superseded where configuration.onReplaced != .takeover && retryAt != nil:
            let seconds = retryAt.map { now.duration(to: $0).inSeconds } ?? 0
            logger.warning(
                "a subscription of our own that was late may have taken over; taking the bot back once",
                metadata: .init([.seconds: seconds]))
        case .superseded:
            logger.error(
                "another connection of this bot took over; staying away from it",
                metadata: .init([.reaction: configuration.onReplaced.rawValue]))
        case .credentialsRejected(let code):
            logger.error(
                "unauthorized: the platform refused bot id or secret", metadata: .init([.errcode: code]))
        case .backingOff(let loss): logger.notice("not connected", metadata: .init([.reason: "\(loss)"]))
        case .idle, .connecting, .online, .closed: logger.debug("status", metadata: .init([.reason: "\(status)"]))
        }
    }
}
