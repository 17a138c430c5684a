import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A file that is being written. It is readable for its owner alone, and gone unless it was kept.
///
/// Writes go to the page cache and block only as long as that takes.
struct TemporaryFile: ~Copyable {
    /// Ending of names of files that are not complete.
    static let ending = ".part"

    private let directory: String
    private let path: String
    // Owned by this value alone; -1 once closed.
    private var descriptor: Int32
    private var isKept = false

    /// Creates a file in a folder that exists.
    init(in directory: String) throws(MediaFailure) {
        self.directory = directory
        path = directory + "/." + UUID().uuidString.lowercased() + Self.ending
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(errno) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if !isKept { unlink(path) }
    }

    /// Appends bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws(MediaFailure) {
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            let count = write(descriptor, base, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.failure(errno)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
    }

    /// Gives it its name in its folder, in one step, and returns the path. Replaces an older file of that name.
    mutating func keep(as name: String) throws(MediaFailure) -> String {
        let closed = close(descriptor)
        descriptor = -1
        // Some network file systems tell of a full disk only here.
        guard closed == 0 || errno == EINTR else { throw Self.failure(errno) }
        let target = directory + "/" + name
        guard rename(path, target) == 0 else { throw Self.failure(errno) }
        isKept = true
        return target
    }

    /// What an error number of the system means here.
    static func failure(_ code: Int32) -> MediaFailure {
        code == ENOSPC || code == EDQUOT ? .diskFull : .unwritable
    }
}
