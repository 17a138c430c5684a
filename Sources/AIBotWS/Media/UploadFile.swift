import COpenSSL
import Shared

#if canImport(Glibc)
    import Glibc
#endif

/// A file that is read in small pieces, and noticed when it changes meanwhile.
final class UploadFile {
    /// Why it cannot be read; holds no name.
    struct Unreadable: Error {
        var reason: String
    }

    /// Divisible by three, so that pieces of base64 join without padding.
    private static let pieceBytes = 48 << 10

    private let descriptor: Int32
    private let bytes: Int
    private var modified = timespec()
    private var piece = [UInt8](repeating: 0, count: pieceBytes)
    /// The encoder ends its text with a zero byte.
    private var encoded = [UInt8](repeating: 0, count: pieceBytes / 3 * 4 + 1)

    /// Opens a file that must have `bytes` bytes now and as long as it is read.
    init(path: String, bytes: Int) throws(Unreadable) {
        self.bytes = bytes
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Unreadable(reason: String(cString: strerror(errno))) }
        modified = try status().st_mtim
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private func status() throws(Unreadable) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Unreadable(reason: String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Unreadable(reason: "not a file") }
        guard status.st_size == bytes else { throw Unreadable(reason: "the file changed its size") }
        return status
    }

    /// Appends the base64 of a part of the file.
    func appendBase64(_ range: Range<Int>, to text: inout [UInt8]) throws(Unreadable) {
        let now = try status().st_mtim
        guard now.tv_sec == modified.tv_sec, now.tv_nsec == modified.tv_nsec else {
            throw Unreadable(reason: "the file changed")
        }
        var start = range.lowerBound
        while start < range.upperBound {
            let count = min(Self.pieceBytes, range.upperBound - start)
            try fill(count, from: start)
            let length = Int(EVP_EncodeBlock(&encoded, piece, Int32(count)))
            text.append(contentsOf: encoded[..<length])
            start += count
        }
    }

    /// Reads exactly `count` bytes into `piece`.
    private func fill(_ count: Int, from offset: Int) throws(Unreadable) {
        var done = 0
        while done < count {
            let read = piece.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, offset + done)
            }
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw Unreadable(reason: String(cString: strerror(errno))) }
            guard read > 0 else { throw Unreadable(reason: "the file changed its size") }
            done += read
        }
    }

    /// MD5 of the whole file in hex; nil where the system forbids that digest.
    func md5() throws(Unreadable) -> String? {
        guard let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, EVP_md5(), nil) == 1 else { return nil }
        var start = 0
        while start < bytes {
            let count = min(Self.pieceBytes, bytes - start)
            try fill(count, from: start)
            guard EVP_DigestUpdate(context, piece, count) == 1 else { return nil }
            start += count
        }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard EVP_DigestFinal_ex(context, &digest, &length) == 1 else { return nil }
        let digits = Array("0123456789abcdef".utf8)
        let hex = digest.prefix(Int(length)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: hex, as: UTF8.self)
    }
}
