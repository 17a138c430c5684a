public import Shared

/// A command to the platform, ready to be written.
public struct OutboundFrame: Sendable {
    /// What an unanswered frame may be followed by.
    public enum Repeatability: Hashable, Sendable {
        /// A stream snapshot that a newer one will replace.
        case snapshot
        /// The last snapshot of a bubble: goes out even while an older ack is missing.
        case finalSnapshot
        /// Shown once more if it is sent once more.
        case once
    }

    /// Command.
    public var command: Command
    /// Correlation; the callback's own for replies.
    public var reqID: ReqID
    /// Whether sending it twice shows it twice.
    public var repeatability: Repeatability
    /// Encoded frame.
    public var buffer: FrameBuffer

    /// Encodes a command with a body.
    public init(
        _ command: Command, reqID: ReqID, body: JSONValue? = nil, repeatability: Repeatability = .once
    ) {
        self.command = command
        self.reqID = reqID
        self.repeatability = repeatability
        var buffer = FrameBuffer(capacity: 256)
        buffer.openEnvelope(command, reqID)
        if let body {
            buffer.storage.append(contentsOf: ",\"body\":".utf8)
            body.write(into: &buffer.storage)
        }
        buffer.storage.append(UInt8(ascii: "}"))
        self.buffer = buffer
    }

    /// Stream snapshot: `content` is the whole text of the bubble. The hot path: written without a tree.
    public static func stream(
        _ reqID: ReqID, id: StreamID, content: String, finish: Bool, feedback: String? = nil
    ) -> OutboundFrame {
        let capacity = content.utf8.count + content.utf8.count / 8 + reqID.rawValue.utf8.count + 192
        var buffer = FrameBuffer(capacity: capacity)
        buffer.openEnvelope(.respond, reqID)
        buffer.storage.append(contentsOf: #","body":{"msgtype":"stream","stream":{"id":"#.utf8)
        buffer.storage.appendJSON(id.rawValue)
        buffer.storage.append(
            contentsOf: (finish ? #","finish":true,"content":"# : #","finish":false,"content":"#).utf8)
        buffer.storage.appendJSON(content)
        if let feedback {
            buffer.storage.append(contentsOf: #","feedback":{"id":"#.utf8)
            buffer.storage.appendJSON(feedback)
            buffer.storage.append(UInt8(ascii: "}"))
        }
        buffer.storage.append(contentsOf: "}}}".utf8)
        return OutboundFrame(.respond, reqID, finish ? .finalSnapshot : .snapshot, buffer)
    }

    init(_ command: Command, _ reqID: ReqID, _ repeatability: Repeatability, _ buffer: FrameBuffer) {
        self.command = command
        self.reqID = reqID
        self.repeatability = repeatability
        self.buffer = buffer
    }
}

extension OutboundFrame {
    /// First frame of a connection.
    static func subscribe(_ reqID: ReqID, bot: BotID, secret: String) -> OutboundFrame {
        OutboundFrame(
            .subscribe, reqID: reqID,
            body: .dictionary(["bot_id": .string(bot.rawValue), "secret": .string(secret)]))
    }

    /// Heartbeat: no body, since an empty one is said to end the connection.
    static func ping(_ reqID: ReqID) -> OutboundFrame { OutboundFrame(.ping, reqID: reqID) }

    /// Answer to the platform's ping.
    static func pong(_ reqID: ReqID) -> OutboundFrame { OutboundFrame(.pong, reqID: reqID, body: .object([])) }

    /// Welcome text, on the `req_id` of an `enter_chat` event.
    public static func welcome(_ reqID: ReqID, text: String) -> OutboundFrame {
        OutboundFrame(
            .respondWelcome, reqID: reqID,
            body: .dictionary(["msgtype": "text", "text": .dictionary(["content": .string(text)])]))
    }

    /// Markdown message at the address of a message.
    public static func markdownReply(_ reqID: ReqID, _ text: String, feedback: String? = nil) -> OutboundFrame {
        OutboundFrame(
            .respond, reqID: reqID,
            body: .dictionary(["msgtype": "markdown", "markdown": markdown(text, feedback)]))
    }

    private static func markdown(_ text: String, _ feedback: String?) -> JSONValue {
        guard let feedback else { return .dictionary(["content": .string(text)]) }
        return .dictionary(["content": .string(text), "feedback": .dictionary(["id": .string(feedback)])])
    }

    /// Markdown message to a conversation. `chat_type` is always said: without it the platform guesses a group.
    public static func push(
        _ reqID: ReqID, to conversation: Conversation, markdown text: String, feedback: String? = nil
    ) -> OutboundFrame {
        OutboundFrame(
            .send, reqID: reqID,
            body: .dictionary([
                "chatid": .string(conversation.id), "chat_type": .integer(conversation.kind == .direct ? 1 : 2),
                "msgtype": "markdown", "markdown": markdown(text, feedback),
            ]))
    }

    /// Answer to the version question of an `enter_check_update` event.
    public static func enterCheckReply(_ reqID: ReqID, version: String) -> OutboundFrame {
        OutboundFrame(.enterCheckReply, reqID: reqID, body: .dictionary(["version": .string(version)]))
    }
}

extension JSONValue: ExpressibleByStringLiteral {
    /// String value.
    public init(stringLiteral value: String) { self = .string(value) }
}

extension FrameBuffer {
    mutating func openEnvelope(_ command: Command, _ reqID: ReqID) {
        storage.append(contentsOf: #"{"cmd":""#.utf8)
        storage.append(contentsOf: command.rawValue.utf8)
        storage.append(contentsOf: #"","headers":{"req_id":"#.utf8)
        storage.appendJSON(reqID.rawValue)
        storage.append(UInt8(ascii: "}"))
    }
}
