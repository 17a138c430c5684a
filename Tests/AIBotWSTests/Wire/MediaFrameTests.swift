import Foundation
import Shared
import Testing

@testable import AIBotWS

/// Recorded frames of the repository.
enum FrameFixture {
    static func load(_ name: String) throws -> JSONValue {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "fixtures/frames/\(name).json")
        return try JSONValue(parsing: Data(contentsOf: file))
    }
}

extension JSONValue {
    /// The same whatever the order of keys.
    var sorted: JSONValue {
        switch self {
        case .object(let members):
            .object(
                members.map { Member(key: $0.key, value: $0.value.sorted) }.sorted { $0.key < $1.key })
        case .array(let elements): .array(elements.map(\.sorted))
        default: self
        }
    }
}

@Suite("OutboundFrame: cards and media")
struct MediaFrameTests {
    static let message = ReplyRoute(
        key: "SIMreq0001AbCdEfGhIjKl", conversation: Conversation(kind: .direct, id: "lin.wei"))
    static let click = ReplyRoute(
        key: "SIMreqEVENT0001AbCdEf", conversation: Conversation(kind: .direct, id: "lin.wei"), takesReplies: false)
    static let person = Conversation(kind: .direct, id: "lin.wei")
    static let group = Conversation(kind: .group, id: "wrSIMgroup0001EXAMPLEchatid")

    static func operation(_ name: String, _ frame: JSONValue) -> ChannelOperation? {
        let card = frame["body"]?["template_card"]?.text ?? ""
        func media(_ kind: MediaReference.Kind) -> UploadedMedia {
            let content = frame["body"]?[kind.rawValue]
            return UploadedMedia(
                kind: kind, mediaID: content?["media_id"]?.string ?? "", title: content?["title"]?.string)
        }
        switch name {
        case "out-send-card-single": return .pushCard(person, json: card)
        case "out-send-image": return .pushMedia(group, media(.image))
        case "out-send-file": return .pushMedia(person, media(.file))
        case "out-send-markdown-single", "out-send-markdown-group":
            return .push(
                name.hasSuffix("group") ? group : person,
                markdown: frame["body"]?["markdown"]?["content"]?.string ?? "", feedback: nil)
        case "out-respond-image": return .replyMedia(message, media(.image))
        case "out-respond-file": return .replyMedia(message, media(.file))
        case "out-respond-voice": return .replyMedia(message, media(.voice))
        case "out-respond-video": return .replyMedia(message, media(.video))
        case _ where name.hasPrefix("out-respond-card"): return .replyCard(message, json: card)
        case _ where name.hasPrefix("out-update-card"): return .updateCard(click, json: card)
        default: return nil
        }
    }

    /// Without what we never say: fields that a frame may have and ours do not need.
    static func expected(_ name: String, _ frame: JSONValue) -> JSONValue {
        func without(_ key: String, _ value: JSONValue?) -> JSONValue? {
            guard case .object(let members) = value else { return value }
            return .object(members.filter { $0.key != key })
        }
        var body = without("userids", frame["body"])
        if name == "out-respond-video" {
            body = .dictionary(["msgtype": "video", "video": without("description", body?["video"])])
        }
        return .dictionary(["cmd": frame["cmd"], "headers": frame["headers"], "body": body])
    }

    @Test(
        "WS-17, WS-18, WS-19: cards and media look on the wire as recorded",
        arguments: [
            "out-respond-card-button", "out-respond-card-multiple", "out-respond-card-news-notice",
            "out-respond-card-text-notice", "out-respond-card-vote", "out-respond-file", "out-respond-image",
            "out-respond-video", "out-respond-voice", "out-send-card-single", "out-send-file", "out-send-image",
            "out-send-markdown-group", "out-send-markdown-single", "out-update-card", "out-update-card-vote-locked",
        ])
    func fixtures(name: String) async throws {
        let frame = try FrameFixture.load(name)
        let operation = try #require(Self.operation(name, frame))
        let platform = FakePlatform()
        let outcome = await platform.online { session in
            await LongConnection(session).perform(operation, late: nil)
        }
        #expect(outcome == .acknowledged(body: nil))
        let sent = try #require(platform.state.withLock { $0.frames.last?.value })
        var expected = Self.expected(name, frame)
        if name.hasPrefix("out-send") {
            // The number of a command of our own is ours.
            let id = try #require(sent["headers"]?["req_id"]?.string)
            #expect(id.hasPrefix("aibot_send_msg_"))
            expected = .dictionary([
                "cmd": expected["cmd"], "headers": .dictionary(["req_id": .string(id)]), "body": expected["body"],
            ])
        }
        #expect(sent.sorted == expected.sorted)
    }

