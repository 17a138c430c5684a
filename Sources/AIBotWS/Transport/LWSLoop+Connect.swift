import CLibWebSockets
import Shared

/// From `connect` to an open WebSocket, or to the reason why not.
extension LWSLoop {
    /// Longest wait for one address while others remain.
    static let addressPatience = Duration.seconds(5)
    /// Time that each address has at least: TCP, TLS and the upgrade take four round trips.
    static let leastPatience = Duration.seconds(3)
    /// Hosts of which it is remembered which address failed.
    static let maxFailedAddresses = 256

    /// Takes a new connection; it begins when the caller has returned.
    func connect(_ target: ConnectionTarget, id: ConnectionID, observer: any ConnectionObserver) {
        let connection = LWSConnection(loop: self, id: id, target: target, observer: observer)
        guard connections[id] == nil else {
            assertionFailure("connection id used twice")
            deferred.append(.finish(connection, .connectFailed("connection id used twice")))
            return
        }
        guard !isClosing else {
            deferred.append(.finish(connection, .connectFailed("transport is shut down")))
            return
        }
        connections[id] = connection
        deferred.append(.begin(connection))
    }

    func begin(_ connection: LWSConnection) {
        guard connection.phase == .waitingForTurn else { return }
        open()
        guard context != nil else { return finish(connection, .connectFailed("libwebsockets cannot start")) }
        if throttle.request(connection.id, secure: connection.target.secure) { leaveQueue(connection) }
    }

    /// The connect time-out counts from here.
    private func leaveQueue(_ connection: LWSConnection) {
        connection.holdsPlace = true
        connection.deadline = clock.now.advanced(by: connection.target.connectTimeout)
        connection.phase = .resolving
        setTimer(connection, connection.deadline)
        let host = connection.peerHost
        if Resolver.isAddress(host) {
            connection.addresses = [host]
            deferred.append(.attempt(connection))
            return
        }
        let id = connection.id
        resolver.resolve(host) { [post] result in post { $0.resolved(id, result) } }
    }

    private func resolved(_ id: ConnectionID, _ result: Result<[String], ResolveFailure>) {
        guard let connection = connections[id], connection.phase == .resolving else { return }
        switch result {
        case .success(let addresses):
            connection.addresses = fromNextAddress(addresses, connection.peerHost)
            deferred.append(.attempt(connection))
        case .failure(let failure):
            finish(connection, .connectFailed("cannot resolve \(connection.peerHost): \(failure.text)"))
        }
    }

    /// Begins after the address that failed last: where the first ones lead nowhere, later attempts need not find out anew.
    private func fromNextAddress(_ addresses: [String], _ host: String) -> [String] {
        guard let failed = failedAddresses[host], let index = addresses.firstIndex(of: failed) else { return addresses }
        return Array(addresses[(index + 1)...] + addresses[...index])
    }

    /// The attempt under way will not succeed.
    private func noteFailure(_ connection: LWSConnection) {
        guard connection.addresses.count > 1, connection.nextAddress > 0 else { return }
        // Nothing is lost but time when all are forgotten.
        if failedAddresses.count >= Self.maxFailedAddresses { failedAddresses = [:] }
        failedAddresses[connection.peerHost] = connection.addresses[connection.nextAddress - 1]
    }

    /// Tries the next address.
    func startAttempt(_ connection: LWSConnection) {
        guard connection.phase == .resolving || connection.phase == .connecting, let context,
            connection.nextAddress < connection.addresses.count
        else { return }
        connection.phase = .connecting
        let address = connection.addresses[connection.nextAddress]
        connection.nextAddress += 1
        // Each of those that are left has its share of the time, but enough of it to get anywhere on a slow line: what is
        // not reached now comes first in the next attempt.
        let left = connection.addresses.count - connection.nextAddress
        let share = clock.now.duration(to: connection.deadline) / (left + 1)
        let patience = clock.now.advanced(by: min(max(share, Self.leastPatience), Self.addressPatience))
        setTimer(connection, left > 0 ? min(patience, connection.deadline) : connection.deadline)
        let target = connection.target
        do {
            let vhost = try context.vhost(for: target, proxyAddress: target.proxy == nil ? nil : address)
            dial(connection, target.proxy == nil ? address : target.host, vhost: vhost, context: context)
        } catch {
            finish(connection, .connectFailed(error.text))
        }
    }

