import AIBotWS
import Shared

/// The platform's side of a scenario, with or without sockets between it and the client.
protocol ScenarioRig: Sendable {
    /// What the client connects with.
    var transport: ObservedTransport { get }
    /// Where it connects to.
    var target: ConnectionTarget { get }
    /// Runs the client's tasks.
    var executor: any TaskExecutor { get }
    /// Tasks' jobs so far, where they do not run together with the transport's.
    var jobs: UInt64 { get }
    /// Lets the connection that waits come up.
    func accept() async throws
    /// Lets it fail.
    func refuse() async throws
    /// Sends the client a message.
    func deliver(_ text: String) async throws
    /// Ends the connection, with a close frame when there is a code.
    func drop(code: UInt16?) async throws
    /// Suspends until what was sent and what it caused on this thread of execution has arrived.
    ///
    /// - Parameter status: asks the session, on its executor.
    func quiesce(_ status: @Sendable () async -> SessionStatus) async throws
    /// Frees sockets and threads.
    func stop() async
}

/// The player itself cannot go on.
struct RigProblem: Error { var words: String }

/// What the platform does with a message at once: nil for nothing.
typealias FrameSink = @Sendable (String) -> String?

/// A platform in the same process: no sockets, no time but the scenario's, and one queue for everything, so that each run
/// is like the last.
final class InProcessRig: ScenarioRig {
    let transport: ObservedTransport
    let target = ConnectionTarget(secure: false, host: "127.0.0.1", port: 9)
    var executor: any TaskExecutor { wire }
    var jobs: UInt64 { 0 }
    private let wire: InProcessTransport

    init(clock: ManualClock, observations: Observations, sink: @escaping FrameSink) {
        let wire = InProcessTransport(clock: clock)
        wire.setConnectPolicy(.wait)
        wire.setReply { _, text in sink(text).map { [$0] } ?? [] }
        self.wire = wire
        transport = ObservedTransport(
            wire, onConnect: { _ in observations.note(wire: .dial) },
            onClosed: { _, reason in
                if reason == .byUs || reason == .connectTimedOut {
                    observations.note(wire: .closed)
                } else {
                    observations.stir()
                }
            })
    }

    func accept() throws { wire.accept(try transport.connecting()) }
    func refuse() throws { wire.refuse(try transport.connecting(), .connectFailed("refused")) }
    func deliver(_ text: String) throws { wire.deliver(text, to: try transport.connected()) }
    func drop(code: UInt16?) throws { wire.dropConnection(try transport.connected(), .byPeer(code: code)) }

    func quiesce(_ status: @Sendable () async -> SessionStatus) async { await wire.settle() }

    func stop() async { await wire.settle() }
}
