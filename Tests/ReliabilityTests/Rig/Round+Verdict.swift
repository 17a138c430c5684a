import Foundation
import Simulator

extension Round {
    /// Judges what people see now.
    func verdict(_ judge: Judge) async throws -> Tally {
        var judge = judge
        var tally = Tally()
        tally.points = plans.count
        for kill in book.kills { tally.kills[kill.plan.aim + (kill.came ? "" : " (not reached)"), default: 0] += 1 }
        let questions = book.questions
        let seen = look(&judge, questions)
        for question in questions { try await judgeQuestion(question, seen[question.tag] ?? .init(), &tally) }
        for bubble in openBubbles {
            tally.unfinished += 1
            tally.problems.append(
                "open bubble \(bubble.id) stream \(bubble.streamID ?? "-") shows \(String((bubble.content ?? "").prefix(60)).debugDescription)"
                    + (bubble.expired ? ", expired" : "")
                    + (bubble.sealedInvisibly ? ", sealed with nothing to be seen" : ""))
        }
        for violation in simulator.violations {
            tally.problems.append(
                "\(violation.transport.rawValue) answered against the protocol: \(violation.rule), \(violation.detail)")
        }
        judgeProgram(&tally)
        try await judgeOutbox(&tally)
        return tally
    }

    /// The ledger agrees with people: nothing is on its way, and nothing was given up.
    private func judgeOutbox(_ tally: inout Tally) async throws {
        guard commands.contains("outbox") else { return }
        var items: [Outbox.Item] = []
        // A lost ack is settled by the next heartbeat, so the ledger may be seconds behind what people see.
        let isEmpty = try await Deadline(in: .seconds(15)).until {
            items = try await outbox().filter { !isCut($0) }
            return items.isEmpty
        }
        guard !isEmpty else { return }
        for item in items.prefix(10) {
            tally.problems.append(
                "outbox: \(item.origin) \(item.messageId) is \(item.state), \(item.reason ?? "no reason given")")
        }
    }

    private func outbox() async throws -> [Outbox.Item] {
        let answer = try await program.command(["outbox", "list", "--config", program.configuration.path, "--json"])
        return try JSONDecoder().decode(Outbox.self, from: Data(answer.output.utf8)).items
    }

    /// Waits until nothing is on its way any more. Over HTTP that may take half a minute: a message may be accepted without
    /// the platform's having heard of it, or its bubble be asked for no more.
    func untilSettled() async throws {
        guard commands.contains("outbox") else { return }
        _ = try await Deadline(in: .seconds(60)).until {
            await Deadline.pause(.milliseconds(300))
            return try await outbox().allSatisfy { !["accepted", "answered"].contains($0.state) }
        }
    }

    /// What a bot without an application cannot carry: the rest of a long answer, of which a line says that it is not shown.
    private func isCut(_ item: Outbox.Item) -> Bool {
        item.state == "dead" && item.reason == "no way to the conversation"
            && book.questions.contains { $0.id == item.messageId && $0.side == .hook && $0.kind == .long }
    }

    /// The program itself never ends, and neither traps nor is blamed by a sanitizer.
    private func judgeProgram(_ tally: inout Tally) {
        if book.endings > 0 { tally.problems.append("the program ended by itself, \(book.endings) times") }
        let log = (try? String(contentsOf: program.log, encoding: .utf8)) ?? ""
        for secret in [SimulatorBot.demo.secret, Side.token, Side.key, Side.appSecret, Side.appKey, "response_code="]
        where log.contains(secret) { tally.problems.append("log: a secret is in it, \(secret)") }
        let bad = ["Fatal error", "ThreadSanitizer", "AddressSanitizer", "Program crashed"]
        for line in log.split(separator: "\n") where bad.contains(where: { line.contains($0) }) {
            tally.problems.append("log: \(line.prefix(300))")
        }
    }

