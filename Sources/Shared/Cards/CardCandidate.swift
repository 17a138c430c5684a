/// Follows, byte by byte, what may turn out to be a card: an object, alone or as all that a code fence holds.
///
/// Decides by the first key, so that other objects are let go after a few bytes. Whether what is complete really is a card is
/// for `TemplateCard` to say. Invariant: `object` is within the bytes taken once the object has ended.
struct CardCandidate: Sendable {
    enum Verdict {
        /// The byte belongs to it.
        case more
        /// The byte belongs to it and ends it.
        case taken
        /// It ended before this byte.
        case complete
        /// It is not one; the byte does not belong to it.
        case rejected
    }

    private enum Stage {
        case fenceRun
        case fenceInfo
        case beforeObject
        case beforeKey
        case key
        case beforeColon
        case beforeValue
        case object
        case string
        case escape
        case afterObject
        case closingRun(Int)
        case closingBlanks
        case wholeTail
    }

    /// Most bytes that are held back; more is text.
    static let maxBytes = 64 << 10
    private static let maxDepth = 32
    private static let wrapper = Array("template_card".utf8)
    /// First keys of an object that may hold a card anywhere in an answer: `msgtype` stands in a message body around it.
    private static let anywhere = [wrapper, Array("msgtype".utf8)]
    /// First keys of a card that is the whole answer.
    private static let whole =
        anywhere
        + [
            "card_type", "source", "main_title", "task_id", "action_menu", "card_action", "sub_title_text",
            "emphasis_content",
            "quote_area", "horizontal_content_list", "jump_list", "card_image", "image_text_area",
            "vertical_content_list",
            "button_selection", "button_list", "checkbox", "submit_button", "select_list", "feedback",
        ].map { Array($0.utf8) }

    private var stage: Stage
    private var count = 1
    private var fence: (byte: UInt8, count: Int)?
    private var info: [UInt8] = []
    private var name: [UInt8] = []
    private let mayBeBare: Bool
    /// Whether it counts only as the whole answer.
    private var isBare = false
    private var depth = 0
    private var objectStart = 0
    private var objectEnd = 0

    /// Begins with `first`: an opening brace, or a character of a fence.
    init(first: UInt8, mayBeBare: Bool) {
        self.mayBeBare = mayBeBare
        if FenceTracker.isFence(first) {
            fence = (first, 1)
            stage = .fenceRun
        } else {
            stage = .beforeKey
        }
    }

    /// Bytes of the object among those taken.
    var object: Range<Int> { objectStart..<objectEnd }

    /// Whether its first key says that it is meant as a card.
    var isNamed: Bool { name == Self.wrapper }

    /// Whether it is complete if the text ends here.
    var isCompleteAtEnd: Bool {
        switch stage {
        case .closingRun(let run): run >= fence?.count ?? 0
        case .closingBlanks, .wholeTail: true
        default: false
        }
    }

    mutating func advance(_ byte: UInt8) -> Verdict {
        guard count < Self.maxBytes else { return .rejected }
        let verdict =
            switch stage {
            case .fenceRun, .fenceInfo, .beforeObject: opening(byte)
            case .beforeKey, .key, .beforeColon, .beforeValue: firstKey(byte)
            case .object, .string, .escape: inside(byte)
            case .afterObject, .closingRun, .closingBlanks, .wholeTail: closing(byte)
            }
        switch verdict {
        case .more, .taken: count += 1
        case .complete, .rejected: break
        }
        return verdict
    }

    private mutating func opening(_ byte: UInt8) -> Verdict {
        switch stage {
        case .fenceRun:
            guard let fence else { return .rejected }
            if byte == fence.byte {
                self.fence = (byte, fence.count + 1)
                return .more
            }
            guard fence.count >= 3 else { return .rejected }
            stage = .fenceInfo
            return opening(byte)
        case .fenceInfo:
            if byte == ASCII.lineFeed {
                stage = .beforeObject
                return .more
            }
            if ASCII.isWhitespace(byte) { return .more }
            // Blocks in other languages show a card, they do not mean one.
            info.append(ASCII.lowercased(byte))
            return "json5".utf8.starts(with: info) ? .more : .rejected
        default:
            if ASCII.isWhitespace(byte) { return .more }
            guard byte == UInt8(ascii: "{") else { return .rejected }
            objectStart = count
            stage = .beforeKey
            return .more
        }
    }

    private mutating func firstKey(_ byte: UInt8) -> Verdict {
        if case .key = stage { return key(byte) }
        if ASCII.isWhitespace(byte) { return .more }
        switch (stage, byte) {
        case (.beforeKey, UInt8(ascii: "\"")): stage = .key
        case (.beforeColon, ASCII.colon): stage = .beforeValue
        case (.beforeValue, UInt8(ascii: "{")):
            depth = 2
            stage = .object
        default: return .rejected
        }
        return .more
    }

    private mutating func key(_ byte: UInt8) -> Verdict {
        let names = mayBeBare ? Self.whole : Self.anywhere
        guard byte == UInt8(ascii: "\"") else {
            name.append(byte)
            return names.contains { $0.starts(with: name) } ? .more : .rejected
        }
        guard names.contains(name) else { return .rejected }
        isBare = !Self.anywhere.contains(name)
        depth = 1
        stage = isNamed ? .beforeColon : .object
        return .more
    }

    /// Only as strict as it takes to notice soon that it is not JSON, and that an object never ends.
    private mutating func inside(_ byte: UInt8) -> Verdict {
        if case .escape = stage {
            stage = .string
            return byte < ASCII.space ? .rejected : .more
        }
        if case .string = stage {
            if byte < ASCII.space { return .rejected }
            if byte == ASCII.backslash { stage = .escape }
            if byte == UInt8(ascii: "\"") { stage = .object }
            return .more
        }
        switch byte {
        case UInt8(ascii: "\""): stage = .string
        case UInt8(ascii: "{"), ASCII.openBracket:
            depth += 1
            return depth > Self.maxDepth ? .rejected : .more
        case UInt8(ascii: "}"), ASCII.closeBracket:
            depth -= 1
            if depth == 0 { return endObject() }
        case ASCII.colon, UInt8(ascii: ","), ASCII.minus, ASCII.plus, ASCII.dot: break
        case 0x80...: return .rejected
        default: return ASCII.isWhitespace(byte) || ASCII.isWord(byte) ? .more : .rejected
        }
        return .more
    }

    private mutating func endObject() -> Verdict {
        objectEnd = count + 1
        if fence != nil {
            stage = .afterObject
            return .more
        }
        guard isBare else { return .taken }
        stage = .wholeTail
        return .more
    }

    private mutating func closing(_ byte: UInt8) -> Verdict {
        switch stage {
        case .closingRun(let run) where byte == fence?.byte:
            stage = .closingRun(run + 1)
            return .more
        case .closingRun(let run):
            guard run >= fence?.count ?? 0 else { return .rejected }
            stage = .closingBlanks
            return closing(byte)
        case .closingBlanks where byte == ASCII.lineFeed && !isBare: return .complete
        case .closingBlanks where byte == ASCII.lineFeed: stage = .wholeTail
        case .afterObject where byte == fence?.byte: stage = .closingRun(1)
        default: return ASCII.isWhitespace(byte) ? .more : .rejected
        }
        return .more
    }
}
