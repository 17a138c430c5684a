import AIBotWS
import Foundation
import Scenarios

/// Files that the tests read.
enum Fixtures {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("fixtures").path
    static let scenarios = (try? ScenarioFile.all(in: folder + "/scenarios")) ?? []
    static let frames: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/frames")) ?? [])
        .filter { $0.hasSuffix(".json") }.sorted()

    static func bytes(_ frame: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/frames/\(frame)")))
    }

    static func frame(_ name: String) throws -> JSONValue { try JSONValue(parsing: bytes(name)) }

    static func scenario(_ text: String) throws -> ScenarioFile {
        try ScenarioFile(path: "test.scenario", text: text) { name in
            String(decoding: try bytes(name), as: UTF8.self)
        }
    }
}
