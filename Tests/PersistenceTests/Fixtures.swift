import Foundation
import Shared

@testable import Persistence

/// A file below the folder for temporary files that nobody else uses; it goes with its neighbours.
struct LedgerPath: Sendable {
    let path = NSTemporaryDirectory() + "/wecom-ledger-\(UUID().uuidString).sqlite"

    func remove() {
        for suffix in ["", "-wal", "-shm", ".away"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    func mode(_ suffix: String = "") throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path + suffix)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }
}

/// The stores that keep the contract.
enum StoreKind: String, CaseIterable, Sendable {
    case memory
    case sqlite

    /// Runs a test on an empty store.
    func run(_ body: (any LedgerStore) async throws -> Void) async throws {
        switch self {
        case .memory: try await body(InMemoryLedger())
        case .sqlite: try await withSQLite { ledger, _ in try await body(ledger) }
        }
    }
}

/// Runs a test on an empty ledger in a file, without waiting for the disk.
func withSQLite(
    busySeconds: Double = 5, _ body: (SQLiteLedger, LedgerPath) async throws -> Void
) async throws {
    let file = LedgerPath()
    defer { file.remove() }
    let ledger = try SQLiteLedger(path: file.path, synchronous: .normal, busySeconds: busySeconds)
    defer { ledger.close() }
    try await body(ledger, file)
}

let bot: AccountID = "bot"
let chat = Conversation(kind: .direct, id: "lin.wei")
let group = Conversation(kind: .group, id: "wrGroup")

func message(
    _ id: String, _ text: String = "hello", account: AccountID = bot, in conversation: Conversation = chat,
    at: Int64 = 1_000
) -> InboundMessage {
    InboundMessage(
        id: MessageID(id), account: account, channel: "aibot-ws", conversation: conversation,
        sender: Sender(id: "lin.wei"), parts: [.text(text)], createdAt: at)
}

func entry(
    _ id: String, _ text: String = "hello", origin: LedgerEntry.Origin = .message, account: AccountID = bot,
    in conversation: Conversation = chat, at: Int64 = 1_000, takesReplies: Bool = true, refusal: String? = nil
) -> LedgerEntry {
    LedgerEntry(
        origin: origin, message: message(id, text, account: account, in: conversation, at: at),
        route: ReplyRoute(key: "req-\(id)", conversation: conversation, takesReplies: takesReplies),
        stream: "s_\(id)", acceptedAt: at, refusal: refusal)
}

extension LedgerStore {
    /// Accepts one entry that must be new.
    func begin(_ entry: LedgerEntry) async throws -> TaskID {
        guard case .accepted(let id) = try await accept([entry]).first else { throw NotNew() }
        return id
    }

    /// What was said in the current session.
    func history(account: AccountID, conversation: Conversation, limit: Int) async throws -> [HistoryEntry] {
        let session = try await session(account: account, conversation: conversation)
        return try await history(account: account, conversation: conversation, session: session, limit: limit)
    }

    /// The task with this message id.
    func task(_ id: String) async throws -> LedgerTask? { try await trace(messageID: MessageID(id)).first }
}

struct NotNew: Error {}

func answered(
    _ task: TaskID, _ parts: [PartContent] = [.text("hi")], from first: Int = 0, failure: String? = nil,
    at: Int64 = 2_000
) -> LedgerTransition {
    .answered(task, answer: "hi", failure: failure, parts: parts, firstPart: first, at: at)
}

func picture(_ path: String?, bytes: Int = 3) -> MediaReference {
    var reference = MediaReference(kind: .image, url: "https://example.com/\"x\"?sign=1", key: "a2V5")
    reference.path = path
    reference.bytes = bytes
    return reference
}
