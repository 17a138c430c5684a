import Foundation
import Logging
import Shared
import Testing

@testable import AIBotWS

/// A week of a bot's life on a manual clock: the real client and engine, a ledger that outlives them, and a platform that
/// is away, kicks, refuses and stays silent, all by one seed.
private final class Week {
    let platform = FakePlatform()
    let ledger = InMemoryLedger(maxEnded: 100_000)
    var random: SeededGenerator
    var said = 0
    var restarts = 0
    var kicks = 0
    var log = StatusLog()
    var client: AIBotClient?
    let start: MonotonicInstant
    /// When the platform can be reached again.
    var backAt: MonotonicInstant?
    var problems: [String] = []

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        start = platform.clock.now
    }

    func pick(_ upper: Int) -> Int { Int.random(in: 0..<upper, using: &random) }
    var now: MonotonicInstant { platform.clock.now }
    var isOnline: Bool { log.last == .online }
    var openTurns: Int { client?.openTurns ?? 0 }

    /// One run of the program; its end is a kill.
    func life(until end: MonotonicInstant) async {
        let log = StatusLog()
        self.log = log
        let seed = random.next()
        let clock = platform.clock
        let client = client(seed: seed)
        self.client = client
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await client.run(onStatus: { log.add($0) }) { message, reply in
                    // Some answers take longer than a bubble lives.
                    if message.text.hasSuffix("7") { try await clock.sleep(for: .seconds(400)) }
                    try await reply.append("re: " + message.text)
                }
            }
            while now < end { await step() }
            group.cancelAll()
        }
        restarts += 1
    }

    private func client(seed: UInt64) -> AIBotClient {
        var configuration = AIBotClient.Configuration(
            session: SessionConfiguration(
                botID: "aib-test", secret: "secret",
                target: ConnectionTarget(secure: false, host: "127.0.0.1", port: 1)))
        configuration.seed = seed
        configuration.session.onReplaced = .takeover
        return AIBotClient(
            configuration, transport: platform.transport, ledger: ledger, clock: platform.clock,
            wallClock: platform.clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func step() async {
        if let backAt, now >= backAt {
            self.backAt = nil
            platform.transport.setConnectPolicy(.accept)
        }
        if backAt == nil, isOnline { await live() }
        await advance(openTurns > 0 ? .seconds(5) : .seconds(30))
    }

    /// Whatever happens in half a minute of a working connection.
    private func live() async {
        if pick(6) == 0 { await say() }
        switch pick(4_000) {
        case 0...15: outage(.seconds(1 + pick(20)))
        case 16...17: outage(.seconds(60 + pick(7_200)))
        case 18...20:
            kicks += 1
            platform.event("disconnected_event", number: 10_000 + kicks)
            platform.transport.dropConnection(platform.current)
        case 21...30:
            platform.set(.takesSilently)
            await say()
            await advance(.seconds(15))
            platform.set(.acknowledges)
        case 31...34:
            platform.set(.dead)
            await say()
            for _ in 0..<20 { await advance(.seconds(5)) }
            platform.set(.acknowledges)
        case 35...100:
            platform.set(.refusesOnce([846_607, 846_608, 846_605, 6_000, -1, 45_009, 846_609][pick(7)]))
            await say()
        default: break
        }
    }

    func outage(_ length: Duration) {
        platform.transport.refuseConnect("connection refused")
        platform.transport.dropConnection(platform.current)
        backAt = now.advanced(by: length)
    }

    private func say() async {
        said += 1
        let number = said
        platform.say(number, "\(number)", user: "user\(number % 30)")
        // A look at the ledger costs more than many turns of the others.
        var isAccepted = false
        for _ in 0..<1_000 where !isAccepted {
            for _ in 0..<10 { await Task.yield() }
            isAccepted = !ledger.trace(messageID: MessageID("m\(number)")).isEmpty
        }
        if !isAccepted { problems.append("message \(number) not accepted") }
    }

    private func advance(_ duration: Duration) async {
        platform.clock.advance(by: duration)
        await platform.transport.settle()
        guard openTurns > 0 || !isOnline else { return }
        for _ in 0..<30 {
            await Task.yield()
            await platform.transport.settle()
        }
    }

    func finish() async {
        platform.set(.acknowledges)
        platform.transport.setConnectPolicy(.accept)
        backAt = nil
        let end = now.advanced(by: .seconds(86_400))
        let log = StatusLog()
        self.log = log
        let client = client(seed: random.next())
        self.client = client
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await client.run(onStatus: { log.add($0) }) { message, reply in
                    try await reply.append("re: " + message.text)
                }
            }
            var isDone = false
            while !isDone, now < end {
                await advance(.seconds(5))
                let counts = ledger.counts()
                isDone = isOnline && openTurns == 0 && counts[.accepted] == 0 && counts[.answered] == 0
            }
            #expect(openTurns == 0)
            #expect(client.waitingTurns == 0)
            group.cancelAll()
        }
    }
}

@Suite("A week in the life of a bot")
struct VirtualWeekTests {
    @Test(
        "virtual.week: P1, P3, P8, P17, P31: outages, kicks, restarts, refusals: nothing lost, nothing doubled in silence"
    )
    func week() async {
        let week = Week(seed: 2_026)
        let lives = [0.9, 1.4, 2.0, 5.6, 5.9, 6.5, 7.0]
        for (index, day) in lives.enumerated() {
            // Day two to five: the platform cannot be reached.
            if index == 3 { week.outage(.seconds(3 * 86_400)) }
            await week.life(until: week.start.advanced(by: .seconds(Int(day * 86_400))))
        }
        await week.finish()
        #expect(week.problems.isEmpty, "\(week.problems.prefix(5))")
        #expect(week.said > 1_000)
        check(week)
        // Backoff and takeovers are bounded: three days at one try a minute at most, and what the seed brings about.
        let subscribes = week.platform.count("aibot_subscribe")
        #expect(subscribes < 700, "\(subscribes) subscribes")
        #expect(week.platform.transport.connections.count < 9_000)
        let pruned = week.ledger.prune(before: Int64.max, cardsBefore: Int64.max)
        #expect(pruned.isEmpty)
        #expect(week.ledger.counts().values.allSatisfy { $0 == 0 })
    }

    private func check(_ week: Week) {
        var shown: [String: Int] = [:]
        for text in week.platform.shown {
            if let line = text.split(separator: "\n").last, line.hasPrefix("re: ") {
                shown[String(line), default: 0] += 1
            }
        }
        for number in 1...max(week.said, 1) {
            let task = week.ledger.trace(messageID: MessageID("m\(number)")).first
            #expect(task?.state == .done, "message \(number): \(String(describing: task?.state)) \(task?.reason ?? "")")
            let times = shown["re: \(number)"] ?? 0
            let repeats = task?.parts.reduce(0) { $0 + max(0, $1.attempts - 1) } ?? 0
            #expect(times >= 1, "message \(number) was never answered")
            #expect(times <= 1 + repeats, "message \(number) shown \(times) times, ledger names \(repeats) repeats")
        }
        #expect(week.platform.state.withLock { state in state.bubbles.values.allSatisfy(\.isSealed) })
    }
}
