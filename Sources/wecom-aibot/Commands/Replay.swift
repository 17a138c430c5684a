import ArgumentParser
import Foundation
import Scenarios

/// Fixture scenarios against the real client.
struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play fixture scenarios against the real client.",
        discussion: """
            A scenario is a text file of frames in and out, what the handler says, and steps of the clock; see
            docs/scenarios.md. Time is simulated, so hours pass at once. Each scenario runs over real sockets on loopback and
            in process, unless one of the two is asked for. Exit status 1 when one fails, with file, line, what was
            expected and what came.
            """)

    /// Ways to play.
    enum Over: String, ExpressibleByArgument, CaseIterable {
        case sockets
        case process
        case both
    }

    @Argument(help: ArgumentHelp("Scenario files, or folders of them.", valueName: "scenario"))
    var scenarios: [String]

    @Option(help: "Where the frames go: sockets, process or both.")
    var over = Over.both

    @Flag(help: "Print the failures and the sum only.")
    var quiet = false

    func run() async throws {
        let paths = try scenarios.flatMap(Self.files)
        guard !paths.isEmpty else {
            throw Failure(.configuration, "no *.scenario file in \(scenarios.joined(separator: ", "))")
        }
        var summary = ScenarioSummary()
        for path in paths {
            let file: ScenarioFile
            do {
                file = try ScenarioFile.load(path)
            } catch let error as ScenarioSyntaxError {
                throw Failure(.configuration, "\(error)")
            }
            for way in over.ways {
                let result = await ScenarioPlayer.play(file, over: way)
                summary.add(result)
                if let failure = result.failure {
                    print("FAILED (\(way.rawValue)) \(failure)")
                } else if !quiet {
                    print("ok (\(way.rawValue)) \(path): \(file.title)")
                }
            }
        }
        print(summary)
        if !summary.failures.isEmpty { throw ExitCode(1) }
    }

    private static func files(_ path: String) throws -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure(.configuration, "\(path): no such file or folder")
        }
        return isFolder.boolValue ? try ScenarioFile.all(in: path) : [path]
    }
}

extension Replay.Over {
    fileprivate var ways: [ScenarioPlayer.Way] {
        switch self {
        case .sockets: [.sockets]
        case .process: [.inProcess]
        case .both: [.inProcess, .sockets]
        }
    }
}
