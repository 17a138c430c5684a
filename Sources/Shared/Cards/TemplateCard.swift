import Foundation

/// A template card, as the platform shows it. A message of its own; clicks come back by its task id (WS-18).
///
/// `init(json:)` reads what models and people write; coding reads and writes the platform's JSON as it is, unchecked.
public enum TemplateCard: Hashable, Sendable {
    /// Notice of text.
    case textNotice(TextNoticeCard)
    /// Notice with a picture.
    case newsNotice(NewsNoticeCard)
    /// Buttons.
    case buttonInteraction(ButtonInteractionCard)
    /// Vote.
    case voteInteraction(VoteInteractionCard)
    /// Form of drop-down lists.
    case multipleInteraction(MultipleInteractionCard)

    /// Wire names of the five types.
    enum Kind: String, CaseIterable, Codable {
        case textNotice = "text_notice"
        case newsNotice = "news_notice"
        case buttonInteraction = "button_interaction"
        case voteInteraction = "vote_interaction"
        case multipleInteraction = "multiple_interaction"
    }

    var kind: Kind {
        switch self {
        case .textNotice: .textNotice
        case .newsNotice: .newsNotice
        case .buttonInteraction: .buttonInteraction
        case .voteInteraction: .voteInteraction
        case .multipleInteraction: .multipleInteraction
        }
    }

    /// Wire name of the type, for example `button_interaction`.
    public var cardType: String { kind.rawValue }

    /// Id by which clicks come back; nil until `withTaskID` gives one.
    public var taskID: String? {
        switch self {
        case .textNotice(let card): card.taskID
        case .newsNotice(let card): card.taskID
        case .buttonInteraction(let card): card.taskID
        case .voteInteraction(let card): card.taskID
        case .multipleInteraction(let card): card.taskID
        }
    }

    /// Same card with another task id; one that the platform would not take (see `TaskIDGenerator.isValid`) changes nothing.
    public func withTaskID(_ id: String) -> TemplateCard {
        guard TaskIDGenerator.isValid(id) else { return self }
        switch self {
        case .textNotice(var card):
            card.taskID = id
            return .textNotice(card)
        case .newsNotice(var card):
            card.taskID = id
            return .newsNotice(card)
        case .buttonInteraction(var card):
            card.taskID = id
            return .buttonInteraction(card)
        case .voteInteraction(var card):
            card.taskID = id
            return .voteInteraction(card)
        case .multipleInteraction(var card):
            card.taskID = id
            return .multipleInteraction(card)
        }
    }

    /// Whether a click on it can come back: the three interactive types, and notices with a menu. Needs a task id.
    public var isInteractive: Bool {
        switch self {
        case .textNotice(let card): card.menu != nil
        case .newsNotice(let card): card.menu != nil
        case .buttonInteraction, .voteInteraction, .multipleInteraction: true
        }
    }

    /// The platform's JSON in canonical form: keys sorted, no white space, integers as numbers.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // An infinite aspect ratio is no valid card, but must not make this one fail.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}

extension TemplateCard: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind = "card_type"
    }

    /// Reads the platform's JSON without checking limits.
    public init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: CodingKeys.self).decode(Kind.self, forKey: .kind) {
        case .textNotice: self = .textNotice(try TextNoticeCard(from: decoder))
        case .newsNotice: self = .newsNotice(try NewsNoticeCard(from: decoder))
        case .buttonInteraction: self = .buttonInteraction(try ButtonInteractionCard(from: decoder))
        case .voteInteraction: self = .voteInteraction(try VoteInteractionCard(from: decoder))
        case .multipleInteraction: self = .multipleInteraction(try MultipleInteractionCard(from: decoder))
        }
    }

    /// Writes the platform's JSON.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .textNotice(let card): try card.encode(to: encoder)
        case .newsNotice(let card): try card.encode(to: encoder)
        case .buttonInteraction(let card): try card.encode(to: encoder)
        case .voteInteraction(let card): try card.encode(to: encoder)
        case .multipleInteraction(let card): try card.encode(to: encoder)
        }
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
    }
}
