import NIOHTTP1
import Shared
import Testing

@testable import WebhookCompat

@Suite("Sending by the server API")
struct SendTests {
    private static let lin = Receivers(users: ["lin.wei"])

    /// Messages of every kind, and the member of the request that holds it.
    static let messages: [(AppMessage, String)] = [
        (.text("a \"quote\"\n你好"), #""msgtype":"text","text":{"content":"a \"quote\"\n你好"}"#),
        (.markdown("# x\u{1}"), ##""msgtype":"markdown","markdown":{"content":"# x\u0001"}"##),
        (.media(UploadedMedia(kind: .image, mediaID: "M1")), #""msgtype":"image","image":{"media_id":"M1"}"#),
        (.media(UploadedMedia(kind: .voice, mediaID: "M2")), #""msgtype":"voice","voice":{"media_id":"M2"}"#),
        (.media(UploadedMedia(kind: .file, mediaID: "M3")), #""msgtype":"file","file":{"media_id":"M3"}"#),
        (
            .media(UploadedMedia(kind: .video, mediaID: "M4", title: "t"), description: "d"),
            #""msgtype":"video","video":{"media_id":"M4","title":"t","description":"d"}"#
        ),
        (
            .textCard(title: "t", description: "d", url: "https://example.com"),
            #""msgtype":"textcard","textcard":{"title":"t","description":"d","url":"https://example.com"}"#
        ),
        (
            .news([.init(title: "t", url: "https://example.com")]),
            #""msgtype":"news","news":{"articles":[{"title":"t","url":"https://example.com"}]}"#
        ),
        (.templateCard(json: #"{"a":1}"#), #""msgtype":"template_card","template_card":{"a":1}"#),
    ]

    @Test(
        "AG-4: every kind of message has its shape, its receiver, its application and the duplicate check",
        arguments: messages.indices)
    func shapes(index: Int) async throws {
        let (message, shape) = Self.messages[index]
        try await AgentBench.with({ _ in .json(#"{"errcode":0,"errmsg":"ok","msgid":"m7","response_code":"r7"}"#) }) {
            bench in
            let report = await bench.api.send(message, to: Self.lin)
            #expect(report.outcome == .delivered)
            #expect(report.batches.first?.messageID == "m7" && report.batches.first?.responseCode == "r7")
            let request = try #require(bench.server.requests.first)
            #expect(request.method == "POST" && request.api == "message/send")
            #expect(request.query("access_token") == "token-1")
            #expect(
                request.text == #"{"touser":"lin.wei",\#(shape),"agentid":1000002,"enable_duplicate_check":1,"#
                    + #""duplicate_check_interval":60}"#)
            #expect(request.headers.first(name: "content-length") == "\(request.body.count)")
        }
    }

    @Test(
        "AG-4: what the platform would cut or refuse does not go out",
        arguments: [
            (AppMessage.text(""), 44_004), (.text(" \n\u{200B}"), 44_004),
            (.text(String(repeating: "好", count: 683)), 45_002),
            (.templateCard(json: "[1]"), 40_058), (.templateCard(json: "{"), 40_058), (.news([]), 45_008),
            (.textCard(title: "t", description: "d", url: "example.com"), 40_094),
            (.media(UploadedMedia(kind: .image, mediaID: "")), 41_006),
        ])
    func faults(message: AppMessage, code: Int) async throws {
        try await AgentBench.with { bench in
            guard case .rejected(let error) = await bench.api.send(message, to: Self.lin).outcome else {
                Issue.record("not rejected")
                return
            }
            #expect(error.code == code && bench.server.requests.isEmpty)
        }
    }

    @Test("AG-4: nobody, and ids that would run into others, are refused here")
    func receivers() async throws {
        try await AgentBench.with { bench in
            for (receivers, code) in [
                (Receivers(), 82_001), (Receivers(users: ["a|b"]), 40_031), (Receivers(users: [""]), 40_031),
            ] {
                #expect(
                    await bench.api.send(.text("x"), to: receivers).outcome
                        == .rejected(PlatformError(code: code, origin: .serverAPI)))
            }
            #expect(await bench.api.send(.text("x"), to: Receivers(users: ["a"], everyone: true)).outcome == .delivered)
            #expect(bench.server.requests.map { $0.json("touser") } == ["@all"])
        }
    }

    @Test("AG-4: lists go out in calls of 1,000 members, 100 departments and 100 tags, nobody twice")
    func batches() async throws {
        try await AgentBench.with { bench in
            let users = (0..<2_001).map { "user\($0)" } + ["USER0", "user1"]
            let receivers = Receivers(
                users: users, departments: (0..<101).map(String.init), tags: (0..<250).map(String.init))
            let report = await bench.api.send(.text("x"), to: receivers)
            #expect(report.outcome == .delivered && report.batches.count == 3)
            let counts = bench.server.requests.map { request in
                ["touser", "toparty", "totag"].map { request.json($0)?.split(separator: "|").count ?? 0 }
            }
            #expect(counts == [[1_000, 100, 100], [1_000, 1, 100], [1, 0, 50]])
        }
    }

    @Test("AG-4: whom it did not reach is told by kind; nobody at all is a refusal")
    func partial() async throws {
        let answer = QyapiAnswer.json(
            #"{"errcode":0,"errmsg":"ok","invaliduser":"a|b","invalidparty":"1","invalidtag":"2","unlicenseduser":"c"}"#
        )
        try await AgentBench.with({ _ in answer }) { bench in
            let report = await bench.api.send(
                .text("x"), to: Receivers(users: ["A", "b", "c", "d"], departments: ["1"], tags: ["2"]))
            #expect(report.outcome == .partial)
            let batch = try #require(report.batches.first)
            #expect(batch.invalidUsers == ["a", "b"] && batch.unlicensedUsers == ["c"])
            #expect(batch.invalidDepartments == ["1"] && batch.invalidTags == ["2"])
            let error = PlatformError(code: 81_013, origin: .serverAPI)
            #expect(
                await bench.api.send(
                    .text("y"), to: Receivers(users: ["A", "b", "c"], departments: ["1"], tags: ["2"])
                )
                .outcome == .rejected(error))
            // Some of a department have no licence: the others have it.
            #expect(await bench.api.send(.text("z"), to: Receivers(departments: ["9"])).outcome == .partial)
            // Never again to those who have it.
            #expect(bench.server.requests.count == 3)
        }
    }

    @Test("AG-4: calls of one list that end differently are a partial success, and each is told")
    func mixedBatches() async throws {
        try await AgentBench.with({ $0.text.contains("user1500") ? .error(85_002) : nil }) { bench in
            let report = await bench.api.send(.text("x"), to: Receivers(users: (0..<1_600).map { "user\($0)" }))
            #expect(report.outcome == .partial)
            #expect(report.batches.map(\.failure) == [nil, .refused(PlatformError(code: 85_002, origin: .serverAPI))])
        }
    }

    @Test("AG-4: a tag is named by number or name, and the names are asked for once in ten minutes")
    func tags() async throws {
        let list = QyapiAnswer.json(
            #"{"errcode":0,"errmsg":"ok","taglist":[{"tagid":7,"tagname":"Ops"},{"tagid":0,"tagname":"运维"}]}"#)
        try await AgentBench.with({ $0.api == "tag/list" ? list : nil }) { bench in
            for (name, id) in [("Ops", "7"), ("运维", "0"), ("12", "12")] {
                #expect(await bench.api.send(.text(name), to: Receivers(tags: [name])).outcome == .delivered)
                #expect(bench.server.requests.last?.json("totag") == id)
            }
            #expect(bench.server.requests.count { $0.api == "tag/list" } == 1)
            guard case .rejected(let error) = await bench.api.send(.text("x"), to: Receivers(tags: ["nobody"])).outcome
            else {
                Issue.record("an unknown tag was taken")
                return
            }
            #expect(error.reaction == .receiver && error.advice?.contains("tag") == true)
        }
    }

    // MARK: - Repeating

    @Test("AG-8: a time-out after sending is repeated once, with the same bytes, and is then unknown")
    func timeOut() async throws {
        try await AgentBench.with({ _ in .silence }) { bench in
            async let report = bench.api.send(.text("x"), to: Self.lin)
            for count in 1...2 {
                while bench.server.requests.count < count { await Task.yield() }
                bench.clock.advance(by: JumpClock.limit)
            }
            #expect(await report.outcome == .unknown)
            #expect(bench.server.requests.count == 2 && Set(bench.server.requests.map(\.text)).count == 1)
            #expect(bench.server.requests[0].json("enable_duplicate_check") == "1")
        }
    }

    @Test("AG-8: a connection that ends without an answer counts as a time-out")
    func hangUp() async throws {
        try await AgentBench.with({ _ in .hangUp }) { bench in
            #expect(await bench.api.send(.text("x"), to: Self.lin).outcome == .unknown)
            #expect(bench.server.requests.count == 2)
        }
        // Without the check nothing is repeated.
        try await AgentBench.with({ _ in .hangUp }, settings: { $0.checksDuplicates = false }) { bench in
            #expect(await bench.api.send(.text("x"), to: Self.lin).outcome == .unknown)
            #expect(bench.server.requests.count == 1)
            #expect(bench.server.requests[0].json("enable_duplicate_check") == nil)
        }
    }

    @Test("AG-8: who cannot connect is told that nothing was sent")
    func unreachable() async throws {
        try await AgentBench.with(settings: { $0.accessToken = Secret("t") }) { bench in
            try await bench.server.stop()
            #expect(await bench.api.send(.text("x"), to: Self.lin).outcome == .notSent(.unreachable))
            #expect(bench.clock.pauses.count == 3)
        }
    }

    @Test(
        "AG-8: busy and HTTP errors pass",
        arguments: [QyapiAnswer.error(-1), .error(45_033), .status(429), .status(502)])
    func passing(answer: QyapiAnswer) async throws {
        let count = Locked(0)
        try await AgentBench.with({ _ in
            count.withLock {
                $0 += 1
                return $0 < 4 ? answer : nil
            }
        }) { bench in
            #expect(await bench.api.send(.text("x"), to: Self.lin).outcome == .delivered)
            #expect(bench.clock.pauses.count == 3 && Set(bench.server.requests.map(\.text)).count == 1)
        }
    }

    @Test("AG-8: 45009 is waited for 60 s; when it comes back the API rests for minutes, and calls fail at once")
    func tooOften() async throws {
        try await AgentBench.with({ $0.api == "message/send" ? .error(45_009) : nil }) { bench in
            let error = PlatformError(code: 45_009, origin: .serverAPI)
            #expect(await bench.api.send(.text("x"), to: Self.lin).outcome == .rejected(error))
            #expect(bench.clock.pauses == [.seconds(60)] && bench.server.requests.count == 2)
            #expect(await bench.api.send(.text("y"), to: Self.lin).outcome == .rejected(error))
            #expect(bench.server.requests.count == 2)
            // Other APIs go on.
            try await bench.api.recall(messageID: "m1")
            bench.clock.advance(by: .seconds(300))
            _ = await bench.api.send(.text("z"), to: Self.lin)
            #expect(bench.server.requests.count { $0.api == "message/send" } == 3)
        }
    }

    @Test("AG-4: the same words twice within a minute are two messages, and the second goes out without the check")
    func sameWords() async throws {
        try await AgentBench.with { bench in
            for _ in 0..<2 { #expect(await bench.api.send(.text("ok"), to: Self.lin).outcome == .delivered) }
            #expect(await bench.api.send(.text("ok"), to: Receivers(users: ["mei.chen"])).outcome == .delivered)
            bench.clock.advance(by: .seconds(181))
            #expect(await bench.api.send(.text("ok"), to: Self.lin).outcome == .delivered)
            #expect(bench.server.requests.map { $0.json("enable_duplicate_check") } == ["1", nil, "1", "1"])
        }
    }

    @Test("AG-4: what failed is checked when it is sent again, since it is the same message")
    func sentAgain() async throws {
        let count = Locked(0)
        try await AgentBench.with({ _ in
            count.withLock {
                $0 += 1
                return $0 <= 2 ? .hangUp : nil
            }
        }) { bench in
            #expect(await bench.api.send(.text("ok"), to: Self.lin).outcome == .unknown)
            #expect(await bench.api.send(.text("ok"), to: Self.lin).outcome == .delivered)
            #expect(bench.server.requests.map { $0.json("enable_duplicate_check") } == ["1", "1", "1"])
        }
    }

    // MARK: - Limits

    @Test("AG-9: a hundred calls go out in a minute, the next one waits for its place")
    func calls() async throws {
        try await AgentBench.with { bench in
            for index in 0..<101 {
                #expect(await bench.api.send(.text("x"), to: Receivers(users: ["u\(index)"])).outcome == .delivered)
            }
            #expect(bench.clock.pauses == [.seconds(60)] && bench.server.requests.count == 101)
        }
    }

    @Test("AG-9: one member gets thirty messages in a minute; the others of a list do not wait for that one")
    func members() async throws {
        try await AgentBench.with { bench in
            for index in 0..<30 { _ = await bench.api.send(.text("\(index)"), to: Self.lin) }
            #expect(bench.clock.pauses.isEmpty)
            let report = await bench.api.send(.text("all"), to: Receivers(users: ["lin.wei", "mei.chen"]))
            #expect(report.outcome == .delivered && report.batches.count == 2)
            #expect(bench.server.requests.suffix(2).map { $0.json("touser") } == ["mei.chen", "lin.wei"])
            #expect(bench.clock.pauses == [.seconds(60)])
        }
    }

    @Test("AG-9: who would have to wait for an hour is left out and named")
    func hour() async throws {
        try await AgentBench.with(settings: { $0.memberLimits = .init(perMinute: 0, perHour: 2) }) { bench in
            for _ in 0..<2 { _ = await bench.api.send(.text("x"), to: Self.lin) }
            let report = await bench.api.send(.text("y"), to: Receivers(users: ["lin.wei", "mei.chen"]))
            #expect(report.outcome == .partial)
            #expect(report.batches.map(\.failure) == [nil, .notSent(.tooMany)])
            #expect(report.batches.last?.receivers.users == ["lin.wei"])
        }
    }

    // MARK: - Afterwards

    @Test("AG-4: a message is taken back, a card redrawn for one member or for all")
    func afterwards() async throws {
        try await AgentBench.with { bench in
            try await bench.api.recall(messageID: "m\"1")
            try await bench.api.updateCard(responseCode: "r1", .button("done"), users: ["lin.wei"])
            try await bench.api.updateCard(responseCode: "r2", .card(json: #"{"card_type":"text_notice"}"#))
            #expect(
                bench.server.requests.map(\.text) == [
                    #"{"msgid":"m\"1"}"#,
                    #"{"userids":["lin.wei"],"agentid":1000002,"response_code":"r1","button":{"replace_name":"done"}}"#,
                    #"{"atall":1,"agentid":1000002,"response_code":"r2","template_card":{"card_type":"text_notice"}}"#,
                ])
        }
    }

    @Test("AG-5: groups of the application are made, asked about and written to")
    func groups() async throws {
        try await AgentBench.with({ request in
            switch request.api {
            case "appchat/create": .json(#"{"errcode":0,"errmsg":"ok","chatid":"c1"}"#)
            case "appchat/get":
                .json(
                    #"{"errcode":0,"chat_info":{"chatid":"c1","name":"n","owner":"lin.wei","userlist":["lin.wei","mei.chen"]}}"#
                )
            default: nil
            }
        }) { bench in
            #expect(
                try await bench.api.createGroup(name: "n", users: ["lin.wei", "mei.chen"], owner: "lin.wei") == "c1")
            try await bench.api.send(.text("hi"), toGroup: "c1")
            let group = try await bench.api.group("c1")
            #expect(group.users == ["lin.wei", "mei.chen"] && group.owner == "lin.wei")
            #expect(
                bench.server.requests.map(\.text) == [
                    #"{"name":"n","userlist":["lin.wei","mei.chen"],"owner":"lin.wei"}"#,
                    #"{"chatid":"c1","msgtype":"text","text":{"content":"hi"},"safe":0}"#, "",
                ])
            #expect(bench.server.requests.last?.query("chatid") == "c1")
            await #expect(throws: ServerAPIFailure.refused(PlatformError(code: 40_008, origin: .serverAPI))) {
                try await bench.api.send(.templateCard(json: "{}"), toGroup: "c1")
            }
        }
    }
}
