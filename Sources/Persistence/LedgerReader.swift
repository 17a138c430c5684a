import GRDB
import Shared

/// Tasks and parts out of their rows.
struct LedgerReader {
    let db: Database

    private static let columns = """
        id, state, origin, accepted_at, answered_at, finished_at, attempts, bubbles, bubble_opened_at, handed_over, stream,
        route_key, takes_replies, conversation_kind, conversation, refusal, reason,
        (SELECT body FROM text WHERE text.id = message), (SELECT body FROM text WHERE text.id = answer), shown,
        late_url, late_until, revived_at, account
        """

    /// Condition of tasks that were given up and can be put back to work: of a refused one nothing was kept to be sent.
    static let isRetriable = "state = 'dead' AND refusal IS NULL"

    /// Tasks with their parts. `condition` is what follows WHERE. A row that no version of the program wrote has a stand-in:
    /// what one message looks like must not keep the others from being answered.
    func tasks(_ condition: String, _ arguments: StatementArguments) throws -> [LedgerTask] {
        let statement = try db.cachedStatement(sql: "SELECT \(Self.columns) FROM task WHERE \(condition)")
        return try Row.fetchAll(statement, arguments: arguments).map { row in
            guard var task = task(row), let parts = try parts(of: task) else { return standIn(row) }
            task.parts = parts
            return task
        }
    }

    private func standIn(_ row: Row) -> LedgerTask {
        let conversation = Conversation(kind: Conversation.Kind(rawValue: row[13]) ?? .direct, id: row[14])
        let message = InboundMessage(
            id: "", account: AccountID(row[23]), channel: "", conversation: conversation, sender: Sender(id: ""),
            parts: [],
            createdAt: row[3])
        var task = LedgerTask(
            id: TaskID(row[0]),
            entry: LedgerEntry(
                origin: .message, message: message,
                route: ReplyRoute(key: row[11], conversation: conversation, takesReplies: row[12]), stream: row[10],
                acceptedAt: row[3]))
        task.state = TaskState(rawValue: row[1]) ?? .accepted
        task.finishedAt = row[5]
        task.reason = LedgerTask.unreadable
        task.isReadable = false
        return task
    }

    /// Query for the numbers of the tasks in these states, each half over an index of its own: nearly all tasks are done.
    static func ids(in states: Set<TaskState>) -> String {
        let words = states.map { "'\($0.rawValue)'" }.sorted().joined(separator: ", ")
        return """
            SELECT id FROM task WHERE finished_at IS NULL AND state IN (\(words))
            UNION ALL
            SELECT id FROM task WHERE finished_at IS NOT NULL AND state IN (\(words))
            """
    }

    /// Nil when it cannot be read.
    private func task(_ row: Row) -> LedgerTask? {
        let id: Int64 = row[0]
        guard let state = TaskState(rawValue: row[1]), let origin = LedgerEntry.Origin(rawValue: row[2]),
            let kind = Conversation.Kind(rawValue: row[13]), let json: String = row[17],
            let message = StoredText.message(json)
        else { return nil }
        let conversation = Conversation(kind: kind, id: row[14])
        let entry = LedgerEntry(
            origin: origin, message: message,
            route: ReplyRoute(
                key: row[11], conversation: conversation, takesReplies: row[12],
                late: (row[20] as String?).map { LateAddress(url: $0, expiresAt: row[21] ?? 0) }), stream: row[10],
            acceptedAt: row[3], refusal: row[15])
        var task = LedgerTask(id: TaskID(id), entry: entry)
        task.state = state
        task.answeredAt = row[4]
        task.finishedAt = row[5]
        task.attempts = row[6]
        task.bubbles = row[7]
        task.bubbleOpenedAt = row[8]
        task.isHandedOver = row[9]
        task.reason = row[16]
        task.answer = row[18]
        task.shown = (row[19] as String).split(separator: " ").map(String.init)
        task.revivedAt = row[22]
        return task
    }

