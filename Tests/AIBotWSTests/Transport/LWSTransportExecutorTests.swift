import AIBotWS
import Shared
import Testing

/// Checks, in every callback, that it runs where its actor runs.
private actor Session: ConnectionObserver {
    nonisolated let transport: LWSTransport
    private(set) var log: [String] = []
    private var waiter: CheckedContinuation<Void, Never>?

    init(_ transport: LWSTransport) { self.transport = transport }

    nonisolated var unownedExecutor: UnownedSerialExecutor { transport.asUnownedSerialExecutor() }

    func connect(_ target: ConnectionTarget, _ id: ConnectionID) {
        transport.connect(target, id: id, observer: self)
        log.append("connecting")
    }

    nonisolated func transportOpened(_ id: ConnectionID) {
        assumeIsolated {
            $0.log.append("opened")
            _ = $0.transport.send(FrameBuffer("hi"), on: id)
            $0.transport.setAlarm($0.transport.now, for: $0)
        }
    }

    nonisolated func transportReceived(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {
        let text = String(decoding: bytes, as: UTF8.self)
        assumeIsolated {
            $0.log.append(text)
            $0.transport.abort(id)
        }
    }

    nonisolated func transportClosed(_ id: ConnectionID, _ reason: CloseReason) {
        assumeIsolated {
            $0.log.append("closed")
            $0.waiter?.resume()
            $0.waiter = nil
        }
    }

    nonisolated func alarmFired() { assumeIsolated { $0.log.append("alarm") } }

    func closed() async {
        if log.last != "closed" { await withCheckedContinuation { waiter = $0 } }
    }
}

private actor Counter {
    nonisolated let transport: LWSTransport
    private(set) var value = 0
    init(_ transport: LWSTransport) { self.transport = transport }
    nonisolated var unownedExecutor: UnownedSerialExecutor { transport.asUnownedSerialExecutor() }
    func add() { value += 1 }
    func run(_ body: @Sendable () -> Void) { body() }
}

@Suite("LWSTransport: executor and alarms", .timeLimit(.minutes(1)))
struct LWSTransportExecutorTests {
    @Test("Callbacks run on the actor's own executor")
    func callbacks() async throws {
        let server = try await WebSocketTestServer()
        let transport = LWSTransport()
        let session = Session(transport)
        await session.connect(server.target(), ConnectionID(1))
        await session.closed()
        #expect(await session.log.filter { $0 != "alarm" } == ["connecting", "opened", "hi", "closed"])
        #expect(await session.log.filter { $0 == "alarm" }.count == 1)
        transport.shutdown()
        await server.stop()
    }

    @Test("Many tasks on one executor take turns")
    func manyTasks() async throws {
        let transport = LWSTransport()
        let counter = Counter(transport)
        await withTaskGroup { group in
            for _ in 0..<100 {
                group.addTask { for _ in 0..<200 { await counter.add() } }
            }
        }
        #expect(await counter.value == 20_000)
        transport.shutdown()
    }

    @Test("The executor knows its own thread from others")
    func identity() async throws {
        let transport = LWSTransport()
        #expect(transport.isIsolatingCurrentContext() == false)
        let counter = Counter(transport)
        await counter.run { #expect(transport.isIsolatingCurrentContext() == true) }
        transport.shutdown()
    }

    @Test("After shutdown tasks still run, one at a time, and connects fail")
    func afterShutdown() async throws {
        let transport = LWSTransport()
        let counter = Counter(transport)
        transport.shutdown()
        transport.shutdown()
        await withTaskGroup { group in
            for _ in 0..<50 { group.addTask { await counter.add() } }
        }
        #expect(await counter.value == 50)
        let observer = RecordingObserver()
        await TransportDriver(transport).connect(
            ConnectionTarget(secure: false, host: "127.0.0.1", port: 1), observer)
        #expect(await observer.nextClose() == .connectFailed("transport is shut down"))
    }

    @Test("Shutdown on the executor itself does not wait for itself")
    func shutdownInside() async throws {
        let transport = LWSTransport()
        let counter = Counter(transport)
        await counter.run { transport.shutdown() }
        transport.shutdown()
        await counter.add()
        #expect(await counter.value == 1)
    }

    @Test("Shutdown while tasks pour in loses none")
    func shutdownRace() async throws {
        for _ in 0..<20 {
            let transport = LWSTransport()
            let counter = Counter(transport)
            await withTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask { for _ in 0..<25 { await counter.add() } }
                }
                group.addTask { transport.shutdown() }
            }
            #expect(await counter.value == 200)
        }
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

    @Test("Alarms follow the manual clock, and can be moved and removed")
    func manualClock() async throws {
        let clock = ManualClock()
        let transport = LWSTransport(clock: clock)
        let driver = TransportDriver(transport)
        let (moved, removed, kept) = (RecordingObserver(), RecordingObserver(), RecordingObserver())
        await driver.setAlarm(after: .seconds(3600), for: moved)
        await driver.setAlarm(after: .seconds(10), for: moved)
        await driver.setAlarm(after: .seconds(10), for: removed)
        await driver.setAlarm(after: nil, for: removed)
        await driver.setAlarm(after: .seconds(20), for: kept)
        clock.advance(by: .seconds(10))
        #expect(await moved.next() == .alarm)
        await driver.run { _ in }
        #expect(kept.pending.isEmpty)
        clock.advance(by: .seconds(3600))
        #expect(await kept.next() == .alarm)
        transport.shutdown()
        #expect(moved.pending.isEmpty && removed.pending.isEmpty && kept.pending.isEmpty)
    }

    @Test("An alarm does not keep its observer")
    func weakly() async throws {
        let clock = ManualClock()
        let transport = LWSTransport(clock: clock)
        let driver = TransportDriver(transport)
        weak var gone: RecordingObserver?
        do {
            let observer = RecordingObserver()
            gone = observer
            await driver.setAlarm(after: .seconds(1), for: observer)
        }
        #expect(gone == nil)
        let witness = RecordingObserver()
        await driver.setAlarm(after: .seconds(1), for: witness)
        clock.advance(by: .seconds(1))
        #expect(await witness.next() == .alarm)
        transport.shutdown()
    }
}
