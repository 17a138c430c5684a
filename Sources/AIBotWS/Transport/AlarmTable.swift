import Shared

/// Alarms of observers, one each and held weakly, and timers of `Owner`s, in one order of time.
struct AlarmTable<Owner> {
    /// Names a timer until it fires or is removed.
    struct Timer {
        fileprivate let handle: AlarmHeap<Entry>.Handle
    }

    /// What is due.
    enum Due {
        case observer(any ConnectionObserver)
        case timer(Owner)
    }

    fileprivate enum Entry {
        case observer(WeakObserver, key: ObjectIdentifier)
        case timer(Owner)
    }

    fileprivate struct WeakObserver {
        weak var value: (any ConnectionObserver)?
    }

    private var heap = AlarmHeap<Entry>()
    private var observers: [ObjectIdentifier: AlarmHeap<Entry>.Handle] = [:]

    /// Number of alarms and timers.
    var count: Int { heap.count }
    /// Earliest deadline.
    var nearest: MonotonicInstant? { heap.nearest }

    /// Sets, moves or (nil) removes the alarm of an observer.
    mutating func setAlarm(_ deadline: MonotonicInstant?, for observer: any ConnectionObserver) {
        let key = ObjectIdentifier(observer)
        if let handle = observers[key] {
            // A dead observer's address may be reused by another object.
            if let deadline, case .observer(let weak, _) = heap[handle], weak.value === observer {
                heap.move(handle, to: deadline)
                return
            }
            heap.remove(handle)
            observers[key] = nil
        }
        guard let deadline else { return }
        observers[key] = heap.add(.observer(WeakObserver(value: observer), key: key), at: deadline)
    }

    /// Adds a timer.
    mutating func add(_ owner: Owner, at deadline: MonotonicInstant) -> Timer {
        Timer(handle: heap.add(.timer(owner), at: deadline))
    }

    /// Removes a timer; nothing happens when it fired.
    mutating func remove(_ timer: Timer) { heap.remove(timer.handle) }

    /// Takes what is due, earliest first; alarms of observers that are gone are skipped.
    mutating func popDue(_ now: MonotonicInstant) -> Due? {
        while let entry = heap.popDue(now) {
            switch entry {
            case .timer(let owner): return .timer(owner)
            case .observer(let weak, let key):
                observers[key] = nil
                if let observer = weak.value { return .observer(observer) }
            }
        }
        return nil
    }
}
