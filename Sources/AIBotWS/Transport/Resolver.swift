import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Why a name has no address; the words are for the log.
struct ResolveFailure: Error, Hashable, Sendable {
    var text: String
}

/// Turns names into addresses on threads of its own, so that a slow name server delays nobody else.
///
/// At most `maxThreads` lookups run at once; they end when nothing is left to do. Requests for a name that is being
/// looked up share the answer. Bounded by the number of connections: each asks once.
final class Resolver: @unchecked Sendable {
    /// Looks one name up; blocking.
    typealias Lookup = @Sendable (_ host: String) -> Result<[String], ResolveFailure>
    /// Receives the answer on one of the resolver's threads.
    typealias Completion = @Sendable (Result<[String], ResolveFailure>) -> Void

    /// Most lookups at once.
    static let maxThreads = 4
    /// Most addresses of one name that are tried.
    static let maxAddresses = 8

    // Everything mutable is touched under `lock` alone; completions are called after it is released.
    private let lock = NSLock()
    private let lookup: Lookup
    private var waiting: [String: [Completion]] = [:]
    private var queue: [String] = []
    private var threads = 0

    /// Creates a resolver; tests pass a lookup of their own.
    init(lookup: @escaping Lookup = Resolver.systemLookup) {
        self.lookup = lookup
    }

    /// Looks `host` up and calls `completion` once, from another thread.
    func resolve(_ host: String, completion: @escaping Completion) {
        let startThread = lock.withLock { () -> Bool in
            if waiting[host] != nil {
                waiting[host]?.append(completion)
                return false
            }
            waiting[host] = [completion]
            queue.append(host)
            guard threads < Self.maxThreads else { return false }
            threads += 1
            return true
        }
        guard startThread else { return }
        let thread = Thread { [self] in work() }
        thread.name = "aibot-resolver"
        thread.start()
    }

    private func work() {
        while let host = nextHost() {
            let result = lookup(host)
            let completions = lock.withLock { waiting.removeValue(forKey: host) ?? [] }
            for completion in completions { completion(result) }
        }
    }

    private func nextHost() -> String? {
        lock.withLock {
            if queue.isEmpty {
                threads -= 1
                return nil
            }
            return queue.removeFirst()
        }
    }

    /// True for an IPv4 or IPv6 address, which needs no lookup.
    static func isAddress(_ host: String) -> Bool {
        var v4 = in_addr()
        var v6 = in6_addr()
        return inet_pton(AF_INET, host, &v4) == 1 || inet_pton(AF_INET6, host, &v6) == 1
    }

    /// Asks the system (`getaddrinfo`), in its order of preference.
    static func systemLookup(_ host: String) -> Result<[String], ResolveFailure> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else { return .failure(ResolveFailure(text: String(cString: gai_strerror(status)))) }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var entry = list
        while let current = entry, addresses.count < maxAddresses {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let named = getnameinfo(
                current.pointee.ai_addr, current.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0,
                NI_NUMERICHOST)
            let address = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if named == 0, !addresses.contains(address) { addresses.append(address) }
            entry = current.pointee.ai_next
        }
        return addresses.isEmpty ? .failure(ResolveFailure(text: "no address")) : .success(addresses)
    }
}
