import Foundation
import Logging
import Shared
import Testing

@testable import AIBotWS

/// A bot whose tasks all run on the transport's queue: once that is settled, everything that was due has been done.
private struct Rehearsal {
    let platform = FakePlatform()
    let log = StatusLog()
    let disk = InMemoryLedger()
    let network = FakeNetwork()

    /// Subscribed before `body`, killed after it.
    func run(
        _ change: (inout EngineSettings) -> Void = { _ in }, handler: @escaping MessageHandler = echo,
        _ body: () async -> Void
    ) async {
        var configuration = AIBotClient.Configuration(
            session: SessionConfiguration(
                botID: "aib-test", secret: "secret",
                target: ConnectionTarget(secure: false, host: "127.0.0.1", port: 1)))
        configuration.seed = UInt64(platform.count("aibot_subscribe"))
        change(&configuration.engine)
        let ledger = MortalLedger(over: disk)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let client = AIBotClient(
            configuration, transport: platform.transport, ledger: ledger, clock: platform.clock,
            wallClock: platform.clock, logger: logger)
        let watch = NetworkWatch(source: network, clock: platform.clock, logger: logger)
        await withTaskGroup(of: Void.self) { [log] group in
            group.addTask(executorPreference: platform.transport) {
                await watch.run { await client.session.networkChanged() }
            }
            group.addTask(executorPreference: platform.transport) {
                try? await client.run(onStatus: { log.add($0) }, handler: handler)
            }
            await platform.transport.settle()
            #expect(log.last == .online)
            await body()
            ledger.die()
            group.cancelAll()
        }
    }

    /// Lets time pass in steps; everything that is due in between happens.
    func pass(_ seconds: Int, step: Int = 1) async {
        for _ in 0..<(seconds / step) {
            platform.clock.advance(by: .seconds(step))
            await platform.transport.settle()
        }
    }

    func say(_ number: Int, _ text: String = "hi") async {
        platform.say(number, text)
        await platform.transport.settle()
    }

    /// Half a second later the watch has told it.
    func networkChanges() async {
        network.report(.wifi(2))
        await platform.transport.settle()
        platform.clock.advance(by: .milliseconds(500))
        await platform.transport.settle()
    }

    func set(_ change: (inout FakePlatform.State) -> Void) { platform.state.withLock { change(&$0) } }
    var isSealed: Bool { platform.state.withLock { $0.bubbles.values.allSatisfy(\.isSealed) } }
    var now: MonotonicInstant { platform.clock.now }
}

private let echo: MessageHandler = { message, reply in try await reply.append("re: " + message.text) }

@Suite("Complaints: a line that is dead, a task that is long")
struct LineComplaintTests {
    @Test(
        "liveness.halfOpen: P1: TCP stays and answers stop: given up within 75 s, subscribed again, the next message answered",
        arguments: [FakePlatform.Mood.ignoresHeartbeats, .dead], [0, 7, 29, 31])
    func deadLine(mood: FakePlatform.Mood, age: Int) async {
        let rehearsal = Rehearsal()
        await rehearsal.run {
            await rehearsal.pass(age)
            rehearsal.platform.set(mood)
            let died = rehearsal.now
            while rehearsal.log.last == .online, died.duration(to: rehearsal.now) < .seconds(600) {
                await rehearsal.pass(1)
            }
            #expect(rehearsal.log.last == .backingOff(.halfOpen))
            #expect(died.duration(to: rehearsal.now) <= .seconds(75))
            rehearsal.platform.set(.acknowledges)
            await rehearsal.pass(2)
            #expect(rehearsal.log.last == .online)
            #expect(rehearsal.platform.count("aibot_subscribe") == 2)
            await rehearsal.say(1)
            #expect(rehearsal.platform.shown == ["re: hi"])
        }
    }

    @Test(
        "stream.longTask: P2: silent for 16 minutes, bubbles end after 6 minutes at rest and 10 in all: answered whole, once",
        arguments: FakePlatform.LateFrames.allCases, [true, false])
    func longTask(late: FakePlatform.LateFrames, hints: Bool) async {
        let rehearsal = Rehearsal()
        let answer = String(repeating: "一句话。", count: 500)
        rehearsal.set { state in
            state.idleWindow = .seconds(360)
            state.lateFrames = late
        }
        let clock = rehearsal.platform.clock
        await rehearsal.run(
            { if !hints { $0.reply.firstHintAfter = .zero } },
            handler: { _, reply in
                try await clock.sleep(for: .seconds(960))
                try await reply.append(answer)
            }
        ) {
            await rehearsal.say(1)
            await rehearsal.pass(1_200)
            #expect(rehearsal.isSealed)
            let pushes = rehearsal.platform.state.withLock { $0.pushes }
            #expect(pushes.map { $0.hasSuffix(answer) } == [true])
            #expect(rehearsal.platform.shown.count { $0.contains(answer) } == 1)
            #expect(rehearsal.platform.count("aibot_subscribe") == 1)
        }
    }

