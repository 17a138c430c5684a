/// Which ways an answer may take, in order of preference: a pure function of what it is, what the channels can carry, and
/// what has happened so far (protocol reference, sections 10, 15 and 19).
///
/// Text: the open bubble is sealed, else a further bubble at the same reply address, else (for clients that take no
/// streams) Markdown there, else the one late message that the address takes, else a push, else the fallback: another
/// channel of the same account that reaches the same person. Media: at the reply address while it is open, else a push,
/// else the fallback. Cards: a push first, since a card at a reply address may end it for everything that follows; what
/// cannot carry cards gets their text.
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
        /// Whether the message can have one more bubble, or has one that is open.
        public var bubblesAreLeft: Bool
        /// Whether the late address is there, unused and not too old.
        public var lateAddressIsOpen: Bool
        /// Whether pushes to the conversation are taken, as far as is known.
        public var pushIsOpen: Bool
        /// Whether the line has been gone for so long that the fallback goes first.
        public var isStranded: Bool

        /// Creates a history.
        public init(
            addressIsOpen: Bool, addressIsProven: Bool = true, takesStreams: Bool = true, bubblesAreLeft: Bool = true,
            lateAddressIsOpen: Bool = false, pushIsOpen: Bool = true, isStranded: Bool = false
        ) {
            self.addressIsOpen = addressIsOpen
            self.addressIsProven = addressIsProven
            self.takesStreams = takesStreams
            self.bubblesAreLeft = bubblesAreLeft
            self.lateAddressIsOpen = lateAddressIsOpen
            self.pushIsOpen = pushIsOpen
            self.isStranded = isStranded
        }
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

    /// Where a message stands: who said it, and what can be used for its answer.
    public struct Terms: Hashable, Sendable {
        /// Kind of the conversation.
        public var conversation: Conversation.Kind
        /// The channel that it came on.
        public var channel: Capabilities
        /// Another channel that reaches the same person; nil: none.
        public var fallback: Capabilities?

        /// Creates terms.
        public init(conversation: Conversation.Kind = .direct, channel: Capabilities, fallback: Capabilities? = nil) {
            self.conversation = conversation
            self.channel = channel
            self.fallback = fallback
        }
    }

    /// Whether silence on a line that lives means delivery. The platform had the message, since order is kept; one at an
    /// address of an earlier connection it may have refused, and a refusal is an ack that gets lost like others.
    static func believesSilence(on route: DeliveryRoute, terms: Terms, history: History) -> Bool {
        route == .push || route == .fallback || history.addressIsProven || !terms.channel.pushes
    }

    /// Ways in order of preference; empty when the content cannot be carried.
    public static func routes(for content: Content, terms: Terms, history: History) -> [DeliveryRoute] {
        let push: [DeliveryRoute] = terms.channel.pushes && history.pushIsOpen ? [.push] : []
        var own: [DeliveryRoute]
        switch content {
        case .text:
            own = textRoute(on: terms.channel, history: history).map { $0 == .push ? [] : [$0] } ?? []
            own += push
        case .media(let kind):
            let isSent = terms.channel.mediaOut.contains(kind) && terms.channel.bubbleImages == nil
            own = isSent ? (history.addressIsOpen ? [.reply] : []) + push : []
        case .card:
            own = terms.channel.cards ? push + (takesCard(terms, history) ? [.reply] : []) : []
        }
        guard carries(content, terms.fallback) else { return own }
        return history.isStranded ? [.fallback] : own + [.fallback]
    }

    /// Preferred way for text, asked for with every frame; nil when it cannot be carried.
    public static func textRoute(terms: Terms, history: History) -> DeliveryRoute? {
        if history.isStranded, terms.fallback != nil { return .fallback }
        return textRoute(on: terms.channel, history: history) ?? (terms.fallback == nil ? nil : .fallback)
    }

    private static func textRoute(on channel: Capabilities, history: History) -> DeliveryRoute? {
        if history.addressIsOpen {
            if channel.streams, history.takesStreams {
                if history.bubblesAreLeft { return .bubble }
            } else if channel.lateReply == nil {
                return .reply
            }
        }
        if history.lateAddressIsOpen, channel.lateReply != nil { return .reply }
        return channel.pushes && history.pushIsOpen ? .push : nil
    }

    /// Whether a card can be the message at the reply address.
    private static func takesCard(_ terms: Terms, _ history: History) -> Bool {
        guard let late = terms.channel.lateReply else { return history.addressIsOpen }
        return history.lateAddressIsOpen && late.cards.contains(terms.conversation)
    }

    private static func carries(_ content: Content, _ fallback: Capabilities?) -> Bool {
        guard let fallback else { return false }
        return switch content {
        case .text: true
        case .card: fallback.cards
        case .media(let kind): fallback.mediaOut.contains(kind)
        }
    }
}
