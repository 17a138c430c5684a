import Foundation
import Logging
import Shared
import Testing

@testable import WebhookCompat

/// A bot in callback mode with its engine, on a clock that is moved by hand.
struct BotStage: Sendable {
    /// What was posted to late addresses.
    final class Posts: Sendable {
        private let state = Locked<(bodies: [JSONValue], outcome: SendOutcome)>(([], .acknowledged()))
        var bodies: [JSONValue] { state.withLock { $0.bodies } }
        func answer(_ outcome: SendOutcome) { state.withLock { $0.outcome = outcome } }
        func take(_ body: JSONValue) -> SendOutcome {
            state.withLock { state in
                state.bodies.append(body)
                return state.outcome
            }
        }
    }

    let clock: ManualClock
    let ledger: InMemoryLedger
    let posts = Posts()
    let bot: WebhookBot
    let client: CallbackClient

    /// - Parameters:
    ///   - store: takes the place of the ledger, which it writes to.
    ///   - wallClock: wall time of the bot alone.
    init(
        clock: ManualClock = ManualClock(), ledger: InMemoryLedger = InMemoryLedger(),
        store: (any LedgerStore)? = nil, wallClock: (any WallClock)? = nil, welcome: String = "",
        hooks: EngineHooks = EngineHooks(), fallback: (any Channel)? = nil,
        _ change: (inout EngineSettings) -> Void = { _ in }
    ) {
        self.clock = clock
        self.ledger = ledger
        var settings = WebhookBot.Settings(account: "default")
        settings.greets = !welcome.isEmpty
        let posts = posts
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        bot = WebhookBot(
            settings, ledger: store ?? ledger, late: LateReplies { body, _ in posts.take(body) }, clock: clock,
            wallClock: wallClock ?? clock, logger: logger)
        var configuration = CallbackClient.Configuration(account: "default")
        configuration.seed = 1
        configuration.engine.welcomeText = welcome
        configuration.engine.reply.opening = "1"
        configuration.engine.redrawAfter = .milliseconds(600)
        change(&configuration.engine)
        client = CallbackClient(
            configuration, channel: bot, fallback: fallback, ledger: store ?? ledger, hooks: hooks, clock: clock,
            wallClock: clock, logger: logger)
    }

    /// Runs bot and engine while `body` plays the platform.
    func run(
        gate: @escaping @Sendable (InboundMessage) -> GateVerdict = { _ in .allow },
        handler: @escaping MessageHandler, _ body: @Sendable () async throws -> Void
    ) async throws {
        let isUp = Latch<Bool>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await bot.run() }
            group.addTask {
                await client.run(
                    gate: gate,
                    onEngine: { engine in
                        bot.attach(engine)
                        if engine != nil { isUp.set(true) }
                    }, handler: handler)
            }
            _ = await isUp.value(until: clock.now.advanced(by: .seconds(3_600)), on: clock)
            try await body()
            group.cancelAll()
        }
    }

    static func message(
        _ id: String, _ text: String = "hello", user: String = "lin.wei", group: String? = nil, late: Bool = true
    ) -> [UInt8] {
        var fields: [JSONValue.Member] = [
            .init(key: "msgid", value: .string(id)), .init(key: "aibotid", value: .string("aib1")),
            .init(key: "chattype", value: .string(group == nil ? "single" : "group")),
            .init(key: "from", value: .dictionary(["userid": .string(user)])),
            .init(key: "msgtype", value: .string("text")),
            .init(key: "text", value: .dictionary(["content": .string(text)])),
        ]
        if let group { fields.append(.init(key: "chatid", value: .string(group))) }
        if late { fields.append(.init(key: "response_url", value: .string("https://example.com/\(id)"))) }
        return Array(JSONValue.object(fields).text.utf8)
    }

    static func refresh(_ id: String, user: String = "lin.wei") -> [UInt8] {
        Array(
            JSONValue.dictionary([
                "msgid": .string("r"), "chattype": .string("single"),
                "from": .dictionary(["userid": .string(user)]), "msgtype": .string("stream"),
                "stream": .dictionary(["id": .string(id)]),
            ]).text.utf8)
    }

    static func event(_ id: String, _ type: String, _ payload: JSONValue? = nil) -> [UInt8] {
        Array(
            JSONValue.dictionary([
                "msgid": .string(id), "chattype": .string("single"),
                "from": .dictionary(["userid": .string("lin.wei")]), "msgtype": .string("event"),
                "response_url": .string("https://example.com/\(id)"),
                "event": .dictionary(["eventtype": .string(type), type: payload]),
            ]).text.utf8)
    }

    /// Frame that a request is answered with, taken off the wire.
    func frame(_ content: [UInt8]) async throws -> PolledStream.Frame {
        let answer = await bot.answer(content)
        guard case .passive(let reply) = answer, case .stream(let frame) = reply else {
            throw Unexpected(answer: "\(answer)")
        }
        bot.written(reply)
        return frame
    }

    /// Refreshes until the frame is one that is waited for, moving the clock in between.
    func refresh(
        _ id: String, until isWanted: (PolledStream.Frame) -> Bool
    ) async throws -> PolledStream.Frame {
        for _ in 0..<100_000 {
            let frame = try await frame(Self.refresh(id))
            if isWanted(frame) { return frame }
            clock.advance(by: .milliseconds(20))
            await Task.yield()
        }
        throw Unexpected(answer: "never the frame that was waited for")
    }

    struct Unexpected: Error { let answer: String }
}

extension JSONValue {
    /// For payloads whose key is not a literal.
    static func dictionary(_ pairs: [(String, JSONValue?)]) -> JSONValue {
        .object(pairs.compactMap { pair in pair.1.map { Member(key: pair.0, value: $0) } })
    }
}

/// Waits for something that other tasks bring about, without sleeping.
func eventually(_ what: String, _ condition: () async -> Bool, at location: SourceLocation = #_sourceLocation) async {
    let start = ContinuousClock.now
    while await !condition() {
        guard start.duration(to: .now) < .seconds(120) else {
            Issue.record("never: \(what)", sourceLocation: location)
            return
        }
        await Task.yield()
    }
}