    @Test(
        "stream.longTask: P2: a bubble that is over before its time costs nothing of the answer",
        arguments: [FakePlatform.LateFrames.refused, .reset])
    func overTooEarly(late: FakePlatform.LateFrames) async {
        let rehearsal = Rehearsal()
        let clock = rehearsal.platform.clock
        rehearsal.set { state in
            state.window = .seconds(60)
            state.lateFrames = late
        }
        await rehearsal.run(handler: { _, reply in
            try await reply.append("first, ")
            try await clock.sleep(for: .seconds(120))
            try await reply.append("second")
        }) {
            await rehearsal.say(1)
            await rehearsal.pass(800)
            #expect(rehearsal.platform.shown.count { $0.hasSuffix("first, second") } == 1)
            #expect(rehearsal.disk.trace(messageID: "m1").first?.state == .done)
            // A connection for each frame that the platform answers like that, and each of them waits longer.
            #expect(rehearsal.platform.count("aibot_subscribe") < 25)
        }
    }
}

@Suite("Complaints: an answer that falls into a gap of the connection")
struct GapComplaintTests {
    @Test(
        "reply.acrossReconnect: P3: case c: dropped between two frames of a bubble: the answer is whole, and there once",
        arguments: [nil, 846_605, 846_606])
    func betweenFrames(refusal: Int?) async {
        let rehearsal = Rehearsal()
        let clock = rehearsal.platform.clock
        await rehearsal.run(handler: { _, reply in
            for word in ["first, ", "second, ", "third"] {
                try await reply.append(word)
                try await clock.sleep(for: .seconds(4))
            }
        }) {
            await rehearsal.say(1)
            await rehearsal.pass(5)
            #expect(rehearsal.platform.shown == ["first, second, "])
            // What the old connection knew, the new one may refuse.
            if let refusal { rehearsal.platform.set(.refusesOnce(refusal, at: "r1")) }
            rehearsal.platform.transport.dropConnection(rehearsal.platform.current)
            await rehearsal.pass(60)
            #expect(rehearsal.platform.count("aibot_subscribe") == 2)
            let pushes = rehearsal.platform.state.withLock { $0.pushes }
            #expect(pushes == (refusal == nil ? [] : ["first, second, third"]))
            #expect(rehearsal.platform.shown.count { $0 == "first, second, third" } == 1)
            #expect(rehearsal.isSealed == (refusal == nil))
            #expect(rehearsal.disk.trace(messageID: "m1").first?.state == .done)
        }
    }
}

@Suite("Complaints: streaming that is slower than none")
struct PaceComplaintTests {
    @Test(
        "stream.pace: P14: 2,000 tokens at 100 a second, slow acks: the model is not held up, one frame at a time, the last at once",
        arguments: [50, 500, 3_000])
    func tokens(latency: Int) async {
        let rehearsal = Rehearsal()
        let clock = rehearsal.platform.clock
        let text = (0..<2_000).map { "t\($0) " }.joined()
        await rehearsal.run(handler: { _, reply in
            for number in 0..<2_000 {
                try await reply.append("t\(number) ")
                try await clock.sleep(for: .milliseconds(10))
            }
        }) {
            rehearsal.platform.set(.takesSilently)
            let asked = rehearsal.now
            await rehearsal.say(1)
            var frames = 0
            var due: MonotonicInstant?
            var ackedAt = asked
            var sealedAt: MonotonicInstant?
            for _ in 0..<2_700 {
                if let next = due, next <= rehearsal.now {
                    due = nil
                    ackedAt = rehearsal.now
                    rehearsal.platform.acknowledge("r1")
                    await rehearsal.platform.transport.settle()
                }
                let count = rehearsal.platform.count("aibot_respond_msg")
                if count > frames {
                    // Only one, and only when none was under way.
                    #expect(due == nil && count == frames + 1)
                    frames = count
                    due = rehearsal.now.advanced(by: .milliseconds(latency))
                    if rehearsal.isSealed { sealedAt = rehearsal.now }
                }
                // Who asks sees at once that they were heard.
                #expect(frames > 0)
                clock.advance(by: .milliseconds(10))
                await rehearsal.platform.transport.settle()
            }
            // A second after the last token, or with the ack that was waited for.
            let sealed = asked.duration(to: sealedAt ?? rehearsal.now)
            #expect(sealed >= .seconds(20) && sealed <= max(.seconds(21), asked.duration(to: ackedAt)))
            #expect(rehearsal.platform.shown == [text])
            #expect(frames <= 42)
            #expect(rehearsal.disk.trace(messageID: "m1").first?.state == .done)
        }
    }
}

