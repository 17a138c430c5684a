import Foundation
import Logging
import Shared
import Testing

@testable import WebhookCompat

/// Requests to both routes, from the bytes of a request to what the decoders make of it.
@Suite("fuzz: callbacks through the desk")
struct CallbackDeskFuzzTests {
    /// A route: its credentials, and messages that the platform may send there.
    private struct Route {
        let account: Vectors.Account
        let ring: CallbackKeyRing
        /// Signs like the account and encrypts with the key of another.
        let wrongKey: CallbackKeyRing
        let plain: [[UInt8]]
        let isBot: Bool

        init(_ name: String, vectors: String, other: String) throws {
            account = try Vectors.account(name)
            isBot = account.kind == "bot"
            let receiver: ReceiveID = isBot ? .any : .exactly(account.receiveId)
            ring = CallbackKeyRing(current: try account.credentials(), receiveID: receiver)
            let key = try CallbackKey(encodingAESKey: Vectors.account(other).encodingAESKey)
            wrongKey = CallbackKeyRing(
                current: try CallbackCredentials(token: Secret(account.token), key: key), receiveID: receiver)
            plain = Vectors.all(vectors).filter { $0.account == name }.compactMap(\.plaintext).map { Array($0.utf8) }
        }

        func request(_ message: [UInt8], nonce: String, _ ring: CallbackKeyRing, _ input: inout HostileInput) throws
            -> CallbackRequest
        {
            let sealed = try ring.seal(
                message, timestamp: 1_767_225_600, nonce: nonce, generation: .current, using: &input.random)
            let query =
                "msg_signature=\(sealed.signature.hexadecimal)&timestamp=\(sealed.timestamp)&nonce=\(sealed.nonce)"
            let body =
                isBot
                ? "{\"encrypt\":\"\(sealed.encrypted)\"}"
                : "<xml><Encrypt><![CDATA[\(sealed.encrypted)]]></Encrypt></xml>"
            return CallbackRequest(method: "POST", path: account.path, query: query, body: Array(body.utf8))
        }
    }

    /// What decoders made of callbacks.
    private struct Seen: Sendable {
        var calls = 0
        var messages = 0
    }

    private let routes: [Route]
    private let seen = Locked(Seen())
    private let desk: CallbackDesk

    init() throws {
        routes = [
            try Route("bot-a", vectors: "bot-callbacks", other: "agent-a"),
            try Route("agent-a", vectors: "agent-callbacks", other: "bot-a"),
        ]
        let seen = seen
        let receivers = try Vectors.accounts().map { account in
            CallbackReceiver(endpoint: try account.endpoint()) { callback in
                let isMessage = Self.isMessage(callback)
                seen.withLock { seen in
                    seen.calls += 1
                    if isMessage { seen.messages += 1 }
                }
                return .init(message: "{\"calls\":\(seen.withLock { $0.calls })}")
            }
        }
        let clock = ManualClock()
        desk = CallbackDesk(receivers, clock: clock, wallClock: clock, logger: Self.quiet)
    }

    private static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    /// Decodes as bots and applications do.
    private static func isMessage(_ callback: VerifiedCallback) -> Bool {
        let event: InboundEvent?
        switch callback.payload {
        case .json(let content):
            guard let body = try? JSONValue(parsing: content) else { return false }
            let decoder = BotEventDecoder(
                account: "bot-a", channel: WebhookBot.name, displayName: nil, accountName: "Build Helper",
                mediaKey: MediaReference.callbackKey)
            event = decoder.event(
                body["msgtype"]?.string == "event" ? .event : .message, body, routeKey: "key", receivedAt: 5)
        case .xml(let root):
            guard case .event(let found) = AgentCallbackDecoder(account: "agent-a").decode(root, receivedAt: 5) else {
                return false
            }
            event = found
        }
        if case .message = event { return true }
        return false
    }

    // MARK: Both routes

    @Test("fuzz: WB-5, AG-1: damaged requests, signed and unsigned, on both routes never do more than they may")
    func bothRoutes() async throws {
        var input = HostileInput(seed: 11)
        let (start, warm) = (Footprint.now, HostileInput.iterations / 10)
        var before = start
        var statuses: [Int: Int] = [:]
        for round in 0..<HostileInput.iterations {
            if round == warm { before = Footprint.now }
            let route = routes[input.pick(2)]
            let nonce = "n\(round)"
            let whole = route.plain[input.pick(route.plain.count)]
            let status: Int
            switch input.pick(4) {
            case 0: status = try await unsigned(route, whole, nonce, &input)
            case 1:
                let request = try route.request(whole, nonce: nonce, route.wrongKey, &input)
                status = await desk.answer(request).status
                #expect(status == 400)
            default: status = try await signed(route, input.damaged(whole), nonce, &input)
            }
            statuses[status, default: 0] += 1
        }
        #expect(Set(statuses.keys).isSubset(of: [200, 400, 401, 404, 405]))
        #expect(Set(statuses.keys).isSuperset(of: [200, 400, 401]))
        #expect(seen.withLock { $0.messages } > HostileInput.iterations / 50)
        before.expectNoGrowth()
    }

