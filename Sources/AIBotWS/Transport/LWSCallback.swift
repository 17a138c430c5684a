import CLibWebSockets

#if canImport(Glibc)
    import Glibc
#endif

/// The loop of the current service thread, for C callbacks that carry no pointer of ours.
enum CurrentLoop {
    // Immutable after its one initialization; the value behind the key belongs to the thread that reads it.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    /// Loop that runs on this thread. The pointer is unretained: the thread that set it keeps the loop alive.
    static var value: LWSLoop? {
        get { pthread_getspecific(key).map { Unmanaged<LWSLoop>.fromOpaque($0).takeUnretainedValue() } }
        set { pthread_setspecific(key, newValue.map { UnsafeRawPointer(Unmanaged.passUnretained($0).toOpaque()) }) }
    }
}

/// Routes the log lines of lws to the loop whose thread wrote them; nothing goes to stderr.
enum LWSLog {
    // Runs its body once in the process; lws has one log function for all contexts.
    private static let once: Void = {
        lws_set_log_level(Int32(LLL_ERR | LLL_WARN)) { @Sendable _, line in
            guard let line else { return }
            CurrentLoop.value?.note(String(cString: line))
        }
    }()

    /// Installs the log function.
    static func install() { once }
}

/// The one callback given to lws. Called on the service thread, inside `lws_service`, connecting or destroying.
///
/// `user` is the connection of `LWSLoop.startAttempt`, which holds a reference for lws until `WSI_DESTROY`.
func lwsCallback(
    _ wsi: OpaquePointer?, _ reason: lws_callback_reasons, _ user: UnsafeMutableRawPointer?,
    _ bytes: UnsafeMutableRawPointer?, _ length: Int
) -> Int32 {
    switch reason {
    case LWS_CALLBACK_CLIENT_RECEIVE:
        guard let (loop, connection, wsi) = owner(wsi, user) else { return 0 }
        loop.received(connection, wsi, UnsafeRawBufferPointer(start: bytes, count: length))
        return 0
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        guard let (loop, connection, wsi) = owner(wsi, user) else { return 0 }
        return loop.writable(connection, wsi) ? 0 : -1
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        guard let (loop, connection, wsi) = owner(wsi, user) else { return 0 }
        loop.established(connection, wsi)
        return 0
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        guard let (loop, connection, wsi) = owner(wsi, user) else { return 0 }
        loop.attemptFailed(connection, wsi, text(bytes, length))
        loop.doNotWait()
        return 0
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        guard let (loop, connection, _) = owner(wsi, user) else { return 0 }
        loop.peerInitiatedClose(connection, UnsafeRawBufferPointer(start: bytes, count: length))
        return 0
    case LWS_CALLBACK_CLIENT_CLOSED:
        guard let (loop, connection, wsi) = owner(wsi, user) else { return 0 }
        loop.socketClosed(connection, wsi)
        loop.doNotWait()
        return 0
    case LWS_CALLBACK_WSI_DESTROY:
        guard let (loop, connection, wsi) = owner(wsi, user) else { return 0 }
        loop.socketDestroyed(connection, wsi)
        return 0
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
        // Here `user` is the store context, and the length is 1 when the certificate is fine so far.
        guard length == 0, let (_, connection, _) = owner(wsi, lws_wsi_user(wsi)) else { return 0 }
        connection.refusal = certificateProblem(user)
        return 0
    default:
        return lws_callback_http_dummy(wsi, reason, user, bytes, length)
    }
}

private func owner(_ wsi: OpaquePointer?, _ user: UnsafeMutableRawPointer?) -> (LWSLoop, LWSConnection, OpaquePointer)?
{
    guard let wsi, let user else { return nil }
    let connection = Unmanaged<LWSConnection>.fromOpaque(user).takeUnretainedValue()
    return (connection.loop, connection, wsi)
}

private func text(_ bytes: UnsafeMutableRawPointer?, _ length: Int) -> String {
    guard let bytes, length > 0 else { return "" }
    let buffer = UnsafeRawBufferPointer(start: bytes, count: min(length, 200))
    return String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
}

private func certificateProblem(_ store: UnsafeMutableRawPointer?) -> String {
    guard let store else { return "certificate not trusted" }
    let code = X509_STORE_CTX_get_error(OpaquePointer(store))
    let words = X509_verify_cert_error_string(Int(code)).map { String(cString: $0) } ?? "error \(code)"
    switch code {
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "certificate is for another host (\(words))"
    case X509_V_ERR_CERT_HAS_EXPIRED: return "certificate has expired"
    case X509_V_ERR_CERT_NOT_YET_VALID: return "certificate is not valid yet"
    default: return "certificate not trusted (\(words))"
    }
}
