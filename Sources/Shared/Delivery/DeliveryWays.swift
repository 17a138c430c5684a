/// What is known about the ways of one answer, and which one comes next.
struct DeliveryWays: Sendable {
    private(set) var terms: DeliveryPlan.Terms
    var history: DeliveryPlan.History
    /// Until when the late address takes a message.
    private let lateUntil: MonotonicInstant?
    private var offlineSince: MonotonicInstant?

    init(
        channel: Capabilities, fallback: Capabilities?, addressIsOpen: Bool, addressIsProven: Bool,
        lateUntil: MonotonicInstant?
    ) {
        terms = DeliveryPlan.Terms(channel: channel, fallback: fallback)
        history = DeliveryPlan.History(
            addressIsOpen: addressIsOpen, addressIsProven: addressIsProven, lateAddressIsOpen: lateUntil != nil)
        self.lateUntil = lateUntil
    }

    /// For one part of an answer, which is delivered by what is known at its turn.
    init(terms: DeliveryPlan.Terms, history: DeliveryPlan.History) {
        self.terms = terms
        self.history = history
        lateUntil = nil
    }

    var channel: Capabilities { terms.channel }

    /// Way of text now.
    func route(_ bubbles: BubbleSlot) -> DeliveryRoute? {
        DeliveryPlan.textRoute(terms: terms, history: known(bubbles))
    }

    /// What the plan goes by, the bubbles counted.
    private func known(_ bubbles: BubbleSlot) -> DeliveryPlan.History {
        var known = history
        if let most = channel.bubblesPerMessage, bubbles.bubble == nil { known.bubblesAreLeft = bubbles.opened < most }
        return known
    }

    /// Way of what follows once the bubble is sealed.
    func routeAfterBubble() -> DeliveryRoute? {
        var after = history
        after.addressIsOpen = false
        return DeliveryPlan.textRoute(terms: terms, history: after)
    }

    /// Whether nothing more can be delivered once one more message has gone this way.
    func isLast(_ route: DeliveryRoute?) -> Bool {
        guard channel.bubblesPerMessage != nil, route == .bubble || route == .reply else { return false }
        var after = history
        after.addressIsOpen = false
        if route == .reply { after.lateAddressIsOpen = false }
        return DeliveryPlan.textRoute(terms: terms, history: after) == nil
    }

    /// Whether a message on this way is a request of its own: to the late address, by the fallback, or on a channel without
    /// a line.
    func isAside(_ route: DeliveryRoute) -> Bool {
        route == .fallback || isLate(route) || route != .bubble && !channel.hasSession
    }

    /// Whether this is the one message to the late address.
    func isLate(_ route: DeliveryRoute) -> Bool { route == .reply && channel.lateReply != nil }

    /// Time has passed.
    mutating func tick(now: MonotonicInstant) {
        if let lateUntil, now >= lateUntil { history.lateAddressIsOpen = false }
    }

    mutating func online() {
        offlineSince = nil
        history.isStranded = false
    }

    /// Without a line nothing is to be done, unless the fallback takes over from one that is gone for long: when it does
    /// so, or nil when that is now.
    mutating func offlineWait(hasAnswer: Bool, patience: Duration, now: MonotonicInstant) -> MonotonicInstant? {
        let since = offlineSince ?? now
        offlineSince = since
        guard terms.fallback != nil, hasAnswer else { return now.advanced(by: .seconds(86_400)) }
        let instant = since.advanced(by: patience)
        guard now >= instant else { return instant }
        history.isStranded = true
        return nil
    }

    /// The fallback takes nothing for this person.
    mutating func loseFallback() {
        terms.fallback = nil
        history.isStranded = false
    }
}
