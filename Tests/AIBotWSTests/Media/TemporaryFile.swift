import Foundation

/// A file that is gone with its owner.
final class TemporaryFile: Sendable {
    let path: String

    init(_ bytes: [UInt8]) {
        path = FileManager.default.temporaryDirectory.path + "/aibot-upload-\(UUID().uuidString)"
        write(bytes)
    }

    /// Writes into the file that is there, as a program does that is still at work on it.
    func write(_ bytes: [UInt8]) {
        if let handle = FileHandle(forWritingAtPath: path) {
            try? handle.truncate(atOffset: 0)
            try? handle.write(contentsOf: Data(bytes))
            try? handle.close()
        } else {
            _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
