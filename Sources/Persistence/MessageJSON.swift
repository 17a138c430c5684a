import Shared

/// JSON text of a message. What nearly every message is, one piece of text, is written by hand, ten times as fast as by
/// `JSONEncoder`; everything else goes through that. Both are read by `JSONDecoder`.
enum MessageJSON {
    static func encode(_ message: InboundMessage) throws -> String {
        guard message.quote == nil, message.click == nil, message.parts.count <= 1 else {
            return try StoredText.encode(message)
        }
        var writer = Writer(capacity: 320)
        writer.field("account", message.account.rawValue, first: true)
        writer.field("channel", message.channel)
        writer.raw(",\"conversation\":")
        writer.field("id", message.conversation.id, first: true)
        writer.field("kind", message.conversation.kind.rawValue)
        writer.raw("},\"createdAt\":\(message.createdAt)")
        writer.field("id", message.id.rawValue)
        writer.raw(message.mentioned ? ",\"mentioned\":true" : ",\"mentioned\":false")
        switch message.parts.first {
        case nil: writer.raw(",\"parts\":[]")
        case .text(let text):
            writer.raw(",\"parts\":[{\"text\":")
            writer.field("_0", text, first: true)
            writer.raw("}}]")
        case .voice, .media, .unknown: return try StoredText.encode(message)
        }
        writer.sender(message.sender)
        writer.raw("}")
        return writer.text
    }

    private struct Writer {
        private var bytes: [UInt8] = []

        init(capacity: Int) { bytes.reserveCapacity(capacity) }

        var text: String { String(decoding: bytes, as: UTF8.self) }

        mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

        /// A member of an object; the first one opens it.
        mutating func field(_ name: StaticString, _ value: String, first: Bool = false) {
            bytes.append(first ? UInt8(ascii: "{") : UInt8(ascii: ","))
            bytes.append(UInt8(ascii: "\""))
            name.withUTF8Buffer { bytes.append(contentsOf: $0) }
            bytes.append(UInt8(ascii: "\""))
            bytes.append(UInt8(ascii: ":"))
            string(value)
        }

        mutating func sender(_ sender: Sender) {
            raw(",\"sender\":")
            field("id", sender.id.rawValue, first: true)
            if let corporation = sender.corporation { field("corporation", corporation) }
            if let name = sender.name { field("name", name) }
            raw("}")
        }

        private mutating func string(_ value: String) {
            var value = value
            bytes.append(UInt8(ascii: "\""))
            value.withUTF8 { content in
                if content.contains(where: Self.isEscaped) {
                    for byte in content { escaped(byte) }
                } else {
                    bytes.append(contentsOf: content)
                }
            }
            bytes.append(UInt8(ascii: "\""))
        }

        private static func isEscaped(_ byte: UInt8) -> Bool {
            byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
        }

        private mutating func escaped(_ byte: UInt8) {
            guard Self.isEscaped(byte) else { return bytes.append(byte) }
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            default:
                let digits = String(byte, radix: 16)
                raw(byte < 16 ? "\\u000\(digits)" : "\\u00\(digits)")
            }
        }
    }
}
