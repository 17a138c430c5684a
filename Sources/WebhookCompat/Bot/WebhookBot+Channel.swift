public import Shared

extension WebhookBot: Channel {
    /// What callback mode can carry.
    public var capabilities: Capabilities { WebhookChannels.bot }

    /// Puts an operation where the platform will fetch it, or posts it to the late address.
    public nonisolated(nonsending) func perform(
        _ operation: ChannelOperation, late verdict: (@Sendable (LateVerdict) -> Void)?
    ) async -> SendOutcome {
        switch operation {
        case .stream(let route, _, let content, let finish, let feedback):
            return await show(route, content, finish: finish, [], feedback)
        case .seal(let route, _, let content, let images, let feedback):
            return await show(route, content, finish: true, images.map(BubblePicture.init), feedback)
        case .reply(let route, let markdown, let feedback):
            let body = JSONValue.dictionary([
                "msgtype": .string("markdown"),
                "markdown": .dictionary([
                    "content": .string(markdown), "feedback": feedback.map { .dictionary(["id": .string($0)]) },
                ]),
            ])
            return await post(body, route)
        case .replyCard(let route, let json):
            guard let card = try? JSONValue(parsing: json.utf8), case .object = card else {
                return .rejected(PlatformError(code: 40_058))
            }
            return await post(.dictionary(["msgtype": .string("template_card"), "template_card": card]), route)
        case .updateCard(let route, let json): return answer(route, .cardUpdate(json: json))
        case .welcome(let route, let text): return answer(route, .text(text))
        case .push, .pushCard, .pushMedia, .replyMedia:
            // The plan never asks for it: callback mode cannot write first.
            return .rejected(PlatformError(code: 93_006))
        }
    }

    private func post(_ body: JSONValue, _ route: ReplyRoute) async -> SendOutcome {
        guard let address = route.late, address.expiresAt > wallClock.unixMilliseconds else {
            return .rejected(PlatformError(code: 846_604))
        }
        return await late.post(body, address)
    }

    /// Gives the answer that a request waits for; too late when nobody waits any more.
    private func answer(_ route: ReplyRoute, _ reply: BotReply) -> SendOutcome {
        guard let exchange = exchanges.withLock({ $0[route.key] }) else {
            return .rejected(PlatformError(code: 846_605))
        }
        exchange.passive.set(reply)
        return .acknowledged()
    }

    /// A snapshot is done once it lies here; the last content, once a refresh has taken it.
    private nonisolated(nonsending) func show(
        _ route: ReplyRoute, _ content: String, finish: Bool, _ images: [BubblePicture], _ feedback: String?
    ) async -> SendOutcome {
        let now = clock.now
        let key = route.key
        guard open(key, route.conversation, now: now) else { return .notSent(.overflow) }
        let isShown = streams.withLock {
            $0.with(key) {
                $0.show(content, isFinal: finish, images: images, feedback: feedback, now: now)
            } ?? false
        }
        guard isShown else { return .rejected(PlatformError(code: 846_608)) }
        exchanges.withLock { $0[key] }?.shown.set(true)
        return finish ? await untilFetched(key) : .acknowledged()
    }

    private nonisolated(nonsending) func untilFetched(_ key: String) async -> SendOutcome {
        let signal = Signal()
        waiting.withLock { $0[key] = signal }
        defer { waiting.withLock { if $0[key] === signal { $0[key] = nil } } }
        while !Task.isCancelled {
            let now = clock.now
            switch streams.withLock({ $0.with(key) { $0.verdict(now: now) } }) {
            case .delivered: return .acknowledged()
            case .over, nil: return .rejected(PlatformError(code: 846_608))
            case .waiting(let until): await within(until: until, on: clock) { await signal.wait() }
            }
        }
        return .unknown(.sessionLost)
    }
}
