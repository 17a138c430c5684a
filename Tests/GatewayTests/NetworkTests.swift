import AIBotWS
import Foundation
import Shared
import Testing

@testable import Gateway

/// A machine whose address is another one by the time that somebody looks again.
private final class MovingNetwork: NetworkSource, @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var host: UInt8 = 1

    func events() -> AsyncStream<Void>? {
        AsyncStream { continuation in continuation.yield() }
    }

    func state() -> NetworkState {
        lock.withLock {
            defer { host = 2 }
            return NetworkState(addresses: [.init(interface: "wlan0", bytes: [192, 168, 1, host])])
        }
    }
}

@Suite("Gateway: network", .timeLimit(.minutes(2)))
struct NetworkTests {
    @Test("reconnect.policy: P17: every account hears that the network changed, and tries at once")
    func everyAccount() async throws {
        let folder = "/tmp/gateway-\(UUID().uuidString.prefix(13))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Nobody listens there, and of itself it would try again after half an hour.
        let bot =
            #"botId: "BOT", secret: "s", wsUrl: "ws://127.0.0.1:1", reconnect: {minSeconds: 3600, maxSeconds: 3600}"#
        let accounts = ["aibONE", "aibTWO"].map { id in
            "\(id): {bot: {\(bot.replacingOccurrences(of: "BOT", with: id))}}"
        }
        let text = """
            {channels: {wecom: {defaultAccount: "aibONE", accounts: {\(accounts.joined(separator: ", "))}}}, gateway: {stateDir: "\(folder)"}}
            """
        struct NoFile: Error {}
        let result = GatewayConfiguration.load(
            text: text, file: "c", environment: [:], readFile: { _ in throw NoFile() })
        let configuration = try #require(result.configuration)
        let log = LogCapture()
        let clock = ManualClock()
        var gateway = try Gateway(configuration, environment: [:], logger: log.logger)
        gateway.network = NetworkWatch(source: MovingNetwork(), clock: clock, logger: log.logger)
        await withThrowingTaskGroup(of: Void.self) { [gateway] group in
            group.addTask {
                defer { log.lines.finish() }
                try await gateway.run()
            }
            #expect(await log.lines.wait(for: "not connected", times: 2))
            await clock.waitForSleepers()
            clock.advance(by: .milliseconds(500))
            // Tried, in vain.
            #expect(await log.lines.wait(for: "not connected", times: 2))
            group.cancelAll()
            while let ended = await group.nextResult() { _ = ended }
        }
        for account in ["aibONE", "aibTWO"] {
            #expect(
                log.text.split(separator: "\n").contains {
                    $0.contains("network changed") && $0.contains("account=\(account)")
                })
        }
    }
}
