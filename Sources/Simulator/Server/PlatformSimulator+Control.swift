extension PlatformSimulator {
    /// Lets a person, or a test, do something.
    /// - Throws: `UserActionError` when it is impossible.
    @discardableResult
    public func perform(_ action: UserAction) throws -> UserActionOutcome {
        let result = engine.call { core, now -> ([PlatformAction], Result<UserActionOutcome, UserActionError>) in
            do throws(UserActionError) {
                let outcome = try core.userAction(action, now: now)
                return (outcome.actions, .success(outcome))
            } catch {
                return (core.tick(now: now), .failure(error))
            }
        }
        return try result.get()
    }

    /// Posts a message to a bot.
    /// - Throws: `UserActionError`.
    @discardableResult
    public func post(_ post: UserPost) throws -> UserActionOutcome { try perform(.post(post)) }

    /// Posts a text to a bot, in the single chat or in `group` (with a mention).
    /// - Throws: `UserActionError`.
    @discardableResult
    public func post(
        _ text: String, from user: String = "lin.wei", to bot: String = SimulatorBot.demo.id, group: String? = nil,
        via: Transport? = nil
    ) throws -> UserActionOutcome {
        try post(UserPost(bot: bot, user: user, group: group, content: .text(text), via: via))
    }

    /// Gives a bot a webhook side, replaces it, or (nil) takes it away.
    /// - Throws: `UserActionError`.
    public func setWebhook(_ side: WebhookSide?, of bot: String) throws {
        try perform(.setWebhook(bot: bot, side))
    }

    /// Gives a bot an application side, replaces it, or (nil) takes it away.
    /// - Throws: `UserActionError`.
    public func setApp(_ side: ApplicationSide?, of bot: String) throws { try perform(.setApp(bot: bot, side)) }

    /// Ends the access tokens of a bot's application; calls with them get `code` (40014 or 42001).
    /// - Throws: `UserActionError`.
    public func endTokens(of bot: String, code: Int = 40_014) throws {
        try perform(.endTokens(bot: bot, code: code))
    }

    /// Verifies the callback url of that side; the answer is in `callbacks` and `violations`.
    /// - Throws: `UserActionError`.
    public func verifyURL(of bot: String, via side: Transport) throws {
        try perform(.verifyURL(bot: bot, via: side))
    }

    /// The newest callbacks over HTTP, oldest first.
    public var callbacks: [CallbackRecord] { engine.read { $0.callbackRecords } }

    /// What bots' programs answered and must not have, oldest first.
    public var violations: [ProtocolViolation] { engine.read { $0.violations } }

    /// What is to be seen in a conversation, oldest first.
    public func view(of conversation: ConversationKey) -> [Entry] { engine.read { $0.view(of: conversation) } }

    /// What is to be seen in the single chat with `user`, oldest first.
    public func view(of user: String, bot: String = SimulatorBot.demo.id) -> [Entry] {
        view(of: ConversationKey(bot: bot, chat: .single(user)))
    }

    /// What is to be seen in a group, oldest first.
    public func view(ofGroup group: String, bot: String = SimulatorBot.demo.id) -> [Entry] {
        view(of: ConversationKey(bot: bot, chat: .group(group)))
    }

    /// The whole platform as it is now.
    public var snapshot: PlatformCore { engine.read { $0 } }

    /// Moves the clock forward and fires what became due.
    public func advance(by duration: Duration) { clock.advance(by: duration) }

    /// Replaces the fault script.
    public func setFaults(_ faults: SimulatorFaults) {
        engine.input { core, now in
            core.setFaults(faults)
            return core.tick(now: now)
        }
    }

    /// Changes the behavior of the platform from now on.
    public func setOptions(_ change: (inout PlatformOptions) -> Void) {
        engine.input { core, now in
            change(&core.options)
            return core.tick(now: now)
        }
    }

    /// Waits until `predicate` holds; it is asked after every change, nothing is polled.
    /// - Throws: `SimulatorError.timedOut` after `timeout` of real time, `CancellationError` when cancelled.
    public func waitUntil(
        timeout: Duration = .seconds(10), _ predicate: @escaping @Sendable (PlatformCore) -> Bool
    ) async throws {
        guard await engine.wait(timeout: timeout, predicate) else {
            try Task.checkCancellation()
            throw SimulatorError.timedOut
        }
    }

    /// Runs a simulator for as long as `body` takes and hands it over when it listens.
    /// - Throws: what `body`, or starting, throws.
    public static func withRunning<Result: Sendable>(
        configuration: SimulatorConfiguration = SimulatorConfiguration(), clock: SimulatorClock = .real(),
        _ body: @escaping @Sendable (PlatformSimulator) async throws -> Result
    ) async throws -> Result {
        let simulator = PlatformSimulator(configuration: configuration, clock: clock)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await simulator.run()
                return nil
            }
            group.addTask {
                _ = try await simulator.boundPort
                return try await body(simulator)
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw SimulatorError.notListening
        }
    }
}
