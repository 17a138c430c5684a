import Foundation
import NIOHTTP1
import Shared
import Testing

@testable import WebhookCompat

@Suite("Media of an application")
struct AgentMediaTests {
    private static let png: [UInt8] = [
        0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52,
    ]
    private static let amr = Array("#!AMR\n".utf8) + [0x3C, 0x48, 0xF5, 0, 0]
    private static let mp4: [UInt8] = [0, 0, 0, 24] + Array("ftypisom".utf8) + [0, 0, 2, 0]
    private static let uploaded = QyapiAnswer.json(
        #"{"errcode":0,"errmsg":"","type":"file","media_id":"MEDIA-1","created_at":"1380000000"}"#)

    /// A folder that is gone after the test.
    private final class Folder: Sendable {
        let path = NSTemporaryDirectory() + "agent-media-" + UUID().uuidString

        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ name: String, _ bytes: [UInt8]) throws -> String {
            try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
            return path + "/" + name
        }

        var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
    }

    private func media(
        _ folder: Folder, _ bytes: [UInt8], _ kind: MediaReference.Kind, name: String
    ) throws -> OutboundMedia {
        OutboundMedia(path: try folder.write("f", bytes), kind: kind, name: name, bytes: bytes.count)
    }

    // MARK: - Upload

    @Test("AG-6: an upload is one part named media, with the raw name, its length and the bytes of the file")
    func layout() async throws {
        let folder = try Folder()
        try await AgentBench.with({ _ in Self.uploaded }) { bench in
            let media = try media(folder, Self.png, .image, name: "图 片.png")
            let done = Locked<[Int]>([])
            let outcome = await bench.channel.upload(media) { bytes in done.withLock { $0.append(bytes) } }
            #expect(outcome == .uploaded(UploadedMedia(kind: .image, mediaID: "MEDIA-1")))
            #expect(done.withLock { $0 } == [Self.png.count])
            let request = try #require(bench.server.requests.first)
            #expect(request.api == "media/upload" && request.query("type") == "image" && request.method == "POST")
            let type = try #require(request.headers.first(name: "content-type"))
            let boundary = try #require(type.split(separator: "=").last)
            #expect(type == "multipart/form-data; boundary=\(boundary)")
            let head =
                "--\(boundary)\r\nContent-Disposition: form-data; name=\"media\"; filename=\"图 片.png\"; filelength=16\r\n"
                + "Content-Type: image/png\r\n\r\n"
            #expect(request.body == Array(head.utf8) + Self.png + Array("\r\n--\(boundary)--\r\n".utf8))
            #expect(request.headers.first(name: "content-length") == "\(request.body.count)")
        }
    }

