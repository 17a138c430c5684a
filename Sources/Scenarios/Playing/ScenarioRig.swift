import AIBotWS
import Shared

/// The platform's side of a scenario, with or without sockets between it and the client.
protocol ScenarioRig: Sendable {
    /// What the client connects with.
    var transport: ObservedTransport { get }
    /// Where it connects to.
    var target: ConnectionTarget { get }
    /// Lets the connection that waits come up.
    func accept() async throws
    /// Lets it fail.
    func refuse() async
    /// Sends the client a message.
    func deliver(_ text: String) async throws
    /// Ends the connection, with a close frame when there is a code.
    func drop(code: UInt16?) async
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

/// A platform in the same process: no sockets, no threads of its own, no time but the scenario's.
final class InProcessRig: ScenarioRig {
    let transport: ObservedTransport
    let target = ConnectionTarget(secure: false, host: "127.0.0.1", port: 9)
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

    func accept() throws { wire.accept(try newest()) }

    func refuse() {
        if let id = wire.connections.last { wire.refuse(id, .connectFailed("refused")) }
    }

    func deliver(_ text: String) throws { wire.deliver(text, to: try newest()) }

    func drop(code: UInt16?) {
        if let id = wire.connections.last { wire.dropConnection(id, .byPeer(code: code)) }
    }

    func quiesce(_ status: @Sendable () async -> SessionStatus) async { await wire.settle() }

    func stop() async { await wire.settle() }

    private func newest() throws -> ConnectionID {
        guard let id = wire.connections.last else { throw RigProblem(words: "there is no connection") }
        return id
    }
}
