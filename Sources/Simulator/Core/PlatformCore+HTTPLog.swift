/// Traffic over HTTP in the record of frames, opened and in the shape of frames: a command with `req_id` (`h` and a
/// number for callbacks, `a` and a number for calls), and its answer with an errcode.
extension PlatformCore {
    private static let noConnection = ConnectionID(0)

    /// A request: a callback to the program, or (`incoming`) a call of the program.
    mutating func logRequest(
        _ direction: FrameRecord.Direction, _ cmd: String, id: String, bot: String?, body: String, now: Int
    ) {
        guard options.recordsFrames else { return }
        let text = "{\"cmd\":\"\(cmd)\",\"headers\":{\"req_id\":\"\(id)\"},\"body\":\(body)}"
        log(direction, text, bot: bot, now: now)
    }

    /// The answer to a request. An HTTP status that is an error stands in for the errcode.
    mutating func logAnswer(
        _ direction: FrameRecord.Direction, id: String, bot: String?, code: Int, body: String?, now: Int
    ) {
        guard options.recordsFrames else { return }
        let rest = body.map { ",\"body\":\($0)" } ?? ""
        log(
            direction, "{\"headers\":{\"req_id\":\"\(id)\"},\"errcode\":\(code)\(rest)}", bot: bot, now: now)
    }

    private mutating func log(_ direction: FrameRecord.Direction, _ text: String, bot: String?, now: Int) {
        emit(
            .frame(
                frames.add(
                    direction, connection: Self.noConnection, bot: bot, text: text, size: text.utf8.count, now: now)))
    }

    /// Text as it stands when it is JSON, else, and when it is too long to be shown, as a JSON string.
    static func json(_ bytes: [UInt8]) -> String {
        if bytes.count <= 16_384, let value = try? JSONValue.parse(bytes) { return value.text }
        return JSONValue.string(String(decoding: bytes.prefix(8_192), as: UTF8.self)).text
    }
}