    @Test(
        "AG-6: a name cannot end its header or begin another one",
        arguments: [
            ("a\"b.png", "a'b.png"), ("a\r\nX: y.png", "aX: y.png"), ("..\\..\\c.png", "c.png"),
            ("/etc/passwd", "passwd"),
            ("", "file"), ("a\u{202E}gnp.exe", "agnp.exe"), ("报告 (终稿).pdf", "报告 (终稿).pdf"),
        ])
    func names(name: String, header: String) { #expect(MediaRules.headerName(name) == header) }

    @Test(
        "media.out: P13, AG-6: what is no picture, AMR or MP4, or too large for its kind, goes as a file",
        arguments: [
            (MediaReference.Kind.image, "image/png", 10_000_000, MediaReference.Kind.image),
            (.image, "image/png", 10_000_001, .file), (.image, "image/gif", 100, .file),
            (.image, "image/jpeg", 6, .image),
            (.voice, "audio/amr", 2_000_000, .voice), (.voice, "audio/amr", 2_000_001, .file),
            (.voice, "audio/mpeg", 9, .file),
            (.video, "video/mp4", 10_000_000, .video), (.video, "video/quicktime", 10, .file),
            (.file, "image/png", 10, .file),
        ])
    func kinds(wanted: MediaReference.Kind, mime: String, bytes: Int, kind: MediaReference.Kind) {
        #expect(MediaRules.kind(wanted: wanted, mime: mime, bytes: bytes) == kind)
    }

    @Test(
        "media.out: P13, AG-6: what the platform refuses as its kind is sent as a file, once",
        arguments: [40_004, 40_009, 301_017])
    func asFile(code: Int) async throws {
        let folder = try Folder()
        try await AgentBench.with({ $0.query("type") == "file" ? Self.uploaded : .error(code) }) { bench in
            let voice = try media(folder, Self.amr, .voice, name: "v.amr")
            #expect(
                await bench.channel.upload(voice, progress: nil)
                    == .uploaded(UploadedMedia(kind: .file, mediaID: "MEDIA-1")))
            #expect(bench.server.requests.map { $0.query("type") } == ["voice", "file"])
        }
        try await AgentBench.with({ _ in .error(code) }) { bench in
            let file = try media(folder, Self.mp4, .file, name: "v.mp4")
            #expect(
                await bench.channel.upload(file, progress: nil)
                    == .rejected(PlatformError(code: code, origin: .serverAPI)))
            #expect(bench.server.requests.count == 1)
        }
    }

    @Test(
        "media.out: P13, AG-6: files of five bytes or of more than 20 MB do not go out; neither does one that is not what was said"
    )
    func bounds() async throws {
        let folder = try Folder()
        try await AgentBench.with({ _ in Self.uploaded }) { bench in
            let tooSmall = PlatformError(code: 40_006, origin: .serverAPI)
            let small = try media(folder, [1, 2, 3, 4, 5], .file, name: "s")
            #expect(await bench.channel.upload(small, progress: nil) == .rejected(tooSmall))
            let large = try media(folder, [UInt8](repeating: 7, count: 20_000_001), .file, name: "l")
            #expect(await bench.channel.upload(large, progress: nil) == .rejected(tooSmall))
            var other = try media(folder, Self.png, .file, name: "p")
            other.bytes += 1
            guard case .unreadable = await bench.channel.upload(other, progress: nil) else {
                Issue.record("a file of another size was sent")
                return
            }
            other.path += "-gone"
            guard case .unreadable = await bench.channel.upload(other, progress: nil) else {
                Issue.record("a missing file was sent")
                return
            }
            #expect(bench.server.requests.isEmpty)
        }
    }

    @Test("AG-6: a large file arrives byte by byte; an upload that broke off is made again")
    func large() async throws {
        let folder = try Folder()
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let count = Locked(0)
        try await AgentBench.with({ _ in
            count.withLock {
                $0 += 1
                return $0 == 1 ? .hangUp : Self.uploaded
            }
        }) { bench in
            let outcome = await bench.channel.upload(try media(folder, bytes, .file, name: "big.bin"), progress: nil)
            #expect(outcome == .uploaded(UploadedMedia(kind: .file, mediaID: "MEDIA-1")))
            let request = try #require(bench.server.requests.last)
            let start = try #require(request.body.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound)
            #expect(Array(request.body[start..<(start + bytes.count)]) == bytes)
            #expect(bench.server.requests.count == 2)
        }
    }

    @Test("AG-6: a file that ends before its announced length breaks the upload off")
    func shrunk() async throws {
        let folder = try Folder()
        let path = try folder.write("f", [1, 2, 3, 4, 5, 6])
        let body = RequestBody(head: "h", file: RequestBody.File(path: path, bytes: 10), tail: "t")
        #expect(body.count == 12)
        await #expect(throws: ServerAPIFailure.notSent(.unreadable)) {
            for try await _ in body {}
        }
        #expect(body.progress.withLock { $0.isUnreadable && $0.hasBegun })
    }

    // MARK: - Download

    private func download(
        _ bench: AgentBench, _ folder: Folder, kind: MediaReference.Kind = .file, name: String? = nil
    ) async -> Result<FetchedMedia, MediaFailure> {
        await bench.agent.media.fetch(
            MediaReference(kind: kind, mediaID: "MEDIA-1", name: name), into: folder.path, name: "m1")
    }

    @Test("media.in: P12, AG-6: media comes by its id, with a name and a type by its bytes")
    func fetch() async throws {
        let folder = try Folder()
        try await AgentBench.with({ _ in .file(Self.png, type: "image/png", name: "MEDIA-1.png") }) { bench in
            let media = try await download(bench, folder, kind: .image).get()
            #expect(media.mime == "image/png" && media.bytes == 16 && media.name == "image.png")
            #expect(try Data(contentsOf: URL(fileURLWithPath: media.path)) == Data(Self.png))
            #expect(bench.server.requests.first?.query("media_id") == "MEDIA-1")
            #expect(bench.server.requests.first?.api == "media/get")
            let named = try await download(bench, folder, name: "报告.png").get()
            #expect(named.name == "报告.png")
        }
    }

    @Test(
        "media.in: P12, AG-6: an error that comes with status 200 is an error, and leaves nothing behind",
        arguments: [
            ("application/json", 40_007, MediaFailure.expired), ("text/plain", 40_007, .expired),
            ("application/json; charset=UTF-8", 60_020, .unreachable), ("application/json", 45_016, .expired),
        ])
    func refused(type: String, code: Int, failure: MediaFailure) async throws {
        let folder = try Folder()
        let answer = QyapiAnswer(
            headers: [("Content-Type", type)], body: Array(#"{"errcode":\#(code),"errmsg":"x"}"#.utf8))
        try await AgentBench.with({ _ in answer }) { bench in
            #expect(await download(bench, folder) == .failure(failure))
            #expect(folder.names.isEmpty && bench.server.requests.count == 1)
        }
    }

    @Test("AG-6: a member's own JSON file is a file")
    func jsonFile() async throws {
        let folder = try Folder()
        let json = Array(#"{"errcode":40007}"#.utf8)
        try await AgentBench.with({ _ in .file(json, type: "application/json", name: "x.json") }) { bench in
            let media = try await download(bench, folder).get()
            #expect(media.bytes == json.count && media.name == "x.json")
        }
    }

    @Test("AG-6: a refused token is renewed for downloads, too")
    func token() async throws {
        let folder = try Folder()
        try await AgentBench.with({
            $0.query("access_token") == "token-1" ? .error(42_001) : .file(Self.amr, type: "audio/amr", name: "x.amr")
        }) { bench in
            let media = try await download(bench, folder, kind: .voice).get()
            #expect(media.mime == "audio/amr")
            #expect(bench.server.tokensFetched == 2)
        }
    }

    @Test(
        "media.in: P12, AG-6: what is too large for one answer comes in pieces of one file; a piece that breaks off is fetched again"
    )
    func pieces() async throws {
        let folder = try Folder()
        var content = [UInt8](repeating: 7, count: 41_000_000)
        for place in stride(from: 0, to: content.count, by: 99_991) { content[place] = UInt8(place / 99_991 % 251) }
        let bytes = content
        let broken = Locked(false)
        try await AgentBench.with({ request in
            guard let range = request.headers.first(name: "range") else { return .error(830_002) }
            let numbers = range.dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
            let breaks =
                numbers[0] > 0
                && broken.withLock { broken in
                    defer { broken = true }
                    return !broken
                }
            if breaks { return .hangUp }
            let end = min(numbers[1] + 1, bytes.count)
            return QyapiAnswer(
                status: 206,
                headers: [
                    ("Content-Type", "application/octet-stream"),
                    ("Content-Range", "bytes \(numbers[0])-\(end - 1)/\(bytes.count)"),
                    ("Content-disposition", "attachment; filename=\"big.bin\""),
                ], body: Array(bytes[numbers[0]..<end]))
        }) { bench in
            let media = try await download(bench, folder).get()
            #expect(media.bytes == bytes.count && media.name == "big.bin")
            #expect(try Data(contentsOf: URL(fileURLWithPath: media.path)) == Data(bytes))
            #expect(
                bench.server.requests.compactMap { $0.headers.first(name: "range") } == [
                    "bytes=0-19999999", "bytes=20000000-39999999", "bytes=20000000-39999999", "bytes=40000000-59999999",
                ])
        }
    }

    @Test("AG-6: what is over the limit is refused while it comes")
    func limit() async throws {
        let folder = try Folder()
        try await AgentBench.with(
            { _ in .file([UInt8](repeating: 1, count: 2_000), type: "a/b", name: "x") },
            settings: { $0.maxDownloadBytes = 1_999 }
        ) { bench in
            #expect(await download(bench, folder) == .failure(.tooLarge(limit: 1_999)))
            #expect(folder.names.isEmpty)
        }
    }
}
