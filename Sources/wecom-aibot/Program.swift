import ArgumentParser
import Foundation
import Shared

/// Command line of the program.
struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wecom-aibot",
        abstract: "Keeps WeCom (企业微信) AI bots online and delivers every answer.",
        discussion: """
            New here? Start with:
              wecom-aibot demo                     a simulated platform, a bot and a chat page; no account needed

            With a bot of your own (admin page: Apps > AI bot > API mode > long connection):
              1. write ~/.wecom-aibot/config.json5:
                   {channels: {wecom: {accounts: {default: {bot: {
                     botId: "aib…", secret: {env: "WECOM_BOT_SECRET"}, dm: {policy: "open"}}}}}}}
              2. wecom-aibot config check
              3. wecom-aibot run

            Exit status: 0 done, 1 failed, 2 usage or configuration error, 3 the program is not running,
            4 another connection took the bot over (onReplaced: "exit").
            """,
        version: BuildInfo.version,
        subcommands: [
            Demo.self, Run.self, Send.self, Status.self, Trace.self, Outbox.self, Reconnect.self, FeedbackCommand.self,
            CapabilitiesCommand.self,
            ConfigCommand.self, Simulate.self, Replay.self, Record.self, MessageCommand.self,
        ])
}

/// What this build is.
enum BuildInfo {
    static let version = "0.1.0"
}

/// Ends the program with a status of its own after words for the person.
struct Failure: Error, CustomStringConvertible {
    enum Status: Int32 {
        case failed = 1
        case configuration = 2
        case notRunning = 3
        case replaced = 4
    }

    let status: Status
    let description: String

    init(_ status: Status, _ description: String) {
        self.status = status
        self.description = description
    }
}

@main
enum Main {
    static func main() async {
        do {
            var command = try Program.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            complain(failure.description)
            exit(failure.status.rawValue)
        } catch let error as GatewayError {
            complain("\(error)")
            exit(status(of: error).rawValue)
        } catch {
            end(with: error)
        }
    }

    private static func status(of error: GatewayError) -> Failure.Status {
        switch error.code {
        case .invalidConfiguration: .configuration
        case .superseded: .replaced
        default: .failed
        }
    }

    private static func end(with error: any Error) -> Never {
        let code = Program.exitCode(for: error)
        let message = Program.fullMessage(for: error)
        guard code != .success else {
            print(message)
            exit(0)
        }
        complain(message)
        exit(code == .validationFailure ? Failure.Status.configuration.rawValue : Failure.Status.failed.rawValue)
    }

    static func complain(_ text: String) {
        guard !text.isEmpty else { return }
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }
}
