import ArgumentParser
import Gateway
import Shared

/// One message's whole story.
struct Trace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show one message's whole story.",
        discussion: """
            Takes the id of a message as log lines have it (msgid), or the id that `send` prints (KEY@TARGET). Shows when it
            was accepted, how often the handler ran, and each part of the answer with its route, tries and state, possible
            duplicates named.
            What was said is shown with --text only. Works while the program is down, too. Exit status 1 for an unknown id.
            """)

    @OptionGroup var file: ConfigFile

    @Argument(help: ArgumentHelp("Message id.", valueName: "msgid"))
    var message: String

    @Flag(help: "Show the text of message and answer.")
    var text = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let id = MessageID(message)
        let report = try await file.ask(
            { try await $0.trace(id, text: text) }, orLedger: { try await $0.trace(id, text: text) })
        guard let report else {
            throw Failure(
                .failed, "the ledger knows no message \(message); it may be older than delivery.keepDays")
        }
        try Output.show(report, json: json, lines: report.lines)
    }
}
