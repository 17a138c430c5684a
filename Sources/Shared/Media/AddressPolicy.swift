import Foundation

/// Which addresses files may be fetched from: https on the open Internet, and what was allowed by name.
///
/// Names are looked up and every address of theirs is checked. The HTTP client looks the name up once more when it
/// connects and cannot be told to take the checked address (its override of names is one table for the whole
/// client), so a name server that changes its answer in between is not caught.
struct AddressPolicy: Sendable {
    /// Looks a name up; tests pass their own.
    typealias Lookup = @Sendable (_ host: String) async -> [HostAddress]

    enum Verdict: Equatable, Sendable {
        case admitted
        case refused
        /// The name has no address now.
        case unresolved
    }

    private let allowed: Set<String>
    private let lookup: Lookup

    init(allowedHosts: [String], lookup: @escaping Lookup = HostAddress.resolve) {
        allowed = Set(allowedHosts.map { $0.lowercased() })
        self.lookup = lookup
    }

    /// Judges the address of one request; redirects are judged like the first.
    ///
    /// - Parameter isProxied: a proxy makes the connection; then names that this machine cannot look up are its business.
    func judge(_ url: URL, isProxied: Bool) async -> Verdict {
        guard let scheme = url.scheme?.lowercased(), scheme == "https" || scheme == "http",
            let written = url.host?.lowercased(), !written.isEmpty
        else { return .refused }
        let host = written.hasPrefix("[") && written.hasSuffix("]") ? String(written.dropFirst().dropLast()) : written
        if isAllowed(host, port: url.port ?? (scheme == "https" ? 443 : 80)) { return .admitted }
        guard scheme == "https", host != "localhost", !host.hasSuffix(".localhost") else { return .refused }
        if let address = HostAddress(host) { return address.isPublic ? .admitted : .refused }
        let addresses = await lookup(host)
        guard !addresses.isEmpty else { return isProxied ? .admitted : .unresolved }
        return addresses.allSatisfy(\.isPublic) ? .admitted : .refused
    }

    private func isAllowed(_ host: String, port: Int) -> Bool {
        let forms = host.contains(":") ? [host, "[\(host)]", "[\(host)]:\(port)"] : [host, "\(host):\(port)"]
        return forms.contains { allowed.contains($0) }
    }
}
