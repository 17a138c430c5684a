/// Takes the cards out of an answer while it streams (WS-18).
///
/// A card is an object whose first key is `template_card` (or `msgtype`, with the card further on), anywhere in the text or as
/// all that a code fence without language, or of `json`, holds; or a card object alone that is the whole answer. Objects in
/// other code blocks and behind a backtick are shown, not meant. Text is held back only while it may still become a card,
/// 64 KiB at most; what becomes none comes out as it was. The result does not depend on how the text was divided.
///
/// Use a new one when the text is replaced. At most eight cards come out of one answer; further ones stay text.
public struct CardExtractor: Sendable {
    /// Most cards of one answer (ours: each is a message that counts against the quota).
    public static let maxCards = 8
    private static let maxProblems = 8

    private var fences = FenceTracker()
    private var candidate: CardCandidate?
    private var held: [UInt8] = []
    /// Whether only white space was shown.
    private var isAtStart = true
    private var cards: [TemplateCard] = []
    private var problems: [CardProblem] = []

    /// Makes an extractor at the start of an answer.
    public init() {}

    /// Takes the next part of the answer; returns what may be shown now.
    public mutating func feed(_ delta: String) -> String {
        var delta = delta
        var output: [UInt8] = []
        let isWhole = delta.withUTF8 { scan($0, &output) }
        return isWhole ? delta : String(decoding: output, as: UTF8.self)
    }

    /// Ends the answer; returns the rest of its text, its cards, and why objects that look like cards stayed text.
    public mutating func finish() -> (text: String, cards: [TemplateCard], problems: [CardProblem]) {
        var output: [UInt8] = []
        if candidate?.isCompleteAtEnd ?? false { settle(&output) } else { release(&output) }
        defer { self = CardExtractor() }
        return (String(decoding: output, as: UTF8.self), cards, problems)
    }

    /// Whether all of `bytes` may be shown and nothing else; if not, what may is in `output`.
    private mutating func scan(_ bytes: UnsafeBufferPointer<UInt8>, _ output: inout [UInt8]) -> Bool {
        // Bytes before this one are in the output or held.
        var pending = 0
        var index = 0
        while index < bytes.count {
            if candidate == nil {
                index = skipText(bytes, from: index)
                guard index < bytes.count else { break }
                output.append(contentsOf: bytes[pending..<index])
                candidate = CardCandidate(first: bytes[index], mayBeBare: isAtStart)
                held.append(bytes[index])
                index += 1
            } else {
                index += step(bytes[index], &output)
            }
            pending = index
        }
        if pending == 0, output.isEmpty { return true }
        output.append(contentsOf: bytes[pending...])
        return false
    }

    /// Shows a byte to the candidate; returns 1 if it was used up, else 0.
    private mutating func step(_ byte: UInt8, _ output: inout [UInt8]) -> Int {
        switch candidate?.advance(byte) ?? .rejected {
        case .more:
            held.append(byte)
            return 1
        case .taken:
            held.append(byte)
            settle(&output)
            return 1
        case .complete:
            settle(&output)
            return 0
        case .rejected:
            release(&output)
            return 0
        }
    }

    /// Index of the first byte from `start` on that may begin a card; `bytes.count` if there is none.
    private mutating func skipText(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            if fences.isMidLine, !isAtStart {
                let brace = fences.isInside ? ASCII.lineFeed : UInt8(ascii: "{")
                let begin = index
                while index < bytes.count, bytes[index] != ASCII.lineFeed, bytes[index] != brace { index += 1 }
                if index > begin { fences.skipRest(last: bytes[index - 1]) }
                guard index < bytes.count else { return index }
            }
            if begins(bytes[index]) { return index }
            show(bytes[index])
            index += 1
        }
        return index
    }

    private func begins(_ byte: UInt8) -> Bool {
        if fences.isInside { return false }
        if byte == UInt8(ascii: "{") { return fences.previous != ASCII.backtick }
        return FenceTracker.isFence(byte) && fences.isLineStart
    }

    private mutating func show(_ byte: UInt8) {
        fences.advance(byte)
        if !ASCII.isWhitespace(byte) { isAtStart = false }
    }

    /// Makes a card of what is held, or gives it back.
    private mutating func settle(_ output: inout [UInt8]) {
        guard let candidate, candidate.object.upperBound <= held.count else { return release(&output) }
        do throws(CardProblem) {
            let card = try TemplateCard(json: String(decoding: held[candidate.object], as: UTF8.self))
            guard cards.count < Self.maxCards else {
                throw CardProblem(
                    "template_card", "is one too many", "Keep at most \(Self.maxCards) cards in an answer")
            }
            cards.append(card)
        } catch {
            // Other JSON that happens to begin like a card is no mistake of anybody.
            let isMeant = candidate.isNamed || !["", "card_type"].contains(error.field)
            if isMeant, problems.count < Self.maxProblems { problems.append(error) }
            return release(&output)
        }
        fences.skipCard()
        isAtStart = false
        held = []
        self.candidate = nil
    }

    private mutating func release(_ output: inout [UInt8]) {
        output.append(contentsOf: held)
        for byte in held { show(byte) }
        held = []
        candidate = nil
    }
}
