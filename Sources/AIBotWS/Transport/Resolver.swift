import DequeModule
import Foundation
import Shared

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

    /// Lookups of one name at once.
    static let maxLookupsPerHost = 2
    /// Age up to which a lookup is joined. An older one may wait for an answer that went astray with the network of before.
    static let joinable = Duration.seconds(5)

    private struct Request {
        var number: UInt64
        var begun: MonotonicInstant
        var completions: [Completion]
    }

    // Everything mutable is touched under `lock` alone; completions are called after it is released.
    private let lock = NSLock()
    private let clock: any MonotonicClock
    private let lookup: Lookup
    private var requests: [String: [Request]] = [:]
    private var queue: Deque<(host: String, number: UInt64)> = []
    private var lastNumber: UInt64 = 0
    private var threads = 0

    /// Creates a resolver; tests pass a lookup of their own.
    init(clock: any MonotonicClock = SystemMonotonicClock(), lookup: @escaping Lookup = Resolver.systemLookup) {
        self.clock = clock
        self.lookup = lookup
    }

    /// Looks `host` up and calls `completion` once, from another thread.
    func resolve(_ host: String, completion: @escaping Completion) {
        let now = clock.now
        guard lock.withLock({ join(host, completion, now: now) }) else { return }
        let thread = Thread { [self] in work() }
        thread.name = "aibot-resolver"
        thread.start()
    }

    /// True when a thread must be started.
    private func join(_ host: String, _ completion: @escaping Completion, now: MonotonicInstant) -> Bool {
        let known = requests[host] ?? []
        if let last = known.last,
            last.begun.duration(to: now) < Self.joinable || threads >= Self.maxThreads
                || known.count >= Self.maxLookupsPerHost
        {
            requests[host]?[known.count - 1].completions.append(completion)
            return false
        }
        lastNumber += 1
        requests[host] = known + [Request(number: lastNumber, begun: now, completions: [completion])]
        queue.append((host, lastNumber))
        guard threads < Self.maxThreads else { return false }
        threads += 1
        return true
    }

    private func work() {
        while let (host, number) = next() {
            let result = lookup(host)
            let completions = lock.withLock { take(host, number, result) }
            for completion in completions { completion(result) }
        }
    }

    /// Those who wait for this answer. An address is good for all who asked for the name.
    private func take(_ host: String, _ number: UInt64, _ result: Result<[String], ResolveFailure>) -> [Completion] {
        var rest = requests[host] ?? []
        var completions: [Completion] = []
        for index in rest.indices {
            if case .failure = result, rest[index].number != number { continue }
            completions += rest[index].completions
            rest[index].completions = []
        }
        rest.removeAll { $0.number == number }
        requests[host] = rest.isEmpty ? nil : rest
        return completions
    }

    private func next() -> (String, UInt64)? {
        lock.withLock {
            if let first = queue.popFirst() { return first }
            threads -= 1
            return nil
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
        while let current = entry {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let named = getnameinfo(
                current.pointee.ai_addr, current.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0,
                NI_NUMERICHOST)
            let address = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if named == 0, !addresses.contains(address) { addresses.append(address) }
            entry = current.pointee.ai_next
        }
        return addresses.isEmpty ? .failure(ResolveFailure(text: "no address")) : .success(alternating(addresses))
    }

    /// The first addresses that are to be tried. The families take turns, beginning with the system's favorite: it is
    /// often one of them as a whole that leads nowhere.
    static func alternating(_ addresses: [String]) -> [String] {
        let isFirstV6 = addresses.first?.contains(":") ?? false
        var favored = addresses.filter { $0.contains(":") == isFirstV6 }[...]
        var others = addresses.filter { $0.contains(":") != isFirstV6 }[...]
        var result: [String] = []
        while result.count < maxAddresses, let next = favored.popFirst() ?? others.popFirst() {
            result.append(next)
            swap(&favored, &others)
        }
        return result
    }
}
