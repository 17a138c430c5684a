/// Reads the body of a chat-completions response: a stream of server-sent events, or one JSON object from
/// servers that do not stream although they were asked to.
///
/// Pure. Input is bytes in any pieces; output is what to do with them, in order. Once `isFinished`, further bytes
/// are ignored. An event that is not JSON is a failure rather than skipped: text may be missing where it was.
struct CompletionReader: Sendable {
    enum Action: Sendable, Equatable {
        /// Piece of the answer.
        case text(String)
        /// Piece of the reasoning.
        case think(String)
        /// The model stopped for this reason, `length` for example.
        case stopped(reason: String)
    }

    enum Problem: Error, Sendable, Equatable {
        /// The service reported an error; the label is safe to log.
        case reported(label: String)
        /// Something that is not what the interface promises.
        case malformed
        /// A line, an event or an unstreamed answer beyond the bound.
        case tooLong
        /// The body ended before the answer did.
        case cutOff
    }

    private enum Form {
        case unknown
        case events(SSEParser)
        case whole([UInt8])
    }

    private let limit: Int
    private var form = Form.unknown
    private var sawStop = false
    /// Whether the end of the answer came.
    private(set) var isFinished = false

    /// Creates a reader that takes events, and unstreamed answers, of at most `limit` bytes.
    init(limit: Int) { self.limit = limit }

    /// Takes bytes; hands what they mean to `perform`, in order, up to the byte where a problem was found.
    mutating func feed(_ bytes: some Collection<UInt8>) -> (actions: [Action], problem: Problem?) {
        var actions: [Action] = []
        do throws(Problem) {
            try feed(bytes, into: &actions)
            return (actions, nil)
        } catch {
            return (actions, error)
        }
    }

    /// Ends the body.
    mutating func finish() -> (actions: [Action], problem: Problem?) {
        var actions: [Action] = []
        do throws(Problem) {
            try finish(into: &actions)
            return (actions, isFinished || sawStop ? nil : .cutOff)
        } catch {
            return (actions, error)
        }
    }

    private mutating func feed(_ bytes: some Collection<UInt8>, into actions: inout [Action]) throws(Problem) {
        guard !isFinished else { return }
        switch form {
        case .unknown:
            // A stream cannot begin with a brace, whatever the content type says: no field name does.
            guard let first = bytes.firstIndex(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else { return }
            let whole = bytes[first] == UInt8(ascii: "{")
            form = whole ? .whole([]) : .events(SSEParser(maxEventBytes: limit))
            try feed(bytes[first...], into: &actions)
        case .events(var parser):
            // Held here alone, so that the buffers inside are not copied. After a problem nothing is read any more.
            form = .unknown
            var events: [SSEEvent] = []
            var problem: Problem?
            do throws(LineTooLong) { try parser.feed(bytes, into: &events) } catch { problem = .tooLong }
            for event in events where !isFinished { try take(event, into: &actions) }
            if let problem, !isFinished { throw problem }
            form = .events(parser)
        case .whole(var body):
            guard body.count + bytes.count <= limit else { throw .tooLong }
            form = .unknown
            body.append(contentsOf: bytes)
            form = .whole(body)
        }
    }

    private mutating func finish(into actions: inout [Action]) throws(Problem) {
        guard !isFinished else { return }
        switch form {
        case .unknown: break
        case .events(var parser):
            let last: SSEEvent?
            do throws(LineTooLong) { last = try parser.finish() } catch { throw .tooLong }
            guard let last else { return }
            // The rest of an event that was cut is not worth the name malformed.
            guard last.data == "[DONE]" || JSONValue.parse(last.data.utf8) != nil else { throw .cutOff }
            try take(last, into: &actions)
        case .whole(let body):
            guard let value = JSONValue.parse(body) else { throw .cutOff }
            try take(value, into: &actions)
            isFinished = true
        }
    }

    private mutating func take(_ event: SSEEvent, into actions: inout [Action]) throws(Problem) {
        if event.data == "[DONE]" {
            isFinished = true
            return
        }
        if event.data.isEmpty { return }
        guard let value = JSONValue.parse(event.data.utf8) else { throw .malformed }
        try take(value, into: &actions)
    }

    private mutating func take(_ value: JSONValue, into actions: inout [Action]) throws(Problem) {
        guard value.object != nil else { throw .malformed }
        if let error = value["error"], !error.isNull { throw .reported(label: ErrorLabel.of(error)) }
        // Chunks with the usage alone have no choices; of several choices the first is the answer.
        guard let choice = value["choices"]?.array?.first else { return }
        let body = choice["delta"] ?? choice["message"]
        for key in ["reasoning_content", "reasoning"] {
            if let text = Self.text(of: body?[key]), !text.isEmpty {
                actions.append(.think(text))
                break
            }
        }
        if let text = Self.text(of: body?["content"]), !text.isEmpty { actions.append(.text(text)) }
        if let reason = choice["finish_reason"]?.string, !reason.isEmpty {
            sawStop = true
            actions.append(.stopped(reason: ErrorLabel.safe(reason)))
        }
    }

    /// Content is a string, null, or an array of parts with texts.
    private static func text(of content: JSONValue?) -> String? {
        switch content {
        case .string(let text): text
        case .array(let parts): parts.compactMap { $0.string ?? $0["text"]?.string }.joined()
        default: nil
        }
    }
}

/// What of a service's error may be logged: its type and code. Messages can quote keys and prompts.
enum ErrorLabel {
    /// Label of the value of an `error` key, for example `type=invalid_request_error code=model_not_found`.
    static func of(_ error: JSONValue) -> String {
        var words: [String] = []
        for key in ["type", "code"] {
            switch error[key] {
            case .string(let text): words.append("\(key)=\(safe(text))")
            case .integer(let number): words.append("\(key)=\(number)")
            default: break
            }
        }
        return words.isEmpty ? "no type or code" : words.joined(separator: " ")
    }

    /// Label of a whole error body.
    static func ofBody(_ body: [UInt8]) -> String {
        guard let value = JSONValue.parse(body) else { return "no JSON body" }
        return of(value["error"] ?? value)
    }

    /// At most 64 characters of a machine-readable word; anything else in it is replaced.
    static func safe(_ text: String) -> String {
        String(
            text.prefix(64).map { character in
                character.isASCII && (character.isLetter || character.isNumber || "_-. ".contains(character))
                    ? character : "?"
            })
    }
}
