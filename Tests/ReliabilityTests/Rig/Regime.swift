import Simulator

/// What else goes wrong while the program is being killed.
enum Regime: String, Sendable, CaseIterable {
    /// Nothing: kills alone.
    case kills = "kills alone"
    /// Acks of finals, pushes and uploads are lost or late. Over HTTP the answers to callbacks are lost, so that they come
    /// again, and calls are carried out without an answer, or with an error.
    case acks = "lost acks"
    /// Connections break before and after a command was carried out; messages come twice. Over HTTP the platform stops
    /// asking for bubbles, loses callbacks, and ends tokens.
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
        case .kills: SimulatorFaults([Self.slowCalls])
        case .acks: SimulatorFaults([Self.slowCalls] + acks + Self.lostAnswers)
        case .lines: SimulatorFaults([Self.slowCalls] + lines + Self.lostCallbacks)
        case .worst: SimulatorFaults([Self.slowCalls] + acks + lines + Self.lostAnswers + Self.lostCallbacks)
        }
    }

    /// A kill that is tied to a call falls between its effect and its answer.
    private static let slowCalls = SimulatorFault(.delayAck, cmd: "cgi-bin/*", ms: 30)

    private static let lostAnswers: [SimulatorFault] = [
        SimulatorFault(.loseAnswer, cmd: "webhook.message", probability: 0.15),
        SimulatorFault(.loseAnswer, cmd: "webhook.refresh", probability: 0.1),
        SimulatorFault(.loseAnswer, cmd: "agent.message", probability: 0.15),
        SimulatorFault(.dropAck, cmd: "cgi-bin/aibot/response", probability: 0.25),
        SimulatorFault(.dropAck, cmd: "cgi-bin/message/send", probability: 0.04),
        SimulatorFault(.dropAck, cmd: "cgi-bin/media/upload", probability: 0.1),
        SimulatorFault(.httpErrorAfter, cmd: "cgi-bin/message/send", probability: 0.05),
        SimulatorFault(.httpError, cmd: "cgi-bin/message/send", probability: 0.05),
        SimulatorFault(.errorCode, cmd: "cgi-bin/message/send", probability: 0.05, code: -1),
        SimulatorFault(.httpError, cmd: "cgi-bin/gettoken", probability: 0.1),
    ]

    private static let lostCallbacks: [SimulatorFault] = [
        SimulatorFault(.stopPolls, cmd: "webhook.refresh", probability: 0.02),
        SimulatorFault(.dropCallback, cmd: "webhook.message", probability: 0.1),
        SimulatorFault(.dropCallback, cmd: "agent.message", probability: 0.1),
        SimulatorFault(.redeliver, cmd: "webhook.message", probability: 0.1, ms: 1_500),
        SimulatorFault(.redeliver, cmd: "webhook.message", probability: 0.1, ms: 0),
        SimulatorFault(.redeliver, cmd: "agent.message", probability: 0.1, ms: 1_500),
        SimulatorFault(.redeliver, cmd: "agent.message", probability: 0.1, ms: 0),
        SimulatorFault(.invalidateToken, cmd: "cgi-bin/message/send", probability: 0.04, code: 40_014),
        SimulatorFault(.invalidateToken, cmd: "cgi-bin/media/*", probability: 0.1, code: 42_001),
        SimulatorFault(.dropBefore, cmd: "cgi-bin/*", probability: 0.02),
        SimulatorFault(.dropAfter, cmd: "cgi-bin/message/send", probability: 0.03),
        SimulatorFault(.dropAfter, cmd: "cgi-bin/aibot/response", probability: 0.1),
    ]

    /// Whether bubbles of the webhook side are left alone by the platform before they are sealed.
    var stopsPolls: Bool { self == .lines || self == .worst }

    /// Whether a bubble can still be sealed from another connection.
    var keepsAddresses: Bool { self != .worst }
}
