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
        /// Any frame of the program but heartbeat, subscription and answers to refreshes that end nothing.
        case frame
        /// Last frame of a bubble.
        case final
        /// Message without a reply address.
        case push
        /// Part of an upload.
        case upload
        /// The answer to a message over HTTP.
        case answer
        /// `message/send` of an application.
        case call
        /// Reply posted to a `response_url`.
        case late
    }

    private struct State {
        var lastSeq = 0
        var counts: [Sort: Int] = [:]
        /// Messages by the `req_id` of their delivery.
        var messageIDs: [String: String] = [:]
        var asked: Set<String> = []
        var heard: Set<String> = []
        /// Messages by the id of the bubble that answers them.
        var streams: [String: String] = [:]
        var refreshes: Set<String> = []
        var refreshed: [String: ContinuousClock.Instant] = [:]
        var newest = ContinuousClock.now
    }

    private let lock = NSLock()
    private nonisolated(unsafe) var state = State()

    /// Reads the frames that came since the last call.
    func record(_ core: PlatformCore) {
        lock.withLock {
            let frames = core.newestFrames
            guard let last = frames.last?.seq, last > state.lastSeq else { return }
            for frame in frames.suffix(last - state.lastSeq) {
                if frame.connection == ConnectionID(0) { noteHTTP(frame) } else { note(frame) }
            }
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

    // MARK: Over HTTP

    private func noteHTTP(_ frame: FrameRecord) {
        let isRequest = frame.text.hasPrefix("{\"cmd\":")
        guard let reqID = Self.member("req_id", of: frame.text) else { return }
        switch (frame.direction, isRequest) {
        case (.outgoing, true): noteCallback(frame.text, reqID)
        case (.incoming, false): noteAnswer(frame.text, reqID)
        case (.incoming, true): noteCall(frame.text)
        case (.outgoing, false): break
        }
    }

    private func noteCallback(_ text: String, _ reqID: String) {
        switch Self.member("cmd", of: text) {
        case "webhook.refresh":
            state.refreshes.insert(reqID)
            if let id = Self.streamID(of: text) { state.refreshed[id] = .now }
        case "webhook.message", "agent.message":
            guard let id = Self.member("msgid", of: text) ?? Self.number("<MsgId>", of: text) else { return }
            state.messageIDs[reqID] = id
            state.asked.insert(id)
            count(.message)
        default: break
        }
    }

    /// What the platform got in answer to a callback; nothing else makes a message accepted there.
    private func noteAnswer(_ text: String, _ reqID: String) {
        guard text.contains("\"errcode\":0") else { return }
        let isFinal = text.contains("\"finish\":true") || text.contains("\\\"finish\\\":true")
        if let id = state.messageIDs[reqID] {
            state.heard.insert(id)
            if let stream = Self.streamID(of: text) { state.streams[stream] = id }
            count(.answer)
        } else if !state.refreshes.contains(reqID) || !isFinal {
            state.refreshes.remove(reqID)
            return
        }
        state.refreshes.remove(reqID)
        state.newest = .now
        count(.frame)
        if isFinal { count(.final) }
    }

    private func noteCall(_ text: String) {
        state.newest = .now
        count(.frame)
        switch Self.member("cmd", of: text) {
        case "cgi-bin/message/send": count(.call)
        case "cgi-bin/media/upload": count(.upload)
        case "cgi-bin/aibot/response": count(.late)
        default: break
        }
    }

    private func count(_ sort: Sort) { state.counts[sort, default: 0] += 1 }

    // MARK: Reading

    /// First member of that name with a plain string as value; the record may be cut at its end.
    private static func member(_ name: String, of text: String) -> String? {
        guard let key = text.firstRange(of: "\"\(name)\":\"") else { return nil }
        return text[key.upperBound...].firstIndex(of: "\"").map { String(text[key.upperBound..<$0]) }
    }

    private static func number(_ tag: String, of text: String) -> String? {
        guard let start = text.firstRange(of: tag)?.upperBound else { return nil }
        let digits = text[start...].prefix { $0.isNumber }
        return digits.isEmpty ? nil : String(digits)
    }

    private static func streamID(of text: String) -> String? {
        text.firstRange(of: "\"stream\":{").flatMap { member("id", of: String(text[$0.upperBound...].prefix(200))) }
    }

    // MARK: Questions

    /// Starts the counts anew.
    func startCounting() { lock.withLock { state.counts = [:] } }

    func count(of sort: Sort) -> Int { lock.withLock { state.counts[sort] ?? 0 } }

    /// Whether the program sent anything on any `req_id` of that message, or answered a callback with it by 200.
    func hasHeard(of messageID: String) -> Bool { lock.withLock { state.heard.contains(messageID) } }

    /// Whether a callback over HTTP with that message was posted.
    func hasAsked(_ messageID: String) -> Bool { lock.withLock { state.asked.contains(messageID) } }

    /// Message that came with that reply address.
    func messageID(of reqID: String) -> String? { lock.withLock { state.messageIDs[reqID] } }

    /// Message that a bubble of the webhook side answers.
    func messageID(ofStream id: String) -> String? { lock.withLock { state.streams[id] } }

    /// Whether the platform goes on asking for that bubble.
    func isRefreshed(_ stream: String) -> Bool {
        lock.withLock { state.refreshed[stream].map { $0.duration(to: .now) < .seconds(4) } ?? false }
    }

    /// Whether the bubble of that message was left alone by the platform, whatever it shows.
    func hasStopped(_ messageID: String) -> Bool {
        lock.withLock {
            state.streams.contains { stream, id in
                id == messageID && (state.refreshed[stream].map { $0.duration(to: .now) >= .seconds(4) } ?? true)
            }
        }
    }

    /// Time without a frame of the program, heartbeats and answers to refreshes aside.
    var silence: Duration { lock.withLock { state.newest.duration(to: .now) } }
}
