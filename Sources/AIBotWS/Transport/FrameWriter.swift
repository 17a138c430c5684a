import CLibWebSockets
import Shared

#if canImport(Glibc)
    import Glibc
#endif

/// Frames on their way into one socket: headers, masks and several frames in one write.
///
/// Why not `lws_write`: it costs a system call for a frame, one more for its mask, and masks byte by byte, together two
/// thirds of what a small frame costs. lws still owns the socket, TLS, the handshake, all that comes in, and the control
/// frames. The two cannot mix their bytes: this writes only inside the writable callback and while lws has nothing
/// buffered, and when the socket takes a part only, reception is paused until the rest is out, so that lws has no ping to
/// answer meanwhile.
struct FrameWriter {
    /// Bytes gathered for one write; a TLS record holds a quarter of it.
    static let batchBytes = 64 << 10

    private var bytes: [UInt8] = []
    private var head = 0
    private var masks = MaskSource()

    /// Everything added has been written.
    var isEmpty: Bool { head == bytes.count }
    /// Whether another frame may join the batch.
    var hasRoom: Bool { bytes.count < Self.batchBytes }

    /// Bytes still to be written.
    var pending: [UInt8] { Array(bytes[head...]) }

    /// Adds one text frame. Call only while nothing was written of the batch.
    mutating func add(_ payload: [UInt8]) {
        let mask = masks.next()
        appendHeader(payload.count, mask)
        let start = bytes.count
        bytes.append(contentsOf: payload)
        bytes.withUnsafeMutableBytes { buffer in
            Self.apply(mask, to: UnsafeMutableRawBufferPointer(rebasing: buffer[start...]))
        }
    }

    /// Final text frame, masked, with the shortest form of its length (RFC 6455, section 5.2).
    private mutating func appendHeader(_ count: Int, _ mask: UInt32) {
        bytes.append(0x81)
        switch count {
        case ..<126: bytes.append(0x80 | UInt8(count))
        case ..<0x10000:
            bytes.append(0x80 | 126)
            bytes.append(UInt8(count >> 8))
            bytes.append(UInt8(truncatingIfNeeded: count))
        default:
            bytes.append(0x80 | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: count >> shift))
            }
        }
        withUnsafeBytes(of: mask) { bytes.append(contentsOf: $0) }
    }

    /// Masks in place, eight bytes at a time; `mask` is in memory order.
    static func apply(_ mask: UInt32, to buffer: UnsafeMutableRawBufferPointer) {
        let wide = UInt64(mask) << 32 | UInt64(mask)
        var index = 0
        while index + 8 <= buffer.count {
            let word = buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ wide
            buffer.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        withUnsafeBytes(of: mask) { key in
            while index < buffer.count {
                buffer[index] ^= key[index & 3]
                index += 1
            }
        }
    }

    /// What one attempt to write came to.
    enum Progress {
        case done
        /// The socket takes no more for now.
        case blocked
        case failed
    }

    /// Writes what was added, as far as the socket takes it.
    mutating func flush(_ wsi: OpaquePointer) -> Progress {
        while !isEmpty {
            let written = bytes.withUnsafeBytes { buffer in
                Self.write(UnsafeRawBufferPointer(rebasing: buffer[head...]), wsi)
            }
            guard let written else { return .failed }
            guard written > 0 else { return .blocked }
            head += written
        }
        // A burst must not leave its memory behind.
        bytes.removeAll(keepingCapacity: bytes.capacity <= 2 * Self.batchBytes)
        head = 0
        return .done
    }

    /// Bytes taken by the socket, 0 when it would block, nil when it is broken.
    private static func write(_ buffer: UnsafeRawBufferPointer, _ wsi: OpaquePointer) -> Int? {
        guard let ssl = lws_get_ssl(wsi) else {
            let count = send(
                lws_get_socket_fd(wsi), buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            if count >= 0 { return count }
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : nil
        }
        ERR_clear_error()
        let count = SSL_write(ssl, buffer.baseAddress, Int32(min(buffer.count, Int(Int32.max))))
        if count > 0 { return Int(count) }
        let reason = SSL_get_error(ssl, count)
        return reason == SSL_ERROR_WANT_WRITE || reason == SSL_ERROR_WANT_READ ? 0 : nil
    }
}

/// Masking keys from the system's random numbers, fetched many at a time: each must be unpredictable (RFC 6455, 5.3).
struct MaskSource {
    private var keys: [UInt32] = []

    mutating func next() -> UInt32 {
        if let key = keys.popLast() { return key }
        var fresh = [UInt32](repeating: 0, count: 256)
        let wanted = fresh.count * MemoryLayout<UInt32>.size
        let count = fresh.withUnsafeMutableBytes { getrandom($0.baseAddress, wanted, 0) }
        guard count == wanted else { return .random(in: .min ... .max) }
        keys = fresh
        return keys.popLast() ?? .random(in: .min ... .max)
    }
}
