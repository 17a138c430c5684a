import Shared
import Testing

@testable import AIBotWS

private typealias Machine = UploadStateMachine
private typealias Request = UploadStateMachine.Request

private let piece = UploadStateMachine.chunkBytes

/// A machine with a short vocabulary. Inputs name a step; the request is the last one that was sent for it.
private struct Bench {
    var machine: Machine
    var now = MonotonicInstant()
    var requests: [Machine.Step: Request] = [:]

    init(pieces: Int) { machine = Machine(bytes: pieces * piece - 7) }

    /// Steps sent, pauses in half seconds, and the rest as it is.
    mutating func note(_ actions: [Machine.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .send(let request):
                requests[request.step] = request
                return "send \(request.step)"
            case .pause(let request, let time): return "pause \(request.step) \(time / .milliseconds(500))"
            case .awaitSession(let until): return "await \(until.nanoseconds / 1_000_000_000)"
            case .progress(let bytes): return "progress \(bytes)"
            case .end(let ending): return "end \(ending)"
            }
        }
    }
    func request(_ step: Machine.Step) -> Request { requests[step] ?? Request(step: step, upload: "?", epoch: 0) }

    mutating func start() -> [String] { note(machine.started(now: now)) }
    mutating func ack(_ step: Machine.Step, _ body: String? = nil) -> [String] {
        note(machine.acked(request(step), body: body, now: now))
    }
    mutating func open(_ id: String = "u") -> [String] { ack(.open, #"{"upload_id":"\#(id)"}"#) }
    mutating func reject(_ step: Machine.Step, _ code: Int) -> [String] {
        note(machine.rejected(request(step), PlatformError(code: code), now: now))
    }
    mutating func silence(_ step: Machine.Step) -> [String] { note(machine.timedOut(request(step))) }
    mutating func lose(_ step: Machine.Step) -> [String] { note(machine.sessionLost(request(step))) }
    mutating func resume(_ step: Machine.Step) -> [String] { note(machine.paused(request(step))) }
    mutating func back(after seconds: Int = 1) -> [String] {
        now = now.advanced(by: .seconds(seconds))
        return note(machine.sessionBack(now: now))
    }
}

@Suite("UploadStateMachine: transitions")
struct UploadTransitionTests {
    @Test("WS-17: opens, keeps two pieces in flight, and finishes when all are there")
    func plain() {
        var bench = Bench(pieces: 3)
        #expect(bench.start() == ["send open"])
        #expect(bench.open() == ["send chunk(0)", "send chunk(1)"])
        #expect(bench.ack(.chunk(1)) == ["progress \(piece)", "send chunk(2)"])
        #expect(bench.ack(.chunk(0)) == ["progress \(2 * piece)"])
        #expect(bench.ack(.chunk(2)) == ["progress \(3 * piece - 7)", "send finish"])
        #expect(bench.request(.finish).upload == "u")
        #expect(bench.ack(.finish, #"{"media_id":"m"}"#) == [#"end uploaded(mediaID: "m")"#])
        #expect(bench.ack(.finish, #"{"media_id":"m"}"#) == [])
    }

    @Test("WS-17: answers as recorded, with the time as number and as string")
    func recorded() throws {
        for name in ["ack-upload-finish", "ack-upload-finish-created-at-string"] {
            var bench = Bench(pieces: 1)
            _ = bench.start()
            let opened = try FrameFixture.load("ack-upload-init")["body"]
            #expect(bench.ack(.open, opened?.text) == ["send chunk(0)"])
            #expect(bench.request(.chunk(0)).upload == opened?["upload_id"]?.string)
            _ = bench.ack(.chunk(0))
            let finished = try FrameFixture.load(name)["body"]
            let id = try #require(finished?["media_id"]?.string)
            #expect(bench.ack(.finish, finished?.text) == ["end uploaded(mediaID: \"\(id)\")"])
        }
    }

    @Test(
        "WS-17: pieces of files", arguments: [(1, 1), (piece, 1), (piece + 1, 2), (100 * piece, 100), (20 << 20, 40)])
    func pieces(bytes: Int, count: Int) {
        let machine = Machine(bytes: bytes)
        #expect(Machine.chunks(of: bytes) == count)
        #expect(machine.range(of: count - 1).upperBound == bytes)
        #expect((0..<count).reduce(0) { $0 + machine.range(of: $1).count } == bytes)
    }

    @Test(
        "WS-17: a busy platform: growing pauses, one piece at a time, and an end",
        arguments: [-1, 6_000, 45_009, 45_033])
    func busy(code: Int) {
        var bench = Bench(pieces: 3)
        _ = bench.start()
        _ = bench.open()
        #expect(bench.reject(.chunk(0), code) == ["pause chunk(0) 1.0"])
        #expect(bench.ack(.chunk(1)) == ["progress \(piece)"])
        #expect(bench.resume(.chunk(0)) == ["send chunk(0)"])
        for round in 2...4 {
            #expect(bench.reject(.chunk(0), code) == ["pause chunk(0) \(Double(round))"])
            #expect(bench.resume(.chunk(0)) == ["send chunk(0)"])
        }
        #expect(bench.reject(.chunk(0), code) == ["end rejected(\(PlatformError(code: code)))"])
    }

    @Test("WS-17: the quota of uploads is waited for")
    func quota() {
        var bench = Bench(pieces: 1)
        _ = bench.start()
        for round in 1...4 {
            #expect(bench.reject(.open, 846_607) == ["pause open \(Double(20 * round))"])
            #expect(bench.resume(.open) == ["send open"])
        }
        #expect(bench.reject(.open, 846_607) == ["end rejected(\(PlatformError(code: 846_607)))"])
    }

    @Test("media.out: P13, WS-17: the unanswered piece is sent again, the others go on")
    func silentPiece() {
        var bench = Bench(pieces: 3)
        _ = bench.start()
        _ = bench.open()
        #expect(bench.silence(.chunk(0)) == [])
        #expect(bench.ack(.chunk(1)) == ["progress \(piece)", "send chunk(0)"])
        #expect(bench.ack(.chunk(0)) == ["progress \(2 * piece)", "send chunk(2)"])
    }

    @Test("media.out: P13, WS-17: an unanswered finish is asked once more; refused, the whole is done again, once")
    func silentFinish() {
        var bench = Bench(pieces: 1)
        _ = bench.start()
        _ = bench.open()
        _ = bench.ack(.chunk(0))
        let first = bench.request(.finish)
        #expect(bench.silence(.finish) == ["send finish"])
        #expect(bench.reject(.finish, 40_058) == ["send open"])
        #expect(bench.note(bench.machine.acked(first, body: #"{"media_id":"old"}"#, now: bench.now)) == [])
        #expect(bench.open("u2") == ["send chunk(0)"])
        _ = bench.ack(.chunk(0))
        #expect(bench.request(.finish).upload == "u2")
        #expect(bench.reject(.finish, 40_058) == ["end rejected(\(PlatformError(code: 40_058)))"])
    }

    @Test("media.out: P13, WS-17: a refused finish after silence means that the first one arrived: again, four times")
    func silentFinishes() {
        var bench = Bench(pieces: 1)
        _ = bench.start()
        for round in 1...5 {
            #expect(bench.open("u\(round)") == ["send chunk(0)"])
            _ = bench.ack(.chunk(0))
            #expect(bench.silence(.finish) == ["send finish"])
            let refused = bench.reject(.finish, 40_058)
            #expect(refused == [round < 5 ? "send open" : "end rejected(\(PlatformError(code: 40_058)))"])
        }
    }

    @Test(
        "WS-17: a platform that answers nothing at all is given up",
        arguments: [UploadStateMachine.Step.open, .chunk(0), .finish])
    func silence(step: UploadStateMachine.Step) {
        var bench = Bench(pieces: 1)
        _ = bench.start()
        if step != .open { _ = bench.open() }
        if step == .finish { _ = bench.ack(.chunk(0)) }
        for _ in 0..<4 { #expect(bench.silence(step) == ["send \(step)"]) }
        #expect(bench.silence(step) == ["end interrupted"])
    }

    @Test("WS-17: an answer without an id is no answer")
    func noID() {
        var bench = Bench(pieces: 1)
        _ = bench.start()
        for body in [nil, "{", "[]", #"{"upload_id":""}"#] { #expect(bench.ack(.open, body) == ["send open"]) }
        #expect(bench.ack(.open, #"{"upload_id":7}"#) == ["end interrupted"])
    }

    @Test("WS-17: goes on with the same upload when the session is back; both pieces are sent again")
    func sessionLost() {
        var bench = Bench(pieces: 3)
        _ = bench.start()
        _ = bench.open()
        #expect(bench.lose(.chunk(0)) == ["await 1800"])
        #expect(bench.lose(.chunk(1)) == [])
        #expect(bench.back() == ["send chunk(0)", "send chunk(1)"])
        #expect(bench.request(.chunk(0)).upload == "u")
    }

    @Test("WS-17: a session that does not come back ends it; one that comes too late starts it again")
    func sessionGone() {
        var bench = Bench(pieces: 1)
        _ = bench.start()
        _ = bench.open()
        _ = bench.lose(.chunk(0))
        var late = bench
        #expect(bench.note(bench.machine.sessionGone()) == ["end interrupted"])
        #expect(late.back(after: 1_800) == ["send open"])
    }

    @Test("WS-17: without an upload there is nothing to go on with")
    func lostBeforeOpen() {
        var bench = Bench(pieces: 1)
        _ = bench.start()
        #expect(bench.lose(.open) == ["end interrupted"])
        #expect(bench.back() == [])
    }

    @Test("WS-17: 846609 is a lost session")
    func notSubscribed() {
        var bench = Bench(pieces: 1)
        _ = bench.start()
        _ = bench.open()
        _ = bench.ack(.chunk(0))
        #expect(bench.reject(.finish, 846_609) == ["await 1800"])
        #expect(bench.back() == ["send finish"])
    }

    @Test("WS-17: a connection that ends over and over is not followed for ever")
    func unstable() {
        var bench = Bench(pieces: 1)
        _ = bench.start()
        _ = bench.open()
        for _ in 0..<8 {
            #expect(bench.lose(.chunk(0)) == ["await 1800"])
            #expect(bench.back() == ["send chunk(0)"])
        }
        #expect(bench.lose(.chunk(0)) == ["end interrupted"])
    }
}

/// Random life of one upload against a platform that remembers what it took.
private struct UploadLife {
    let pieces: Int
    var machine: Machine
    var random: SeededGenerator
    var now = MonotonicInstant()
    var open: [Request] = []
    var pausing: [Request] = []
    var isAwaiting = false
    var uploads: [String: Set<Int>] = [:]
    var sent = 0
    var ending: Machine.Ending?
    var failures: [String] = []
    /// Obstacles out of a hundred answers.
    let trouble: Int

    init(seed: UInt64, trouble: Int) {
        random = SeededGenerator(seed: seed)
        pieces = Int.random(in: 1...12, using: &random)
        machine = Machine(bytes: pieces * piece - 1)
        self.trouble = trouble
    }

    mutating func check(_ condition: Bool, _ text: @autoclosure () -> String) {
        if !condition { failures.append(text()) }
    }

    mutating func apply(_ actions: [Machine.Action]) {
        for action in actions {
            check(ending == nil, "something after the end")
            switch action {
            case .send(let request):
                sent += 1
                check(!open.contains(request), "\(request) is in flight twice")
                open.append(request)
                let current = open.filter { $0.epoch == request.epoch }
                check(current.count <= 2, "more than two in flight")
            case .pause(let request, let time):
                check(time > .zero && time <= .seconds(40), "pause of \(time)")
                pausing.append(request)
            case .awaitSession:
                check(!isAwaiting, "waits twice for the session")
                isAwaiting = true
            case .progress(let bytes): check((1..<pieces * piece).contains(bytes), "progress \(bytes)")
            case .end(let ending): self.ending = ending
            }
        }
    }

    /// The platform takes it: its answer, or a refusal.
    private mutating func take(_ request: Request) -> (code: Int, body: String?) {
        switch request.step {
        case .open:
            let id = "u\(sent)"
            uploads[id] = []
            return (0, #"{"upload_id":"\#(id)"}"#)
        case .chunk(let index):
            guard uploads[request.upload] != nil else { return (40_058, nil) }
            uploads[request.upload]?.insert(index)
            return (0, nil)
        case .finish:
            guard uploads[request.upload] == Set(0..<pieces) else { return (40_058, nil) }
            uploads[request.upload] = nil
            return (0, #"{"media_id":"\#(request.upload)"}"#)
        }
    }

    private mutating func answer() {
        let index = Int.random(in: 0..<open.count, using: &random)
        let request = open.remove(at: index)
        let isTrouble = Int.random(in: 0..<100, using: &random) < trouble
        switch isTrouble ? Int.random(in: 0..<6, using: &random) : 6 {
        case 0: apply(machine.timedOut(request))
        case 1:
            _ = take(request)
            apply(machine.timedOut(request))
        case 2:
            let code = [-1, 6_000, 45_009, 846_607, 846_609, 40_058].randomElement(using: &random) ?? -1
            apply(machine.rejected(request, PlatformError(code: code), now: now))
        case 3:
            if Bool.random(using: &random) { _ = take(request) }
            apply(machine.sessionLost(request))
        case 4: apply(machine.notTaken(request))
        case 5:
            uploads = [:]
            open.append(request)
        default:
            let (code, body) = take(request)
            if code == 0 {
                apply(machine.acked(request, body: body, now: now))
            } else {
                apply(machine.rejected(request, PlatformError(code: code), now: now))
            }
        }
    }

    mutating func step() {
        now = now.advanced(by: .seconds(Int.random(in: 0...20, using: &random)))
        switch Int.random(in: 0..<4, using: &random) {
        case 0 where !pausing.isEmpty: apply(machine.paused(pausing.removeFirst()))
        case 1 where isAwaiting:
            isAwaiting = false
            apply(machine.sessionBack(now: now))
        default: if !open.isEmpty { answer() }
        }
    }

    mutating func run() {
        apply(machine.started(now: now))
        var rounds = 0
        while ending == nil, rounds < 20_000 {
            rounds += 1
            check(!open.isEmpty || !pausing.isEmpty || isAwaiting, "nothing will ever happen again")
            step()
        }
        check(ending != nil, "no end")
        let count = sent
        check(count <= 2 * (pieces + 2) + 24 + 2 * 9, "\(count) requests")
    }
}

@Suite("UploadStateMachine: model check")
struct UploadModelTests {
    @Test(
        "WS-17: whatever happens it ends, within bounds, and never claims what is not there",
        arguments: [0, 5, 30, 100])
    func ends(trouble: Int) {
        var uploaded = 0
        for seed in 0..<500 {
            var life = UploadLife(seed: UInt64(seed), trouble: trouble)
            life.run()
            #expect(life.failures.isEmpty, "seed \(seed): \(life.failures.prefix(3))")
            if case .uploaded(let id) = life.ending {
                uploaded += 1
                #expect(life.uploads[id] == nil, "seed \(seed)")
            }
        }
        #expect(trouble > 0 || uploaded == 500)
        #expect(trouble > 5 || uploaded > 400)
        #expect(trouble < 100 || uploaded < 100)
    }
}
