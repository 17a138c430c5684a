import OrderedCollections
import Shared

/// Answers to signed requests, for requests that come again byte for byte.
///
/// The platform promises not to use a nonce twice within 2 hours, so the same query means the same request. Bounded in time,
/// number and bytes; long answers are not kept, since whoever repeats a message is known by its id all the same.
struct ReplayMemory: Sendable {
    struct Answer: Sendable {
        var contentType: String
        var body: [UInt8]
        /// Hears that it went out whole, each time.
        var onWritten: (@Sendable () -> Void)?
    }

    static let keepFor: Duration = .seconds(7_200)
    static let maxAnswers = 10_000
    static let maxAnswerBytes = 65_536
    static let maxBytes = 16 << 20

    private var answers: OrderedDictionary<String, (answer: Answer, at: MonotonicInstant)> = [:]
    private var bytes = 0

    /// The answer that the same request got before.
    func answer(to query: String, now: MonotonicInstant) -> Answer? {
        guard let known = answers[query], known.at.duration(to: now) < Self.keepFor else { return nil }
        return known.answer
    }

    mutating func keep(_ answer: Answer, to query: String, now: MonotonicInstant) {
        guard answer.body.count <= Self.maxAnswerBytes, query.utf8.count <= 1_024, answers[query] == nil else { return }
        answers[query] = (answer, now)
        bytes += answer.body.count
        guard answers.count > Self.maxAnswers || bytes > Self.maxBytes else { return }
        // A tenth at a time: taking away the first one moves all others.
        let gone = max(1, answers.count / 10)
        bytes -= answers.prefix(gone).reduce(0) { $0 + $1.value.answer.body.count }
        answers.removeFirst(gone)
    }
}
