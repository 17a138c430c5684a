import Foundation
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@testable import Gateway
@testable import Shared

@Suite("Admin listener")
struct AdminListenerTests {
    // MARK: Who may ask

    @Test("OPS-2: health needs no token, everything else does", .timeLimit(.minutes(1)))
    func token() async throws {
        try await AdminStage.run { stage in
            #expect(try await stage.ask("/healthz", token: nil).status == 200)
            #expect(try await stage.ask("/readyz", token: nil).status == 200)
            for path in ["/status", "/api/outbox", "/api/trace/x", "/api/feedback"] {
                let without = try await stage.ask(path, token: nil)
                #expect(without.status == 401 && without.problem?.code == "unauthorized", "\(path)")
                for wrong in ["sesam", "sesamesesame", "sesamE", ""] {
                    #expect(try await stage.ask(path, token: wrong).status == 401, "\(path) \(wrong)")
                }
            }
            for path in ["/api/send", "/api/outbox/retry", "/api/outbox/drop", "/api/reconnect"] {
                #expect(try await stage.ask(path, .POST, token: "wrong", body: "{}").status == 401, "\(path)")
            }
            #expect(try await stage.ask("/status").status == 200)
            #expect(stage.control.sent.isEmpty)
        }
    }

    @Test("the token is made once, is long, and is readable by its owner alone", .timeLimit(.minutes(1)))
    func madeToken() async throws {
        try await AdminStage.run(token: nil) { stage in
            let path = stage.configuration.stateFolder + "/admin-token"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(token.count == 64)
            #expect(try Self.mode(path) == 0o600)
            #expect(try await stage.ask("/status", token: token).status == 200)
            #expect(try await stage.ask("/status", token: nil).status == 401)
            #expect(try AdminToken.load(directory: stage.configuration.stateFolder) == Secret(token))
            #expect(!stage.log.text.contains(token))
        }
    }

    @Test("the socket needs no token, is its owner's alone, and goes with the program", .timeLimit(.minutes(1)))
    func socket() async throws {
        var path = ""
        // What a program that died left behind is in the way of nobody.
        let stale = { (folder: String) in try Data("stale".utf8).write(to: URL(fileURLWithPath: folder + "/admin.sock"))
        }
        try await AdminStage.run(prepare: stale) { stage in
            path = stage.configuration.stateFolder + "/admin.sock"
            #expect(try Self.mode(path) == 0o600)
            let status = try await stage.client.status()
            #expect(status.accounts == [.up] && status.pid == 4711)
            #expect(status.ledger?.tasks == [:])
        }
        #expect(!path.isEmpty && !FileManager.default.fileExists(atPath: path))
    }

    @Test("without an address only the socket listens", .timeLimit(.minutes(1)))
    func socketAlone() async throws {
        try await AdminStage.run(tcp: false) { stage in
            #expect(try await stage.client.status().pid == 4711)
            let files = try FileManager.default.contentsOfDirectory(atPath: stage.configuration.stateFolder)
            #expect(files == ["admin.sock"])
        }
    }

    @Test("P7: nobody on the socket is said in a sentence", .timeLimit(.minutes(1)))
    func notRunning() async throws {
        var client: AdminClient?
        try await AdminStage.run { client = $0.client }
        let gone = try #require(client)
        await #expect(throws: AdminClient.NotRunning.self) { try await gone.status() }
    }

    @Test("an address that is taken ends the program with a sentence, and the socket goes", .timeLimit(.minutes(1)))
    func taken() async throws {
        try await AdminStage.run { stage in
            var configuration = stage.configuration
            configuration.admin = NetworkAddress(host: "127.0.0.1", port: stage.port)
            configuration.stateDirectory += "/other"
            let folder = configuration.stateDirectory
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let listener = AdminListener(stage.control, configuration: configuration, logger: LogCapture().logger)
            let error = try await #require(throws: GatewayError.self) { try await listener.run() }
            #expect(error.code == .invalidConfiguration && error.message.contains("127.0.0.1:\(stage.port)"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
        }
    }

    @Test("OPS-2: what comes after the listener begins once every address is bound", .timeLimit(.minutes(1)))
    func before() async throws {
        let folder = "/tmp/admin-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var configuration = GatewayConfiguration.Gateway()
        configuration.admin = NetworkAddress(host: "127.0.0.1", port: 0)
        configuration.stateDirectory = folder
        let log = LogCapture()
        let listener = AdminListener(FakeControl(), configuration: configuration, logger: log.logger)
        let bot = Follower(lines: log.lines)
        try await Self.group([listener, listener.before(bot)]).run()
        let lines = log.text.split(separator: "\n")
        #expect(lines.count { $0.contains("admin listener is up") } == 2)
        #expect(lines.firstIndex { $0 == "began" } ?? 0 >= 1 && lines.count { $0 == "began" } == 1, "\(lines)")
    }

