import Foundation
import Simulator

/// People who write at a steady pace, and a script that sends messages on its own account.
struct Traffic: Sendable {
    static let users = (1...6).map { "user.\($0)" }
    static let group = SimulatorGroup(
        id: "wrRELgroup0001EXAMPLEchatid", name: "Reliability", members: ["user.1", "user.2", "user.3"])

    let simulator: PlatformSimulator
    let program: Program
    let book: Book
    let regime: Regime
    let seed: UInt64

    /// Writes until the book closes or the task is cancelled.
    func write() async throws {
        var random = Random(seed: seed)
        while !Task.isCancelled, !book.isClosing {
            await Deadline.pause(.milliseconds(Int.random(in: 100...220, using: &random)))
            if book.isPaused { continue }
            let side = Side.random(using: &random)
            let inGroup = Int.random(in: 0..<5, using: &random) == 0 && side.hasGroups
            let people = inGroup ? Self.group.members : side.people
            let user = people[Int.random(in: people.indices, using: &random)]
            let kind = Self.kind(at: side, regime, using: &random)
            var question = book.next(
                kind, at: side, user: user, group: inGroup && kind != .media ? Self.group.id : nil)
            var post = UserPost(
                bot: side.bot, user: user, group: question.group, content: question.content, via: side.transport)
            // Over HTTP the faults deliver again.
            let isTwice = Int.random(in: 0..<12, using: &random) == 0
            post.repeats = isTwice && !side.isCalled ? 1 : 0
            let outcome = try simulator.post(post)
            question.id = outcome.msgID ?? ""
            question.isDelivered = outcome.isDelivered
            book.add(question)
        }
    }

    private static func kind(at side: Side, _ regime: Regime, using random: inout Random) -> Question.Kind {
        let kind: Question.Kind =
            switch Int.random(in: 0..<100, using: &random) {
            case ..<36: .short
            case ..<56: .slow
            case ..<66: .long
            case ..<78: .file
            case ..<88: .card
            default: .media
            }
        return Question.Kind.all(at: side, regime).contains(kind) ? kind : .short
    }

    /// Sends messages through `send`, each under a key of its own and again under the same key until it is taken.
    func push() async throws {
        var random = Random(seed: ~seed)
        while !Task.isCancelled, !book.isClosing {
            await Deadline.pause(.milliseconds(Int.random(in: 300...900, using: &random)))
            if book.isPaused { continue }
            // A bot in callback mode cannot write first: the application beside it does.
            let side: Side = Int.random(in: 0..<3, using: &random) == 0 ? .app : .socket
            let toGroup = Int.random(in: 0..<4, using: &random) == 0 && side.hasGroups
            let user = side.people[Int.random(in: side.people.indices, using: &random)]
            let kind: Question.Kind = Int.random(in: 0..<4, using: &random) == 0 ? .parcel : .push
            var question = book.next(kind, at: side, user: user, group: toGroup ? Self.group.id : nil)
            let key = "key-\(question.tag)"
            let target = question.group.map { "group:\($0)" } ?? "user:\(question.user)"
            question.id = "\(key)@\(target)"
            question.isDelivered = try await send(
                ["--account", side.account, "--to", target, "--key", key] + content(of: question))
            book.add(question)
        }
    }

    private func content(of question: Question) throws -> [String] {
        guard question.kind == .parcel else { return ["push \(question.tag).000"] }
        let file = program.folder.appendingPathComponent("\(question.tag).txt")
        try Data(question.answerFile).write(to: file)
        return ["--file", file.path]
    }

    private func send(_ arguments: [String]) async throws -> Bool {
        try await Deadline(in: .seconds(60)).until {
            let arguments = ["send", "--config", program.configuration.path] + arguments
            if try await program.command(arguments).status == 0 { return true }
            await Deadline.pause(.milliseconds(150))
            return false
        }
    }
}
