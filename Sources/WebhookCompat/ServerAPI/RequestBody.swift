import NIOCore
import Shared

#if canImport(Glibc)
    import Glibc
#endif

/// Body of a request, and whether the HTTP client has begun to write it: until then the platform cannot have acted on it.
///
/// Read once. A file in the middle is read as it is written, in pieces.
struct RequestBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    /// What is known about the writing.
    struct Progress: Sendable {
        var hasBegun = false
        /// The file could not be read to its announced end.
        var isUnreadable = false
    }

    /// A file that is part of a body.
    struct File: Sendable {
        let path: String
        let bytes: Int
    }

    private static let pieceBytes = 65_536
    let head: [UInt8]
    let file: File?
    let tail: [UInt8]
    let progress = Locked(Progress())

    init(_ text: String) {
        head = Array(text.utf8)
        file = nil
        tail = []
    }

    init(head: String, file: File, tail: String) {
        self.head = Array(head.utf8)
        self.file = file
        self.tail = Array(tail.utf8)
    }

    /// Length in bytes.
    var count: Int64 { Int64(head.count + (file?.bytes ?? 0) + tail.count) }

    func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    /// Gives out head, file and tail.
    struct Iterator: AsyncIteratorProtocol {
        private enum Place {
            case head
            case file(at: Int)
            case tail
            case end
        }

        private let body: RequestBody
        private var place = Place.head
        private var source: FileSource?

        init(body: RequestBody) { self.body = body }

        mutating func next() async throws -> ByteBuffer? {
            switch place {
            case .head:
                body.progress.withLock { $0.hasBegun = true }
                place = body.file == nil ? .tail : .file(at: 0)
                return ByteBuffer(bytes: body.head)
            case .file(let offset):
                guard let file = body.file, offset < file.bytes else {
                    place = .tail
                    return try await next()
                }
                let piece = try read(file, at: offset)
                place = .file(at: offset + piece.readableBytes)
                return piece
            case .tail:
                place = .end
                return body.tail.isEmpty ? nil : ByteBuffer(bytes: body.tail)
            case .end: return nil
            }
        }

        private mutating func read(_ file: File, at offset: Int) throws -> ByteBuffer {
            if source == nil { source = FileSource(file.path) }
            let wanted = Swift.min(RequestBody.pieceBytes, file.bytes - offset)
            guard let piece = source?.read(wanted, at: offset) else {
                body.progress.withLock { $0.isUnreadable = true }
                throw ServerAPIFailure.notSent(.unreadable)
            }
            return piece
        }
    }
}

/// An open file, closed with its last user.
final class FileSource: Sendable {
    private let descriptor: Int32

    init?(_ path: String) {
        // Not blocking: opening a pipe would wait for its writer.
        descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// Size of a regular file in bytes; nil for everything else.
    var bytes: Int? { RegularFile.bytes(of: descriptor) }

    /// At least one byte and at most `count`; nil at the end or on failure.
    func read(_ count: Int, at offset: Int) -> ByteBuffer? {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
            while true {
                let got = pread(descriptor, room.baseAddress, min(count, room.count), off_t(offset))
                if got >= 0 || errno != EINTR { return max(got, 0) }
            }
        }
        return got > 0 ? buffer : nil
    }
}
