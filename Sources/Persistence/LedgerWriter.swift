import GRDB
import Shared

/// An entry whose message is JSON already: that is made before the writer's turn comes.
struct PreparedEntry: Sendable {
    let entry: LedgerEntry
    let json: String
    let paths: [String]

    init(_ entry: LedgerEntry) throws {
        self.entry = entry.kept
        json = try MessageJSON.encode(self.entry.message)
        paths = self.entry.message.filePaths
    }
}

/// A step whose contents are text already.
struct PreparedStep: Sendable {
    let step: LedgerTransition
    let json: String
    let contents: [(kind: String, text: String)]

    init(_ step: LedgerTransition) throws {
        self.step = step
        switch step {
        case .fetched(_, let message):
            json = try MessageJSON.encode(message)
            contents = []
        case .answered(_, let answer, _, let parts, _, _):
            json = ""
            contents = try parts.map { try StoredText.content($0, of: answer) }
        case .part(_, _, .replaced(let content), _):
            json = ""
            contents = [try StoredText.content(content)]
        case .began, .bubble, .shown, .handedOver, .part, .finished:
            json = ""
            contents = []
        }
    }
}

/// The statements that every message runs through. Prepared once per connection, bound without checks.
struct LedgerWriter {
    let db: Database

    /// Runs a statement; returns whether it changed a row.
    @discardableResult
    private func run(_ sql: String, _ arguments: StatementArguments) throws -> Bool {
        let statement = try db.cachedStatement(sql: sql)
        statement.setUncheckedArguments(arguments)
        try statement.execute()
        return db.changesCount > 0
    }

    // MARK: Acceptance

    func accept(_ prepared: PreparedEntry) throws -> Acceptance {
        let entry = prepared.entry
        let message = entry.message
        let msgid = message.id.rawValue.isEmpty ? nil : StoredText.clean(message.id.rawValue)
        let ended = entry.refusal != nil
        let isNew = try run(
            """
            INSERT INTO task (account, msgid, conversation_kind, conversation, session, origin, state, accepted_at,
                finished_at, attempts, bubbles, bubble_opened_at, handed_over, stream, route_key, takes_replies, refusal,
                reason, message, late_url, late_until)
            VALUES (?1, ?2, ?3, ?4, coalesce((SELECT number FROM session
                    WHERE account = ?1 AND conversation_kind = ?3 AND conversation = ?4), 0),
                ?5, ?6, ?7, ?8, 0, 1, ?7, 0, ?9, ?10, ?11, ?12, ?12, ?13, ?14, ?15)
            ON CONFLICT (msgid, account) WHERE msgid IS NOT NULL DO NOTHING
            """,
            [
                message.account.rawValue, msgid, entry.route.conversation.kind.rawValue, entry.route.conversation.id,
                entry.origin.rawValue, ended ? "dead" : "accepted", entry.acceptedAt, ended ? entry.acceptedAt : nil,
                entry.stream, entry.route.key, entry.route.takesReplies, entry.refusal.map(StoredText.clean),
                prepared.json, entry.route.late?.url, entry.route.late?.expiresAt,
            ])
        guard isNew else { return .known(try known(msgid, account: message.account)) }
        let task = TaskID(db.lastInsertedRowID)
        try keep(paths: prepared.paths, of: task)
        return .accepted(task)
    }

    private func known(_ msgid: String?, account: AccountID) throws -> TaskID {
        let statement = try db.cachedStatement(sql: "SELECT id FROM task WHERE msgid = ? AND account = ?")
        return TaskID(try Int64.fetchOne(statement, arguments: [msgid, account.rawValue]) ?? 0)
    }

    private func keep(paths: [String], of task: TaskID) throws {
        for path in paths {
            try run("INSERT OR IGNORE INTO task_file (task, path) VALUES (?, ?)", [task.rawValue, path])
        }
    }

    // MARK: Steps

