import Foundation
import Scenarios
import Shared
import Testing

/// What the scenarios together stand for.
@Suite struct CoverageTests {
    private static func covered() throws -> Set<String> {
        Set(try Fixtures.scenarios.flatMap { try ScenarioFile.load($0).covers })
    }

    @Test("SIM-5: there are enough scenarios")
    func count() { #expect(Fixtures.scenarios.count >= 40) }

    @Test("SIM-5: every inbound frame is in a scenario, and every answer that a frame of this version gets")
    func inbound() throws {
        // Answers to commands that are not sent yet.
        let notYet: Set = [
            "ack-mcp-config", "ack-upload-chunk", "ack-upload-finish", "ack-upload-finish-created-at-string",
            "ack-upload-init",
        ]
        let names = Fixtures.frames.map { String($0.dropLast(5)) }.filter {
            $0.hasPrefix("in-") || $0.hasPrefix("ack-")
        }
        #expect(names.count > 50)
        let missing = Set(names).subtracting(notYet).subtracting(try Self.covered())
        #expect(missing.isEmpty)
    }

    @Test("SIM-5: every outbound frame that this version sends is in a scenario")
    func outbound() throws {
        let sent: Set = [
            "out-subscribe", "out-ping", "out-pong", "out-respond-stream-open", "out-respond-stream",
            "out-respond-stream-finish", "out-respond-stream-second-bubble", "out-respond-markdown",
            "out-send-markdown-single", "out-send-markdown-group", "out-welcome-text",
        ]
        #expect(sent.isSubset(of: Set(Fixtures.frames.map { String($0.dropLast(5)) })))
        #expect(sent.subtracting(try Self.covered()).isEmpty)
    }

    @Test("SIM-5: every known errcode is in a scenario, and the cases without one")
    func errors() throws {
        let wanted = Set(PlatformError.knownCodes.map(String.init) + ["timeout", "other"])
        #expect(wanted.subtracting(try Self.covered()).isEmpty)
    }

    @Test("SIM-5: a frame that a scenario says it covers is in it", arguments: Fixtures.scenarios)
    func honest(path: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        for name in try ScenarioFile.load(path).covers where ["in-", "ack-", "out-"].contains(where: name.hasPrefix) {
            #expect(Fixtures.frames.contains(name + ".json"), "\(name)")
            #expect(text.contains(" \(name).json"), "\(name)")
        }
    }
}
