import AIBotWS
import Foundation
import Shared

/// Calls a transport on its own executor, as a session does.
actor TransportDriver<Transport: WebSocketTransport> {
    nonisolated let transport: Transport
    private var nextID: UInt64 = 0

    init(_ transport: Transport) { self.transport = transport }

    nonisolated var unownedExecutor: UnownedSerialExecutor { transport.asUnownedSerialExecutor() }

    @discardableResult
    func connect(_ target: ConnectionTarget, _ observer: any ConnectionObserver) -> ConnectionID {
        nextID += 1
        let id = ConnectionID(nextID)
        transport.connect(target, id: id, observer: observer)
        return id
    }

    @discardableResult
    func send(_ text: String, on id: ConnectionID) -> TransportSendResult {
        transport.send(FrameBuffer(text), on: id)
    }

    func close(_ id: ConnectionID, code: UInt16 = 1000) { transport.close(id, code: code) }
    func abort(_ id: ConnectionID) { transport.abort(id) }

    func setAlarm(after duration: Duration?, for observer: any ConnectionObserver) {
        transport.setAlarm(duration.map { transport.now.advanced(by: $0) }, for: observer)
    }

    /// Runs `body` on the executor with this actor.
    func run<Result: Sendable>(_ body: @Sendable (isolated TransportDriver) -> Result) -> Result { body(self) }
}

extension FrameBuffer {
    init(_ text: String) {
        self.init(capacity: text.utf8.count)
        storage.append(contentsOf: text.utf8)
    }
}

/// Keeps what it hears, and lets a test await it.
final class RecordingObserver: ConnectionObserver, @unchecked Sendable {
    enum Event: Equatable, Sendable {
        case opened(ConnectionID)
        case received(ConnectionID, String)
        case closed(ConnectionID, CloseReason)
        case alarm
    }

    // Touched under `lock` alone; continuations are resumed after it is released.
    private let lock = NSLock()
    private var events: [Event] = []
    private var waiter: CheckedContinuation<Event, Never>?

    func transportOpened(_ id: ConnectionID) { add(.opened(id)) }
    func transportReceived(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {
        add(.received(id, String(decoding: bytes, as: UTF8.self)))
    }
    func transportClosed(_ id: ConnectionID, _ reason: CloseReason) { add(.closed(id, reason)) }
    func alarmFired() { add(.alarm) }

    private func add(_ event: Event) {
        let waiting = lock.withLock { () -> CheckedContinuation<Event, Never>? in
            guard let waiting = waiter else {
                events.append(event)
                return nil
            }
            waiter = nil
            return waiting
        }
        waiting?.resume(returning: event)
    }

    /// Next event, oldest first; one caller at a time.
    func next() async -> Event {
        await withCheckedContinuation { continuation in
            let event = lock.withLock { () -> Event? in
                if events.isEmpty {
                    waiter = continuation
                    return nil
                }
                return events.removeFirst()
            }
            if let event { continuation.resume(returning: event) }
        }
    }

    /// Events nobody took yet.
    var pending: [Event] { lock.withLock { events } }

    /// Reason of the next event, which must be a close.
    func nextClose() async -> CloseReason? {
        if case .closed(_, let reason) = await next() { return reason }
        return nil
    }

    /// Text of the next event, which must be a message.
    func nextText() async -> String? {
        if case .received(_, let text) = await next() { return text }
        return nil
    }
}
