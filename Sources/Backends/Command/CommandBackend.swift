import Foundation
public import Logging
public import Shared
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Answers with a program that runs once per message.
///
/// The program gets the request as one JSON object on its standard input, which is then closed, and answers on its
/// standard output in plain text or JSON lines. It runs in a process group of its own, in the workspace of the
/// session, with the gateway's environment. Whatever ends the answer, the end of the program, a time-out,
/// cancellation, nothing of the group is left behind. A failure tells how much it wrote to its standard error, and where the
/// settings allow it the end of that.
public struct CommandBackend: Backend {
    /// Bound of one line of an answer.
    static let maxLineBytes = 1 << 20

    // Writing to a program that no longer reads must be an error, not the end of the gateway. Children get the default back.
    private static let ignoreBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    private let settings: CommandSettings
    private let clock: any MonotonicClock
    private let logger: Logger

    /// Creates the backend.
    ///
    /// - Parameters:
    ///   - settings: program and limits.
    ///   - clock: counts the time-out of a run.
    ///   - logger: never gets message text.
    public init(settings: CommandSettings, clock: any MonotonicClock, logger: Logger) {
        self.settings = settings
        self.clock = clock
        self.logger = logger
        Self.ignoreBrokenPipes
    }

    /// Runs the program and streams its answer.
    ///
    /// - Throws: `BackendFailure` with words for the person; `CancellationError` once cancelled.
    public func answer(_ request: BackendRequest, to reply: any Replying) async throws {
        try Task.checkCancellation()
        guard let configuration = configuration(for: request) else {
            throw Wording.programFailed.failure(for: request.message, detail: "no command is configured")
        }
        let input = try RequestEncoder.encode(request) + [0x0A]
        let errors = StandardErrorTail()
        let outcome: Outcome
        let status: TerminationStatus
        do {
            let result = try await run(configuration, input: .inputWriter, output: .sequence, error: .sequence) {
                await Run(execution: $0, settings: settings, clock: clock).supervise(
                    input: input, errors: errors, reply: reply)
            }
            outcome = result.closureResult
            status = result.terminationStatus
        } catch {
            try Task.checkCancellation()
            throw Wording.programFailed.failure(for: request.message, detail: ServiceTrouble.describe(error))
        }
        if let error = verdict(outcome, status: status, errors: errors, message: request.message) { throw error }
    }

    private func configuration(for request: BackendRequest) -> Subprocess.Configuration? {
        guard let program = settings.command.first, !program.isEmpty else { return nil }
        var options = PlatformOptions()
        options.processGroupID = 0
        // `Run` ends the group itself. This is for a reply that ignores cancellation: signal 0 does nothing but wait.
        options.teardownSequence = [
            .send(
                signal: Signal(rawValue: 0), toProcessGroup: true,
                allowedDurationToNextStep: settings.killGrace * 2 + settings.exitGrace + .seconds(5))
        ]
        return Subprocess.Configuration(
            executable: program.contains("/") ? .path(FilePath(absolute(program))) : .name(program),
            arguments: Arguments(Array(settings.command.dropFirst())),
            workingDirectory: request.workspace.map { FilePath($0) }, platformOptions: options)
    }

    private func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        return (settings.baseDirectory ?? FileManager.default.currentDirectoryPath) + "/" + path
    }

    /// Error that a run ends with; nil when it went well.
    private func verdict(
        _ outcome: Outcome, status: TerminationStatus, errors: StandardErrorTail, message: InboundMessage
    ) -> (any Error)? {
        let text = errors.text
        let shown = settings.showsStandardError ? text : "\(errors.count) bytes (gateway.log.messageText shows the end)"
        let tail = text.isEmpty ? "" : "; standard error: \(shown)"
        func failure(_ wording: Wording, _ detail: String) -> BackendFailure {
            wording.failure(for: message, detail: detail + tail)
        }
        if Task.isCancelled { return CancellationError() }
        switch outcome.problem {
        case nil: break
        case let refusal as ReplyRefusal: return refusal.error
        case let cancellation as CancellationError: return cancellation
        case is TimedOut:
            let limit = settings.timeout.inSeconds
            return failure(outcome.sawContent ? .cutOff : .timedOut, "time-out after \(limit) s")
        case is LineTooLong: return failure(.tooLong, "a line beyond \(Self.maxLineBytes) bytes")
        case let error?: return failure(.programFailed, ServiceTrouble.describe(error))
        }
        if var reported = outcome.delivery.failure(source: "the program") {
            reported.detail += tail
            return reported
        }
        if outcome.lingered {
            logger.info("command: stopped, as it did not exit after its answer")
            return nil
        }
        switch status {
        case .exited(0): break
        case .exited(let code): return failure(.programFailed, "exit status \(code)")
        default: return failure(.programFailed, "ended by a signal")
        }
        if !text.isEmpty {
            logger.debug("command: wrote to standard error", metadata: .init([.bytes: errors.count]))
        }
        return nil
    }
}

