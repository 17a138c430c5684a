import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Folder of downloads: one folder for each account, in it one for each day (UTC), in it the files.
///
/// Cleaning goes from folder to folder by descriptors and follows no symbolic link, so nothing outside is touched,
/// whatever somebody put inside.
public struct MediaStore: Sendable {
    /// Folder that holds everything, without a slash at its end.
    public let directory: String
    private let retention: Duration
    private let clock: any WallClock

    /// Creates a store; touches nothing yet.
    ///
    /// - Parameters:
    ///   - directory: folder, made when it is first needed.
    ///   - retention: how long files are kept after they were last written.
    public init(directory: String, retention: Duration, clock: any WallClock) {
        var path = directory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.directory = path
        self.retention = retention
        self.clock = clock
    }

    /// Today's folder of an account, made when it is missing; only its owner may look into it.
    public func folder(account: String) throws(MediaFailure) -> String {
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .unwritable
        }
        guard let root = Folder(path: directory),
            let own = root.makeFolder(Self.component(account)), own.makeFolder(today) != nil
        else { throw errno == ENOSPC || errno == EDQUOT ? .diskFull : .unwritable }
        return directory + "/" + Self.component(account) + "/" + today
    }

    /// Removes files that are older than the retention, and folders of earlier days that are empty.
    ///
    /// - Parameters:
    ///   - keeping: paths of files in use, which stay however old they are.
    ///   - atStart: nothing is being fetched yet, so incomplete downloads go too, however young.
    /// - Returns: How many files were removed.
    @discardableResult
    public func clean(keeping: Set<String>, atStart: Bool = false) -> Int {
        guard let root = Folder(path: directory) else { return 0 }
        // A path in use may have been made real on its way.
        let real = URL(fileURLWithPath: directory).resolvingSymlinksInPath().path
        let oldest = clock.unixMilliseconds / 1_000 - retention.components.seconds
        let today = today
        var removed = 0
        for account in root.names() {
            guard let own = root.folder(account) else { continue }
            for day in own.names() where Self.isDay(day) {
                guard let folder = own.folder(day) else { continue }
                for name in folder.names() {
                    let place = "/\(account)/\(day)/\(name)"
                    if keeping.contains(directory + place) || keeping.contains(real + place) { continue }
                    let isStale = atStart && name.hasSuffix(TemporaryFile.ending)
                    guard let written = folder.secondsOfFile(name), isStale || written < oldest else { continue }
                    if folder.remove(name) { removed += 1 }
                }
                // A folder that is not empty stays by itself.
                if day < today { own.removeFolder(day) }
            }
        }
        return removed
    }

    private var today: String {
        var seconds = time_t(clock.unixMilliseconds / 1_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let month = parts.tm_mon + 1
        return
            "\(parts.tm_year + 1_900)-\(month < 10 ? "0" : "")\(month)-\(parts.tm_mday < 10 ? "0" : "")\(parts.tm_mday)"
    }

    private static func isDay(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        return bytes.count == 10 && bytes[4] == ASCII.minus && bytes[7] == ASCII.minus
            && bytes.filter(ASCII.isDigit).count == 8
    }

    /// Account name as a name of a folder: different names stay different.
    private static func component(_ account: String) -> String {
        var result = ""
        for byte in account.utf8 {
            if (ASCII.isWord(byte) && byte < 0x80) || byte == ASCII.minus || byte == ASCII.underscore {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result.isEmpty ? "%" : result
    }
}

/// An open folder, closed with its value.
private struct Folder: ~Copyable {
    private let descriptor: Int32

    /// Opens a folder by a path that the configuration gave.
    init?(path: String) {
        self.init(descriptor: open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    }

    private init?(descriptor: Int32) {
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Opens a folder inside; nil for everything else, symbolic links too.
    func folder(_ name: String) -> Folder? {
        Folder(descriptor: openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))
    }

    func makeFolder(_ name: String) -> Folder? {
        guard mkdirat(descriptor, name, 0o700) == 0 || errno == EEXIST else { return nil }
        return folder(name)
    }

    func names() -> [String] {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return [] }
        guard let stream = fdopendir(copy) else {
            close(copy)
            return []
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Unix time at which a regular file was last written; nil for everything else.
    func secondsOfFile(_ name: String) -> Int64? {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return Int64(status.st_mtim.tv_sec)
    }

    func remove(_ name: String) -> Bool { unlinkat(descriptor, name, 0) == 0 }

    func removeFolder(_ name: String) { unlinkat(descriptor, name, AT_REMOVEDIR) }
}
