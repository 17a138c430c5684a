import AIBotWS
import Foundation
import Shared

/// A readable file of frames, expectations and clock steps. `docs/scenarios.md` describes the format.
public struct ScenarioFile: Sendable {
    /// Path that failures name.
    public var path: String
    /// One line saying what the scenario shows.
    public var title: String
    /// Frames, error numbers and requirements that it stands for.
    public var covers: [String]
    var settings: ScenarioSettings
    var steps: [ScenarioStep]

    /// Reads and checks a file.
    ///
    /// - Throws: `ScenarioSyntaxError` with the line, or an error of the file system.
    public static func load(_ path: String) throws -> ScenarioFile {
        let url = URL(fileURLWithPath: path)
        let text = try String(contentsOf: url, encoding: .utf8)
        let folder = url.deletingLastPathComponent().path
        return try ScenarioFile(path: path, text: text) { name in
            try FrameFolder.read(name, beside: folder)
        }
    }

    /// Reads a scenario from text.
    ///
    /// - Parameters:
    ///   - path: named by failures.
    ///   - frame: gives the text of a frame file by its name.
    /// - Throws: `ScenarioSyntaxError` with the line.
    public init(path: String, text: String, frame: @escaping (String) throws -> String) throws {
        var parser = ScenarioParser(path: path, frame: frame)
        try parser.parse(text)
        self.path = path
        title = parser.title
        covers = parser.covers
        settings = parser.settings
        steps = parser.steps
    }

    /// Every scenario of a folder, by name.
    public static func all(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".scenario") }.sorted()
            .map { folder + "/" + $0 }
    }
}

/// Where frame files are looked for.
enum FrameFolder {
    static let mostBytes = 4 << 20

    /// Reads `name` from the scenario's folder, or from the folder `frames` beside it.
    static func read(_ name: String, beside folder: String) throws -> String {
        guard !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
            throw GatewayError(.invalidConfiguration, "\(name) is no name of a frame file")
        }
        for candidate in ["\(folder)/\(name)", "\(folder)/../frames/\(name)"] {
            guard let data = FileManager.default.contents(atPath: candidate) else { continue }
            guard data.count <= mostBytes else {
                throw GatewayError(.invalidConfiguration, "\(name) is larger than \(mostBytes) bytes")
            }
            return String(decoding: data, as: UTF8.self)
        }
        throw GatewayError(.invalidConfiguration, "no frame file \(name) here or in ../frames")
    }
}

/// A mistake in a scenario file.
public struct ScenarioSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// File.
    public var path: String
    /// Line, counted from 1.
    public var line: Int
    /// What is wrong and what is expected instead.
    public var message: String

    /// `path:line: message`.
    public var description: String { "\(path):\(line): \(message)" }
}

extension ScenarioFile {
    /// What a recorder must know about a run of this scenario.
    public var recorderOptions: ScenarioRecorder.Options {
        var options = ScenarioRecorder.Options()
        options.engine = settings.engine
        options.displayName = settings.displayName
        options.onReplaced = settings.onReplaced
        return options
    }
}
