import Foundation
import Logging
import Shared
import Testing

@testable import AIBotWS

/// A session that runs alone, with a platform played line by line.
private final class Desk: Sendable {
    let transport: InProcessTransport
    let session: SessionRunner
    let clock = ManualClock()
    let log = StatusLog()
    let callbacks = Heard<String>()

    init() {
        transport = InProcessTransport(clock: clock)
        session = SessionRunner(
            SessionConfiguration(
                botID: "aib-test", secret: "secret",
                target: ConnectionTarget(secure: false, host: "127.0.0.1", port: 1)),
            transport: transport, wallClock: clock, seed: 1, firstConnection: 0,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs `body` once the first connection waits for the answer to its subscription.
    func run(_ body: () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                await session.run { [log, callbacks] event in
                    switch event {
                    case .status(let status): log.add(status)
                    case .callback(let callback): callbacks.add(callback.reqID.rawValue)
                    case .exit: break
                    }
                }
            }
            await eventually("subscribing") { transport.connections.first.map { transport.sent($0).count } == 1 }
            await body()
            group.cancelAll()
        }
    }

    var current: ConnectionID { transport.connections.last ?? ConnectionID(0) }

    func hear(_ text: String) async {
        transport.deliver(text, to: current)
        await transport.settle()
    }

    /// The id of the subscription, as the platform repeats it.
    var subscription: String {
        let frame = transport.sent(current).first.flatMap { try? JSONValue(parsing: $0.utf8) }
        return frame?["headers"]?["req_id"]?.string ?? ""
    }

    static func message(_ id: String) -> String {
        #"{"cmd":"aibot_msg_callback","headers":{"req_id":"\#(id)"},"body":{"msgid":"\#(id)"}}"#
    }
    static let displacement =
        #"{"cmd":"aibot_event_callback","headers":{"req_id":"e"},"body":{"event":{"eventtype":"disconnected_event"}}}"#
}

@Suite("SessionRunner: before the subscription is answered")
struct SubscribingTests {
    @Test(
        "WS-2: an answer that does not say whom it answers is taken, with or without empty quotes",
        arguments: [#"{"errcode":0}"#, #"{"headers":{"req_id":""},"errcode":0,"errmsg":"ok"}"#])
    func anonymousSuccess(answer: String) async {
        let desk = Desk()
        await desk.run {
            await desk.hear(answer)
            #expect(desk.log.last == .online)
        }
    }

    @Test(
        "WS-2: what is no answer is none",
        arguments: ["{}", #"{"cmd":"pong"}"#, #"{"headers":{"req_id":"x"},"errcode":0}"#, #"{"body":{}}"#])
    func noAnswer(text: String) async {
        let desk = Desk()
        await desk.run {
            await desk.hear(text)
            #expect(desk.log.last == .connecting)
        }
    }

    @Test("WS-2: refused credentials are known as such without an id", arguments: ["", #""headers":{"req_id":""},"#])
    func anonymousRefusal(headers: String) async {
        let desk = Desk()
        await desk.run {
            await desk.hear("{\(headers)\"errcode\":853000}")
            #expect(desk.log.last == .credentialsRejected(code: 853_000))
        }
    }

    @Test("dedupe.repeated: WS-9: messages that come before the answer are kept until it comes")
    func early() async {
        let desk = Desk()
        await desk.run {
            await desk.hear(Desk.message("one"))
            await desk.hear(Desk.message("two"))
            #expect(desk.callbacks.all.isEmpty)
            await desk.hear(#"{"headers":{"req_id":"\#(desk.subscription)"},"errcode":0}"#)
            #expect(desk.log.last == .online)
            #expect(desk.callbacks.all == ["one", "two"])
            await desk.hear(Desk.message("three"))
            #expect(desk.callbacks.all == ["one", "two", "three"])
        }
    }

    @Test("dedupe.repeated: WS-9: they are not lost with the connection, and not without bound")
    func earlyAndLost() async {
        let desk = Desk()
        await desk.run {
            for number in 0..<100 { await desk.hear(Desk.message("m\(number)")) }
            desk.transport.dropConnection(desk.current)
            await desk.transport.settle()
            #expect(desk.callbacks.all == (0..<EarlyCallbacks.limit).map { "m\($0)" })
        }
        var early = EarlyCallbacks()
        let large = Callback(kind: .message, reqID: "r", body: [UInt8](repeating: 0x20, count: 1 << 20))
        let held = (0..<6).map { _ in early.hold(large) }
        #expect(held == [true, true, true, true, false, false])
        let released = early.release()
        #expect(released.count == 4)
        #expect(early.isEmpty)
        let again = early.hold(large)
        #expect(again)
    }

    @Test("displaced.policy: WS-5: a displacement before the answer counts")
    func displaced() async {
        let desk = Desk()
        await desk.run {
            await desk.hear(Desk.displacement)
            #expect(desk.log.last == .superseded)
            #expect(desk.callbacks.all.isEmpty)
        }
    }

    @Test("WS-4: a new connection where one is up: the old one is closed, what it still brings is not lost")
    func renewed() async {
        let desk = Desk()
        await desk.run {
            await desk.hear(#"{"errcode":0}"#)
            let old = desk.current
            await desk.session.reconnect()
            #expect(desk.transport.connections == [old])
            await desk.session.reconnect(renewing: true)
            #expect(desk.transport.closeCode(old) == 1000)
            await eventually("subscribing") { desk.current != old && desk.transport.sent(desk.current).count == 1 }
            await desk.hear(#"{"errcode":0}"#)
            #expect(desk.log.last == .online)
            #expect(desk.log.all.filter { $0 == .online }.count == 2)
        }
    }
}
