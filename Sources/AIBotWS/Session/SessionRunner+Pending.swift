import Shared

extension SessionRunner {
    /// Whom to tell an outcome.
    enum Waiter: Sendable {
        case task(UnsafeContinuation<SendOutcome, Never>)
        case call(@Sendable (SendOutcome) -> Void)

        func hear(_ outcome: SendOutcome) {
            switch self {
            case .task(let continuation): continuation.resume(returning: outcome)
            case .call(let call): call(outcome)
            }
        }
    }

    /// A frame whose sender waits for the outcome.
    struct Pending: Sendable {
        let number: UInt64
        let command: Command
        let reqID: ReqID
        let waiter: Waiter
        let late: (@Sendable (LateVerdict) -> Void)?
    }
}
