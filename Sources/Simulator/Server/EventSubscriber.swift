import NIOCore
import NIOHTTP1

/// What the event stream tells.
enum ServerEvent: Sendable {
    case platform(SimulatorEvent)
    case clock(mode: SimulatorClock.Mode, offset: Int, now: Int)

    /// Name and data of the server-sent event; nil for what the stream does not tell.
    var message: (name: String, data: JSONValue)? {
        switch self {
        case .platform(.entry(let conversation, let entry)):
            let data: JSONValue = [
                "bot": .string(conversation.bot), "user": conversation.user.map { .string($0) } ?? .null,
                "group": conversation.group.map { .string($0) } ?? .null, "entry": entry.json(),
            ]
            return ("entry", data)
        case .platform(.frame(let record)): return ("frame", record.json)
        case .platform(.connection(let bot, let id, let state)):
            let data: JSONValue = [
                "bot": bot.map { .string($0) } ?? .null, "connection": .string(id.description),
                "state": .string(state.rawValue),
            ]
            return ("connection", data)
        case .platform(.fault(let kind, let cmd, let id)):
            let data: JSONValue = [
                "fault": .string(kind.rawValue), "cmd": .string(cmd),
                "connection": id.map { .string($0.description) } ?? .null,
            ]
            return ("fault", data)
        case .platform(.callback(let record)): return ("callback", record.json)
        case .platform(.violation(let violation)): return ("violation", violation.json)
        case .clock(let mode, let offset, let now):
            return ("clock", ["mode": .string(mode.rawValue), "offsetMs": .int(offset), "now": .int(now)])
        }
    }
}

/// One open event stream. A reader that falls behind by more than the channel's high-water mark is dropped; it can
/// come back with the id of the last event that it got.
final class EventSubscriber: Sendable {
    let channel: any Channel

    init(channel: any Channel) { self.channel = channel }

    func send(_ event: ServerEvent, id: Int) {
        guard let message = event.message else { return }
        guard channel.isWritable else {
            channel.close(mode: .all, promise: nil)
            return
        }
        let text = "id: \(id)\nevent: \(message.name)\ndata: \(message.data.text)\n\n"
        let part = HTTPServerResponsePart.body(.byteBuffer(channel.allocator.buffer(string: text)))
        channel.writeAndFlush(part, promise: nil)
    }
}
