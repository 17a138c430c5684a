import Foundation
import Logging
import Shared
import Testing

@testable import AIBotWS

/// A week of a bot's life on a manual clock: the real client and engine, a disk that outlives them, and a platform that
/// is away, kicks, refuses and stays silent, all by one seed.
///
/// Everything that the client does runs on the transport's queue, so that one `settle` is all there is to do before time
/// goes on. With `SWIFT_DETERMINISTIC_HASHING=1` the same seed makes the same week.
private final class Week {
    typealias Span = ClosedRange<MonotonicInstant>

    let platform = FakePlatform()
    let disk = InMemoryLedger(maxEnded: 100_000)
    var random: SeededGenerator
    /// What was said, and by whom, by message number from 1.
    var said: [(text: String, user: String, at: MonotonicInstant)] = []
    var kicks = 0
    let attempts = AttemptLog()
    /// What became of each message that the ledger has seen the end of.
    var ends: [Int: LedgerTask] = [:]
    /// When the bot was out of reach, from the first sign of it until it was online again.
    var gaps: [Span] = []
    var problems: [String] = []
    /// A second program takes the bot back whenever it is online.
    var isContested = false
    /// Nobody says anything, and nothing goes wrong.
    var isCalm = false

    /// Most rows in the ledger after cleaning, and answers that nobody could be given for a day.
    var mostRows = 0
    var expired = 0

    private var gapSince: MonotonicInstant?
    private var cleanedAt = MonotonicInstant()
    private var backAt: MonotonicInstant?
    private var log = StatusLog()
    private var client: AIBotClient?

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    func pick(_ upper: Int) -> Int { Int.random(in: 0..<upper, using: &random) }
    var now: MonotonicInstant { platform.clock.now }
    var isOnline: Bool { log.last == .online }
    var openTurns: Int { client?.openTurns ?? 0 }
    var waitingTurns: Int { client?.waitingTurns ?? 0 }
    var subscribes: Int { platform.count("aibot_subscribe") }

    /// One run of the program; its end is a kill.
    func life(until isOver: () -> Bool) async {
        let log = StatusLog()
        let ledger = MortalLedger(over: disk)
        let clock = platform.clock
        let client = bot(ledger, seed: random.next())
        (self.log, self.client) = (log, client)
        await withTaskGroup(of: Void.self) { [attempts] group in
            group.addTask(executorPreference: platform.transport) {
                try? await client.run(onStatus: { log.add($0) }) { message, reply in
                    attempts.add(message.id)
                    // Some answers take longer than a bubble lives.
                    if message.text.hasSuffix("7") { try await clock.sleep(for: .seconds(400)) }
                    try await reply.append("re: " + message.text)
                }
            }
            await platform.transport.settle()
            while !isOver() { await step() }
            if isOnline, !isCalm {
                platform.set([.acknowledges, .takesSilently, .dead][pick(3)])
                for _ in 0..<3 { await say() }
            }
            #expect(waitingTurns == 0 || !isCalm)
            // The program is gone at once: nothing that it does while it ends is seen by anybody.
            ledger.die()
            platform.set(.dead)
            leave()
            group.cancelAll()
        }
        platform.set(.acknowledges)
        keepHouse()
    }

