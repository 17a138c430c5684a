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
        case .began, .bubble, .shown, .handedOver, .lateAddress, .part, .finished:
            json = ""
            contents = []
        }
    }
}

/// Entries and steps into their rows.
struct LedgerWriter {
    let db: Database
    let statements: LedgerStatements

    @discardableResult
    private func run(_ statement: LedgerStatement, _ values: LedgerValue...) throws -> Bool {
        try statements.run(statement, values, db)
    }

    // MARK: Acceptance

    func accept(_ prepared: PreparedEntry) throws -> Acceptance {
        let entry = prepared.entry
        let message = entry.message
        let msgid = message.id.rawValue.isEmpty ? nil : StoredText.clean(message.id.rawValue)
        let ended = entry.refusal != nil
        try run(.insertText, .text(prepared.json))
        let text = db.lastInsertedRowID
        let isNew = try run(
            .insertTask, .text(message.account.rawValue), .text(msgid), .text(entry.route.conversation.kind.rawValue),
            .text(entry.route.conversation.id), .text(entry.origin.rawValue), .text(ended ? "dead" : "accepted"),
            .integer(entry.acceptedAt), ended ? .integer(entry.acceptedAt) : .null, .text(entry.stream),
            .text(entry.route.key), .integer(entry.route.takesReplies), .text(entry.refusal.map(StoredText.clean)),
            .integer(text), .text(entry.route.late?.url), .integer(entry.route.late?.expiresAt))
        guard isNew else {
            try run(.removeText, .integer(text))
            return .known(try known(msgid, account: message.account))
        }
        let task = TaskID(db.lastInsertedRowID)
        try keep(paths: prepared.paths, of: task)
        return .accepted(task)
    }

    private func known(_ msgid: String?, account: AccountID) throws -> TaskID {
        let statement = try db.cachedStatement(sql: "SELECT id FROM task WHERE msgid = ? AND account = ?")
        return TaskID(try Int64.fetchOne(statement, arguments: [msgid, account.rawValue]) ?? 0)
    }

    private func keep(paths: [String], of task: TaskID) throws {
        for path in paths { try run(.keepPath, .integer(task.rawValue), .text(path)) }
    }

    // MARK: Steps

    func write(_ prepared: PreparedStep) throws {
        let task = prepared.step.task.rawValue
        let id = LedgerValue.integer(task)
        let taken: Bool
        switch prepared.step {
        case .began(_, let attempt, _): taken = try run(.began, id, .integer(attempt))
        case .fetched: taken = try run(.fetched, id, .text(prepared.json))
        case .bubble(_, let index, let at): taken = try run(.bubble, id, .integer(index), .integer(at))
        case .shown(_, let segments): taken = try run(.shown, id, .text(segments.joined(separator: " ")))
        case .handedOver(_, let isHandedOver): taken = try run(.handedOver, id, .integer(isHandedOver))
        case .lateAddress(_, let address):
            taken = try run(.lateAddress, id, .text(address?.url), .integer(address?.expiresAt))
        case .answered(_, let answer, let failure, _, let first, let at):
            taken = try run(.answered, id, .text(failure.map(StoredText.clean)), .integer(at))
            if taken {
                try run(.insertText, .text(StoredText.clean(answer)))
                try insert(prepared.contents, of: id, from: first)
            }
        case .part(_, let index, let change, let at):
            taken = try apply(change, prepared.contents.first, to: id, .integer(index), at: .integer(at))
        case .finished(_, let reason, let at): taken = try finish(task, reason: reason, at: at)
        }
        if taken { try keep(paths: prepared.step.filePaths, of: prepared.step.task) }
    }

    private func insert(_ contents: [(kind: String, text: String)], of task: LedgerValue, from first: Int) throws {
        for (offset, content) in contents.enumerated() {
            try run(.insertPart, task, .integer(first + offset), .text(content.kind), .text(content.text))
        }
    }

    func finish(_ task: Int64, reason: String?, at: Int64) throws -> Bool {
        guard let reason = reason.map(StoredText.clean) else {
            return try run(.finished, .integer(task), .integer(at))
        }
        guard try run(.givenUp, .integer(task), .integer(at), .text(reason)) else { return false }
        try run(.partsGivenUp, .integer(task), .integer(at), .text(reason))
        return true
    }

    private func apply(
        _ change: PartChange, _ content: (kind: String, text: String)?, to task: LedgerValue, _ index: LedgerValue,
        at: LedgerValue
    ) throws -> Bool {
        switch change {
        case .sent(let route): try run(.partSent, task, index, .text(route.rawValue), at)
        case .notSent: try run(.partNotSent, task, index)
        case .acked: try run(.partAcked, task, index, at)
        case .unknown(let why): try run(.partUnknown, task, index, .text(why.rawValue))
        case .assumed: try run(.partAssumed, task, index, at)
        case .refused(let code): try run(.partRefused, task, index, .integer(code))
        case .failed(let why, let code):
            try run(.partFailed, task, index, .text(StoredText.clean(why)), .integer(code.map { Int64($0) }), at)
        case .dead(let why): try run(.partDead, task, index, .text(StoredText.clean(why)), at)
        case .replaced: try run(.partReplaced, task, index, .text(content?.kind), .text(content?.text))
        }
    }
}
