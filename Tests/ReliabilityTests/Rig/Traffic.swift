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
    let seed: UInt64

    /// Writes until the book closes or the task is cancelled.
    func write() async throws {
        var random = Random(seed: seed)
        while !Task.isCancelled, !book.isClosing {
            await Deadline.pause(.milliseconds(Int.random(in: 100...220, using: &random)))
            if book.isPaused { continue }
            let inGroup = Int.random(in: 0..<5, using: &random) == 0
            let people = inGroup ? Self.group.members : Self.users
            let user = people[Int.random(in: people.indices, using: &random)]
            let kind = Self.kind(using: &random)
            var question = book.next(kind, user: user, group: inGroup && kind != .media ? Self.group.id : nil)
            var post = UserPost(
                bot: SimulatorBot.demo.id, user: user, group: question.group, content: question.content)
            post.repeats = Int.random(in: 0..<12, using: &random) == 0 ? 1 : 0
            let outcome = try simulator.post(post)
            question.id = outcome.msgID ?? ""
            question.isDelivered = outcome.isDelivered
            book.add(question)
        }
    }

    private static func kind(using random: inout Random) -> Question.Kind {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<36: .short
        case ..<56: .slow
        case ..<66: .long
        case ..<78: .file
        case ..<88: .card
        default: .media
        }
    }

    /// Sends messages through `send`, each under a key of its own and again under the same key until it is taken.
    func push() async throws {
        var random = Random(seed: ~seed)
        while !Task.isCancelled, !book.isClosing {
            await Deadline.pause(.milliseconds(Int.random(in: 300...900, using: &random)))
            if book.isPaused { continue }
            let toGroup = Int.random(in: 0..<4, using: &random) == 0
            let user = Self.users[Int.random(in: Self.users.indices, using: &random)]
            let kind: Question.Kind = Int.random(in: 0..<4, using: &random) == 0 ? .parcel : .push
            var question = book.next(kind, user: user, group: toGroup ? Self.group.id : nil)
            let key = "key-\(question.tag)"
            let target = question.group.map { "group:\($0)" } ?? "user:\(question.user)"
            question.id = "\(key)@\(target)"
            question.isDelivered = try await send(["--to", target, "--key", key] + content(of: question))
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
