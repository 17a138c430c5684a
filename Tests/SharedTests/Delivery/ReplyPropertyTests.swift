import Testing

@testable import Shared

/// One answer against a platform, a line and a clock that do what they like.
private struct ReplyLife {
    enum Flight {
        case none
        /// What becomes of the operation, and when.
        case going(ReplyStreamStateMachine.Operation, SendOutcome, at: MonotonicInstant)
    }
    var random: SeededGenerator
    var bench: ReplyBench
    var flight = Flight.none
    var online = true
    /// What the handler said, as it is to be shown.
    var said = ""
    var ended = false
    var failures: [String] = []
    var contentRefused = false
    /// Ids whose bubble the platform has sealed.
    var lastSnapshotAt: [StreamID: MonotonicInstant] = [:]
    var finalsInFlightOrDone: Set<StreamID> = []
    /// Whether the platform refuses frames for no reason that keeps the text deliverable.
    let hostile: Bool

    init(seed: UInt64, hostile: Bool) {
        random = SeededGenerator(seed: seed)
        self.hostile = hostile
        let queued = Int.random(in: 0..<4, using: &random) == 0 ? 1 : nil
        let pushOnly = Int.random(in: 0..<12, using: &random) == 0
        let limit = [20_480, 2_048, 1_200][Int.random(in: 0..<3, using: &random)]
        bench = ReplyBench(queuedAhead: queued, pushOnly: pushOnly, maxTextBytes: limit)
        bench.chat.limit = limit
    }

    mutating func pick(_ upper: Int) -> Int { Int.random(in: 0..<upper, using: &random) }
    mutating func check(_ condition: Bool, _ text: String) { if !condition { failures.append(text) } }

    mutating func ask() {
        guard case .none = flight, let operation = bench.next() else { return }
        inspect(operation)
        guard online else {
            flight = .going(operation, .notSent(.offline), at: bench.now)
            return
        }
        switch pick(hostile ? 24 : 60) {
        case 0:
            // Lost on the way, line seems alive.
            let arrives = pick(2) == 0
            if arrives { _ = bench.chat.receive(operation, now: bench.now) }
            flight = .going(operation, .unknown(.ackTimeout), at: bench.now.advanced(by: .seconds(10)))
            if !arrives { loseLineSoon = true }
        case 1: flight = .going(operation, .notSent(.overflow), at: bench.now)
        case 2 where hostile:
            let code = [6_000, -1, 846_607, 846_604, 846_605, 846_606, 45_009, 600_039, 40_008, 93_006, 77_777][
                pick(11)]
            refusedPush = refusedPush || !operation.isBubble
            flight = .going(
                operation, .rejected(PlatformError(code: code)), at: bench.now.advanced(by: .milliseconds(pick(900))))
        case 3 where hostile:
            refusedPush = refusedPush || !operation.isBubble
            flight = .going(
                operation, .rejected(PlatformError(code: 45_002)), at: bench.now.advanced(by: .milliseconds(50)))
        default:
            let error = bench.chat.receive(operation, now: bench.now)
            let outcome: SendOutcome = error.map { .rejected($0) } ?? .acknowledged()
            flight = .going(operation, outcome, at: bench.now.advanced(by: .milliseconds(pick(3_000))))
        }
    }
    var loseLineSoon = false
    var refusedPush = false

    /// Rules that hold for every frame.
    mutating func inspect(_ operation: ReplyStreamStateMachine.Operation) {
        switch operation {
        case .stream(let id, let content, let finish):
            check(content.utf8.count <= bench.chat.limit, "frame of \(content.utf8.count) bytes")
            if finish {
                check(VisibleText.isVisible(content), "sealed with nothing to see")
                finalsInFlightOrDone.insert(id)
            } else {
                check(!finalsInFlightOrDone.contains(id), "snapshot after the final of \(id)")
                if let last = lastSnapshotAt[id], bench.chat.bubbles[id]?.content != "<think></think>" {
                    let gap = last.duration(to: bench.now)
                    check(gap >= .seconds(1) || openings.contains(id), "snapshots \(gap.inSeconds) s apart")
                }
                openings.remove(id)
                if content == "<think></think>" { openings.insert(id) }
                lastSnapshotAt[id] = bench.now
            }
        case .reply(let text), .push(let text), .fallback(let text):
            check(VisibleText.isVisible(text), "message with nothing to see")
            check(text.utf8.count <= bench.chat.limit, "message of \(text.utf8.count) bytes")
            check(ended, "piece of an unfinished answer pushed")
        }
    }
    /// Bubbles that show dots: the first words need not wait.
    var openings: Set<StreamID> = []

    mutating func settle() {
        guard case .going(_, let outcome, let at) = flight, at <= bench.now else { return }
        flight = .none
        bench.machine.completed(outcome, now: bench.now)
    }

    mutating func loseLine() {
        guard online else { return }
        online = false
        loseLineSoon = false
        if case .going(_, let outcome, _) = flight {
            flight = .none
            switch outcome {
            case .notSent: bench.machine.completed(outcome, now: bench.now)
            default: bench.machine.completed(.unknown(.sessionLost), now: bench.now)
            }
        }
        bench.machine.sessionOffline()
    }

    mutating func restoreLine() {
        guard !online else { return }
        online = true
        bench.machine.sessionOnline()
    }