    func write(_ prepared: PreparedStep) throws {
        let id = prepared.step.task.rawValue
        let taken: Bool
        switch prepared.step {
        case .began(_, let attempt, _): taken = try update("attempts = ?2", [id, attempt])
        case .fetched: taken = try update("message = ?2", [id, prepared.json])
        case .bubble(_, let index, let at): taken = try update("bubbles = ?2, bubble_opened_at = ?3", [id, index, at])
        case .shown(_, let segments): taken = try update("shown = ?2", [id, segments.joined(separator: " ")])
        case .handedOver: taken = try update("handed_over = 1", [id])
        case .answered(_, let answer, let failure, _, let first, let at):
            taken = try run(
                """
                UPDATE task SET state = 'answered', answer = ?2, reason = ?3, answered_at = ?4
                WHERE id = ?1 AND state = 'accepted'
                """, [id, StoredText.clean(answer), failure.map(StoredText.clean), at])
            if taken { try insert(prepared.contents, of: id, from: first) }
        case .part(_, let index, let change, let at):
            taken = try apply(change, prepared.contents.first, to: [id, index], at: at)
        case .finished(_, let reason, let at): taken = try finish(id, reason: reason, at: at)
        }
        if taken { try keep(paths: prepared.step.filePaths, of: prepared.step.task) }
    }

    /// Changes a task that has not ended.
    private func update(_ assignments: String, _ arguments: StatementArguments) throws -> Bool {
        try run("UPDATE task SET \(assignments) WHERE id = ?1 AND state IN ('accepted', 'answered')", arguments)
    }

    private func insert(_ contents: [(kind: String, text: String)], of task: Int64, from first: Int) throws {
        for (offset, content) in contents.enumerated() {
            try run(
                "INSERT INTO part (task, idx, kind, state, attempts, content) VALUES (?, ?, ?, 'pending', 0, ?)",
                [task, first + offset, content.kind, content.text])
        }
    }

    func finish(_ task: Int64, reason: String?, at: Int64) throws -> Bool {
        guard let reason = reason.map(StoredText.clean) else {
            return try update("state = 'done', finished_at = ?2", [task, at])
        }
        guard try update("state = 'dead', finished_at = ?2, reason = ?3", [task, at, reason]) else { return false }
        try run(
            """
            UPDATE part SET state = 'dead', settled_at = ?2, reason = ?3
            WHERE task = ?1 AND state IN ('pending', 'sent', 'unknown')
            """, [task, at, reason])
        return true
    }

    /// Changes a part of a task that has not ended. `key` is the task and the part's number.
    private func part(_ assignments: String, _ key: StatementArguments, _ values: StatementArguments) throws -> Bool {
        try run(
            """
            UPDATE part SET \(assignments) WHERE task = ?1 AND idx = ?2
            AND EXISTS (SELECT 1 FROM task WHERE id = ?1 AND state IN ('accepted', 'answered'))
            """, key + values)
    }

    private func apply(
        _ change: PartChange, _ content: (kind: String, text: String)?, to key: StatementArguments, at: Int64
    ) throws -> Bool {
        switch change {
        case .sent(let route):
            try part(
                "state = 'sent', attempts = attempts + 1, via = ?3, reason = NULL, sent_at = ?4, settled_at = NULL",
                key,
                [route.rawValue, at])
        case .acked:
            // Frames of bubbles are repeated freely and not told before they go out: their ack stands for that, too.
            try part(
                """
                state = 'acked', reason = NULL, settled_at = ?3, attempts = max(attempts, 1),
                via = coalesce(via, 'bubble'), sent_at = coalesce(sent_at, ?3)
                """, key, [at])
        case .unknown(let why):
            try part("state = 'unknown', reason = ?3, settled_at = NULL", key, [why.rawValue])
        case .assumed: try part("state = 'assumed', settled_at = ?3", key, [at])
        case .refused(let code): try part("state = 'pending', errcode = ?3, settled_at = NULL", key, [code])
        case .failed(let why, let code):
            try part(
                "state = 'failed', reason = ?3, errcode = coalesce(?4, errcode), settled_at = ?5", key,
                [StoredText.clean(why), code, at])
        case .dead(let why):
            try part("state = 'dead', reason = ?3, settled_at = ?4", key, [StoredText.clean(why), at])
        case .replaced:
            try part(
                "state = 'pending', kind = ?3, content = ?4, settled_at = NULL", key, [content?.kind, content?.text])
        }
    }
}
