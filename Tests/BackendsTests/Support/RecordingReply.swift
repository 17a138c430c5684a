import Foundation
import Shared

/// A reply that keeps everything it was given.
final class RecordingReply: Replying, @unchecked Sendable {
    enum Entry: Hashable, Sendable {
        case append(String)
        case replace(String)
        case think(String)
        case attach(Attachment)
    }

    // Everything below is touched under `lock` alone.
    private let lock = NSLock()
    private var recorded: [Entry] = []
    private var waiters: [(condition: @Sendable ([Entry]) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    private var isCancelled = false
    private let refusal: (any Error)?

    init(refusing error: (any Error)? = nil) { refusal = error }

    var entries: [Entry] { lock.withLock { recorded } }

    /// The answer as a person would see it in the end.
    var text: String {
        entries.reduce(into: "") { text, entry in
            switch entry {
            case .append(let delta): text += delta
            case .replace(let whole): text = whole
            case .think, .attach: break
            }
        }
    }

    var thoughts: String {
        entries.compactMap { if case .think(let text) = $0 { text } else { nil } }.joined()
    }

    var attachments: [Attachment] { entries.compactMap { if case .attach(let value) = $0 { value } else { nil } } }

    func append(_ delta: String) async throws { try record(.append(delta)) }
    func replace(with text: String) async throws { try record(.replace(text)) }
    func think(_ delta: String) async throws { try record(.think(delta)) }
    func attach(_ attachment: Attachment) async throws { try record(.attach(attachment)) }

    /// Suspends until the condition holds, or the test is cancelled by its time limit.
    func wait(until condition: @escaping @Sendable ([Entry]) -> Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let holds = lock.withLock { () -> Bool in
                    if condition(recorded) || isCancelled { return true }
                    waiters.append((condition, continuation))
                    return false
                }
                if holds { continuation.resume() }
            }
        } onCancel: {
            let all = lock.withLock { () -> [CheckedContinuation<Void, Never>] in
                isCancelled = true
                defer { waiters.removeAll() }
                return waiters.map(\.continuation)
            }
            for continuation in all { continuation.resume() }
        }
    }

    private func record(_ entry: Entry) throws {
        if let refusal { throw refusal }
        let ready = lock.withLock { () -> [CheckedContinuation<Void, Never>] in
            recorded.append(entry)
            let ready = waiters.filter { $0.condition(recorded) }.map(\.continuation)
            waiters.removeAll { $0.condition(recorded) }
            return ready
        }
        for continuation in ready { continuation.resume() }
    }
}
