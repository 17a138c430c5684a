import Foundation
import GRDB
import Shared
import Testing

@testable import Persistence

/// Migrations are only ever added.
@Suite struct LedgerSchemaTests {
    /// Fingerprint of what each migration leads to: a published line here never changes; a new migration adds one.
    private static let published: [(identifier: String, fingerprint: UInt64)] = [
        ("1-ledger", 0x6621_B313_B59B_FF45), ("2-callbacks", 0x7BF6_F7F5_D1A3_F38D),
        ("3-texts", 0x066B_8015_BBF0_95AD), ("4-doubts", 0x6D85_F6BE_69E2_D8C1),
    ]

    @Test("WS-15: what a published migration creates never changes")
    func appendOnly() throws {
        #expect(LedgerSchema.migrator.migrations == Self.published.map(\.identifier))
        for (identifier, fingerprint) in Self.published {
            let queue = try DatabaseQueue()
            try LedgerSchema.migrator.migrate(queue, upTo: identifier)
            let schema = try queue.read { db in
                try String.fetchAll(db, sql: "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            }
            let text = schema.joined(separator: "\n").split(whereSeparator: \.isWhitespace).joined(separator: " ")
            // FNV-1a over the statements without their layout.
            let found = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
            #expect(found == fingerprint, "\(identifier): \(String(found, radix: 16))")
        }
    }
}

/// JSON of messages that is written by hand.
@Suite struct MessageJSONTests {
    @Test("WS-15: a message written by hand is what the encoder writes, as far as it is read")
    func sameAsEncoder() throws {
        var random = SeededGenerator(seed: 11)
        let pieces = ["a", "\"", "\\", "\n", "\u{0}", "\u{1f}", "\u{7f}", "/", "你", "👩‍👩‍👧", "\r\n", "\u{2028}", " "]
        for round in 0..<500 {
            func text() -> String {
                (0..<Int(random.next() % 8)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            }
            var given = message(text(), text(), account: AccountID(text()), in: Conversation(kind: .group, id: text()))
            given.sender = Sender(
                id: UserID(text()), corporation: round % 3 == 0 ? text() : nil, name: round % 2 == 0 ? text() : nil)
            given.mentioned = round % 5 != 0
            given.createdAt = Int64.random(in: .min ... .max, using: &random)
            if round % 7 == 0 { given.parts = [] }
            let written = try MessageJSON.encode(given)
            #expect(try JSONDecoder().decode(InboundMessage.self, from: Data(written.utf8)) == given, "round \(round)")
        }
    }

    @Test("WS-15: the layout of the hand-written JSON is that of the encoder, so that both can be read by one query")
    func layout() throws {
        let given = message("m1", "plain text")
        let byHand = try JSONSerialization.jsonObject(with: Data(try MessageJSON.encode(given).utf8)) as? NSDictionary
        let byEncoder = try JSONSerialization.jsonObject(with: Data(try StoredText.encode(given).utf8)) as? NSDictionary
        #expect(byHand != nil && byHand == byEncoder)
    }
}

/// Bounds of the ledger in memory.
@Suite struct InMemoryLedgerTests {
    @Test("WS-15: the ledger in memory is bounded; what is not ended stays")
    func bounds() {
        let ledger = InMemoryLedger(maxEnded: 3)
        let ids: [TaskID] = ledger.accept((0..<10).map { entry("m\($0)") }).compactMap {
            if case .accepted(let id) = $0 { id } else { nil }
        }
        ledger.write([5, 1, 3, 2, 7].map { .finished(ids[$0], reason: nil, at: Int64($0)) })
        #expect(ledger.tasks(in: [.done], limit: 9).map(\.id) == [ids[2], ids[3], ids[7]])
        #expect(ledger.counts() == [.accepted: 5, .answered: 0, .done: 3, .dead: 0])
        #expect(ledger.accept([entry("m5")]) == [.accepted(TaskID(11))])
        for number in 0..<5 {
            ledger.remember(
                SentCard(taskID: "t\(number)", account: bot, conversation: chat, json: "{}", sentAt: Int64(number)))
            let feedback = Feedback(
                id: MessageID("e\(number)"), feedbackID: "", verdict: .accurate, conversation: chat,
                sender: Sender(id: "a"))
            #expect(ledger.record(FeedbackRecord(feedback: feedback, account: bot, at: Int64(number))))
        }
        #expect((0..<5).map { ledger.card(taskID: "t\($0)", account: bot) != nil } == [false, false, true, true, true])
        #expect(ledger.feedback(since: 0).map(\.at) == [2, 3, 4])
    }

    @Test("WS-15: a revived task does not count as ended")
    func revived() {
        let ledger = InMemoryLedger(maxEnded: 1)
        for id in ["m1", "m2"] { _ = ledger.accept([entry(id)]) }
        ledger.write([.finished(TaskID(1), reason: "old", at: 1)])
        #expect(ledger.revive(TaskID(1), at: 7))
        ledger.write([.finished(TaskID(2), reason: nil, at: 2)])
        #expect(ledger.counts() == [.accepted: 1, .answered: 0, .done: 1, .dead: 0])
    }
}
