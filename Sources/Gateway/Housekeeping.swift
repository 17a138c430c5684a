import Logging
import Shared

/// Keeps the state folder small: ended tasks and old cards leave the ledger, old downloads the disk.
struct Housekeeping: Sendable {
    /// Cards are kept for as long as the platform may send clicks on them.
    private static let cardDays: Int64 = 30

    let ledger: any LedgerStore
    let store: MediaStore
    let keep: Duration
    let cleansAtStart: Bool
    let clock: any MonotonicClock
    let wallClock: any WallClock
    let logger: Logger

    /// Once at the start, then every hour, until cancelled.
    func run() async {
        if cleansAtStart { await clean(atStart: true) }
        while !Task.isCancelled {
            await prune()
            try? await clock.sleep(for: .seconds(3_600))
            guard !Task.isCancelled else { return }
            await clean(atStart: false)
        }
    }

    private func prune() async {
        let now = wallClock.unixMilliseconds
        do throws(LedgerTrouble) {
            try await ledger.prune(
                before: now - Int64(keep.inSeconds * 1_000), cardsBefore: now - Self.cardDays * 86_400_000)
        } catch {
            logger.warning("ledger not pruned", metadata: .init([.error: error]))
        }
    }

    private func clean(atStart: Bool) async {
        // What cannot be told to be unused stays.
        guard let needed = try? await ledger.filesInUse() else { return }
        let removed = store.clean(keeping: needed, atStart: atStart)
        if removed > 0 { logger.info("old media removed", metadata: .init([.count: removed])) }
    }
}
