import AIBotWS
import Dispatch
import Foundation
import Shared

/// What was seen of the client and not yet compared with the scenario.
///
/// Frames, connects and closes are in order; the others are kept by kind, since nothing fixes their order to frames.
final class Observations: @unchecked Sendable {
    /// Something on the connection.
    enum Wire: Sendable {
        case dial
        case frame(String)
        case closed
    }

    /// How the bot ended.
    enum Ending: Sendable, Equatable {
        case normally
        case with(String)
    }

    /// Longest real time to wait for something that must come.
    static let patience = DispatchTimeInterval.seconds(10)
    static let mostKept = 100_000

    // Everything below is touched under `lock` alone; continuations are resumed after it is released.
    private let lock = NSLock()
    private var wire: [Wire] = []
    private var calls: [HandlerScript] = []
    private var events: [JSONValue] = []
    private var outcomes: [String] = []
    private var currentStatus = SessionStatus.idle
    private var currentEnding: Ending?
    private var total: UInt64 = 0
    private var active: UInt64 = 0
    private var nextWaiter: UInt64 = 0
    private var waiters: [UInt64: CheckedContinuation<Bool, Never>] = [:]

    /// Counts whatever `wait` may wait for.
    var count: UInt64 { lock.withLock { total } }
    /// Counts what the client did, or what happened to it.
    var activity: UInt64 { lock.withLock { active } }
    var status: SessionStatus { lock.withLock { currentStatus } }
    var ending: Ending? { lock.withLock { currentEnding } }

    // MARK: Noting

    func note(wire item: Wire) { change { if $0.wire.count < Self.mostKept { $0.wire.append(item) } } }
    func note(call: HandlerScript) { change { if $0.calls.count < Self.mostKept { $0.calls.append(call) } } }
    func note(event: JSONValue) { change { if $0.events.count < Self.mostKept { $0.events.append(event) } } }
    func note(outcome: String) { change { if $0.outcomes.count < Self.mostKept { $0.outcomes.append(outcome) } } }
    func note(status: SessionStatus) { change { $0.currentStatus = status } }
    func note(ending: Ending) { change { $0.currentEnding = ending } }
    /// Something happened that is not compared but may be waited for.
    func stir() { change { _ in } }
    /// Wakes who waits; the client had no part in it.
    func ring() { change(isActivity: false) { _ in } }

    private func change(isActivity: Bool = true, _ body: (Observations) -> Void) {
        let ready = lock.withLock { () -> [CheckedContinuation<Bool, Never>] in
            body(self)
            total += 1
            if isActivity { active += 1 }
            defer { waiters = [:] }
            return Array(waiters.values)
        }
        for continuation in ready { continuation.resume(returning: true) }
    }

    // MARK: Taking

    func takeWire(_ index: Int = 0) -> Wire? {
        lock.withLock { wire.indices.contains(index) ? wire.remove(at: index) : nil }
    }
    var pendingWire: [Wire] { lock.withLock { wire } }
    func takeCall(where isWanted: (JSONValue) -> Bool) -> HandlerScript? {
        lock.withLock { calls.firstIndex { isWanted($0.message) }.map { calls.remove(at: $0) } }
    }
    func takeEvent() -> JSONValue? { lock.withLock { events.isEmpty ? nil : events.removeFirst() } }
    func takeOutcome() -> String? { lock.withLock { outcomes.isEmpty ? nil : outcomes.removeFirst() } }
    var firstWire: Wire? { lock.withLock { wire.first } }

    // MARK: Waiting

    /// Suspends until more was noted than `seen`; false when nothing came for the longest time.
    func wait(past seen: UInt64) async -> Bool {
        await withCheckedContinuation { continuation in
            let number = lock.withLock { () -> UInt64? in
                guard total <= seen else { return nil }
                nextWaiter += 1
                waiters[nextWaiter] = continuation
                return nextWaiter
            }
            guard let number else { return continuation.resume(returning: true) }
            DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { [self] in
                lock.withLock { waiters.removeValue(forKey: number) }?.resume(returning: false)
            }
        }
    }
}

/// A handler that does what the scenario tells it, for one message.
final class HandlerScript: Sendable {
    let message: JSONValue
    private let commands: AsyncStream<HandlerCommand>
    private let continuation: AsyncStream<HandlerCommand>.Continuation
    private let stopped = StopFlag()

    init(_ message: InboundMessage) {
        self.message = MessageRendition.message(message)
        (commands, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(10_000))
    }

    var isStopped: Bool { stopped.isSet }

    func tell(_ command: HandlerCommand) { continuation.yield(command) }

    /// Works through the commands until one of them ends it, or the task is cancelled.
    func run(_ reply: any Replying) async throws {
        for await command in commands {
            switch command {
            case .append(let text): try await reply.append(text)
            case .replace(let text): try await reply.replace(with: text)
            case .think(let text): try await reply.think(text)
            case .attach(let attachment): try await reply.attach(attachment)
            case .finish: return
            case .fail(let words): throw BackendFailure(userText: words, detail: "as scripted")
            }
        }
        stopped.set()
        throw CancellationError()
    }
}

/// Set once, from any thread.
final class StopFlag: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var value = false

    var isSet: Bool { lock.withLock { value } }
    func set() { lock.withLock { value = true } }
}
