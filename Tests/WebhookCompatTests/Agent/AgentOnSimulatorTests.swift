import AsyncHTTPClient
import Foundation
import Logging
import NIOPosix
import Shared
import Simulator
import Testing

@testable import WebhookCompat

/// The application against the simulated platform, which reads the protocol on its own.
@Suite("The application on the simulated platform")
struct AgentOnSimulatorTests {
    private static let lin = Conversation(kind: .direct, id: "lin.wei")
    private static let send = "cgi-bin/message/send"

    private struct Stage: Sendable {
        let platform: PlatformSimulator
        let agent: Agent

        func shown(_ user: String = "lin.wei") -> [Entry] { platform.view(of: user).filter { $0.from == .bot } }

        func push(_ text: String, to conversation: Conversation = AgentOnSimulatorTests.lin) async -> SendOutcome {
            await agent.channel.perform(.push(conversation, markdown: text, feedback: nil), late: nil)
        }
    }

    private static func with(
        faults: [SimulatorFault] = [], app change: (inout ApplicationSide) -> Void = { _ in },
        settings adjust: @escaping @Sendable (inout AgentSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (Stage) async throws -> Void
    ) async throws {
        var side = ApplicationSide(corpID: AgentBench.corpID, secret: AgentBench.secret, agentID: 1_000_002)
        change(&side)
        var configuration = SimulatorConfiguration()
        configuration.bots = [SimulatorBot.demo]
        configuration.bots[0].app = side
        configuration.faults = SimulatorFaults(faults)
        configuration.listen.port = 0
        configuration.seed = 7
        try await PlatformSimulator.withRunning(configuration: configuration) { platform in
            var settings = AgentSettings(
                account: "default", corpID: AgentBench.corpID, agentID: 1_000_002, secret: Secret(AgentBench.secret))
            settings.baseURL = "http://127.0.0.1:\(try await platform.boundPort)"
            settings.timeout = JumpClock.limit
            settings.mediaTimeout = JumpClock.limit
            adjust(&settings)
            let client = HTTPClient(eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton))
            let clock = JumpClock()
            let agent = Agent(
                settings, httpClient: client, kept: InMemoryKeptValues(), clock: clock, wallClock: clock,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            do { try await body(Stage(platform: platform, agent: agent)) } catch {
                try await client.shutdown()
                throw error
            }
            try await client.shutdown()
        }
    }

    @Test("AG-4: members, departments and tags read what was sent, whole and in order")
    func texts() async throws {
        try await Self.with { stage in
            let text = (0..<300).map { "第 \($0) 行，这里写了几个字。" }.joined(separator: "\n")
            #expect(await stage.push(text) == .acknowledged())
            #expect(stage.shown().compactMap(\.content).joined() == text)
            #expect(stage.shown().allSatisfy { $0.cutBytes == nil && $0.kind == .text } && stage.shown().count > 3)
            #expect(await stage.push("party", to: Conversation(kind: .department, id: "3")) == .acknowledged())
            #expect(await stage.push("tag", to: Conversation(kind: .tag, id: "Ops")) == .acknowledged())
            #expect(stage.shown("mei.chen").map(\.content) == ["party", "tag"])
            #expect(stage.shown().last?.content == "tag")
            #expect(stage.platform.violations.isEmpty)
        }
    }

    @Test("AG-4: who is out of range or without a licence is told by name")
    func receivers() async throws {
        try await Self.with(app: {
            $0.range = ["lin.wei", "mei.chen"]
            $0.unlicensed = ["mei.chen"]
        }) { stage in
            let report = await stage.agent.api.send(
                .text("x"), to: Receivers(users: ["LIN.WEI", "Nobody", "mei.chen"]))
            #expect(report.outcome == .partial && stage.shown().count == 1)
            #expect(report.batches.first?.invalidUsers == ["nobody"])
            #expect(report.batches.first?.unlicensedUsers == ["mei.chen"])
            let refused = PlatformError(code: 81_013, origin: .serverAPI)
            guard case .rejected(let error) = await stage.push("x", to: Conversation(kind: .direct, id: "nobody"))
            else {
                Issue.record("not rejected")
                return
            }
            #expect(error.code == refused.code && error.reaction == .receiver)
        }
    }

    @Test("AG-3: a token that ends early is renewed, and nothing is shown twice", arguments: [40_014, 42_001])
    func token(code: Int) async throws {
        try await Self.with { stage in
            #expect(await stage.push("1") == .acknowledged())
            try stage.platform.endTokens(of: SimulatorBot.demo.id, code: code)
            #expect(await stage.push("2") == .acknowledged())
            #expect(stage.shown().map(\.content) == ["1", "2"])
        }
    }

    @Test("AG-3: a wrong secret is told once and asked about once")
    func wrongSecret() async throws {
        try await Self.with(settings: { $0.secret = Secret("wrong") }) { stage in
            for _ in 0..<2 {
                guard case .rejected(let error) = await stage.push("1") else {
                    Issue.record("not rejected")
                    return
                }
                #expect(error.code == 40_001 && error.reaction == .credentials)
            }
            #expect(stage.agent.api.complaint?.code == 40_001)
        }
    }

    @Test("net.proxy: P29, AG-8: an address that is not trusted is named")
    func address() async throws {
        try await Self.with(app: { $0.trustedIPs = ["192.0.2.1"] }) { stage in
            guard case .rejected(let error) = await stage.push("1") else {
                Issue.record("not rejected")
                return
            }
            #expect(error.code == 60_020 && error.exitAddress == "127.0.0.1" && error.hint != nil)
            #expect(error.advice?.contains("network.egressProxyUrl") == true)
        }
    }

    @Test(
        "dedupe.parts: P8, AG-8: what was carried out without an answer is not shown twice",
        arguments: [
            SimulatorFault.Kind.dropAfter, .httpErrorAfter, .dropBefore, .httpError,
        ])
    func lostAnswer(kind: SimulatorFault.Kind) async throws {
        try await Self.with(faults: [SimulatorFault(kind, cmd: Self.send, nth: 1)]) { stage in
            #expect(await stage.push("once") == .acknowledged())
            #expect(await stage.push("twice") == .acknowledged())
            #expect(await stage.push("twice") == .acknowledged())
            #expect(stage.shown().map(\.content) == ["once", "twice", "twice"])
        }
    }

    @Test("AG-8: busy and too frequent pass", arguments: [-1, 45_009, 45_033])
    func busy(code: Int) async throws {
        try await Self.with(faults: [SimulatorFault(.errorCode, cmd: Self.send, nth: 1, code: code)]) { stage in
            #expect(await stage.push("once") == .acknowledged())
            #expect(stage.shown().map(\.content) == ["once"])
        }
    }

    @Test("media.out: P13, AG-6: a file goes up with its name, is shown, and comes down the same")
    func media() async throws {
        try await Self.with { stage in
            let folder = NSTemporaryDirectory() + "agent-on-simulator-" + UUID().uuidString
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let bytes = [UInt8](repeating: 0x25, count: 1_500_000)
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/in"))
            let file = OutboundMedia(path: folder + "/in", kind: .file, name: "报告 \"终稿\".bin", bytes: bytes.count)
            guard case .uploaded(let media) = await stage.agent.channel.upload(file, progress: nil) else {
                Issue.record("not uploaded")
                return
            }
            guard case .acknowledged = await stage.agent.channel.perform(.pushMedia(Self.lin, media), late: nil) else {
                Issue.record("not sent")
                return
            }
            #expect(stage.shown().last?.media?.name == "报告 '终稿'.bin" && stage.shown().last?.media?.size == bytes.count)
            let fetched = try await stage.agent.media.fetch(
                MediaReference(kind: .file, mediaID: media.mediaID), into: folder, name: "out"
            ).get()
            #expect(try Data(contentsOf: URL(fileURLWithPath: fetched.path)) == Data(bytes))
            let gone = await stage.agent.media.fetch(
                MediaReference(kind: .file, mediaID: "SIMMEDIA_gone"), into: folder, name: "out")
            #expect(gone == .failure(.expired))
        }
    }

    @Test("AG-5: a group of the application is made, asked about and written to; another one is refused")
    func groups() async throws {
        try await Self.with(settings: { $0.allowGroupSend = true }) { stage in
            let users = ["lin.wei", "mei.chen"]
            let id = try await stage.agent.api.createGroup(name: "发布", users: users, owner: "lin.wei")
            let group = try await stage.agent.api.group(id)
            #expect(group.name == "发布" && Set(group.users) == Set(users))
            #expect(await stage.push("to the group", to: Conversation(kind: .group, id: id)) == .acknowledged())
            #expect(stage.platform.view(ofGroup: id).last?.content == "to the group")
            guard case .rejected = await stage.push("x", to: Conversation(kind: .group, id: SimulatorGroup.demo.id))
            else {
                Issue.record("an ordinary group took it")
                return
            }
        }
    }

    @Test("AG-7: names and departments are looked up")
    func directory() async throws {
        try await Self.with { stage in
            #expect(try await stage.agent.api.member("LIN.WEI")?.name == "林薇")
            let nobody = try await stage.agent.api.member("nobody")
            #expect(nobody == nil)
            for (department, isIn) in [(2, true), (1, true), (3, false)] {
                let found = try await stage.agent.api.isMember("lin.wei", ofDepartment: department)
                #expect(found == isIn, "\(department)")
            }
        }
    }

    @Test("AG-4: a message is taken back, and a button card is redrawn once with its code")
    func afterwards() async throws {
        // A card with buttons needs somebody who hears of clicks.
        try await Self.with(app: { $0.callbackURL = "http://127.0.0.1:9/wecom/agent" }) { stage in
            let api = stage.agent.api
            let text = await api.send(.text("oops"), to: Receivers(users: ["lin.wei"]))
            try await api.recall(messageID: try #require(text.batches.first?.messageID))
            #expect(stage.shown().last?.isRecalled == true)
            let json = #"""
                {"card_type":"button_interaction","main_title":{"title":"Deploy?"},"task_id":"t-1",
                "button_list":[{"text":"Yes","key":"yes"},{"text":"No","key":"no"}]}
                """#
            let card = await api.send(.templateCard(json: json), to: Receivers(users: ["lin.wei"]))
            let code = try #require(card.batches.first?.responseCode)
            try await api.updateCard(responseCode: code, .button("Done"), users: ["lin.wei"])
            #expect(stage.shown().last?.cardState?.updates == 1)
            let again = await stage.agent.channel.perform(
                .updateCard(ReplyRoute(key: code, conversation: Self.lin, takesReplies: false), json: json), late: nil)
            guard case .rejected = again else {
                Issue.record("a code was good twice")
                return
            }
        }
    }
}
