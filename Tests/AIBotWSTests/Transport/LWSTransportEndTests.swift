import CLibWebSockets
import NIOCore
import Shared
import Testing
import X509

@testable import AIBotWS

#if canImport(Glibc)
    import Glibc
#endif

@Suite("LWSTransport: ends and failures", .timeLimit(.minutes(1)))
struct LWSTransportEndTests {
    @Test("The peer's close code is reported", arguments: [1000, 1001, 1011, 4001])
    func peerCode(code: Int) async throws {
        let link = try await Link()
        await link.send("close \(code)")
        #expect(await link.observer.next() == .closed(link.id, .byPeer(code: UInt16(code))))
        await link.end(afterClose: true)
    }

    @Test("robust.noSpin: P18: a TCP end and a reset are the peer's doing, without a code", arguments: ["fin", "rst"])
    func tcpEnd(how: String) async throws {
        let link = try await Link()
        await link.send(how)
        #expect(await link.observer.next() == .closed(link.id, .byPeer(code: nil)))
        await link.end(afterClose: true)
    }

    @Test(
        "robust.noSpin: P18: unknown frames are protocol errors, and lengths beyond all measure are too large",
        arguments: ["opcode", "huge"])
    func protocolErrors(how: String) async throws {
        let link = try await Link()
        await link.send(how)
        if how == "huge" {
            #expect(await link.observer.next() == .closed(link.id, .messageTooLarge))
            return await link.end(afterClose: true)
        }
        let event = await link.observer.next()
        guard case .closed(link.id, .protocolError) = event else {
            Issue.record("not reported as a protocol error: \(event)")
            return
        }
        await link.end(afterClose: true)
    }

    @Test("robust.noSpin: P18: bytes that are no text are handed on as they came, and end nothing")
    func notText() async throws {
        let link = try await Link()
        await link.send("utf8")
        #expect(await link.observer.nextText() == "\u{FFFD}(")
        await link.send("after")
        #expect(await link.observer.nextText() == "after")
        await link.end()
    }

    @Test(
        "WS-2: what was not sent when a connection is aborted is never sent: the line is reset",
        arguments: [false, true])
    func abortResets(secure: Bool) async throws {
        let authority = try TestAuthority()
        let tls = secure ? try authority.server([.dnsName("localhost")]) : nil
        let link = try await Link(try await WebSocketTestServer(tls: tls), host: secure ? "localhost" : "127.0.0.1") {
            if secure { $0.caFile = try? authority.write() }
        }
        await link.driver.abort(link.id)
        #expect(await link.observer.next() == .closed(link.id, .byUs))
        await eventually("reset") { link.server.lines == ["reset"] }
        await link.end(afterClose: true)
    }

    /// Wants to be woken soon after a connection has ended.
    private final class Waker: ConnectionObserver {
        let transport: LWSTransport
        let (woken, wake) = AsyncStream<Void>.makeStream()
        init(_ transport: LWSTransport) { self.transport = transport }
        func transportOpened(_ id: ConnectionID) { _ = transport.send(FrameBuffer("mute utf8"), on: id) }
        func transportReceived(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {}
        func transportClosed(_ id: ConnectionID, _ reason: CloseReason) {
            transport.setAlarm(transport.now.advanced(by: .milliseconds(20)), for: self)
        }
        func alarmFired() { wake.finish() }
    }

    @Test("WS-4: an alarm set when libwebsockets' own timer ends a connection does not wait for other events")
    func wakeAfterOwnTimer() async throws {
        let server = try await WebSocketTestServer()
        // libwebsockets waits five seconds for the answer to the close frame of its own.
        let validate = UInt64(LWS_SERVER_OPTION_VALIDATE_UTF8)
        let transport = LWSTransport(
            clock: SystemMonotonicClock(), resolver: Resolver(), throttle: ConnectThrottle(),
            makeContext: { LWSContext(options: validate) })
        let waker = Waker(transport)
        let start = transport.now
        await TransportDriver(transport).connect(server.target(), waker)
        // Nothing else is under way that could wake the thread.
        for await _ in waker.woken {}
        // It would, for half a minute.
        #expect(start.duration(to: transport.now) < .seconds(25))
        transport.shutdown()
        await server.stop()
    }

    @Test("A peer that says that it closes, and does not, is cut off", arguments: [false, true])
    func closesInWordsOnly(secure: Bool) async throws {
        let authority = try TestAuthority()
        let tls = secure ? try authority.server([.dnsName("localhost")]) : nil
        let link = try await Link(try await WebSocketTestServer(tls: tls), host: secure ? "localhost" : "127.0.0.1") {
            if secure { $0.caFile = try? authority.write() }
        }
        await link.send("mute close 1001")
        #expect(await link.observer.next() == .closed(link.id, .byPeer(code: 1001)))
        await link.end(afterClose: true)
    }

