import Foundation
import Gateway
import Logging
import Persistence
import Shared

/// The whole program under the neutral load generator: gateway, engine, durable ledger, media. Only the backend is made for
/// the contract; the settings that differ from the defaults are named in docs/benchmarks.md.
@main
enum BenchGateway {
    static func main() async {
        do {
            try await run()
        } catch {
            complain("bench-gateway: \(error)")
            exit(1)
        }
    }

    private static func complain(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }

    private static func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let url = environment["BENCH_WS_URL"], let bots = environment["BENCH_BOTS_FILE"],
            let text = environment["BENCH_TEXT_FILE"]
        else {
            complain("bench-gateway is started by the load generator: BENCH_WS_URL, BENCH_BOTS_FILE, BENCH_TEXT_FILE")
            exit(2)
        }
        let folder = FileManager.default.temporaryDirectory.path + "/bench-gateway-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let accounts = try String(contentsOfFile: bots, encoding: .utf8).split(separator: "\n").enumerated()
        let configuration = try Self.configuration(
            accounts.map { Self.account($0.offset, $0.element, url) }.joined(separator: ",\n"), folder: folder)
        let gateway = try Gateway(
            configuration, environment: [:], ledger: try SQLiteLedger(path: folder + "/ledger.sqlite"),
            backend: BenchBackend(text: Array(try Data(contentsOf: URL(fileURLWithPath: text)))),
            adjust: { engine in
                engine.reply.opening = ""
                engine.reply.sendsEveryDelta = true
            },
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        try await gateway.run()
    }

    private static func account(_ number: Int, _ line: Substring, _ url: String) -> String {
        let words = line.split(separator: " ")
        return """
            bot\(number): {bot: {botId: "\(words.first ?? "")", secret: "\(words.last ?? "")", wsUrl: "\(url)",
                dm: {policy: "open"}}, groupPolicy: "open", stream: {minIntervalSeconds: 0}}
            """
    }

    private static func configuration(_ accounts: String, folder: String) throws -> GatewayConfiguration {
        let text = """
            {channels: {wecom: {accounts: {\(accounts)}}},
             limits: {perConversationPerMinute: 0, perConversationPerHour: 0},
             gateway: {stateDir: "\(folder)", admin: ""}}
            """
        let result = GatewayConfiguration.load(
            text: text, file: "bench", environment: [:], readFile: { _ in throw CocoaError(.fileNoSuchFile) })
        guard let configuration = result.configuration else {
            throw GatewayError(.invalidConfiguration, result.errors.map(\.description).joined(separator: "\n"))
        }
        return configuration
    }
}
