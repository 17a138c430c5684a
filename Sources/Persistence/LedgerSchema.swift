import GRDB

/// Tables of the ledger. Migrations are only ever added at the end: what a published version created is never changed here.
///
/// Times are Unix milliseconds. States and kinds are words, so that the tables can be read in the sqlite3 shell.
enum LedgerSchema {
    static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1-ledger") { try $0.execute(sql: tables + indexes) }
        migrator.registerMigration("2-callbacks") { try $0.execute(sql: lateAddresses + kept) }
        migrator.registerMigration("3-texts", migrate: LedgerSchema.moveTexts)
        migrator.registerMigration("4-doubts") { try $0.execute(sql: doubts) }
        return migrator
    }()

    /// `AUTOINCREMENT`, since a task id is never used twice, not even when the newest tasks were removed. The long columns
    /// come last, so that a look at the state does not read them.
    private static let tables = """
        CREATE TABLE task (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            account TEXT NOT NULL,
            msgid TEXT,
            conversation_kind TEXT NOT NULL,
            conversation TEXT NOT NULL,
            session INTEGER NOT NULL,
            origin TEXT NOT NULL,
            state TEXT NOT NULL,
            accepted_at INTEGER NOT NULL,
            answered_at INTEGER,
            finished_at INTEGER,
            attempts INTEGER NOT NULL,
            bubbles INTEGER NOT NULL,
            bubble_opened_at INTEGER NOT NULL,
            handed_over INTEGER NOT NULL,
            stream TEXT NOT NULL,
            route_key TEXT NOT NULL,
            takes_replies INTEGER NOT NULL,
            refusal TEXT,
            reason TEXT,
            shown TEXT NOT NULL DEFAULT '',
            message TEXT NOT NULL,
            answer TEXT
        );
        CREATE TABLE part (
            task INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
            idx INTEGER NOT NULL,
            kind TEXT NOT NULL,
            state TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            via TEXT,
            errcode INTEGER,
            reason TEXT,
            sent_at INTEGER,
            settled_at INTEGER,
            content TEXT NOT NULL,
            PRIMARY KEY (task, idx)
        ) WITHOUT ROWID;
        CREATE TABLE task_file (
            task INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
            path TEXT NOT NULL,
            PRIMARY KEY (task, path)
        ) WITHOUT ROWID;
        CREATE TABLE session (
            account TEXT NOT NULL,
            conversation_kind TEXT NOT NULL,
            conversation TEXT NOT NULL,
            number INTEGER NOT NULL,
            started_at INTEGER NOT NULL,
            PRIMARY KEY (account, conversation_kind, conversation)
        ) WITHOUT ROWID;
        CREATE TABLE card (
            account TEXT NOT NULL,
            task_id TEXT NOT NULL,
            conversation_kind TEXT NOT NULL,
            conversation TEXT NOT NULL,
            sent_at INTEGER NOT NULL,
            json TEXT NOT NULL,
            PRIMARY KEY (account, task_id)
        );
        CREATE TABLE feedback (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            account TEXT NOT NULL,
            event TEXT,
            feedback_id TEXT NOT NULL,
            verdict TEXT NOT NULL,
            content TEXT,
            reasons TEXT NOT NULL,
            conversation_kind TEXT NOT NULL,
            conversation TEXT NOT NULL,
            sender TEXT NOT NULL,
            sender_corporation TEXT,
            sender_name TEXT,
            at INTEGER NOT NULL
        );

        """

    private static let lateAddresses = """
        ALTER TABLE task ADD COLUMN late_url TEXT;
        ALTER TABLE task ADD COLUMN late_until INTEGER;

        """

    private static let kept = """
        CREATE TABLE kept (
            key TEXT NOT NULL PRIMARY KEY,
            value TEXT NOT NULL,
            until INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX kept_until ON kept (until);
        """

    /// One for each question that is asked: known already, still to do, said here before, ended when, whose bubble.
    private static let indexes = """
        CREATE UNIQUE INDEX task_msgid ON task (msgid, account) WHERE msgid IS NOT NULL;
        CREATE INDEX task_unfinished ON task (account, id) WHERE state IN ('accepted', 'answered');
        CREATE INDEX task_conversation ON task (account, conversation, conversation_kind, id);
        CREATE INDEX task_ended ON task (state, finished_at) WHERE finished_at IS NOT NULL;
        CREATE INDEX task_stream ON task (stream);
        CREATE INDEX task_file_path ON task_file (path);
        CREATE UNIQUE INDEX feedback_event ON feedback (event, account) WHERE event IS NOT NULL;
        CREATE INDEX feedback_at ON feedback (at);
        """

    private static let doubts = """
        ALTER TABLE part ADD COLUMN doubts INTEGER NOT NULL DEFAULT 0;
        UPDATE part SET doubts = 1 WHERE state = 'unknown';
        ALTER TABLE task ADD COLUMN revived_at INTEGER;
        DROP INDEX task_file_path;
        """

    // MARK: 3-texts

    /// Messages and answers leave the rows of their tasks, which change at every step, for a table that only grows at its
    /// end. Numbers of tasks stay, and so does the last number that was given.
    private static func moveTexts(_ db: Database) throws {
        try db.execute(sql: texts + slimTask)
        try db.execute(
            sql: """
                INSERT INTO task_slim (\(keptColumns), message, answer)
                    SELECT \(keptColumns), 2 * id, iif(answer IS NULL, NULL, 2 * id + 1) FROM task ORDER BY id;
                INSERT INTO text (id, body) SELECT 2 * id, message FROM task ORDER BY id;
                INSERT INTO text (id, body) SELECT 2 * id + 1, answer FROM task WHERE answer IS NOT NULL ORDER BY id;
                DELETE FROM sqlite_sequence WHERE name = 'task_slim';
                INSERT INTO sqlite_sequence (name, seq) SELECT 'task_slim', seq FROM sqlite_sequence WHERE name = 'task';
                DROP TABLE task;
                ALTER TABLE task_slim RENAME TO task;
                """)
        try db.execute(sql: slimIndexes)
    }

    private static let keptColumns = """
        id, account, msgid, conversation_kind, conversation, session, origin, state, accepted_at, answered_at, finished_at,
        attempts, bubbles, bubble_opened_at, handed_over, stream, route_key, takes_replies, refusal, reason, shown,
        late_url, late_until
        """

    private static let texts = """
        CREATE TABLE text (
            id INTEGER PRIMARY KEY,
            body TEXT NOT NULL
        );

        """

    /// `message` and `answer` are numbers of texts.
    private static let slimTask = """
        CREATE TABLE task_slim (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            account TEXT NOT NULL,
            msgid TEXT,
            conversation_kind TEXT NOT NULL,
            conversation TEXT NOT NULL,
            session INTEGER NOT NULL,
            origin TEXT NOT NULL,
            state TEXT NOT NULL,
            accepted_at INTEGER NOT NULL,
            answered_at INTEGER,
            finished_at INTEGER,
            attempts INTEGER NOT NULL,
            bubbles INTEGER NOT NULL,
            bubble_opened_at INTEGER NOT NULL,
            handed_over INTEGER NOT NULL,
            takes_replies INTEGER NOT NULL,
            message INTEGER NOT NULL,
            answer INTEGER,
            stream TEXT NOT NULL,
            route_key TEXT NOT NULL,
            refusal TEXT,
            reason TEXT,
            shown TEXT NOT NULL DEFAULT '',
            late_url TEXT,
            late_until INTEGER
        );

        """

    /// What is not finished is what is still to do: two of the three steps of a state touch no index so.
    private static let slimIndexes = """
        CREATE UNIQUE INDEX task_msgid ON task (msgid, account) WHERE msgid IS NOT NULL;
        CREATE INDEX task_unfinished ON task (account) WHERE finished_at IS NULL;
        CREATE INDEX task_conversation ON task (account, conversation, conversation_kind);
        CREATE INDEX task_ended ON task (state, finished_at) WHERE finished_at IS NOT NULL;
        CREATE INDEX task_stream ON task (stream);
        CREATE TRIGGER task_texts AFTER DELETE ON task BEGIN
            DELETE FROM text WHERE id IN (old.message, old.answer);
        END;
        """
}
