import Foundation
import Logging
import ServiceLifecycle
import Shared
import UnixSignals

/// Runs services until a signal: the first one stops gracefully, the second at once. `lastly` is called when the program
/// ends from within, without `run` returning.
enum Lifecycle {
    static func run(
        _ services: [any Service], stopWithin: Duration, logger: Logger,
        onReconnect: @escaping @Sendable () async -> Void = {}, lastly: @escaping @Sendable () -> Void = {}
    ) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                }, logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                await handleSignals(
                    group, stopWithin: stopWithin, logger: logger, onReconnect: onReconnect, lastly: lastly)
            }
            try await tasks.next()
            tasks.cancelAll()
        }
    }

    private static func handleSignals(
        _ group: ServiceGroup, stopWithin: Duration, logger: Logger, onReconnect: @escaping @Sendable () async -> Void,
        lastly: @escaping @Sendable () -> Void
    ) async {
        await withTaskGroup(of: Void.self) { tasks in
            var stopping = false
            for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint, .sigusr1) {
                if signal == .sigusr1 {
                    await onReconnect()
                } else if stopping {
                    logger.warning("second signal: stopping at once")
                    lastly()
                    exit(1)
                } else {
                    stopping = true
                    logger.notice("stopping", metadata: .init([.seconds: stopWithin.inSeconds]))
                    await group.triggerGracefulShutdown()
                    tasks.addTask { await enforce(stopWithin, logger, lastly) }
                }
            }
        }
    }

    /// Whatever will not end in time does not keep the program alive.
    private static func enforce(_ limit: Duration, _ logger: Logger, _ lastly: @Sendable () -> Void) async {
        guard (try? await Task.sleep(for: limit)) != nil else { return }
        logger.warning("time to stop is over; what is unfinished is abandoned")
        lastly()
        exit(0)
    }
}
