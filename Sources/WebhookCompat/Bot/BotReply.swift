import Foundation
import Shared

/// What a callback is answered with (protocol reference of callbacks, section 6.1).
enum BotReply: Hashable, Sendable {
    /// A bubble.
    case stream(PolledStream.Frame)
    /// Text, for somebody who opened the chat.
    case text(String)
    /// The clicked card as it looks from now on.
    case cardUpdate(json: String)

    /// Most bytes of pictures in one answer, by our own bound.
    static let maxImageBytes = 16 << 20

    /// JSON of the reply. Pictures that cannot be read any more are left out.
    func json() -> String {
        switch self {
        case .text(let text):
            JSONValue.dictionary(["msgtype": .string("text"), "text": .dictionary(["content": .string(text)])]).text
        case .cardUpdate(let json):
            JSONValue.dictionary([
                "response_type": .string("update_template_card"),
                "template_card": (try? JSONValue(parsing: json.utf8)) ?? .null,
            ]).text
        case .stream(let frame): Self.stream(frame).text
        }
    }

    private static func stream(_ frame: PolledStream.Frame) -> JSONValue {
        let items = frame.images.compactMap(item)
        return .dictionary([
            "msgtype": .string("stream"),
            "stream": .dictionary([
                "id": .string(frame.id), "finish": .bool(frame.isFinal), "content": .string(frame.content),
                "msg_item": items.isEmpty ? nil : .array(items),
                "feedback": frame.feedback.map { .dictionary(["id": .string($0)]) },
            ]),
        ])
    }

    private static func item(_ image: OutboundMedia) -> JSONValue? {
        guard let data = FileManager.default.contents(atPath: image.path), !data.isEmpty, data.count <= maxImageBytes,
            let md5 = try? Digest.md5(ofFile: image.path)
        else { return nil }
        return .dictionary([
            "msgtype": .string("image"),
            "image": .dictionary(["base64": .string(data.base64EncodedString()), "md5": .string(md5)]),
        ])
    }
}