    @Test("WS-17: the frames of an upload look on the wire as recorded")
    func uploadFixtures() throws {
        let bytes = (0..<2_048).map { UInt8(truncatingIfNeeded: $0) }
        let file = TemporaryFile(bytes)
        let media = OutboundMedia(path: file.path, kind: .image, name: "chart.png", bytes: bytes.count)
        let reader = try UploadFile(path: file.path, bytes: bytes.count)
        func id(_ frame: JSONValue) -> ReqID { ReqID(frame["headers"]?["req_id"]?.string ?? "") }
        func sent(_ frame: OutboundFrame) throws -> JSONValue { try JSONValue(parsing: frame.buffer.payload) }

        let opening = try FrameFixture.load("out-upload-init")
        let open = OutboundFrame.uploadInit(id(opening), media, chunks: 1, md5: try reader.md5())
        #expect(try sent(open).sorted == opening.sorted)
        let piece = try FrameFixture.load("out-upload-chunk")
        let upload = try #require(piece["body"]?["upload_id"]?.string)
        let chunk = try OutboundFrame.uploadChunk(id(piece), upload: upload, index: 0, bytes: bytes.count) {
            try reader.appendBase64(0..<bytes.count, to: &$0)
        }
        #expect(try sent(chunk).sorted == piece.sorted)
        let ending = try FrameFixture.load("out-upload-finish")
        #expect(try sent(.uploadFinish(id(ending), upload: upload)).sorted == ending.sorted)
    }

    @Test("WS-18: what is no card is refused here, and nothing is sent", arguments: ["", "{", "[]", "1", #""card""#])
    func malformedCard(json: String) async {
        let platform = FakePlatform()
        let operations: [ChannelOperation] = [
            .replyCard(Self.message, json: json), .pushCard(Self.group, json: json),
            .updateCard(Self.click, json: json),
        ]
        let outcomes = await platform.online { session in
            var outcomes: [SendOutcome] = []
            for operation in operations {
                outcomes.append(await LongConnection(session).perform(operation, late: nil))
            }
            return outcomes
        }
        #expect(outcomes == Array(repeating: .rejected(PlatformError(code: 40_058)), count: 3))
        #expect(platform.state.withLock { $0.frames.map { $0.value["cmd"]?.string } } == ["aibot_subscribe"])
    }

    @Test("WS-17: what is shown twice when sent twice is never repeated by the machine below")
    func once() {
        let media = UploadedMedia(kind: .file, mediaID: "m")
        let frames: [OutboundFrame] = [
            .cardReply("r", .object([])), .pushCard("r", to: Self.group, .object([])), .updateCard("r", .object([])),
            .mediaReply("r", media), .pushMedia("r", to: Self.group, media), .uploadFinish("r", upload: "u"),
        ]
        for frame in frames { #expect(frame.repeatability == .once) }
    }

    @Test("WS-17: titles and names keep their limits on whole characters, names also their extension")
    func limits() throws {
        let title = String(repeating: "录", count: 40)
        let frame = OutboundFrame.mediaReply("r", UploadedMedia(kind: .video, mediaID: "m", title: title))
        let sent = try JSONValue(parsing: frame.buffer.payload)
        #expect(sent["body"]?["video"]?["title"]?.string == String(repeating: "录", count: 21))
        let name = String(repeating: "报", count: 100) + ".xlsx"
        let media = OutboundMedia(path: "/", kind: .file, name: name, bytes: 5)
        let open = try JSONValue(parsing: OutboundFrame.uploadInit("r", media, chunks: 1, md5: nil).buffer.payload)
        let short = try #require(open["body"]?["filename"]?.string)
        #expect(short == String(repeating: "报", count: 83) + ".xlsx")
        #expect(short.utf8.count <= 256)
        #expect(open["body"]?["md5"] == nil)
    }
}
