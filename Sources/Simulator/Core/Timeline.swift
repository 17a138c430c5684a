/// Things to do later, in order of time; things due at the same time keep the order in which they were added.
struct Timeline<Item: Sendable>: Sendable {
    private struct Node: Sendable {
        var at: Int
        var order: Int
        var item: Item

        func precedes(_ other: Node) -> Bool { (at, order) < (other.at, other.order) }
    }

    private var heap: [Node] = []
    private var nextOrder = 0

    /// Time of the earliest thing.
    var nextDeadline: Int? { heap.first?.at }

    mutating func add(_ item: Item, at time: Int) {
        heap.append(Node(at: time, order: nextOrder, item: item))
        nextOrder += 1
        var child = heap.count - 1
        while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Removes and returns the earliest thing that is due at `now`, with the time it was due.
    mutating func popDue(now: Int) -> (at: Int, item: Item)? {
        guard let first = heap.first, first.at <= now else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.at, first.item)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            let left = parent * 2 + 1
            guard left < heap.count else { return }
            let right = left + 1
            let child = right < heap.count && heap[right].precedes(heap[left]) ? right : left
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(parent, child)
            parent = child
        }
    }
}