    private func bot(_ ledger: MortalLedger, seed: UInt64) -> AIBotClient {
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

    // MARK: Time

    private func step() async {
        if let backAt, now >= backAt {
            self.backAt = nil
            platform.transport.setConnectPolicy(.accept)
        }
        let seconds = openTurns > 0 && isOnline ? 5 : 30
        if backAt == nil, isOnline, !isCalm { await live(seconds) }
        await pass(.seconds(seconds))
        if cleanedAt.duration(to: now) >= .seconds(3_600) { keepHouse() }
    }

    /// Whatever happens in so many seconds of a working connection.
    private func live(_ seconds: Int) async {
        func happens(aDay times: Int) -> Bool { pick(86_400) < times * seconds }
        if isContested { return kick() }
        if happens(aDay: 600) { await say() }
        if happens(aDay: 40) { await repeatOne() }
        if happens(aDay: 3) { for _ in 0..<45 { await say(user: "busy\(kicks % 3)") } }
        if happens(aDay: 12) { await silence(.takesSilently, .seconds(15)) }
        if happens(aDay: 4) { await silence(.dead, .seconds(100)) }
        if happens(aDay: 70) {
            let code = [846_607, 846_608, 846_605, 6_000, -1, 45_009, 846_609][pick(7)]
            platform.set(.refusesOnce(code, at: "r\(said.count + 1)"))
            await say()
        }
        if happens(aDay: 20) { outage(.seconds(1 + pick(20))) }
        if happens(aDay: 2) { outage(.seconds(60 + pick(7_200))) }
        if happens(aDay: 3) { kick() }
    }

    func pass(_ duration: Duration) async {
        platform.clock.advance(by: duration)
        await platform.transport.settle()
        if isOnline, let since = gapSince {
            gaps.append(since...now)
            gapSince = nil
        } else if !isOnline {
            leave()
        }
    }

    private func leave() { gapSince = gapSince ?? now }

    // MARK: Trouble

    func outage(_ length: Duration) {
        leave()
        platform.transport.refuseConnect("connection refused")
        platform.transport.dropConnection(platform.current)
        backAt = now.advanced(by: length)
    }

    private func kick() {
        leave()
        kicks += 1
        platform.event("disconnected_event", number: 10_000 + kicks)
        platform.transport.dropConnection(platform.current)
    }

    private func silence(_ mood: FakePlatform.Mood, _ length: Duration) async {
        platform.set(mood)
        let since = now
        await say()
        while since.duration(to: now) < length { await pass(.seconds(5)) }
        platform.set(.acknowledges)
        gaps.append(since...now)
    }

    // MARK: Messages

    private func say(user: String? = nil) async {
        guard isOnline else { return }
        let number = said.count + 1
        // The last digit decides how long the answer takes; those of a burst take no time.
        said.append((user == nil ? "\(number)" : "\(number)!", user ?? "user\(number % 30)", now))
        await deliver(number)
        if disk.trace(messageID: MessageID("m\(number)")).isEmpty { problems.append("\(number) was not accepted") }
    }

    /// The platform delivers a message of the last minutes once more.
    private func repeatOne() async {
        let recent = said.indices.filter { said[$0].at.duration(to: now) < .seconds(900) }
        guard !recent.isEmpty else { return }
        await deliver(recent[pick(recent.count)] + 1)
    }

    private func deliver(_ number: Int) async {
        platform.say(number, said[number - 1].text, user: said[number - 1].user)
        await platform.transport.settle()
    }

    // MARK: Judging

    /// Like the program's own housekeeping; before that, what has ended is read.
    private func keepHouse() {
        cleanedAt = now
        for task in disk.tasks(in: [.done, .dead], limit: .max) {
            if let number = Int(task.entry.message.id.rawValue.dropFirst()) { ends[number] = task }
        }
        let before = platform.clock.unixMilliseconds - 86_400_000
        disk.prune(before: before, cardsBefore: 0)
        mostRows = max(mostRows, disk.counts().values.reduce(0, +))
    }

    /// Whether the bot was out of reach, or refused, while the bubble could have been sealed.
    private func wasTroubled(_ bubble: FakePlatform.Bubble) -> Bool {
        let life = bubble.openedAt...bubble.openedAt.advanced(by: .seconds(600))
        return platform.state.withLock { $0.refusedKeys.contains(bubble.key) } || gaps.contains { $0.overlaps(life) }
    }

    /// Everything that was said has an answer, and whatever is not as it should be has a cause and is named.
    func judge() {
        let bubbles = platform.state.withLock { Array($0.bubbles.values) }
        let byKey = Dictionary(grouping: bubbles, by: \.key)
        var shown: [String: Int] = [:]
        for text in platform.shown {
            if let line = text.split(separator: "\n").last, line.hasPrefix("re: ") {
                shown[String(line), default: 0] += 1
            }
        }
        for (index, message) in said.enumerated() {
            let number = index + 1
            guard let task = ends[number] else {
                problems.append("\(number) has no end")
                continue
            }
            let own = byKey["r\(number)"] ?? []
            judge(number, task, own, times: shown["re: " + message.text] ?? 0)
        }
    }

    private func judge(_ number: Int, _ task: LedgerTask, _ bubbles: [FakePlatform.Bubble], times: Int) {
        let isTroubled = bubbles.contains(where: wasTroubled)
        if task.reason == "refused: queue full" {
            let isTold = bubbles.contains { $0.isSealed && $0.content == ReplyWords().queueFull }
            if !isTold { problems.append("\(number) was refused without a word") }
            return
        }
        if task.state == .dead {
            let kept = (task.finishedAt ?? 0) - task.entry.acceptedAt
            if task.reason != "expired" || kept < 86_400_000 { problems.append("\(number) died: \(task.reason ?? "")") }
            expired += 1
            return
        }
        if times == 0 { problems.append("\(number) was never answered") }
        let repeats = task.parts.reduce(0) { $0 + max(0, $1.attempts - 1) }
        if !task.parts.allSatisfy(\.state.isSettled) { problems.append("\(number) is done, and a part of it is not") }
        // A bubble that cannot be sealed any more shows what it showed, and the whole follows as a push.
        let leftovers = task.isHandedOver && isTroubled ? 1 : 0
        if times > 1 + repeats + leftovers {
            problems.append("\(number) shown \(times) times, the ledger names \(repeats) and \(leftovers)")
        }
        if bubbles.contains(where: { !$0.isSealed }), !task.isHandedOver || !isTroubled {
            problems.append("\(number) spins for ever: handed over \(task.isHandedOver), trouble \(isTroubled)")
        }
    }

    /// Most messages that one person got within a minute.
    var mostInAMinute: Int {
        var times: [String: [MonotonicInstant]] = [:]
        platform.state.withLock { state in
            for bubble in state.bubbles.values {
                guard let number = Int(bubble.key.dropFirst()) else { continue }
                times[said[number - 1].user, default: []].append(bubble.openedAt)
            }
            for push in state.pushed { times[push.chat, default: []].append(push.at) }
        }
        return times.values.map { unsorted in
            let sorted = unsorted.sorted()
            var first = 0
            var most = 0
            for (last, at) in sorted.enumerated() {
                while sorted[first].duration(to: at) >= .seconds(60) { first += 1 }
                most = max(most, last - first + 1)
            }
            return most
        }.max() ?? 0
    }
}

/// How often the handler was started for each message, over all runs.
private final class AttemptLog: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var attempts: [MessageID: Int] = [:]
    func add(_ id: MessageID) { lock.withLock { attempts[id, default: 0] += 1 } }
    var most: Int { lock.withLock { attempts.values.max() ?? 0 } }
}

