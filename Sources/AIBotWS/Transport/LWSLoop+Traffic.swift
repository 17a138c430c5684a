import CLibWebSockets
import Shared

#if canImport(Glibc)
    import Glibc
#endif

/// Frames in and out, and the end of an open connection.
extension LWSLoop {
    /// How long the peer may take to answer a close frame.
    static let closeTimeout = Duration.seconds(2)
    /// Payload bytes written in one callback before other sockets have their turn.
    static let writeBudget = 256 << 10

    /// Queues one text message.
    func send(_ frame: consuming FrameBuffer, on id: ConnectionID) -> TransportSendResult {
        guard let connection = connections[id], connection.phase == .open else { return .notOpen }
        guard connection.outgoing.bytes + frame.count <= connection.target.maxQueuedBytes else { return .overflow }
        connection.outgoing.append(frame)
        connection.requestWrite()
        return .queued
    }

    /// Starts the closing handshake after what is queued; a connection that is not open is aborted.
    func close(_ id: ConnectionID, code: UInt16) {
        guard let connection = connections[id] else { return }
        switch connection.phase {
        case .open:
            connection.phase = .closing(code: code)
            // Whoever closes has no use for the rest of a file, and little time.
            connection.outgoing.dropPieces()
            setTimer(connection, clock.now.advanced(by: Self.closeTimeout))
            connection.requestWrite()
        case .waitingForTurn, .resolving, .connecting:
            abort(connection)
        case .closing, .dead:
            break
        }
    }

    /// Ends a connection at once.
    func abort(_ id: ConnectionID) {
        if let connection = connections[id] { abort(connection) }
    }

    func abort(_ connection: LWSConnection) {
        guard connection.phase != .dead else { return }
        end(connection, .byUs)
    }

    /// Stops all traffic now and reports the end when the caller has returned.
    private func end(_ connection: LWSConnection, _ reason: CloseReason) {
        if connection.phase == .waitingForTurn {
            throttle.cancelWaiting(connection.id, secure: connection.target.secure)
        }
        connection.phase = .dead
        setTimer(connection, nil)
        connection.discardUnsent()
        connection.kill()
        deferred.append(.finish(connection, reason))
    }

    /// `CLIENT_WRITEABLE`: writes what waits. False closes the socket.
    func writable(_ connection: LWSConnection, _ wsi: OpaquePointer) -> Bool {
        connection.writeRequested = false
        guard connection.phase != .dead else { return false }
        guard lws_partial_buffered(wsi) == 0, !connection.readsFirst else {
            connection.readsFirst = false
            connection.requestWrite()
            return true
        }
        guard writeQueued(connection, wsi) else { return false }
        if !connection.outgoing.isEmpty || !connection.writer.isEmpty {
            connection.requestWrite()
        } else if case .closing(let code) = connection.phase, !connection.closeSent {
            connection.closeSent = true
            lws_close_reason(wsi, lws_close_status(UInt32(code)), nil, 0)
            return false
        }
        return true
    }

    private func writeQueued(_ connection: LWSConnection, _ wsi: OpaquePointer) -> Bool {
        var budget = Self.writeBudget
        repeat {
            if connection.writer.isEmpty {
                while connection.writer.hasRoom, let frame = connection.outgoing.popFirst() {
                    budget -= frame.count
                    connection.writer.add(frame)
                }
            }
            switch connection.writer.flush(wsi) {
            case .done:
                guard connection.isReadingPaused else { continue }
                connection.resumeReading()
                // On a slow line the next batch would block at once, and so on until nothing is left: what has come in
                // meanwhile, acks among it, must not wait for that.
                connection.readsFirst = !connection.outgoing.isEmpty
                return true
            case .failed: return false
            case .blocked:
                connection.pauseReading()
                return true
            }
        } while budget > 0 && !connection.outgoing.isEmpty
        return true
    }

    /// `CLIENT_RECEIVE`: one piece of a message. Must never make the callback return an error.
    func received(_ connection: LWSConnection, _ wsi: OpaquePointer, _ bytes: UnsafeRawBufferPointer) {
        guard connection.phase != .dead, let observer = connection.observer else { return }
        let isFinal = lws_is_final_fragment(wsi) != 0
        if isFinal, connection.inbound.isEmpty, bytes.count <= connection.target.maxInboundBytes {
            observer.transportReceived(connection.id, bytes)
            return
        }
        // Not added up: the length that a frame claims may be anything up to the largest integer.
        let room = connection.target.maxInboundBytes - connection.inbound.count - bytes.count
        guard room >= 0, lws_remaining_packet_payload(wsi) <= room else {
            connection.inbound = []
            return end(connection, .messageTooLarge)
        }
        connection.inbound.append(contentsOf: bytes)
        guard isFinal else { return }
        // Taken out first: the observer may do anything, and a large message must not keep its memory.
        let message = connection.inbound
        connection.inbound = []
        message.withUnsafeBytes { observer.transportReceived(connection.id, $0) }
    }

    /// `WS_PEER_INITIATED_CLOSE`: code (two bytes, big-endian) and words, or nothing.
    func peerInitiatedClose(_ connection: LWSConnection, _ payload: UnsafeRawBufferPointer) {
        connection.peerClosed = true
        if payload.count >= 2 { connection.peerCode = UInt16(payload[0]) << 8 | UInt16(payload[1]) }
    }

    /// `CLIENT_CLOSED`: an open connection is gone.
    func socketClosed(_ connection: LWSConnection, _ wsi: OpaquePointer) {
        guard connection.wsi == wsi else { return }
        let phase = connection.phase
        connection.wsi = nil
        guard phase != .dead else { return }
        if case .closing = phase { return finish(connection, .byUs) }
        if connection.peerClosed { return finish(connection, .byPeer(code: connection.peerCode)) }
        if let failure = announcedFailure(wsi) { return finish(connection, failure) }
        // For some broken frames lws just hangs up. Then the peer has not: neither its TLS nor its TCP end has come.
        finish(connection, hasPeerEnded(wsi) ? .byPeer(code: nil) : .protocolError("invalid frame"))
    }

    /// For others it prepares a close frame of its own.
    private func announcedFailure(_ wsi: OpaquePointer) -> CloseReason? {
        guard lws_get_close_length(wsi) >= 2, let payload = lws_get_close_payload(wsi) else { return nil }
        switch UInt16(payload[0]) << 8 | UInt16(payload[1]) {
        case 1002: return .protocolError("invalid frame")
        case 1007: return .protocolError("invalid UTF-8")
        case let code: return .protocolError("close code \(code)")
        }
    }

    private func hasPeerEnded(_ wsi: OpaquePointer) -> Bool {
        if let ssl = lws_get_ssl(wsi), SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 { return true }
        var byte: UInt8 = 0
        let count = recv(lws_get_socket_fd(wsi), &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
        return count == 0 || (count < 0 && errno != EAGAIN)
    }

    /// `WSI_DESTROY`: the last that is heard of a socket.
    func socketDestroyed(_ connection: LWSConnection, _ wsi: OpaquePointer) {
        if connection.wsi == wsi { connection.wsi = nil }
        guard connection.userReferences > 0 else { return }
        connection.userReferences -= 1
        // Matches the retain in `dial`.
        Unmanaged.passUnretained(connection).release()
    }
}
