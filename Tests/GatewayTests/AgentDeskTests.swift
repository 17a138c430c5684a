import Backends
import Logging
import NIOCore
import NIOPosix
import Shared
import Testing
import WebhookCompat

@testable import Gateway

/// A clock on which every wait is over at once, having moved it.
private final class HastyClock: MonotonicClock, WallClock {
    private let clock = ManualClock()
    private let waits = Locked<[Duration]>([])

    /// Waits so far.
    var lengths: [Duration] { waits.withLock { $0 } }
    var now: MonotonicInstant { clock.now }
    var minimumResolution: Duration { clock.minimumResolution }
    var unixMilliseconds: Int64 { clock.unixMilliseconds }
    func onJump(_ wake: @escaping @Sendable () -> Void) { clock.onJump(wake) }

    func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        let length = now.duration(to: deadline)
        waits.withLock { $0.append(length) }
        clock.advance(by: length)
    }
}

@Suite("Gateway: application")
struct AgentDeskTests {
    @Test(
        "AG-7: no try of a download begins 120 s after the first one, of at most five",
        arguments: [(10, 5), (40, 2), (70, 1)])
    func fetchTime(seconds: Int, tries: Int) async throws {
        // Takes connections and says nothing.
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        var settings = AgentSettings(account: "default", corpID: "ww1", agentID: 1, accessToken: Secret("t"))
        settings.baseURL = "http://127.0.0.1:\(silent.localAddress?.port ?? 0)"
        settings.mediaTimeout = .seconds(seconds)
        let clock = HastyClock()
        let desk = AgentDesk(
            settings, http: HTTPSettings(), kept: InMemoryKeptValues(), clock: clock, wallClock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try desk.begin()
        let result = await desk.fetch(MediaReference(kind: .file, mediaID: "M"), "/tmp", "m")
        #expect(result == .failure(.unreachable))
        // Each try is two attempts of a call.
        #expect(clock.lengths.count { $0 == .seconds(seconds) } == 2 * tries)
        await desk.end()
        try await silent.close()
    }
}
