import Dispatch
import Foundation
import Subprocess

/// Ends a process group for good. To be used while its leader is not reaped, so that the number cannot
/// name a stranger's group.
struct ProcessGroup: Sendable {
    /// What sends a signal to the whole group.
    var send: @Sendable (Signal) -> Void
    /// Number of the group, which is that of its leader.
    var id: Int32
    /// Time between SIGTERM and SIGKILL.
    var grace: Duration

    /// Ends whatever the leader, which has exited, left behind: SIGTERM unless it was sent before, a while, SIGKILL.
    func endRest(alreadyAsked: Bool) async {
        if hasMembersBesideLeader {
            if !alreadyAsked { send(.terminate) }
            await waitForRest()
        }
        send(.kill)
        // It takes the system a moment to end them.
        await waitForRest()
    }

    /// Waits until only the leader is left, at most for the grace.
    private func waitForRest() async {
        let deadline = ContinuousClock.now.advanced(by: grace)
        while hasMembersBesideLeader, ContinuousClock.now < deadline { await Self.shortPause() }
    }

    /// Whether processes of the group other than the leader live. Only Linux can tell; elsewhere none are assumed.
    var hasMembersBesideLeader: Bool {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc") else { return false }
        return names.contains { name in
            guard let pid = Int32(name), pid != id,
                let stat = FileManager.default.contents(atPath: "/proc/\(name)/stat")
            else { return false }
            return Self.isMember(stat: String(decoding: stat, as: UTF8.self), of: id)
        }
    }

    /// Reads `pid (name) state parent group …`, where the name may hold anything.
    static func isMember(stat: String, of group: Int32) -> Bool {
        guard let end = stat.lastIndex(of: ")") else { return false }
        let fields = stat[end...].dropFirst().split(separator: " ")
        return fields.count > 2 && fields[2] == "\(group)" && !["Z", "X"].contains(fields[0])
    }

    /// Real time, and deaf to cancellation: it is the cancelled task that cleans up here.
    private static func shortPause() async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(20)) { continuation.resume() }
        }
    }
}