@Suite("A week in the life of a bot")
struct VirtualWeekTests {
    /// `VIRTUAL_WEEKS=50` lives through that many.
    static let seeds: Range<UInt64> =
        0..<(ProcessInfo.processInfo.environment["VIRTUAL_WEEKS"].flatMap { UInt64($0) } ?? 1)

    @Test(
        "virtual.week: P1, P3, P8, P17, P31, P32: outages, kicks, restarts, refusals: nothing lost, nothing doubled in silence",
        arguments: seeds)
    func week(seed: UInt64) async {
        let week = Week(seed: seed)
        let start = week.now
        for (index, day) in [0.9, 1.4, 2.0, 5.6, 5.9, 6.5, 7.0].enumerated() {
            let end = start.advanced(by: .seconds(Int(day * 86_400)))
            week.platform.state.withLock { $0.lateFrames = index % 2 == 1 ? .swallowed : .refused }
            // Day two to five: the platform cannot be reached. After that somebody else wants the bot.
            if index == 3 { week.outage(.seconds(3 * 86_400)) }
            week.isContested = index == 4
            let before = week.subscribes
            await week.life { week.now >= end }
            let fought = week.subscribes - before
            #expect(!week.isContested || fought <= 1 + 3 * 8, "\(fought) subscribes in 7.2 hours")
        }
        week.isContested = false
        week.isCalm = true
        let end = week.now.advanced(by: .seconds(86_400))
        await week.life { week.isOnline && week.openTurns == 0 || week.now >= end }
        #expect(week.openTurns == 0)
        week.judge()
        #expect(week.problems.isEmpty, "\(week.problems.count): \(week.problems.prefix(5))")
        #expect(week.said.count > 2_000)
        bounds(week)
    }

    /// What may not grow, however long it lasts.
    private func bounds(_ week: Week) {
        // Three days at one try a minute at most, and what the seed brings about.
        #expect(week.subscribes < 400, "\(week.subscribes) subscribes")
        let connections = week.platform.transport.connections.count
        #expect(connections < 7_000, "\(connections) connections")
        #expect(week.attempts.most <= 3)
        #expect(week.expired < 20, "\(week.expired) answers were not deliverable for a day")
        #expect(week.mostInAMinute <= 30)
        #expect(week.mostRows < 1_500, "\(week.mostRows) rows")
        #expect(week.disk.filesInUse().isEmpty)
        week.disk.prune(before: .max, cardsBefore: .max)
        #expect(week.disk.counts().values.allSatisfy { $0 == 0 })
    }
}
