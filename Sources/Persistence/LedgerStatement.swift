import GRDB
import GRDBSQLite

/// The statements that every message runs through.
///
/// What has not ended is `finished_at IS NULL`, as the index of the unfinished has it: a step of such a task touches no
/// index.
enum LedgerStatement: Int, CaseIterable {
    case insertText
    case removeText
    case insertTask
    case keepPath
    case began
    case fetched
    case bubble
    case shown
    case handedOver
    case lateAddress
    case answered
    case finished
    case givenUp
    case partsGivenUp
    case insertPart
    case partSent
    case partNotSent
    case partAcked
    case partUnknown
    case partAssumed
    case partRefused
    case partFailed
    case partDead
    case partReplaced

    var sql: String {
        switch self {
        case .insertText: "INSERT INTO text (body) VALUES (?1)"
        case .removeText: "DELETE FROM text WHERE id = ?1"
        case .insertTask: Self.insertTaskSQL
        case .keepPath: "INSERT OR IGNORE INTO task_file (task, path) VALUES (?1, ?2)"
        case .began: Self.task("attempts = ?2")
        case .fetched:
            """
            UPDATE text SET body = ?2
            WHERE id = (SELECT message FROM task WHERE id = ?1 AND finished_at IS NULL)
            """
        case .bubble: Self.task("bubbles = ?2, bubble_opened_at = ?3")
        case .shown: Self.task("shown = ?2")
        case .handedOver: Self.task("handed_over = ?2")
        case .lateAddress: Self.task("late_url = ?2, late_until = ?3")
        case .answered:
            // The number that the text will have: SQLite gives the one after the last.
            """
            UPDATE task SET state = 'answered', answer = coalesce((SELECT max(id) FROM text), 0) + 1, reason = ?2,
                answered_at = ?3
            WHERE id = ?1 AND state = 'accepted'
            """
        case .finished: Self.task("state = 'done', finished_at = ?2")
        case .givenUp: Self.task("state = 'dead', finished_at = ?2, reason = ?3")
        case .partsGivenUp:
            """
            UPDATE part SET state = 'dead', settled_at = ?2, reason = ?3
            WHERE task = ?1 AND state IN ('pending', 'sent', 'unknown')
            """
        case .insertPart:
            "INSERT INTO part (task, idx, kind, state, attempts, content) VALUES (?1, ?2, ?3, 'pending', 0, ?4)"
        case .partSent:
            Self.part(
                "state = 'sent', attempts = attempts + 1, via = ?3, reason = NULL, sent_at = ?4, settled_at = NULL")
        case .partNotSent:
            Self.part(
                """
                state = iif(doubts > 0, 'unknown', 'pending'), attempts = max(attempts - 1, 0), sent_at = NULL,
                settled_at = NULL
                """)
        case .partAcked:
            // Frames of bubbles are repeated freely and not told before they go out: their ack stands for that, too.
            Self.part(
                """
                state = 'acked', reason = NULL, settled_at = ?3, attempts = max(attempts, 1),
                via = coalesce(via, 'bubble'), sent_at = coalesce(sent_at, ?3)
                """)
        case .partUnknown:
            Self.part("doubts = doubts + (state = 'sent'), state = 'unknown', reason = ?3, settled_at = NULL")
        case .partAssumed: Self.part("state = 'assumed', settled_at = ?3")
        case .partRefused: Self.part("state = 'pending', errcode = ?3, settled_at = NULL")
        case .partFailed:
            Self.part("state = 'failed', reason = ?3, errcode = coalesce(?4, errcode), settled_at = ?5")
        case .partDead: Self.part("state = 'dead', reason = ?3, settled_at = ?4")
        case .partReplaced:
            Self.part("state = 'pending', kind = ?3, content = ?4, doubts = 0, settled_at = NULL")
        }
    }

    private static let insertTaskSQL = """
        INSERT INTO task (account, msgid, conversation_kind, conversation, session, origin, state, accepted_at,
            finished_at, attempts, bubbles, bubble_opened_at, handed_over, stream, route_key, takes_replies, refusal,
            reason, message, late_url, late_until)
        VALUES (?1, ?2, ?3, ?4, coalesce((SELECT number FROM session
                WHERE account = ?1 AND conversation_kind = ?3 AND conversation = ?4), 0),
            ?5, ?6, ?7, ?8, 0, 1, ?7, 0, ?9, ?10, ?11, ?12, ?12, ?13, ?14, ?15)
        ON CONFLICT (msgid, account) WHERE msgid IS NOT NULL DO NOTHING
        """

    /// Changes a task that has not ended.
    private static func task(_ assignments: String) -> String {
        "UPDATE task SET \(assignments) WHERE id = ?1 AND finished_at IS NULL"
    }

    /// Changes a part of a task that has not ended.
    private static func part(_ assignments: String) -> String {
        """
        UPDATE part SET \(assignments) WHERE task = ?1 AND idx = ?2
        AND EXISTS (SELECT 1 FROM task WHERE id = ?1 AND finished_at IS NULL)
        """
    }
}

/// A value of a statement.
enum LedgerValue {
    case integer(Int64)
    case text(String)
    case null

    static func text(_ value: String?) -> LedgerValue { value.map { .text($0) } ?? .null }
    static func integer(_ value: Int64?) -> LedgerValue { value.map { .integer($0) } ?? .null }
    static func integer(_ value: Int) -> LedgerValue { .integer(Int64(value)) }
    static func integer(_ value: Bool) -> LedgerValue { .integer(value ? 1 : 0) }
}

/// Statements of the writer's connection, each prepared when it is needed first and bound without a detour: GRDB would look
/// for them by their text and box every value. Touched in the writer's turn alone.
final class LedgerStatements: @unchecked Sendable {
    private var prepared: [Statement?] = Array(repeating: nil, count: LedgerStatement.allCases.count)

    /// Lets go of them, before the connection is closed.
    func clear() { prepared = Array(repeating: nil, count: prepared.count) }

    /// Runs a statement; returns whether it changed a row.
    @discardableResult
    func run(_ statement: LedgerStatement, _ values: [LedgerValue], _ db: Database) throws -> Bool {
        let handle = try handle(statement, db)
        for (position, value) in values.enumerated() { try bind(value, at: Int32(position + 1), of: handle) }
        let code = sqlite3_step(handle)
        // Says once more what the step said, and ends the statement.
        sqlite3_reset(handle)
        guard code == SQLITE_DONE else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        return sqlite3_changes(sqlite3_db_handle(handle)) > 0
    }

    private func handle(_ statement: LedgerStatement, _ db: Database) throws -> OpaquePointer {
        if let known = prepared[statement.rawValue] { return known.sqliteStatement }
        let made = try db.makeStatement(sql: statement.sql)
        prepared[statement.rawValue] = made
        return made.sqliteStatement
    }

    /// SQLite copies the text.
    private static let isCopied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    private func bind(_ value: LedgerValue, at position: Int32, of handle: OpaquePointer) throws {
        let code: Int32
        switch value {
        case .integer(let number): code = sqlite3_bind_int64(handle, position, number)
        case .null: code = sqlite3_bind_null(handle, position)
        case .text(var text):
            code = text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { characters in
                    guard let start = characters.baseAddress else {
                        return sqlite3_bind_text(handle, position, "", 0, Self.isCopied)
                    }
                    return sqlite3_bind_text64(
                        handle, position, start, UInt64(characters.count), Self.isCopied, UInt8(SQLITE_UTF8))
                }
            }
        }
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }
}
