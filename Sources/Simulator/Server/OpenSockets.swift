import NIOConcurrencyHelpers
import NIOCore

/// Accepted sockets that are still open.
final class OpenSockets: Sendable {
    private let channels = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

    func add(_ channel: any Channel) {
        channels.withLockedValue { $0[ObjectIdentifier(channel)] = channel }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.channels.withLockedValue { $0[ObjectIdentifier(channel)] = nil }
        }
    }

    /// Drops all sockets and waits until they are gone.
    func closeAll() async {
        // A socket that was accepted last may register while the others close.
        while true {
            let open = channels.withLockedValue { Array($0.values) }
            guard !open.isEmpty else { return }
            for channel in open { channel.close(mode: .all, promise: nil) }
            for channel in open { try? await channel.closeFuture.get() }
        }
    }
}
