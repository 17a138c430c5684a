import Foundation

/// Holds a state folder for one program at a time. The lock ends with the process, however that ends.
public final class StateLock: Sendable {
    private let descriptor: Int32

    /// Another program holds the folder.
    public struct Held: Error, CustomStringConvertible {
        /// Folder.
        public let directory: String
        /// Its process, as far as it said so.
        public let pid: String

        /// Sentence for the person who started the second one.
        public var description: String {
            "another program (pid \(pid)) runs with state folder \(directory): stop it, or give this one its own gateway.stateDir"
        }
    }

    /// Takes the folder, which is made when it is missing.
    ///
    /// - Throws: `Held`, or an error of the file system.
    public init(directory: String) throws {
        let path = (directory as NSString).expandingTildeInPath
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let file = path + "/lock"
        descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: file]) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            close(descriptor)
            let pid = text.trimmingCharacters(in: .whitespacesAndNewlines)
            throw Held(directory: directory, pid: pid.isEmpty ? "unknown" : pid)
        }
        ftruncate(descriptor, 0)
        let pid = Array("\(getpid())\n".utf8)
        _ = pid.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    }

    deinit { close(descriptor) }
}
