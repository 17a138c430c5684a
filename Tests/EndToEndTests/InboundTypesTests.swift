import Foundation
import Shared
import Simulator
import Testing

/// Nothing that people send is passed over in silence.
@Suite("Complaints: kinds of messages that are dropped without a word")
struct InboundTypesTests {
    private static let files: [(UserPost.Content, String)] = {
        let png = UserPost.File(name: "a.png", bytes: ConformanceTests.png)
        let pdf = UserPost.File(name: "报告.pdf", bytes: Array("%PDF-1.4 not really".utf8))
        let video = UserPost.File(
            name: "a.mp4", bytes: [0, 0, 0, 0x18] + Array("ftypmp42".utf8) + Array(repeating: 1, count: 64))
        return [(.image(png), "image"), (.file(pdf), "file"), (.video(video), "video")]
    }()

    /// What is posted, and what the handler must have heard of it; nil where the program itself answers.
    private static func posts(_ via: Transport) -> [(UserPost.Content, heard: String?)] {
        let png = UserPost.File(name: "a.png", bytes: ConformanceTests.png)
        var posts: [(UserPost.Content, heard: String?)] = [
            (.text("words"), "words"), (.voice("spoken words"), via == .agent ? nil : "spoken words"),
            (.unknown(type: "hologram"), nil),
        ]
        posts += files.filter { via != .agent || $0.1 != "file" }.map { ($0.0, $0.1) }
        if via == .agent {
            posts += [
                (.location(latitude: 23.1, longitude: 113.3, label: "Guangzhou"), "Guangzhou"),
                (.link(title: "Plan", description: "d", url: "https://example.com/plan"), "https://example.com/plan"),
            ]
        } else {
            posts += [(.mixed([.text("look"), .image(png)]), "look image"), (.voice(""), nil)]
        }
        return posts
    }

    @Test(
        "inbound.types: P22, WS-8, WB-1, AG-2: every kind of message is heard or gets a line",
        arguments: Transport.allCases)
    func kinds(via: Transport) async throws {
        try await ThreeSides.run(answer: { request, reply in
            let media = request.message.media.map { "\($0.kind)" + ($0.failure.map { " failed: \($0)" } ?? "") }
            try await reply.append("heard: " + ([request.message.text] + media).joined(separator: " "))
        }) { sides in
            for (index, (content, heard)) in Self.posts(via).enumerated() {
                try sides.simulator.post(UserPost(bot: ThreeSides.bot, user: "lin.wei", content: content, via: via))
                try await sides.wait(via) { $0.count == index + 1 && $0.allSatisfy { $0.finished && !$0.waiting } }
                let answer = sides.shown(via).last?.content ?? ""
                #expect(!answer.isEmpty)
                if let heard {
                    #expect(answer.hasPrefix("heard: ") && answer.contains(heard) && !answer.contains("failed"))
                }
            }
            #expect(sides.simulator.violations.isEmpty)
        }
    }

    @Test(
        "inbound.types: P22, WB-1: what a person quotes is heard with the question",
        arguments: [Transport.longConnection, .webhook])
    func quotes(via: Transport) async throws {
        try await ThreeSides.run(answer: { request, reply in
            let quote = request.message.quote
            let paths = quote?.parts.compactMap {
                if case .media(let media) = $0 { media.failure ?? "\(media.kind)" } else { nil }
            }
            try await reply.append("about \(quote?.text ?? "nothing") \(paths?.joined() ?? "")")
        }) { sides in
            let quoted: [(UserPost.Content, String)] =
                [
                    (.text("the plan"), "about the plan "), (Self.files[0].0, "about  image"),
                    (Self.files[1].0, "about  file"),
                ]
            for (index, (content, answer)) in quoted.enumerated() {
                try sides.simulator.post(
                    UserPost(
                        bot: ThreeSides.bot, user: "lin.wei", content: .text("what of this?"), quote: .content(content),
                        via: via))
                try await sides.wait(via) { $0.count == index + 1 && $0.allSatisfy { $0.finished && !$0.waiting } }
                #expect(sides.shown(via).last?.content == answer)
            }
        }
    }
}
