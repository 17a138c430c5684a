public import AIBotWS
public import Shared

/// What became of one scenario.
public struct ScenarioResult: Sendable {
    /// Title of the scenario.
    public var title: String
    /// File it was read from.
    public var path: String
    /// Line, what was expected and what came instead; nil when it passed.
    public var failure: String?

    /// Whether everything was as expected.
    public var passed: Bool { failure == nil }
}

/// Plays scenarios against the real client.
public enum ScenarioPlayer {
    /// What lies between the client and the platform.
    public enum Way: String, Sendable, CaseIterable {
        /// Nothing: both run in this process on one queue.
        case inProcess = "in process"
        /// WebSockets over the loopback interface.
        case sockets
    }

    /// Sees every frame with its time, secrets included.
    public typealias Tap = @Sendable (FrameDirection, ArraySlice<UInt8>, MonotonicInstant) -> Void

    /// Plays one scenario. Its time is its own, so this takes as long as the work takes.
    public static func play(_ file: ScenarioFile, over way: Way, tap: Tap? = nil) async -> ScenarioResult {
        let failure: String?
        do {
            let stage = try await ScenarioStage(file.settings, over: way, tap: tap)
            failure = await play(file, on: stage)
        } catch {
            failure = "\(file.path): cannot start: \(error)"
        }
        return ScenarioResult(title: file.title, path: file.path, failure: failure)
    }

    private static func play(_ file: ScenarioFile, on stage: ScenarioStage) async -> String? {
        await withTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: stage.rig.executor) { await stage.runClient() }
            group.addTask(executorPreference: stage.rig.executor) { await stage.runPushes() }
            var run = ScenarioRun(stage, file.settings)
            let failure = await run.perform(file)
            await stage.stop()
            group.cancelAll()
            return failure
        }
    }

    /// Reads and plays files; a file that cannot be read counts as a failure.
    ///
    /// - Parameter report: called after each of them.
    public static func play(
        paths: [String], over way: Way, report: (ScenarioResult) -> Void = { _ in }
    ) async -> ScenarioSummary {
        var summary = ScenarioSummary()
        for path in paths {
            let result: ScenarioResult
            do {
                result = await play(try ScenarioFile.load(path), over: way)
            } catch {
                result = ScenarioResult(title: path, path: path, failure: "\(error)")
            }
            summary.add(result)
            report(result)
        }
        return summary
    }
}

/// Counts results.
public struct ScenarioSummary: Sendable, CustomStringConvertible {
    /// Scenarios that passed.
    public private(set) var passed = 0
    /// Texts of those that failed.
    public private(set) var failures: [String] = []

    /// Creates an empty summary.
    public init() {}

    /// Counts one result.
    public mutating func add(_ result: ScenarioResult) {
        if let failure = result.failure { failures.append(failure) } else { passed += 1 }
    }

    /// `12 scenarios, 12 passed`.
    public var description: String {
        let total = passed + failures.count
        let counts = "\(total) scenario\(total == 1 ? "" : "s"), \(passed) passed"
        return failures.isEmpty ? counts : counts + ", \(failures.count) failed"
    }
}
