import AIBotWS
import Shared
import Testing

@Suite("InProcessTransport", .timeLimit(.minutes(1)))
struct InProcessTransportTests {
    private let clock = ManualClock()
    private let target = ConnectionTarget(secure: true, host: "bots.example", port: 443)

    @Test("Connects, sends, delivers and drops, in order")
    func traffic() async {
        let transport = InProcessTransport(clock: clock)
        let driver = TransportDriver(transport)
        let observer = RecordingObserver()
        let id = await driver.connect(target, observer)
        await transport.settle()
        #expect(await driver.send("one", on: id) == .queued)
        transport.deliver("two", to: id)
        transport.dropConnection(id, .byPeer(code: 1001))
        transport.deliver("never", to: id)
        await transport.settle()
        #expect(transport.sent(id) == ["one"])
        #expect(
            observer.pending == [.opened(id), .received(id, "two"), .closed(id, .byPeer(code: 1001))])
        #expect(await driver.send("late", on: id) == .notOpen)
        #expect(transport.connections == [id])
        #expect(transport.target(of: id) == target)
    }

    @Test("`run` performs everything before it returns")
    func run() async {
        let transport = InProcessTransport(clock: clock)
        let driver = TransportDriver(transport)
        let observer = RecordingObserver()
        transport.setReply { _, text in text == "ping" ? ["pong", "pong again"] : [] }
        let id = await driver.connect(target, observer)
        await driver.send("ping", on: id)
        await driver.run { [id] driver in
            driver.transport.setAlarm(driver.transport.now.advanced(by: .seconds(30)), for: observer)
            driver.close(id, code: 1000)
        }
        clock.advance(by: .seconds(30))
        transport.run()
        #expect(observer.pending.first == .opened(id))
        #expect(observer.pending.contains(.closed(id, .byUs)))
        #expect(observer.pending.last == .alarm)
        #expect(transport.closeCode(id) == 1000)
        #expect(transport.isIsolatingCurrentContext() == false)
    }

    @Test("Waiting, refused and timed-out connects")
    func policies() async {
        let transport = InProcessTransport(clock: clock)
        let driver = TransportDriver(transport)
        let observer = RecordingObserver()
        transport.setConnectPolicy(.wait)
        let first = await driver.connect(target, observer)
        let second = await driver.connect(target, observer)
        transport.accept(first)
        await transport.settle()
        clock.advance(by: .seconds(15))
        transport.refuseConnect("no route")
        let third = await driver.connect(target, observer)
        await transport.settle()
        let fourth = await driver.connect(target, observer)
        await driver.abort(first)
        await transport.settle()
        #expect(
            observer.pending == [
                .opened(first), .closed(second, .connectTimedOut), .closed(third, .connectFailed("no route")),
                .closed(fourth, .connectFailed("no route")), .closed(first, .byUs),
            ])
    }

    @Test("A test can await what the client does")
    func awaiting() async {
        let transport = InProcessTransport(clock: clock)
        let driver = TransportDriver(transport)
        async let connected = transport.connection(number: 1)
        let observer = RecordingObserver()
        await driver.connect(target, observer)
        let id = await connected
        async let sent = transport.sent(id, atLeast: 2)
        #expect(await observer.next() == .opened(id))
        await driver.send("a", on: id)
        await driver.send("b", on: id)
        #expect(await sent == ["a", "b"])
    }
}
