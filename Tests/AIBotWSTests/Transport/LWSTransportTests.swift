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

    init(
        _ server: WebSocketTestServer? = nil, host: String = "127.0.0.1",
        clock: any MonotonicClock = SystemMonotonicClock(), _ change: (inout ConnectionTarget) -> Void = { _ in }
    ) async throws {
        if let server { self.server = server } else { self.server = try await WebSocketTestServer() }
        transport = LWSTransport(clock: clock)
        driver = TransportDriver(transport)
        var target = self.server.target(host: host)
        change(&target)
        id = await driver.connect(target, observer)
        let event = await observer.next()
        try #require(event == .opened(id))
    }

    func send(_ text: String) async { await driver.send(text, on: id) }

    /// Ends all; nothing else may have been heard, and the connection, if it is still there, ends as our own doing.
    func end(afterClose: Bool = false) async {
        transport.shutdown()
        await server.stop()
        #expect(observer.pending == (afterClose ? [] : [.closed(id, .byUs)]))
    }
}

@Suite("LWSTransport: traffic", .timeLimit(.minutes(1)))
struct LWSTransportTrafficTests {
    @Test("WS-1: connects, sends, receives and closes")
    func echo() async throws {
        let link = try await Link()
        #expect(await link.driver.send("hello 你好", on: link.id) == .queued)
        #expect(await link.observer.nextText() == "hello 你好")
        await link.driver.close(link.id)
        #expect(await link.observer.next() == .closed(link.id, .byUs))
        #expect(await link.driver.send("late", on: link.id) == .notOpen)
        await link.end(afterClose: true)
    }

    @Test("Messages arrive whole and in order whatever their size")
    func sizes() async throws {
        let link = try await Link()
        for size in [0, 1, 125, 126, 1023, 1024, 1025, 4096, 65_535, 65_536, 200_000] {
            await link.send(String(repeating: "z", count: size))
            #expect(await link.observer.nextText()?.utf8.count == size)
        }
        await link.end()
    }

    @Test("Fragments are joined, a control frame between them notwithstanding")
    func fragments() async throws {
        let link = try await Link()
        await link.send("parts one two three")
        let events = [await link.observer.nextText(), await link.observer.nextText()]
        #expect(Set(events) == ["onetwothree", "ponged"])
        await link.end()
    }

    @Test("A binary message is delivered like a text")
    func binary() async throws {
        let link = try await Link()
        await link.send("binary")
        #expect(await link.observer.nextText() == "binary")
        await link.end()
    }

    @Test(
        "wire.heartbeat: P20: masked and odd control frames of a server end nothing", arguments: ["masked", "pings"])
    func oddControlFrames(how: String) async throws {
        let link = try await Link()
        await link.send(how)
        try #require(await link.observer.nextText() == "ponged")
        await link.send("after")
        // Pings that come together may be answered by one pong.
        var text = await link.observer.nextText()
        while text == "ponged" { text = await link.observer.nextText() }
        #expect(text == "after")
        await link.end()
    }

    @Test("wire.heartbeat: P20, WS-3: a ping of the server is answered")
    func ping() async throws {
        let link = try await Link()
        await link.send("ping")
        #expect(await link.observer.nextText() == "ponged")
        await link.end()
    }

    @Test("An inbound message at the limit passes, one byte more closes", arguments: [0, 1])
    func inboundLimit(excess: Int) async throws {
        let link = try await Link()
        await link.send("big \((1 << 20) + excess)")
        if excess == 0 {
            #expect(await link.observer.nextText()?.utf8.count == 1 << 20)
            await link.end()
        } else {
            #expect(await link.observer.next() == .closed(link.id, .messageTooLarge))
            await link.end(afterClose: true)
        }
    }

