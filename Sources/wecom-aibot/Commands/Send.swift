import ArgumentParser
import Foundation
import Gateway
import Shared

/// Sends through the running program.
struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send text, a file or a card through the running program.",
        discussion: """
            Targets: user:ID, group:ID, party:NUMBER, tag:NAME, or a bare id (a group when it begins with wr or wc and is as
            long as chat ids are, a department when it is a number, else a user); wecom: may stand before each. Ids are
            case-sensitive. A bot reaches chats in which someone has written to it before; departments and tags, and
            accounts whose bot only answers callbacks, are reached by the account's agent.
            The message is in the ledger before it is sent, so it survives a restart. With --key the same send, repeated,
            sends nothing. One line a target says what became of it, with the id for `trace`; --json prints it as data.
            Exit status 0 when nothing failed (what is still on the way is in `outbox list`), 1 when a target failed, 2 for a
            mistake in the command, 3 when no program runs.
            """)

    @OptionGroup var file: ConfigFile
    @OptionGroup var message: OutboundOptions

    func run() async throws { try await message.send(file) }
}

/// Old verb for `send`.
struct MessageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "message", abstract: "Old form of `send`.", shouldDisplay: false, subcommands: [OldSend.self])

    struct OldSend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "send", abstract: "Old form of `wecom-aibot send`.")

        @Option(help: ArgumentHelp("Channel; wecom is the only one.", valueName: "name"))
        var channel = "wecom"

        @OptionGroup var file: ConfigFile
        @OptionGroup var message: OutboundOptions

        func validate() throws {
            guard channel == "wecom" else {
                throw ValidationError("--channel \(channel): this program knows wecom only")
            }
        }

        func run() async throws { try await message.send(file) }
    }
}

/// What is sent, and whom to.
struct OutboundOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Account that sends; the default account unless given.", valueName: "name"))
    var account: String?

    @Option(
        name: .customLong("to"), parsing: .singleValue,
        help: ArgumentHelp("Whom to; may be given several times.", valueName: "target"))
    var targets: [String]

    @Argument(help: ArgumentHelp("Text.", valueName: "text"))
    var plain: String?

    @Option(help: "Text, as it stands.")
    var text: String?

    @Option(help: ArgumentHelp("Markdown.", valueName: "text"))
    var markdown: String?

    @Option(name: .customLong("file"), help: ArgumentHelp("File, picture, video or voice.", valueName: "path"))
    var path: String?

    @Option(help: ArgumentHelp("Template card as JSON; - reads standard input.", valueName: "file"))
    var card: String?

    @Option(help: ArgumentHelp("Idempotency key.", valueName: "key"))
    var key: String?

    @Flag(help: "Check and print what would be sent; send nothing.")
    var dryRun = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard [plain, text, markdown, path, card].compactMap({ $0 }).count == 1 else {
            throw ValidationError("give exactly one of TEXT, --text, --markdown, --file and --card")
        }
    }

    fileprivate func send(_ file: ConfigFile) async throws {
        // A key of its own makes a send without one traceable.
        let key = key ?? "send-\(UUID().uuidString.lowercased().prefix(13))"
        let request = SendRequest(
            account: account, targets: try targets.map { try Target($0) }, content: try content(), key: key)
        let plan = SendPlan(request, bytes: try size(of: request.content))
        if dryRun {
            let name = try file.load().check(request)
            return print("would send \(plan.sentence) with account \(name); nothing was sent")
        }
        let results = try await Progress.around(plan) {
            try await file.ask { try await $0.send(request) }
        }
        try Output.show(results, json: json, lines: results.flatMap(\.lines))
        if results.contains(where: { $0.state == .failed }) { throw ExitCode(Failure.Status.failed.rawValue) }
    }

    private func content() throws -> SendRequest.Content {
        if let text = plain ?? text { return .text(try filled(text)) }
        if let markdown { return .markdown(try filled(markdown)) }
        if let path {
            let expanded = (path as NSString).expandingTildeInPath
            return .file(path: URL(fileURLWithPath: expanded).standardizedFileURL.path)
        }
        return .card(json: try cardText(card ?? "-"))
    }

    private func filled(_ text: String) throws -> String {
        guard !text.isEmpty else { throw Failure(.configuration, "the text is empty") }
        return text
    }

    private func cardText(_ source: String) throws -> String {
        let data: Data
        do {
            data =
                source == "-"
                ? try FileHandle.standardInput.readToEnd() ?? Data()
                : try Data(contentsOf: URL(fileURLWithPath: (source as NSString).expandingTildeInPath))
        } catch {
            throw Failure(.configuration, "--card \(source): cannot be read")
        }
        guard (try? JSONSerialization.jsonObject(with: data)) is [String: Any] else {
            throw Failure(.configuration, "--card \(source): no JSON object; write the card itself, with its card_type")
        }
        return String(decoding: data, as: UTF8.self)
    }

    private func size(of content: SendRequest.Content) throws -> Int {
        switch content {
        case .text(let text), .markdown(let text), .card(let text): return text.utf8.count
        case .file(let path):
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
                let bytes = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int, bytes > 0
            else { throw Failure(.configuration, "--file \(path): no such file, or it is empty") }
            return bytes
        }
    }
}

/// Says on standard error that a send takes long.
private enum Progress {
    static func around<Answer: Sendable>(
        _ plan: SendPlan, _ work: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        if let estimate = plan.estimate { Main.complain(estimate) }
        return try await withThrowingTaskGroup(of: Answer?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                let start = ContinuousClock.now
                while !Task.isCancelled {
                    guard (try? await Task.sleep(for: .seconds(5))) != nil else { return nil }
                    Main.complain("still sending, \(start.duration(to: .now).components.seconds) s")
                }
                return nil
            }
            defer { group.cancelAll() }
            while let answer = try await group.next() { if let answer { return answer } }
            throw CancellationError()
        }
    }
}
