import Foundation
import Gateway
import Shared
import Simulator
import Testing

/// Files that the application's answers attach, of every size.
@Suite("Complaints: files of an application", .timeLimit(.minutes(3)))
struct ApplicationMediaTests {
    /// What is sent and shown: a name, its first bytes and its size; and as what it arrives, nil for a line.
    private static let files: [(name: String, head: [UInt8], bytes: Int, kind: Entry.Kind?)] = [
        ("small.png", ConformanceTests.png, 80, .image), ("large.png", ConformanceTests.png, 12_000_000, .file),
        ("large.mp4", [0, 0, 0, 0x18] + Array("ftypmp42".utf8), 15_000_000, .file),
        ("song.mp3", Array("ID3\u{4}".utf8), 4_000, .file), ("huge.zip", Array("PK".utf8), 25_000_000, nil),
        ("empty.txt", [], 0, nil), ("five.txt", Array("12345".utf8), 5, nil),
        ("six.txt", Array("123456".utf8), 6, .file),
    ]

    @Test("media.out: P13, AG-6: what is too large for its kind goes as a file, and what cannot go at all gets a line")
    func sizes() async throws {
        try await ThreeSides.run(answer: { request, reply in
            let name = request.message.text
            guard let workspace = request.workspace, let file = Self.files.first(where: { $0.name == name }) else {
                return
            }
            var content = Data(file.head.prefix(file.bytes))
            content.append(Data(count: file.bytes - content.count))
            try content.write(to: URL(fileURLWithPath: workspace + "/" + name))
            try await reply.attach(.file(location: name, kind: nil, name: nil))
        }) { sides in
            var lines = 0
            for file in Self.files {
                try sides.simulator.post(file.name, via: .agent)
                if let kind = file.kind {
                    try await sides.wait(.agent) { $0.contains { $0.kind == kind && $0.media?.name == file.name } }
                } else {
                    lines += 1
                    let expected = lines
                    try await sides.wait(.agent) { $0.count { $0.content?.hasPrefix("📎") == true } == expected }
                    let words = file.bytes > 5 ? "19 MB" : "6"
                    #expect(sides.shown(.agent).last?.content?.contains(words) == true)
                }
            }
            #expect(sides.simulator.violations.isEmpty)
        }
    }
}
