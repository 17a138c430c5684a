import Foundation
import Testing

@testable import Shared

@Suite struct OutboundMediaTests {
    private let scratch: Scratch
    private let workspace: String
    private let downloads: String

    init() throws {
        scratch = try Scratch()
        workspace = try scratch.folder("work")
        downloads = try scratch.folder("downloads")
    }

    private func resolve(
        _ location: String, _ kind: MediaReference.Kind? = nil, name: String? = nil, workspace: String?? = .none,
        roots: [String] = [], answers: [MediaAnswer] = [], limits: MediaLimits = .longConnection
    ) async throws -> Result<OutboundMedia, OutboundMediaFailure> {
        var outcome: Result<OutboundMedia, OutboundMediaFailure> = .failure(.badLocation)
        try await MediaServer.with(answers) { server in
            var settings = MediaSettings()
            settings.allowedHosts = ["127.0.0.1:\(server.port)"]
            settings.retryDelay = .zero
            let downloader = MediaDownloader(
                settings: settings, clock: ManualClock(), route: { _ in HTTPRoute(client: server.client) })
            let resolver = OutboundMediaResolver(
                workspace: workspace ?? self.workspace, localRoots: roots, directory: downloads, downloader: downloader,
                limits: limits)
            outcome = await resolver.resolve(
                location: location.replacing("SERVER", with: server.url("")), kind: kind, name: name)
        }
        return outcome
    }

    @Test("media.out: P13, WS-17: kinds by bytes, downgraded to a file by type and size, refused above 20 MB")
    func kinds() async throws {
        let mb = 1 << 20
        let cases: [([UInt8], Int, MediaReference.Kind?, MediaReference.Kind?)] = [
            (Sample.png, 1_000, .image, .image), (Sample.png, 1_000, nil, .image), (Sample.png, 1_000, .file, .file),
            (Sample.png, 10 * mb, .image, .image), (Sample.png, 10 * mb + 1, .image, .file),
            (Sample.png, 12 * mb, .image, .file), (Sample.mp4, 10 * mb, .video, .video),
            (Sample.mp4, 15 * mb, .video, .file), (Sample.mp3, 5_000, .voice, .file),
            (Sample.amr, 2 * mb, .voice, .voice), (Sample.amr, 2 * mb + 1, .voice, .file),
            (Sample.png, 1_000, .voice, .image), (Array("RIFFxxxxWEBP".utf8), 900, .image, .file),
            (Array("text".utf8), 20 * mb, nil, .file), (Sample.png, 20 * mb + 1, .image, nil),
            (Sample.mp4, 25 * mb, nil, nil),
        ]
        for (start, count, wanted, expected) in cases {
            try scratch.write("work/x.bin", start + [UInt8](repeating: 0x20, count: count - start.count))
            let result = try await resolve("x.bin", wanted)
            if let expected {
                let media = try result.get()
                #expect(media.kind == expected && media.bytes == count, "\(start.prefix(4)) \(count)")
                #expect(media.path == workspace + "/x.bin" && media.name == "x.bin")
            } else {
                #expect(result == .failure(.tooLarge(limit: 20 * mb)))
            }
        }
        try scratch.write("work/tiny", [1, 2, 3, 4])
        #expect(try await resolve("tiny") == .failure(.tooSmall(minBytes: 5)))
    }

    @Test("media.out: P13, WS-17: paths in the workspace, the roots and the downloads are taken, others refused")
    func paths() async throws {
        let root = try scratch.folder("root")
        for name in ["work/a.txt", "work/sub/my pic.txt", "root/b.txt", "downloads/c.txt", "secret.txt", "work2/d.txt"]
        {
            try scratch.write(name, Array("content".utf8))
        }
        for location in [
            "a.txt", "./a.txt", "sub/../a.txt", workspace + "/a.txt", "file://" + workspace + "/a.txt",
            "file://localhost" + workspace + "/a.txt", " a.txt\n", "sub/my pic.txt", "sub/my%20pic.txt",
            "file://" + workspace + "/sub/my%20pic.txt", root + "/b.txt", downloads + "/c.txt",
        ] {
            #expect(try await resolve(location, roots: [root]).get().bytes == 7, "\(location)")
        }
        for location in [
            "../secret.txt", "sub/../../secret.txt", scratch.path + "/secret.txt", "file:///etc/passwd", "/etc/passwd",
            "..%2Fsecret.txt", "../none.txt", "/etc/none", scratch.path + "/work2/d.txt", root + "/b.txt",
        ] {
            #expect(try await resolve(location) == .failure(.outside), "\(location)")
        }
        #expect(try await resolve("none.txt") == .failure(.notFound))
        #expect(try await resolve("a.txt", workspace: .some(nil)) == .failure(.outside))
        for location in ["", "ftp://x/y", "javascript:alert(1)", "file://host/x", "//host/x", "#x", "a\0b", "mailto:x"]
        {
            #expect(try await resolve(location) == .failure(.badLocation), "\(location)")
        }
    }

