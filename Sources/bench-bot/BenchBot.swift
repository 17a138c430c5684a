import AIBotWS
import Foundation
import Logging

/// The library's side of the neutral load generator: answers `bench …` messages as its contract says. Updates go through
/// the library's awaited stream call, unpaced; an answer too long for one bubble goes through the reply engine.
@main
enum BenchBot {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let url = environment["BENCH_WS_URL"], let bots = environment["BENCH_BOTS_FILE"],
            let text = environment["BENCH_TEXT_FILE"]
        else {
            FileHandle.standardError.write(
                Data(
                    "bench-bot is started by the load generator: BENCH_WS_URL, BENCH_BOTS_FILE, BENCH_TEXT_FILE\n".utf8)
            )
            exit(2)
        }
        let target = try ConnectionTarget(url: url)
        let answers = Answers(text: Array(try Data(contentsOf: URL(fileURLWithPath: text))))
        let lines = try String(contentsOfFile: bots, encoding: .utf8).split(separator: "\n")
        try await run(bots: lines.compactMap { Self.configuration($0, target) }, answers: answers)
    }

    private static func configuration(_ line: Substring, _ target: ConnectionTarget) -> SessionConfiguration? {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 2 else { return nil }
        return SessionConfiguration(botID: BotID(words[0]), secret: words[1], target: target)
    }

    private static func run(bots: [SessionConfiguration], answers: Answers) async throws {
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let (inbox, intake) = AsyncStream<(Bot, Callback)>.makeStream(bufferingPolicy: .bufferingOldest(65_536))
        // What the bots do here only shuffles text: it runs where the sockets are.
        await withTaskExecutorPreference(LWSTransport.shared) { await serve(bots, answers, logger, inbox, intake) }
    }

    private static func serve(
        _ bots: [SessionConfiguration], _ answers: Answers, _ logger: Logger,
        _ inbox: AsyncStream<(Bot, Callback)>, _ intake: AsyncStream<(Bot, Callback)>.Continuation
    ) async {
        await withDiscardingTaskGroup { group in
            for configuration in bots {
                let bot = Bot(configuration, logger: logger)
                group.addTask { await bot.run { intake.yield((bot, $0)) } }
            }
            for await (bot, callback) in inbox {
                guard let (message, route) = bot.message(callback) else { continue }
                guard let request = answers.request(message.text) else { continue }
                if case .stream(_, let bytes) = request, bytes > 20_480 {
                    group.addTask { await bot.answerThroughEngine(message, route, answers, request) }
                } else {
                    group.addTask { await bot.answer(route, answers, request) }
                }
            }
        }
    }
}

/// One bot of the run.
private struct Bot: Sendable {
    private let session: SessionRunner
    private let decoder = CallbackDecoder(account: "bench")
    private let logger: Logger

    init(_ configuration: SessionConfiguration, logger: Logger) {
        self.logger = logger
        session = AIBotClient(.init(session: configuration), logger: logger).session
    }

    func run(onCallback: @escaping @Sendable (Callback) -> Void) async {
        await session.run { event in
            if case .callback(let callback) = event { onCallback(callback) }
        }
    }

    func message(_ callback: Callback) -> (InboundMessage, ReplyRoute)? {
        guard case .message(let message, let route)? = decoder.event(callback, receivedAt: 0) else { return nil }
        return (message, route)
    }

    func answer(_ route: ReplyRoute, _ answers: Answers, _ request: Answers.Request) async {
        let id = ReqID(route.key)
        switch request {
        case .push(let word): _ = await session.push(word, to: route.conversation)
        case .stream(let updates, let bytes):
            let stream = StreamID("s-\(route.key)")
            let parts = answers.parts(updates, bytes)
            // An update that fails is skipped, as the contract asks.
            for part in parts {
                _ = await session.send(.stream(id, id: stream, content: part, finish: false))
            }
            _ = await session.send(.stream(id, id: stream, content: parts.last ?? "", finish: true))
        }
    }

    func answerThroughEngine(
        _ message: InboundMessage, _ route: ReplyRoute, _ answers: Answers, _ request: Answers.Request
    ) async {
        guard case .stream(let updates, let bytes) = request else { return }
        let engine = ReplyEngine(
            channel: LongConnection(session), settings: EngineSettings(), clock: SystemMonotonicClock(),
            wallClock: SystemWallClock(), seed: .random(in: .min ... .max), logger: logger
        ) { _, reply in
            for part in answers.parts(updates, bytes) { try await reply.replace(with: part) }
        }
        engine.sessionChanged(online: true)
        engine.accept(.message(message, route))
        engine.stop(drain: .seconds(60))
        await engine.run()
    }
}

/// What is asked for, and prefixes of the text, cut once.
private final class Answers: Sendable {
    enum Request: Sendable {
        case stream(updates: Int, bytes: Int)
        case push(String)
    }

    private let text: [UInt8]
    private let lock = NSLock()
    // Touched under `lock` alone.
    nonisolated(unsafe) private var cache: [String: [String]] = [:]

    init(text: [UInt8]) { self.text = text }

    func request(_ text: String) -> Request? {
        let words = text.split(separator: " ")
        guard let start = words.firstIndex(of: "bench"), words.count > start + 2 else { return nil }
        switch words[start + 1] {
        case "push": return .push(String(words[start + 2]))
        case "stream":
            guard words.count > start + 3, let updates = Int(words[start + 2]), let bytes = Int(words[start + 3]),
                updates > 0
            else { return nil }
            return .stream(updates: updates, bytes: bytes)
        default: return nil
        }
    }

    /// `count` growing prefixes, the last one of `bytes` bytes, each cut at a whole character.
    func parts(_ count: Int, _ bytes: Int) -> [String] {
        let key = "\(count) \(bytes)"
        if let known = lock.withLock({ cache[key] }) { return known }
        let parts = (1...count).map { index -> String in
            var end = min(bytes * index / count, text.count)
            while end > 0, end < text.count, text[end] & 0xC0 == 0x80 { end -= 1 }
            return String(decoding: text[..<end], as: UTF8.self)
        }
        lock.withLock { cache[key] = parts }
        return parts
    }
}
