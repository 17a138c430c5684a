import Foundation
import Logging
import Shared
import Testing

@testable import AIBotWS

/// Runs a client around `body`; how `run` ended.
@discardableResult
private func running(
    _ platform: FakePlatform, _ log: StatusLog = StatusLog(),
    _ change: (inout AIBotClient.Configuration) -> Void = { _ in }, handler: @escaping MessageHandler = echo,
    _ body: (AIBotClient) async -> Void
) async -> (any Error)? {
    let client = platform.client(change)
    return await withTaskGroup(of: (any Error)?.self) { group in
        group.addTask {
            do {
                try await client.run(onStatus: { log.add($0) }, handler: handler)
                return nil
            } catch { return error }
        }
        await body(client)
        group.cancelAll()
        return await group.next() ?? nil
    }
}

private let echo: MessageHandler = { message, reply in try await reply.append("re: " + message.text) }

/// Answers once it is told to.
private final class Held: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    init() { (stream, continuation) = AsyncStream.makeStream() }
    func release() { continuation.finish() }
    var handler: MessageHandler {
        { [stream] message, reply in
            try await reply.append("first, ")
            for await _ in stream {}
            try await reply.append("second")
        }
    }
}

@Suite("AIBotClient: life")
struct AIBotClientLifeTests {
    @Test("WS-2: subscribes first, answers a message, and closes at the end")
    func conversation() async {
        let platform = FakePlatform()
        await running(platform) { _ in
            await eventually("subscribed") { platform.count("aibot_subscribe") == 1 }
            platform.say(1, "hi")
            await eventually("answered") { platform.shown == ["re: hi"] }
            platform.say(1, "hi")
            platform.say(2, "two")
            await eventually("second") { platform.shown == ["re: hi", "re: two"] }
        }
        let first = platform.state.withLock { $0.frames.first?.value["cmd"]?.string }
        #expect(first == "aibot_subscribe")
        #expect(platform.transport.closeCode(platform.current) == 1000)
    }

    @Test("WS-10: once `run` has returned, no connection is left, however slowly the peer closes")
    func returnsAfterClosing() async {
        let platform = FakePlatform()
        let transport = SlowlyClosing(platform.transport)
        let session = SessionRunner(
            platform.client().session.configuration, transport: transport, wallClock: platform.clock, seed: 1,
            firstConnection: 0, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let returned = Locked(false)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await session.run { _ in }
                returned.withLock { $0 = true }
            }
            await eventually("subscribed") { platform.count("aibot_subscribe") == 1 }
            group.cancelAll()
            await eventually("close asked for") { transport.closing.count == 1 }
            for _ in 0..<200 { await Task.yield() }
            #expect(!returned.withLock { $0 })
            for id in transport.closing { platform.transport.dropConnection(id, .byUs) }
        }
        #expect(returned.withLock { $0 })
    }

    @Test("WS-8: welcome; server pings are answered with their own req_id; garbage is survived")
    func frames() async {
        let platform = FakePlatform()
        await running(platform, StatusLog(), { $0.engine.welcomeText = "欢迎" }) { _ in
            await eventually("subscribed") { platform.count("aibot_subscribe") == 1 }
            platform.event("enter_chat")
            await eventually("welcome") { platform.shown == ["欢迎"] }
            for text in [
                "", "[]", "{", "\u{0}", #"{"cmd":"aibot_msg_callback"}"#, #"{"cmd":"new"}"#, #"{"errcode":40058}"#,
            ] {
                platform.transport.deliver(text, to: platform.current)
            }
            platform.transport.deliver(#"{"cmd":"ping","headers":{"req_id":"srv-1"}}"#, to: platform.current)
            await eventually("pong") { platform.count("pong") == 1 }
            let pong = platform.state.withLock { $0.frames.last?.value["headers"]?["req_id"]?.string }
            #expect(pong == "srv-1")
            platform.say(5, "still there")
            await eventually("answered") { platform.shown.last == "欢迎" && platform.shown.contains("re: still there") }
        }
    }

    @Test("reconnect.policy: P17, WS-2: refused credentials are named, and tried again after five minutes")
    func credentials() async {
        let platform = FakePlatform()
        platform.state.withLock { $0.subscribeCode = 853_000 }
        let log = StatusLog()
        await running(platform, log) { _ in
            await eventually("rejected") { log.last == .credentialsRejected(code: 853_000) }
            platform.clock.advance(by: .seconds(299))
            await platform.transport.settle()
            #expect(platform.count("aibot_subscribe") == 1)
            platform.state.withLock { $0.subscribeCode = 0 }
            platform.clock.advance(by: .seconds(1))
            await eventually("online") { log.last == .online }
        }
    }

    @Test("displaced.policy: WS-5: exit ends `run` with an error that says why")
    func displacedExit() async {
        let platform = FakePlatform()
        let log = StatusLog()
        let error = await running(platform, log, { $0.session.onReplaced = .exit }) { _ in
            await eventually("subscribed") { log.last == .online }
            platform.event("disconnected_event")
            await eventually("ended") { log.last == .closed }
        }
        #expect((error as? GatewayError)?.code == .superseded)
    }

    @Test("displaced.policy: WS-5: wait stays away until `reconnect`")
    func displacedWait() async {
        let platform = FakePlatform()
        let log = StatusLog()
        await running(platform, log) { client in
            await eventually("online") { log.last == .online }
            platform.event("disconnected_event")
            await eventually("replaced") { log.last == .superseded }
            platform.clock.advance(by: .seconds(86_400))
            await platform.transport.settle()
            #expect(platform.transport.connections.count == 1)
            await client.session.reconnect()
            await eventually("online again") { log.last == .online }
        }
    }
}