    /// Damaged outside of the signature.
    private func unsigned(
        _ route: Route, _ message: [UInt8], _ nonce: String, _ input: inout HostileInput
    ) async throws -> Int {
        var request = try route.request(message, nonce: nonce, route.ring, &input)
        let whole = request
        switch input.pick(6) {
        case 0: request.method = input.damaged(request.method)
        case 1: request.path = input.damaged(request.path)
        case 2, 3: request.query = input.damaged(request.query)
        default: request.body = input.damaged(request.body)
        }
        let calls = seen.withLock { $0.calls }
        let answer = await desk.answer(request)
        guard answer.status != 200 else {
            // Damage that changes nothing of what is signed, as white space of the envelope.
            #expect(
                CallbackGate(endpoints: try Vectors.accounts().map { try $0.endpoint() }).judge(whole).status == 200)
            return 200
        }
        #expect(seen.withLock { $0.calls } == calls)
        #expect(answer.onWritten == nil && answer.body.count < 200)
        return answer.status
    }

    /// Damaged by somebody who has the credentials.
    private func signed(
        _ route: Route, _ message: [UInt8], _ nonce: String, _ input: inout HostileInput
    ) async throws -> Int {
        let request = try route.request(message, nonce: nonce, route.ring, &input)
        let answer = await desk.answer(request)
        #expect(answer.status == 200 || answer.status == 400)
        guard answer.status == 200, input.pick(4) == 0 else { return answer.status }
        // The same bytes again: the same answer, and nobody is called.
        let calls = seen.withLock { $0.calls }
        let again = await desk.answer(request)
        #expect(again.status == 200 && again.body == answer.body && again.onWritten == nil)
        #expect(seen.withLock { $0.calls } == calls)
        return 200
    }

    // MARK: Attacks by name

    private static let laughs =
        "<!DOCTYPE xml [<!ENTITY a \"ha\">"
        + (0..<30).map { "<!ENTITY a\($0) \"&a\($0 == 0 ? "" : String($0 - 1));&a\($0 == 0 ? "" : String($0 - 1));\">" }
        .joined() + "]><xml><Content>&a29;</Content></xml>"

    private static func nested(_ open: String, _ close: String, _ depth: Int) -> String {
        String(repeating: open, count: depth) + String(repeating: close, count: depth)
    }

    /// For the bot: what is inside, and whether it may count as content.
    private static let json: [(String, Bool)] = [
        (nested("[", "]", 50_000), false), (nested("{\"a\":", "}", 50_000), false),
        ("{\"msgtype\":\"text\",\"text\":" + nested("[", "]", 400) + "}", true),
        ("{\"msgtype\":" + nested("{\"a\":[", "]}", 30) + "}", true), ("{\"msgid\":1e999999999}", true),
        ("{\"msgid\":\"\\ud800\"}", true), ("{\"a\":1,\"a\":2,\"msgtype\":\"text\",\"msgtype\":\"event\"}", true),
        ("{\"from\":{\"userid\":\"" + String(repeating: "x", count: 500_000) + "\"},\"msgtype\":\"text\"}", true),
        ("{" + (0..<50_000).map { "\"k\($0)\":0" }.joined(separator: ",") + "}", true),
        ("null", false), ("\"text\"", false), ("{}{}", false), ("\u{FEFF}{}", true), ("{\"a\":\u{0}}", false),
    ]

    /// For the application: what is never taken.
    private static let xml = [
        laughs, "<!DOCTYPE xml><xml/>", "<!DOCTYPE xml SYSTEM \"http://127.0.0.1:1/x\"><xml/>",
        "<!DOCTYPE xml [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><xml><Content>&f;</Content></xml>",
        nested("<xml>", "</xml>", 1_000), "<xml>" + nested("<a>", "</a>", 100_000) + "</xml>",
        "<xml>" + String(repeating: "<a/>", count: 100_000) + "</xml>", "<xml>&undefined;</xml>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?><y/>", "<xml><a></xml></a>", "<xml/><xml/>", "text", "",
    ]

    @Test("fuzz: WB-5, AG-1: bombs, document types, depth and breadth cost little, signed or as the envelope")
    func bombs() async throws {
        var input = HostileInput(seed: 12)
        let before = Footprint.now
        let start = ContinuousClock.now
        for (number, (message, counts)) in Self.json.enumerated() {
            let request = try routes[0].request(Array(message.utf8), nonce: "j\(number)", routes[0].ring, &input)
            let status = await desk.answer(request).status
            #expect(status == 400 || counts && status == 200, "\(message.prefix(60))")
        }
        for (number, message) in Self.xml.enumerated() {
            let request = try routes[1].request(Array(message.utf8), nonce: "x\(number)", routes[1].ring, &input)
            #expect(await desk.answer(request).status == 400, "\(message.prefix(60))")
        }
        for (route, messages) in [(routes[0], Self.json.map(\.0)), (routes[1], Self.xml)] {
            for message in messages {
                var request = try route.request([], nonce: "e", route.ring, &input)
                request.body = Array(message.utf8)
                #expect(await desk.answer(request).status == 400, "\(message.prefix(60))")
            }
        }
        #expect(start.duration(to: .now) < .seconds(60))
        before.expectNoGrowth()
    }

    // MARK: Repetition

    @Test("fuzz: WB-4: the same bytes, and the same message under a new signature, belong to the one bubble")
    func repetition() async throws {
        let stage = BotStage()
        let endpoint = try routes[0].account.endpoint()
        let desk = CallbackDesk(
            [stage.bot.receiver(endpoint)], clock: stage.clock, wallClock: stage.clock, logger: Self.quiet)
        let cipher = CallbackCipher(
            key: try CallbackKey(encodingAESKey: routes[0].account.encodingAESKey), receiveID: .any)
        let handled = Locked<[MessageID: Int]>([:])
        let route = routes[0]
        let rounds = max(20, HostileInput.iterations / 200)
        try await stage.run(handler: { message, reply in
            handled.withLock { $0[message.id, default: 0] += 1 }
            try await reply.append("answer")
        }) {
            var input = HostileInput(seed: 13)
            func frame(_ request: CallbackRequest) async throws -> (id: String, isFinal: Bool) {
                let answer = await desk.answer(request)
                answer.onWritten?()
                #expect(answer.status == 200)
                let envelope = try JSONValue(parsing: answer.body)
                let reply = try JSONValue(parsing: try cipher.open(envelope["encrypt"]?.string ?? ""))
                return (reply["stream"]?["id"]?.string ?? "", reply["stream"]?["finish"] == .bool(true))
            }
            for round in 0..<rounds {
                let user = "user.\(round)"
                let message = BotStage.message("M\(round)", user: user)
                let request = try route.request(message, nonce: "m\(round)", route.ring, &input)
                let first = try await frame(request)
                #expect(!first.id.isEmpty)
                var last = first
                for number in 0..<10_000 where !last.isFinal {
                    if input.pick(4) == 0 { #expect(try await frame(request).id == first.id) }
                    if input.pick(4) == 0 {
                        last = try await frame(route.request(message, nonce: "a\(round).\(number)", route.ring, &input))
                    } else {
                        last = try await frame(
                            route.request(
                                BotStage.refresh(first.id, user: user), nonce: "r\(round).\(number)", route.ring, &input
                            ))
                    }
                    #expect(last.id == first.id)
                    stage.clock.advance(by: .milliseconds(20))
                    await Task.yield()
                }
                #expect(last.isFinal)
            }
        }
        #expect(handled.withLock { $0.count } == rounds)
        #expect(handled.withLock { $0.values.allSatisfy { $0 == 1 } })
    }
}

/// What this process holds.
private struct Footprint {
    let bytes: Int
    let descriptors: Int

    static var now: Footprint {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        return Footprint(
            bytes: (pages.flatMap { $0.count > 1 ? Int($0[1]) : nil } ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))),
            descriptors: descriptors ?? 0)
    }

    /// Only where fuzz tests run alone: other tests of the process open sockets at the same time.
    func expectNoGrowth(at location: SourceLocation = #_sourceLocation) {
        guard ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"] != nil else { return }
        let now = Footprint.now
        #expect(now.bytes - bytes < 256 << 20, sourceLocation: location)
        #expect(now.descriptors - descriptors < 32, sourceLocation: location)
    }
}