@Suite("Complaints: two answers")
struct DuplicateComplaintTests {
    @Test("dedupe.repeated: P8: five times within ten minutes, across a reconnect and a restart: one turn")
    func fiveTimes() async {
        let rehearsal = Rehearsal()
        for life in 0..<2 {
            await rehearsal.run {
                for round in 0..<5 {
                    await rehearsal.say(1)
                    await rehearsal.pass(60)
                    guard round == 2 else { continue }
                    rehearsal.platform.transport.dropConnection(rehearsal.platform.current)
                    await rehearsal.pass(2)
                    #expect(rehearsal.platform.count("aibot_subscribe") == 2 * life + 2)
                }
            }
        }
        #expect(rehearsal.platform.shown == ["re: hi"])
        #expect(rehearsal.disk.counts().values.reduce(0, +) == 1)
    }

    @Test("dedupe.lateAck: P8: an ack that comes 30 s late: one visible answer, and nothing is open")
    func lateAck() async {
        let rehearsal = Rehearsal()
        await rehearsal.run {
            rehearsal.platform.set(.takesSilently)
            await rehearsal.say(1)
            await rehearsal.pass(30)
            rehearsal.platform.set(.acknowledges)
            rehearsal.platform.acknowledge("r1")
            await rehearsal.pass(200)
            #expect(rehearsal.platform.shown == ["re: hi"])
            #expect(rehearsal.isSealed)
            #expect(rehearsal.disk.trace(messageID: "m1").first?.state == .done)
        }
    }

    @Test(
        "dedupe.lateAck: P8: the ack of a push comes 30 s late: it is not pushed a second time",
        arguments: [true, false])
    func latePushAck(isAcknowledged: Bool) async {
        let rehearsal = Rehearsal()
        let clock = rehearsal.platform.clock
        await rehearsal.run(handler: { _, reply in
            try await clock.sleep(for: .seconds(400))
            try await reply.append("late")
        }) {
            await rehearsal.say(1)
            await rehearsal.pass(390)
            rehearsal.platform.set(.takesSilently)
            await rehearsal.pass(40)
            let id = rehearsal.platform.state.withLock { state in
                state.frames.last { $0.value["cmd"]?.string == "aibot_send_msg" }?.value["headers"]?["req_id"]?.string
            }
            rehearsal.platform.set(.acknowledges)
            if isAcknowledged { rehearsal.platform.acknowledge(id ?? "") }
            await rehearsal.pass(300)
            #expect(rehearsal.platform.state.withLock { $0.pushes } == ["late"])
            let part = rehearsal.disk.trace(messageID: "m1").first?.parts.first
            // The next heartbeat's answer tells as much as its own ack.
            #expect(part?.state == .acked || part?.state == .assumed)
            #expect(part?.attempts == 1)
        }
    }
}

@Suite("Complaints: away for longer than the network")
struct NetworkComplaintTests {
    @Test("reconnect.policy: P17: another Wi-Fi after an hour without: tried at once, and answered")
    func backAtOnce() async {
        let rehearsal = Rehearsal()
        await rehearsal.run {
            rehearsal.platform.transport.refuseConnect("unreachable")
            rehearsal.platform.transport.dropConnection(rehearsal.platform.current)
            await rehearsal.pass(3_600, step: 5)
            // It has just failed, and would wait for half a minute at least.
            let tries = rehearsal.platform.transport.connections.count
            while rehearsal.platform.transport.connections.count == tries { await rehearsal.pass(1) }
            rehearsal.platform.transport.setConnectPolicy(.accept)
            await rehearsal.pass(5)
            #expect(rehearsal.log.last != .online)
            await rehearsal.networkChanges()
            #expect(rehearsal.log.last == .online)
            await rehearsal.say(1)
            #expect(rehearsal.platform.shown == ["re: hi"])
        }
    }

    @Test("reconnect.policy: P17: the line died with the old address: noticed after the ack time-out, subscribed again")
    func deadSinceTheChange() async {
        let rehearsal = Rehearsal()
        await rehearsal.run {
            await rehearsal.pass(7)
            rehearsal.platform.set(.dead)
            await rehearsal.networkChanges()
            #expect(rehearsal.platform.count("ping") == 1)
            await rehearsal.pass(9)
            #expect(rehearsal.log.last == .online)
            await rehearsal.pass(1)
            #expect(rehearsal.log.last == .backingOff(.halfOpen))
            rehearsal.platform.set(.acknowledges)
            await rehearsal.pass(1)
            #expect(rehearsal.log.last == .online)
        }
    }

    @Test("reconnect.policy: P17: the line outlived the change: checked once, and never left")
    func outlived() async {
        let rehearsal = Rehearsal()
        await rehearsal.run {
            await rehearsal.pass(7)
            await rehearsal.networkChanges()
            #expect(rehearsal.platform.count("ping") == 1)
            await rehearsal.pass(100)
            #expect(rehearsal.platform.count("ping") == 4)
            #expect(rehearsal.platform.count("aibot_subscribe") == 1)
        }
    }
}
