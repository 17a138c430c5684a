@testable import Shared

/// What people see of one answer: bubbles that snapshots replace and finals seal, and messages that come once.
struct SimulatedChat {
    struct Bubble {
        var openedAt: MonotonicInstant
        var content: String
        var sealedAt: MonotonicInstant?
        var finals = 0
    }
    enum Entry: Equatable {
        case bubble(StreamID)
        case message(String)
    }
    var bubbles: [StreamID: Bubble] = [:]
    var entries: [Entry] = []
    /// Life of a bubble on the platform.
    var window: Duration = .seconds(600)
    /// Longest text that it takes, in bytes.
    var limit = 20_480
    /// Whether frames of an expired bubble are accepted and thrown away instead of refused.
    var swallowsExpired = false

    /// What the platform does with an operation, and its verdict.
    mutating func receive(_ operation: ReplyStreamStateMachine.Operation, now: MonotonicInstant) -> PlatformError? {
        switch operation {
        case .reply(let text), .push(let text), .fallback(let text):
            if text.utf8.count > limit { return PlatformError(code: 45_002) }
            entries.append(.message(text))
            return nil
        case .stream(let id, let content, let finish):
            if content.utf8.count > limit { return PlatformError(code: 45_002) }
            guard var bubble = bubbles[id] else {
                bubbles[id] = Bubble(
                    openedAt: now, content: content, sealedAt: finish ? now : nil, finals: finish ? 1 : 0)
                entries.append(.bubble(id))
                return nil
            }
            guard bubble.sealedAt == nil, bubble.openedAt.duration(to: now) < window else {
                return swallowsExpired && bubble.sealedAt == nil ? nil : PlatformError(code: 846_608)
            }
            bubble.content = content
            if finish {
                bubble.sealedAt = now
                bubble.finals += 1
            }
            bubbles[id] = bubble
            return nil
        }
    }

    /// Texts in the order in which they stand in the chat.
    var shown: [String] {
        entries.map { entry in
            switch entry {
            case .bubble(let id): bubbles[id]?.content ?? ""
            case .message(let text): text
            }
        }
    }

    var unsealed: [StreamID] { bubbles.filter { $0.value.sealedAt == nil }.map(\.key) }
}

/// Drives one machine by hand on a clock of its own.
struct ReplyBench {
    var machine: ReplyStreamStateMachine
    var chat = SimulatedChat()
    var now = MonotonicInstant()
    var settings: ReplySettings
    /// Operations with the second they were asked for.
    var log: [(at: MonotonicInstant, operation: ReplyStreamStateMachine.Operation)] = []
    var report: DeliveryReport?

    init(
        queuedAhead: Int? = nil, pushOnly: Bool = false, online: Bool = true, maxTextBytes: Int = 20_480,
        capabilities: Capabilities? = nil, fallback: Capabilities? = nil, lateUntil: MonotonicInstant? = nil,
        _ change: (inout ReplySettings) -> Void = { _ in }
    ) {
        var settings = ReplySettings()
        settings.ageNoticeAfter = .zero
        change(&settings)
        self.settings = settings
        machine = ReplyStreamStateMachine(
            settings: settings, name: "s", capabilities: capabilities ?? .bench(maxTextBytes: maxTextBytes),
            fallback: fallback, queuedAhead: queuedAhead, pushOnly: pushOnly, online: online, lateUntil: lateUntil,
            now: now)
    }

    /// Asks once; nil when it waits or is done.
    mutating func next() -> ReplyStreamStateMachine.Operation? {
        switch machine.next(now: now) {
        case .perform(let operation):
            log.append((now, operation))
            return operation
        case .done(let report):
            self.report = report
            return nil
        case .wait: return nil
        }
    }

    /// Instant that the machine waits for.
    mutating func wakeUp() -> MonotonicInstant? {
        if case .wait(let until) = machine.next(now: now) { until } else { nil }
    }

