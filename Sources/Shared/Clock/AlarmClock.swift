import Foundation
import HeapModule

/// Raises signals at instants: one sleeping task for any number of waits.
package final class AlarmClock: @unchecked Sendable {
    private struct Entry: Comparable {
        var at: MonotonicInstant
        var id: UInt64
        static func < (lhs: Entry, rhs: Entry) -> Bool { lhs.at < rhs.at }
    }

    // The fields below are touched under `lock` alone; signals are raised after it is released.
    private let lock = NSLock()
    private var heap = Heap<Entry>()
    private var wanted: [UInt64: (at: MonotonicInstant, signal: Signal)] = [:]
    private let changed = Signal()
    private let clock: any MonotonicClock

    package init(clock: any MonotonicClock) { self.clock = clock }

    /// Sets, moves or removes the one alarm of `id`.
    package func set(_ at: MonotonicInstant?, for id: UInt64, _ signal: Signal) {
        let earlier = lock.withLock { () -> Bool in
            guard let at else {
                wanted[id] = nil
                return false
            }
            guard wanted[id]?.at != at else { return false }
            wanted[id] = (at, signal)
            let first = heap.min
            heap.insert(Entry(at: at, id: id))
            compact()
            return first.map { at < $0.at } ?? true
        }
        if earlier { changed.raise() }
    }

    /// Moved alarms leave their old entries behind; they are swept once they are the most.
    private func compact() {
        guard heap.count > 64, heap.count > 4 * wanted.count else { return }
        heap = Heap(wanted.map { Entry(at: $0.value.at, id: $0.key) })
    }

    /// Works until cancelled.
    package func run() async {
        while !Task.isCancelled {
            let next = lock.withLock { heap.min?.at }
            if let next { await sleep(until: next) } else { await changed.wait() }
            for signal in takeDue() { signal.raise() }
        }
    }

    private func sleep(until deadline: MonotonicInstant) async {
        guard deadline > clock.now else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [clock] in try? await clock.sleep(until: deadline, tolerance: nil) }
            group.addTask { [changed] in await changed.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func takeDue() -> [Signal] {
        let now = clock.now
        return lock.withLock {
            var due: [Signal] = []
            while let first = heap.min, first.at <= now {
                heap.removeMin()
                guard let current = wanted[first.id], current.at == first.at else { continue }
                wanted[first.id] = nil
                due.append(current.signal)
            }
            return due
        }
    }
}
