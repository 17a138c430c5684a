/// Which ways an answer may take, in order of preference: a pure function of what it is, what the channel can carry, and
/// what has happened so far (protocol reference, sections 10, 15 and 19).
///
/// Text: the open bubble is sealed, else a further bubble at the same reply address, else (for clients that take no
/// streams) Markdown there, else a push. Media: at the reply address while it is open, else a push. Cards: a push first,
/// since a card at a reply address may end it for everything that follows; what cannot carry cards gets their text.
public struct DeliveryPlan: Hashable, Sendable {
    /// What has happened so far.
    public struct History: Hashable, Sendable {
        /// Whether the reply address can be used: there is one, its window is open, and it was not refused.
        public var addressIsOpen: Bool
        /// Whether the address is good on the connection of now: the message came on it, or something was acknowledged there
        /// since. Where it is not, silence may be a refusal whose ack got lost.
        public var addressIsProven: Bool
        /// Whether the person's client takes bubbles.
        public var takesStreams: Bool

        /// Creates a history.
        public init(addressIsOpen: Bool, addressIsProven: Bool = true, takesStreams: Bool = true) {
            self.addressIsOpen = addressIsOpen
            self.addressIsProven = addressIsProven
            self.takesStreams = takesStreams
        }
    }

    /// Whether silence on a line that lives means delivery. The platform had the message, since order is kept; one at an
    /// address of an earlier connection it may have refused, and a refusal is an ack that gets lost like others.
    static func believesSilence(on route: DeliveryRoute, capabilities: Capabilities, history: History) -> Bool {
        route == .push || history.addressIsProven || !capabilities.pushes
    }

    /// What is to be delivered.
    public enum Content: Hashable, Sendable {
        /// Markdown.
        case text
        /// Template card.
        case card
        /// Uploaded media.
        case media(MediaReference.Kind)
    }

    /// Ways in order of preference; empty when the content cannot be carried.
    public static func routes(
        for content: Content, capabilities: Capabilities, history: History
    ) -> [DeliveryRoute] {
        let push: [DeliveryRoute] = capabilities.pushes ? [.push] : []
        switch content {
        case .text:
            guard let first = textRoute(capabilities: capabilities, history: history) else { return [] }
            return first == .push ? push : [first] + push
        case .media(let kind):
            guard capabilities.mediaOut.contains(kind) else { return [] }
            return (history.addressIsOpen ? [.reply] : []) + push
        case .card:
            guard capabilities.cards else { return [] }
            return push + (history.addressIsOpen ? [.reply] : [])
        }
    }

    /// Preferred way for text, asked for with every frame; nil when it cannot be carried.
    public static func textRoute(capabilities: Capabilities, history: History) -> DeliveryRoute? {
        guard history.addressIsOpen else { return capabilities.pushes ? .push : nil }
        return capabilities.streams && history.takesStreams ? .bubble : .reply
    }
}
