import Simulator

/// Compares what people see with what they asked, unit by unit.
struct Judge {
    /// What is to be seen of one question, anywhere.
    struct Sighting {
        /// How often each piece of text is to be seen.
        var units: [Int: Int] = [:]
        var cards = 0
        var files = 0
        /// Words or files that are not what was asked for.
        var faults: [String] = []
        var strangers: Set<ConversationKey> = []

        mutating func add(_ other: Sighting) {
            units.merge(other.units, uniquingKeysWith: +)
            cards += other.cards
            files += other.files
            faults += other.faults
        }

        var most: Int { max(units.values.max() ?? 0, cards, files) }

        /// Every piece is to be seen.
        func isComplete(_ question: Question) -> Bool {
            (0..<question.kind.units).allSatisfy { units[$0] != nil } && (question.kind != .card || cards > 0)
                && (!question.hasFile || files > 0)
        }

        /// Every piece is to be seen, and right.
        func isWhole(_ question: Question) -> Bool { faults.isEmpty && isComplete(question) }

        func summary(_ question: Question) -> String {
            let seen = (0..<question.kind.units).count { units[$0] != nil }
            let twice = units.values.count { $0 > 1 }
            return
                "\(seen)/\(question.kind.units) units, \(twice) of them more than once, \(cards) cards, \(files) files"
                + (faults.isEmpty ? "" : ", \(faults.joined(separator: ", "))")
        }
    }

    private var cache: [String: (time: Int, found: [String: Sighting])] = [:]

    /// Everything that bots show, by tag. `view` gives what is to be seen in a conversation, `media` the bytes of a file.
    mutating func look(
        at view: (ConversationKey) -> [Entry], media: (String) -> [UInt8]?, questions: [Question]
    ) -> [String: Sighting] {
        let byTag = Dictionary(questions.map { ($0.tag, $0) }, uniquingKeysWith: { first, _ in first })
        let conversations = Set(questions.map(\.conversation))
        var result: [String: Sighting] = [:]
        for conversation in conversations {
            for entry in view(conversation) where entry.from == .bot {
                for (tag, found) in sightings(in: entry, of: byTag, media) {
                    result[tag, default: Sighting()].add(found)
                    if byTag[tag]?.conversation != conversation { result[tag]?.strangers.insert(conversation) }
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
