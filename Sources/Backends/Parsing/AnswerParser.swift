import Shared

/// What a piece of a command's or service's answer means.
enum AnswerEvent: Sendable, Equatable {
    /// Text to add: of a `delta`, or a piece of a plain answer.
    case delta(String)
    /// The whole text so far.
    case text(String)
    /// Reasoning to add.
    case thinking(String)
    /// A file by path or URL.
    case file(location: String, kind: MediaReference.Kind?, name: String?)
    /// A template card as JSON text.
    case card(json: String)
    /// The task failed; words for the person.
    case error(String)
    /// The answer is complete.
    case done
}

/// Incremental reader of an answer: plain UTF-8 text, or one JSON object per line.
///
/// The first line that is not blank decides: an object with one of the known keys, or with `template_card`, makes
/// JSON lines; anything else makes the whole answer plain text, streamed as it comes. Among JSON lines, a line that
/// is no object is text, and an object without a known key is ignored. A first line beyond the bound makes plain
/// text; a later one is a problem.
struct AnswerParser: Sendable {
    private enum Mode {
        case undecided(held: [UInt8], sawBrace: Bool)
        case plain(UTF8Assembler)
        case lines(LineSplitter)
    }

    private let limit: Int
    private let expectsOneObject: Bool
    private var mode = Mode.undecided(held: [], sawBrace: false)

    /// Creates a parser.
    ///
    /// - Parameters:
    ///   - maxLineBytes: bound of one line.
    ///   - expectsOneObject: whether the input may be one JSON object over several lines; then an input that begins
    ///     with a brace is held back until it ends or is known to be JSON lines.
    init(maxLineBytes: Int, expectsOneObject: Bool = false) {
        limit = maxLineBytes
        self.expectsOneObject = expectsOneObject
    }

    /// Takes bytes and adds what they mean to `events`.
    mutating func feed(_ bytes: some Collection<UInt8>, into events: inout [AnswerEvent]) throws(LineTooLong) {
        switch mode {
        case .plain(var assembler):
            let text = assembler.feed(bytes)
            mode = .plain(assembler)
            if !text.isEmpty { events.append(.delta(text)) }
        case .lines(var splitter):
            mode = .plain(UTF8Assembler())
            for byte in bytes {
                if let line = try splitter.feed(byte) { events += Self.events(ofLine: line) }
            }
            mode = .lines(splitter)
        case .undecided(let held, let sawBrace):
            try decide(held: held, sawBrace: sawBrace, bytes: bytes, into: &events)
        }
    }

    /// Ends the input.
    mutating func finish(into events: inout [AnswerEvent]) {
        switch mode {
        case .undecided(let held, _):
            if let object = Self.knownObject(held) {
                events += Self.events(of: object)
            } else if !held.isEmpty {
                events.append(.delta(String(decoding: held, as: UTF8.self)))
            }
        case .plain(var assembler):
            let text = assembler.finish()
            if !text.isEmpty { events.append(.delta(text)) }
        case .lines(var splitter):
            if let line = splitter.finish() { events += Self.events(ofLine: line) }
        }
        mode = .plain(UTF8Assembler())
    }

    private mutating func decide(
        held: [UInt8], sawBrace: Bool, bytes: some Collection<UInt8>, into events: inout [AnswerEvent]
    ) throws(LineTooLong) {
        var held = held
        var sawBrace = sawBrace
        mode = .plain(UTF8Assembler())
        var index = bytes.startIndex
        while index != bytes.endIndex {
            let byte = bytes[index]
            bytes.formIndex(after: &index)
            held.append(byte)
            if !sawBrace {
                if Self.isBlank(byte) && held.count <= limit { continue }
                sawBrace = byte == UInt8(ascii: "{")
                if sawBrace { continue }
            } else if byte == 0x0A, let object = Self.knownObject(held) {
                mode = .lines(LineSplitter(limit: limit))
                events += Self.events(of: object)
                try feed(bytes[index...], into: &events)
                return
            } else if (byte != 0x0A || expectsOneObject) && held.count <= limit {
                continue
            }
            // Plain text after all.
            try feed(held + bytes[index...], into: &events)
            return
        }
        mode = .undecided(held: held, sawBrace: sawBrace)
    }

    // MARK: Objects

    private static let keys = ["delta", "text", "thinking", "file", "card", "error", "done", "template_card"]

    /// What one JSON line, or the data of one server-sent event, means.
    static func events(ofLine line: [UInt8]) -> [AnswerEvent] {
        guard !line.allSatisfy(isBlank) else { return [] }
        guard let value = value(line), value.object != nil else {
            return [.delta(String(decoding: line, as: UTF8.self) + "\n")]
        }
        return events(of: value)
    }

    /// The object that the text is, if it has a known key.
    static func knownObject(_ text: [UInt8]) -> JSONValue? {
        guard let value = value(text), let object = value.object, keys.contains(where: { object[$0] != nil })
        else { return nil }
        return value
    }

    /// A byte that is no UTF-8 costs a character, not the form of the whole line.
    private static func value(_ text: [UInt8]) -> JSONValue? {
        JSONValue.parse(String(decoding: text, as: UTF8.self).utf8)
    }

    /// What an object means; keys of the wrong type mean nothing.
    static func events(of object: JSONValue) -> [AnswerEvent] {
        var events: [AnswerEvent] = []
        if let thought = object["thinking"]?.string { events.append(.thinking(thought)) }
        if let whole = object["text"]?.string { events.append(.text(whole)) }
        if let delta = object["delta"]?.string { events.append(.delta(delta)) }
        if let location = object["file"]?.string, !location.isEmpty {
            let kind = object["kind"]?.string.flatMap(MediaReference.Kind.init)
            events.append(.file(location: location, kind: kind, name: object["name"]?.string))
        }
        for card in [object["card"], object["template_card"]] {
            if let card, card.object != nil, let json = card.jsonText { events.append(.card(json: json)) }
        }
        if let error = object["error"], !error.isNull {
            events.append(.error(error.string ?? error["message"]?.string ?? ""))
        }
        if object["done"]?.bool == true { events.append(.done) }
        return events
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
