import DequeModule
import OrderedCollections

/// The ledger as a value: what `InMemoryLedger` keeps behind its lock.
struct LedgerMemory: Sendable {
    private struct MessageKey: Hashable {
        var id: MessageID
        var account: AccountID
    }

    private struct ConversationKey: Hashable {
        var account: AccountID
        var conversation: Conversation
    }

    private struct CardKey: Hashable {
        var taskID: String
        var account: AccountID
    }

    private struct Stored {
        var task: LedgerTask
        var session: Int
        /// Every file that the task ever named.
        var files: Set<String>
        let messageKey: MessageKey?
        let conversationKey: ConversationKey
    }

    /// Conversations whose session number is remembered.
    private static let maxSessions = 10_000

    private let bound: Int
    private var lastID: Int64 = 0
    private var tasks: [TaskID: Stored] = [:]
    private var open: Set<TaskID> = []
    /// Ended tasks in the order of their end.
    private var ended: Deque<TaskID> = []
    private var known: [MessageKey: TaskID] = [:]
    private var conversations: [ConversationKey: Deque<TaskID>] = [:]
    private var sessions: OrderedDictionary<ConversationKey, Int> = [:]
    private var cards: OrderedDictionary<CardKey, SentCard> = [:]
    private var verdicts: Deque<FeedbackRecord> = []

    init(maxEnded: Int) { bound = max(maxEnded, 1) }
}

extension LedgerMemory {
    mutating func accept(_ entry: LedgerEntry) -> Acceptance {
        let message = entry.message
        let messageKey: MessageKey? =
            message.id.rawValue.isEmpty ? nil : MessageKey(id: message.id, account: message.account)
        // A number is spent on a repetition too, as SQLite does, so that both ledgers give the same ones.
        lastID += 1
        if let messageKey, let earlier = known[messageKey] { return .known(earlier) }
        let task = LedgerTask(accepting: entry, id: TaskID(lastID))
        let place = ConversationKey(account: message.account, conversation: entry.route.conversation)
        tasks[task.id] = Stored(
            task: task, session: sessions[place] ?? 0, files: Set(task.entry.message.filePaths),
            messageKey: messageKey, conversationKey: place)
        if let messageKey { known[messageKey] = task.id }
        conversations[place, default: []].append(task.id)
        if task.state.isEnded { end(task.id) } else { open.insert(task.id) }
        return .accepted(task.id)
    }

    mutating func write(_ step: LedgerTransition) {
        guard open.contains(step.task) else { return }
        guard tasks[step.task]?.task.apply(step) == true else { return }
        tasks[step.task]?.files.formUnion(step.filePaths)
        if tasks[step.task]?.task.state.isEnded == true { end(step.task) }
    }

    private mutating func end(_ id: TaskID) {
        open.remove(id)
        ended.append(id)
        while ended.count > bound, let oldest = ended.popFirst() { forget(oldest) }
    }

    private mutating func forget(_ id: TaskID) {
        guard let stored = tasks.removeValue(forKey: id) else { return }
        if let key = stored.messageKey { known[key] = nil }
        conversations[stored.conversationKey]?.removeAll { $0 == id }
        if conversations[stored.conversationKey]?.isEmpty == true { conversations[stored.conversationKey] = nil }
    }

    mutating func unfinished(account: AccountID) -> [LedgerTask] {
        open.sorted().compactMap { id in
            guard tasks[id]?.conversationKey.account == account else { return nil }
            return restarted(id)
        }
    }

    private mutating func restarted(_ id: TaskID) -> LedgerTask? {
        guard let parts = tasks[id]?.task.parts else { return nil }
        for (position, part) in parts.enumerated() where part.state == .sent {
            tasks[id]?.task.parts[position].apply(.unknown(.sessionLost), at: 0)
        }
        return tasks[id]?.task
    }

    mutating func revive(_ id: TaskID, at: Int64) -> Bool {
        guard tasks[id]?.task.revive(at: at) == true else { return false }
        ended.removeAll { $0 == id }
        open.insert(id)
        return true
    }

    mutating func drop(_ id: TaskID, at: Int64) -> Bool {
        guard open.contains(id) else { return false }
        write(.finished(id, reason: LedgerTransition.droppedReason, at: at))
        return true
    }

    mutating func prune(before: Int64, cardsBefore: Int64) {
        let old = ended.filter { id in tasks[id]?.task.finishedAt.map { $0 < before } ?? true }
        let gone = Set(old)
        ended.removeAll { gone.contains($0) }
        for id in old { forget(id) }
        cards.removeAll { $0.value.sentAt < cardsBefore }
        verdicts.removeAll { $0.at < before }
    }
}

extension LedgerMemory {
    func session(account: AccountID, conversation: Conversation) -> Int {
        sessions[ConversationKey(account: account, conversation: conversation)] ?? 0
    }

