import Logging
import Testing

@testable import Shared

/// A channel that shows everything at once and remembers it, unless it is told otherwise.
final class FakeChannel: Channel {
    struct State {
        var operations: [ChannelOperation] = []
        /// Current text of bubbles and messages by address.
        var bubbles: [String: [String]] = [:]
        var sealed: Set<StreamID> = []
        var script: @Sendable (ChannelOperation) -> SendOutcome = { _ in .acknowledged() }
        var streamOf: [StreamID: (key: String, index: Int)] = [:]
    }
    let capabilities: Capabilities
    let state = Locked(State())

    init(streams: Bool = true, maxTextBytes: Int = 20_480) {
        capabilities = Capabilities(
            channel: "fake", conversations: [.direct, .group], streams: streams, pushes: true,
            maxTextBytes: maxTextBytes, replyWindow: .seconds(600), streamWindow: .seconds(330),
            welcomeWindow: .seconds(5), mediaIn: [], mediaOut: [], cards: false)
    }

    func perform(_ operation: ChannelOperation, late: (@Sendable (LateVerdict) -> Void)?) async -> SendOutcome {
        let script = state.withLock { $0.script }
        let outcome = script(operation)
        state.withLock { state in
            state.operations.append(operation)
            guard case .acknowledged = outcome else { return }
            switch operation {
            case .stream(let route, let id, let content, _, _), .seal(let route, let id, let content, _, _):
                let finish = operation.isLastFrame
                if let place = state.streamOf[id] {
                    state.bubbles[place.key]?[place.index] = content
                } else {
                    state.streamOf[id] = (route.key, state.bubbles[route.key, default: []].count)
                    state.bubbles[route.key, default: []].append(content)
                }
                if finish { state.sealed.insert(id) }
            case .reply(let route, let text, _): state.bubbles[route.key, default: []].append(text)
            case .push(let conversation, let text, _):
                state.bubbles["push:" + conversation.id, default: []].append(text)
            case .welcome(let route, let text): state.bubbles[route.key, default: []].append(text)
            case .replyCard, .pushCard, .replyMedia, .pushMedia, .updateCard: break
            }
        }
        return outcome
    }

    func shown(_ key: String) -> [String] { state.withLock { $0.bubbles[key] ?? [] } }
    var operations: [ChannelOperation] { state.withLock { $0.operations } }
}

extension ChannelOperation {
    /// Whether it seals a bubble.
    var isLastFrame: Bool {
        switch self {
        case .stream(_, _, _, let finish, _): finish
        case .seal: true
        default: false
        }
    }
}

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

enum EngineBench {
    static func message(
        _ number: Int, _ text: String = "hello", user: String = "lin.wei", group: String? = nil,
        parts: [MessagePart]? = nil, account: AccountID = "default"
    ) -> InboundEvent {
        let conversation = group.map { Conversation(kind: .group, id: $0) } ?? Conversation(kind: .direct, id: user)
        let message = InboundMessage(
            id: MessageID("m\(number)"), account: account, channel: "fake", conversation: conversation,
            sender: Sender(id: UserID(user)), parts: parts ?? [.text(text)], createdAt: 0)
        return .message(message, ReplyRoute(key: "r\(number)", conversation: conversation))
    }

    /// Runs an engine around `body`, online, and ends it afterwards.
    static func run(
        _ change: (inout EngineSettings) -> Void = { _ in }, channel: FakeChannel = FakeChannel(),
        gate: @escaping @Sendable (InboundMessage) -> GateVerdict = { _ in .allow },
        onEvent: @escaping @Sendable (InboundEvent) -> Void = { _ in }, handler: @escaping MessageHandler,
        _ body: (ReplyEngine, FakeChannel, ManualClock) async -> Void
    ) async {
        var settings = EngineSettings()
        // Whoever tests the quota switches it on.
        settings.perMinute = 0
        settings.perHour = 0
        settings.reply.ageNoticeAfter = .zero
        change(&settings)
        let clock = ManualClock()
        let engine = ReplyEngine(
            channel: channel, settings: settings, clock: clock, wallClock: clock, seed: 1,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, gate: gate, onEvent: onEvent,
            handler: handler)
        engine.sessionChanged(online: true)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await engine.run() }
            await body(engine, channel, clock)
            group.cancelAll()
        }
    }
}

/// Holds handlers back until it is opened.
final class Gate: Sendable {
    private let state = Locked((isOpen: false, waiting: [CheckedContinuation<Void, Never>]()))

    /// Ignores cancellation on purpose.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state -> Bool in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