    mutating func say() {
        guard !ended else { return }
        let piece = ["word ", "句子。\n", "x", "\n\n", String(repeating: "长文本 ", count: 20), "| a |\n"][pick(6)]
        said += piece
        bench.machine.appended(piece)
    }

    mutating func end() {
        guard !ended else { return }
        ended = true
        if !VisibleText.isVisible(said) { said = "" }
        bench.machine.ended(.finished)
    }

    mutating func step() {
        settle()
        ask()
        switch pick(40) {
        case 0...13: say()
        case 14: if pick(6) == 0 { end() }
        case 15: if pick(3) == 0 { loseLine() }
        case 16...17: restoreLine()
        case 18: bench.machine.started(now: bench.now)
        case 19: if pick(20) == 0 { bench.now = bench.now.advanced(by: .seconds(pick(500))) }
        default: bench.now = bench.now.advanced(by: .milliseconds(pick(1_500)))
        }
        if loseLineSoon, pick(4) == 0 { loseLine() }
    }

    mutating func finish() {
        end()
        var rounds = 0
        while bench.report == nil, rounds < 5_000 {
            rounds += 1
            settle()
            // A line on which a frame vanished is noticed to be dead within 75 s.
            if loseLineSoon, case .none = flight { loseLine() }
            restoreLine()
            ask()
            if case .going(_, _, let at) = flight {
                bench.now = max(bench.now, at)
            } else if let until = bench.wakeUp() {
                bench.now = max(bench.now, until)
            }
        }
        check(bench.report != nil, "never done")
        judge()
    }

    /// What people see against what the handler said.
    mutating func judge() {
        guard let report = bench.report, report.failure == nil else { return }
        var texts: [String] = []
        for text in bench.chat.shown {
            var text = text
            // A bubble that was handed over is repeated by a push as a whole.
            if text.hasSuffix(bench.settings.words.handOver) { continue }
            for line in bench.settings.hints + [bench.settings.words.queued(ahead: 1), bench.settings.opening]
            where text == line { text = "" }
            texts.append(text)
        }
        for (id, bubble) in bench.chat.bubbles { check(bubble.finals <= 1, "\(id) sealed \(bubble.finals) times") }
        let wanted = said.isEmpty ? [bench.settings.words.empty] : [said]
        let shown = texts.joined()
        let exact = shown == wanted.joined() || Self.letters(shown) == Self.letters(wanted.joined())
        let mayRepeat = report.repeated > 0 || report.handedOver || report.assumed > 0 || hostile
        check(
            exact || mayRepeat && Self.covers(texts, wanted.joined()),
            "shown \(shown.utf8.count) bytes, said \(said.utf8.count), \(report)")
    }

    /// Cuts may drop what nobody sees, and repeat what tables need.
    static func letters(_ text: String) -> [UInt8] { text.utf8.filter { $0 > 0x20 && $0 != 0x7C && $0 != 0x2D } }

    /// Whether the pieces, some of them shown twice, hold the whole text in order.
    static func covers(_ pieces: [String], _ text: String) -> Bool {
        let wanted = letters(text)
        var reached = 0
        for piece in pieces.map(letters) where !piece.isEmpty {
            // The piece goes on where the last one stopped, or says again what stands before.
            let start = (0...reached).reversed().first { wanted[$0...].starts(with: piece) }
            guard let start else { return false }
            reached = max(reached, start + piece.count)
        }
        return reached == wanted.count
    }
}

extension ReplyStreamStateMachine.Operation {
    fileprivate var isBubble: Bool { if case .stream = self { true } else { false } }
}

@Suite("ReplyStreamStateMachine: properties")
struct ReplyPropertyTests {
    @Test(
        "turn.oneOwner: P4, WS-11, WS-14: what people see is what the handler said; 5,040 schedules", arguments: 0..<12)
    func friendlyPlatform(batch: Int) {
        var failures: [String] = []
        for index in 0..<420 {
            var life = ReplyLife(seed: UInt64(batch * 1_000 + index), hostile: false)
            for _ in 0..<(20 + index % 70) { life.step() }
            life.finish()
            failures += life.failures.prefix(2).map { "\(index): \($0)" }
            if let failure = life.bench.report?.failure { failures.append("\(index): failed: \(failure)") }
            for (id, bubble) in life.bench.chat.bubbles where bubble.sealedAt == nil {
                let age = bubble.openedAt.duration(to: life.bench.now)
                if age < .seconds(600), life.bench.report?.handedOver == false {
                    failures.append("\(index): \(id) left open")
                }
            }
        }
        #expect(failures.isEmpty, "\(failures.prefix(4))")
    }

    @Test(
        "turn.oneOwner: P4, WS-11, WS-13: refusals of every kind lose nothing unless the report says so; 5,040 schedules",
        arguments: 0..<12)
    func hostilePlatform(batch: Int) {
        var failures: [String] = []
        var delivered = 0
        for index in 0..<420 {
            var life = ReplyLife(seed: UInt64(50_000 + batch * 1_000 + index), hostile: true)
            for _ in 0..<(20 + index % 70) { life.step() }
            life.finish()
            failures += life.failures.prefix(2).map { "\(index): \($0)" }
            if let failure = life.bench.report?.failure {
                if !life.refusedPush { failures.append("\(index): failed without a refused push: \(failure)") }
            } else {
                delivered += 1
            }
        }
        #expect(failures.isEmpty, "\(failures.prefix(4))")
        #expect(delivered > 250)
    }
}
