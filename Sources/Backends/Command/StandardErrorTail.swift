import Foundation

/// Last bytes that a program wrote to its standard error, for the log.
final class StandardErrorTail: @unchecked Sendable {
    // `bytes` and `total` are touched under `lock` alone.
    private let lock = NSLock()
    private var bytes: [UInt8] = []
    private var total = 0
    private let limit: Int

    init(limit: Int = 4096) { self.limit = limit }

    func append(_ more: [UInt8]) {
        lock.withLock {
            total += more.count
            bytes.append(contentsOf: more)
            if bytes.count > limit { bytes.removeFirst(bytes.count - limit) }
        }
    }

    /// Bytes that were written in all.
    var count: Int { lock.withLock { total } }

    /// Text with blank ends removed; a character that the bound cut is dropped.
    var text: String {
        let tail = lock.withLock { bytes }
        let start = tail.count < limit ? 0 : tail.firstIndex { $0 & 0b1100_0000 != 0b1000_0000 } ?? 0
        return String(decoding: tail[start...], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
