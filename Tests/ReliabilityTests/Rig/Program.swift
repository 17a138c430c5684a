import Foundation

/// The built program and a folder in which it runs.
struct Program: Sendable {
    /// What a run of a command ended with.
    struct Outcome: Sendable {
        var status: Int32
        var output: String
        var errors: String
    }

    let executable: URL
    let folder: URL

    /// `CRASH_PROGRAM`, else the program beside the test bundle.
    static func find() throws -> URL {
        if let named = ProcessInfo.processInfo.environment["CRASH_PROGRAM"] { return URL(fileURLWithPath: named) }
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let folders = [bundle, Repository.root.appendingPathComponent(".build/debug")]
        let found = folders.map { $0.appendingPathComponent("wecom-aibot") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        guard let found else { throw RigError("wecom-aibot is not built: swift build --product wecom-aibot") }
        return found
    }

    var configuration: URL { folder.appendingPathComponent("config.json5") }
    var log: URL { folder.appendingPathComponent("run.log") }

    /// Starts `run`; its log is appended to `log`.
    func start() throws -> RunningProgram {
        if !FileManager.default.fileExists(atPath: log.path) {
            try Data().write(to: log)
        }
        let errors = try FileHandle(forWritingTo: log)
        try errors.seekToEnd()
        return try RunningProgram(
            executable, ["run", "--config", configuration.path], folder: folder, output: errors, errors: errors)
    }

    /// Runs a command to its end, at most `limit`.
    func command(_ arguments: [String], limit: Duration = .seconds(30)) async throws -> Outcome {
        let files = ["out", "err"].map { folder.appendingPathComponent("\(UUID().uuidString).\($0)") }
        defer { for file in files { try? FileManager.default.removeItem(at: file) } }
        for file in files { try Data().write(to: file) }
        let process = try RunningProgram(
            executable, arguments, folder: folder, output: try FileHandle(forWritingTo: files[0]),
            errors: try FileHandle(forWritingTo: files[1]))
        let deadline = Deadline(in: limit)
        if await !deadline.until({ process.hasEnded }) { process.kill() }
        let status = await process.end()
        let texts = files.map { (try? String(contentsOf: $0, encoding: .utf8)) ?? "" }
        return Outcome(status: status, output: texts[0], errors: texts[1])
    }

    /// Names of the commands that this build has.
    func commands() async throws -> Set<String> {
        let help = try await command(["--help"]).output
        let list = help.components(separatedBy: "SUBCOMMANDS:").last ?? ""
        return Set(list.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
    }
}

/// A child process that can be killed at any moment.
final class RunningProgram: Sendable {
    private let process: Process
    private let ended: AsyncStream<Void>
    let id: Int32

    init(_ executable: URL, _ arguments: [String], folder: URL, output: FileHandle, errors: FileHandle) throws {
        let (ended, end) = AsyncStream<Void>.makeStream()
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        process.terminationHandler = { _ in end.finish() }
        try process.run()
        self.process = process
        self.ended = ended
        id = process.processIdentifier
    }

    var hasEnded: Bool { !process.isRunning }

    /// SIGKILL: nothing of the program runs after this.
    func kill() { if process.isRunning { Foundation.kill(id, SIGKILL) } }

    /// Waits for the end; the exit status, or the signal.
    func end() async -> Int32 {
        for await _ in ended {}
        return process.terminationStatus
    }
}

/// Why the rig itself cannot go on.
struct RigError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Files of the repository.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
}