@Suite("AIBotClient: reconnecting mid-answer")
struct AIBotClientReconnectTests {
    @Test(
        "reply.acrossReconnect: P3, WS-14: case a: dropped before the final is written: delivered once after reconnecting"
    )
    func beforeWrite() async {
        let platform = FakePlatform()
        let log = StatusLog()
        let held = Held()
        await running(platform, log, handler: held.handler) { _ in
            await eventually("online") { log.last == .online }
            platform.say(1, "q")
            await eventually("begun") { platform.shown == ["first, "] }
            platform.transport.dropConnection(platform.current)
            await eventually("lost") { if case .backingOff = log.last { true } else { false } }
            held.release()
            platform.clock.advance(by: .seconds(1))
            await eventually("online again") { log.last == .online }
            await eventually("answered") { platform.shown == ["first, second"] }
        }
        #expect(platform.count("aibot_subscribe") == 2)
    }

    @Test("reply.acrossReconnect: P3, WS-14: case b: dropped after the write, before the ack: shown once")
    func beforeAck() async {
        let platform = FakePlatform()
        let log = StatusLog()
        let held = Held()
        await running(platform, log, handler: held.handler) { _ in
            await eventually("online") { log.last == .online }
            platform.say(1, "q")
            await eventually("begun") { platform.shown == ["first, "] }
            platform.set(.takesSilently)
            held.release()
            await eventually("taken") { platform.shown == ["first, second"] }
            platform.set(.acknowledges)
            let before = platform.count("aibot_respond_msg")
            platform.transport.dropConnection(platform.current)
            await eventually("lost") { if case .backingOff = log.last { true } else { false } }
            platform.clock.advance(by: .seconds(1))
            await eventually("sent again") { platform.count("aibot_respond_msg") == before + 1 }
            platform.say(2, "next")
            await eventually("next") { platform.shown.count == 2 }
            #expect(platform.shown.first == "first, second")
            #expect(platform.state.withLock { $0.pushes.isEmpty })
        }
    }

    @Test("reply.acrossReconnect: P3, WS-14: 846609 forces one reconnect and one retry")
    func notSubscribed() async {
        let platform = FakePlatform()
        let log = StatusLog()
        let held = Held()
        await running(platform, log, handler: held.handler) { _ in
            await eventually("online") { log.last == .online }
            platform.say(1, "q")
            await eventually("begun") { platform.shown == ["first, "] }
            platform.set(.refusesOnce(846_609))
            held.release()
            await eventually("recycled") { log.all.contains(.backingOff(.notSubscribed)) }
            platform.clock.advance(by: .seconds(1))
            await eventually("answered") { platform.shown == ["first, second"] }
        }
        #expect(platform.count("aibot_subscribe") == 2)
    }

