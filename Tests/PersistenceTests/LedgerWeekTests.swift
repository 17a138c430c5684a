import Foundation
import Shared
import Testing

@testable import Persistence

@Suite("A week on disk")
struct LedgerWeekTests {
    private static let day: Int64 = 86_400_000

    /// Descriptors of this process that lead to the file or its neighbours.
    private func descriptors(_ file: LedgerPath) -> Int {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return entries.count { entry in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + entry)
            return target?.contains(file.path) == true
        }
    }

    private func bytes(_ file: LedgerPath) -> Int {
        ["", "-wal", "-shm"].reduce(0) { sum, suffix in
            let attributes = try? FileManager.default.attributesOfItem(atPath: file.path + suffix)
            return sum + ((attributes?[.size] as? NSNumber)?.intValue ?? 0)
        }
    }

    /// Four hundred messages, each with all its steps; the last ones of the day stay open until tomorrow.
    private func live(_ day: Int, _ ledger: SQLiteLedger) async throws {
        for number in 0..<400 {
            let at = Int64(day) * Self.day + Int64(number) * 200_000
            let name = "d\(day)m\(number)"
            let task = try await ledger.begin(entry(name, String(repeating: "question ", count: 40), at: at))
            guard number < 395 else { continue }
            try await ledger.write([
                .began(task, attempt: 1, at: at), answered(task, [.text(String(repeating: "answer ", count: 200))]),
                .part(task, index: 0, .sent(.push), at: at), .part(task, index: 0, .acked, at: at),
                .finished(task, reason: nil, at: at),
            ])
        }
    }

    @Test(
        "virtual.week: P31: seven days with a restart each: rows, bytes and descriptors stay what they were on the third"
    )
    func week() async throws {
        let file = LedgerPath()
        defer { file.remove() }
        var sizes: [Int] = []
        for day in 0..<7 {
            let ledger = try SQLiteLedger(path: file.path, synchronous: .normal)
            let now = Int64(day) * Self.day
            let left = try await ledger.unfinished(account: bot)
            #expect(left.count == (day == 0 ? 0 : 5))
            try await ledger.write(left.map { .finished($0.id, reason: "given up", at: now) })
            try await ledger.prune(before: now - Self.day, cardsBefore: 0)
            try await live(day, ledger)
            let rows = try await ledger.counts().values.reduce(0, +)
            #expect(rows <= 2 * 400 + 5)
            ledger.close()
            #expect(descriptors(file) == 0)
            sizes.append(bytes(file))
        }
        #expect(sizes[6] < sizes[2] + sizes[2] / 4, "\(sizes)")
    }
}
