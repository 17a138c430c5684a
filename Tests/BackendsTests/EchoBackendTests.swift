import Shared
import Testing

@testable import Backends

@Suite(.timeLimit(.minutes(1))) struct EchoBackendTests {
    private let clock = ManualClock()
    private let reply = RecordingReply()

    /// Runs an answer while moving the clock to whatever it waits for.
    private func answer(
        _ request: BackendRequest, demo: Bool = true, before: @escaping @Sendable () async -> Void = {}
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            let backend = EchoBackend(demo: demo, clock: clock)
            group.addTask {
                try await backend.answer(request, to: reply)
                return true
            }
            group.addTask {
                await before()
                while !Task.isCancelled {
                    if let next = clock.nextDeadline { clock.advance(by: clock.now.duration(to: next)) }
                    await Task.yield()
                }
                return false
            }
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }

    @Test("GW-10: without the demo the echo says everything that came, in one piece")
    func plain() async throws {
        var request = Samples.request()
        request.message.parts = [
            .text("help"), .media(MediaReference(kind: .image, url: "https://x/?sig=s")),
            .media(MediaReference(kind: .file, url: "https://x", name: "a.pdf")),
        ]
        request.message.quote = Quote(type: "text", parts: [.text("earlier")])
        try await answer(request, demo: false)
        #expect(reply.entries == [.append("help\n\nAttachments: image, file a.pdf\n\nQuoted: earlier")])
        #expect(clock.now == MonotonicInstant())
    }

    @Test("GW-10: help names every demo word in both languages", arguments: ["help", " Help ", "帮助"])
    func help(text: String) async throws {
        try await answer(Samples.request(text))
        for word in DemoWord.allCases {
            #expect(reply.text.contains("`\(word.names.english)`"))
            for name in word.names.chinese { #expect(reply.text.contains("`\(name)`")) }
        }
    }

    @Test("GW-10: long is the same each time, over 60 KB, and streamed in small pieces")
    func long() async throws {
        try await answer(Samples.request("long"))
        #expect(reply.text == DemoTexts.long())
        #expect(reply.text.utf8.count > 60 * 1024)
        #expect(reply.entries.count > 100)
        #expect(reply.text.split(separator: "```", omittingEmptySubsequences: false).count % 2 == 1)
    }

    @Test("GW-10: slow is silent for 8 seconds")
    func slow() async throws {
        try await answer(Samples.request("slow")) {
            await clock.untilSomeoneSleeps(until: .seconds(8))
            #expect(reply.entries == [])
        }
        #expect(reply.text.contains("8 seconds"))
    }

    @Test("GW-10: think reasons before it answers; table, code and anything else come streamed")
    func others() async throws {
        try await answer(Samples.request("think"))
        #expect(!reply.thoughts.isEmpty)
        #expect(reply.text.contains("42"))
        for (word, sign) in [("table", "| ---: |"), ("code", "```python"), ("随便聊聊", "随便聊聊")] {
            try await answer(Samples.request(word))
            #expect(reply.text.contains(sign))
        }
    }

    @Test("GW-10: fail fails with words for the person in their language")
    func fail() async throws {
        #expect(await failure { try await answer(Samples.request("fail")) }?.userText?.hasPrefix("Demo") == true)
        #expect(await failure { try await answer(Samples.request("失败")) }?.userText?.hasPrefix("演示") == true)
    }

    @Test("GW-10: cancelling ends a demo answer")
    func cancellation() async throws {
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await EchoBackend(demo: true, clock: clock).answer(Samples.request("slow"), to: reply) }
            await clock.waitForSleepers()
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.waitForAll() }
        }
    }
}