    @Test("Frames queued before a close are sent before it")
    func closeAfterFrames() async throws {
        // However slow the server is today, the connection waits for its answer.
        let link = try await Link(clock: ManualClock())
        await link.driver.run { [id = link.id] driver in
            for number in 0..<100 { driver.send("n\(number)", on: id) }
            driver.close(id, code: 4000)
        }
        while case .received = await link.observer.next() {}
        #expect(link.server.lines == (0..<100).map { "n\($0)" } + ["close 4000"])
        await link.end(afterClose: true)
    }

    @Test("A peer that never answers a close is cut off after two seconds")
    func deafPeer() async throws {
        let clock = ManualClock()
        let server = try await WebSocketTestServer()
        let transport = LWSTransport(clock: clock)
        let driver = TransportDriver(transport)
        let observer = RecordingObserver()
        let id = await driver.connect(server.target(), observer)
        #expect(await observer.next() == .opened(id))
        await driver.send("deaf", on: id)
        await driver.send("deaf", on: id)
        await driver.close(id)
        clock.advance(by: .milliseconds(1999))
        await driver.run { _ in }
        #expect(observer.pending.isEmpty)
        clock.advance(by: .milliseconds(1))
        #expect(await observer.next() == .closed(id, .byUs))
        transport.shutdown()
        #expect(observer.pending.isEmpty)
        await server.stop()
    }

    @Test("An abort is reported once, and not from inside the call")
    func abort() async throws {
        let link = try await Link()
        let during = await link.driver.run { [id = link.id, observer = link.observer] driver in
            driver.abort(id)
            driver.abort(id)
            driver.close(id, code: 1000)
            return (observer.pending, driver.send("x", on: id))
        }
        #expect(during.0.isEmpty)
        #expect(during.1 == .notOpen)
        #expect(await link.observer.next() == .closed(link.id, .byUs))
        await link.end(afterClose: true)
    }

    @Test("A connect may be aborted at once")
    func abortConnecting() async throws {
        let server = try await SilentServer()
        let transport = LWSTransport()
        let driver = TransportDriver(transport)
        let observer = RecordingObserver()
        let target = ConnectionTarget(secure: false, host: "127.0.0.1", port: server.port)
        let first = await driver.run { driver in
            let id = driver.connect(target, observer)
            driver.abort(id)
            return id
        }
        #expect(await observer.next() == .closed(first, .byUs))
        let second = await driver.connect(target, observer)
        await driver.abort(second)
        #expect(await observer.next() == .closed(second, .byUs))
        transport.shutdown()
        #expect(observer.pending.isEmpty)
    }

    @Test("A refused connect says so")
    func refused() async throws {
        let transport = LWSTransport()
        let driver = TransportDriver(transport)
        let observer = RecordingObserver()
        await driver.connect(
            ConnectionTarget(secure: false, host: "127.0.0.1", port: try await closedPort()), observer)
        guard case .connectFailed(let words) = await observer.nextClose() else {
            Issue.record("not reported as a failed connect")
            return
        }
        #expect(words.hasPrefix("cannot connect to 127.0.0.1:"))
        transport.shutdown()
    }

    @Test(
        "WS-4: a server that says nothing is given up at the deadline, with and without TLS", arguments: [false, true])
    func timeout(secure: Bool) async throws {
        let server = try await SilentServer()
        let transport = LWSTransport()
        let driver = TransportDriver(transport)
        let observer = RecordingObserver()
        var target = ConnectionTarget(secure: secure, host: "127.0.0.1", port: server.port)
        target.connectTimeout = .milliseconds(120)
        let start = transport.now
        let id = await driver.connect(target, observer)
        #expect(await observer.next() == .closed(id, .connectTimedOut))
        #expect(start.duration(to: transport.now) >= .milliseconds(120))
        transport.shutdown()
        #expect(observer.pending.isEmpty)
    }

    @Test(
        "robust.noSpin: P18: no state spins: waiting, connecting, open, timers",
        arguments: ["idle", "connecting", "open", "timers"])
    func noSpin(state: String) async throws {
        let silent = try await SilentServer()
        let link = try await Link()
        switch state {
        case "connecting":
            await link.driver.connect(
                ConnectionTarget(secure: true, host: "127.0.0.1", port: silent.port), RecordingObserver())
        case "timers":
            for number in 1...100 {
                await link.driver.setAlarm(after: .microseconds(number * 3_300), for: RecordingObserver())
            }
        case "idle": await link.driver.abort(link.id)
        default: break
        }
        let alarm = RecordingObserver()
        await link.driver.setAlarm(after: .milliseconds(50), for: alarm)
        #expect(await alarm.next() == .alarm)
        let before = await link.driver.run { _ in threadCPU() }
        await link.driver.setAlarm(after: .milliseconds(300), for: alarm)
        #expect(await alarm.next() == .alarm)
        let after = await link.driver.run { _ in threadCPU() }
        #expect(after - before < .milliseconds(40))
        link.transport.shutdown()
        await link.server.stop()
    }
}

/// CPU time that the calling thread has used.
func threadCPU() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
