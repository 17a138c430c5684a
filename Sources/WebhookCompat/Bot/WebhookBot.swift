import Foundation
public import Logging
public import Shared

/// A bot in callback mode: answers the platform's requests at once, and carries the engine's answers into what the
/// platform asks for later.
///
/// A message is answered with its bubble once the ledger has it; what cannot be taken in time is answered with 503, and the
/// platform delivers it again. The engine shows its frames here; refreshes and repetitions get the newest. Nothing here
/// waits for a backend.
public final class WebhookBot: Sendable {
    /// Settings of one bot.
    public struct Settings: Sendable {
        /// Account in logs and in messages.
        public var account: AccountID
        /// What people write after `@`; nil: the account's `name`, or rules.
        public var displayName: String?
        /// Label of the account.
        public var name: String?
        /// First content of a bubble.
        public var placeholder = "1"
        /// Whether somebody who opens the chat is greeted.
        public var greets = false
        /// Time in which every request is answered; the platform waits for 1 s at least, and 5 s at most.
        public var answerWithin: Duration = .milliseconds(900)
        /// Of that, time to wait for the first words once the message is taken.
        public var firstFrameWithin: Duration = .milliseconds(250)

        /// Creates the defaults.
        public init(account: AccountID) { self.account = account }
    }

    /// What a request is answered with.
    enum Answer: Sendable {
        /// 200 without a body.
        case empty
        /// 200 with that reply.
        case passive(BotReply)
        /// 503: not taken, worth another delivery.
        case busy
    }

    /// Transport name.
    public static let name = "bot-webhook"
    /// The platform stops asking that long after the message.
    static let window: Duration = .seconds(360)
    /// A `response_url` lives that long.
    static let lateWindow: Duration = .seconds(3_600)

    let settings: Settings
    let clock: any MonotonicClock
    let wallClock: any WallClock
    let logger: Logger
    private let decoder: BotEventDecoder
    /// For callbacks that came with the pair of credentials before.
    private let previousDecoder: BotEventDecoder
    private let ledger: any LedgerStore
    let late: LateReplies
    let streams = Locked(PolledStreams())
    private let inbox = Locked(CallbackInbox())
    let exchanges = Locked<[String: Exchange]>([:])
    /// Wake those who wait for a refresh to take the last content.
    let waiting = Locked<[String: Signal]>([:])
    private let engine = Locked<ReplyEngine?>(nil)

    /// What is awaited for the answer to one message.
    final class Exchange: Sendable {
        let begunAt: MonotonicInstant
        let taken = Latch<ReplyEngine.Taken>()
        let shown = Latch<Bool>()
        let passive = Latch<BotReply>()

        init(now: MonotonicInstant) { begunAt = now }
    }

    /// Creates a bot. It answers with 503 until an engine is given.
    ///
    /// - Parameters:
    ///   - ledger: tells bubbles of earlier runs.
    ///   - late: posts to `response_url`.
    public init(
        _ settings: Settings, ledger: any LedgerStore, late: LateReplies, clock: any MonotonicClock,
        wallClock: any WallClock, logger: Logger
    ) {
        self.settings = settings
        self.ledger = ledger
        self.late = late
        self.clock = clock
        self.wallClock = wallClock
        self.logger = logger
        let decoder = { mediaKey in
            BotEventDecoder(
                account: settings.account, channel: Self.name, displayName: settings.displayName,
                accountName: settings.name, mediaKey: mediaKey)
        }
        self.decoder = decoder(MediaReference.callbackKey)
        previousDecoder = decoder(MediaReference.previousCallbackKey)
    }

    /// Gives messages to this engine from now on; nil: to nobody.
    public func attach(_ engine: ReplyEngine?) { self.engine.withLock { $0 = engine } }

    /// Works until cancelled.
    public func run() async {
        while !Task.isCancelled {
            try? await clock.sleep(for: .seconds(60))
            let now = clock.now
            streams.withLock { $0.sweep(now: now) }
            // Of messages that were sent back and never came again.
            exchanges.withLock { exchanges in
                exchanges = exchanges.filter { $0.value.begunAt.duration(to: now) < .seconds(600) }
            }
        }
    }

    // MARK: Requests

    /// Answers a verified callback, whose content is one JSON object.
    func answer(_ content: [UInt8], generation: CallbackKeyRing.Generation = .current) async -> Answer {
        guard let body = try? JSONValue(parsing: content) else { return .empty }
        let now = clock.now
        switch body["msgtype"]?.string {
        case "stream": return await refresh(body, now: now)
        case "event": return await deliver(.event, body, content, generation, now: now)
        default: return await deliver(.message, body, content, generation, now: now)
        }
    }

