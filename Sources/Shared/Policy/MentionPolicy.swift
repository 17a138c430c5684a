/// Takes the bot's mention out of group messages.
///
/// The platform sends no list of mentions: they stand in the text as `@` or `＠` with the display name, which may hold
/// spaces, then usually one space, sometimes two or U+2005.
///
/// Which text is the mention:
/// 1. With a display name, `@` with that name (ASCII letter case and kind of white space aside), ended by white space, `/`, another
///    mention, CJK punctuation or the end of the text.
/// 2. With the account's name alone, the same; where it does not match, it may be a mere label, and rule 3 holds.
/// 3. Without a name, a leading `@`: up to a U+2005 in the same line; else up to a command, if only capitalised words
///    stand between (`@Claude Code /list`); else its first word.
///
/// Mentions are taken away at the start, at the end, and right behind a leading command (`/stop@Bot`). Mentions of others at the
/// start go only before a command: they say whom the message is about otherwise. Direct chats are never passed in here.
public enum MentionPolicy {
    /// Outcome of `strip`.
    public struct Result: Sendable, Hashable {
        /// Text without the bot's mention, trimmed of white space and zero-width characters; empty if there was nothing else.
        public let text: String
        /// Whether the bot's mention was found. A bot channel treats every group message as mentioned all the same.
        public let mentioned: Bool
    }

    /// Strips the bot's mention from the text of a group message.
    ///
    /// - Parameters:
    ///   - text: text as received.
    ///   - displayName: the bot's configured display name, nil or blank if unknown.
    ///   - accountName: the account's label, used when there is no display name.
    public static func strip(_ text: String, displayName: String?, accountName: String?) -> Result {
        var stripper = MentionStripper(
            text: MentionText.trimmed(Array(text.unicodeScalars)[...]), displayName: name(displayName),
            accountName: name(accountName))
        stripper.strip()
        var view = String.UnicodeScalarView()
        view.append(contentsOf: MentionText.trimmed(stripper.text))
        return Result(text: String(view), mentioned: stripper.mentioned)
    }

    private static func name(_ name: String?) -> [Unicode.Scalar]? {
        guard let name else { return nil }
        var scalars = MentionText.trimmed(Array(name.unicodeScalars)[...])
        if let first = scalars.first, MentionText.isAt(first) { scalars = scalars.dropFirst() }
        return scalars.isEmpty ? nil : Array(scalars)
    }
}

/// Scalars around mentions.
private enum MentionText {
    typealias Slice = ArraySlice<Unicode.Scalar>

    static func isAt(_ scalar: Unicode.Scalar) -> Bool { scalar == "@" || scalar == "＠" }

    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || VisibleText.isZeroWidth(scalar)
    }

    static func isEnd(_ scalar: Unicode.Scalar) -> Bool {
        if isSpace(scalar) || isAt(scalar) { return true }
        switch scalar {
        case "/", ",", "，", ":", "：", "。", "、", "！", "？", "；": return true
        default: return false
        }
    }

    static func trimmed(_ slice: Slice) -> Slice {
        var slice = slice.drop { isSpace($0) }
        while let last = slice.last, isSpace(last) { slice.removeLast() }
        return slice
    }

    /// Text after a mention: without the space, and the comma or colon, that set the mention off.
    static func afterMention(_ slice: Slice) -> Slice {
        var slice = slice
        if let first = slice.first, [",", "，", ":", "："].contains(first) { slice.removeFirst() }
        return slice.drop { isSpace($0) }
    }

    static func word(_ slice: Slice) -> Slice { slice.prefix { !isSpace($0) } }

    /// Length of a leading command name (`/` and letters, digits, `-` or `_`), 0 if there is none; a path is none.
    static func commandLength(_ slice: Slice) -> Int {
        guard slice.first == "/", slice.dropFirst().first?.properties.isAlphabetic == true else { return 0 }
        let name = slice.dropFirst().prefix {
            $0.properties.isAlphabetic || $0 == "-" || $0 == "_" || ("0"..."9").contains($0)
        }
        guard let next = slice.dropFirst(1 + name.count).first else { return 1 + name.count }
        return isSpace(next) || isAt(next) ? 1 + name.count : 0
    }
}

private struct MentionStripper {
    var text: MentionText.Slice
    let displayName: [Unicode.Scalar]?
    let accountName: [Unicode.Scalar]?
    private(set) var mentioned = false

    init(text: MentionText.Slice, displayName: [Unicode.Scalar]?, accountName: [Unicode.Scalar]?) {
        self.text = text
        self.displayName = displayName
        self.accountName = displayName == nil ? accountName : nil
    }

    mutating func strip() {
        stripLeading()
        stripBehindCommand()
        stripTrailing()
    }

