extension ReplyStreamStateMachine {
    /// Bytes of answer so far.
    public var answerBytes: Int { text.utf8Count }
    /// Answer so far.
    public var answer: String { text.whole }
    /// Whether anything of the answer can be seen, or is going to be.
    public var hasVisibleText: Bool { text.isVisible }
    /// Whether the answer may hold a picture in Markdown.
    var mayShowPictures: Bool { text.contains(ASCII.bang, ASCII.openBracket) }

    /// What the operation asked for last counts against the conversation's quota as; nil when it only refreshes a bubble.
    public var cost: RateGovernor.Priority? {
        switch inFlight?.operation {
        case .stream(_, _, let finish):
            bubbles.isOpening ? (finish ? .final : waiting.queuedAhead == nil ? .stream : .progress) : nil
        case .reply, .push, .fallback: .final
        case nil: nil
        }
    }

    /// Part that the operation asked for last delivers, when the ledger has to know before it goes out.
    public var partAtStake: (part: Int, route: DeliveryRoute)? {
        guard records, let part = text.segments.firstPart, let route = inFlight?.operation.route, route != .bubble
        else { return nil }
        return (part, route)
    }

    /// Number of the bubble that the operation asked for last opens, when acceptance does not stand for it.
    public var openedBubble: Int? { bubbles.unannounced }

    /// Whether the first bubble had to wait for the quota.
    public var firstBubbleWaited: Bool { bubbles.firstWaited }

    /// Whether no bubble is to be used any more.
    public var isHandedOver: Bool { !ways.history.addressIsOpen }
    /// Whether a later run must not use any: it takes each to show one part.
    var leavesBubbles: Bool { isHandedOver || isSplit }
    /// Whether the reply address is known to be good on the connection of now.
    public var isAddressProven: Bool { ways.history.addressIsProven }

    /// Whether the frame in flight ends the answer's bubble for good, with nothing of the answer left to be made.
    var isClosing: Bool { hasEnded && !isParked && !isSealing }
    /// Whether the late address can still be used.
    public var isLateAddressOpen: Bool { ways.history.lateAddressIsOpen }
    /// Whether the fallback may be used.
    public var hasFallback: Bool { ways.terms.fallback != nil }

    /// Digests of the segments that people surely see of an answer that goes on, when there are more than at the last call.
    public mutating func takeShown() -> [String]? { hasEnded ? nil : text.takeShown() }

    // MARK: What a frame says at its end

    /// Says so when nothing that follows this piece can be delivered.
    func withCutNotice(_ content: String) -> String {
        let isMore = !hasEnded || text.segments.count > 1
        return isMore && ways.isLast(way) ? content + "\n\n" + settings.words.tooLong : content
    }

    /// What the last frame of a bubble shows of its segment.
    func closing(_ segment: String) -> String {
        withCutNotice(text.decorated(segment))
    }

    /// Says where the rest of an answer comes that the bubble cannot wait for.
    var handOverNotice: String {
        switch ways.routeAfterBubble() {
        case .fallback: settings.words.handOverByFallback
        case nil: settings.words.overdue
        default: settings.words.handOver
        }
    }
}
