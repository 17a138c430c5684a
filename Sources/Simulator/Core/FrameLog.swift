/// One frame as it was seen on the wire. `in` is from the bot program to the platform.
public struct FrameRecord: Sendable, Hashable {
    /// Direction, from the platform's point of view.
    public enum Direction: String, Sendable, Hashable {
        case incoming = "in"
        case outgoing = "out"
    }

    /// Number of the frame.
    public var seq: Int
    /// Unix milliseconds.
    public var time: Int
    /// Bot of the connection, when it has subscribed.
    public var bot: String?
    /// Connection.
    public var connection: ConnectionID
    /// Direction.
    public var direction: Direction
    /// Text of the frame, secrets masked, at most `FrameLog.textLimit` bytes.
    public var text: String
    /// Size of the frame in bytes.
    public var size: Int

    /// The record as the control API shows it.
    public var json: JSONValue {
        .members([
            ("seq", .int(seq)), ("time", .int(time)), ("bot", bot.map { .string($0) }),
            ("connection", .string(connection.description)), ("direction", .string(direction.rawValue)),
            ("text", .string(text)), ("size", .int(size)),
        ])
    }
}

/// The newest frames of all connections.
struct FrameLog: Sendable {
    /// Frames kept.
    static let limit = 500
    /// Bytes of text kept per frame.
    static let textLimit = 4_096

    private var records: [FrameRecord] = []
    private var nextSeq = 1

    var newest: [FrameRecord] { Array(records.suffix(Self.limit)) }

    mutating func add(
        _ direction: FrameRecord.Direction, connection: ConnectionID, bot: String?, text: String, size: Int, now: Int
    ) -> FrameRecord {
        let record = FrameRecord(
            seq: nextSeq, time: now, bot: bot, connection: connection, direction: direction,
            text: Self.cut(text), size: size)
        nextSeq += 1
        records.append(record)
        if records.count >= Self.limit * 2 { records.removeFirst(Self.limit) }
        return record
    }

    /// The beginning of `text`, cut between scalars.
    private static func cut(_ text: String) -> String {
        guard text.utf8.count > textLimit else { return text }
        return String(decoding: text.utf8.prefix(textLimit), as: UTF8.self)
    }

    /// Text of an incoming frame with the subscribe secret masked.
    static func masked(_ bytes: [UInt8], parsed: JSONValue?) -> String {
        guard let parsed else {
            let text = String(decoding: bytes.prefix(textLimit), as: UTF8.self)
            return text.contains("secret") ? "(not JSON, hidden because it may hold a secret)" : text
        }
        guard var frame = parsed.objectValue, var body = frame["body"]?.objectValue, body["secret"] != nil else {
            return String(decoding: bytes.prefix(textLimit), as: UTF8.self)
        }
        body["secret"] = "***"
        frame["body"] = .object(body)
        return JSONValue.object(frame).text
    }
}
