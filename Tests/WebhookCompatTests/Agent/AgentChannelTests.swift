import Shared
import Testing

@testable import WebhookCompat

@Suite("AgentChannel")
struct AgentChannelTests {
    private static let lin = Conversation(kind: .direct, id: "lin.wei")
    private static let group = Conversation(kind: .group, id: "wrABC")

    private static func rejected(_ code: Int) -> SendOutcome {
        .rejected(PlatformError(code: code, origin: .serverAPI))
    }

    @Test(
        "AG-4: a text goes to a member, a department, a tag",
        arguments: [
            (lin, "touser", "lin.wei"), (Conversation(kind: .department, id: "2"), "toparty", "2"),
            (Conversation(kind: .tag, id: "7"), "totag", "7"),
        ])
    func push(conversation: Conversation, member: String, id: String) async throws {
        try await AgentBench.with { bench in
            guard
                case .acknowledged = await bench.channel.perform(
                    .push(conversation, markdown: "hi", feedback: nil), late: nil)
            else {
                Issue.record("not acknowledged")
                return
            }
            let request = try #require(bench.server.requests.first)
            #expect(request.json(member) == id && request.json("msgtype") == "text" && request.content == "hi")
        }
    }

    @Test(
        "AG-4: outcomes",
        arguments: [
            (QyapiAnswer.json(#"{"errcode":0,"invaliduser":"lin.wei"}"#), rejected(81_013)),
            (.json(#"{"errcode":0,"unlicenseduser":"lin.wei"}"#), rejected(81_013)), (.error(60_020), rejected(60_020)),
            (.hangUp, .unknown(.ackTimeout)), (.status(429), .notSent(.overflow)), (.error(9_999), rejected(9_999)),
            (.ok, .acknowledged()),
        ])
    func outcomes(answer: QyapiAnswer, outcome: SendOutcome) async throws {
        try await AgentBench.with({ _ in answer }) { bench in
            #expect(await bench.channel.perform(.push(Self.lin, markdown: "hi", feedback: nil), late: nil) == outcome)
        }
    }

    @Test("AG-4: long texts arrive whole, in order, in parts of at most 2,048 bytes", arguments: [1, 2, 3])
    func split(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let pieces = ["好", "字", "👨‍👩‍👧‍👦", "a", "word ", "e\u{301}", "。", "\n", "\n\n", "🇨🇳"]
        let text = (0..<4_000).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }.joined()
        try await AgentBench.with { bench in
            let outcome = await bench.channel.perform(.push(Self.lin, markdown: text, feedback: nil), late: nil)
            #expect(outcome == .acknowledged())
            let parts = bench.server.requests.compactMap(\.content)
            #expect(parts.count > 10 && parts.allSatisfy { $0.utf8.count <= 2_048 })
            #expect(parts.joined() == text)
            #expect(parts.map(\.count).reduce(0, +) == text.count)
        }
    }

    @Test("AG-4: a code fence that is cut is closed and opened again")
    func fences() {
        let code = (0..<200).map { "line \($0) of the program" }.joined(separator: "\n")
        let parts = AgentChannel.parts(of: "```swift\n\(code)\n```\n", limit: 2_048)
        #expect(parts.count > 1)
        for part in parts {
            #expect(part.hasPrefix("```swift\n") && part.utf8.count <= 2_048)
            #expect(part.split(separator: "\n").last == "```")
        }
    }

    @Test("AG-4: a link is not cut in two", arguments: 0..<40)
    func anchors(shift: Int) {
        let link = "<a href=\"https://example.com/a?b=c&d=e\">here it is</a>"
        let text = String(repeating: "词", count: 640 + shift) + link + String(repeating: "句", count: 900) + link
        let parts = AgentChannel.parts(of: text, limit: 2_048)
        #expect(parts.joined() == text && parts.allSatisfy { $0.utf8.count <= 2_048 })
        for part in parts {
            #expect(part.components(of: "<a href") == part.components(of: "</a>"))
        }
    }

    @Test("AG-4: when a later part cannot be sent, the beginning is not sent twice")
    func laterPart() async throws {
        let text = String(repeating: "好", count: 1_500)
        for (answer, outcome) in [
            (QyapiAnswer.status(429), SendOutcome.unknown(.ackTimeout)), (.error(45_009), .unknown(.ackTimeout)),
            (.error(-1), .unknown(.ackTimeout)), (.error(85_002), Self.rejected(85_002)),
        ] {
            let count = Locked(0)
            try await AgentBench.with({ _ in
                count.withLock {
                    $0 += 1
                    return $0 == 1 ? nil : answer
                }
            }) { bench in
                #expect(
                    await bench.channel.perform(.push(Self.lin, markdown: text, feedback: nil), late: nil) == outcome)
            }
        }
    }

    @Test("AG-4: when the whole is sent once more, the platform is asked to drop the beginning")
    func sentOnceMore() async throws {
        let text = (0..<500).map { "第\($0)" }.joined(separator: " ")
        let count = Locked(0)
        try await AgentBench.with({ _ in
            count.withLock {
                $0 += 1
                return (2...3).contains($0) ? .hangUp : nil
            }
        }) { bench in
            let push = ChannelOperation.push(Self.lin, markdown: text, feedback: nil)
            #expect(await bench.channel.perform(push, late: nil) == .unknown(.ackTimeout))
            #expect(await bench.channel.perform(push, late: nil) == .acknowledged())
            #expect(bench.server.requests.allSatisfy { $0.json("enable_duplicate_check") == "1" })
            #expect(bench.server.requests[0].body == bench.server.requests[3].body)
        }
    }

    @Test(
        "AG-4: the chunk limit of the configuration counts in bytes, and never beyond what the platform shows",
        arguments: [
            (300, 300), (5_000, 2_048), (1, 64),
        ])
    func limit(configured: Int, used: Int) async throws {
        try await AgentBench.with(settings: { $0.textChunkLimit = configured }) { bench in
            #expect(bench.channel.capabilities.maxTextBytes == used)
            _ = await bench.channel.perform(
                .push(Self.lin, markdown: String(repeating: "好", count: 700), feedback: nil), late: nil)
            #expect(bench.server.requests.allSatisfy { ($0.content?.utf8.count ?? 0) <= used })
        }
    }

    @Test("AG-4: cards and media go out as what they are, replies to the conversation of their message")
    func kinds() async throws {
        try await AgentBench.with { bench in
            let route = ReplyRoute(key: "m1", conversation: Self.lin, takesReplies: false)
            let image = UploadedMedia(kind: .image, mediaID: "M")
            for operation in [
                ChannelOperation.pushCard(Self.lin, json: "{}"), .replyCard(route, json: "{}"),
                .pushMedia(Self.lin, image), .replyMedia(route, image), .reply(route, markdown: "x", feedback: nil),
                .welcome(route, text: "y"),
            ] {
                guard case .acknowledged = await bench.channel.perform(operation, late: nil) else {
                    Issue.record("\(operation)")
                    continue
                }
            }
            #expect(
                bench.server.requests.map { $0.json("msgtype") } == [
                    "template_card", "template_card", "image", "image", "text", "text",
                ])
            #expect(Set(bench.server.requests.map { $0.json("touser") }) == ["lin.wei"])
            let stream = ChannelOperation.stream(route, id: "s", content: "x", finish: false, feedback: nil)
            #expect(await bench.channel.perform(stream, late: nil) == Self.rejected(40_008))
        }
    }

    @Test("AG-4: a card is redrawn with the response code of its click")
    func updateCard() async throws {
        try await AgentBench.with { bench in
            let route = ReplyRoute(key: "RESP", conversation: Self.lin, takesReplies: false)
            #expect(await bench.channel.perform(.updateCard(route, json: #"{"a":1}"#), late: nil) == .acknowledged())
            #expect(bench.server.requests.first?.api == "message/update_template_card")
            #expect(
                bench.server.requests.first?.text
                    == #"{"userids":["lin.wei"],"agentid":1000002,"response_code":"RESP","template_card":{"a":1}}"#)
            #expect(await bench.channel.perform(.updateCard(route, json: "no"), late: nil) == Self.rejected(40_058))
        }
    }

    @Test("AG-4: text goes out as text, or as Markdown where that is wanted", arguments: [false, true])
    func markdown(isWanted: Bool) async throws {
        try await AgentBench.with(settings: { $0.sendsMarkdown = isWanted }) { bench in
            let operation = ChannelOperation.push(
                Conversation(kind: .direct, id: "lin.wei"), markdown: "**hi**", feedback: nil)
            #expect(await bench.channel.perform(operation, late: nil) == .acknowledged())
            let sent = bench.server.requests.first?.text ?? ""
            #expect(sent.contains(#""markdown":{"content":"**hi**"}"#) == isWanted)
            #expect(sent.contains(#""text":{"content":"**hi**"}"#) != isWanted)
        }
    }

    @Test("AG-5: groups are refused with advice that names 86008, unless they are allowed")
    func groups() async throws {
        let operation = ChannelOperation.push(Self.group, markdown: "hi", feedback: nil)
        try await AgentBench.with { bench in
            guard case .rejected(let error) = await bench.channel.perform(operation, late: nil) else {
                Issue.record("not rejected")
                return
            }
            #expect(error.code == 86_008 && error.advice?.contains("86008") == true)
            #expect(bench.server.requests.isEmpty)
        }
        try await AgentBench.with(settings: { $0.allowGroupSend = true }) { bench in
            #expect(await bench.channel.perform(operation, late: nil) == .acknowledged())
            #expect(
                bench.server.requests.first?.text
                    == #"{"chatid":"wrABC","msgtype":"text","text":{"content":"hi"},"safe":0}"#)
            // A card cannot be shown there; the engine sends its words.
            #expect(await bench.channel.perform(.pushCard(Self.group, json: "{}"), late: nil) == Self.rejected(40_008))
        }
    }

    @Test(
        "AG-5: targets become conversations of an application",
        arguments: [
            ("user:lin.wei", Conversation(kind: .direct, id: "lin.wei")),
            ("party:1", Conversation(kind: .department, id: "1")),
            ("wecom:department:2", Conversation(kind: .department, id: "2")),
            ("42", Conversation(kind: .department, id: "42")),
            ("wecom:tag:developer", Conversation(kind: .tag, id: "developer")),
            ("user:42", Conversation(kind: .direct, id: "42")),
            ("dept:3", Conversation(kind: .department, id: "3")), ("chat:wrX", Conversation(kind: .group, id: "wrX")),
            ("wecom:wrABCDEFGHIJKLMNOPQR", Conversation(kind: .group, id: "wrABCDEFGHIJKLMNOPQR")),
            ("wrABCDEFGHIJKLMNOPQ", Conversation(kind: .direct, id: "wrABCDEFGHIJKLMNOPQ")),
            ("wright", Conversation(kind: .direct, id: "wright")),
        ])
    func targets(text: String, conversation: Conversation) throws {
        let target = try Target(text)
        #expect(try target.agentConversation(allowGroupSend: true) == conversation)
        #expect(try Target(target.description) == target)
        guard conversation.kind == .group else {
            #expect(try target.agentConversation(allowGroupSend: false) == conversation)
            return
        }
        let error = try #require(throws: GatewayError.self) { try target.agentConversation(allowGroupSend: false) }
        #expect(error.message.contains("86008") && error.message.contains("allowGroupSend"))
    }
}

extension String {
    fileprivate func components(of word: String) -> Int { ranges(of: word).count }
}