    @Test("The limit holds for the sum of fragments, and for a short message")
    func smallLimit() async throws {
        let link = try await Link { $0.maxInboundBytes = 10 }
        await link.send("parts 12345 12345")
        #expect(await link.observer.nextText() == "1234512345")
        #expect(await link.observer.nextText() == "ponged")
        await link.send("parts 12345 123456")
        var event = await link.observer.next()
        if event == .received(link.id, "ponged") { event = await link.observer.next() }
        #expect(event == .closed(link.id, .messageTooLarge))
        await link.end(afterClose: true)
    }

    @Test("robust.noSpin: P18: an oversized message on one connection leaves the others alone")
    func oversizedNeighbour() async throws {
        let link = try await Link()
        let other = RecordingObserver()
        let otherID = await link.driver.connect(link.server.target(), other)
        #expect(await other.next() == .opened(otherID))
        await link.send("big 9000000")
        #expect(await link.observer.next() == .closed(link.id, .messageTooLarge))
        await link.driver.send("still here", on: otherID)
        #expect(await other.nextText() == "still here")
        await link.end(afterClose: true)
        #expect(other.pending == [.closed(otherID, .byUs)])
    }

    @Test("What exceeds the send queue is refused; what was taken still arrives")
    func overflow() async throws {
        let link = try await Link { $0.maxQueuedBytes = 1000 }
        let results = await link.driver.run { [id = link.id] driver in
            [400, 600, 1].map {
                driver.send(String(repeating: "q", count: $0), on: id)
            }
        }
        #expect(results == [.queued, .queued, .overflow])
        #expect(await link.observer.nextText()?.utf8.count == 400)
        #expect(await link.observer.nextText()?.utf8.count == 600)
        #expect(await link.driver.send("again", on: link.id) == .queued)
        #expect(await link.observer.nextText() == "again")
        await link.end()
    }

    @Test("Many frames queued at once arrive in order")
    func burst() async throws {
        let link = try await Link()
        await link.driver.run { [id = link.id] driver in
            for number in 0..<5000 { driver.send("frame \(number)", on: id) }
        }
        for number in 0..<5000 { #expect(await link.observer.nextText() == "frame \(number)") }
        await link.end()
    }

    @Test("A slow reader gets every byte")
    func backPressure() async throws {
        let link = try await Link()
        let sizes = (0..<60).map { 100_000 + $0 }
        await link.driver.run { [id = link.id] driver in
            for size in sizes {
                driver.send(String(repeating: "s", count: size), on: id)
            }
        }
        for size in sizes { #expect(await link.observer.nextText()?.utf8.count == size) }
        await link.end()
    }

    @Test("Pings that meet a full socket do not mix with the frame that is half written")
    func pingsWhileBlocked() async throws {
        let link = try await Link()
        await link.driver.send("stall", on: link.id)
        let sizes = (0..<70).map { 100_000 + $0 }
        await link.driver.run { [id = link.id] driver in
            for size in sizes { driver.send(String(repeating: "s", count: size), on: id) }
        }
        var left = sizes[...]
        var pongs = 0
        while !left.isEmpty {
            let text = try #require(await link.observer.nextText())
            if text == "ponged" { pongs += 1 } else { #expect(text.utf8.count == left.removeFirst()) }
        }
        #expect(pongs > 0)
        await link.end()
    }

    @Test("200 connections at once, each with its own answer")
    func many() async throws {
        let server = try await WebSocketTestServer()
        let transport = LWSTransport()
        let driver = TransportDriver(transport)
        var links: [(ConnectionID, RecordingObserver)] = []
        for _ in 0..<200 {
            let observer = RecordingObserver()
            links.append((await driver.connect(server.target(), observer), observer))
        }
        for (id, observer) in links {
            let event = await observer.next()
            try #require(event == .opened(id))
            await driver.send("to \(id)", on: id)
        }
        for (id, observer) in links { #expect(await observer.nextText() == "to \(id)") }
        transport.shutdown()
        for (id, observer) in links { #expect(observer.pending == [.closed(id, .byUs)]) }
        await server.stop()
    }
}
