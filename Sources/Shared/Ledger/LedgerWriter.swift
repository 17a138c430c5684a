import DequeModule
import Foundation
import Logging

/// Writes steps to a ledger, in order and in batches: whatever comes while one transaction runs makes up the next.
///
/// When the store cannot write (disk full, locked) the steps stay here and are tried again until it can; callers are told
/// at once, and go on. What is kept is bounded by the messages that were accepted, and none is accepted meanwhile.
final class LedgerWriter: @unchecked Sendable {
    /// Most steps in one transaction.
    private static let maxBatch = 1_024

    // The fields below are touched under `lock` alone; continuations leave it before they are resumed.
    private let lock = NSLock()
    private var pending: Deque<LedgerTransition> = []
    private var waiters: Deque<(end: UInt64, continuation: CheckedContinuation<Bool, Never>)> = []
    private var added: UInt64 = 0
    private var written: UInt64 = 0
    private var isTroubled = false
    private var isEnding = false
    /// Nobody writes any more.
    private var hasEnded = false

    private let store: any LedgerStore
    private let clock: any MonotonicClock
    private let logger: Logger
    private let changed = Signal()
    private let ending = Signal()
    private let ended = Signal()

    init(store: any LedgerStore, clock: any MonotonicClock, logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// Steps that are not written yet.
    var backlog: Int { lock.withLock { pending.count } }

    /// Adds a step; it is written soon.
    func note(_ transition: LedgerTransition) { _ = enqueue([transition]) }

    /// Adds steps and returns what `durable` waits for.
    func enqueue(_ transitions: [LedgerTransition]) -> UInt64 {
        let end = lock.withLock { () -> UInt64 in
            pending.append(contentsOf: transitions)
            added += UInt64(transitions.count)
            return added
        }
        changed.raise()
        return end
    }

    /// Returns once the steps up to `end` are durable; false when they cannot be written now and are kept in memory.
    func durable(_ end: UInt64) async -> Bool {
        await withCheckedContinuation { continuation in
            let verdict = lock.withLock { () -> Bool? in
                if written >= end { return true }
                if isTroubled || hasEnded { return false }
                waiters.append((end, continuation))
                return nil
            }
            if let verdict { continuation.resume(returning: verdict) }
        }
    }

    /// Adds steps and waits for them.
    @discardableResult
    func commit(_ transitions: [LedgerTransition]) async -> Bool { await durable(enqueue(transitions)) }

    /// Returns once all steps so far are durable, or cannot be written now.
    func flushed() async { _ = await durable(lock.withLock { added }) }

    /// Writes what is left, with one try if the store is in trouble, and ends `run`; returns when that has ended. Call once.
    func end() async {
        lock.withLock {
            isEnding = true
            // Whoever asks from here on waits for the last try.
            isTroubled = false
        }
        ending.raise()
        changed.raise()
        await ended.raised()
    }

    /// Works until ended, also when it is cancelled: what runs longer than that has steps to write. At the end one last try
    /// is made for what is left.
    func run() async {
        while true {
            let (batch, ending) = lock.withLock { (Array(pending.prefix(Self.maxBatch)), isEnding) }
            guard !batch.isEmpty else {
                if ending { break }
                await changed.raised()
                continue
            }
            guard await write(batch) else {
                if ending { break }
                await pause()
                continue
            }
        }
        lock.withLock { hasEnded = true }
        release()
        ended.raise()
    }

    private func pause() async {
        // There is no time any more that could be waited for.
        guard !Task.isCancelled else { return await ending.raised() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [clock] in try? await clock.sleep(for: .seconds(1)) }
            group.addTask { [ending] in await ending.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func write(_ batch: [LedgerTransition]) async -> Bool {
        do throws(LedgerTrouble) {
            try await store.write(batch)
            settle(batch.count)
            return true
        } catch {
            refuse(error)
            return false
        }
    }

    private func settle(_ count: Int) {
        let (done, recovered) = lock.withLock { () -> ([CheckedContinuation<Bool, Never>], Bool) in
            pending.removeFirst(count)
            written += UInt64(count)
            defer { isTroubled = false }
            var done: [CheckedContinuation<Bool, Never>] = []
            while let first = waiters.first, first.end <= written {
                done.append(first.continuation)
                waiters.removeFirst()
            }
            return (done, isTroubled)
        }
        for continuation in done { continuation.resume(returning: true) }
        if recovered { logger.notice("ledger writes again") }
    }

    private func refuse(_ trouble: LedgerTrouble) {
        let (wasTroubled, count) = lock.withLock { () -> (Bool, Int) in
            defer { isTroubled = true }
            return (isTroubled, pending.count)
        }
        release()
        guard !wasTroubled else { return }
        logger.error("ledger cannot write; trying again", metadata: .init([.error: trouble, .count: count]))
    }

    private func release() {
        let all = lock.withLock { () -> [CheckedContinuation<Bool, Never>] in
            defer { waiters = [] }
            return waiters.map(\.continuation)
        }
        for continuation in all { continuation.resume(returning: false) }
    }
}
