import Simulator

/// What else goes wrong while the program is being killed.
enum Regime: String, Sendable, CaseIterable {
    /// Nothing: kills alone.
    case kills = "kills alone"
    /// Acks of finals, pushes and uploads are lost or late.
    case acks = "lost acks"
    /// Connections break before and after a command was carried out; messages come twice.
    case lines = "broken lines"
    /// All of it, and reply addresses die with their connection.
    case worst = "everything"

    var faults: SimulatorFaults {
        let acks: [SimulatorFault] = [
            SimulatorFault(.dropAck, cmd: "aibot_respond_msg", probability: 0.06),
            SimulatorFault(.dropAck, cmd: "aibot_send_msg", probability: 0.2),
            SimulatorFault(.dropAck, cmd: "aibot_upload_media_chunk", probability: 0.1),
            SimulatorFault(.dropAck, cmd: "aibot_upload_media_finish", probability: 0.1),
            SimulatorFault(.lateAck, cmd: "aibot_respond_msg", probability: 0.03, ms: 1_200),
            // Not for bubbles: an ack names the reply address alone, so a second one is taken for that of the next frame.
            SimulatorFault(.duplicateAck, cmd: "aibot_send_msg", probability: 0.1, ms: 100),
            SimulatorFault(.duplicateAck, cmd: "aibot_upload_media_chunk", probability: 0.1, ms: 100),
        ]
        let lines: [SimulatorFault] = [
            SimulatorFault(.dropBefore, probability: 0.01),
            SimulatorFault(.dropAfter, probability: 0.02),
            SimulatorFault(.dropAfter, cmd: "aibot_send_msg", probability: 0.1),
            SimulatorFault(.redeliver, cmd: "aibot_msg_callback", probability: 0.1, ms: 1_500),
            SimulatorFault(.redeliver, cmd: "aibot_msg_callback", probability: 0.1, ms: 0),
        ]
        return switch self {
        case .kills: SimulatorFaults()
        case .acks: SimulatorFaults(acks)
        case .lines: SimulatorFaults(lines)
        case .worst: SimulatorFaults(acks + lines)
        }
    }

    /// Whether a bubble can still be sealed from another connection.
    var keepsAddresses: Bool { self != .worst }
}
