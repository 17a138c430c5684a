/// One server-sent event.
struct SSEEvent: Sendable, Equatable {
    /// Name after `event:`; empty when none was given.
    var name = ""
    /// Lines after `data:`, joined by LF.
    var data: String
}

/// Incremental reader of `text/event-stream`: LF, CR and CRLF, comments, data over several lines, a leading byte order mark.
///
/// Ids and retry times are ignored. A line, and the data of one event, are bounded.
struct SSEParser: Sendable {
    private let limit: Int
    private var lines: LineSplitter
    private var name = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var isFirstLine = true

    /// Creates a parser.
    ///
    /// - Parameter maxEventBytes: bound of one line and of the data of one event.
    init(maxEventBytes: Int) {
        limit = maxEventBytes
        lines = LineSplitter(limit: maxEventBytes, loneCarriageReturnEnds: true)
    }

    /// Takes bytes and adds the events that they completed to `events`, also when a later byte is one too many.
    mutating func feed(_ bytes: some Sequence<UInt8>, into events: inout [SSEEvent]) throws(LineTooLong) {
        for byte in bytes {
            guard let line = try lines.feed(byte) else { continue }
            if let event = try take(line: line) { events.append(event) }
        }
    }

    /// Ends the input. An event whose closing blank line never came is returned all the same; its data may be cut.
    mutating func finish() throws(LineTooLong) -> SSEEvent? {
        if let line = lines.finish(), let event = try take(line: line) { return event }
        return dispatch()
    }

    private mutating func take(line: [UInt8]) throws(LineTooLong) -> SSEEvent? {
        var line = line[...]
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
        }
        guard !line.isEmpty else { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data":
            guard data.count + value.count < limit else { throw LineTooLong(limit: limit) }
            if hasData { data.append(0x0A) }
            data.append(contentsOf: value)
            hasData = true
        case "event":
            name = String(decoding: value, as: UTF8.self)
        default:
            // Comments (an empty name), ids, retry times and fields of the future.
            break
        }
        return nil
    }

    private mutating func dispatch() -> SSEEvent? {
        defer {
            name = ""
            data.removeAll(keepingCapacity: true)
            hasData = false
        }
        return hasData ? SSEEvent(name: name, data: String(decoding: data, as: UTF8.self)) : nil
    }
}
