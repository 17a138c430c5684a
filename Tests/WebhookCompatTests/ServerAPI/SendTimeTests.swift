import Shared
import Testing

@testable import WebhookCompat

@Suite("Sending by the server API, times")
struct SendTimeTests {
    private static let lin = Receivers(users: ["lin.wei"])

    @Test("AG-8: what may have been shown is not repeated once the platform may have forgotten it, 40 s later")
    func guardTime() async throws {
        // A call a minute: the repetition would have to wait for 60 s.
        try await AgentBench.with({ _ in .hangUp }, settings: { $0.callsPerMinute = 1 }) { bench in
            #expect(await bench.api.send(.text("x"), to: Self.lin).outcome == .unknown)
            #expect(bench.server.requests.count == 1 && bench.clock.pauses == [.seconds(60)])
        }
    }

    @Test("AG-8: within 40 s it is repeated, since the platform drops the second one", arguments: [20, 40])
    func withinGuardTime(wait: Int) async throws {
        let count = Locked(0)
        try await AgentBench.with(
            { _ in
                count.withLock {
                    $0 += 1
                    return $0 == 2 ? .hangUp : nil
                }
            }, settings: { $0.callsPerMinute = 2 }
        ) { bench in
            #expect(await bench.api.send(.text("first"), to: Self.lin).outcome == .delivered)
            bench.clock.advance(by: .seconds(60 - wait))
            #expect(await bench.api.send(.text("x"), to: Self.lin).outcome == .delivered)
            #expect(bench.clock.pauses == [.seconds(wait)])
            #expect(bench.server.requests.count == 3 && bench.server.requests[1].body == bench.server.requests[2].body)
        }
    }

    @Test("AG-9: who would have to wait longer for a place than calls may is told at once")
    func longWait() async throws {
        try await AgentBench.with(settings: {
            $0.callsPerMinute = 1
            $0.maxWait = .seconds(59)
        }) { bench in
            #expect(await bench.api.send(.text("x"), to: Self.lin).outcome == .delivered)
            #expect(await bench.api.send(.text("y"), to: Self.lin).outcome == .notSent(.tooMany))
            #expect(bench.clock.pauses.isEmpty && bench.server.requests.count == 1)
        }
    }

    @Test("AG-9: a wait for a place that others take each time ends after 75 s")
    func takenPlaces() async throws {
        try await AgentBench.with(settings: { $0.callsPerMinute = 1 }) { bench in
            #expect(await bench.api.send(.text("x"), to: Self.lin).outcome == .delivered)
            let (api, taken) = (bench.api, Locked(0))
            // Somebody else is quicker, three times.
            bench.clock.onJump {
                guard taken.withLock({ $0 }) < 3 else { return }
                taken.withLock { $0 += 1 }
                api.state.withLock { _ = $0.limiter.tryAcquire(now: api.now, priority: .final) }
            }
            #expect(await bench.api.send(.text("y"), to: Self.lin).outcome == .notSent(.tooMany))
            #expect(bench.clock.pauses == [.seconds(60)] && bench.server.requests.count == 1)
        }
    }
}
