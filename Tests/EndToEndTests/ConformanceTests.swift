import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Persistence
import Shared
import Simulator
import Testing

/// One handler, three transports: what people see differs by what each can carry, and by nothing else.
@Suite("Conformance: the same handler on every transport")
struct ConformanceTests {
    /// The handler of all scenarios.
    @Sendable static func answer(_ request: BackendRequest, _ reply: any Replying) async throws {
        let message = request.message
        switch message.text {
        case "long":
            for line in 0..<2_000 { try await reply.append("line \(line) of a long answer\n") }
        case "picture": try await reply.attach(.file(location: "a.png", kind: nil, name: nil))
        case "file": try await reply.attach(.file(location: "a.zip", kind: nil, name: nil))
        case "card":
            try await reply.attach(
                .card(
                    json: """
                        {"card_type":"button_interaction","task_id":"t\(UInt64.random(in: 0 ... .max))","main_title":{"title":"Sure?"},
                        "button_list":[{"text":"Yes","key":"yes","style":1}]}
                        """))
        case _ where message.click != nil: try await reply.append("clicked \(message.click?.eventKey ?? "")")
        default:
            let media = message.media.map { "\($0.kind) \($0.bytes ?? -1) \($0.failure ?? "")" }
            try await reply.append("you said \(([message.text] + media).joined(separator: " "))")
        }
    }

    @Test("GW-1: a text is answered once", arguments: Transport.allCases)
    func text(via: Transport) async throws {
        try await ThreeSides.run(answer: Self.answer) { sides in
            try sides.simulator.post("hello", via: via)
            try await sides.wait(via) { $0.last?.finished == true && $0.last?.content == "you said hello" }
            #expect(sides.shown(via).count == 1)
            #expect(sides.simulator.violations.isEmpty)
        }
    }

    @Test(
        "GW-1, WS-12: a long answer arrives whole, or with a line where no way is left", arguments: Transport.allCases)
    func long(via: Transport) async throws {
        let whole = (0..<2_000).map { "line \($0) of a long answer\n" }.joined()
        try await ThreeSides.run(answer: Self.answer) { sides in
            try sides.simulator.post("long", via: via)
            switch via {
            case .longConnection:
                try await sides.wait(via) { $0.last?.content?.hasSuffix("line 1999 of a long answer\n") == true }
                let shown = sides.shown(via).map { $0.content ?? "" }
                #expect(shown.joined() == whole)
            case .agent:
                // 30 messages a minute to one member: the rest of 60 KB would take its time.
                try await sides.wait(via) { $0.count >= 20 }
                // Each piece is a message of its own, so that the line ends between them are theirs.
                let shown = sides.shown(via).compactMap(\.content).joined().filter { !$0.isNewline }
                #expect(whole.filter { !$0.isNewline }.hasPrefix(shown))
                #expect(sides.shown(via).allSatisfy { $0.cutBytes == nil && $0.content?.utf8.count ?? 0 <= 2_048 })
            case .webhook:
                try await sides.wait(via) { $0.count == 2 && $0.allSatisfy(\.finished) }
                let shown = sides.shown(via).map { $0.content ?? "" }
                #expect(whole.hasPrefix(shown[0]) && shown[1].hasSuffix(ReplyWords().tooLong))
                let second = shown[1].dropLast(ReplyWords().tooLong.count).trimmingCharacters(in: .newlines)
                #expect(whole.dropFirst(shown[0].count).contains(second))
            }
            #expect(sides.simulator.violations.isEmpty)
        }
    }

    @Test(
        "media.in: P12, GW-1, WS-16, WB-7, AG-6: a picture reaches the handler as a file", arguments: Transport.allCases
    )
    func mediaIn(via: Transport) async throws {
        let png = Self.png
        try await ThreeSides.run(answer: Self.answer) { sides in
            try sides.simulator.post(
                UserPost(
                    bot: ThreeSides.bot, user: "lin.wei", content: .image(.init(name: "a.png", bytes: png)), via: via))
            try await sides.wait(via) { $0.last?.finished == true && $0.last?.waiting == false }
            #expect(sides.shown(via).last?.content == "you said  image \(png.count) ")
        }
    }

    @Test("media.out: P13, GW-1, WS-17, WB-4, WB-7: pictures and files of an answer", arguments: Transport.allCases)
    func mediaOut(via: Transport) async throws {
        try await ThreeSides.run(answer: Self.answerFromWorkspace) { sides in
            try sides.simulator.post("picture", via: via)
            try await sides.wait(via) { entries in
                entries.contains {
                    $0.kind == .image || $0.items.contains { if case .image = $0 { true } else { false } }
                }
            }
            try sides.simulator.post("file", via: via)
            if via == .webhook {
                try await sides.wait(via) { $0.last?.finished == true && $0.last?.content?.contains("a.zip") == true }
            } else {
                try await sides.wait(via) { $0.contains { $0.kind == .file && $0.media?.name == "a.zip" } }
            }
            #expect(sides.simulator.violations.isEmpty)
        }
    }

    @Test(
        "GW-1, AG-10, WB-4: with an application beside it, a bot sends files of any kind",
        arguments: [Transport.webhook])
    func fallback(via: Transport) async throws {
        try await ThreeSides.run(agentBeside: true, answer: Self.answerFromWorkspace) { sides in
            try sides.simulator.post("file", via: via)
            try await sides.wait(.agent) { $0.contains { $0.kind == .file && $0.media?.name == "a.zip" } }
            try await sides.wait(via) {
                $0.last?.finished == true && $0.last?.content?.contains(ReplyWords().sentByFallback("a.zip")) == true
            }
        }
    }

