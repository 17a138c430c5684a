import AIBotWS
import Shared

/// One frame of a recording, scrubbed.
struct RecordedFrame {
    var direction: FrameDirection
    var frame: JSONValue
    var at: MonotonicInstant
}

/// Which frames of a recording belong to which message.
struct RecordedTurnTable {
    /// By the `req_id` of the message.
    var turns: [String: RecordedTurn] = [:]
    private(set) var order: [String] = []
    /// Message that a push belongs to, by the request of the push.
    private(set) var pushOwners: [String: String] = [:]
    private let words: ProgramWords

    init() { words = ProgramWords(reply: ReplySettings()) }

    init(_ frames: [RecordedFrame], _ words: ProgramWords) {
        self.words = words
        var seen: Set<String> = []
        var unanswered: [String] = []
        for (index, item) in frames.enumerated() {
            let frame = item.frame
            let reqID = frame["headers"]?["req_id"]?.string ?? ""
            switch (item.direction, frame["cmd"]?.string) {
            case (.inbound, "aibot_msg_callback"?), (.inbound, "aibot_callback"?), (.inbound, "aibot_event_callback"?):
                collectCallback(frame, reqID, &seen)
            case (.inbound, nil):
                // An error without a request belongs to the one frame that it can belong to.
                let id = reqID.isEmpty && unanswered.count == 1 ? unanswered[0] : reqID
                unanswered.removeAll { $0 == id }
                turns[pushOwners[id] ?? id]?.acknowledged(code: frame["errcode"]?.integer ?? 0)
            case (.outbound, "aibot_respond_msg"?):
                unanswered.append(reqID)
                collectReply(frame["body"], reqID, index)
            case (.outbound, "aibot_send_msg"?):
                unanswered.append(reqID)
                collectPush(frame["body"], reqID, index)
            default: break
            }
        }
    }

    private mutating func collectCallback(_ frame: JSONValue, _ reqID: String, _ seen: inout Set<String>) {
        guard let body = frame["body"], let user = body["from"]?["userid"]?.string else { return }
        let isClick = body["event"]?["eventtype"]?.string == "template_card_event"
        guard body["event"] == nil || isClick else { return }
        let id = body["msgid"]?.string ?? ""
        guard id.isEmpty || seen.insert(id).inserted, turns[reqID] == nil else { return }
        let chat = body["chattype"]?.string == "group" ? body["chatid"]?.string : nil
        let conversation = chat.map { Conversation(kind: .group, id: $0) } ?? Conversation(kind: .direct, id: user)
        turns[reqID] = RecordedTurn(
            name: "h\(turns.count + 1)", messageID: id, conversation: conversation, isClick: isClick)
        order.append(reqID)
    }

    private mutating func collectReply(_ body: JSONValue?, _ reqID: String, _ index: Int) {
        if let text = body?["markdown"]?["content"]?.string {
            turns[reqID]?.add(.markdown(text), at: index)
        } else if let stream = body?["stream"], let id = stream["id"]?.string {
            let text = stream["content"]?.string ?? ""
            let isFinal = stream["finish"] == .bool(true)
            if isFinal, text.hasSuffix(words.words.handOver) { turns[reqID]?.isHandedOver = true }
            if isFinal, turns[reqID]?.first == nil, words.isLine(text) { turns[reqID]?.isLine = true }
            turns[reqID]?.add(isFinal ? .final(stream: id, text) : .snapshot(stream: id, text), at: index)
        }
    }

    private mutating func collectPush(_ body: JSONValue?, _ reqID: String, _ index: Int) {
        guard let text = body?["markdown"]?["content"]?.string, let chat = body?["chatid"]?.string else { return }
        let turn = order.first { reqID in
            guard let turn = turns[reqID], turn.conversation.id == chat else { return false }
            return turn.takesPush(text)
        }
        guard let turn else { return }
        pushOwners[reqID] = turn
        turns[turn]?.add(.push(text), at: index)
    }
}
