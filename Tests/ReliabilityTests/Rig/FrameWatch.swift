import Foundation
import Simulator

/// What went over the wire, as far as the rig has to know: which callbacks were heard of again, and how many frames of
/// which sort came since the program was started last.
///
/// It reads the simulator's record of frames, inside the simulator's lock, after every change: nothing escapes it.
final class FrameWatch: Sendable {
    /// A sort of frame that a kill can be tied to.
    enum Sort: String, Sendable, CaseIterable {
        /// A message leaves for the program.
        case message
        /// Any frame of the program but heartbeat and subscription.
        case frame
        /// Last frame of a bubble.
        case final
        /// Message without a reply address.
        case push
        /// Part of an upload.
        case upload
    }

    private struct State {
        var lastSeq = 0
        var counts: [Sort: Int] = [:]
        var messageIDs: [String: String] = [:]
        var heard: Set<String> = []
        var newest = ContinuousClock.now
    }

    private let lock = NSLock()
    private nonisolated(unsafe) var state = State()

    /// Reads the frames that came since the last call.
    func record(_ core: PlatformCore) {
        lock.withLock {
            let frames = core.newestFrames
            guard let last = frames.last?.seq, last > state.lastSeq else { return }
            for frame in frames.suffix(last - state.lastSeq) { note(frame) }
            state.lastSeq = last
        }
    }

    private func note(_ frame: FrameRecord) {
        guard let command = Self.member("cmd", of: frame.text) else { return }
        let reqID = Self.member("req_id", of: frame.text)
        if frame.direction == .outgoing {
            guard command == "aibot_msg_callback", let reqID, let id = Self.member("msgid", of: frame.text) else {
                return
            }
            state.messageIDs[reqID] = id
            count(.message)
            return
        }
        guard command != "ping", command != "pong", command != "aibot_subscribe" else { return }
        state.newest = .now
        if let id = reqID.flatMap({ state.messageIDs[$0] }) { state.heard.insert(id) }
        count(.frame)
        if command == "aibot_send_msg" { count(.push) }
        if command.hasPrefix("aibot_upload") { count(.upload) }
        if command == "aibot_respond_msg", frame.text.contains("\"finish\":true") { count(.final) }
    }

    private func count(_ sort: Sort) { state.counts[sort, default: 0] += 1 }

    /// First member of that name with a plain string as value; the record may be cut at its end.
    private static func member(_ name: String, of text: String) -> String? {
        guard let key = text.firstRange(of: "\"\(name)\":\"") else { return nil }
        return text[key.upperBound...].firstIndex(of: "\"").map { String(text[key.upperBound..<$0]) }
    }

    /// Starts the counts anew.
    func startCounting() { lock.withLock { state.counts = [:] } }

    func count(of sort: Sort) -> Int { lock.withLock { state.counts[sort] ?? 0 } }

    /// Whether the program sent anything on any `req_id` of that message.
    func hasHeard(of messageID: String) -> Bool { lock.withLock { state.heard.contains(messageID) } }

    /// Message that came with that reply address.
    func messageID(of reqID: String) -> String? { lock.withLock { state.messageIDs[reqID] } }

    /// Time without a frame of the program, heartbeats aside.
    var silence: Duration { lock.withLock { state.newest.duration(to: .now) } }
}
