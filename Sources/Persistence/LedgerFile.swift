import Foundation
import GRDB
import Shared

/// The file itself: who may read it, and what is said when it cannot be used.
enum LedgerFile {
    /// Makes the file readable by its owner alone; SQLite gives its neighbours the same mode.
    static func prepare(_ path: String) throws(LedgerTrouble) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let code = errno
            if code == ENOSPC || code == EDQUOT { throw .full }
            throw .broken("\(path) cannot be opened: \(String(cString: strerror(code)))")
        }
        close(descriptor)
        for file in [path, path + "-wal", path + "-shm"] { chmod(file, 0o600) }
    }

    static func older(_ path: String) -> LedgerTrouble {
        .broken("\(path) was written by an earlier version of this program; `wecom-aibot run` brings it up to date")
    }

    static func newer(_ path: String) -> LedgerTrouble {
        .broken("\(path) was written by a newer version of this program; use that version, or move the file away")
    }

    /// What an error means for the caller. Words of SQLite about a code only: its messages may hold values.
    static func trouble(_ error: any Error, path: String, writing: Bool) -> LedgerTrouble {
        switch error {
        case let trouble as LedgerTrouble: return trouble
        case let error as DatabaseError: return trouble(error.extendedResultCode, path: path, writing: writing)
        default: return .broken("\(path): \(type(of: error))")
        }
    }

    private static func trouble(_ code: ResultCode, path: String, writing: Bool) -> LedgerTrouble {
        switch code.primaryResultCode {
        case .SQLITE_FULL: return .full
        case .SQLITE_IOERR where writing: return .full
        case .SQLITE_BUSY, .SQLITE_LOCKED: return .busy
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return .broken(
                "\(path) is damaged (SQLite \(code)); stop the program, move the file away together with \(path)-wal and "
                    + "\(path)-shm, and start again with an empty ledger")
        default: return .broken("\(path): SQLite \(code)")
        }
    }
}
