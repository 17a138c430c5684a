import AIBotWS
import Shared

/// A platform at the other end of a real connection: libwebsockets on the client's side, a server of our own on loopback.
/// Time is still the scenario's.
final class SocketRig: ScenarioRig {
    let transport: ObservedTransport
    let target: ConnectionTarget
    var executor: any TaskExecutor { tasks }
    var jobs: UInt64 { tasks.count }
    private let tasks = CountingExecutor()
    private let sockets: LWSTransport
    private let probe: AlarmProbe
    private let server: ScriptedServer
    private let observations: Observations

    init(clock: ManualClock, observations: Observations, sink: @escaping FrameSink) async throws {
        server = ScriptedServer(
            onEvent: { event in
                switch event {
                case .dialled: observations.note(wire: .dial)
                case .closedByClient: observations.note(wire: .closed)
                case .opened, .received, .closedByUs: observations.stir()
                case .ponged: observations.ring()
                }
            }, sink: sink)
        let port = try await server.start()
        target = ConnectionTarget(secure: false, host: "127.0.0.1", port: port)
        sockets = LWSTransport(clock: clock)
        transport = ObservedTransport(sockets, onClosed: { _, _ in observations.stir() })
        probe = AlarmProbe(sockets) { observations.ring() }
        self.observations = observations
    }

    func accept() async throws {
        _ = try transport.connecting()
        server.accept()
        try await wait("the connection to come up") { [server] in
            let counts = server.counts
            return counts.open == 1 && counts.pending == 0
        }
    }

    func refuse() throws {
        _ = try transport.connecting()
        server.refuse()
    }

    func deliver(_ text: String) throws {
        _ = try transport.connected()
        guard server.send(text) else { throw RigProblem(words: "there is no connection") }
    }

    func drop(code: UInt16?) throws {
        _ = try transport.connected()
        server.drop(code: code)
    }

    /// An alarm of our own says that what is due was fired, and the answer to a ping comes after what was sent before it.
    func quiesce(_ status: @Sendable () async -> SessionStatus) async throws {
        await tasks.idle()
        let heard = probe.count
        await probe.setAlarm()
        try await wait("the transport to fire what is due") { [probe] in probe.count > heard }
        try await agree(status)
        if server.counts.open > 0 {
            server.ping()
            try await wait("the client to answer a ping") { [server] in server.isPingAnswered }
        }
        await tasks.idle()
    }

    /// Waits until both sides see the same connections.
    private func agree(_ status: @Sendable () async -> SessionStatus) async throws {
        while true {
            let seen = observations.count
            let (pending, open) = server.counts
            let wanted: Bool
            switch await status() {
            case .idle, .backingOff, .credentialsRejected, .superseded, .closed: wanted = pending == 0 && open == 0
            case .connecting: wanted = pending + open == 1
            case .online: wanted = pending == 0 && open == 1
            }
            if wanted { return }
            guard await observations.wait(past: seen) else {
                throw RigProblem(
                    words: "client and server do not agree: \(open) open and \(pending) waiting connections")
            }
        }
    }

    private func wait(_ what: String, until isDone: () -> Bool) async throws {
        while true {
            let seen = observations.count
            if isDone() { return }
            guard await observations.wait(past: seen) else { throw RigProblem(words: "waited in vain for \(what)") }
        }
    }

    func stop() async {
        await server.stop()
        sockets.shutdown()
    }
}
