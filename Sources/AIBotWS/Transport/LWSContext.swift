import CLibWebSockets
import COpenSSL
import Shared

#if canImport(Glibc)
    import Glibc
#endif

/// What distinguishes one set of TLS and proxy settings from another.
struct VhostKey: Hashable {
    var secure: Bool
    var caFile: String?
    /// Identity of the CA file's content, so that a replaced file is read again.
    var caStamp: FileStamp?
    var proxyPort: Int?
    var proxyCredentials: String?
}

/// Device, inode, size and time of change of a file.
struct FileStamp: Hashable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    var seconds: Int64
    var nanoseconds: Int64

    /// Nil when the file cannot be read.
    init?(path: String) {
        var info = stat()
        guard stat(path, &info) == 0, access(path, R_OK) == 0 else { return nil }
        device = UInt64(info.st_dev)
        inode = UInt64(info.st_ino)
        size = Int64(info.st_size)
        seconds = Int64(info.st_mtim.tv_sec)
        nanoseconds = Int64(info.st_mtim.tv_nsec)
    }
}

/// A connection cannot even be tried; the words are for the log.
struct ConnectRefusal: Error {
    var text: String
}

/// The `lws_context` and its vhosts: one for each set of TLS and proxy settings. Confined to the service thread.
final class LWSContext {
    /// Most bytes of `user:password` that lws can encode for a proxy.
    static let maxProxyCredentialBytes = 93
    /// Time-out of lws for each step of connecting.
    static let timeoutSeconds: UInt32 = 3600
    /// Bytes read from a socket at once, and longest piece of a message delivered at once. Kept for every connection:
    /// less costs throughput (each read comes with a `poll` over all sockets), more costs memory.
    static let receiveBufferSize = 4096

    let handle: OpaquePointer
    private var vhosts: [VhostKey: OpaquePointer] = [:]
    // Owned by this object, freed after the context: lws keeps pointers to them.
    private let protocols: UnsafeMutablePointer<lws_protocols>
    private let protocolName: UnsafeMutablePointer<CChar>
    /// All zero: no protocol pings and no hang-up when idle. lws's own default pings after 5 minutes without a pong.
    let idlePolicy: UnsafeMutablePointer<lws_retry_bo_t>

    /// Creates the context on the current thread; nil when lws cannot.
    ///
    /// - Parameter options: further options of lws.
    init?(options: UInt64 = 0) {
        guard let name = strdup("aibot") else { return nil }
        protocolName = name
        idlePolicy = .allocate(capacity: 1)
        idlePolicy.initialize(to: lws_retry_bo_t())
        protocols = .allocate(capacity: 2)
        protocols.initialize(repeating: lws_protocols(), count: 2)
        protocols[0].name = UnsafePointer(name)
        protocols[0].callback = lwsCallback
        protocols[0].rx_buffer_size = Self.receiveBufferSize

        var info = lws_context_creation_info()
        info.port = -1  // CONTEXT_PORT_NO_LISTEN
        info.gid = -1
        info.uid = -1
        info.protocols = UnsafePointer(protocols)
        info.pt_serv_buf_size = 32 << 10
        info.retry_and_idle_policy = UnsafePointer(idlePolicy)
        // Our own deadline is shorter; lws's must not fire before it.
        info.timeout_secs = Self.timeoutSeconds
        info.connect_timeout_secs = Self.timeoutSeconds
        // No DO_SSL_GLOBAL_INIT here, on the vhosts alone: with it each new context replaces lws's process-wide index
        // of private TLS data, which fails the handshakes that other contexts have under way. OpenSSL needs no such
        // initialization any more. No VALIDATE_UTF8 either: with it one broken text ends the connection, after 5 s in
        // which all input is thrown away. The JSON reader copes with such bytes.
        info.options = UInt64(LWS_SERVER_OPTION_EXPLICIT_VHOSTS) | options
        LWSLog.install()
        guard let context = lws_create_context(&info) else {
            idlePolicy.deallocate()
            protocols.deallocate()
            free(name)
            return nil
        }
        handle = context
    }

    /// Closes every socket, calling back for each, and frees the context.
    func destroy() {
        lws_context_destroy(handle)
        idlePolicy.deallocate()
        protocols.deallocate()
        free(protocolName)
    }

    /// Vhost for a target; `proxyAddress` is where its proxy was found.
    func vhost(for target: ConnectionTarget, proxyAddress: String?) throws(ConnectRefusal) -> OpaquePointer {
        if let credentials = target.proxy?.credentials, credentials.utf8.count > Self.maxProxyCredentialBytes {
            throw ConnectRefusal(text: "proxy credentials are longer than \(Self.maxProxyCredentialBytes) bytes")
        }
        var stamp: FileStamp?
        if target.secure, let file = target.caFile {
            stamp = FileStamp(path: file)
            guard stamp != nil else { throw ConnectRefusal(text: "CA file cannot be read") }
        }
        let key = VhostKey(
            secure: target.secure, caFile: target.secure ? target.caFile : nil, caStamp: stamp,
            proxyPort: target.proxy?.port, proxyCredentials: target.proxy?.credentials)
        let vhost: OpaquePointer
        if let known = vhosts[key] { vhost = known } else { vhost = try create(key) }
        vhosts[key] = vhost
        if let proxy = target.proxy, let proxyAddress {
            let host = proxyAddress.contains(":") ? "[\(proxyAddress)]" : proxyAddress
            let text = (proxy.credentials.map { $0 + "@" } ?? "") + "\(host):\(proxy.port)"
            guard lws_set_proxy(vhost, text) == 0 else { throw ConnectRefusal(text: "proxy cannot be used") }
        }
        return vhost
    }

    private func create(_ key: VhostKey) throws(ConnectRefusal) -> OpaquePointer {
        var info = lws_context_creation_info()
        info.port = -1
        info.gid = -1
        info.uid = -1
        info.protocols = UnsafePointer(protocols)
        info.retry_and_idle_policy = UnsafePointer(idlePolicy)
        info.timeout_secs = Self.timeoutSeconds
        info.connect_timeout_secs = Self.timeoutSeconds
        if key.secure {
            info.options |= UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
            if key.caFile != nil { info.options |= UInt64(LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS) }
        }
        let created = withCStrings(["v\(vhosts.count)", "", key.caFile ?? ""]) { strings -> OpaquePointer? in
            info.vhost_name = strings[0]
            // Empty, not null: null makes lws obey the environment's http_proxy.
            info.http_proxy_address = strings[1]
            if key.caFile != nil { info.client_ssl_ca_filepath = strings[2] }
            guard let vhost = lws_create_vhost(handle, &info) else { return nil }
            if key.secure, lws_init_vhost_client_ssl(&info, vhost) != 0 { return nil }
            return vhost
        }
        guard let created else { throw ConnectRefusal(text: "TLS cannot be set up") }
        return created
    }
}

/// Calls `body` with C copies of `strings`, valid during the call.
func withCStrings<Result>(_ strings: [String], _ body: ([UnsafePointer<CChar>]) -> Result) -> Result {
    var copies: [UnsafePointer<CChar>] = []
    func next(_ rest: ArraySlice<String>) -> Result {
        guard let first = rest.first else { return body(copies) }
        return first.withCString { pointer in
            copies.append(pointer)
            return next(rest.dropFirst())
        }
    }
    return next(strings[...])
}
