import Logging
import Shared

/// Answers requests to callback addresses: verdict, receiver, encryption. Knows nothing of HTTP libraries.
final class CallbackDesk: Sendable {
    /// What goes out.
    struct Answer: Sendable {
        var status: Int
        var contentType = "text/plain; charset=utf-8"
        var body: [UInt8]
        var onWritten: (@Sendable () -> Void)?
    }

    private let gate: CallbackGate
    private let receivers: [CallbackReceiver]
    private let memory = Locked(ReplayMemory())
    private let complaints = Locked(QuietLog())
    private let clock: any MonotonicClock
    private let wallClock: any WallClock
    private let logger: Logger

    init(
        _ receivers: [CallbackReceiver], clock: any MonotonicClock, wallClock: any WallClock, logger: Logger
    ) {
        gate = CallbackGate(endpoints: receivers.map(\.endpoint))
        self.receivers = receivers
        self.clock = clock
        self.wallClock = wallClock
        self.logger = logger
    }

    /// Answers one request. Never fails, and takes as long as the receiver does.
    func answer(_ request: CallbackRequest) async -> Answer {
        let now = clock.now
        switch gate.judge(request) {
        case .refused(let refusal):
            note(refusal, request.path, now: now)
            return Answer(status: refusal.status, body: Array(refusal.body.utf8))
        case .echo(let bytes, let account):
            logger.info("callback address verified", metadata: .init([.account: account]))
            return Answer(status: 200, body: bytes)
        case .notOurs(let mismatch, let account):
            logger.warning(
                "callback for somebody else was ignored",
                metadata: .init([.account: account, .reason: mismatch == .enterprise ? "enterprise" : "application"]))
            return Answer(status: 200, body: [])
        case .callback(let callback):
            // Exactly the same bytes under the same signature get exactly the same answer.
            let key = request.query
            if let earlier = memory.withLock({ $0.answer(to: key, now: now) }) {
                return Answer(
                    status: 200, contentType: earlier.contentType, body: earlier.body, onWritten: earlier.onWritten)
            }
            let answer = await answer(callback)
            if answer.status == 200 {
                memory.withLock {
                    $0.keep(
                        .init(contentType: answer.contentType, body: answer.body, onWritten: answer.onWritten), to: key,
                        now: now)
                }
            }
            return answer
        }
    }

    private func answer(_ callback: VerifiedCallback) async -> Answer {
        guard let receiver = receivers.first(where: { $0.endpoint.isMeant(by: callback) }) else {
            return Answer(status: 200, body: [])
        }
        guard let reply = await receiver.answer(callback) else {
            return Answer(status: 503, body: Array("busy, deliver again".utf8))
        }
        guard let message = reply.message else { return Answer(status: 200, body: [], onWritten: reply.onWritten) }
        // In a box: to ThreadSanitizer all values without a size are one that everybody writes to.
        var generator: any RandomNumberGenerator = SystemRandomNumberGenerator()
        do {
            let sealed = try receiver.endpoint.reply(
                message, to: callback, timestamp: wallClock.unixMilliseconds / 1_000, using: &generator)
            return Answer(
                status: 200, contentType: receiver.endpoint.contentType, body: Array(sealed.utf8),
                onWritten: reply.onWritten)
        } catch {
            logger.error(
                "reply to a callback cannot be encrypted",
                metadata: .init([.account: callback.account, .error: "\(error)"]))
            return Answer(status: 500, body: Array("encryption failed".utf8))
        }
    }

    /// One line for each kind of refusal and second at most: the path is public, and anybody may knock.
    private func note(_ refusal: CallbackRefusal, _ path: String, now: MonotonicInstant) {
        guard refusal != .notFound, let missed = complaints.withLock({ $0.speaks(of: refusal.status, now: now) }) else {
            return
        }
        var metadata = Logger.Metadata([.reason: refusal.body, .path: path.prefix(128), .count: missed + 1])
        if case .missingQuery = refusal {
            metadata[LogKey.reaction.rawValue] = "let the proxy in front pass the query on unchanged"
        }
        logger.warning("callback refused", metadata: metadata)
    }
}

/// How often something was kept quiet.
struct QuietLog: Sendable {
    private var last: [Int: (at: MonotonicInstant, missed: Int)] = [:]

    /// Number of occasions since the last line; nil when it is too early for the next.
    mutating func speaks(of kind: Int, now: MonotonicInstant) -> Int? {
        guard let (at, missed) = last[kind] else {
            last[kind] = (now, 0)
            return 0
        }
        guard at.duration(to: now) >= .seconds(1) else {
            last[kind] = (at, missed + 1)
            return nil
        }
        last[kind] = (now, 0)
        return missed
    }
}
