import Foundation
import Gateway
import Logging
import Shared
import Simulator
import Testing

/// The way to the platform: a proxy, an authority of one's own, and the address that the platform sees.
@Suite("Complaints: proxies and private deployments", .timeLimit(.minutes(3)))
struct ProxyTests {
    /// Log lines in memory.
    private final class Log: @unchecked Sendable {
        // Touched under `lock` alone.
        private let lock = NSLock()
        private var stored: [String] = []

        var lines: [String] { lock.withLock { stored } }
        var logger: Logger {
            Logger(label: "test") { _ in
                LogLines(format: .text, level: .info) { line in self.lock.withLock { self.stored.append(line) } }
            }
        }

        /// The lines that have all of these words.
        func lines(with words: String...) -> [String] {
            lines.filter { line in words.allSatisfy { line.contains($0) } }
        }
    }

    private static func network(_ url: String) -> String { "network: {egressProxyUrl: \"\(url)\"}," }

    private static let picture = UserPost.Content.image(.init(name: "a.png", bytes: ConformanceTests.png))

    /// Lets every side receive a picture, and send text, a picture and a file.
    private static func talk(_ sides: ThreeSides) async throws {
        for via in Transport.allCases {
            try sides.simulator.post(
                UserPost(bot: ThreeSides.bot, user: "lin.wei", content: picture, via: via))
            try await sides.wait(via) { $0.contains { $0.finished && $0.content?.contains("image 80") == true } }
        }
        for via in [Transport.longConnection, .agent] {
            try sides.simulator.post("file", via: via)
            try await sides.wait(via) { $0.contains { $0.kind == .file && $0.media?.name == "a.zip" } }
        }
        // The card of a webhook bot goes to the response_url.
        try sides.simulator.post("long", via: .webhook)
        try await sides.wait(.webhook) { $0.contains { $0.kind == .markdown } }
    }

    /// What has to be seen on the way when all of that went through a proxy.
    private static let calls = [
        "GET /cgi-bin/gettoken?", "POST /cgi-bin/message/send?", "POST /cgi-bin/media/upload?",
        "GET /cgi-bin/media/get?",
        "POST /cgi-bin/aibot/response?", "GET /media/",
    ]