    private func deliver(
        _ kind: BotEventDecoder.Kind, _ body: JSONValue, _ content: [UInt8],
        _ generation: CallbackKeyRing.Generation, now: MonotonicInstant
    ) async -> Answer {
        let given = body["msgid"]?.string ?? ""
        // Without an id nothing but the content tells repetitions apart.
        let messageID = given.isEmpty ? (try? Digest.sha256(of: content)) ?? Self.unguessable() : given
        let fresh = Self.unguessable()
        let exchange = Exchange(now: now)
        let (key, isNew) = inbox.withLock { inbox in
            let entered = inbox.enter(messageID, fresh: fresh, now: now)
            // Under the same lock: a copy that comes meanwhile waits for what becomes of this one.
            if entered.isNew { exchanges.withLock { $0[entered.key] = exchange } }
            return entered
        }
        let deadline = now.advanced(by: settings.answerWithin)
        if isNew {
            guard let engine = engine.withLock({ $0 }) else { return sendBack(messageID, key, exchange) }
            guard let event = event(kind, body, messageID, key, generation), !isIgnored(event) else {
                exchanges.withLock { $0[key] = nil }
                exchange.taken.set(.ignored)
                return .empty
            }
            guard begin(event, key, exchange, engine, now: now) else { return sendBack(messageID, key, exchange) }
            if case .message = event {} else { return await passive(of: event, key, exchange, until: deadline) }
        }
        return await answer(messageID, key, until: deadline)
    }

    /// Nobody takes it now: it should come again.
    private func sendBack(_ messageID: String, _ key: String, _ exchange: Exchange) -> Answer {
        inbox.withLock { $0.forget(messageID) }
        exchanges.withLock { $0[key] = nil }
        streams.withLock { $0.forget(key) }
        exchange.taken.set(.refused)
        return .busy
    }

    /// Hands an event to the engine. False when there are too many bubbles.
    private func begin(
        _ event: InboundEvent, _ key: String, _ exchange: Exchange, _ engine: ReplyEngine, now: MonotonicInstant
    ) -> Bool {
        if case .message(let message, let route) = event, route.takesReplies {
            guard open(key, message.conversation, now: now) else { return false }
        }
        engine.accept(event) { exchange.taken.set($0) }
        return true
    }

    func open(_ key: String, _ conversation: Conversation, now: MonotonicInstant) -> Bool {
        let words = PolledStream.Words(placeholder: settings.placeholder, elsewhere: ReplyWords().seeBelow)
        return streams.withLock {
            $0.open(
                PolledStream(
                    id: key, conversation: conversation, words: words, endsAt: now.advanced(by: Self.window), now: now),
                id: key, now: now)
        }
    }

    private func event(
        _ kind: BotEventDecoder.Kind, _ body: JSONValue, _ messageID: String, _ key: String,
        _ generation: CallbackKeyRing.Generation
    ) -> InboundEvent? {
        let now = wallClock.unixMilliseconds
        let decoder = generation == .current ? decoder : previousDecoder
        guard let event = decoder.event(kind, body, routeKey: key, receivedAt: now) else { return nil }
        guard case .message(var message, var route) = event else { return event }
        message.id = MessageID(messageID)
        if let url = body["response_url"]?.string, !url.isEmpty {
            let window = Self.lateWindow - .seconds(30)
            route.late = LateAddress(url: url, expiresAt: now + Int64(window.inSeconds * 1_000))
        }
        return .message(message, route)
    }

    /// What the platform itself says, and what names nobody to answer.
    private func isIgnored(_ event: InboundEvent) -> Bool {
        guard case .message(let message, _) = event else { return false }
        return message.sender.id == "sys"
    }

    /// Answer to a message or a click, the first time or again.
    private func answer(_ messageID: String, _ key: String, until deadline: MonotonicInstant) async -> Answer {
        guard let exchange = exchanges.withLock({ $0[key] }) else { return await again(messageID, key) }
        guard let taken = await exchange.taken.value(until: deadline, on: clock) else {
            logger.warning("callback not taken in time; it will come again", metadata: .init([.messageID: messageID]))
            return .busy
        }
        switch taken {
        case .known:
            exchanges.withLock { $0[key] = nil }
            streams.withLock { $0.forget(key) }
            return await again(messageID, key)
        case .ignored:
            exchanges.withLock { $0[key] = nil }
            streams.withLock { $0.forget(key) }
            return .empty
        case .refused: return sendBack(messageID, key, exchange)
        case .told: inbox.withLock { $0.forget(messageID) }
        case .accepted: break
        }
        defer { exchanges.withLock { $0[key] = nil } }
        guard streams.withLock({ $0[key] }) != nil else {
            let reply = await exchange.passive.value(until: deadline, on: clock)
            return reply.map { .passive($0) } ?? .empty
        }
        let patience = min(deadline, clock.now.advanced(by: settings.firstFrameWithin))
        _ = await exchange.shown.value(until: patience, on: clock)
        return frame(key, for: .message).map { .passive(.stream($0)) } ?? .empty
    }

