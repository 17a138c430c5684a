import AIBotWS
import Foundation
import Shared

/// Finds out whether a transport has fired what is due: sets an alarm for now and waits for it.
actor AlarmProbe {
    nonisolated let unownedExecutor: UnownedSerialExecutor
    private let transport: LWSTransport
    private let bell: Bell

    init(_ transport: LWSTransport, onFire: @escaping @Sendable () -> Void) {
        self.transport = transport
        unownedExecutor = transport.asUnownedSerialExecutor()
        bell = Bell(onFire)
    }

    /// Alarms heard so far.
    nonisolated var count: UInt64 { bell.count }

    func setAlarm() { transport.setAlarm(transport.now, for: bell) }
}

private final class Bell: ConnectionObserver, @unchecked Sendable {
    private let onFire: @Sendable () -> Void
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var fired: UInt64 = 0

    init(_ onFire: @escaping @Sendable () -> Void) { self.onFire = onFire }

    var count: UInt64 { lock.withLock { fired } }

    func alarmFired() {
        lock.withLock { fired += 1 }
        onFire()
    }

    func transportOpened(_ id: ConnectionID) {}
    func transportReceived(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {}
    func transportClosed(_ id: ConnectionID, _ reason: CloseReason) {}
}
