import ArgumentParser
import Foundation
import Gateway
import Logging
import Shared

/// The program itself.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the configured bots until stopped.",
        discussion: """
            Dials out only: no public address and no open port are needed. Logs go to standard error.
            SIGTERM or SIGINT: finish what runs, within gateway.stopSeconds; what is unfinished stays in the ledger for the
            next start. A second one stops at once. SIGUSR1: connect now, and take back a bot that another connection took over.
            """)

    @OptionGroup var file: ConfigFile

    func run() async throws {
        let configuration = try file.load()
        let logger = configuration.makeLogger("wecom-aibot")
        for key in configuration.notYetEffective() {
            logger.warning("setting has no effect yet", metadata: .init([.path: key.keyPath, .reason: key.sentence]))
        }
        let lock = try StateLock.take(configuration)
        defer { withExtendedLifetime(lock) {} }
        let ledger = try Ledgers.open(configuration, create: true)
        let gateway = try Gateway(
            configuration, environment: ProcessInfo.processInfo.environment, ledger: ledger,
            version: BuildInfo.version, baseDirectory: file.folder, logger: logger)
        let admin = AdminListener(gateway, configuration: configuration.gateway, logger: logger)
        logger.notice("starting", metadata: .init([.account: gateway.accountNames.joined(separator: ",")]))
        try await Lifecycle.run(
            [admin, admin.before(gateway)], stopWithin: configuration.gateway.stopTimeout, logger: logger,
            onReconnect: { await gateway.reconnect() })
        logger.notice("stopped")
    }
}

extension StateLock {
    static func take(_ configuration: GatewayConfiguration) throws -> StateLock {
        do {
            return try StateLock(directory: configuration.gateway.stateDirectory)
        } catch {
            throw Failure(.failed, error.description)
        }
    }
}
