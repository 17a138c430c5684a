import Foundation
import Logging
import Shared
import Testing

@testable import AIBotWS

/// Waits for something that other tasks bring about, without sleeping.
func eventually(_ what: String, _ condition: () -> Bool, at location: SourceLocation = #_sourceLocation) async {
    let start = ContinuousClock.now
    var rounds = 0
    while !condition() {
        rounds += 1
        if rounds % 256 == 0, start.duration(to: .now) > .seconds(180) {
            Issue.record("never: \(what)", sourceLocation: location)
            return
        }
        await Task.yield()
    }
}

/// The platform behind an in-process transport: subscribes, acknowledges, and keeps what a chat shows.
final class FakePlatform: Sendable {
    /// What happens to frames that answer messages.
    enum Mood: Sendable {
        case acknowledges
        /// Takes them and never answers.
        case takesSilently
        /// Neither takes nor answers anything, heartbeats included.
        case dead
        /// Answers all but heartbeats.
        case ignoresHeartbeats
        /// Refuses the next one, or the next one at that address, then goes on as before.
        case refusesOnce(Int, at: String? = nil)
    }
    /// What becomes of a frame for a bubble that is over.
    enum LateFrames: Sendable, CaseIterable {
        case refused
        /// Acknowledged and thrown away.
        case swallowed
        /// The connection ends.
        case reset
    }
    struct Bubble: Sendable {
        var content: String
        var isSealed: Bool
        var openedAt: MonotonicInstant
        var changedAt: MonotonicInstant
        /// Reply address.
        var key: String
    }
    struct State: Sendable {
        var mood = Mood.acknowledges
        var subscribeCode = 0
        var bubbles: [String: Bubble] = [:]
        var order: [String] = []
        var pushes: [String] = []
        /// Connections that are to end.
        var resets: Set<ConnectionID> = []
        /// Where and when each push went.
        var pushed: [(chat: String, at: MonotonicInstant)] = []
        /// Reply addresses at which something was refused.
        var refusedKeys: Set<String> = []
        /// Life of a bubble, in all and since its last frame, and what becomes of frames that come later.
        var window = Duration.seconds(600)
        var idleWindow = Duration.seconds(600)
        var lateFrames = LateFrames.refused
        var frames: [(connection: ConnectionID, value: JSONValue)] = []
    }
    let clock = ManualClock()
    let transport: InProcessTransport
    let uploads = FakeUploads()
    let state = LockedState()

    /// A lock of the tests' own: the library's is not visible here.
    final class LockedState: @unchecked Sendable {
        private let lock = NSLock()
        private var state = State()
        func withLock<Result>(_ body: (inout State) -> Result) -> Result { lock.withLock { body(&state) } }
    }

    init() {
        transport = InProcessTransport(clock: clock)
        transport.setReply { [state, uploads, clock, weak transport] connection, text in
            let answers = Self.answer(state, uploads, connection, text, clock.now)
            if state.withLock({ $0.resets.remove(connection) }) != nil { transport?.dropConnection(connection) }
            return answers
        }
    }

    private static func answer(
        _ state: LockedState, _ uploads: FakeUploads, _ connection: ConnectionID, _ text: String,
        _ now: MonotonicInstant
    ) -> [String] {
        guard let frame = try? JSONValue(parsing: text.utf8), let id = frame["headers"]?["req_id"]?.string else {
            return []
        }
        func ack(_ code: Int = 0, body: JSONValue? = nil) -> [String] {
            let headers = JSONValue.dictionary(["req_id": .string(id)])
            let answer =
                ["headers": headers, "errcode": .integer(code), "errmsg": "x", "body": body]
                as KeyValuePairs<String, JSONValue?>
            return [JSONValue.dictionary(answer).text]
        }
        return state.withLock { state in
            state.frames.append((connection, frame))
            if case .dead = state.mood { return [] }
            switch frame["cmd"]?.string {
            case "aibot_subscribe": return ack(state.subscribeCode)
            case "ping":
                if case .ignoresHeartbeats = state.mood { return [] }
                return ack()
            case "pong": return []
            case let command? where command.hasPrefix("aibot_upload"):
                guard let answer = uploads.answer(frame) else { return [] }
                return ack(answer.code, body: answer.body)
            default: break
            }
            if case .refusesOnce(let code, let key) = state.mood, key == nil || key == id {
                state.mood = .acknowledges
                state.refusedKeys.insert(id)
                return ack(code)
            }
            let code = take(frame, key: id, now, &state)
            if code == nil, case .reset = state.lateFrames {
                state.resets.insert(connection)
                return []
            }
            if case .takesSilently = state.mood { return [] }
            return ack(code ?? (state.lateFrames == .swallowed ? 0 : 846_608))
        }
    }

