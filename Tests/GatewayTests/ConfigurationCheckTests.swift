import AsyncHTTPClient
import Foundation
import Logging
import Testing

@testable import Gateway
@testable import Shared

/// A configuration with a fixed environment and no files; the keys are those of the top level.
private func configuration(_ text: String) throws -> GatewayConfiguration {
    struct NoFile: Error {}
    let result = GatewayConfiguration.load(text: text, file: "c", environment: [:], readFile: { _ in throw NoFile() })
    return try #require(result.configuration, "\(result.errors)")
}

private let bot = #"bot: {botId: "aibONE", secret: "s"}"#
private let agent = #"agent: {corpId: "ww1234567890abcdef", agentId: 1, corpSecret: "s"}"#
private let callbacks = #"bot: {token: "t", encodingAESKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"}"#

@Suite("What can be told before anything is connected")
struct ConfigurationCheckTests {
    private static func gateway(_ text: String) throws -> Gateway {
        try Gateway(
            configuration(text), environment: [:], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test(
        "GW-1: a configuration in which nothing runs is refused",
        arguments: [
            "{channels: {wecom: {enabled: false, accounts: {default: {\(bot)}}}}}",
            "{channels: {wecom: {accounts: {default: {enabled: false, \(bot)}}}}}",
        ])
    func nothing(text: String) throws {
        let error = #expect(throws: GatewayError.self) { try Self.gateway(text).check() }
        #expect(error?.code == .invalidConfiguration && error?.message.contains("no enabled account") == true)
    }

    @Test("GW-1: a file of authorities that cannot be read is named with its account, before and at the start")
    func authorities() async throws {
        let network = #"network: {caFile: "/nope/ca.pem"}"#
        let text = "{channels: {wecom: {accounts: {helpdesk: {\(bot), \(network)}}}}}"
        let gateway = try Self.gateway(text)
        let error = #expect(throws: GatewayError.self) { try gateway.check() }
        #expect(error?.message.hasPrefix("account helpdesk: network.caFile /nope/ca.pem: cannot be read") == true)
        let ended = await #expect(throws: GatewayError.self) { try await gateway.run() }
        #expect(ended == error && ended?.code == .invalidConfiguration)
    }

    @Test("GW-1: what can run passes")
    func good() throws {
        try Self.gateway("{channels: {wecom: {accounts: {a: {\(bot)}, b: {\(callbacks)}}, defaultAccount: 'a'}}}")
            .check()
    }

    @Test("GW-7: folders of the configuration are absolute, since backends work in folders of their own")
    func folders() throws {
        let account = "accounts: {a: {\(bot)}}"
        let here = FileManager.default.currentDirectoryPath
        let none = try configuration("{channels: {wecom: {\(account)}}, gateway: {stateDir: 'state'}}")
        #expect(none.gateway.stateFolder == here + "/state" && none.mediaFolder == here + "/state/media")
        for (given, expected) in [
            ("files", here + "/files"), ("/srv/files", "/srv/files"), ("~/files", NSHomeDirectory() + "/files"),
        ] {
            let media = try configuration("{channels: {wecom: {\(account), media: {dir: '\(given)'}}}}")
            #expect(media.mediaFolder == expected)
        }
    }
}

@Suite("Whom a send reaches, and by what")
struct SendRouteTests {
    private static let accounts = """
        {channels: {wecom: {defaultAccount: "bot", accounts: {
          bot: {\(bot)}, both: {bot: {botId: "aibTWO", secret: "s"}, \(agent)}, called: {\(callbacks), \(agent)}, app: {\(agent)},
          alone: {\(callbacks)},
          off: {enabled: false, \(bot)},
        }}}}
        """

    @Test(
        "WS-19, AG-5: the dry run judges as the send does: by the application where there is one",
        arguments: [
            ("bot", "user:lin.wei", false), ("both", "user:lin.wei", false), ("both", "group:wrX", false),
            ("both", "party:2", true), ("both", "tag:Ops", true), ("called", "user:lin.wei", true),
            ("app", "party:1", true),
        ])
    func ways(account: String, target: String, byAgent: Bool) throws {
        let configuration = try configuration(Self.accounts)
        let way = try #require(configuration.wecom.accounts[account]).way(to: Target(target))
        #expect(way.byAgent == byAgent)
        let request = SendRequest(account: account, targets: [try Target(target)], content: .text("hi"))
        #expect(try configuration.check(request) == account)
    }

    @Test(
        "WS-19: what cannot be reached is refused with the reason",
        arguments: [
            ("bot", "party:2", "Agent only"), ("called", "group:wrX", "86008"),
            ("alone", "user:lin.wei", "cannot write first"),
            ("off", "user:lin.wei", "no account off runs"),
            ("none", "user:lin.wei", "these do: alone, app, bot, both, called"),
        ])
    func refused(account: String, target: String, words: String) throws {
        let configuration = try configuration(Self.accounts)
        let request = SendRequest(account: account, targets: [try Target(target)], content: .text("hi"))
        let error = #expect(throws: GatewayError.self) { try configuration.check(request) }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test("WS-19: without a name the only account that runs sends, else the default one")
    func whichAccount() throws {
        let request = SendRequest(targets: [.user("lin.wei")], content: .text("hi"))
        #expect(try configuration(Self.accounts).check(request) == "bot")
        let one = try configuration(
            "{channels: {wecom: {defaultAccount: 'off', accounts: {on: {\(bot)}, off: {enabled: false, \(bot)}}}}}")
        #expect(try one.check(request) == "on")
    }
}

@Suite("Backends by name")
struct BackendRouterTests {
    private final class Nowhere: Replying {
        func append(_ delta: String) {}
        func replace(with text: String) {}
        func think(_ delta: String) {}
        func attach(_ attachment: Shared.Attachment) {}
    }

    @Test(
        "OPS-3: a failure names its backend, and quotes its standard error only where that is allowed",
        arguments: [true, false])
    func failure(messageText: Bool) async throws {
        let folder = "/tmp/router-\(UUID().uuidString.prefix(13))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let configuration = try configuration(
            """
            {channels: {wecom: {\(bot)}}, backends: {helper: {type: "command", command: ["/bin/sh", "-c", "cat >&2; exit 4"]}},
             gateway: {stateDir: "\(folder)", log: {messageText: \(messageText)}}}
            """)
        let log = LogCapture()
        let router = BackendRouter(
            configuration, baseDirectory: nil, folders: SessionFolders(stateFolder: folder), client: .shared,
            clock: SystemMonotonicClock(), logger: log.logger)
        let message = LedgerTask.sample().entry.message
        let failure = await #expect(throws: BackendFailure.self) { try await router.handler(message, Nowhere()) }
        #expect(failure?.detail.hasPrefix("helper: exit status 4; standard error: ") == true)
        #expect(failure?.detail.contains("planted question") == messageText)
        #expect(log.text.contains("backend asked backend=helper") && !log.text.contains("planted"))
    }
}
