public import Shared

/// A frame from the platform, told apart by its envelope alone (protocol reference, section 2).
enum InboundFrame: Equatable {
    /// A message or event of a user, body unread.
    case callback(Callback)
    /// The platform wants to know whether we live.
    case ping(ReqID?)
    /// Answer to one of our frames; `reqID` is missing on schema errors and on some heartbeat answers.
    case ack(Ack)
    /// A command that this version does not know.
    case unknown(Command)

    struct Ack: Equatable {
        var reqID: ReqID?
        var code: Int
        var message: String
        var body: String?
        /// Whether the frame said `errcode` at all.
        var hasCode = true

        var error: PlatformError? { code == 0 ? nil : PlatformError(code: code, message: message) }
    }
}

/// A message or event as it came, envelope read and body not yet.
public struct Callback: Hashable, Sendable {
    /// Message or event.
    public enum Kind: Hashable, Sendable {
        /// `aibot_msg_callback`, or its older name.
        case message
        /// `aibot_event_callback`.
        case event
    }

    /// Message or event.
    public var kind: Kind
    /// Address of replies; empty when the frame had none.
    public var reqID: ReqID
    /// Body as JSON text in UTF-8; empty when the frame had none.
    public var body: [UInt8]

    /// Creates a callback.
    public init(kind: Kind, reqID: ReqID, body: [UInt8]) {
        self.kind = kind
        self.reqID = reqID
        self.body = body
    }
}

extension InboundFrame {
    /// Reads one frame. Unknown keys and commands are no errors.
    ///
    /// - Throws: `JSONScanner.Malformed` when the bytes are not one JSON object.
    init(_ bytes: UnsafeRawBufferPointer) throws(JSONScanner.Malformed) {
        var scanner = JSONScanner(bytes)
        var envelope = Envelope()
        try scanner.object { (scanner, key) throws(JSONScanner.Malformed) in try envelope.read(key, from: &scanner) }
        try scanner.finish()
        self = envelope.classified(bytes)
    }
}

private struct Envelope {
    /// Stands for a code that is no integer: whatever it says, it is not success.
    static let unreadableCode = Int.max

    var command: String?
    var reqID: String?
    var code: Int?
    var message = ""
    var body: Range<Int>?

    mutating func read(_ key: borrowing String, from scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
        // A value of the wrong type is passed over like an unknown key.
        switch (copy key, try scanner.peek()) {
        case ("cmd", UInt8(ascii: "\"")): command = try scanner.string()
        case ("errmsg", UInt8(ascii: "\"")): message = try scanner.string()
        case ("errcode", let first) where first == UInt8(ascii: "-") || first &- 0x30 < 10:
            code = try scanner.integer() ?? Self.unreadableCode
        case ("errcode", UInt8(ascii: "\"")): code = Int(try scanner.string()) ?? Self.unreadableCode
        case ("headers", UInt8(ascii: "{")):
            var id: String?
            try scanner.object { (scanner, key) throws(JSONScanner.Malformed) in
                if copy key == "req_id", try scanner.peek() == UInt8(ascii: "\"") {
                    id = try scanner.string()
                } else {
                    _ = try scanner.skipValue()
                }
            }
            // Some servers say the id that they do not have with empty quotes.
            reqID = id?.isEmpty == true ? nil : id
        case ("body", _): body = try scanner.skipValue()
        default: _ = try scanner.skipValue()
        }
    }

    func classified(_ bytes: UnsafeRawBufferPointer) -> InboundFrame {
        let id = reqID.map { ReqID($0) }
        guard let command, code == nil || command.hasPrefix("aibot_") && command.hasSuffix("callback") else {
            return .ack(
                InboundFrame.Ack(
                    reqID: id, code: code ?? 0, message: message,
                    body: body.map { String(decoding: bytes[$0], as: UTF8.self) }, hasCode: code != nil))
        }
        switch Command(rawValue: command) {
        case .messageCallback, .legacyMessageCallback: return .callback(callback(.message, bytes))
        case .eventCallback: return .callback(callback(.event, bytes))
        case .ping: return .ping(id)
        case .pong: return .ack(InboundFrame.Ack(reqID: id, code: 0, message: message, body: nil, hasCode: false))
        case let other: return .unknown(other)
        }
    }

    private func callback(_ kind: Callback.Kind, _ bytes: UnsafeRawBufferPointer) -> Callback {
        Callback(kind: kind, reqID: ReqID(reqID ?? ""), body: body.map { Array(bytes[$0]) } ?? [])
    }
}

extension Callback {
    /// Whether this is the event that tells a connection that it was replaced.
    var isDisplacement: Bool {
        guard kind == .event, let body = try? JSONValue(parsing: body) else { return false }
        return body["event"]?["eventtype"]?.string == "disconnected_event"
    }
}
