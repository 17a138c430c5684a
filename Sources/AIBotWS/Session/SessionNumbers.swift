import Shared

/// Numbers the sessions of a process, so that connection ids never meet.
enum SessionNumbers {
    private static let last = Locked<UInt64>(0)

    static func next() -> UInt64 {
        last.withLock { last in
            last += 1
            return last
        }
    }
}
