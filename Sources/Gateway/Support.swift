import Foundation
import Shared

/// A value that is there for a while.
struct Slot<Value: Sendable>: Sendable {
    private let current = Locked<Value?>(nil)

    var value: Value? { current.withLock { $0 } }
    func set(_ value: Value?) { current.withLock { $0 = value } }
    func take() -> Value? {
        current.withLock { current in
            defer { current = nil }
            return current
        }
    }
}

extension String {
    /// The path with `~` resolved, from `/` on: backends work in folders of their own.
    var absolutePath: String {
        let path = (self as NSString).expandingTildeInPath
        return path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}

/// Lets so many in at a time, in order of arrival.
final class Places: @unchecked Sendable {
    // Touched under `lock` alone; continuations leave it before they are resumed.
    private let lock = NSLock()
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func with<Result>(_ body: () async -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            let isIn = lock.withLock { () -> Bool in
                guard free > 0 else {
                    waiting.append(continuation)
                    return false
                }
                free -= 1
                return true
            }
            if isIn { continuation.resume() }
        }
        let result = await body()
        leave()
        return result
    }

    private func leave() {
        let next = lock.withLock { () -> CheckedContinuation<Void, Never>? in
            guard waiting.isEmpty else { return waiting.removeFirst() }
            free += 1
            return nil
        }
        next?.resume()
    }
}
