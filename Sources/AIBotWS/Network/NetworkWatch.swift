public import Logging
public import Shared

/// What the system can tell about its network.
package protocol NetworkSource: Sendable {
    /// An element whenever something may have changed; nil when the system does not tell.
    func events() -> AsyncStream<Void>?
    /// The network as it is now.
    func state() -> NetworkState
}

/// Notices that the machine is connected in another way than before: another Wi-Fi, a VPN that came up, a new address.
///
/// One for all bots of a process is enough:
///
/// ```swift
/// await NetworkWatch(logger: logger).run { await bot.session.networkChanged() }
/// ```
public struct NetworkWatch: Sendable {
    /// Addresses and routes change one by one; what comes within this time is one change.
    static let settle: Duration = .milliseconds(500)

    private let source: any NetworkSource
    private let clock: any MonotonicClock
    private let logger: Logger

    /// Creates a watch of the system that the program runs on.
    public init(clock: any MonotonicClock = SystemMonotonicClock(), logger: Logger) {
        self.init(source: SystemNetwork(), clock: clock, logger: logger)
    }

    package init(source: any NetworkSource, clock: any MonotonicClock, logger: Logger) {
        self.source = source
        self.clock = clock
        self.logger = logger
    }

    /// Calls `changed` for each change until cancelled. Returns at once on a system that does not tell: timers do then what
    /// they would have done without.
    ///
    /// - Parameter changed: is awaited; changes that come meanwhile are one.
    public func run(_ changed: @Sendable () async -> Void) async {
        guard let events = source.events() else {
            return logger.debug("changes of the network are not noticed here")
        }
        var known = source.state()
        for await _ in events {
            do { try await clock.sleep(for: Self.settle) } catch { return }
            let state = source.state()
            guard state != known else { continue }
            known = state
            // Without an address there is nothing to try; its coming will be the change.
            if !state.addresses.isEmpty { await changed() }
        }
    }
}
