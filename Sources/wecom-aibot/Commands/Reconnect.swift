import ArgumentParser
import Gateway

/// Connects now.
struct Reconnect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect now, and take back a bot that another connection took over.",
        discussion: """
            Ends every wait for a connection. Stop the other program first: two programs with one bot take it from each
            other for ever. With --account, a bot that is online gets a new connection, too, in case it hears nothing.
            Exit status 3 when no program runs.
            """)

    @OptionGroup var file: ConfigFile

    @Option(help: ArgumentHelp("Account to connect; all of them unless given.", valueName: "name"))
    var account: String?

    func run() async throws {
        let names = try await file.ask { try await $0.reconnect(account: account) }
        print("connecting: \(names.joined(separator: ", ")); `wecom-aibot status` shows what comes of it")
    }
}