    /// Code of the ack; nil for a frame that comes too late.
    private static func take(_ frame: JSONValue, key: String, _ now: MonotonicInstant, _ state: inout State) -> Int? {
        let body = frame["body"]
        guard let stream = body?["stream"], let id = stream["id"]?.string else {
            state.pushes.append(body?["markdown"]?["content"]?.string ?? body?["text"]?["content"]?.string ?? "")
            state.pushed.append((body?["chatid"]?.string ?? "", now))
            return 0
        }
        if let bubble = state.bubbles[id] {
            guard !bubble.isSealed else { return 846_608 }
            guard bubble.openedAt.duration(to: now) < state.window,
                bubble.changedAt.duration(to: now) < state.idleWindow
            else { return nil }
        } else {
            state.order.append(id)
        }
        state.bubbles[id] = Bubble(
            content: stream["content"]?.string ?? "", isSealed: stream["finish"] == .bool(true),
            openedAt: state.bubbles[id]?.openedAt ?? now, changedAt: now, key: key)
        return 0
    }

    /// Texts of bubbles, then of other messages.
    var shown: [String] {
        state.withLock { state in state.order.compactMap { state.bubbles[$0]?.content } + state.pushes }
    }
    var current: ConnectionID { transport.connections.last ?? ConnectionID(0) }
    func set(_ mood: Mood) { state.withLock { $0.mood = mood } }

    func count(_ command: String) -> Int {
        state.withLock { state in state.frames.count { $0.value["cmd"]?.string == command } }
    }

    /// Acknowledges a frame that was taken silently.
    func acknowledge(_ id: String) {
        let headers = JSONValue.dictionary(["req_id": .string(id)])
        deliver(.dictionary(["headers": headers, "errcode": .integer(0), "errmsg": "ok"]))
    }

    func deliver(_ value: JSONValue) { transport.deliver(value.text, to: current) }

    func say(_ number: Int, _ text: String, user: String = "lin.wei") {
        deliver(
            .dictionary([
                "cmd": "aibot_msg_callback", "headers": .dictionary(["req_id": .string("r\(number)")]),
                "body": .dictionary([
                    "msgid": .string("m\(number)"), "chattype": "single", "msgtype": "text",
                    "from": .dictionary(["userid": .string(user)]),
                    "text": .dictionary(["content": .string(text)]),
                ]),
            ]))
    }

    func event(_ type: String, number: Int = 1) {
        deliver(
            .dictionary([
                "cmd": "aibot_event_callback", "headers": .dictionary(["req_id": .string("e\(number)")]),
                "body": .dictionary([
                    "msgid": .string("e\(number)"), "msgtype": "event", "from": .dictionary(["userid": "lin.wei"]),
                    "event": .dictionary(["eventtype": .string(type)]),
                ]),
            ]))
    }

    /// Runs a session alone, and `body` once it is subscribed.
    func online<Result: Sendable>(
        _ log: StatusLog = StatusLog(), _ body: @Sendable (SessionRunner) async -> Result
    ) async -> Result {
        let session = client().session
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await session.run { event in
                    if case .status(let status) = event { log.add(status) }
                }
            }
            await eventually("online") { log.last == .online }
            let result = await body(session)
            group.cancelAll()
            return result
        }
    }

    func client(_ change: (inout AIBotClient.Configuration) -> Void = { _ in }) -> AIBotClient {
        var configuration = AIBotClient.Configuration(
            session: SessionConfiguration(
                botID: "aib-test", secret: "secret",
                target: ConnectionTarget(secure: false, host: "127.0.0.1", port: 1)))
        configuration.seed = 7
        change(&configuration)
        return AIBotClient(
            configuration, transport: transport, clock: clock, wallClock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}

/// Last status of a session, and all before.
final class StatusLog: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var statuses: [SessionStatus] = []
    func add(_ status: SessionStatus) { lock.withLock { statuses.append(status) } }
    var last: SessionStatus? { lock.withLock { statuses.last } }
    var all: [SessionStatus] { lock.withLock { statuses } }
}