    @Test("media.out: P13, WS-17: symbolic links do not lead out, and only regular files are sent")
    func linksAndPipes() async throws {
        try scratch.write("secret.txt", Array("content".utf8))
        try scratch.write("work/a.txt", Array("content".utf8))
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: workspace + "/out", withDestinationPath: scratch.path + "/secret.txt")
        try manager.createSymbolicLink(atPath: workspace + "/up", withDestinationPath: scratch.path)
        try manager.createSymbolicLink(atPath: workspace + "/in", withDestinationPath: workspace + "/a.txt")
        #expect(try await resolve("out") == .failure(.outside))
        #expect(try await resolve("up/secret.txt") == .failure(.outside))
        #expect(try await resolve("in").get().path == workspace + "/a.txt")
        #expect(mkfifo(workspace + "/pipe", 0o600) == 0)
        #expect(try await resolve("pipe") == .failure(.notRegular))
        #expect(try await resolve(".") == .failure(.notRegular))
    }

    @Test(
        "media.out: P13, AG-6: an application takes less than a bot, and what is too large for its kind as a file",
        arguments: [
            (Sample.png, 9_000_000, MediaReference.Kind.image), (Sample.png, 12_000_000, .file),
            ([0, 0, 0, 0x18] + Array("ftypmp42".utf8), 15_000_000, .file), (Array("ID3\u{4}".utf8), 4_000, .file),
            (Array("GIF89a".utf8), 4_000, .file), (Array("#!AMR\n".utf8), 1_000, .voice),
            (Array("#!AMR\n".utf8), 2_000_001, .file), (Array("123456".utf8), 6, .file),
        ] as [([UInt8], Int, MediaReference.Kind)])
    func application(head: [UInt8], bytes: Int, kind: MediaReference.Kind) async throws {
        try scratch.write("work/a.bin", Sample.file(head, count: bytes))
        #expect(try await resolve("a.bin", limits: .application).get().kind == kind)
    }

    @Test(
        "media.out: P13, AG-6: an application takes no file of five bytes and none above 20 MB",
        arguments: [0, 5, 25_000_000])
    func applicationBounds(bytes: Int) async throws {
        try scratch.write("work/a.bin", [UInt8](repeating: 1, count: bytes))
        let expected: OutboundMediaFailure = bytes < 6 ? .tooSmall(minBytes: 6) : .tooLarge(limit: 20_000_000)
        #expect(try await resolve("a.bin", limits: .application) == .failure(expected))
    }

    @Test("media.out: P13, WS-17: addresses are downloaded by the rules of downloads")
    func addresses() async throws {
        let picture = Sample.file(Sample.png, count: 5_000)
        let media = try await resolve("SERVER/a/chart%201?x=1", .image, answers: [.ok(picture)]).get()
        #expect(media.kind == .image && media.name == "chart 1.png" && media.bytes == 5_000)
        #expect(media.path.hasPrefix(downloads + "/out-"))
        #expect(try await resolve("SERVER/x.png", name: "图", answers: [.ok(picture)]).get().name == "图.png")
        #expect(try await resolve("SERVER/", answers: [.status("404 No")]) == .failure(.fetch(.expired)))
        #expect(try await resolve("http://127.0.0.1:1/x") == .failure(.fetch(.refusedAddress)))
        let large = MediaAnswer(body: [], length: 21 << 20)
        #expect(try await resolve("SERVER/", answers: [large]) == .failure(.fetch(.tooLarge(limit: 20 << 20))))
    }

    @Test("media.out: P13, WS-17: data addresses become files")
    func dataAddresses() async throws {
        let text = Data(Sample.png).base64EncodedString()
        let media = try await resolve("data:image/png;base64," + text, .image).get()
        #expect(media.kind == .image && media.name == "image.png" && media.bytes == Sample.png.count)
        #expect(try Data(contentsOf: URL(fileURLWithPath: media.path)) == Data(Sample.png))
        #expect(try scratch.names("downloads").count == 1)
        for bad in ["data:image/png,abc", "data:image/png;base64", "data:;base64,###", "data:image/png;base64,A"] {
            let result = try await resolve(bad)
            #expect(result == .failure(.badLocation) || result == .failure(.tooSmall(minBytes: 5)), "\(bad)")
        }
        let long = "data:;base64," + String(repeating: "A", count: 28 << 20)
        #expect(try await resolve(long) == .failure(.tooLarge(limit: 20 << 20)))
    }

    @Test("media.out: P13, WS-17: names are harmless and at most 256 bytes")
    func names() async throws {
        try scratch.write("work/a.txt", Array("content".utf8))
        #expect(try await resolve("a.txt", name: "../x/报告\u{1}.txt").get().name == "报告.txt")
        let long = try await resolve("a.txt", name: String(repeating: "长", count: 200)).get().name
        #expect(long.utf8.count <= 256 && long.hasSuffix("长.txt"))
    }

    @Test("media.out: P13, WS-17: every refusal has its own advice in both languages")
    func lines() {
        let failures: [OutboundMediaFailure] = [
            .outside, .notFound, .notRegular, .unreadable, .tooSmall(minBytes: 5), .tooLarge(limit: 20 << 20),
            .badLocation, .fetch(.refusedAddress), .fetch(.diskFull), .fetch(.unwritable), .fetch(.damaged),
            .fetch(.unreachable),
        ]
        #expect(Set(failures.map { $0.line(name: nil) }).count == failures.count)
        #expect(Set(failures.map(\.logWord)).count == failures.count)
        #expect(failures.allSatisfy { $0.logWord.contains("media") && $0.line(name: "a").contains(" / “a” ") })
        let advice = OutboundMediaFailure.tooLarge(limit: 20 << 20).line(name: "big.zip")
        #expect(advice.contains("20 MB") && advice.contains("链接") && advice.contains("link"))
        #expect(OutboundMediaFailure.fetch(.tooLarge(limit: 20 << 20)).line(name: "big.zip") == advice)
    }
}
