import Dispatch
import Foundation
import Shared

#if canImport(Glibc)
    import Glibc
#endif

/// The network of this machine. On Linux the kernel tells about changes on a netlink socket; elsewhere nobody does.
struct SystemNetwork: NetworkSource {
    /// Most bytes of a routing table that are read. Default routes are the first of the table for IPv4.
    private static let maxTableBytes = 1 << 18

    func events() -> AsyncStream<Void>? {
        #if os(Linux)
            return Netlink.events()
        #else
            return nil
        #endif
    }

    func state() -> NetworkState {
        NetworkState(
            addresses: Self.addresses(),
            routes: NetworkState.routes(v4: Self.table("/proc/net/route"))
                .union(NetworkState.routes(v6: Self.table("/proc/net/ipv6_route"))), slept: Self.slept())
    }

    private static func addresses() -> Set<NetworkState.Address> {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: Set<NetworkState.Address> = []
        var entry = list
        while let current = entry {
            entry = current.pointee.ifa_next
            let flags = Int64(current.pointee.ifa_flags)
            guard flags & Int64(IFF_UP) != 0, flags & Int64(IFF_LOOPBACK) == 0,
                let bytes = current.pointee.ifa_addr.flatMap(bytes)
            else { continue }
            let address = NetworkState.Address(interface: String(cString: current.pointee.ifa_name), bytes: bytes)
            if !address.isLinkLocal { found.insert(address) }
        }
        return found
    }

    private static func bytes(_ address: UnsafeMutablePointer<sockaddr>) -> [UInt8]? {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET: return withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in.self).sin_addr) { Array($0) }
        case AF_INET6: return withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr) { Array($0) }
        default: return nil
        }
    }

    private static func table(_ path: String) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else { return "" }
        defer { try? file.close() }
        return (try? file.read(upToCount: maxTableBytes)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// One clock goes on while the machine sleeps, the other does not.
    private static func lag() -> Int64 {
        SystemMonotonicClock().now.nanoseconds - Int64(clamping: DispatchTime.now().uptimeNanoseconds)
    }

    private static let firstLag = lag()

    private static func slept() -> Int64 { (lag() - firstLag + 500_000_000) / 1_000_000_000 }
}

#if os(Linux)
    /// A socket on which the kernel reports every change of addresses and routes. What it says is not read: whoever hears
    /// of an event looks for himself, so a report that was lost for want of room costs nothing.
    private enum Netlink {
        /// `struct sockaddr_nl`; the header that has it is no part of the C library.
        private struct Address {
            var family = sa_family_t(AF_NETLINK)
            var padding: UInt16 = 0
            var port: UInt32 = 0
            var groups: UInt32
        }
        /// `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV6_IFADDR` and `RTMGRP_IPV6_ROUTE`.
        private static let groups: UInt32 = 0x10 | 0x40 | 0x100 | 0x400
        /// `NETLINK_ROUTE`.
        private static let route: Int32 = 0
        /// Most reports taken in one go; what is left makes the socket ready again.
        private static let maxReports = 256

        /// Unchecked, since Dispatch does not declare that its sources may be used from any thread.
        private struct Source: @unchecked Sendable {
            let source: any DispatchSourceRead
        }

        /// Ends, and closes the socket, when nobody listens any more.
        static func events() -> AsyncStream<Void>? {
            guard let descriptor = open() else { return nil }
            // What matters is that there was an event since the last look.
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            let source = DispatchSource.makeReadSource(
                fileDescriptor: descriptor, queue: DispatchQueue(label: "aibot-network"))
            source.setEventHandler {
                if drain(descriptor) { continuation.yield() } else { continuation.finish() }
            }
            source.setCancelHandler { close(descriptor) }
            let owned = Source(source: source)
            continuation.onTermination = { _ in owned.source.cancel() }
            source.activate()
            return stream
        }

        private static func open() -> Int32? {
            let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
            let descriptor = socket(AF_NETLINK, type, route)
            guard descriptor >= 0 else { return nil }
            let bound = withUnsafeBytes(of: Address(groups: groups)) { raw -> Int32 in
                guard let start = raw.baseAddress else { return -1 }
                return bind(descriptor, start.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
            }
            if bound == 0 { return descriptor }
            close(descriptor)
            return nil
        }

        /// Takes what the kernel has said; false when it will say no more.
        private static func drain(_ descriptor: Int32) -> Bool {
            // Longer reports are cut.
            var buffer = [UInt8](repeating: 0, count: 256)
            for _ in 0..<maxReports {
                if recv(descriptor, &buffer, buffer.count, 0) >= 0 { continue }
                switch errno {
                case EAGAIN: return true
                case EINTR, ENOBUFS: continue
                default: return false
                }
            }
            return true
        }
    }
#endif