    /// Asks, lets the platform take it, and answers after `latency`. The operation, if there was one.
    @discardableResult
    mutating func step(latency: Duration = .zero) -> ReplyStreamStateMachine.Operation? {
        guard let operation = next() else { return nil }
        let error = chat.receive(operation, now: now)
        now = now.advanced(by: latency)
        machine.completed(error.map { .rejected($0) } ?? .acknowledged(), now: now)
        return operation
    }

    /// Asks, and answers with `outcome` without the platform having seen anything.
    @discardableResult
    mutating func step(_ outcome: SendOutcome) -> ReplyStreamStateMachine.Operation? {
        guard let operation = next() else { return nil }
        machine.completed(outcome, now: now)
        return operation
    }

    /// Asks, lets the platform take it, and says that no ack came within 10 s.
    @discardableResult
    mutating func stepWithLostAck() -> ReplyStreamStateMachine.Operation? {
        guard let operation = next() else { return nil }
        _ = chat.receive(operation, now: now)
        now = now.advanced(by: .seconds(10))
        machine.completed(.unknown(.ackTimeout), now: now)
        return operation
    }

    /// Lets time pass; whatever is asked for meanwhile is acknowledged.
    mutating func pass(_ duration: Duration, latency: Duration = .zero) {
        let end = now.advanced(by: duration)
        var rounds = 0
        while now <= end, report == nil, rounds < 100_000 {
            rounds += 1
            if step(latency: latency) != nil { continue }
            guard let until = wakeUp(), until <= end else { break }
            now = max(now, until)
        }
        now = max(now, end)
    }

    /// Goes on until all is said, at most for `limit`.
    mutating func finish(within limit: Duration = .seconds(3_600)) { pass(limit) }

    var pushes: [String] { log.compactMap { if case .push(let text) = $0.operation { text } else { nil } } }
    var replies: [String] { log.compactMap { if case .reply(let text) = $0.operation { text } else { nil } } }
    var fallbacks: [String] { log.compactMap { if case .fallback(let text) = $0.operation { text } else { nil } } }
    var finals: [String] {
        log.compactMap { if case .stream(_, let text, finish: true) = $0.operation { text } else { nil } }
    }
    var snapshots: [String] {
        log.compactMap { if case .stream(_, let text, finish: false) = $0.operation { text } else { nil } }
    }
}

extension Capabilities {
    /// A channel with bubbles, pushes, cards and media.
    static func bench(maxTextBytes: Int = 20_480) -> Capabilities {
        Capabilities(
            channel: "fake", conversations: [.direct, .group], streams: true, pushes: true, maxTextBytes: maxTextBytes,
            replyWindow: .seconds(600), streamWindow: .seconds(330), welcomeWindow: .seconds(5),
            mediaIn: [.image, .file, .video], mediaOut: [.image, .file, .voice, .video], cards: true)
    }
}

extension Capabilities {
    /// One bubble for each message, and one late message; nothing can be written first.
    static let callbacks = Capabilities(
        channel: "fake", conversations: [.direct, .group], streams: true, pushes: false, maxTextBytes: 20_480,
        replyWindow: .seconds(360), streamWindow: .seconds(330), welcomeWindow: .seconds(5),
        mediaIn: [.image], mediaOut: [.image], cards: true, bubblesPerMessage: 1,
        lateReply: .init(window: .seconds(3_600), cards: [.direct]),
        bubbleImages: .init(count: 10, bytes: 10_000_000, totalBytes: 16 << 20))

    /// Whole messages to one person.
    static let application = Capabilities(
        channel: "other", conversations: [.direct], streams: false, pushes: true, maxTextBytes: 2_048,
        replyWindow: .zero, streamWindow: .zero, welcomeWindow: nil, mediaIn: [], mediaOut: [.image, .file],
        cards: true, hasSession: false)
}

extension SendOutcome {
    static func refused(_ code: Int) -> SendOutcome { .rejected(PlatformError(code: code)) }
}
