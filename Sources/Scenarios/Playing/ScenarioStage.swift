import AIBotWS
import Logging
import Shared

/// Everything that one run of a scenario needs: the client, its clock, and the platform's side.
final class ScenarioStage: Sendable {
    let clock: ManualClock
    let observations = Observations()
    let rig: any ScenarioRig
    let client: AIBotClient
    private let pushes: AsyncStream<(Conversation, String)>
    private let pushContinuation: AsyncStream<(Conversation, String)>.Continuation

    init(_ settings: ScenarioSettings, over way: ScenarioPlayer.Way, tap: ScenarioPlayer.Tap?) async throws {
        let clock = ManualClock()
        let observations = observations
        let sink = Self.sink(observations, hidesHeartbeats: !settings.showsHeartbeats)
        let rig: any ScenarioRig =
            switch way {
            case .inProcess: InProcessRig(clock: clock, observations: observations, sink: sink)
            case .sockets: try await SocketRig(clock: clock, observations: observations, sink: sink)
            }
        var session = SessionConfiguration(botID: settings.botID, secret: settings.secret, target: rig.target)
        session.onReplaced = settings.onReplaced
        session.heartbeat = settings.heartbeat
        var configuration = AIBotClient.Configuration(session: session)
        configuration.engine = settings.engine
        configuration.displayName = settings.displayName
        configuration.seed = settings.seed
        client = AIBotClient(
            configuration, transport: rig.transport, clock: clock, wallClock: clock,
            logger: Logger(label: "scenario") { _ in SwiftLogNoOpLogHandler() },
            tap: Self.timed(tap, clock))
        (pushes, pushContinuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1_000))
        self.clock = clock
        self.rig = rig
    }

    private static func timed(
        _ tap: ScenarioPlayer.Tap?, _ clock: ManualClock
    ) -> (@Sendable (FrameDirection, ArraySlice<UInt8>) -> Void)? {
        guard let tap else { return nil }
        return { direction, bytes in tap(direction, bytes, clock.now) }
    }

    /// Notes frames; heartbeats that are no part of the scenario are answered instead.
    private static func sink(_ observations: Observations, hidesHeartbeats: Bool) -> FrameSink {
        { text in
            if hidesHeartbeats, let frame = try? JSONValue(parsing: text.utf8), frame["cmd"]?.string == "ping" {
                observations.stir()
                return JSONValue.dictionary(["headers": frame["headers"], "errcode": .integer(0), "errmsg": "ok"]).text
            }
            observations.note(wire: .frame(text))
            return nil
        }
    }

    // MARK: What runs on the executor

    func runClient() async {
        let observations = observations
        do {
            try await client.run(
                onStatus: { observations.note(status: $0) },
                onEvent: { observations.note(event: MessageRendition.event($0)) },
                handler: { message, reply in
                    let script = HandlerScript(message)
                    observations.note(call: script)
                    try await script.run(reply)
                })
            observations.note(ending: .normally)
        } catch let error as GatewayError {
            observations.note(ending: .with(error.code.description))
        } catch {
            observations.note(ending: .with("\(type(of: error))"))
        }
    }

    func runPushes() async {
        await withDiscardingTaskGroup { group in
            for await (conversation, text) in pushes {
                group.addTask { [self] in
                    let outcome = await client.session.push(text, to: conversation)
                    observations.note(outcome: Self.words(outcome))
                }
            }
        }
    }

    func push(_ text: String, to conversation: Conversation) { pushContinuation.yield((conversation, text)) }

    private static func words(_ outcome: SendOutcome) -> String {
        switch outcome {
        case .acknowledged: "acknowledged"
        case .rejected(let error): "rejected \(error.code)"
        case .unknown(let reason): "unknown \(reason.rawValue)"
        case .notSent(let reason): "notSent \(reason.rawValue)"
        }
    }

    // MARK: Time and calm

    static let mostRounds = 100_000

    /// Suspends until nothing moves any more but by the clock or the platform.
    func settle() async throws {
        var calm = 0
        for _ in 0..<Self.mostRounds {
            let before = rig.jobs &+ observations.activity
            try await rig.quiesce { [client] in await client.session.status }
            calm = rig.jobs &+ observations.activity == before ? calm + 1 : 0
            if calm >= 2 { return }
        }
        throw RigProblem(words: "the client never comes to rest")
    }

    /// Moves time from one instant at which something is due to the next, and stops early when asked to.
    func advance(by duration: Duration, unless isEnough: () -> Bool) async throws {
        let end = clock.now.advanced(by: duration)
        for _ in 0..<Self.mostRounds {
            let now = clock.now
            guard now < end, !isEnough() else { return }
            let due = [clock.nextDeadline, rig.transport.nextDeadline(after: now)].compactMap { $0 }.filter { $0 > now }
            clock.advance(by: now.duration(to: min(end, due.min() ?? end)))
            try await settle()
        }
        throw RigProblem(words: "too much happens in that time")
    }

    /// Ends the client, then the platform.
    func stop() async {
        await client.session.shutdown()
        while observations.ending == nil {
            let seen = observations.count
            guard observations.ending == nil, await observations.wait(past: seen) else { break }
        }
        pushContinuation.finish()
        await rig.stop()
    }
}