    /// Hands the attempt to lws, which copies the strings. Callbacks may come before it returns.
    private func dial(_ connection: LWSConnection, _ address: String, vhost: OpaquePointer, context: LWSContext) {
        let target = connection.target
        // Released in `socketDestroyed`, or below when no socket came of it.
        let user = Unmanaged.passRetained(connection)
        connection.userReferences += 1
        let references = connection.userReferences
        connection.isAttempting = true
        connection.isAttemptLive = true
        let wsi = withCStrings([address, hostHeader(target), target.path, "http/1.1", "aibot"]) { strings in
            var info = lws_client_connect_info()
            info.context = context.handle
            info.vhost = vhost
            info.address = strings[0]
            info.port = Int32(target.port)
            info.host = strings[1]
            info.path = strings[2]
            info.alpn = strings[3]
            info.local_protocol_name = strings[4]
            info.ssl_connection = target.secure ? Int32(LCCSCF_USE_SSL.rawValue) : 0
            info.ssl_connection |= Int32(LCCSCF_HTTP_NO_FOLLOW_REDIRECT.rawValue)
            info.retry_and_idle_policy = UnsafePointer(context.idlePolicy)
            info.userdata = user.toOpaque()
            return lws_client_connect_via_info(&info)
        }
        connection.isAttempting = false
        if let wsi {
            // It may have failed inside the call; a live one is adopted.
            if connection.isAttemptLive { connection.wsi = wsi }
            return
        }
        if connection.userReferences == references {
            connection.userReferences -= 1
            user.release()
        }
        attemptFailed(connection, nil, "")
    }

    private func hostHeader(_ target: ConnectionTarget) -> String {
        let host = target.host.contains(":") ? "[\(target.host)]" : target.host
        return target.port == (target.secure ? 443 : 80) ? host : "\(host):\(target.port)"
    }

    /// `CLIENT_ESTABLISHED`.
    func established(_ connection: LWSConnection, _ wsi: OpaquePointer) {
        guard connection.phase == .connecting, connection.wsi == wsi || connection.isAttempting else { return }
        connection.wsi = wsi
        connection.phase = .open
        setTimer(connection, nil)
        releasePlace(connection)
        connection.observer?.transportOpened(connection.id)
    }

    /// `CLIENT_CONNECTION_ERROR`, or no socket at all (`wsi` nil).
    func attemptFailed(_ connection: LWSConnection, _ wsi: OpaquePointer?, _ words: String) {
        // An attempt that was given up earlier may end while the next one is under way; and one that fails inside
        // the call of lws is reported there and by its result.
        guard connection.phase == .connecting, connection.isAttemptLive else { return }
        if let wsi, wsi != connection.wsi, !connection.isAttempting { return }
        connection.isAttemptLive = false
        connection.wsi = nil
        noteFailure(connection)
        let reason = failureText(connection, words)
        if connection.refusal == nil, connection.nextAddress < connection.addresses.count {
            deferred.append(.attempt(connection))
            return
        }
        deferred.append(.finish(connection, .connectFailed(reason)))
    }

    private func failureText(_ connection: LWSConnection, _ words: String) -> String {
        defer { logLines.removeAll() }
        if let refusal = connection.refusal { return refusal }
        let target = connection.target
        let (host, port) = target.proxy.map { ($0.host, $0.port) } ?? (target.host, target.port)
        let known: String
        switch words {
        // All that lws says of a TCP connection that was refused or found no way, and of TLS.
        case "Unable to connect": known = "cannot connect to \(host):\(port)"
        case let words where words.hasPrefix("connect SSL err"): known = "TLS handshake failed"
        default: known = words
        }
        return ([known] + logLines).filter { !$0.isEmpty }.joined(separator: "; ")
    }

    /// Connect deadline, patience with one address, or the wait for a close answer is over.
    func timerFired(_ connection: LWSConnection, now: MonotonicInstant) {
        switch connection.phase {
        case .resolving, .connecting:
            noteFailure(connection)
            if now < connection.deadline {
                connection.kill()
                connection.wsi = nil
                startAttempt(connection)
            } else {
                connection.kill()
                finish(connection, .connectTimedOut)
            }
        case .closing:
            connection.kill()
            finish(connection, .byUs)
        case .waitingForTurn, .open, .dead:
            break
        }
    }

    /// Reports the end, once, and forgets the connection; its socket may still be on its way out.
    func finish(_ connection: LWSConnection, _ reason: CloseReason) {
        guard let observer = connection.observer else { return }
        if connection.phase == .waitingForTurn {
            throttle.cancelWaiting(connection.id, secure: connection.target.secure)
        }
        connection.phase = .dead
        connection.observer = nil
        connection.outgoing = SendQueue()
        connection.inbound = []
        if connections[connection.id] === connection { connections[connection.id] = nil }
        setTimer(connection, nil)
        releasePlace(connection)
        observer.transportClosed(connection.id, reason)
    }

    private func releasePlace(_ connection: LWSConnection) {
        guard connection.holdsPlace else { return }
        connection.holdsPlace = false
        if let id = throttle.finished(secure: connection.target.secure), let next = connections[id] {
            leaveQueue(next)
        }
    }
}
