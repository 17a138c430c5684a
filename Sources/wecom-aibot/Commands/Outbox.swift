import ArgumentParser
import Gateway
import Shared

/// What is not delivered.
struct Outbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at, retry or drop what is not delivered.",
        discussion: "Works while the program is down, too: what is changed then takes effect with its next start.",
        subcommands: [List.self, Retry.self, Drop.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what is on the way, then what was given up; the oldest of each first.",
            discussion: """
                One line a task: number, state, age, account, conversation, origin, message id, progress, reason.
                `accepted`: the handler is at it. `answered`: parts are to be delivered. `dead`: given up.
                Messages that policy kept out are not listed; `trace` knows them.
                """)

        @OptionGroup var file: ConfigFile

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let report = try await file.ask({ try await $0.outbox() }, orLedger: { try await $0.outbox() })
            try Output.show(report, json: json, lines: report.lines)
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deliver tasks that were given up.",
            discussion: "What nobody knows the fate of is sent again, so a person may see it twice.")

        @OptionGroup var file: ConfigFile

        @Argument(help: ArgumentHelp("Numbers of dead tasks.", valueName: "task"))
        var tasks: [Int64] = []

        @Flag(help: "All dead tasks.")
        var allDead = false

        func validate() throws {
            guard tasks.isEmpty == allDead else { throw ValidationError("name tasks, or give --all-dead") }
        }

        func run() async throws {
            let chosen = allDead ? nil : tasks.map { TaskID($0) }
            let change = try await file.ask({ try await $0.retry(chosen) }, orChanging: { try await $0.retry(chosen) })
            try change.report(
                "to be delivered again",
                otherwise: "not given up, kept out by policy (nothing was kept that could be sent)")
        }
    }

    struct Drop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give tasks up: nothing more of them is delivered.")

        @OptionGroup var file: ConfigFile

        @Argument(help: ArgumentHelp("Numbers of tasks.", valueName: "task"))
        var tasks: [Int64] = []

        @Flag(help: "Everything that is on the way.")
        var allUndelivered = false

        func validate() throws {
            guard tasks.isEmpty == allUndelivered else {
                throw ValidationError("name tasks, or give --all-undelivered")
            }
        }

        func run() async throws {
            let chosen = allUndelivered ? nil : tasks.map { TaskID($0) }
            let change = try await file.ask({ try await $0.drop(chosen) }, orChanging: { try await $0.drop(chosen) })
            try change.report("given up", otherwise: "not on the way")
        }
    }
}

extension OutboxChange {
    /// Says what was done; fails when there were tasks that it does not apply to.
    fileprivate func report(_ done: String, otherwise: String) throws {
        if !changed.isEmpty { print("\(done): \(changed.map(\.description).joined(separator: ", "))") }
        if !unchanged.isEmpty {
            throw Failure(.failed, "\(otherwise), or unknown: \(unchanged.map(\.description).joined(separator: ", "))")
        }
        if changed.isEmpty { print("nothing to do") }
    }
}
