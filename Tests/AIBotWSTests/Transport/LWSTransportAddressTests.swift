import Foundation
import NIOCore
import NIOPosix
import Shared
import Testing

@testable import AIBotWS

/// Listeners that accept and say nothing, on one port of several addresses of this machine.
private struct SilentAddresses {
    /// Addresses of accepted connections, in order.
    let accepted = NIOLockedLines()
    let channels: [any NIOCore.Channel]

    init(_ addresses: [String], port: Int) async throws {
        var channels: [any NIOCore.Channel] = []
        for address in addresses {
            let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { [accepted] channel in
                    accepted.add(address)
                    return channel.eventLoop.makeSucceededVoidFuture()
                }
            channels.append(try await bootstrap.bind(host: address, port: port).get())
        }
        self.channels = channels
    }

    func stop() async { for channel in channels { try? await channel.close() } }
}

@Suite("LWSTransport: addresses that lead nowhere", .timeLimit(.minutes(1)))
struct LWSTransportAddressTests {
    private static let silent = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]

    @Test("WS-4: of four addresses the last has its turn too, and the next attempt begins with it")
    func lastOfFour() async throws {
        let clock = ManualClock()
        let server = try await WebSocketTestServer()
        let dead = try await SilentAddresses(Self.silent, port: server.port)
        let transport = LWSTransport(
            clock: clock, resolver: Resolver { _ in .success(Self.silent + ["127.0.0.1"]) },
            throttle: ConnectThrottle())
        let driver = TransportDriver(transport)
        var target = server.target(host: "bots.example")
        target.connectTimeout = .seconds(15)
        let observer = RecordingObserver()
        let first = await driver.connect(target, observer)
        for number in 1...3 {
            await eventually("address \(number)") { dead.accepted.all.count == number }
            // A quarter of the time for each.
            clock.advance(by: .milliseconds(3_750))
        }
        #expect(await observer.next() == .opened(first))
        #expect(dead.accepted.all == Self.silent)

        let second = await driver.connect(target, observer)
        #expect(await observer.next() == .opened(second))
        #expect(dead.accepted.all == Self.silent)
        transport.shutdown()
        await dead.stop()
        await server.stop()
    }

    @Test("WS-4: an attempt that got no further than an address is not repeated from the start")
    func goesOn() async throws {
        let clock = ManualClock()
        let server = try await WebSocketTestServer()
        let dead = try await SilentAddresses(Self.silent, port: server.port)
        let transport = LWSTransport(
            clock: clock, resolver: Resolver { _ in .success(Self.silent) }, throttle: ConnectThrottle())
        let driver = TransportDriver(transport)
        var target = server.target(host: "bots.example")
        target.connectTimeout = .seconds(15)
        let observer = RecordingObserver()
        let first = await driver.connect(target, observer)
        await eventually("first") { dead.accepted.all.count == 1 }
        // The machine slept meanwhile.
        clock.advance(by: .seconds(3_600))
        #expect(await observer.next() == .closed(first, .connectTimedOut))
        await driver.connect(target, observer)
        await eventually("second") { dead.accepted.all.count == 2 }
        #expect(dead.accepted.all == ["127.0.0.2", "127.0.0.3"])
        transport.shutdown()
        await dead.stop()
        await server.stop()
    }
}

@Suite("LWSTransport: a slow line", .timeLimit(.minutes(1)))
struct LWSTransportSlowLineTests {
    @Test("WS-17: pieces of files let everything else pass, and go out in their order")
    func pieces() async throws {
        let link = try await Link()
        await link.driver.run { [id = link.id] driver in
            for number in 1...3 {
                var piece = FrameBuffer("piece \(number)")
                piece.mayBeOvertaken = true
                _ = driver.transport.send(piece, on: id)
            }
            driver.send("one", on: id)
            driver.send("two", on: id)
        }
        for text in ["one", "two", "piece 1", "piece 2", "piece 3"] { #expect(await link.observer.nextText() == text) }
        await link.end()
    }

    @Test("WS-17: a close does not wait for pieces that were not begun")
    func closing() async throws {
        let link = try await Link(clock: ManualClock())
        await link.driver.run { [id = link.id] driver in
            var piece = FrameBuffer("piece")
            piece.mayBeOvertaken = true
            _ = driver.transport.send(piece, on: id)
            driver.send("last", on: id)
            driver.close(id, code: 1000)
        }
        while case .received = await link.observer.next() {}
        #expect(link.server.lines == ["last", "close 1000"])
        await link.end(afterClose: true)
    }

    @Test("A piece of a file says that it may be overtaken, other frames do not")
    func marks() throws {
        let piece = OutboundFrame.uploadChunk("r", upload: "u", index: 0, bytes: 3) { (text: inout [UInt8]) in
            text += Array("AAAA".utf8)
        }
        #expect(piece.buffer.mayBeOvertaken)
        #expect(!OutboundFrame.ping("r").buffer.mayBeOvertaken)
    }
}

@Suite("LWSTransport: without a context", .timeLimit(.minutes(1)))
struct LWSTransportWithoutContextTests {
    @Test("WS-4: alarms ring all the same, connects fail, and one succeeds as soon as there is a context")
    func noContext() async throws {
        let failures = Locked(3)
        let transport = LWSTransport(
            clock: SystemMonotonicClock(), resolver: Resolver(), throttle: ConnectThrottle(),
            makeContext: {
                let fails = failures.withLock { left in
                    left -= 1
                    return left >= 0
                }
                return fails ? nil : LWSContext()
            })
        let server = try await WebSocketTestServer()
        let driver = TransportDriver(transport)
        let observer = RecordingObserver()
        await driver.setAlarm(after: .milliseconds(20), for: observer)
        #expect(await observer.next() == .alarm)
        for _ in 0..<2 {
            let id = await driver.connect(server.target(), observer)
            #expect(await observer.next() == .closed(id, .connectFailed("libwebsockets cannot start")))
        }
        let id = await driver.connect(server.target(), observer)
        #expect(await observer.next() == .opened(id))
        await driver.send("hello", on: id)
        #expect(await observer.nextText() == "hello")
        await driver.setAlarm(after: .milliseconds(20), for: observer)
        #expect(await observer.next() == .alarm)
        transport.shutdown()
        await server.stop()
    }
}
