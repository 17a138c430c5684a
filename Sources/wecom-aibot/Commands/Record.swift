import AIBotWS
import ArgumentParser
import Foundation
import Gateway
import Logging
import Scenarios
import ServiceLifecycle
import Shared

/// A scrubbed scenario from the running program.
struct Record: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run like `run`, and write what happened as a scenario when stopped.",
        discussion: """
            Ids, secrets, addresses and message text are replaced before anything is written, so the file can be attached to
            an issue and played with `wecom-aibot replay`. One bot is recorded: the default account, or --account.
            Stop with Ctrl-C; the file is written then, and also when the program ends by itself.
            """)

    @OptionGroup var file: ConfigFile

    @Option(help: ArgumentHelp("Scenario file to write.", valueName: "file"))
    var out: String

    @Option(help: ArgumentHelp("Account to record; the default account unless given.", valueName: "name"))
    var account: String?

    @Option(help: "Title of the scenario.")
    var title = "Recorded session"

    @Flag(help: "Keep message text as it is. Look through the file before you show it to anybody.")
    var keepText = false

    func run() async throws {
        var configuration = try file.load()
        let name = account ?? configuration.wecom.defaultAccount
        guard let recorded = configuration.wecom.enabledAccounts[name] else {
            throw Failure(.configuration, "--account \(name): no enabled account of that name in \(file.path)")
        }
        try checkOut()
        configuration.wecom.accounts = [name: recorded]
        let logger = configuration.makeLogger("wecom-aibot")
        let lock = try StateLock.take(configuration)
        defer { withExtendedLifetime(lock) {} }
        let recorder = ScenarioRecorder(try options(recorded, name, configuration))
        let clock = SystemMonotonicClock()
        let gateway = try Gateway(
            configuration, environment: ProcessInfo.processInfo.environment, baseDirectory: file.folder, clock: clock,
            logger: logger,
            tap: { recorder.record($0, $1, at: clock.now) })
        logger.notice("recording", metadata: .init([.account: name, .path: out]))
        let ended: Result<Void, any Error>
        do {
            try await Lifecycle.run(
                [gateway], stopWithin: configuration.gateway.stopTimeout, logger: logger,
                lastly: { [self] in try? write(recorder) })
            ended = .success(())
        } catch {
            ended = .failure(error)
        }
        // What ended the program is what the recording is wanted for.
        try write(recorder)
        try ended.get()
    }

    /// Whether the file can be written is not found out at the end only.
    private func checkOut() throws {
        let folder = URL(fileURLWithPath: out).deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        if access(folder, W_OK | X_OK) != 0 {
            throw Failure(.configuration, "--out \(out): cannot be written: \(String(cString: strerror(errno)))")
        }
        if FileManager.default.fileExists(atPath: out, isDirectory: &isFolder), isFolder.boolValue {
            throw Failure(.configuration, "--out \(out): is a folder; name a file")
        }
    }

    private func options(
        _ account: GatewayConfiguration.Account, _ name: String, _ configuration: GatewayConfiguration
    ) throws -> ScenarioRecorder.Options {
        let client = try Gateway.clientSettings(of: name, account, in: configuration)
        var options = ScenarioRecorder.Options()
        options.engine = client.engine
        options.displayName = client.displayName ?? client.name
        options.onReplaced = client.session.onReplaced
        options.keepsText = keepText
        return options
    }

    private func write(_ recorder: ScenarioRecorder) throws {
        do {
            try recorder.text(title: title).write(toFile: out, atomically: true, encoding: .utf8)
        } catch {
            throw Failure(.failed, "\(out): cannot be written: \(error.localizedDescription)")
        }
        print(
            "\(out): \(recorder.count) frames"
                + (recorder.isFull ? ", the first of them only: the bound was reached" : ""))
    }
}
