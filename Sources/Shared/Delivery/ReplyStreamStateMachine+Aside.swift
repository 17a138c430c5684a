extension ReplyStreamStateMachine {
    /// Outcome of a message that took no part in the order of a connection: to the late address, or by the fallback.
    mutating func completedAside(_ operation: Operation, _ outcome: SendOutcome, now: MonotonicInstant) {
        let isOneShot = ways.isLate(operation.route)
        switch outcome {
        case .notSent:
            notBefore = now.advanced(by: pause(refusals))
            refusals += 1
            return
        // A refusal is no message: the late address still takes its one, unless it goes on like that.
        case .rejected(let error) where error.mayBeTriedAgain && (!isOneShot || refusals < 3):
            report.lastRefusal = error.code
            tell(.refused(errcode: error.code))
            notBefore = now.advanced(by: pause(refusals))
            refusals += 1
            return
        case .acknowledged, .rejected, .unknown: break
        }
        if isOneShot {
            let isRepeatable = settings.onUnknown == .resend
            if isRepeatable, unanswered == 0, case .unknown(let reason) = outcome {
                return unknownAside(operation, reason, now: now)
            }
            ways.history.lateAddressIsOpen = false
            // It takes one message: the refusal of the second says that the first one arrived.
            if isRepeatable, unanswered > 0, case .rejected = outcome { return assume(operation) }
        }
        switch outcome {
        case .acknowledged: succeeded(operation)
        case .rejected(let error):
            report.lastRefusal = error.code
            tell(.refused(errcode: error.code))
            otherWay(operation)
        case .unknown(let reason): unknownAside(operation, reason, now: now)
        case .notSent: break
        }
    }

    mutating func assume(_ operation: Operation) {
        report.assumed += 1
        succeeded(operation, .assumed)
    }

    func pause(_ earlier: Int) -> Duration { PartStateMachine.pause(earlier) }

    /// Nobody will ever know. The late address is not used twice, unless `delivery.onUnknown` wants it; the fallback tells
    /// repetitions apart for a while.
    private mutating func unknownAside(
        _ operation: Operation, _ reason: SendOutcome.UnknownReason, now: MonotonicInstant
    ) {
        tell(.unknown(reason))
        unanswered += 1
        guard settings.onUnknown != .drop, unanswered <= 2, way != nil else { return assume(operation) }
        notBefore = now.advanced(by: pause(unanswered - 1))
        report.repeated += 1
    }
}
