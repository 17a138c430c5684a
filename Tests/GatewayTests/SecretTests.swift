import Logging
import Shared
import Testing

@testable import Gateway

@Suite("Secrets")
struct SecretTests {
    @Test("OPS-3, redact: nothing that is logged as a value shows the secret of a bot or a token")
    func services() throws {
        let text = """
            {channels: {wecom: {accounts: {a: {bot: {botId: "aibONE", secret: "PLANTED-SECRET", dm: {policy: "open"}}}}}},
             gateway: {stateDir: "/tmp/never-made", adminToken: "PLANTED-TOKEN-0123456789"}}
            """
        struct NoFile: Error {}
        let result = GatewayConfiguration.load(
            text: text, file: "c", environment: [:], readFile: { _ in throw NoFile() })
        let configuration = try #require(result.configuration)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let gateway = try Gateway(configuration, environment: [:], logger: logger)
        let listener = AdminListener(gateway, configuration: configuration.gateway, logger: logger)
        let account = try #require(gateway.accounts.first)
        for shown in [
            "\([listener] as [Any])", "\([gateway] as [Any])", String(reflecting: gateway), String(describing: account),
            String(
                reflecting: try Gateway.clientSettings(
                    of: "a", try #require(configuration.wecom.accounts["a"]), in: configuration)),
        ] {
            #expect(!shown.contains("PLANTED"), "\(shown.prefix(80))")
        }
    }
}
