/// What every ledger does alike, whatever it is kept in.

extension LedgerEntry {
    /// The entry as it is kept: of a message that no handler sees, what was said is not kept.
    public var kept: LedgerEntry {
        guard refusal != nil else { return self }
        var entry = self
        entry.message.parts = []
        entry.message.quote = nil
        return entry
    }

    /// Whether acceptance stands for something that was sent to the conversation: a bubble, or a line of the program.
    public var opensBubble: Bool { origin != .push && route.takesReplies && (refusal == nil || origin == .line) }
}

extension InboundMessage {
    /// Files on this machine that it names, in its quote too.
    public var filePaths: [String] {
        (parts + (quote?.parts ?? [])).compactMap { part in
            if case .media(let reference) = part { reference.path } else { nil }
        }
    }
}

extension PartContent {
    /// File on this machine that it names.
    public var filePath: String? {
        if case .media(let path, _, _, _) = self { path } else { nil }
    }
}

extension LedgerTransition {
    /// Files on this machine that the step ties to its task.
    public var filePaths: [String] {
        switch self {
        case .fetched(_, let message): message.filePaths
        case .answered(_, _, _, let parts, _, _): parts.compactMap(\.filePath)
        case .part(_, _, .replaced(let content), _): content.filePath.map { [$0] } ?? []
        case .began, .bubble, .shown, .handedOver, .lateAddress, .part, .finished: []
        }
    }

    /// Reason of a task that the operator gave up.
    public static let droppedReason = "dropped by the operator"
}

extension TaskState {
    /// Whether there is nothing more to do.
    public var isEnded: Bool { self == .done || self == .dead }
}

extension LedgerTask {
    /// A task as it stands right after acceptance; one that was refused has ended.
    init(accepting entry: LedgerEntry, id: TaskID) {
        self.init(id: id, entry: entry.kept)
        guard let refusal = entry.refusal else { return }
        state = .dead
        reason = refusal
        finishedAt = entry.acceptedAt
    }

    /// Takes one step. False when it does not fit: the task has ended or was answered already, or has no such part.
    mutating func apply(_ step: LedgerTransition) -> Bool {
        guard !state.isEnded else { return false }
        switch step {
        case .began(_, let attempt, _): attempts = attempt
        case .fetched(_, let message): entry.message = message
        case .bubble(_, let index, let at):
            bubbles = index
            bubbleOpenedAt = at
        case .shown(_, let segments): shown = segments
        case .handedOver(_, let isHandedOver): self.isHandedOver = isHandedOver
        case .lateAddress(_, let address): entry.route.late = address
        case .answered(_, let answer, let failure, let contents, let first, let at):
            guard state == .accepted else { return false }
            state = .answered
            self.answer = answer
            reason = failure
            answeredAt = at
            parts = contents.enumerated().map { LedgerPart(index: first + $0.offset, content: $0.element) }
        case .part(_, let index, let change, let at):
            guard let position = parts.firstIndex(where: { $0.index == index }) else { return false }
            parts[position].apply(change, at: at)
        case .finished(_, let reason, let at): finish(reason: reason, at: at)
        }
        return true
    }

    private mutating func finish(reason: String?, at: Int64) {
        finishedAt = at
        state = reason == nil ? .done : .dead
        guard let reason else { return }
        self.reason = reason
        for position in parts.indices where !parts[position].state.isSettled {
            parts[position].settle(.dead, reason: reason, at: at)
        }
    }

    /// Whether it was given up and can be put back to work. Of one that was refused from the start nothing was kept that
    /// could be sent.
    var isRetriable: Bool { state == .dead && entry.refusal == nil }

    /// Puts a task that was given up back to work. False when it is not retriable.
    mutating func revive(at: Int64) -> Bool {
        guard isRetriable else { return false }
        revivedAt = at
        state = answeredAt == nil ? .accepted : .answered
        reason = nil
        finishedAt = nil
        for position in parts.indices where parts[position].state != .acked && parts[position].state != .assumed {
            parts[position].state = .pending
            parts[position].reason = nil
            parts[position].errcode = nil
            parts[position].settledAt = nil
        }
        return true
    }
}

extension LedgerPart {
    /// Takes one change.
    package mutating func apply(_ change: PartChange, at: Int64) {
        switch change {
        case .sent(let route):
            state = .sent
            attempts += 1
            via = route
            reason = nil
            sentAt = at
            settledAt = nil
        case .notSent:
            attempts = max(attempts - 1, 0)
            state = doubts > 0 ? .unknown : .pending
            sentAt = nil
            settledAt = nil
        case .acked:
            // Frames of bubbles are repeated freely and not told before they go out: their ack stands for that, too.
            attempts = max(attempts, 1)
            via = via ?? .bubble
            sentAt = sentAt ?? at
            settle(.acked, reason: nil, at: at)
        case .unknown(let why):
            if state == .sent { doubts += 1 }
            state = .unknown
            reason = why.rawValue
            settledAt = nil
        case .assumed: settle(.assumed, reason: reason, at: at)
        case .refused(let code):
            state = .pending
            errcode = code
            settledAt = nil
        case .failed(let why, let code):
            settle(.failed, reason: why, at: at)
            errcode = code ?? errcode
        case .dead(let why): settle(.dead, reason: why, at: at)
        case .replaced(let new):
            content = new
            doubts = 0
            state = .pending
            settledAt = nil
        }
    }

    /// Nothing more is to be done about it.
    fileprivate mutating func settle(_ state: PartState, reason: String?, at: Int64) {
        self.state = state
        self.reason = reason
        settledAt = at
    }

    /// Whether it is a message of its own for the quota: the first one that goes out in the bubble is not, since that
    /// counts from when it was opened.
    func countsAlone(afterBubble: Bool) -> Bool { !afterBubble || index > 0 || via != .bubble }
}
