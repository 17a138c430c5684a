import ArgumentParser
import Gateway
import Shared

/// Where the running program stands.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show where the running program and its accounts stand.",
        discussion: """
            Asks the running program over its Unix socket; no connection of its own is opened. Exit status 3 when no program
            runs. With --probe the exit status is 1, and the cause is on standard error, unless every enabled account is online.
            """)

    @OptionGroup var file: ConfigFile

    @Option(help: ArgumentHelp("Show this account only.", valueName: "name"))
    var account: String?

    @Flag(help: "Fail unless every enabled account is online.")
    var probe = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        var status = try await file.ask { try await $0.status() }
        if let account {
            status.accounts.removeAll { $0.name != account }
            guard !status.accounts.isEmpty else {
                throw Failure(.configuration, "--account \(account): no account of that name runs")
            }
        }
        try Output.show(status, json: json, lines: status.lines(now: SystemWallClock().unixMilliseconds))
        if probe, !status.troubles.isEmpty {
            throw Failure(.failed, "not ready: \(status.troubles.joined(separator: "; "))")
        }
    }
}
