import AIBotWS
import Foundation
import Shared

/// A transport that also says which instants its users wait for, so that a clock can be moved from one to the next.
final class ObservedTransport: WebSocketTransport, @unchecked Sendable {
    private let inner: any WebSocketTransport
    private let onConnect: @Sendable (ConnectionID) -> Void
    private let onClosed: @Sendable (ConnectionID, CloseReason) -> Void
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var alarms: [ObjectIdentifier: MonotonicInstant] = [:]
    private var connects: [ConnectionID: MonotonicInstant] = [:]
    private var openConnections: [ConnectionID] = []

    init(
        _ inner: any WebSocketTransport, onConnect: @escaping @Sendable (ConnectionID) -> Void = { _ in },
        onClosed: @escaping @Sendable (ConnectionID, CloseReason) -> Void = { _, _ in }
    ) {
        self.inner = inner
        self.onConnect = onConnect
        self.onClosed = onClosed
    }

    /// Earliest instant after `now` at which something may be due.
    func nextDeadline(after now: MonotonicInstant) -> MonotonicInstant? {
        lock.withLock { (Array(alarms.values) + Array(connects.values)).filter { $0 > now }.min() }
    }

    /// Connection that the client waits for.
    func connecting() throws -> ConnectionID {
        guard let id = lock.withLock({ connects.keys.max { $0.number < $1.number } }) else {
            throw RigProblem(words: "no connection waits any more")
        }
        return id
    }

    /// Connection that is open for the client.
    func connected() throws -> ConnectionID {
        guard let id = lock.withLock({ openConnections.last }) else {
            throw RigProblem(words: "there is no connection")
        }
        return id
    }

    fileprivate func opened(_ id: ConnectionID) {
        lock.withLock {
            connects[id] = nil
            openConnections.append(id)
        }
    }

    fileprivate func closed(_ id: ConnectionID, _ reason: CloseReason) {
        lock.withLock {
            connects[id] = nil
            openConnections.removeAll { $0 == id }
        }
        onClosed(id, reason)
    }

    // MARK: SerialExecutor

    func enqueue(_ job: consuming ExecutorJob) { inner.enqueue(job) }
    func asUnownedSerialExecutor() -> UnownedSerialExecutor { inner.asUnownedSerialExecutor() }
    func checkIsolated() { inner.checkIsolated() }
    func isIsolatingCurrentContext() -> Bool? { inner.isIsolatingCurrentContext() }

    // MARK: WebSocketTransport

    var now: MonotonicInstant { inner.now }

    func connect(_ target: ConnectionTarget, id: ConnectionID, observer: any ConnectionObserver) {
        lock.withLock { connects[id] = now.advanced(by: target.connectTimeout) }
        onConnect(id)
        inner.connect(target, id: id, observer: Relay(self, observer))
    }

    func send(_ frame: consuming FrameBuffer, on id: ConnectionID) -> TransportSendResult { inner.send(frame, on: id) }
    func close(_ id: ConnectionID, code: UInt16) { inner.close(id, code: code) }
    func abort(_ id: ConnectionID) { inner.abort(id) }

    func setAlarm(_ deadline: MonotonicInstant?, for observer: any ConnectionObserver) {
        lock.withLock { alarms[ObjectIdentifier(observer)] = deadline }
        inner.setAlarm(deadline, for: observer)
    }
}

/// Stands between a transport and an observer for one connection.
private final class Relay: ConnectionObserver {
    private let transport: ObservedTransport
    private let observer: any ConnectionObserver

    init(_ transport: ObservedTransport, _ observer: any ConnectionObserver) {
        self.transport = transport
        self.observer = observer
    }

    func transportOpened(_ id: ConnectionID) {
        transport.opened(id)
        observer.transportOpened(id)
    }

    func transportReceived(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {
        observer.transportReceived(id, bytes)
    }

    func transportClosed(_ id: ConnectionID, _ reason: CloseReason) {
        transport.closed(id, reason)
        observer.transportClosed(id, reason)
    }

    func alarmFired() { observer.alarmFired() }
}
