import Shared

/// Deadlines in order of time, then of insertion; each can be moved or removed through its handle.
///
/// An indexed binary heap: `order` holds slot numbers, and each slot knows its place in it, so moving one among
/// thousands costs a few integer swaps and no allocation. A handle whose alarm was popped or removed is stale, and
/// using it does nothing.
struct AlarmHeap<Payload> {
    /// Names one alarm for as long as it is in the heap.
    struct Handle: Hashable, Sendable {
        fileprivate let slot: Int
        fileprivate let generation: UInt32
    }

    private struct Slot {
        var deadline: Int64
        var sequence: UInt64
        var position: Int
        var generation: UInt32
        var payload: Payload?
    }

    private var slots: [Slot] = []
    private var free: [Int] = []
    private var order: [Int] = []
    private var nextSequence: UInt64 = 0

    /// Number of alarms.
    var count: Int { order.count }

    /// Earliest deadline.
    var nearest: MonotonicInstant? { order.first.map { MonotonicInstant(nanoseconds: slots[$0].deadline) } }

    /// Adds an alarm.
    mutating func add(_ payload: Payload, at deadline: MonotonicInstant) -> Handle {
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            slots[slot].payload = payload
        } else {
            slot = slots.count
            slots.append(Slot(deadline: 0, sequence: 0, position: 0, generation: 0, payload: payload))
        }
        slots[slot].deadline = deadline.nanoseconds
        slots[slot].sequence = takeSequence()
        slots[slot].position = order.count
        order.append(slot)
        siftUp(order.count - 1)
        return Handle(slot: slot, generation: slots[slot].generation)
    }

    /// Payload of an alarm that is in the heap.
    subscript(handle: Handle) -> Payload? { isLive(handle) ? slots[handle.slot].payload : nil }

    /// Gives an alarm another deadline; false when the handle is stale.
    @discardableResult
    mutating func move(_ handle: Handle, to deadline: MonotonicInstant) -> Bool {
        guard isLive(handle) else { return false }
        slots[handle.slot].deadline = deadline.nanoseconds
        slots[handle.slot].sequence = takeSequence()
        siftDown(siftUp(slots[handle.slot].position))
        return true
    }

    /// Takes an alarm out; nil when the handle is stale.
    @discardableResult
    mutating func remove(_ handle: Handle) -> Payload? {
        isLive(handle) ? take(handle.slot) : nil
    }

    /// Takes out the earliest alarm if its deadline is not after `now`.
    mutating func popDue(_ now: MonotonicInstant) -> Payload? {
        guard let slot = order.first, slots[slot].deadline <= now.nanoseconds else { return nil }
        return take(slot)
    }

    private func isLive(_ handle: Handle) -> Bool { slots[handle.slot].generation == handle.generation }

    private mutating func takeSequence() -> UInt64 {
        nextSequence += 1
        return nextSequence
    }

    private mutating func take(_ slot: Int) -> Payload? {
        let position = slots[slot].position
        let last = order.removeLast()
        if last != slot {
            order[position] = last
            slots[last].position = position
            siftDown(siftUp(position))
        }
        slots[slot].generation &+= 1
        free.append(slot)
        defer { slots[slot].payload = nil }
        return slots[slot].payload
    }

    private func precedes(_ lhs: Int, _ rhs: Int) -> Bool {
        if slots[lhs].deadline != slots[rhs].deadline { return slots[lhs].deadline < slots[rhs].deadline }
        return slots[lhs].sequence < slots[rhs].sequence
    }

    private mutating func place(_ slot: Int, at position: Int) {
        order[position] = slot
        slots[slot].position = position
    }

    @discardableResult
    private mutating func siftUp(_ start: Int) -> Int {
        var position = start
        let slot = order[position]
        while position > 0 {
            let parent = (position - 1) / 2
            guard precedes(slot, order[parent]) else { break }
            place(order[parent], at: position)
            position = parent
        }
        place(slot, at: position)
        return position
    }

    private mutating func siftDown(_ start: Int) {
        var position = start
        let slot = order[position]
        while true {
            var child = 2 * position + 1
            guard child < order.count else { break }
            if child + 1 < order.count, precedes(order[child + 1], order[child]) { child += 1 }
            guard precedes(order[child], slot) else { break }
            place(order[child], at: position)
            position = child
        }
        place(slot, at: position)
    }
}
