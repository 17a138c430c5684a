import AIBotWS
import Shared

/// One scenario being played: performs its steps in order, and compares.
struct ScenarioRun {
    private struct Failure: Error { var words: String }

    private let stage: ScenarioStage
    private var pattern: FramePattern
    private var handlers: [String: HandlerScript] = [:]
    private let slack: Duration
    private let isOrderFree: Bool

    init(_ stage: ScenarioStage, _ settings: ScenarioSettings) {
        self.stage = stage
        slack = settings.slack
        isOrderFree = settings.isOrderFree
        pattern = FramePattern(names: [:])
    }

    /// First difference as text, with file and line; nil when there is none.
    mutating func perform(_ file: ScenarioFile) async -> String? {
        var line = file.steps.first?.line ?? 1
        do {
            try await stage.settle()
            for step in file.steps {
                line = step.line
                try await perform(step.action)
            }
            try checkNothingIsLeft()
            return nil
        } catch let failure as Failure {
            return "\(file.path):\(line): \(failure.words)"
        } catch let problem as RigProblem {
            return "\(file.path):\(line): \(problem.words)"
        } catch {
            return "\(file.path):\(line): \(error)"
        }
    }

    private mutating func perform(_ action: ScenarioStep.Action) async throws {
        switch action {
        case .connects:
            try expectDial()
            try await stage.rig.accept()
        case .refuses:
            try expectDial()
            try await stage.rig.refuse()
        case .ignores: return try expectDial()
        case .drops(let code): try await stage.rig.drop(code: code)
        case .inbound(let frame): try await send(frame)
        case .inboundText(let text): try await stage.rig.deliver(text)
        case .outbound(let expected):
            let observations = stage.observations
            if slack > .zero { try await stage.advance(by: slack) { observations.firstWire != nil } }
            return try compareFrame(expected)
        case .noFrames: return try checkNoFrames()
        case .clientCloses: return try expectClose()
        case .status(let expected): return try compareStatus(expected)
        case .event(let expected): return try compareEvent(expected)
        case .outcome(let expected): return try compareOutcome(expected)
        case .ends(let code): return try compareEnding(code)
        case .advance(let duration): return try await stage.advance(by: duration) { false }
        case .wait(let duration): return try await wait(duration)
        case .handler(let name, .does(let command)): try handler(name).tell(command)
        case .handler(let name, .gets(let expected)): return try takeCall(name, expected)
        case .handler(let name, .isStopped):
            guard try handler(name).isStopped else { throw Failure(words: "the handler was not stopped") }
            return
        case .push(let conversation, let text): stage.push(text, to: conversation)
        case .shutdown: await stage.client.session.shutdown()
        case .reconnect: await stage.client.session.reconnect()
        }
        try await stage.settle()
    }

    /// Moves time until the client does something.
    private func wait(_ most: Duration) async throws {
        let observations = stage.observations
        try await stage.advance(by: most) { observations.firstWire != nil }
        guard observations.firstWire != nil else { throw Failure(words: "the client did nothing in that time") }
    }

    // MARK: The platform's side

    private mutating func send(_ template: JSONValue) async throws {
        let frame: JSONValue
        switch pattern.filled(template) {
        case .success(let filled): frame = filled
        case .failure(let unknown): throw Failure(words: "$\(unknown.name) stands for nothing yet")
        }
        if let reqID = frame["headers"]?["req_id"], let command = frame["cmd"]?.string {
            switch Command(rawValue: command) {
            case .messageCallback, .legacyMessageCallback: pattern.names["turn"] = reqID
            case .eventCallback: pattern.names["event"] = reqID
            default: break
            }
        }
        try await stage.rig.deliver(frame.text)
    }

    // MARK: The client's side

    private func expectDial() throws {
        guard case .dial? = stage.observations.takeWire() else {
            throw Failure(words: "expected a connection attempt; there was none" + instead)
        }
    }

    private func expectClose() throws {
        guard case .closed? = stage.observations.takeWire() else {
            throw Failure(words: "expected the client to close the connection; it did not" + instead)
        }
    }

    private mutating func compareFrame(_ expected: JSONValue) throws {
        guard let item = stage.observations.takeWire(isOrderFree ? matches(expected) : 0) else {
            throw Failure(words: "expected a frame; none came" + Self.expected(readable(expected)))
        }
        guard case .frame(let text) = item else {
            throw Failure(words: "expected a frame, but \(Self.words(item))" + Self.expected(readable(expected)))
        }
        guard let frame = try? JSONValue(parsing: text.utf8) else {
            throw Failure(words: "expected a frame; what came is not JSON" + Self.difference(expected, text))
        }
        pattern.names["last"] = frame["headers"]?["req_id"]
        do throws(FramePattern.Mismatch) {
            try pattern.match(expected, frame)
        } catch {
            throw Failure(words: "\(error.path) \(error.words)" + Self.difference(readable(expected), frame.text))
        }
    }