    mutating func resetSession(account: AccountID, conversation: Conversation) -> Int {
        let key = ConversationKey(account: account, conversation: conversation)
        let number = (sessions.removeValue(forKey: key) ?? 0) + 1
        sessions[key] = number
        if sessions.count > Self.maxSessions { sessions.removeFirst() }
        return number
    }

    func session(of task: TaskID) -> Int { tasks[task]?.session ?? 0 }

    func history(account: AccountID, conversation: Conversation, session number: Int, limit: Int) -> [HistoryEntry] {
        let key = ConversationKey(account: account, conversation: conversation)
        var newestFirst: [HistoryEntry] = []
        for id in (conversations[key] ?? []).reversed() {
            if newestFirst.count >= limit { break }
            guard let stored = tasks[id], stored.session == number, stored.task.entry.origin != .line,
                let answer = stored.task.answer, let at = stored.task.answeredAt
            else { continue }
            let said = stored.task.entry.message
            if !answer.isEmpty { newestFirst.append(HistoryEntry(role: .assistant, text: answer, at: at)) }
            if !said.text.isEmpty {
                newestFirst.append(HistoryEntry(role: .user, text: said.text, at: stored.task.entry.acceptedAt))
            }
        }
        return newestFirst.prefix(max(limit, 0)).reversed()
    }

    func sends(account: AccountID, since: Int64) -> [Conversation: [Int64]] {
        var times: [Conversation: [Int64]] = [:]
        for stored in tasks.values {
            let task = stored.task
            // An earlier end means that everything was sent earlier, too.
            guard stored.conversationKey.account == account, task.finishedAt.map({ $0 >= since }) ?? true else {
                continue
            }
            let opened = task.entry.opensBubble && task.bubbles > 0
            let parts = task.parts.filter { $0.countsAlone(afterBubble: opened) }
            let first = task.bubbles == 1 ? task.bubbleOpenedAt : task.entry.acceptedAt
            let all = (opened ? [first] : []) + parts.compactMap(\.sentAt)
            let recent = all.filter { $0 >= since }
            if !recent.isEmpty { times[task.entry.route.conversation, default: []] += recent }
        }
        return times.mapValues { $0.sorted() }
    }

    mutating func remember(_ card: SentCard) {
        let key = CardKey(taskID: card.taskID, account: card.account)
        cards[key] = nil
        cards[key] = card
        if cards.count > bound { cards.removeFirst() }
    }

    func card(taskID: String, account: AccountID) -> SentCard? { cards[CardKey(taskID: taskID, account: account)] }

    mutating func record(_ record: FeedbackRecord) -> Bool {
        let id = record.feedback.id
        if !id.rawValue.isEmpty,
            verdicts.contains(where: { $0.feedback.id == id && $0.account == record.account })
        {
            return false
        }
        var record = record
        record.task = nil
        verdicts.append(record)
        if verdicts.count > bound { verdicts.removeFirst() }
        return true
    }

    func feedback(since: Int64) -> [FeedbackRecord] {
        var turns: [MessageKey: LedgerTask] = [:]
        for id in tasks.keys.sorted() {
            guard let stored = tasks[id] else { continue }
            turns[MessageKey(id: MessageID(stored.task.entry.stream), account: stored.conversationKey.account)] =
                stored.task
        }
        let recent = verdicts.filter { $0.at >= since }
        let byAge = recent.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
        return byAge.map { _, verdict in
            var record = verdict
            let stream = FeedbackID.stream(of: verdict.feedback.feedbackID)
            record.task = stream.flatMap { turns[MessageKey(id: MessageID($0), account: verdict.account)] }
            return record
        }
    }

    func trace(messageID: MessageID) -> [LedgerTask] {
        let found = known.filter { $0.key.id == messageID }.values
        return found.sorted().compactMap { tasks[$0]?.task }
    }

    func task(stream: String, account: AccountID) -> LedgerTask? {
        tasks.values.first { $0.task.entry.stream == stream && $0.task.entry.message.account == account }?.task
    }

    func tasks(in states: Set<TaskState>, limit: Int) -> [LedgerTask] {
        let ids = tasks.filter { states.contains($0.value.task.state) }.keys.sorted()
        return ids.prefix(max(limit, 0)).compactMap { tasks[$0]?.task }
    }

    func retriable(limit: Int) -> [LedgerTask] {
        let ids = tasks.filter { $0.value.task.isRetriable }.keys.sorted()
        return ids.prefix(max(limit, 0)).compactMap { tasks[$0]?.task }
    }

    func filesInUse() -> Set<String> {
        tasks.values.reduce(into: []) { files, stored in
            if !stored.task.state.isEnded || stored.task.isRetriable { files.formUnion(stored.files) }
        }
    }

    func counts() -> [TaskState: Int] {
        var counts = Dictionary(uniqueKeysWithValues: TaskState.allCases.map { ($0, 0) })
        for stored in tasks.values { counts[stored.task.state, default: 0] += 1 }
        return counts
    }
}
