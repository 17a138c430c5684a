import Foundation

/// A file that is gone with its owner.
final class TemporaryFile: Sendable {
    let path: String

    init(_ bytes: [UInt8]) {
        path = FileManager.default.temporaryDirectory.path + "/aibot-upload-\(UUID().uuidString)"
        write(bytes)
    }

    func write(_ bytes: [UInt8]) { _ = FileManager.default.createFile(atPath: path, contents: Data(bytes)) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
