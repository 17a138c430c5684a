import Shared
import Testing

@testable import WebhookCompat

@Suite("Answers that make no sense")
struct HostileAnswerTests {
    @Test("AG-8: what was sent is sent, whatever else is in the answer")
    func oddMembers() async throws {
        let answer = QyapiAnswer.json(
            #"{"errcode":0,"errmsg":7,"invaliduser":null,"invalidparty":3,"invalidtag":[],"msgid":{},"x":[1]}"#)
        try await AgentBench.with({ _ in answer }) { bench in
            let report = await bench.api.send(.text("x"), to: Receivers(users: ["lin.wei"], departments: ["3"]))
            #expect(report.outcome == .partial && report.batches.first?.invalidDepartments == ["3"])
        }
    }

    @Test("AG-8: no answer without errcode 0 counts as delivered, and none does harm", arguments: [1, 2, 3])
    func random(seed: UInt64) async throws {
        let random = Locked(SeededGenerator(seed: seed))
        let pieces = [
            "{", "}", "\"errcode\"", ":", "1", "-1", "99999999999999999999", "\"errmsg\"", ",", "null", "[", "]", "\"",
            "\\u0000",
            "ok", "\u{FEFF}", " ", "\"access_token\"", "\"hint: [\"", "from ip: ", "true", "1e999",
        ]
        @Sendable func nonsense() -> QyapiAnswer {
            random.withLock { random in
                let text = (0..<Int(random.next() % 12)).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }
                var answer = QyapiAnswer.json(text.joined())
                if random.next() % 4 == 0 {
                    answer.body = (0..<40).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                }
                if random.next() % 3 == 0 { answer.headers = [("Content-Type", "text/html")] }
                if random.next() % 8 == 0 { answer.status = [204, 206, 301, 404, 500][Int(random.next() % 5)] }
                return answer
            }
        }
        try await AgentBench.with({ _ in nonsense() }) { bench in
            for index in 0..<60 {
                let report = await bench.api.send(.text("\(index)"), to: Receivers(users: ["u\(index)"]))
                #expect(report.outcome != .delivered && report.outcome != .partial)
                _ = try? await bench.api.member("u\(index)")
                _ = try? await bench.api.departments()
                _ = await bench.agent.media.fetch(
                    MediaReference(kind: .file, mediaID: "\(index)"), into: "/nonexistent", name: "x")
            }
        }
    }

    @Test(
        "AG-3: no answer to a token request does harm",
        arguments: [
            #"{"errcode":0,"access_token":"","expires_in":7200}"#, #"{"access_token":5}"#, "[]", "", "null",
            #"{"errcode":0,"errmsg":"ok"}"#,
        ])
    func tokens(text: String) async throws {
        try await AgentBench.with(tokens: { _ in .json(text) }) { bench in
            #expect(await bench.api.send(.text("x"), to: Receivers(users: ["a"])).outcome == .notSent(.unreachable))
            #expect(bench.server.requests.isEmpty && bench.server.tokensFetched <= 8)
        }
        let life = Int.max
        try await AgentBench.with(tokens: { _ in
            .json(#"{"errcode":0,"access_token":"t","expires_in":\#(life)}"#)
        }) { bench in
            #expect(await bench.api.send(.text("x"), to: Receivers(users: ["a"])).outcome == .delivered)
        }
    }
}
