import AIBotWS
import NIOCore
import Shared
import Testing

/// A server, a transport and an open connection.
struct Link {
    let server: WebSocketTestServer
    let transport: LWSTransport
    let driver: TransportDriver<LWSTransport>
    let observer = RecordingObserver()
    let id: ConnectionID

    init(_ change: (inout ConnectionTarget) -> Void = { _ in }) async throws {
        server = try await WebSocketTestServer()
        transport = LWSTransport()
        driver = TransportDriver(transport)
        var target = server.target()
        change(&target)
        id = await driver.connect(target, observer)
        #expect(await observer.next() == .opened(id))
    }

    func end() async {
        transport.shutdown()
        await server.stop()
    }
}

@Suite("LWSTransport", .timeLimit(.minutes(1)))
struct LWSTransportTests {
    @Test("WS-1: connects, sends, receives and closes")
    func echo() async throws {
        let link = try await Link()
        #expect(await link.driver.send("hello 你好", on: link.id) == .queued)
        #expect(await link.observer.nextText() == "hello 你好")
        await link.driver.close(link.id)
        #expect(await link.observer.next() == .closed(link.id, .byUs))
        #expect(await link.driver.send("late", on: link.id) == .notOpen)
        await link.end()
        #expect(link.observer.pending.isEmpty)
    }

    @Test("Messages arrive whole and in order whatever their size")
    func sizes() async throws {
        let link = try await Link()
        for size in [0, 1, 125, 126, 1023, 1024, 1025, 4096, 65_535, 65_536, 200_000] {
            await link.driver.send(String(repeating: "z", count: size), on: link.id)
            #expect(await link.observer.nextText()?.utf8.count == size)
        }
        await link.end()
    }

    @Test("An alarm fires once, at its time")
    func alarm() async throws {
        let transport = LWSTransport()
        let driver = TransportDriver(transport)
        let observer = RecordingObserver()
        let start = transport.now
        await driver.setAlarm(after: .milliseconds(30), for: observer)
        #expect(await observer.next() == .alarm)
        #expect(start.duration(to: transport.now) >= .milliseconds(30))
        transport.shutdown()
        #expect(observer.pending.isEmpty)
    }
}
