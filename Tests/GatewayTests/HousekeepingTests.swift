import Foundation
import Shared
import Testing

@testable import Gateway

@Suite("Housekeeping")
struct HousekeepingTests {
    @Test("WS-15: files of an answer that was given up stay for as long as it can be sent again")
    func files() async throws {
        let folder = "/tmp/housekeeping-\(UUID().uuidString.prefix(13))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let wallClock = FixedClock()
        let store = MediaStore(directory: folder, retention: .seconds(3_600), clock: wallClock)
        let day = try store.folder(account: "default")
        let old = Date(timeIntervalSince1970: Double(wallClock.unixMilliseconds) / 1_000 - 7_200)
        let ledger = InMemoryLedger()
        for (name, reason) in [("open", nil), ("lost", "too old"), ("delivered", nil)] {
            let path = "\(day)/\(name).png"
            try Data("picture".utf8).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
            let at = wallClock.unixMilliseconds
            var entry = LedgerTask.sample(message: MessageID(name)).entry
            entry.acceptedAt = at
            guard case .accepted(let task) = ledger.accept([entry]).first else { continue }
            let part = PartContent.media(path: path, kind: .image, name: "a.png", bytes: 7)
            ledger.write([.answered(task, answer: "", failure: nil, parts: [part], firstPart: 0, at: at)])
            if name != "open" { ledger.write([.finished(task, reason: reason, at: at)]) }
        }
        let clock = ManualClock()
        let log = LogCapture()
        let housekeeping = Housekeeping(
            ledger: ledger, store: store, keep: .seconds(86_400), cleansAtStart: true, clock: clock,
            wallClock: wallClock, logger: log.logger)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await housekeeping.run() }
            await clock.waitForSleepers()
            group.cancelAll()
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: day).sorted() == ["lost.png", "open.png"])
        #expect(log.text.contains("old media removed count=1"))
    }
}
