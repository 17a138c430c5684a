import Foundation
import Scenarios
import Testing

enum Fixtures {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("fixtures").path
    static let scenarios = (try? ScenarioFile.all(in: folder + "/scenarios")) ?? []
}

@Suite struct ScenarioTests {
    @Test(arguments: Fixtures.scenarios) func inProcess(path: String) async throws {
        let result = await ScenarioPlayer.play(try ScenarioFile.load(path), over: .inProcess)
        #expect(result.passed, "\(result.failure ?? "")")
    }

    @Test(arguments: Fixtures.scenarios) func sockets(path: String) async throws {
        let result = await ScenarioPlayer.play(try ScenarioFile.load(path), over: .sockets)
        #expect(result.passed, "\(result.failure ?? "")")
    }
}