    @Test("reply.acrossReconnect: P3, WS-14: 846605 on the final: pushed instead")
    func unknownRequest() async {
        let platform = FakePlatform()
        let held = Held()
        await running(platform, handler: held.handler) { _ in
            await eventually("subscribed") { platform.count("aibot_subscribe") == 1 }
            platform.say(1, "q")
            await eventually("begun") { platform.shown == ["first, "] }
            platform.set(.refusesOnce(846_605))
            held.release()
            await eventually("pushed") { platform.state.withLock { $0.pushes } == ["first, second"] }
        }
    }

    @Test("liveness.halfOpen: P1, WS-3: a black hole is given up within 75 s, and its answer delivered afterwards")
    func blackHole() async {
        let platform = FakePlatform()
        let log = StatusLog()
        let held = Held()
        await running(platform, log, handler: held.handler) { _ in
            await eventually("online") { log.last == .online }
            platform.say(1, "q")
            await eventually("begun") { platform.shown == ["first, "] }
            platform.set(.dead)
            let died = platform.clock.now
            held.release()
            while died.duration(to: platform.clock.now) < .seconds(75), log.last == .online {
                platform.clock.advance(by: .milliseconds(500))
                await platform.transport.settle()
            }
            #expect(log.all.contains(.backingOff(.halfOpen)))
            platform.set(.acknowledges)
            // Less than the time after which silence counts as delivery.
            for _ in 0..<30 {
                platform.clock.advance(by: .seconds(1))
                await platform.transport.settle()
            }
            await eventually("answered") { platform.shown == ["first, second"] }
        }
    }
}

@Suite("SessionRunner: sending")
struct SessionRunnerTests {
    @Test("WS-6: offline frames are given back untouched; a full lane refuses at once")
    func overflow() async {
        let platform = FakePlatform()
        let log = StatusLog()
        await running(platform, log) { client in
            await eventually("online") { log.last == .online }
            platform.set(.takesSilently)
            await withTaskGroup(of: SendOutcome.self) { group in
                for index in 0..<70 {
                    group.addTask { await client.session.send(.markdownReply("lane", "t\(index)")) }
                }
                var refused = 0
                for _ in 0..<5 { if await group.next() == .notSent(.overflow) { refused += 1 } }
                #expect(refused == 5)
                platform.transport.dropConnection(platform.current)
                var lost = 0
                var returned = 0
                for await outcome in group {
                    if outcome == .unknown(.sessionLost) { lost += 1 }
                    if outcome == .notSent(.offline) { returned += 1 }
                }
                #expect(lost == 1)
                #expect(returned == 64)
            }
            let offline = await client.session.send(.markdownReply("lane", "x"))
            #expect(offline == .notSent(.offline))
        }
    }

    @Test("WS-19: a push goes to the conversation, and its outcome is the platform's")
    func push() async {
        let platform = FakePlatform()
        let log = StatusLog()
        await running(platform, log) { client in
            await eventually("online") { log.last == .online }
            let group = Conversation(kind: .group, id: "wrA")
            #expect(await client.session.push("hello", to: group) == .acknowledged(body: nil))
            platform.set(.refusesOnce(93_006))
            #expect(await client.session.push("again", to: group) == .rejected(PlatformError(code: 93_006)))
            #expect(platform.shown == ["hello"])
        }
    }
}

/// Holds closes back until the test ends them.
private final class SlowlyClosing: WebSocketTransport, @unchecked Sendable {
    private let inner: InProcessTransport
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var asked: [ConnectionID] = []
    var closing: [ConnectionID] { lock.withLock { asked } }

    init(_ inner: InProcessTransport) { self.inner = inner }

    var now: MonotonicInstant { inner.now }
    func enqueue(_ job: consuming ExecutorJob) { inner.enqueue(job) }
    func asUnownedSerialExecutor() -> UnownedSerialExecutor { inner.asUnownedSerialExecutor() }
    func connect(_ target: ConnectionTarget, id: ConnectionID, observer: any ConnectionObserver) {
        inner.connect(target, id: id, observer: observer)
    }
    func send(_ frame: consuming FrameBuffer, on id: ConnectionID) -> TransportSendResult { inner.send(frame, on: id) }
    func close(_ id: ConnectionID, code: UInt16) { lock.withLock { asked.append(id) } }
    func abort(_ id: ConnectionID) { inner.abort(id) }
    func setAlarm(_ deadline: MonotonicInstant?, for observer: any ConnectionObserver) {
        inner.setAlarm(deadline, for: observer)
    }
}
