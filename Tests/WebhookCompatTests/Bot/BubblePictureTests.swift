import Foundation
import Shared
import Testing

@testable import WebhookCompat

@Suite("pictures below a bubble")
struct BubblePictureTests {
    /// What happens to a file between the end of the answer and the refresh that takes it.
    enum Change: CaseIterable {
        case removed, longer, overwritten, folder, pipe

        func happen(to path: String) throws {
            switch self {
            case .longer: try Data([0xFF, 0xD8, 0xFF, 1, 2, 3, 4]).write(to: URL(filePath: path))
            case .overwritten: try Data([0xFF, 0xD8, 0xFF, 3, 2, 1]).write(to: URL(filePath: path))
            case .removed: try FileManager.default.removeItem(atPath: path)
            case .folder:
                try FileManager.default.removeItem(atPath: path)
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            case .pipe:
                try FileManager.default.removeItem(atPath: path)
                #expect(mkfifo(path, 0o600) == 0)
            }
        }
    }

    private static let bytes = Data([0xFF, 0xD8, 0xFF, 1, 2, 3])

    /// Folder with pictures of these names, gone afterwards.
    private func with(_ names: [String], _ body: (_ path: @escaping @Sendable (String) -> String) async throws -> Void)
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "pictures-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in names { try Self.bytes.write(to: folder.appending(path: name)) }
        try await body { folder.appending(path: $0).path }
    }

    private static func picture(_ path: String) -> OutboundMedia {
        OutboundMedia(path: path, kind: .image, name: URL(filePath: path).lastPathComponent, bytes: bytes.count)
    }

    /// Text and pictures of what a frame is answered with.
    private func reply(_ frame: PolledStream.Frame) throws -> (content: String, pictures: [String], missing: Int) {
        var missing = 0
        let json = try JSONValue(parsing: BotReply.stream(frame).json { missing += $0 }.utf8)["stream"]
        let items = json?["msg_item"]?.elements ?? []
        return (json?["content"]?.string ?? "", items.compactMap { $0["image"]?["md5"]?.string }, missing)
    }

    @Test(
        "WB-7: a picture that is another by the time of the refresh does not go out, and the person is told",
        arguments: Change.allCases)
    func changed(change: Change) async throws {
        try await with(["a.jpg", "b.jpg"]) { path in
            var hooks = EngineHooks()
            hooks.resolve = { attachment, _ in
                guard case .file(let name, _, _) = attachment else { return .failure(AttachmentProblem(line: "")) }
                return .success(Self.picture(path(name)))
            }
            let stage = BotStage(hooks: hooks)
            try await stage.run { _, reply in
                try await reply.append("see")
                try await reply.attach(.file(location: "a.jpg", kind: nil, name: nil))
                try await reply.attach(.file(location: "b.jpg", kind: nil, name: nil))
            } _: {
                let first = try await stage.frame(BotStage.message("m1"))
                let last = try await stage.refresh(first.id) { $0.isFinal }
                #expect(try reply(last).pictures.count == 2)
                try change.happen(to: path("a.jpg"))
                let later = try reply(last)
                #expect(later.content == "see\n\n" + ReplyWords().notSent("a.jpg") && later.missing == 1)
                #expect(later.pictures == [try Digest.md5(ofFile: path("b.jpg"))])
                await eventually("done") { stage.ledger.counts()[.done] == 1 }
            }
        }
    }

    @Test("WB-7: pictures that could not be read at the end of the answer are named, in one line that stays short")
    func unreadable() async throws {
        let names = (0..<10).map { String(repeating: "长", count: 60) + "\($0).jpg" }
        try await with([]) { path in
            let pictures = names.map { BubblePicture(Self.picture(path($0))) }
            let frame = PolledStream.Frame(id: "s", content: "", isFinal: true, images: pictures)
            let alone = try reply(frame)
            #expect(alone.content.hasPrefix("📎 长长") && alone.content.utf8.count < 360 && alone.missing == 10)
            #expect(alone.pictures.isEmpty)
            // One that comes later was never part of the answer.
            try Self.bytes.write(to: URL(filePath: path(names[0])))
            #expect(try reply(frame).pictures.isEmpty)
        }
    }
}
