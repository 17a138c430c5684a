import Shared
import Testing

@testable import WebhookCompat

@Suite("CallRetries")
struct CallRetriesTests {
    private static func refused(_ code: Int) -> AttemptResult {
        .refused(PlatformError(code: code, origin: .serverAPI))
    }

    private static func failure(_ code: Int) -> ServerAPIFailure {
        .refused(PlatformError(code: code, origin: .serverAPI))
    }

    /// A history of attempts, and what the last of them leads to.
    struct Case: Sendable, CustomTestStringConvertible {
        let harm: CallRetries.Harm
        let attempts: [AttemptResult]
        let verdict: CallRetries.Verdict

        var testDescription: String { "\(harm) \(attempts)" }
    }

    private static let pauses: [Duration] = [.milliseconds(500), .seconds(1), .seconds(2)]

    static let cases: [Case] = [
        Case(harm: .none, attempts: [.done], verdict: .done),
        // Busy: three times.
        Case(harm: .duplicate, attempts: [refused(-1)], verdict: .again(after: pauses[0])),
        Case(harm: .duplicate, attempts: [refused(-1), refused(45_033)], verdict: .again(after: pauses[1])),
        Case(harm: .duplicate, attempts: Array(repeating: refused(-1), count: 3), verdict: .again(after: pauses[2])),
        Case(harm: .duplicate, attempts: Array(repeating: refused(-1), count: 4), verdict: .fail(failure(-1))),
        // Too often: after its pause, as often as it takes.
        Case(
            harm: .duplicate, attempts: [refused(45_009)],
            verdict: .againAfterBlock(PlatformError(code: 45_009, origin: .serverAPI))),
        // Tokens: once.
        Case(
            harm: .duplicate, attempts: [refused(42_001)],
            verdict: .againWithNewToken(PlatformError(code: 42_001, origin: .serverAPI))),
        Case(harm: .none, attempts: [refused(40_014), refused(42_001)], verdict: .fail(failure(42_001))),
        // Final at once.
        Case(harm: .none, attempts: [refused(60_020)], verdict: .fail(failure(60_020))),
        Case(harm: .none, attempts: [refused(1_234_567)], verdict: .fail(failure(1_234_567))),
        Case(harm: .none, attempts: [.unreadable], verdict: .fail(.notSent(.unreadable))),
        // No connection: three times, whatever it is.
        Case(harm: .duplicate, attempts: [.notConnected], verdict: .again(after: pauses[0])),
        Case(
            harm: .duplicate, attempts: Array(repeating: .notConnected, count: 4),
            verdict: .fail(.notSent(.unreachable))),
        // Silence: once, where the platform drops the second one.
        Case(harm: .duplicate, attempts: [.noAnswer], verdict: .fail(.unknown)),
        Case(harm: .guarded, attempts: [.noAnswer], verdict: .again(after: .zero)),
        Case(harm: .guarded, attempts: [.noAnswer, .noAnswer], verdict: .fail(.unknown)),
        Case(harm: .none, attempts: [.noAnswer, .noAnswer], verdict: .fail(.notSent(.unreachable))),
        // What may have been done is not denied later.
        Case(
            harm: .guarded, attempts: [.noAnswer] + Array(repeating: .notConnected, count: 4),
            verdict: .fail(.unknown)),
        Case(harm: .guarded, attempts: [.noAnswer, refused(40_007)], verdict: .fail(failure(40_007))),
        Case(
            harm: .guarded, attempts: [.noAnswer] + Array(repeating: refused(-1), count: 4), verdict: .fail(.unknown)),
        // HTTP.
        Case(harm: .duplicate, attempts: [.status(429)], verdict: .again(after: pauses[0])),
        Case(harm: .duplicate, attempts: [.status(502)], verdict: .fail(.unknown)),
        Case(harm: .guarded, attempts: [.status(502)], verdict: .again(after: pauses[0])),
        Case(harm: .guarded, attempts: Array(repeating: .status(503), count: 4), verdict: .fail(.unknown)),
        Case(harm: .none, attempts: Array(repeating: .status(503), count: 4), verdict: .fail(.notSent(.unavailable))),
        Case(harm: .none, attempts: [.status(302)], verdict: .fail(.notSent(.unavailable))),
        Case(harm: .none, attempts: [.status(403)], verdict: .fail(.notSent(.unavailable))),
        // Tokens that cannot be had.
        Case(harm: .duplicate, attempts: [.noToken(.unreachable)], verdict: .again(after: pauses[0])),
        Case(harm: .duplicate, attempts: [.noToken(.notConfigured)], verdict: .fail(.notSent(.noCredentials))),
        // Cancelled.
        Case(harm: .duplicate, attempts: [.cancelled(wasWritten: false)], verdict: .fail(.notSent(.cancelled))),
        Case(harm: .duplicate, attempts: [.cancelled(wasWritten: true)], verdict: .fail(.unknown)),
        Case(harm: .none, attempts: [.cancelled(wasWritten: true)], verdict: .fail(.notSent(.cancelled))),
    ]

    @Test("AG-8: what is repeated, and how often", arguments: cases)
    func table(sample: Case) {
        var retries = CallRetries(sample.harm)
        var verdict = CallRetries.Verdict.done
        for attempt in sample.attempts { verdict = retries.judge(attempt, random: 1) }
        #expect(verdict == sample.verdict)
    }

    @Test(
        "AG-8: pauses lie between half and the whole of their step, whatever the random number",
        arguments: [-1, 0, 0.5, 1, 7])
    func jitter(random: Double) {
        var retries = CallRetries(.none)
        for whole in Self.pauses {
            guard case .again(let pause) = retries.judge(.notConnected, random: random) else {
                Issue.record("no pause")
                return
            }
            #expect(pause >= whole / 2 && pause <= whole)
        }
    }

    @Test("AG-8: an API whose frequency was exceeded rests 60 s, 5 min, then 60 min; a success starts over")
    func blocks() {
        let error = PlatformError(code: 45_009, origin: .serverAPI)
        var blocks = APIBlocks()
        var now: Int64 = 0
        for length in [60_000, 300_000, 3_600_000, 3_600_000] as [Int64] {
            blocks.refused("message/send", error, now: now)
            // Calls that were on their way change nothing.
            blocks.refused("message/send", error, now: now + 1)
            #expect(blocks.wait("message/send", now: now)?.milliseconds == length)
            #expect(blocks.wait("message/send", now: now + length - 1)?.milliseconds == 1)
            #expect(blocks.wait("media/upload", now: now) == nil)
            now += length
            #expect(blocks.wait("message/send", now: now) == nil)
        }
        blocks.succeeded("message/send")
        blocks.refused("message/send", error, now: now)
        #expect(blocks.wait("message/send", now: now)?.milliseconds == 60_000)
    }

    @Test("AG-4: the same bytes to the same people are checked for duplicates unless another message was the same")
    func duplicates() {
        var memory = DuplicateMemory()
        #expect(memory.mayCheck("a", now: 0) == true)
        #expect(memory.mayCheck("a", now: 1) == false)
        #expect(memory.mayCheck("b", now: 1) == true)
        memory.forget("b")
        #expect(memory.mayCheck("b", now: 2) == true)
        // The last one counts.
        #expect(memory.mayCheck("a", now: 180_000) == false)
        #expect(memory.mayCheck("a", now: 360_000) == true)
        for index in 0..<10_000 { _ = memory.mayCheck("\(index)", now: 360_001 + Int64(index)) }
        #expect(memory.mayCheck("9999", now: 370_001) == false)
        #expect(memory.count <= 2_000)
    }
}
