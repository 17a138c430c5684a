extension ConnectionTarget.Proxy {
    /// Reads `http://[user:password@]host[:port]`; the port is 80 unless given. User and password may be
    /// percent-encoded.
    ///
    /// - Throws: `URLProblem`, without the credentials in its words.
    public init(url: String) throws(URLProblem) {
        let what = "proxy URL"
        var rest = url[...]
        if let separator = url.firstRange(of: "://") {
            guard url[..<separator.lowerBound].lowercased() == "http" else {
                throw URLProblem("\(what): only http:// proxies can be used")
            }
            rest = url[separator.upperBound...]
        }
        if let end = rest.firstIndex(where: { $0 == "/" || $0 == "?" || $0 == "#" }) {
            guard rest[end...] == "/" else { throw URLProblem("\(what): nothing may follow the port") }
            rest = rest[..<end]
        }
        var credentials: String?
        if let at = rest.lastIndex(of: "@") {
            guard let decoded = Self.percentDecoded(rest[..<at]) else {
                throw URLProblem("\(what): user or password is not percent-encoded UTF-8")
            }
            guard decoded.utf8.count <= LWSContext.maxProxyCredentialBytes else {
                throw URLProblem(
                    "\(what): user and password together must not exceed \(LWSContext.maxProxyCredentialBytes) bytes")
            }
            credentials = decoded
            rest = rest[rest.index(after: at)...]
        }
        let authority = try Authority(rest, of: what)
        self.init(host: authority.host, port: authority.port ?? 80, credentials: credentials)
    }

    /// Proxy for a connection by its setting: empty for none, `env` for what the environment says, else a URL.
    ///
    /// - Throws: `URLProblem` when the setting, or the variable that applies, is no proxy URL.
    public static func from(
        setting: String, environment: [String: String], host: String, port: Int, secure: Bool = true
    ) throws(URLProblem) -> Self? {
        switch setting {
        case "": nil
        case "env": try fromEnvironment(environment, host: host, port: port, secure: secure)
        default: try Self(url: setting)
        }
    }

    /// Proxy that the environment names: `https_proxy` (`http_proxy` without TLS), then `all_proxy`, lower case first,
    /// unless `no_proxy` covers the host. `HTTP_PROXY` in capitals is ignored, as everywhere.
    private static func fromEnvironment(
        _ environment: [String: String], host: String, port: Int, secure: Bool
    ) throws(URLProblem) -> Self? {
        let exceptions = environment["no_proxy"] ?? environment["NO_PROXY"] ?? ""
        if isExcepted(host.lowercased(), port, exceptions) { return nil }
        let names = (secure ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]) + ["all_proxy", "ALL_PROXY"]
        for name in names {
            if let value = environment[name], !value.isEmpty { return try Self(url: value) }
        }
        return nil
    }

    /// `no_proxy` is a list of names (which cover their subdomains), addresses and `*`, each perhaps with a port.
    private static func isExcepted(_ host: String, _ port: Int, _ list: String) -> Bool {
        for entry in list.lowercased().split(whereSeparator: { $0 == "," || $0 == " " }) {
            if entry == "*" { return true }
            var name = entry
            if let colon = entry.lastIndex(of: ":"), let number = Int(entry[entry.index(after: colon)...]),
                entry.first == "[" || entry.filter({ $0 == ":" }).count == 1
            {
                guard number == port else { continue }
                name = entry[..<colon]
            }
            if name.first == "[", name.last == "]" { name = name.dropFirst().dropLast() }
            if name.hasPrefix("*.") { name = name.dropFirst(2) } else if name.first == "." { name = name.dropFirst() }
            if !name.isEmpty, host == name || host.hasSuffix(".\(name)") { return true }
        }
        return false
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next(), let low = iterator.next(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16), value >= 0x20
            else { return nil }
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
