import Scenarios
import Testing

@Suite struct ScenarioTests {
    @Test("SIM-5: scenario passes in process", arguments: Fixtures.scenarios)
    func inProcess(path: String) async throws {
        let result = await ScenarioPlayer.play(try ScenarioFile.load(path), over: .inProcess)
        #expect(result.passed, "\(result.failure ?? "")")
    }

    @Test("SIM-5: scenario passes over sockets", arguments: Fixtures.scenarios)
    func sockets(path: String) async throws {
        let result = await ScenarioPlayer.play(try ScenarioFile.load(path), over: .sockets)
        #expect(result.passed, "\(result.failure ?? "")")
    }

    @Test("SIM-5: results are counted for a person")
    func summary() async throws {
        var seen: [String] = []
        let paths = [Fixtures.folder + "/scenarios/server-ping.scenario", "/nowhere.scenario"]
        let summary = await ScenarioPlayer.play(paths: paths, over: .inProcess) { seen.append($0.path) }
        #expect(seen == paths)
        #expect(summary.description == "2 scenarios, 1 passed, 1 failed")
        #expect(summary.failures.count == 1)
    }
}
