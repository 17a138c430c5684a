import AIBotWS
import Foundation
import Scenarios
import Shared
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

/// Frames with their times, as a tap saw them.
private final class TapLog: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var lines: [String] = []

    var all: [String] { lock.withLock { lines } }

    func add(_ direction: FrameDirection, _ bytes: ArraySlice<UInt8>, _ at: MonotonicInstant) {
        lock.withLock { lines.append("\(at.nanoseconds) \(direction) \(String(decoding: bytes, as: UTF8.self))") }
    }
}

extension ScenarioTests {
    @Test("SIM-5: each run in process is like the last, to the byte and the nanosecond", arguments: Fixtures.scenarios)
    func deterministic(path: String) async throws {
        let file = try ScenarioFile.load(path)
        let (first, second) = (TapLog(), TapLog())
        for log in [first, second] {
            _ = await ScenarioPlayer.play(file, over: .inProcess) { log.add($0, $1, $2) }
        }
        #expect(first.all == second.all)
        #expect(!first.all.isEmpty)
    }
}