    /// Takes the run of mentions at the start apart.
    private mutating func stripLeading() {
        var rest = text
        var others: [Unicode.Scalar] = []
        var isOurs = false
        while let first = rest.first, MentionText.isAt(first) {
            if let length = ours(rest) {
                isOurs = true
                rest = MentionText.afterMention(rest.dropFirst(length))
                continue
            }
            let word = MentionText.word(rest)
            let next = rest.dropFirst(word.count).drop { MentionText.isSpace($0) }
            others.append(contentsOf: rest[..<next.startIndex])
            rest = next
        }
        if !isOurs, displayName == nil, let length = guessed(text) {
            isOurs = true
            rest = MentionText.afterMention(text.dropFirst(length))
            others = []
            while let first = rest.first, MentionText.isAt(first) {
                let next = rest.dropFirst(MentionText.word(rest).count).drop { MentionText.isSpace($0) }
                others.append(contentsOf: rest[..<next.startIndex])
                rest = next
            }
        }
        guard isOurs else { return stripBeforeCommand() }
        mentioned = true
        text = MentionText.commandLength(rest) > 0 ? rest : (others + rest)[...]
    }

    /// Behind mentions of people whose names hold spaces, the bot's mention counts if a command follows it.
    private mutating func stripBeforeCommand() {
        guard let first = text.first, MentionText.isAt(first) else { return }
        for at in text.indices.dropFirst() where MentionText.isAt(text[at]) && MentionText.isSpace(text[at - 1]) {
            guard let length = ours(text[at...]) else { continue }
            let rest = MentionText.afterMention(text[(at + length)...])
            guard MentionText.commandLength(rest) > 0 else { continue }
            mentioned = true
            text = rest
            return
        }
    }

    private mutating func stripBehindCommand() {
        let command = MentionText.commandLength(text)
        guard command > 0, let at = text.dropFirst(command).first, MentionText.isAt(at) else { return }
        let mention = text.dropFirst(command)
        let length = ours(mention) ?? (displayName == nil ? MentionText.word(mention).count : 0)
        guard length > 1 else { return }
        mentioned = true
        let arguments = mention.dropFirst(length)
        text = (Array(text.prefix(command)) + arguments)[...]
    }

    private mutating func stripTrailing() {
        text = MentionText.trimmed(text)
        while let at = text.lastIndex(where: { MentionText.isAt($0) }) {
            let isFree = at == text.startIndex || MentionText.isSpace(text[at - 1])
            guard isFree, let length = ours(text[at...]), at + length == text.endIndex else { break }
            mentioned = true
            text = MentionText.trimmed(text[..<at])
        }
        guard !mentioned else { return }
        // In the middle it is part of the sentence, and stays.
        for at in text.indices where MentionText.isAt(text[at]) {
            let isFree = at == text.startIndex || MentionText.isSpace(text[at - 1])
            if isFree, ours(text[at...]) != nil { mentioned = true }
        }
    }

    /// Length of the bot's mention by its known name at the start of `slice`.
    private func ours(_ slice: MentionText.Slice) -> Int? {
        guard let name = displayName ?? accountName, let first = slice.first, MentionText.isAt(first) else {
            return nil
        }
        var rest = slice.dropFirst()
        var index = 0
        while index < name.count {
            guard let scalar = rest.first else { return nil }
            if MentionText.isSpace(name[index]) {
                guard MentionText.isSpace(scalar) else { return nil }
                while index < name.count, MentionText.isSpace(name[index]) { index += 1 }
                rest = rest.drop { MentionText.isSpace($0) }
                continue
            }
            guard lowercased(scalar) == lowercased(name[index]) else { return nil }
            rest = rest.dropFirst()
            index += 1
        }
        if let next = rest.first, !MentionText.isEnd(next) { return nil }
        return rest.startIndex - slice.startIndex
    }

    private func lowercased(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        guard scalar.isASCII else { return scalar }
        return Unicode.Scalar(ASCII.lowercased(UInt8(scalar.value)))
    }

    /// Length of a leading mention whose name is not known.
    private func guessed(_ slice: MentionText.Slice) -> Int? {
        guard let first = slice.first, MentionText.isAt(first) else { return nil }
        let word = MentionText.word(slice)
        guard word.count > 1 else { return nil }
        let head = slice.prefix(64).prefix { $0 != "\n" }
        if let end = head.firstIndex(of: "\u{2005}"),
            !head[word.endIndex..<end].contains(where: { MentionText.isAt($0) })
        {
            return end - slice.startIndex
        }
        var end = word.endIndex
        for _ in 0..<3 {
            let next = slice[end...].drop { MentionText.isSpace($0) }
            if MentionText.commandLength(next) > 0 { return end - slice.startIndex }
            let part = MentionText.word(next)
            guard let initial = part.first, initial.properties.isUppercase || ("0"..."9").contains(initial) else {
                break
            }
            guard part.allSatisfy({ $0.properties.isAlphabetic || ("0"..."9").contains($0) }) else { break }
            end = part.endIndex
        }
        return word.count
    }
}
