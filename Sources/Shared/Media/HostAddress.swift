import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// An address that a host name stands for.
enum HostAddress: Hashable, Sendable {
    /// Four bytes, first one highest.
    case v4(UInt32)
    /// Sixteen bytes.
    case v6([UInt8])

    /// Reads an address in its usual notation.
    init?(_ text: String) {
        guard let address = Self.lookUp(text, flags: AI_NUMERICHOST).first else { return nil }
        self = address
    }

    /// Whether it lies on the open Internet: not this machine, not a private or local network, no multicast.
    ///
    /// 198.18.0.0/15 counts as open, since transparent proxies answer every name with addresses from it.
    var isPublic: Bool {
        switch self {
        case .v4(let bits): Self.isPublic(bits)
        case .v6(let bytes): bytes.count == 16 && Self.isPublic(bytes)
        }
    }

    /// Networks (address, prefix length) that nothing is fetched from.
    private static let closed: [(UInt32, UInt32)] = [
        (0x0000_0000, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8), (0xA9FE_0000, 16),
        (0xAC10_0000, 12), (0xC000_0000, 24), (0xC000_0200, 24), (0xC0A8_0000, 16), (0xC633_6400, 24),
        (0xCB00_7100, 24), (0xE000_0000, 4), (0xF000_0000, 4),
    ]

    private static func isPublic(_ bits: UInt32) -> Bool {
        closed.allSatisfy { network, length in (bits ^ network) >> (32 - length) != 0 }
    }

    private static func isPublic(_ bytes: [UInt8]) -> Bool {
        let embedded = { (at: Int) in bytes[at..<(at + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } }
        // Carriers of IPv4 addresses: translated (NAT64) and 6to4 ones are as open as what they carry.
        if bytes.starts(with: [0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]) { return isPublic(embedded(12)) }
        if bytes.starts(with: [0x20, 0x02]) { return isPublic(embedded(2)) }
        // Only 2000::/3 is given out at all: this leaves out loopback, mapped, unique-local, link-local and multicast.
        guard bytes[0] >> 5 == 1 else { return false }
        // Teredo and documentation.
        return !bytes.starts(with: [0x20, 0x01, 0, 0]) && !bytes.starts(with: [0x20, 0x01, 0x0D, 0xB8])
    }

    /// Addresses of a name, on a thread of the system's pool; empty when it has none.
    ///
    /// A look-up takes as long as the system's resolver gives it and cannot be interrupted.
    static func resolve(_ host: String) async -> [HostAddress] {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: lookUp(host, flags: 0)) }
        }
    }

    private static func lookUp(_ host: String, flags: Int32) -> [HostAddress] {
        var hints = addrinfo()
        hints.ai_flags = flags
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [HostAddress] = []
        var entry = list
        while let current = entry {
            if let address = read(current.pointee.ai_addr) { addresses.append(address) }
            entry = current.pointee.ai_next
        }
        return addresses
    }

    private static func read(_ address: UnsafeMutablePointer<sockaddr>?) -> HostAddress? {
        guard let address else { return nil }
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                .v4(UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
            }
        case AF_INET6:
            return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                .v6(withUnsafeBytes(of: $0.pointee.sin6_addr) { Array($0) })
            }
        default: return nil
        }
    }
}
