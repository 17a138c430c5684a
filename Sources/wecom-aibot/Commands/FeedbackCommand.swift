import ArgumentParser
import Foundation
import Gateway
import Shared

/// What people think of answers.
struct FeedbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feedback", abstract: "Export what people think of answers.", subcommands: [Export.self])

    /// Forms of the export.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case jsonl
        case csv
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write verdicts with the message and the answer that they are about.",
            discussion: """
                One line a verdict: when, who, where, verdict, reasons, the person's words, and, as far as the ledger still
                has them, the message, the answer and how long the backend took. Holds what people wrote: keep it accordingly.
                Works while the program is down, too.
                """)

        @OptionGroup var file: ConfigFile

        @Option(help: ArgumentHelp("How many days back.", valueName: "days"))
        var since = 30.0

        @Option(help: "Form: jsonl or csv.")
        var format = Format.jsonl

        @Option(help: ArgumentHelp("File to write; standard output unless given.", valueName: "file"))
        var out: String?

        func validate() throws {
            guard (0...36_500).contains(since) else { throw ValidationError("--since must be 0 to 36500 days") }
        }

        func run() async throws {
            let start = SystemWallClock().unixMilliseconds - Int64(since * 86_400_000)
            let report = try await file.ask(
                { try await $0.feedback(since: start) }, orLedger: { try await $0.feedback(since: start) })
            let text = format == .csv ? report.csv : try report.jsonLines()
            guard let out else { return print(text, terminator: "") }
            do {
                try Data(text.utf8).write(to: URL(fileURLWithPath: out), options: .atomic)
            } catch {
                throw Failure(.failed, "\(out): cannot be written: \(error.localizedDescription)")
            }
            Main.complain("\(out): \(report.feedback.count) verdicts")
        }
    }
}