    /// Place of the first frame that matches, among those before anything else; 0 when none does.
    private func matches(_ expected: JSONValue) -> Int {
        for (index, item) in stage.observations.pendingWire.enumerated() {
            guard case .frame(let text) = item, let frame = try? JSONValue(parsing: text.utf8) else { return 0 }
            var trial = pattern
            trial.names["last"] = frame["headers"]?["req_id"]
            do throws(FramePattern.Mismatch) {
                try trial.match(expected, frame)
                return index
            } catch {
                continue
            }
        }
        return 0
    }

    private func checkNoFrames() throws {
        guard let item = stage.observations.firstWire else { return }
        throw Failure(words: "expected no frames, but \(Self.words(item))")
    }

    private func checkNothingIsLeft() throws {
        try checkNoFrames()
        if let call = stage.observations.takeCall(where: { _ in true }) {
            throw Failure(words: "a message reached the handler that the scenario does not name: \(call.message.text)")
        }
        if let event = stage.observations.takeEvent() {
            throw Failure(words: "an event came that the scenario does not name: \(event.text)")
        }
        if let outcome = stage.observations.takeOutcome() {
            throw Failure(words: "the outcome of a push is not compared: \(outcome)")
        }
    }

    // MARK: What the program sees

    private func handler(_ name: String) throws -> HandlerScript {
        guard let handler = handlers[name] else {
            throw Failure(words: "no handler \(name.isEmpty ? "" : name + " ")got a message yet")
        }
        return handler
    }

    /// Takes the first message that is as expected: nothing fixes the order of messages of different chats.
    private mutating func takeCall(_ name: String, _ expected: JSONValue) throws {
        let before = pattern
        var matching = pattern
        let found = stage.observations.takeCall { message in
            matching = before
            do throws(FramePattern.Mismatch) {
                try matching.match(expected, message, partly: true)
                return true
            } catch {
                return false
            }
        }
        if let found {
            pattern = matching
            handlers[name] = found
            return
        }
        guard let other = stage.observations.takeCall(where: { _ in true }) else {
            throw Failure(words: "expected a message for the handler; none came" + Self.expected(expected))
        }
        try compare(expected, other.message)
    }

    private mutating func compareEvent(_ expected: JSONValue) throws {
        guard let event = stage.observations.takeEvent() else {
            throw Failure(words: "expected an event; none came" + Self.expected(expected))
        }
        try compare(expected, event)
    }

    private mutating func compare(_ expected: JSONValue, _ value: JSONValue) throws {
        do throws(FramePattern.Mismatch) {
            try pattern.match(expected, value, partly: true)
        } catch {
            throw Failure(words: "\(error.path) \(error.words)" + Self.difference(readable(expected), value.text))
        }
    }

    private func compareStatus(_ expected: String) throws {
        let actual = Self.name(stage.observations.status)
        guard actual == expected else { throw Failure(words: "the session is \(actual), not \(expected)") }
    }

    private func compareOutcome(_ expected: String) throws {
        guard let outcome = stage.observations.takeOutcome() else {
            throw Failure(words: "expected the outcome of a push; it is still open")
        }
        guard outcome == expected else { throw Failure(words: "the push was \(outcome), not \(expected)") }
    }

    private func compareEnding(_ expected: String?) throws {
        let wanted = expected.map { Observations.Ending.with($0) } ?? .normally
        guard let ending = stage.observations.ending else { throw Failure(words: "the bot runs on") }
        guard ending == wanted else { throw Failure(words: "the bot ended \(ending), not \(wanted)") }
    }

    // MARK: Words

    /// The pattern with known names filled in, for reading.
    private func readable(_ expected: JSONValue) -> JSONValue {
        expected.mapStrings { _, string in
            guard let name = string.after("$"), let bound = pattern.names[name]?.string else { return string }
            return bound
        }
    }

    private var instead: String {
        stage.observations.firstWire.map { "; instead \(Self.words($0))" } ?? ""
    }

    private static func words(_ item: Observations.Wire) -> String {
        switch item {
        case .dial: "the client tried to connect"
        case .closed: "the client closed the connection"
        case .frame(let text): "this frame came\n  got       \(short(text))"
        }
    }

    private static func expected(_ value: JSONValue) -> String { "\n  expected  \(short(value.text))" }

    private static func difference(_ expected: JSONValue, _ got: String) -> String {
        "\n  expected  \(short(expected.text))\n  got       \(short(got))"
    }

    private static func short(_ text: String) -> String { text.utf8.count > 2_000 ? text.prefix(700) + "…" : text }

    private static func name(_ status: SessionStatus) -> String {
        switch status {
        case .idle: "idle"
        case .connecting: "connecting"
        case .online: "online"
        case .backingOff: "backing-off"
        case .credentialsRejected: "credentials-rejected"
        case .superseded: "superseded"
        case .closed: "closed"
        }
    }
}