/// How a run went, its exit status aside.
private struct Outcome: Sendable {
    var delivery: AnswerDelivery
    /// What stopped the reading before its end.
    var problem: (any Error)?
    /// Whether part of the answer was handed on.
    var sawContent = false
    /// Whether the program had to be stopped after its answer was over.
    var lingered = false
}

/// One run of the program, from its start to the end of its group.
private struct Run: Sendable {
    let execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>
    let settings: CommandSettings
    let clock: any MonotonicClock

    private var group: ProcessGroup {
        ProcessGroup(
            send: { [execution] signal in
                // It fails only when nothing of the group is left.
                try? execution.send(signal: signal, toProcessGroup: true)
            },
            id: execution.processIdentifier.value, grace: settings.killGrace)
    }

    /// Never throws, so that it is this code alone that ends the process.
    func supervise(input: [UInt8], errors: StandardErrorTail, reply: any Replying) async -> Outcome {
        let activity = Activity(limits: TimeLimits(total: settings.timeout), clock: clock)
        let stop = TeardownStep.gracefulShutDown(
            toProcessGroup: true, allowedDurationToNextStep: settings.killGrace)
        do {
            let delivery = try await withWatchdog(activity) {
                try await communicate(input: input, errors: errors, activity: activity, reply: reply)
            }
            try Task.checkCancellation()
            let start = ContinuousClock.now
            let wait = TeardownStep.send(
                signal: Signal(rawValue: 0), toProcessGroup: true, allowedDurationToNextStep: settings.exitGrace)
            await execution.teardown(using: [wait, stop])
            let lingered = start.duration(to: .now) >= settings.exitGrace
            await group.endRest(alreadyAsked: lingered)
            return Outcome(delivery: delivery, lingered: lingered)
        } catch {
            await execution.teardown(using: [stop])
            await group.endRest(alreadyAsked: true)
            return Outcome(
                delivery: AnswerDelivery(reply: reply), problem: error, sawContent: activity.sawToken)
        }
    }

    /// Writes the request and reads until the answer is over.
    private func communicate(
        input: [UInt8], errors: StandardErrorTail, activity: Activity, reply: any Replying
    ) async throws -> AnswerDelivery {
        try await withThrowingTaskGroup(of: AnswerDelivery?.self) { group in
            group.addTask {
                // A program need not read its input.
                _ = try? await execution.standardInputWriter.write(input)
                try? await execution.standardInputWriter.finish()
                return nil
            }
            group.addTask {
                for try await buffer in execution.standardError { errors.append(buffer.withUnsafeBytes { Array($0) }) }
                return nil
            }
            group.addTask { try await readAnswer(activity: activity, reply: reply) }
            while let end = try await group.next() {
                guard let delivery = end else { continue }
                // Cancelled reading still takes what the pipe holds.
                group.cancelAll()
                try await group.waitForAll()
                return delivery
            }
            throw CancellationError()
        }
    }

    private func readAnswer(activity: Activity, reply: any Replying) async throws -> AnswerDelivery {
        var delivery = AnswerDelivery(reply: reply)
        var parser = AnswerParser(maxLineBytes: CommandBackend.maxLineBytes)
        var events: [AnswerEvent] = []
        for try await buffer in execution.standardOutput {
            var problem: (any Error)?
            do {
                try buffer.withUnsafeBytes { try parser.feed($0, into: &events) }
            } catch {
                problem = error
            }
            try await delivery.perform(events)
            if delivery.sawContent { activity.tokenArrived() }
            events.removeAll(keepingCapacity: true)
            if let problem { throw problem }
            if delivery.isOver { return delivery }
        }
        // Reading ends early, without an error, when it is cancelled.
        try Task.checkCancellation()
        parser.finish(into: &events)
        try await delivery.perform(events)
        return delivery
    }
}