    @Test("GW-1, WS-18, WB-6: a card with buttons, and the click on it", arguments: Transport.allCases)
    func cards(via: Transport) async throws {
        try await ThreeSides.run(answer: Self.answer) { sides in
            try sides.simulator.post("card", via: via)
            try await sides.wait(via) { $0.contains { $0.kind == .card } }
            let card = try #require(sides.shown(via).first { $0.kind == .card })
            try sides.simulator.perform(
                .click(
                    bot: ThreeSides.bot, user: "lin.wei", group: nil, entry: card.id, key: "yes", selected: [:]))
            try await sides.wait(via) { entries in
                entries.contains { $0.content == "clicked yes" } && entries.contains { $0.cardState?.updates == 1 }
            }
            #expect(sides.simulator.violations.isEmpty)
        }
    }

    @Test(
        "dedupe.repeated: P8, GW-1, WS-9: a message that is delivered again is answered once",
        arguments: Transport.allCases)
    func duplicate(via: Transport) async throws {
        try await ThreeSides.run(answer: Self.answer) { sides in
            try sides.simulator.post(
                UserPost(bot: ThreeSides.bot, user: "lin.wei", content: .text("one"), repeats: 2, via: via))
            try await sides.wait(via) { $0.contains { $0.finished && $0.content == "you said one" } }
            try sides.simulator.post("two", via: via)
            try await sides.wait(via) { $0.contains { $0.finished && $0.content == "you said two" } }
            #expect(sides.shown(via).map(\.content) == ["you said one", "you said two"])
        }
    }

    @Test(
        "dedupe.restart: P8, GW-1, WS-15: what was accepted before a restart is answered after it, once",
        arguments: Transport.allCases)
    func restart(via: Transport) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/restart-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await PlatformSimulator.withRunning { simulator in
            simulator.setOptions { $0.pollInterval = 200 }
            let first = try SQLiteLedger(path: folder + "/ledger.sqlite")
            try await ThreeSides.beside(
                simulator, ledger: first,
                answer: { _, reply in
                    try await reply.append("half")
                    try await ManualClock().sleep(for: .seconds(1))
                }
            ) { sides in
                try simulator.post("hello", via: via)
                while try await first.counts()[.accepted] != 1 { await Task.yield() }
                _ = sides
            }
            first.close()
            let second = try SQLiteLedger(path: folder + "/ledger.sqlite")
            try await ThreeSides.beside(simulator, ledger: second, answer: Self.answer) { sides in
                try await sides.wait(via) {
                    $0.contains { $0.finished && $0.content?.hasSuffix("you said hello") == true }
                }
                while try await second.counts()[.done] != 1 { await Task.yield() }
                #expect(sides.shown(via).filter { $0.content?.contains("you said hello") == true }.count == 1)
            }
            second.close()
        }
    }

    @Test("GW-1: an answer that comes after the bubble's time still arrives", arguments: Transport.allCases)
    func late(via: Transport) async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        try await ThreeSides.run(
            account: "stream: {maxSeconds: 1, minIntervalSeconds: 0.2}",
            answer: { _, reply in
                for await _ in gate {}
                try await reply.append("at last")
            }
        ) { sides in
            try sides.simulator.post("hello", via: via)
            if via != .agent {
                try await sides.wait(via) { $0.last?.finished == true && $0.last?.content?.contains("⏳") == true }
            }
            open.finish()
            try await sides.wait(via) { $0.contains { $0.finished && $0.content == "at last" } }
            #expect(sides.simulator.violations.isEmpty)
        }
    }

    @Test("GW-1: whatever else comes in that way, the next message is answered", arguments: Transport.allCases)
    func hostile(via: Transport) async throws {
        try await ThreeSides.run(answer: Self.answer) { sides in
            switch via {
            case .longConnection:
                let frames = [
                    "", "not JSON", "[]", #"{"cmd":1}"#,
                    #"{"cmd":"aibot_msg_callback","headers":{},"body":null}"#,
                    String(repeating: "[", count: 100_000),
                ]
                for frame in frames { try sides.simulator.perform(.rawFrame(bot: ThreeSides.bot, text: frame)) }
            case .webhook, .agent:
                let path = via == .webhook ? "/wecom/bot/hook" : "/wecom/agent/app"
                let query = "?msg_signature=0&timestamp=1&nonce=2"
                let entities = ##"<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">"##
                let bomb = ##"<?xml version="1.0"?><!DOCTYPE x ["## + entities + "]><xml>&b;</xml>"
                let bodies = ["", "not JSON", "{\"encrypt\":\"AAAA\"}", "<xml><Encrypt>AAAA</Encrypt></xml>", bomb]
                for body in bodies + [String(repeating: "{\"a\":", count: 50_000)] {
                    for target in [path, path + query, path + "/../../etc", path + "?%zz=&&=1"] {
                        var request = HTTPClientRequest(url: "http://127.0.0.1:\(sides.callbackPort)\(target)")
                        request.method = .POST
                        request.body = .bytes(ByteBuffer(string: body))
                        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
                        #expect([400, 401, 404].contains(answer.status.code))
                    }
                }
            }
            try sides.simulator.post("hello", via: via)
            try await sides.wait(via) { $0.last?.finished == true && $0.last?.content == "you said hello" }
            #expect(sides.shown(via).count == 1)
        }
    }

    static let png: [UInt8] =
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]
        + Array(repeating: 1, count: 64)

    /// The same handler, with the files that it names laid into its workspace.
    @Sendable static func answerFromWorkspace(_ request: BackendRequest, _ reply: any Replying) async throws {
        if let workspace = request.workspace {
            try Data(png).write(to: URL(fileURLWithPath: workspace + "/a.png"))
            try Data("PK not really a zip".utf8).write(to: URL(fileURLWithPath: workspace + "/a.zip"))
        }
        try await answer(request, reply)
    }
}
