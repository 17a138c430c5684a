import Crypto
import Foundation
import Simulator
import Testing

@Suite("Uploads")
struct UploadTests {
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47] + Array(repeating: 7, count: 1_200_000)

    private static func md5(_ bytes: [UInt8]) -> String {
        Insecure.MD5.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
    }

    private func begin(
        _ bytes: [UInt8], type: String = "image", chunks: Int, md5: String? = nil, _ id: ConnectionID,
        _ harness: inout CoreHarness
    ) throws -> JSONValue {
        let body: JSONValue = [
            "type": .string(type), "filename": "a.png", "total_size": .int(bytes.count), "total_chunks": .int(chunks),
            "md5": .string(md5 ?? Self.md5(bytes)),
        ]
        return try harness.command(id, "aibot_upload_media_init", body)
    }

    private func chunk(
        _ bytes: some Sequence<UInt8>, _ index: Int, of upload: JSONValue, _ id: ConnectionID,
        _ harness: inout CoreHarness
    ) throws -> Int? {
        let body: JSONValue = [
            "upload_id": upload, "chunk_index": .int(index),
            "base64_data": .string(Data(bytes).base64EncodedString()),
        ]
        return try harness.command(id, "aibot_upload_media_chunk", body)["errcode"]?.intValue
    }

    @Test("SIM-1: chunks in any order, repeats ignored, continued after a reconnect")
    func upload() throws {
        var harness = CoreHarness()
        let first = try harness.subscribed()
        let upload = try #require(try begin(Self.png, chunks: 3, first, &harness)["body"]?["upload_id"])
        let pieces = stride(from: 0, to: Self.png.count, by: 524_288).map {
            Array(Self.png[$0..<min($0 + 524_288, Self.png.count)])
        }
        #expect(try chunk(pieces[2], 2, of: upload, first, &harness) == 0)
        #expect(try chunk(pieces[0], 0, of: upload, first, &harness) == 0)
        let early = try harness.command(first, "aibot_upload_media_finish", ["upload_id": upload])
        #expect(early["errcode"] != 0)
        let second = try harness.subscribed()
        #expect(try chunk([1, 2, 3], 0, of: upload, second, &harness) == 0)
        #expect(try chunk(pieces[1], 1, of: upload, second, &harness) == 0)
        let done = try harness.command(second, "aibot_upload_media_finish", ["upload_id": upload])
        #expect(done["body"]?["type"] == "image")
        #expect(done["body"]?["created_at"] == .int(harness.now / 1000))
        let mediaID = try #require(done["body"]?["media_id"])
        #expect(mediaID.stringValue?.count == 87)

        let push: JSONValue = [
            "chatid": "lin.wei", "chat_type": 1, "msgtype": "image", "image": ["media_id": mediaID],
        ]
        #expect(try harness.command(second, "aibot_send_msg", push)["errcode"] == 0)
        let media = try #require(harness.bubbles().last?.media)
        #expect(harness.core.storedMedia(media.id)?.bytes == Self.png)
        harness.advance(259_200_000)
        #expect(try harness.command(second, "aibot_send_msg", push)["errcode"] == 40_007)
    }

    @Test("SIM-1: sessions end after 30 minutes; sizes, indices and digests are checked")
    func refusals() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let small = Array(Self.png.prefix(100))
        let upload = try #require(try begin(small, chunks: 1, id, &harness)["body"]?["upload_id"])
        #expect(try chunk(small, 1, of: upload, id, &harness) != 0, "indices start at 0")
        harness.advance(1_799_999)
        #expect(try chunk(small, 0, of: upload, id, &harness) == 0)
        harness.advance(1)
        #expect(try harness.command(id, "aibot_upload_media_finish", ["upload_id": upload])["errcode"] != 0)

        let wrong = try #require(
            try begin(small, chunks: 1, md5: Self.md5([1]), id, &harness)["body"]?["upload_id"])
        #expect(try chunk(small, 0, of: wrong, id, &harness) == 0)
        #expect(try harness.command(id, "aibot_upload_media_finish", ["upload_id": wrong])["errcode"] == 40_058)
        #expect(try begin(small, type: "poem", chunks: 1, id, &harness)["errcode"] == 40_005)
        #expect(try begin([1, 2, 3, 4], chunks: 1, id, &harness)["errcode"] == 40_006)
        #expect(try begin(small, chunks: 101, id, &harness)["errcode"] == 40_058)
        let incomplete = try harness.command(id, "aibot_upload_media_init", ["filename": "a"])
        #expect(incomplete["errcode"] == 40_058)
        #expect(incomplete["headers"] == nil)

        let text = Array("not a recording".utf8)
        let voice = try #require(try begin(text, type: "voice", chunks: 1, id, &harness)["body"]?["upload_id"])
        #expect(try chunk(text, 0, of: voice, id, &harness) == 0)
        #expect(try harness.command(id, "aibot_upload_media_finish", ["upload_id": voice])["errcode"] == 40_004)
    }

    @Test("SIM-2: 30 uploads a minute per bot")
    func quota() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        for _ in 0..<30 { #expect(try begin([1, 2, 3, 4, 5], type: "file", chunks: 1, id, &harness)["errcode"] == 0) }
        #expect(try begin([1, 2, 3, 4, 5], type: "file", chunks: 1, id, &harness)["errcode"] == 846_607)
    }
}