    /// Nil when one of them cannot be read.
    private func parts(of task: LedgerTask) throws -> [LedgerPart]? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT idx, kind, content, state, attempts, via, errcode, reason, sent_at, settled_at, doubts
                FROM part WHERE task = ? ORDER BY idx
                """)
        let rows = try Row.fetchAll(statement, arguments: [task.id.rawValue])
        let parts = rows.compactMap { row -> LedgerPart? in
            guard let content = StoredText.content(kind: row[1], text: row[2], of: task.answer),
                let state = PartState(rawValue: row[3])
            else { return nil }
            var part = LedgerPart(index: row[0], content: content)
            part.state = state
            part.attempts = row[4]
            part.via = (row[5] as String?).flatMap(DeliveryRoute.init)
            part.errcode = row[6]
            part.reason = row[7]
            part.sentAt = row[8]
            part.settledAt = row[9]
            part.doubts = row[10]
            return part
        }
        return parts.count == rows.count ? parts : nil
    }

    /// Both sides of a conversation, newest first. The text of the message is taken out of its JSON by SQLite.
    func history(account: String, conversation: Conversation, session: Int, limit: Int) throws -> [HistoryEntry] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT reply.body, answered_at, accepted_at,
                    (SELECT group_concat(coalesce(json_extract(value, '$.text._0'),
                        json_extract(value, '$.voice.transcript')), char(10))
                    FROM json_each((SELECT body FROM text WHERE text.id = task.message), '$.parts')) AS said
                FROM task JOIN text AS reply ON reply.id = task.answer
                WHERE account = ?1 AND conversation = ?2 AND conversation_kind = ?3
                    AND origin IN ('message', 'push')
                    AND session = ?4
                ORDER BY task.id DESC
                """)
        let rows = try Row.fetchCursor(
            statement, arguments: [account, conversation.id, conversation.kind.rawValue, session])
        var entries: [HistoryEntry] = []
        while entries.count < limit, let row = try rows.next() {
            let answer: String = row[0]
            let said: String = row[3] ?? ""
            if !answer.isEmpty { entries.append(HistoryEntry(role: .assistant, text: answer, at: row[1])) }
            if !said.isEmpty { entries.append(HistoryEntry(role: .user, text: said, at: row[2])) }
        }
        return Array(entries.prefix(max(limit, 0)))
    }

    /// Times of what counts against the quota. A task that ended earlier has sent everything earlier, so that the indexes
    /// of the unfinished and the ended are all that is needed.
    func sends(account: String, since: Int64) throws -> [Conversation: [Int64]] {
        let statement = try db.cachedStatement(
            sql: """
                WITH recent AS (
                    SELECT id, conversation_kind, conversation, iif(bubbles = 1, bubble_opened_at, accepted_at) AS first_at,
                        bubbles > 0 AND origin != 'push' AND takes_replies AND (refusal IS NULL OR origin = 'line') AS opened
                    FROM task WHERE account = ?1 AND finished_at IS NULL
                    UNION ALL
                    SELECT id, conversation_kind, conversation, iif(bubbles = 1, bubble_opened_at, accepted_at),
                        bubbles > 0 AND origin != 'push' AND takes_replies AND (refusal IS NULL OR origin = 'line')
                    FROM task WHERE state IN ('done', 'dead') AND finished_at >= ?2 AND account = ?1
                )
                SELECT conversation_kind, conversation, first_at AS at FROM recent WHERE opened AND first_at >= ?2
                UNION ALL
                SELECT conversation_kind, conversation, sent_at FROM recent JOIN part ON part.task = recent.id
                WHERE sent_at >= ?2 AND (NOT opened OR idx > 0 OR via != 'bubble')
                ORDER BY at
                """)
        var times: [Conversation: [Int64]] = [:]
        let rows = try Row.fetchCursor(statement, arguments: [account, since])
        while let row = try rows.next() {
            let kind = Conversation.Kind(rawValue: row[0]) ?? .direct
            times[Conversation(kind: kind, id: row[1]), default: []].append(row[2])
        }
        return times
    }
}
