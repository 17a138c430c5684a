import Crypto
import Foundation

/// Why a passive reply is not shown.
struct ReplyProblem: Error, Sendable, Hashable {
    var rule: String
    var detail: String

    init(_ rule: String, _ detail: String) {
        self.rule = rule
        self.detail = detail
    }
}

/// What a bot's program answered to a callback of the webhook side.
enum PassiveReply: Sendable, Hashable {
    case empty
    case text(String)
    case stream(Frame, card: JSONValue?)
    case card(JSONValue)
    case update(JSONValue, users: [String]?)

    /// One frame of a stream bubble; it replaces what was shown.
    struct Frame: Sendable, Hashable {
        var id: String
        var isFinal: Bool
        var content: String
        var images: [[UInt8]] = []
        var feedbackID: String?
        /// What is wrong with parts that are left out.
        var problems: [ReplyProblem] = []
    }

    /// Name in the table of legal replies.
    private var name: String {
        switch self {
        case .empty: "empty"
        case .text: "text"
        case .stream(_, nil): "stream"
        case .stream: "stream_with_template_card"
        case .card: "template_card"
        case .update: "update_template_card"
        }
    }

    /// Reads the opened answer to a callback of that kind and checks that it is legal there.
    static func parse(
        _ bytes: [UInt8], to kind: Delivery.Kind, options: PlatformOptions
    ) throws(ReplyProblem) -> PassiveReply {
        let value: JSONValue
        do { value = try JSONValue.parse(bytes) } catch {
            throw ReplyProblem("schema", "the sealed text is not JSON")
        }
        guard let members = value.objectValue?.members else { throw ReplyProblem("schema", "not an object") }
        let reply = members.isEmpty ? PassiveReply.empty : try read(value, options: options)
        guard legal(for: kind).contains(reply.name) else {
            throw ReplyProblem("illegalReply", "\(reply.name) is not legal here")
        }
        return reply
    }

    static func legal(for kind: Delivery.Kind) -> Set<String> {
        switch kind {
        case .message: ["stream", "template_card", "stream_with_template_card", "empty"]
        case .refresh: ["stream", "stream_with_template_card"]
        case .enterChat: ["text", "template_card", "empty"]
        case .cardClick: ["update_template_card", "empty"]
        case .feedback, .otherEvent, .verification: ["empty"]
        }
    }

    private static func read(_ value: JSONValue, options: PlatformOptions) throws(ReplyProblem) -> PassiveReply {
        if let type = value["response_type"] {
            guard type.stringValue == "update_template_card" else { throw ReplyProblem("schema", "response_type") }
            let card = try object(value, "template_card")
            return .update(card, users: value["userids"]?.arrayValue?.compactMap(\.stringValue))
        }
        switch value["msgtype"]?.stringValue {
        case "text":
            let content = try string(try object(value, "text"), "content")
            try checkSize(content, options)
            return .text(content)
        case "stream": return .stream(try frame(try object(value, "stream"), options), card: nil)
        case "template_card": return .card(try object(value, "template_card"))
        case "stream_with_template_card":
            let card = value["template_card"] == nil ? nil : try object(value, "template_card")
            return .stream(try frame(try object(value, "stream"), options), card: card ?? .null)
        default: throw ReplyProblem("schema", "msgtype")
        }
    }

    private static func frame(_ stream: JSONValue, _ options: PlatformOptions) throws(ReplyProblem) -> Frame {
        let id = try string(stream, "id")
        guard !id.isEmpty else { throw ReplyProblem("schema", "stream.id") }
        if let finish = stream["finish"], finish.boolValue == nil { throw ReplyProblem("schema", "stream.finish") }
        let content = stream["content"] == nil ? "" : try string(stream, "content")
        try checkSize(content, options)
        var frame = Frame(id: id, isFinal: stream["finish"]?.boolValue ?? false, content: content)
        if let feedback = stream["feedback"], feedback != .null {
            let id = try string(feedback, "id")
            guard id.utf8.count <= 256 else { throw ReplyProblem("schema", "stream.feedback.id") }
            frame.feedbackID = id
        }
        if let items = stream["msg_item"], items != .null { readImages(items, into: &frame) }
        return frame
    }

    private static func readImages(_ items: JSONValue, into frame: inout Frame) {
        guard let list = items.arrayValue else {
            frame.problems.append(ReplyProblem("schema", "stream.msg_item"))
            return
        }
        guard !list.isEmpty else { return }
        guard frame.isFinal else {
            frame.problems.append(ReplyProblem("images", "msg_item before the last frame"))
            return
        }
        if list.count > 10 { frame.problems.append(ReplyProblem("images", "more than 10")) }
        for item in list.prefix(10) {
            do throws(ReplyProblem) { frame.images.append(try image(item)) } catch { frame.problems.append(error) }
        }
    }

    private static func image(_ item: JSONValue) throws(ReplyProblem) -> [UInt8] {
        guard item["msgtype"]?.stringValue == "image", let image = item["image"] else {
            throw ReplyProblem("images", "an item is not an image")
        }
        guard let data = Data(base64Encoded: try string(image, "base64")) else {
            throw ReplyProblem("images", "base64")
        }
        let bytes = Array(data)
        guard bytes.count <= 10 << 20 else { throw ReplyProblem("images", "larger than 10 MB") }
        guard hexadecimal(Insecure.MD5.hash(data: bytes)) == (try string(image, "md5")) else {
            throw ReplyProblem("images", "md5")
        }
        guard ["image/png", "image/jpeg"].contains(MediaType.byContent(bytes)) else {
            throw ReplyProblem("images", "neither JPG nor PNG")
        }
        return bytes
    }

    private static func object(_ value: JSONValue, _ key: String) throws(ReplyProblem) -> JSONValue {
        guard let member = value[key], member.objectValue != nil else { throw ReplyProblem("schema", key) }
        return member
    }

    private static func string(_ value: JSONValue, _ key: String) throws(ReplyProblem) -> String {
        guard let text = value[key]?.stringValue else { throw ReplyProblem("schema", key) }
        return text
    }

    private static func checkSize(_ text: String, _ options: PlatformOptions) throws(ReplyProblem) {
        guard text.utf8.count <= options.maxContentBytes else {
            throw ReplyProblem("contentSize", "\(text.utf8.count) bytes, at most \(options.maxContentBytes)")
        }
    }
}
