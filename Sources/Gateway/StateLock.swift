import Foundation

/// Holds a state folder for one program at a time. The lock ends with the process, however that ends.
public final class StateLock: Sendable {
    private let descriptor: Int32

    /// Why a folder cannot be had.
    public enum Trouble: Error, Sendable, Hashable, CustomStringConvertible {
        /// Another program holds it; `pid` is its process, as far as it said so.
        case held(directory: String, pid: String)
        /// It cannot be made or written; `reason` is the system's.
        case unusable(path: String, reason: String)

        /// Sentence for the person who started the program.
        public var description: String {
            switch self {
            case .held(let directory, let pid):
                "another program (pid \(pid)) runs with state folder \(directory): stop it, or give this one its own "
                    + "gateway.stateDir"
            case .unusable(let path, let reason):
                "\(path): \(reason): run this as the user whom the state folder belongs to, or name a folder that this "
                    + "user may write as gateway.stateDir"
            }
        }
    }

    /// Takes the folder, which is made when it is missing.
    public init(directory: String) throws(Trouble) {
        let path = (directory as NSString).expandingTildeInPath
        try Self.make(path)
        let file = path + "/lock"
        descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .unusable(path: file, reason: Self.words(errno)) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            close(descriptor)
            let pid = text.trimmingCharacters(in: .whitespacesAndNewlines)
            throw .held(directory: directory, pid: pid.isEmpty ? "unknown" : pid)
        }
        ftruncate(descriptor, 0)
        let pid = Array("\(getpid())\n".utf8)
        _ = pid.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    }

    /// Makes the folder with those above it. Not with FileManager, whose errors do not say what the system said.
    private static func make(_ path: String) throws(Trouble) {
        guard mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        let parent = (path as NSString).deletingLastPathComponent
        guard errno == ENOENT, !parent.isEmpty, parent != path else {
            throw .unusable(path: path, reason: words(errno))
        }
        try make(parent)
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .unusable(path: path, reason: words(errno)) }
    }

    private static func words(_ number: Int32) -> String { String(cString: strerror(number)) }

    deinit { close(descriptor) }
}
