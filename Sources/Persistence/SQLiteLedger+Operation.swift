import GRDB
public import Shared

/// What the operator asks for.
extension SQLiteLedger {
    /// Tasks with this message id, of any account.
    public func trace(messageID: MessageID) async throws(LedgerTrouble) -> [LedgerTask] {
        guard !messageID.rawValue.isEmpty else { return [] }
        return try await read { db in
            try LedgerReader(db: db).tasks("msgid = ? ORDER BY id", [messageID.rawValue])
        }
    }

    /// Task whose bubbles have this name.
    public func task(stream: String, account: AccountID) async throws(LedgerTrouble) -> LedgerTask? {
        try await read { db in
            try LedgerReader(db: db).tasks(
                "stream = ? AND account = ? ORDER BY id DESC LIMIT 1", [stream, account.rawValue]
            ).first
        }
    }

    /// Tasks in one of these states, oldest first, at most `limit`.
    public func tasks(in states: Set<TaskState>, limit: Int) async throws(LedgerTrouble) -> [LedgerTask] {
        let ids = LedgerReader.ids(in: states)
        return try await read { db in
            try LedgerReader(db: db).tasks("id IN (\(ids)) ORDER BY id LIMIT ?", [max(limit, 0)])
        }
    }

    /// Tasks that were given up and can be made deliverable again, oldest first, at most `limit`.
    public func retriable(limit: Int) async throws(LedgerTrouble) -> [LedgerTask] {
        try await read { db in
            try LedgerReader(db: db).tasks(
                """
                id IN (SELECT id FROM task WHERE finished_at IS NOT NULL AND \(LedgerReader.isRetriable))
                ORDER BY id LIMIT ?
                """, [max(limit, 0)])
        }
    }

    /// Number of tasks by state; every state is named.
    public func counts() async throws(LedgerTrouble) -> [TaskState: Int] {
        try await read { db in
            // Two counts, each over an index that holds nothing else.
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT state, count(*) FROM task WHERE finished_at IS NULL GROUP BY state
                    UNION ALL
                    SELECT state, count(*) FROM task WHERE finished_at IS NOT NULL GROUP BY state
                    """)
            var counts = Dictionary(uniqueKeysWithValues: TaskState.allCases.map { ($0, 0) })
            for row in rows { if let state = TaskState(rawValue: row[0]) { counts[state] = row[1] } }
            return counts
        }
    }

    /// Makes a dead task deliverable again. False when there is none such, or when it was refused from the start.
    public func revive(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool {
        try await write { db in
            try db.execute(
                sql: """
                    UPDATE task SET state = iif(answered_at IS NULL, 'accepted', 'answered'), reason = NULL,
                        finished_at = NULL, revived_at = ?
                    WHERE id = ? AND \(LedgerReader.isRetriable)
                    """, arguments: [at, task.rawValue])
            guard db.changesCount > 0 else { return false }
            try db.execute(
                sql: """
                    UPDATE part SET state = 'pending', reason = NULL, errcode = NULL, settled_at = NULL
                    WHERE task = ? AND state NOT IN ('acked', 'assumed')
                    """, arguments: [task.rawValue])
            return true
        }
    }

    /// Gives a task up. False when it had ended.
    public func drop(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool {
        try await write { [statements] db in
            try LedgerWriter(db: db, statements: statements).finish(
                task.rawValue, reason: LedgerTransition.droppedReason, at: at)
        }
    }

    /// Verdicts since `since`, oldest first, joined to their turns.
    public func feedback(since: Int64) async throws(LedgerTrouble) -> [FeedbackRecord] {
        try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT account, event, feedback_id, verdict, content, reasons, conversation_kind, conversation, sender,
                        sender_corporation, sender_name, at
                    FROM feedback WHERE at >= ? ORDER BY at, id
                    """, arguments: [since])
            return try rows.map { row in
                var record = Self.verdict(row)
                guard let stream = FeedbackID.stream(of: record.feedback.feedbackID) else { return record }
                record.task = try LedgerReader(db: db).tasks(
                    "stream = ? AND account = ? ORDER BY id DESC LIMIT 1", [stream, record.account.rawValue]
                ).first
                return record
            }
        }
    }

    private static func verdict(_ row: Row) -> FeedbackRecord {
        let reasons: String = row[5]
        let sender = Sender(id: UserID(row[8]), corporation: row[9], name: row[10])
        let feedback = Feedback(
            id: MessageID(row[1] ?? ""), feedbackID: row[2], verdict: Feedback.Verdict(stored: row[3]), content: row[4],
            reasons: reasons.split(separator: ",").compactMap { Int($0) },
            conversation: Conversation(kind: Conversation.Kind(rawValue: row[6]) ?? .direct, id: row[7]), sender: sender
        )
        return FeedbackRecord(feedback: feedback, account: AccountID(row[0]), at: row[11])
    }

    /// Files of tasks that are not ended, or retriable.
    public func filesInUse() async throws(LedgerTrouble) -> Set<String> {
        try await read { db in
            try String.fetchSet(
                db,
                sql: """
                    SELECT path FROM task_file JOIN task ON task.id = task_file.task
                    WHERE finished_at IS NULL OR \(LedgerReader.isRetriable)
                    """)
        }
    }

    /// Removes tasks that ended before `before`, cards sent before `cardsBefore` and verdicts before `before`. Tasks are
    /// removed in portions, so that messages which arrive meanwhile do not wait long.
    public func prune(before: Int64, cardsBefore: Int64) async throws(LedgerTrouble) {
        try await write { db in
            try db.execute(sql: "DELETE FROM card WHERE sent_at < ?", arguments: [cardsBefore])
            try db.execute(sql: "DELETE FROM feedback WHERE at < ?", arguments: [before])
            // What has expired since then is of no use to anybody; what expires later may be.
            try db.execute(sql: "DELETE FROM kept WHERE until < ?", arguments: [before])
        }
        while try await write({ db in try Self.prunePortion(db, before: before) }) == Self.prunedAtOnce {}
    }

    private static let prunedAtOnce = 100

    /// Removes the oldest ones; how many.
    private static func prunePortion(_ db: Database, before: Int64) throws -> Int {
        try db.execute(
            sql: """
                DELETE FROM task WHERE id IN (
                    SELECT id FROM task WHERE state IN ('done', 'dead') AND finished_at < ? ORDER BY finished_at, id
                    LIMIT \(prunedAtOnce))
                """, arguments: [before])
        return db.changesCount
    }
}
