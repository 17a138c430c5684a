import GRDB
public import Shared

/// What the gateway asks for while it runs.
extension SQLiteLedger {
    /// Begins tasks in order, in one transaction.
    public func accept(_ entries: [LedgerEntry]) async throws(LedgerTrouble) -> [Acceptance] {
        guard !entries.isEmpty else { return [] }
        let prepared = try prepare { try entries.map(PreparedEntry.init) }
        return try await write(steps: prepared.count) { [statements] db in
            let writer = LedgerWriter(db: db, statements: statements)
            return try prepared.map(writer.accept)
        }
    }

    /// Writes steps in order, in one transaction.
    public func write(_ transitions: [LedgerTransition]) async throws(LedgerTrouble) {
        guard !transitions.isEmpty else { return }
        let prepared = try prepare { try transitions.map(PreparedStep.init) }
        try await write(steps: prepared.count) { [statements] db in
            let writer = LedgerWriter(db: db, statements: statements)
            for step in prepared { try writer.write(step) }
        }
    }

    private func prepare<Value>(_ work: () throws -> Value) throws(LedgerTrouble) -> Value {
        do { return try work() } catch { throw .broken("a message cannot be written as JSON") }
    }

    /// Tasks of an account that are not ended, oldest first. Parts that were `sent` are `unknown` from now on. A row that
    /// cannot be read has a stand-in; the others are none the worse for it.
    public func unfinished(account: AccountID) async throws(LedgerTrouble) -> [LedgerTask] {
        do {
            try await write { db in
                try db.execute(
                    sql: """
                        UPDATE part SET state = 'unknown', doubts = doubts + 1, reason = ?, settled_at = NULL
                        WHERE state = 'sent' AND task IN (SELECT id FROM task
                            WHERE account = ? AND finished_at IS NULL)
                        """, arguments: [SendOutcome.UnknownReason.sessionLost.rawValue, account.rawValue])
            }
        } catch {
            // With a full disk or a lock there is still much that can be delivered.
            if case .broken = error { throw error }
        }
        var tasks = try await read { db in
            try LedgerReader(db: db).tasks("account = ? AND finished_at IS NULL ORDER BY id", [account.rawValue])
        }
        for task in tasks.indices {
            for part in tasks[task].parts.indices where tasks[task].parts[part].state == .sent {
                tasks[task].parts[part].apply(.unknown(.sessionLost), at: 0)
            }
        }
        return tasks
    }

    /// What was said in a session, oldest first, at most `limit` messages.
    public func history(
        account: AccountID, conversation: Conversation, session: Int, limit: Int
    ) async throws(LedgerTrouble) -> [HistoryEntry] {
        try await read { db in
            try LedgerReader(db: db).history(
                account: account.rawValue, conversation: conversation, session: session, limit: limit)
        }.reversed()
    }

    /// Number of the session in which a task was accepted.
    public func session(of task: TaskID) async throws(LedgerTrouble) -> Int {
        try await read { db in
            let statement = try db.cachedStatement(sql: "SELECT session FROM task WHERE id = ?")
            return try Int.fetchOne(statement, arguments: [task.rawValue]) ?? 0
        }
    }

    /// Number of the current session, from 0.
    public func session(account: AccountID, conversation: Conversation) async throws(LedgerTrouble) -> Int {
        try await read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT number FROM session WHERE account = ? AND conversation_kind = ? AND conversation = ?")
            return try Int.fetchOne(
                statement, arguments: [account.rawValue, conversation.kind.rawValue, conversation.id]) ?? 0
        }
    }

    /// Begins a new session and returns its number.
    public func resetSession(
        account: AccountID, conversation: Conversation, at: Int64
    ) async throws(LedgerTrouble) -> Int {
        try await write { db in
            try Int.fetchOne(
                db,
                sql: """
                    INSERT INTO session (account, conversation_kind, conversation, number, started_at)
                    VALUES (?, ?, ?, 1, ?)
                    ON CONFLICT DO UPDATE SET number = number + 1, started_at = excluded.started_at
                    RETURNING number
                    """, arguments: [account.rawValue, conversation.kind.rawValue, conversation.id, at]) ?? 1
        }
    }

    /// Times of what counts against the quota, ascending, since `since` (Unix milliseconds).
    public func sends(account: AccountID, since: Int64) async throws(LedgerTrouble) -> [Conversation: [Int64]] {
        try await read { db in try LedgerReader(db: db).sends(account: account.rawValue, since: since) }
    }

    /// Keeps a card; one with the same task id and account is replaced.
    public func remember(_ card: SentCard) async throws(LedgerTrouble) {
        try await write { db in
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO card (account, task_id, conversation_kind, conversation, sent_at, json)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    card.account.rawValue, card.taskID, card.conversation.kind.rawValue, card.conversation.id,
                    card.sentAt, StoredText.clean(card.json),
                ])
        }
    }

    /// Card by task id.
    public func card(taskID: String, account: AccountID) async throws(LedgerTrouble) -> SentCard? {
        try await read { db in
            let row = try Row.fetchOne(
                db,
                sql:
                    "SELECT conversation_kind, conversation, json, sent_at FROM card WHERE account = ? AND task_id = ?",
                arguments: [account.rawValue, taskID])
            return row.map { row in
                SentCard(
                    taskID: taskID, account: account,
                    conversation: Conversation(kind: Conversation.Kind(rawValue: row[0]) ?? .direct, id: row[1]),
                    json: row[2],
                    sentAt: row[3])
            }
        }
    }

    /// Keeps a verdict. False when the event id was known.
    public func record(_ feedback: FeedbackRecord) async throws(LedgerTrouble) -> Bool {
        let verdict = feedback.feedback
        return try await write { db in
            try db.execute(
                sql: """
                    INSERT INTO feedback (account, event, feedback_id, verdict, content, reasons, conversation_kind,
                        conversation, sender, sender_corporation, sender_name, at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                    """,
                arguments: [
                    feedback.account.rawValue, verdict.id.rawValue.isEmpty ? nil : verdict.id.rawValue,
                    verdict.feedbackID, verdict.verdict.stored, verdict.content.map(StoredText.clean),
                    verdict.reasons.map(String.init).joined(separator: ","), verdict.conversation.kind.rawValue,
                    verdict.conversation.id, verdict.sender.id.rawValue, verdict.sender.corporation,
                    verdict.sender.name, feedback.at,
                ])
            return db.changesCount > 0
        }
    }
}