    @Test(
        "net.proxy: P29, AG-9: everything that an account sends to the platform goes through its proxy",
        arguments: [nil, "gate keeper:p@ss:w/rd 密码"])
    func everything(credentials: String?) async throws {
        try await TestProxy.run(credentials: credentials) { proxy in
            let encoded = credentials.map { _ in "gate%20keeper:p%40ss%3Aw%2Frd%20%E5%AF%86%E7%A0%81" }
            try await ThreeSides.run(
                account: Self.network(proxy.url(encoded)), surroundings: .init(trusted: [TestProxy.exit]),
                answer: ConformanceTests.answerFromWorkspace
            ) { sides in
                try await Self.talk(sides)
                let platform = "127.0.0.1:\(try await sides.simulator.boundPort)"
                #expect(Set(proxy.seen.tunnels) == [platform])
                for call in Self.calls { #expect(proxy.seen.requests.contains { $0.hasPrefix(call) }, "\(call)") }
                #expect(sides.simulator.violations.isEmpty)
            }
            #expect(proxy.seen.refused == 0)
        }
    }
    /// Lets every side answer a picture.
    private static func greet(_ sides: ThreeSides) async throws {
        for via in Transport.allCases {
            try sides.simulator.post(UserPost(bot: ThreeSides.bot, user: "lin.wei", content: picture, via: via))
            try await sides.wait(via) { $0.contains { $0.finished && $0.content?.contains("image 80") == true } }
        }
    }

    @Test(
        "net.proxy: P29, AG-9: \"env\" takes the proxy of the environment, except for what no_proxy names",
        arguments: [
            ([:], true), (["no_proxy": "example.com"], true), (["NO_PROXY": "127.0.0.1:1"], true),
            (["no_proxy": "example.com, 127.0.0.1"], false), (["NO_PROXY": "*"], false),
        ] as [([String: String], Bool)])
    func environment(exceptions: [String: String], isProxied: Bool) async throws {
        try await TestProxy.run { proxy in
            let variables = ["http_proxy": proxy.url(), "https_proxy": "http://127.0.0.1:1"]
            try await ThreeSides.run(
                account: Self.network("env"),
                surroundings: .init(
                    environment: variables.merging(exceptions) { $1 },
                    trusted: [isProxied ? TestProxy.exit : "127.0.0.1"]),
                answer: ConformanceTests.answer
            ) { sides in try await Self.greet(sides) }
            let calls = ["GET / ", "GET /media/", "GET /cgi-bin/gettoken?"]
            for call in calls {
                let isSeen = proxy.seen.requests.contains { "\($0) ".hasPrefix(call) }
                #expect(isSeen == isProxied, "\(call) \(proxy.seen.requests)")
            }
        }
    }

    @Test("net.proxy: P29, AG-9: one account goes through a proxy, the others do not")
    func perAccount() async throws {
        try await TestProxy.run { proxy in
            try await ThreeSides.run(
                surroundings: .init(accounts: ["ws": Self.network(proxy.url())], trusted: ["127.0.0.1"]),
                answer: ConformanceTests.answer
            ) { sides in
                try await Self.greet(sides)
                let seen = proxy.seen.requests
                #expect(seen.filter { $0.hasPrefix("GET /media/") }.count == 1)
                #expect(!seen.contains { $0.contains("/cgi-bin/") })
            }
        }
    }

    @Test("net.proxy: P29: an authority of one's own, with and without a proxy", arguments: [true, false])
    func authority(isProxied: Bool) async throws {
        let file = FileManager.default.temporaryDirectory.path + "/authority-\(UUID().uuidString).pem"
        defer { try? FileManager.default.removeItem(atPath: file) }
        var configuration = SimulatorConfiguration()
        configuration.tlsListen = SimulatorAddress()
        configuration.caOut = file
        configuration.options.pollInterval = 200
        try await TestProxy.run { [configuration] proxy in
            try await PlatformSimulator.withRunning(configuration: configuration) { simulator in
                let url = isProxied ? proxy.url() : ""
                try await ThreeSides.beside(
                    simulator, account: "network: {caFile: \"\(file)\", egressProxyUrl: \"\(url)\"},",
                    ledger: InMemoryLedger(),
                    surroundings: .init(trusted: [isProxied ? TestProxy.exit : "127.0.0.1"], secure: true),
                    answer: ConformanceTests.answer
                ) { sides in
                    try await Self.greet(sides)
                    #expect(sides.simulator.violations.isEmpty)
                }
                let platform = "127.0.0.1:\(try await simulator.boundTLSPort ?? 0)"
                #expect(proxy.seen.tunnels.contains(platform) == isProxied)
            }
        }
    }

    @Test(
        "net.proxy: P29: a proxy that does not take user and password is named in the log, and not asked in a loop",
        arguments: [nil, "keeper:wrong"])
    func refused(credentials: String?) async throws {
        let log = Log()
        try await TestProxy.run(credentials: "keeper:right") { proxy in
            try await ThreeSides.run(
                account: Self.network(proxy.url(credentials)),
                surroundings: .init(awaitsSubscription: false, logger: log.logger), answer: ConformanceTests.answer
            ) { sides in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        _ = try? await sides.gateway.send(
                            SendRequest(account: "app", targets: [.user("lin.wei")], content: .text("hello")))
                    }
                    while log.lines(with: "not connected", "proxy").count < 2
                        || log.lines(with: "proxy refused user or password", "gettoken").isEmpty
                    { await Task.yield() }
                    group.cancelAll()
                }
                #expect(proxy.seen.refused <= 12)
                #expect(proxy.seen.requests.isEmpty && proxy.seen.tunnels.isEmpty)
                #expect(!log.lines.contains { $0.contains("keeper") || $0.contains("wrong") })
            }
        }
    }

    @Test(
        "net.proxy: P29, AG-8: an address that is not trusted is named as the platform saw it, in the log and by send")
    func untrusted() async throws {
        let log = Log()
        try await TestProxy.run { proxy in
            try await ThreeSides.run(
                account: Self.network(proxy.url()),
                surroundings: .init(trusted: ["203.0.113.7"], logger: log.logger), answer: ConformanceTests.answer
            ) { sides in
                let sent = try await sides.gateway.send(
                    SendRequest(account: "app", targets: [.user("lin.wei")], content: .text("hello")))
                let result = try #require(sent.first)
                #expect(result.state == .failed)
                #expect(result.reason?.contains("60020") == true && result.reason?.contains(TestProxy.exit) == true)
                #expect(result.advice?.contains("Add \(TestProxy.exit) to the trusted addresses") == true)
                #expect(!log.lines(with: "60020", TestProxy.exit, "server API call refused").isEmpty)
            }
        }
    }
}