    private func judgeQuestion(
        _ question: Question, _ sighting: Judge.Sighting, _ tally: inout Tally
    ) async throws {
        let isAsked = question.isDelivered || watch.hasAsked(question.id)
        if question.isPush { tally.pushes += 1 } else { tally.asked += isAsked ? 1 : 0 }
        if !sighting.strangers.isEmpty {
            tally.strays += 1
            tally.problems.append("\(question.tag): seen in another conversation")
        }
        let isHeard = isAccepted(question)
        let isWhole = sighting.isWhole(question)
        let isClear = isHeard && isWhole && sighting.most == 1
        // Only what is not as it should be needs the ledger's word: each costs a process.
        let trace = isClear || !isAsked ? nil : try await trace(question)
        if isHeard || (!question.isPush && trace?.hasTask == true) {
            tally.accepted += 1
            tally.sides[question.side, default: 0] += 1
            if isWhole {
                tally.answered += 1
            } else if trace?.isApology == true, showsApology(question) {
                tally.apologized += 1
            } else if isDoubtful(question, sighting, trace) {
                tally.doubtful += 1
                tally.notes.append(
                    "\(question.tag): nobody knows: \(question.kind.rawValue) at hook, \(trace?.parts ?? "")")
            } else {
                tally.missing += 1
                tally.problems.append(problem("missing", question, sighting, trace))
            }
        } else if question.isPush {
            tally.refused += 1
            tally.problems.append("\(question.tag): send never succeeded")
        }
        guard sighting.most > 1 else { return }
        if trace?.namesDuplicate == true, sighting.most <= max(2, trace?.mostSightings ?? 0) {
            tally.named += 1
            tally.notes.append(
                "\(question.tag): twice and named: \(question.kind.rawValue) at \(question.side.rawValue), \(trace?.parts ?? "")"
            )
        } else {
            tally.unnamed += 1
            tally.problems.append(problem("twice and not named", question, sighting, trace))
        }
    }

    /// A `response_url` takes one message, and whoever heard no answer never posts to it again. With an application beside the
    /// bot the ledger's doubt leads to a message there; without one it stays a doubt.
    func isDoubtful(_ question: Question, _ sighting: Judge.Sighting, _ trace: Trace?) -> Bool {
        question.side == .hook && sighting.faults.isEmpty && trace?.isDoubtful == true
    }

    /// Whether people read there that a message was given up.
    func showsApology(_ question: Question) -> Bool { !apologies(for: question).isEmpty }

    /// Whether they read it at the reply address of this message, or, where answers have none, at all.
    func isGivenUp(_ question: Question) -> Bool {
        apologies(for: question).contains { entry in
            if let reqID = entry.reqID { return watch.messageID(of: reqID) == question.id }
            return entry.streamID.map { watch.messageID(ofStream: $0) == question.id } ?? question.side.isCalled
        }
    }

    private func apologies(for question: Question) -> [Entry] {
        question.conversations.flatMap { simulator.view(of: $0) }.filter {
            $0.from == .bot && $0.content?.contains("多次处理失败") == true
        }
    }

    func trace(_ question: Question) async throws -> Trace? {
        guard commands.contains("trace") else { return nil }
        let arguments = ["trace", "--config", program.configuration.path, "--json", question.id]
        return Trace(try await program.command(arguments))
    }

    private func problem(
        _ what: String, _ question: Question, _ sighting: Judge.Sighting, _ trace: Trace?
    ) -> String {
        let kill = book.kills.first { $0.point == question.point }
        return """
            \(question.tag): \(what): \(question.kind.rawValue) at \(question.side.rawValue) of \(question.group ?? question.user), id \(question.id); \
            \(sighting.summary(question)); kill \(question.point) came next, \(kill.map { "\($0.plan)\($0.came ? "" : ", not reached")" } ?? "none"); \
            trace: \(trace?.summary ?? "no such command")
            """
    }
}