    @Test("OPS-2: a program that cannot listen has not connected: it takes no bot away", .timeLimit(.minutes(1)))
    func neverBefore() async throws {
        try await AdminStage.run { stage in
            var configuration = stage.configuration
            configuration.admin = NetworkAddress(host: "127.0.0.1", port: stage.port)
            configuration.stateDirectory += "/other"
            try FileManager.default.createDirectory(
                atPath: configuration.stateDirectory, withIntermediateDirectories: true)
            let log = LogCapture()
            let listener = AdminListener(stage.control, configuration: configuration, logger: log.logger)
            let group = Self.group([listener, listener.before(Follower(lines: log.lines))])
            let error = try await #require(throws: GatewayError.self) { try await group.run() }
            #expect(error.message.contains("127.0.0.1:\(stage.port): cannot listen: Address already in use. Free it"))
            #expect(!log.text.contains("began") && !log.text.contains("ERROR"), "\(log.text)")
        }
    }

    private static func group(_ services: [any Service]) -> ServiceGroup {
        ServiceGroup(
            configuration: .init(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                }, logger: Logger(label: "services", factory: { _ in SwiftLogNoOpLogHandler() })))
    }

    private struct Follower: Service {
        let lines: LogCapture.Lines
        func run() async throws { lines.add("began") }
    }

    @Test("OPS-2: only a socket on which nobody listens means that no program runs")
    func whoseSocket() {
        for code in [ENOENT, ECONNREFUSED] {
            let error = AdminClient.understood(IOError(errnoCode: code, reason: "connect"), "/state/admin.sock")
            #expect((error as? AdminClient.NotRunning)?.description.contains("/state/admin.sock") == true)
        }
        for code in [EACCES, EPERM] {
            let error = AdminClient.understood(IOError(errnoCode: code, reason: "connect"), "/state/admin.sock")
            #expect((error as? AdminClient.NoAccess)?.description.contains("belongs to another user") == true)
        }
    }

    @Test("a state folder whose name is too long for a socket is refused with a sentence")
    func longPath() async throws {
        var configuration = GatewayConfiguration.Gateway()
        configuration.stateDirectory = "/tmp/" + String(repeating: "x", count: 100)
        let listener = AdminListener(FakeControl(), configuration: configuration, logger: LogCapture().logger)
        let error = try await #require(throws: GatewayError.self) { try await listener.run() }
        #expect(error.message.contains("gateway.stateDir"))
        await #expect(throws: AdminClient.NotRunning.self) {
            try await AdminClient(configuration: configuration).status()
        }
    }

    // MARK: Bounds and mistakes

    @Test("a body that is too large, a path that does not exist, a body that is no request", .timeLimit(.minutes(1)))
    func mistakes() async throws {
        try await AdminStage.run { stage in
            let large = #"{"to": "user:lin.wei", "text": ""# + String(repeating: "x", count: 1 << 20) + #""}"#
            let tooLarge = try await stage.ask("/api/send", .POST, body: large)
            #expect(tooLarge.status == 413 && tooLarge.problem?.code == "too_large")
            for path in ["/", "/api", "/api/nothing", "/admin"] {
                let unknown = try await stage.ask(path)
                #expect(unknown.status == 404 && unknown.problem?.code == "not_found", "\(path)")
            }
            #expect(try await stage.ask("/api/send", .GET).status == 404)
            let bodies = [
                "", "nonsense", "[]", "{}", #"{"to": "user:lin.wei"}"#, #"{"text": "hi"}"#,
                #"{"to": [], "text": "hi"}"#,
                #"{"to": "user:lin.wei", "text": "hi", "markdown": "hi"}"#, #"{"to": "user:lin.wei", "text": ""}"#,
                #"{"to": "user:lin.wei", "text": 5}"#, #"{"to": "user:lin.wei", "file": "relative.txt"}"#,
                #"{"to": "user:lin.wei", "card": "text"}"#, #"{"to": "user:lin.wei", "text": "hi", "too": 1}"#,
                #"{"to": "nobody:x", "text": "hi"}"#,
            ]
            for body in bodies {
                let answer = try await stage.ask("/api/send", .POST, body: body)
                #expect(answer.status == 400 && answer.problem?.message.isEmpty == false, "\(body)")
            }
            #expect(stage.control.sent.isEmpty)
        }
    }

    // MARK: Routes

    @Test("P36: readiness is red with its cause while an enabled account is not online", .timeLimit(.minutes(1)))
    func readiness() async throws {
        let control = FakeControl(accounts: [.up, .taken])
        try await AdminStage.run(control) { stage in
            let red = try await stage.ask("/readyz", token: nil)
            #expect(red.status == 503 && red.problem?.code == "not_ready")
            #expect(red.problem?.message == "account second: superseded: another connection took the bot over")
            #expect(try await stage.ask("/healthz", token: nil).status == 200)
            control.set([])
            #expect(try await stage.ask("/readyz", token: nil).status == 503)
            control.set([.up])
            #expect(try await stage.ask("/readyz", token: nil).status == 200)
        }
    }

    @Test("a ledger that cannot be read turns readiness red, and status still answers", .timeLimit(.minutes(1)))
    func brokenLedger() async throws {
        try await AdminStage.run(FakeControl(ledger: FakeLedger(trouble: .full))) { stage in
            #expect(try await stage.ask("/readyz", token: nil).problem?.message.contains("no space left") == true)
            #expect(try await stage.client.status().ledger?.trouble?.contains("no space left") == true)
            let trace = try await stage.ask("/api/trace/x")
            #expect(trace.status == 503 && trace.problem?.code == "ledger")
        }
    }

    @Test("WS-19: every target gets its own result", .timeLimit(.minutes(1)))
    func send() async throws {
        try await AdminStage.run { stage in
            let request = SendRequest(
                account: "default", targets: [.user("lin.wei"), .group("wrFixture"), .department("1")],
                content: .card(json: #"{"card_type":"text_notice","main_title":{"title":"a/b"}}"#), key: "k1")
            let results = try await stage.client.send(request)
            #expect(stage.control.sent == [request])
            #expect(results.map(\.state) == [.acked, .acked, .failed])
            #expect(results.map(\.target) == ["user:lin.wei", "group:wrFixture", "party:1"])
            #expect(results[2].reason?.contains("Agent only") == true)

            let body = #"{"account": "other", "to": "user:lin.wei", "text": "planted words"}"#
            let refused = try await stage.ask("/api/send", .POST, body: body)
            #expect(refused.status == 400 && refused.problem?.message == "no account other runs")
            #expect(stage.control.sent.last?.content == .text("planted words"))
            #expect(!stage.log.text.contains("planted"))
        }
    }

    @Test("reconnect names the accounts, and refuses unknown ones", .timeLimit(.minutes(1)))
    func reconnect() async throws {
        try await AdminStage.run { stage in
            let names = try await stage.client.reconnect(account: nil)
            #expect(names == ["default"])
            #expect(try await stage.ask("/api/reconnect", .POST).status == 200)
            #expect(try await stage.ask("/api/reconnect", .POST, body: #"{"account": "other"}"#).status == 400)
            #expect(try await stage.ask("/api/reconnect", .POST, body: "other").status == 400)
        }
    }

    @Test("GW-12: a trace shows what was said only when asked to", .timeLimit(.minutes(1)))
    func trace() async throws {
        try await AdminStage.run(FakeControl(ledger: FakeLedger([.sample()]))) { stage in
            let report = try #require(try await stage.client.trace("msg/1+2", text: false))
            #expect(report.stories.map(\.task) == [12])
            #expect(report == TraceReport(messageID: "msg/1+2", tasks: [.sample()], text: false))
            #expect(try !AdminJSON.text(report).contains("planted"))
            let told = try #require(try await stage.client.trace("msg/1+2", text: true))
            #expect(told.stories.first?.text == "planted question" && told.stories.first?.answer == "planted answer")
            #expect(try await stage.client.trace("other", text: false) == nil)
            #expect(try await stage.ask("/api/trace/other").status == 404)
            #expect(!stage.log.text.contains("planted"))
        }
    }

    @Test("GW-12: the outbox is listed, retried and dropped", .timeLimit(.minutes(1)))
    func outbox() async throws {
        let ledger = FakeLedger([
            .sample(1, state: .done), .sample(2, state: .dead), .sample(3, state: .answered),
            .sample(4, state: .accepted), .refused(5),
        ])
        try await AdminStage.run(FakeControl(ledger: ledger)) { stage in
            let report = try await stage.client.outbox()
            #expect(report.items.map(\.task) == [3, 4, 2] && report.items.map(\.ageSeconds) == [600, 600, 600])
            let retried = try await stage.client.retry([TaskID(1), TaskID(2)])
            #expect(retried.changed == [2] && retried.unchanged == [1])
            #expect(try await stage.client.retry([TaskID(5)]).unchanged == [5])
            let dropped = try await stage.client.drop(nil)
            #expect(dropped.changed == [2, 3, 4] && dropped.unchanged == [])
            #expect(ledger.tasks.map(\.state) == [.done, .dead, .dead, .dead, .dead])
            #expect(try await stage.client.retry(nil).changed == [2, 3, 4])
            for body in ["", "{}", #"{"tasks": []}"#, #"{"tasks": [1], "allDead": true}"#, #"{"allDead": false}"#] {
                #expect(try await stage.ask("/api/outbox/retry", .POST, body: body).status == 400, "\(body)")
            }
            #expect(try await stage.ask("/api/outbox/drop", .POST, body: #"{"allDead": true}"#).status == 400)
        }
    }

    @Test("feedback comes with the turn that it is about", .timeLimit(.minutes(1)))
    func feedback() async throws {
        let ledger = FakeLedger(feedback: [.sample(at: 1_000), .sample(at: 5_000, task: .sample())])
        try await AdminStage.run(FakeControl(ledger: ledger)) { stage in
            let lines = try await stage.client.feedback(since: 2_000).feedback
            #expect(lines.map(\.prompt) == ["planted question"] && lines.map(\.backendSeconds) == [2.5])
            #expect(try await stage.client.feedback(since: 0).feedback.count == 2)
            #expect(try await stage.ask("/api/feedback?since=soon").status == 400)
        }
    }

    private static func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }
}
