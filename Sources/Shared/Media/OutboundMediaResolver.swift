import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Turns what an answer names as a file into a file that can be uploaded.
///
/// Takes relative paths (from the workspace), absolute paths and `file:` addresses below the workspace, the local roots
/// or the folder of downloads, `http(s):` addresses (by the rules of `MediaDownloader`) and base64 `data:` addresses.
/// Paths are made real before they are judged, so neither `..` nor symbolic links lead out; only regular files count.
/// Local files are not copied: one that changes before its upload is noticed there.
public struct OutboundMediaResolver: Sendable {
    private let workspace: String?
    private let roots: [String]
    private let directory: String
    private let downloader: MediaDownloader
    private let limits: MediaLimits

    /// Creates a resolver.
    ///
    /// - Parameters:
    ///   - workspace: folder that relative paths start at; without one they are refused.
    ///   - localRoots: further folders from which files may be sent.
    ///   - directory: existing folder for downloads and `data:` content; files may also be sent from it.
    ///   - downloader: fetches addresses; its bound of size is replaced by that of `limits`.
    ///   - limits: what the channel takes.
    public init(
        workspace: String?, localRoots: [String], directory: String, downloader: MediaDownloader,
        limits: MediaLimits = .longConnection
    ) {
        self.workspace = workspace
        roots = ([workspace].compactMap { $0 } + localRoots + [directory]).filter { !$0.isEmpty }
        self.directory = directory
        self.downloader = downloader.limited(to: limits.maxBytes)
        self.limits = limits
    }

    /// Finds the file and decides what it is sent as. Reads its start; blocks as long as the file system does.
    ///
    /// - Parameters:
    ///   - kind: what the answer calls it. `.file` is obeyed; everything else is decided by the bytes, and what no
    ///     other kind takes goes as a file.
    ///   - name: what the person should see; else the file's own name.
    public func resolve(
        location: String, kind: MediaReference.Kind?, name: String?
    ) async -> Result<OutboundMedia, OutboundMediaFailure> {
        let text = location.trimmingCharacters(in: .whitespacesAndNewlines)
        do throws(OutboundMediaFailure) {
            switch MediaLocation(text) {
            case nil: return .failure(.badLocation)
            case .path(let path): return .success(try media(at: try find(path), kind, name ?? path))
            case .data(let mime, let base64):
                return .success(try media(at: try store(base64), kind, name, fallback: MediaType.ofHeader(mime)))
            case .remote(let address):
                let reference = MediaReference(kind: .file, url: address, name: MediaLocation.remote(address).name)
                let fetched = try await downloader.fetch(
                    reference, into: directory, name: "out-" + UUID().uuidString.lowercased()
                ).mapError { OutboundMediaFailure.fetch($0) }.get()
                return .success(try media(at: fetched.path, kind, name ?? fetched.name))
            }
        } catch {
            return .failure(error)
        }
    }

    // MARK: - Paths

    /// Real path of a file that may be sent.
    private func find(_ written: String) throws(OutboundMediaFailure) -> String {
        if let path = try findExact(written) { return path }
        // Addresses in Markdown are often percent-encoded.
        if let decoded = written.removingPercentEncoding, decoded != written, !decoded.contains("\0"),
            let path = try findExact(decoded)
        {
            return path
        }
        throw .notFound
    }

    private func findExact(_ written: String) throws(OutboundMediaFailure) -> String? {
        let path: String
        if written.hasPrefix("/") {
            path = written
        } else if let workspace {
            path = workspace + "/" + written
        } else {
            throw .outside
        }
        guard let real = Self.realPath(path) else {
            // Whether something exists outside is nobody's business, so only what would be inside is "not found".
            guard isInside(Self.existingParent(of: path)) else { throw .outside }
            return nil
        }
        guard isInside(real) else { throw .outside }
        return real
    }

    private func isInside(_ real: String) -> Bool {
        roots.contains { root in
            guard let base = Self.realPath(root) else { return false }
            return real == base || real.hasPrefix(base == "/" ? "/" : base + "/")
        }
    }

    private static func realPath(_ path: String) -> String? {
        guard let pointer = realpath(path, nil) else { return nil }
        defer { free(pointer) }
        return String(cString: pointer)
    }

    /// Real path of the nearest folder above that exists.
    private static func existingParent(of path: String) -> String {
        var rest = Substring(path)
        while let slash = rest.lastIndex(of: "/"), slash != rest.startIndex {
            rest = rest[..<slash]
            if let real = realPath(String(rest)) { return real }
        }
        return "/"
    }

    // MARK: - Files

    private func media(
        at path: String, _ wanted: MediaReference.Kind?, _ name: String?, fallback: MediaType? = nil
    ) throws(OutboundMediaFailure) -> OutboundMedia {
        let (bytes, head) = try Self.inspect(path)
        guard bytes >= limits.minBytes else { throw .tooSmall(minBytes: limits.minBytes) }
        let clean = name.flatMap { FileName.sanitised($0) }
        let found = MediaType.find(head: head, contentType: nil, name: clean)
        let type = found == .unknown ? fallback ?? found : found
        guard let kind = limits.kind(of: MediaType.ofBytes(head) ?? .unknown, bytes: bytes, wanted: wanted) else {
            throw .tooLarge(limit: limits.maxBytes)
        }
        let shown = FileName.completed(clean ?? (type.isImage ? "image" : "file"), type)
        return OutboundMedia(
            path: path, kind: kind, name: FileName.shortened(shown, maxBytes: limits.maxNameBytes), bytes: bytes)
    }

    /// Size and start of a regular file.
    private static func inspect(_ path: String) throws(OutboundMediaFailure) -> (bytes: Int, head: [UInt8]) {
        // Not blocking: opening a pipe would wait for its writer.
        let file = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else {
            throw errno == ENOENT ? .notFound : errno == ENXIO || errno == ELOOP ? .notRegular : .unreadable
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .unreadable }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
        var head = [UInt8](repeating: 0, count: MediaType.headBytes)
        let count = read(file, &head, head.count)
        guard count >= 0 else { throw .unreadable }
        return (Int(status.st_size), Array(head.prefix(count)))
    }

    // MARK: - Content

    /// Writes the content of a `data:` address to a file of its own.
    private func store(_ base64: Substring) throws(OutboundMediaFailure) -> String {
        guard base64.utf8.count / 4 * 3 <= limits.maxBytes + 3 else { throw .tooLarge(limit: limits.maxBytes) }
        let text = base64.removingPercentEncoding ?? String(base64)
        guard let content = Data(base64Encoded: text, options: .ignoreUnknownCharacters) else { throw .badLocation }
        do throws(MediaFailure) {
            var file = try TemporaryFile(in: directory)
            try content.withUnsafeBytes { bytes in
                Result { () throws(MediaFailure) in try file.append(bytes) }
            }.get()
            return try file.keep(as: "out-" + UUID().uuidString.lowercased())
        } catch {
            throw .fetch(error)
        }
    }
}
