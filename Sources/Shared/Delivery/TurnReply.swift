/// What a handler may want to know about its turn besides the message.
public struct TurnInfo: Sendable {
    /// 1, or more when the program was restarted before the answer was complete.
    public var attempt: Int
    /// Unix milliseconds of the acceptance.
    public var acceptedAt: Int64
    /// Number of the conversation's session; counts up with `/new`.
    public var session: Int
    /// Earlier messages of the session, oldest first.
    public var history: @Sendable (_ limit: Int) async -> [HistoryEntry]

    /// Creates a description of a first try without a past.
    public init(
        attempt: Int = 1, acceptedAt: Int64 = 0, session: Int = 0,
        history: @escaping @Sendable (_ limit: Int) async -> [HistoryEntry] = { _ in [] }
    ) {
        self.attempt = attempt
        self.acceptedAt = acceptedAt
        self.session = session
        self.history = history
    }
}

/// The handler's view of its turn.
struct TurnReply: Replying {
    let turn: Turn

    func append(_ delta: String) async throws {
        let limit = turn.services.settings.attachAboveBytes
        try turn.update(adding: delta.utf8.count) { state in
            state.append(delta, attachAbove: limit)
        }
        if turn.services.settings.reply.sendsEveryDelta { await turn.untilShown() }
    }

    func replace(with text: String) async throws {
        let limit = turn.services.settings.attachAboveBytes
        guard text.utf8.count <= turn.services.settings.reply.maxAnswerBytes else { return try turn.refuseTooLarge() }
        try turn.update { state in
            state.extractor = CardExtractor()
            state.overflow = nil
            let visible = state.extractor.feed(text)
            guard limit > 0, visible.utf8.count > limit else { return state.machine.replaced(with: visible) }
            state.machine.replaced(with: "")
            state.show(visible, attachAbove: limit)
        }
    }

    func think(_ delta: String) async throws { try turn.update(adding: delta.utf8.count) { $0.machine.thought(delta) } }

    func attach(_ attachment: Attachment) async throws { try await turn.attach(attachment) }

    var turnInfo: TurnInfo {
        get async {
            let services = turn.services
            let message = turn.entry.message
            // A message that waited while a new session began still belongs to the one it was said in.
            var session = 0
            if let task = turn.task { session = (try? await services.store.session(of: task)) ?? 0 }
            return TurnInfo(attempt: turn.attempt, acceptedAt: turn.entry.acceptedAt, session: session) {
                [session] limit in
                guard limit > 0 else { return [] }
                let entries = try? await services.store.history(
                    account: message.account, conversation: message.conversation, session: session, limit: limit)
                return entries ?? []
            }
        }
    }
}

extension TurnState {
    fileprivate mutating func append(_ delta: String, attachAbove limit: Int) {
        show(extractor.feed(delta), attachAbove: limit)
    }

    /// Above the limit the bubble stays as it is, and the whole goes into a file.
    fileprivate mutating func show(_ text: String, attachAbove limit: Int) {
        guard !text.isEmpty else { return }
        if overflow != nil {
            overflow?.append(text)
        } else if limit > 0, machine.answerBytes + text.utf8.count > limit {
            overflow = machine.answer + text
            let room = max(0, limit - machine.answerBytes)
            machine.appended(text.prefix(bytes: room))
        } else {
            machine.appended(text)
        }
    }
}

extension String {
    /// Longest beginning of at most that many UTF-8 bytes that ends between characters.
    fileprivate func prefix(bytes: Int) -> String {
        var end = startIndex
        var used = 0
        for index in indices {
            used += self[index].utf8.count
            guard used <= bytes else { break }
            end = self.index(after: index)
        }
        return String(self[..<end])
    }
}
