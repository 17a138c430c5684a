import GRDB
public import Shared

/// Small values beside the ledger, in the same file.
extension SQLiteLedger: KeptValues {
    /// The value of a key that has not expired.
    public func value(of key: String, now: Int64) async -> String? {
        let found: String?? = try? await read { db in
            try String.fetchOne(db, sql: "SELECT value FROM kept WHERE key = ? AND until > ?", arguments: [key, now])
        }
        return found ?? nil
    }

    /// Keeps a value until that time.
    public func keep(_ value: String, of key: String, until: Int64) async {
        _ = try? await write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO kept (key, value, until) VALUES (?, ?, ?)", arguments: [key, value, until])
        }
    }

    /// Keeps a value unless the key has one that has not expired. False when the ledger cannot write, too.
    public func keepIfAbsent(_ value: String, of key: String, now: Int64, until: Int64) async -> Bool {
        let isKept = try? await write { db in
            try db.execute(
                sql: """
                    INSERT INTO kept (key, value, until) VALUES (?1, ?2, ?4)
                    ON CONFLICT (key) DO UPDATE SET value = excluded.value, until = excluded.until WHERE until <= ?3
                    """, arguments: [key, value, now, until])
            return db.changesCount > 0
        }
        return isKept ?? false
    }

    /// Forgets a key while it has this value.
    public func forget(_ key: String, ifValue value: String) async {
        _ = try? await write { db in
            try db.execute(sql: "DELETE FROM kept WHERE key = ? AND value = ?", arguments: [key, value])
        }
    }
}
