import Shared

/// Hands the events of an answer on to the reply, up to its end.
struct AnswerDelivery: Sendable {
    /// Bound of the words that a failed task may show.
    static let maxErrorCharacters = 2_000

    private let reply: any Replying
    /// Words of an `error` object; empty when it had none.
    private(set) var error: String?
    /// Whether the answer said that it is over, well or not.
    private(set) var isOver = false
    /// Whether anything was handed on.
    private(set) var sawContent = false

    init(reply: any Replying) { self.reply = reply }

    /// - Throws: `ReplyRefusal`.
    mutating func perform(_ events: [AnswerEvent]) async throws {
        for event in events where !isOver {
            try await perform(event)
        }
    }

    private mutating func perform(_ event: AnswerEvent) async throws {
        let reply = self.reply
        switch event {
        case .done:
            isOver = true
            return
        case .error(let text):
            error = String(text.prefix(Self.maxErrorCharacters))
            isOver = true
            return
        default:
            sawContent = true
        }
        try await ReplyRefusal.wrap {
            switch event {
            case .delta(let text): try await reply.append(text)
            case .text(let text): try await reply.replace(with: text)
            case .thinking(let text): try await reply.think(text)
            case .file(let location, let kind, let name):
                try await reply.attach(.file(location: location, kind: kind, name: name))
            case .card(let json): try await reply.attach(.card(json: json))
            case .done, .error: break
            }
        }
    }

    /// Failure for an `error` object; nil when there was none.
    func failure(source: String) -> BackendFailure? {
        error.map { BackendFailure(userText: $0.isEmpty ? nil : $0, detail: "\(source) reported an error") }
    }
}