    private func passive(
        of event: InboundEvent, _ key: String, _ exchange: Exchange, until deadline: MonotonicInstant
    ) async -> Answer {
        defer { exchanges.withLock { $0[key] = nil } }
        guard case .enterChat = event, settings.greets else { return .empty }
        return await exchange.passive.value(until: deadline, on: clock).map { .passive($0) } ?? .empty
    }

    /// A repetition of something that was answered before, in an earlier run perhaps: it gets its own bubble again.
    private func again(_ messageID: String, _ key: String) async -> Answer {
        if let frame = frame(key, for: .message) { return .passive(.stream(frame)) }
        do throws(LedgerTrouble) {
            let tasks = try await ledger.trace(messageID: MessageID(messageID))
            // Whom the policy keeps out silently hears nothing the second time either.
            guard let task = tasks.last(where: { $0.entry.message.account == settings.account }),
                task.entry.route.takesReplies, task.entry.refusal == nil
            else { return .empty }
            return await restored(task, for: .earlierMessage).map { .passive(.stream($0)) } ?? .empty
        } catch {
            return .busy
        }
    }

    // MARK: Refreshes

    private func refresh(_ body: JSONValue, now: MonotonicInstant) async -> Answer {
        let id = body["stream"]?["id"]?.string ?? ""
        let asked = conversation(body)
        if let stream = streams.withLock({ $0[id] }) {
            guard asked.map({ $0 == stream.conversation }) ?? true else { return unknown(id) }
            return frame(id, for: .refresh).map { .passive(.stream($0)) } ?? unknown(id)
        }
        guard !id.isEmpty else { return unknown(id) }
        do throws(LedgerTrouble) {
            guard let task = try await ledger.task(stream: id, account: settings.account),
                asked.map({ $0 == task.entry.message.conversation }) ?? true,
                let frame = await restored(task, for: .refresh)
            else { return unknown(id) }
            return .passive(.stream(frame))
        } catch {
            // Nobody knows now whose it is; it is asked for again.
            return .busy
        }
    }

    private func conversation(_ body: JSONValue) -> Conversation? {
        if body["chattype"]?.string == "group" {
            guard let chat = body["chatid"]?.string, !chat.isEmpty else { return nil }
            return Conversation(kind: .group, id: chat)
        }
        return body["from"]?["userid"]?.string.map { Conversation(kind: .direct, id: $0) }
    }

    private func unknown(_ id: String) -> Answer {
        logger.notice("refresh of an unknown bubble was ended", metadata: .init([.reqID: id.prefix(64)]))
        return .passive(
            .stream(PolledStream.Frame(id: id, content: ReplyWords().bubbleGone, isFinal: true)))
    }

    private func frame(_ key: String, for occasion: PolledStream.Occasion) -> PolledStream.Frame? {
        let now = clock.now
        return streams.withLock { $0.with(key) { $0.frame(now: now, for: occasion) } }
    }

    /// The bubble of a task that an earlier run accepted. One that is at work goes on; of one that has ended the first
    /// segment is shown as it was.
    private func restored(_ task: LedgerTask, for occasion: PolledStream.Occasion) async -> PolledStream.Frame? {
        let key = task.entry.stream
        if task.state == .accepted || task.state == .answered, !task.isHandedOver {
            guard open(key, task.entry.message.conversation, now: clock.now) else { return nil }
            return frame(key, for: occasion)
        }
        let shown = task.parts.lazy.compactMap { part -> String? in
            if part.via == .bubble, case .text(let text) = part.content { text } else { nil }
        }.first
        return PolledStream.Frame(id: key, content: shown ?? ReplyWords().seeBelow, isFinal: true)
    }

    /// The answer with that reply went out whole.
    func written(_ reply: BotReply) {
        guard case .stream(let frame) = reply, frame.isFinal else { return }
        let now = clock.now
        streams.withLock { _ = $0.with(frame.id) { $0.written(frame, now: now) } }
        waiting.withLock { $0[frame.id] }?.raise()
    }

    private static func unguessable() -> String {
        let random = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
        return [random.0, random.1].map { value in
            let hex = String(value, radix: 16)
            return String(repeating: "0", count: 16 - hex.count) + hex
        }.joined()
    }
}

extension WebhookBot: CustomStringConvertible {
    /// The account alone.
    public var description: String { "webhook bot of account \(settings.account)" }
}

extension MediaReference {
    /// Stands for the callback's key, which is not kept beside messages.
    public static let callbackKey = "@callback"
    /// Stands for the callback's key before the current one.
    public static let previousCallbackKey = "@callback-previous"
}
