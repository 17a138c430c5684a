import AsyncHTTPClient
import Foundation
import Gateway
import NIOCore
import Shared
import Simulator
import Testing

/// Callback addresses as the platform, consoles and browsers meet them.
@Suite("Complaints: callbacks", .timeLimit(.minutes(2)))
struct WebhookRefreshTests {
    private static let called = [Transport.webhook, .agent]

    @Test("webhook.refresh: P21, WB-1: callbacks are answered at once while the backend hangs")
    func hangingBackend() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        // The platform of this test waits for a second alone.
        try await ThreeSides.run(
            options: { $0.callbackLimit = 1_000 },
            answer: { request, reply in
                for await _ in gate {}
                try await reply.append("you said \(request.message.text)")
            }
        ) { sides in
            let users = ["lin.wei", "mei.chen"]
            for number in 1...3 {
                for via in Self.called {
                    for user in users { try sides.simulator.post("m\(number)", from: user, via: via) }
                }
            }
            // Three messages of each user by each side, and polls of the bubbles.
            try await sides.simulator.waitUntil(timeout: .seconds(60)) { core in
                let answered = core.callbackRecords.filter { $0.outcome == .answered(status: 200) }
                let messages = Set(answered.filter { $0.type == "text" }.map { "\($0.transport) \($0.msgID ?? "")" })
                return messages.count == 12 && answered.count { $0.streamID != nil } >= 10
            }
            open.finish()
            for user in users {
                for via in Self.called {
                    try await sides.wait(via, user: user) { $0.contains { $0.content == "you said m3" } }
                }
            }
            #expect(sides.simulator.violations.isEmpty)
        }
    }

    /// Verifies an address and sends a message through it.
    private static func visit(_ path: String, via: Transport, _ sides: ThreeSides, receiveID: String = "") async throws
    {
        let url = "http://127.0.0.1:\(sides.callbackPort)\(path)"
        if via == .webhook {
            try sides.simulator.setWebhook(ThreeSides.webhook(url, receiveID: receiveID), of: ThreeSides.bot)
        } else {
            try sides.simulator.setApp(ThreeSides.application(url), of: ThreeSides.bot)
        }
        let earlier = sides.simulator.callbacks.last?.id ?? 0
        try sides.simulator.verifyURL(of: ThreeSides.bot, via: via)
        try await sides.simulator.waitUntil(timeout: .seconds(60)) { core in
            core.callbackRecords.contains {
                $0.id > earlier && $0.type == "verification" && $0.outcome == .answered(status: 200)
            }
        }
        try sides.simulator.post("by \(path)", via: via)
        try await sides.wait(via) { $0.contains { $0.finished && $0.content == "you said by \(path)" } }
        #expect(sides.simulator.violations.isEmpty, "\(path)")
    }

    @Test(
        "webhook.refresh: P21, WB-1, AG-1: every address of earlier programs is live; of two on one path the token decides",
        arguments: [
            (
                Transport.webhook, "hook",
                ["/wecom", "/wecom/bot", "/wecom/bot/hook", "/wecom/bot/hook/", "/api/wecom/callback"]
            ),
            (.agent, "app", ["/wecom/agent", "/wecom/agent/app", "/api/wecom/callback", "/api/wecom/webhook"]),
        ])
    func addresses(via: Transport, account: String, paths: [String]) async throws {
        try await ThreeSides.run(
            surroundings: .init(defaultAccount: account, webhookPath: "/api/wecom/callback"),
            options: { $0.verificationLimit = 30_000 }, answer: ConformanceTests.answer
        ) { sides in
            for path in paths { try await Self.visit(path, via: via, sides) }
        }
    }

    @Test("webhook.refresh: P21, WB-1: an address is verified and messages are read with and without a receive id")
    func receiveID() async throws {
        try await ThreeSides.run(options: { $0.verificationLimit = 30_000 }, answer: ConformanceTests.answer) { sides in
            for id in ["", "wwSOMEBODY"] {
                try await Self.visit("/wecom/bot/hook", via: .webhook, sides, receiveID: id)
            }
        }
    }

    @Test("webhook.refresh: P21: who opens an address in a browser reads that this is expected")
    func browser() async throws {
        try await ThreeSides.run(answer: ConformanceTests.answer) { sides in
            for path in ["/wecom/bot/hook", "/wecom/agent/app"] {
                let request = HTTPClientRequest(url: "http://127.0.0.1:\(sides.callbackPort)\(path)")
                let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
                let body = String(buffer: try await answer.body.collect(upTo: 4_096))
                #expect("\(answer.status)".hasPrefix("400"))
                #expect(body.contains("In a browser this is expected"))
            }
        }
    }
}
