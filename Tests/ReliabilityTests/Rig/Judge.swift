import Simulator

/// Compares what people see with what they asked, unit by unit.
struct Judge {
    /// What is to be seen of one question, anywhere.
    struct Sighting {
        /// How often each piece of text is to be seen.
        var units: [Int: Int] = [:]
        var cards = 0
        /// Cards in the words that take their place where no card can be shown.
        var cardTexts = 0
        var files = 0
        /// Lines that say that a file cannot be sent.
        var regrets = 0
        /// Whether a line says that the rest of a long answer is not shown.
        var isCut = false
        /// Words or files that are not what was asked for.
        var faults: [String] = []
        var strangers: Set<ConversationKey> = []

        mutating func add(_ other: Sighting) {
            units.merge(other.units, uniquingKeysWith: +)
            cards += other.cards
            cardTexts += other.cardTexts
            files += other.files
            regrets += other.regrets
            isCut = isCut || other.isCut
            faults += other.faults
        }

        var most: Int { max(units.values.max() ?? 0, cards + cardTexts, files + regrets) }

        /// Every piece is to be seen, as far as the side can carry it.
        func isComplete(_ question: Question) -> Bool {
            (0..<leastUnits(question)).allSatisfy { units[$0] != nil }
                && (question.kind != .card || cards > 0 || question.side.isCalled && cardTexts > 0)
                && (!question.hasFile || files > 0 || question.side == .hook && regrets > 0)
        }

        /// A bot without an application beside it ends a long answer after its one bubble and its one further message, with a
        /// line; or after that message, when nobody asked for the bubble.
        private func leastUnits(_ question: Question) -> Int {
            guard question.side == .hook, question.kind == .long, isCut, let last = units.keys.max() else {
                return question.kind.units
            }
            return max(last + 1, Self.unitsOfOneMessage)
        }

        /// Pieces of a long answer that fit into one message of 20,480 bytes, at least.
        private static let unitsOfOneMessage = 190

        /// Every piece is to be seen, and right.
        func isWhole(_ question: Question) -> Bool { faults.isEmpty && isComplete(question) }

        func summary(_ question: Question) -> String {
            let seen = (0..<question.kind.units).count { units[$0] != nil }
            let twice = units.values.count { $0 > 1 }
            return
                "\(seen)/\(question.kind.units) units, \(twice) of them more than once, \(cards) cards, \(files) files"
                + (cardTexts > 0 ? ", \(cardTexts) cards as text" : "") + (regrets > 0 ? ", \(regrets) regrets" : "")
                + (isCut ? ", cut with a line" : "")
                + (faults.isEmpty ? "" : ", \(faults.joined(separator: ", "))")
        }
    }

    private var cache: [String: (time: Int, found: [String: Sighting])] = [:]

    /// Everything that bots show, by tag. `view` gives what is to be seen in a conversation, `media` the bytes of a file.
    mutating func look(
        at view: (ConversationKey) -> [Entry], media: (String) -> [UInt8]?, questions: [Question]
    ) -> [String: Sighting] {
        let byTag = Dictionary(questions.map { ($0.tag, $0) }, uniquingKeysWith: { first, _ in first })
        let conversations = questions.reduce(into: Set<ConversationKey>()) { $0.formUnion($1.conversations) }
        var result: [String: Sighting] = [:]
        for conversation in conversations {
            for entry in view(conversation) where entry.from == .bot {
                for (tag, found) in sightings(in: entry, of: byTag, media) {
                    result[tag, default: Sighting()].add(found)
                    if byTag[tag]?.conversations.contains(conversation) != true {
                        result[tag]?.strangers.insert(conversation)
                    }
                }
            }
        }
        return result
    }

    private mutating func sightings(
        in entry: Entry, of questions: [String: Question], _ bytes: (String) -> [UInt8]?
    ) -> [String: Sighting] {
        if let known = cache[entry.id], known.time == entry.updatedAt { return known.found }
        var found: [String: Sighting] = [:]
        let text = Array((entry.content ?? "").utf8)
        for (tag, number) in Self.units(in: text) { found[tag, default: Sighting()].units[number, default: 0] += 1 }
        for (tag, sighting) in found {
            guard let question = questions[tag], question.kind == .media, !sighting.units.isEmpty else { continue }
            if entry.content?.contains(question.digest) != true {
                found[tag]?.faults.append("another file: \(entry.content?.prefix(120) ?? "")")
            }
        }
        if let content = entry.content { Self.look(for: content, among: questions, in: &found) }
        if entry.kind == .card, let tag = entry.card?["main_title"]?["title"]?.stringValue {
            found[tag, default: Sighting()].cards += 1
        }
        if entry.kind == .file, let media = entry.media,
            let tag = media.name.split(separator: ".").first.map(String.init)
        {
            found[tag, default: Sighting()].files += 1
            if bytes(media.id) != questions[tag]?.answerFile {
                found[tag]?.faults.append("wrong bytes in \(media.name)")
            }
        }
        cache[entry.id] = (entry.updatedAt, found)
        return found
    }

    /// What stands in the place of cards and files, and of the rest of a long answer.
    private static func look(
        for content: String, among questions: [String: Question], in found: inout [String: Sighting]
    ) {
        if content.contains("回答过长") { for tag in found.keys { found[tag]?.isCut = true } }
        for piece in content.ranges(of: "a card of its own") {
            let before = content[..<piece.lowerBound].suffix(40)
            if let tag = before.matches(of: /m[0-9]{5,}/).last.map({ String($0.output) }), questions[tag] != nil {
                found[tag, default: Sighting()].cardTexts += 1
            }
        }
        for piece in content.matches(of: /(m[0-9]{5,})\.txt：/) where questions[String(piece.output.1)] != nil {
            found[String(piece.output.1), default: Sighting()].regrets += 1
        }
    }

    /// Every `m00042.007` in a text.
    static func units(in text: [UInt8]) -> [(tag: String, number: Int)] {
        var result: [(tag: String, number: Int)] = []
        var index = 0
        while let start = text[index...].firstIndex(of: UInt8(ascii: "m")) {
            index = start + 1
            guard let dot = end(ofDigits: text, from: index), dot - index >= 5, dot < text.count,
                text[dot] == UInt8(ascii: "."), let end = end(ofDigits: text, from: dot + 1), end - dot == 4,
                let number = Int(String(decoding: text[dot + 1..<end], as: UTF8.self))
            else { continue }
            result.append((String(decoding: text[start..<dot], as: UTF8.self), number))
            index = end
        }
        return result
    }

    private static func end(ofDigits text: [UInt8], from start: Int) -> Int? {
        var index = start
        while index < text.count, (0x30...0x39).contains(text[index]) { index += 1 }
        return index > start ? index : nil
    }
}
