import Foundation

/// How many connections the system lets this process have.
enum DescriptorLimit {
    /// As many as are wanted, and not more than half of the descriptors: backends, downloads and the ledger need the others.
    static func connections(_ wanted: Int) -> Int {
        var limit = rlimit()
        #if os(Linux)
            let which = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let which = RLIMIT_NOFILE
        #endif
        guard getrlimit(which, &limit) == 0 else { return min(wanted, 128) }
        return max(1, min(wanted, Int(clamping: limit.rlim_cur / 2)))
    }
}
