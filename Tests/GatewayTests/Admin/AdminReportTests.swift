import AIBotWS
import Foundation
import Shared
import Testing

@testable import Gateway

extension FeedbackRecord {
    static func sample(at: Int64, comment: String? = nil, task: LedgerTask? = nil) -> FeedbackRecord {
        let feedback = Feedback(
            id: "event", feedbackID: "trace_s1_0", verdict: .inaccurate, content: comment, reasons: [2, 9],
            conversation: Conversation(kind: .direct, id: "mei.chen"), sender: Sender(id: "mei.chen"))
        return FeedbackRecord(feedback: feedback, account: "default", at: at, task: task)
    }
}

@Suite("What the admin listener and the command line say")
struct AdminReportTests {
    @Test("GW-12: a trace is a time line")
    func timeLine() {
        let report = TraceReport(messageID: "m1", tasks: [.sample(message: "m1")], text: false)
        #expect(
            report.lines == [
                "m1: task 12, message, account default, aibot-ws, group wrFixture, from lin.wei",
                "  2026-11-21 07:50:00.000Z  accepted",
                "  2026-11-21 07:50:02.500Z  answer complete, 14 bytes in 1 part",
                "  2026-11-21 07:50:02.510Z  part 1 (text, 14 bytes) sent by bubble",
                "  2026-11-21 07:50:02.700Z  part 1 acked",
                "  2026-11-21 07:50:02.700Z  finished",
                "  now: done",
            ])
    }

    @Test("dedupe.trace: P8: a trace names what may have been shown twice, and only that")
    func duplicates() {
        func story(_ via: DeliveryRoute, attempts: Int, errcode: Int?) -> TraceReport {
            var task = LedgerTask.sample(message: "m1")
            task.parts[0].via = via
            task.parts[0].attempts = attempts
            task.parts[0].errcode = errcode
            return TraceReport(messageID: "m1", tasks: [task], text: false)
        }
        #expect(story(.push, attempts: 2, errcode: nil).lines.last == "  now: done; part 1 may have been shown twice")
        #expect(story(.push, attempts: 3, errcode: -1).stories[0].parts[0].possibleDuplicate)
        #expect(!story(.push, attempts: 2, errcode: -1).stories[0].parts[0].possibleDuplicate)
        #expect(!story(.push, attempts: 1, errcode: nil).stories[0].parts[0].possibleDuplicate)
        #expect(!story(.bubble, attempts: 5, errcode: nil).stories[0].parts[0].possibleDuplicate)
    }

    @Test("a task that was given up says why, and what to do")
    func deadStory() {
        let lines = TraceReport(messageID: "m1", tasks: [.sample(message: "m1", state: .dead)], text: true).lines
        #expect(lines.contains { $0.contains("the conversation cannot be reached") })
        #expect(lines.contains { $0.contains("someone must write to the bot there first") })
        #expect(lines.contains("    | planted question") && lines.contains("    | planted answer"))
        #expect(lines.last == "  now: given up; `wecom-aibot outbox retry 12` tries again")
    }

    @Test("WS-19: 93006 comes with advice")
    func advice() {
        let error = GatewayError(.rejected, "refused", platform: PlatformError(code: 93006))
        let refused = SendResult(target: .group("wrfixture"), refused: error)
        #expect(refused.state == .failed && refused.advice?.contains("wrong case") == true)
        let dead = SendResult(target: .group("wrfixture"), task: .sample(state: .dead))
        #expect(dead.state == .failed && dead.advice == refused.advice)
        #expect(dead.lines.count == 2 && dead.lines[0].hasPrefix("group:wrfixture: failed (task 12, id msg/1+2), "))
        for code in PlatformError.knownCodes where PlatformError(code: code).reaction == .credentials {
            #expect(SendResult.advice(PlatformError(code: code)) != nil, "\(code)")
        }
    }

    @Test(
        "a result is as sure as the least sure part",
        arguments: [
            ([PartState.acked, .acked], SendResult.State.acked), ([.acked, .assumed], .assumed),
            ([.assumed, .unknown], .unknown), ([.sent, .acked], .unknown), ([.unknown, .pending], .pending),
            ([.pending, .failed], .failed), ([.acked, .dead], .failed), ([], .pending),
        ])
    func sureness(parts: [PartState], expected: SendResult.State) {
        var task = LedgerTask.sample(state: .answered)
        task.parts = parts.enumerated().map { index, state in
            var part = LedgerPart(index: index, content: .text("x"))
            part.state = state
            return part
        }
        let result = SendResult(target: .user("lin.wei"), task: task)
        #expect(result.state == expected)
        #expect((result.reason == nil) == (expected == .acked || expected == .failed))
    }

    @Test("the outbox has one line a task")
    func outbox() {
        let report = OutboxReport(
            [.sample(2, message: "m2", state: .dead), .sample(4, message: "", state: .accepted)],
            now: LedgerTask.start + 7_300_000)
        #expect(
            report.lines == [
                "2  dead  2 h  default  group wrFixture  message  m2  0 of 1 delivered  the conversation cannot be reached",
                "4  accepted  2 h  default  group wrFixture  message  -  no answer yet",
            ])
        #expect(OutboxReport([], now: 0).lines == ["nothing is waiting, nothing was given up"])
        let many = (1...1_001).map { LedgerTask.sample($0, state: .dead) }
        #expect(OutboxReport(many, now: 0).items.count == 1_000 && OutboxReport(many, now: 0).truncated)
    }

    @Test("feedback as a table survives commas, quotes and line ends, and holds no formula")
    func csv() {
        let records = [FeedbackRecord.sample(at: 0, comment: "=1+\"2\",\n3"), .sample(at: 0, task: .sample())]
        let rows = FeedbackReport(records).csv.components(separatedBy: "\r\n")
        #expect(rows.count == 4 && rows[0].hasPrefix("at,account,user,"))
        #expect(rows[1].contains(#""'=1+""2"",\#n3""#) && rows[1].contains(#""incomplete, 9""#))
        #expect(rows[2].contains("planted question,planted answer,2.5,12"))
    }

    @Test("feedback as lines is one JSON object a verdict")
    func jsonLines() throws {
        let text = try FeedbackReport([.sample(at: 7, comment: "a\nb"), .sample(at: 8)]).jsonLines()
        let lines = text.split(separator: "\n")
        let objects = try lines.map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(objects.map { $0["at"] as? Int } == [7, 8] && objects[0]["verdict"] as? String == "inaccurate")
    }

    @Test(
        "P36: an account that is not online says why",
        arguments: [
            (SessionStatus.online, "online", nil as String?), (.superseded, "superseded", "wecom-aibot reconnect"),
            (.credentialsRejected(code: 853000), "credentials rejected", "errcode 853000"),
            (.backingOff(.halfOpen), "backing off", "two heartbeats"),
            (.backingOff(.transport(.byPeer(code: 1006))), "backing off", "1006"),
            (.backingOff(.transport(.connectFailed("refused"))), "backing off", "cannot connect: refused"),
            (.backingOff(.subscribeRefused(PlatformError(code: 93019))), "backing off", "93019"),
        ])
    func sessions(session: SessionStatus, word: String, reason: String?) {
        let status = AccountStatus(name: "a", botID: "aibX", session: session, since: 5)
        #expect(status.state == word && status.online == (session == .online) && status.since == 5)
        #expect(status.reason.map { why in reason.map(why.contains) ?? false } ?? (reason == nil), "\(session)")
    }

    @Test("GW-12: a trace of what policy kept out offers no retry")
    func keptOut() {
        let report = TraceReport(messageID: "m1", tasks: [.refused(5)], text: false)
        #expect(report.lines.last == "  now: kept out by policy; nothing was kept that could be sent")
        let lost = TraceReport(messageID: "m1", tasks: [.sample(6, state: .dead)], text: false)
        #expect(lost.lines.last?.contains("outbox retry 6") == true)
    }

    @Test("an account with two sides says which of them is not online")
    func sides() {
        var application = AccountStatus.taken
        (application.name, application.channel) = ("default", "agent")
        let status = GatewayStatus(version: "", pid: 1, uptimeSeconds: 1, accounts: [.up, application])
        #expect(status.troubles == ["account default (agent): superseded: another connection took the bot over"])
    }

    @Test("status for a person")
    func status() {
        var status = GatewayStatus(
            version: "0.1.0", pid: 7, uptimeSeconds: 7_300, accounts: [.up, .taken])
        var figures = LedgerFigures()
        figures.tasks = ["done": 3, "dead": 1]
        figures.oldestUndeliveredSeconds = 130
        status.ledger = figures
        #expect(
            status.lines(now: FixedClock().unixMilliseconds) == [
                "wecom-aibot 0.1.0, pid 7, up 2 h",
                "default aibot-ws (aibFixture): online for 16 min",
                "  2 being answered, 1 waiting; last message 10 s ago",
                "second aibot-ws (aibSecond): superseded for 16 min: another connection took the bot over",
                "  0 being answered, 0 waiting; last message never",
                "ledger: 0 accepted, 0 answered, 3 done, 1 dead; oldest undelivered is 2 min old",
            ])
    }

    @Test("a send request survives its way to the program")
    func sendBody() throws {
        let contents: [SendRequest.Content] = [
            .text("text"), .markdown("**x**"), .file(path: "/tmp/a b.pdf"),
            .card(json: #"{"card_type":"x","n":[1,true]}"#),
        ]
        for content in contents {
            let request = SendRequest(
                account: "a", targets: [.user("lin.wei"), .tag("Ops")], content: content, key: "k")
            #expect(try SendBody.request(from: try SendBody.data(for: request)) == request)
        }
    }

    @Test("WS-19: one key serves many targets, and a send without one is never known")
    func keys() {
        let request = SendRequest(targets: [.user("lin.wei"), .group("wrA")], content: .text("x"), key: "order-7")
        #expect(request.targets.map(request.ledgerID) == ["order-7@user:lin.wei", "order-7@group:wrA"])
        #expect(SendRequest(targets: [], content: .text("x")).ledgerID(for: .user("a")) == "")
    }

    @Test("times are to the millisecond, before the epoch and at every fraction")
    func moments() {
        #expect(Moments.text(1_795_247_402_510) == "2026-11-21 07:50:02.510Z")
        #expect(Moments.text(7) == "1970-01-01 00:00:00.007Z")
        #expect(Moments.text(-1) == "1969-12-31 23:59:59.999Z")
        let fractions = (0..<1_000).map { Moments.text(Int64($0)).suffix(4).dropLast() }
        #expect(fractions.compactMap { Int($0) } == Array(0..<1_000))
    }

    @Test("a long send says so before")
    func plan() {
        let short = SendRequest(targets: [.user("lin.wei")], content: .text("hi"))
        #expect(SendPlan(short, bytes: 2).sentence == "text (2 bytes) to user:lin.wei")
        #expect(SendPlan(short, bytes: 2).estimate == nil)
        let long = SendRequest(targets: [.user("a"), .user("b"), .user("c")], content: .file(path: "/tmp/x"))
        #expect(SendPlan(long, bytes: 10 << 20).estimate == "sending 10240 KB to 3 targets, about 12 s")
    }
}
