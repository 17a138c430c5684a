import Logging

@testable import Shared

/// One ledger as one run of the program sees it: durable, unless it is told to fail; deaf once the program is dead.
final class DurableTestLedger: LedgerStore {
    private struct State {
        var trouble: LedgerTrouble?
        var failsWritesOnly = false
        var beforeWrites: (@Sendable () async -> LedgerTrouble?)?
        var isDead = false
        var isUnreadable = false
    }
    let isDurable = true
    let memory: InMemoryLedger
    private let state = Locked(State())

    init(over memory: InMemoryLedger) { self.memory = memory }

    /// Lets every write fail from now on, or only those that come after acceptance; nil: works again. It can be read.
    func fail(_ trouble: LedgerTrouble?, writesOnly: Bool = false) {
        state.withLock { state in
            state.trouble = trouble
            state.failsWritesOnly = writesOnly
        }
    }

    /// Does something before each write of steps: waits, or says why it fails.
    func beforeWrites(_ work: @escaping @Sendable () async -> LedgerTrouble?) {
        state.withLock { $0.beforeWrites = work }
    }

    /// No read works from now on.
    func failReads() { state.withLock { $0.isUnreadable = true } }

    /// The program is killed: nothing that it still does reaches the disk.
    func die() { state.withLock { $0.isDead = true } }

    private func check(isAcceptance: Bool = false, isRead: Bool = false) throws(LedgerTrouble) {
        let trouble = state.withLock { state -> LedgerTrouble? in
            if state.isDead { return .broken("dead") }
            if isRead, state.isUnreadable { return .broken("unreadable") }
            return isRead || isAcceptance && state.failsWritesOnly ? nil : state.trouble
        }
        if let trouble { throw trouble }
    }

    func accept(_ entries: [LedgerEntry]) async throws(LedgerTrouble) -> [Acceptance] {
        try check(isAcceptance: true)
        return memory.accept(entries)
    }

    func write(_ transitions: [LedgerTransition]) async throws(LedgerTrouble) {
        if let trouble = await state.withLock({ $0.beforeWrites })?() { throw trouble }
        try check()
        memory.write(transitions)
    }

    func unfinished(account: AccountID) async throws(LedgerTrouble) -> [LedgerTask] {
        try check(isRead: true)
        return memory.unfinished(account: account)
    }

    func history(
        account: AccountID, conversation: Conversation, session: Int, limit: Int
    ) async throws(LedgerTrouble) -> [HistoryEntry] {
        try check(isRead: true)
        return memory.history(account: account, conversation: conversation, session: session, limit: limit)
    }

    func session(of task: TaskID) async throws(LedgerTrouble) -> Int {
        try check(isRead: true)
        return memory.session(of: task)
    }

    func session(account: AccountID, conversation: Conversation) async throws(LedgerTrouble) -> Int {
        try check(isRead: true)
        return memory.session(account: account, conversation: conversation)
    }

    func resetSession(account: AccountID, conversation: Conversation, at: Int64) async throws(LedgerTrouble) -> Int {
        try check()
        return memory.resetSession(account: account, conversation: conversation, at: at)
    }

    func sends(account: AccountID, since: Int64) async throws(LedgerTrouble) -> [Conversation: [Int64]] {
        try check(isRead: true)
        return memory.sends(account: account, since: since)
    }

    func remember(_ card: SentCard) async throws(LedgerTrouble) {
        try check()
        memory.remember(card)
    }

    func card(taskID: String, account: AccountID) async throws(LedgerTrouble) -> SentCard? {
        try check(isRead: true)
        return memory.card(taskID: taskID, account: account)
    }

    func record(_ feedback: FeedbackRecord) async throws(LedgerTrouble) -> Bool {
        try check()
        return memory.record(feedback)
    }

    func trace(messageID: MessageID) async throws(LedgerTrouble) -> [LedgerTask] { memory.trace(messageID: messageID) }
    func task(stream: String, account: AccountID) async throws(LedgerTrouble) -> LedgerTask? {
        memory.task(stream: stream, account: account)
    }
    func tasks(in states: Set<TaskState>, limit: Int) async throws(LedgerTrouble) -> [LedgerTask] {
        try check(isRead: true)
        return memory.tasks(in: states, limit: limit)
    }
    func counts() async throws(LedgerTrouble) -> [TaskState: Int] { memory.counts() }
    func revive(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool { memory.revive(task, at: at) }
    func drop(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool { memory.drop(task, at: at) }
    func feedback(since: Int64) async throws(LedgerTrouble) -> [FeedbackRecord] { memory.feedback(since: since) }
    func retriable(limit: Int) async throws(LedgerTrouble) -> [LedgerTask] { memory.retriable(limit: limit) }
    func filesInUse() async throws(LedgerTrouble) -> Set<String> { memory.filesInUse() }
    func prune(before: Int64, cardsBefore: Int64) async throws(LedgerTrouble) {
        memory.prune(before: before, cardsBefore: cardsBefore)
    }
}

/// Last frame of a bubble.
func isFinal(_ operation: ChannelOperation) -> Bool {
    if case .stream(_, _, _, finish: true, _) = operation { true } else { false }
}

/// Text to a conversation, at no address.
func isPush(_ operation: ChannelOperation) -> Bool {
    if case .push = operation { true } else { false }
}

/// What all people see, and what the platform does with each operation. Bubbles live for ten minutes and are sealed for good.
final class TestPlatform: Sendable {
    enum Fate: Sendable {
        /// Shown and acknowledged.
        case take
        /// Not shown.
        case answer(SendOutcome)
        /// Shown, but this is what the sender hears.
        case show(SendOutcome)
        /// No answer before the program dies.
        case hang(shows: Bool)
    }
    struct Item: Hashable, Sendable {
        var place: String
        var text: String
        var stream: StreamID?
        var isSealed = true
        var openedAt: MonotonicInstant
    }
    struct State: Sendable {
        var items: [Item] = []
        var operations: [ChannelOperation] = []
        var redraws: [String] = []
        var uploads: [OutboundMedia] = []
        var fate: @Sendable (ChannelOperation) -> Fate = { _ in .take }
        var uploadFate: @Sendable (OutboundMedia) -> UploadOutcome = {
            .uploaded(UploadedMedia(kind: $0.kind, mediaID: "id-" + $0.name))
        }
    }
    let clock: ManualClock
    let state = Locked(State())

    init(clock: ManualClock) { self.clock = clock }

    func set(_ fate: @escaping @Sendable (ChannelOperation) -> Fate) { state.withLock { $0.fate = fate } }

    fileprivate func show(_ operation: ChannelOperation) -> SendOutcome {
        let now = clock.now
        return state.withLock { state in
            func add(_ place: String, _ text: String) {
                state.items.append(Item(place: place, text: text, openedAt: now))
            }
            switch operation {
            case .stream(let route, let id, let content, _, _), .seal(let route, let id, let content, _, _):
                let finish = operation.isLastFrame
                guard let index = state.items.firstIndex(where: { $0.stream == id }) else {
                    state.items.append(
                        Item(place: route.key, text: content, stream: id, isSealed: finish, openedAt: now))
                    return .acknowledged()
                }
                let item = state.items[index]
                guard !item.isSealed, item.openedAt.duration(to: now) < .seconds(600) else {
                    return .rejected(PlatformError(code: 846_608))
                }
                state.items[index].text = content
                state.items[index].isSealed = finish
            case .reply(let route, let text, _), .welcome(let route, let text): add(route.key, text)
            case .push(let conversation, let text, _): add("push:" + conversation.id, text)
            case .replyCard(let route, let json): add(route.key, json)
            case .pushCard(let conversation, let json): add("push:" + conversation.id, json)
            case .replyMedia(let route, let media): add(route.key, "<\(media.kind) \(media.mediaID)>")
            case .pushMedia(let conversation, let media):
                add("push:" + conversation.id, "<\(media.kind) \(media.mediaID)>")
            case .updateCard(_, let json): state.redraws.append(json)
            }
            return .acknowledged()
        }
    }

    fileprivate func perform(_ operation: ChannelOperation) async -> SendOutcome {
        let fate = state.withLock { state in
            state.operations.append(operation)
            return state.fate(operation)
        }
        switch fate {
        case .take: return show(operation)
        case .answer(let outcome): return outcome
        case .show(let outcome):
            _ = show(operation)
            return outcome
        case .hang(let shows):
            if shows { _ = show(operation) }
            await Signal().wait()
            return .unknown(.sessionLost)
        }
    }

    /// Texts at an address or of pushes to a person, oldest first.
    func shown(_ key: String) -> [String] { state.withLock { $0.items.filter { $0.place == key }.map(\.text) } }
    func pushed(_ user: String = "lin.wei") -> [String] { shown("push:" + user) }
    var all: [Item] { state.withLock { $0.items } }
    var unsealed: [Item] { all.filter { !$0.isSealed } }
    var operations: [ChannelOperation] { state.withLock { $0.operations } }
    var redraws: [String] { state.withLock { $0.redraws } }
}

/// The platform as one run of the program reaches it.
private final class Line: Channel {
    let capabilities: Capabilities
    private let platform: TestPlatform
    private let isDead = Locked(false)

    init(_ platform: TestPlatform, _ capabilities: Capabilities) {
        self.platform = platform
        self.capabilities = capabilities
    }

    func die() { isDead.withLock { $0 = true } }

    func perform(_ operation: ChannelOperation, late: (@Sendable (LateVerdict) -> Void)?) async -> SendOutcome {
        guard !isDead.withLock({ $0 }) else { return .notSent(.closed) }
        return await platform.perform(operation)
    }

    func upload(_ media: OutboundMedia, progress: (@Sendable (Int) -> Void)?) async -> UploadOutcome {
        platform.state.withLock { state in
            state.uploads.append(media)
            return state.uploadFate(media)
        }
    }
}

/// Everything that outlives the program: the platform, the disk, time.
final class World: Sendable {
    let clock = ManualClock()
    let memory = InMemoryLedger()
    let platform: TestPlatform
    let capabilities: Capabilities
    /// What people see of the fallback, and what it can carry.
    let application: TestPlatform
    private let fallback: Capabilities?
    private let lives = Locked(UInt64(0))

    init(capabilities: Capabilities = .bench(), fallback: Capabilities? = nil) {
        platform = TestPlatform(clock: clock)
        application = TestPlatform(clock: clock)
        self.capabilities = capabilities
        self.fallback = fallback
    }

    /// One run of the program: online at once, and killed after `body`, or only cancelled, unless it has stopped by itself.
    func life(
        _ change: (inout EngineSettings) -> Void = { _ in }, hooks: EngineHooks = EngineHooks(), online: Bool = true,
        dies: Bool = true, account: AccountID = "default",
        gate: @escaping @Sendable (InboundMessage) -> GateVerdict = { _ in .allow },
        handler: @escaping MessageHandler = { message, reply in try await reply.append("re: " + message.text) },
        _ body: (ReplyEngine, DurableTestLedger) async -> Void
    ) async {
        var settings = EngineSettings()
        // Whoever tests the quota switches it on.
        settings.perMinute = 0
        settings.perHour = 0
        change(&settings)
        let seed = lives.withLock { lives in
            lives += 1
            return lives
        }
        let line = Line(platform, capabilities)
        let aside = fallback.map { Line(application, $0) }
        let ledger = DurableTestLedger(over: memory)
        let engine = ReplyEngine(
            account: account, channel: line, fallback: aside, ledger: ledger, settings: settings, hooks: hooks,
            clock: clock, wallClock: clock, seed: seed, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            gate: gate,
            handler: handler)
        if online { engine.sessionChanged(online: true) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await engine.run() }
            await body(engine, ledger)
            if dies {
                ledger.die()
                line.die()
                aside?.die()
            }
            group.cancelAll()
        }
    }

    /// What the ledger has of a message.
    func task(_ number: Int) -> LedgerTask? { memory.trace(messageID: MessageID("m\(number)")).first }
    func state(_ number: Int) -> TaskState? { task(number)?.state }

    /// Lets time pass in steps until something has happened, at most for `limit`.
    func pass(_ limit: Duration, step: Duration = .seconds(1), until condition: () -> Bool) async {
        let end = clock.now.advanced(by: limit)
        while !condition(), clock.now < end {
            clock.advance(by: step)
            for _ in 0..<300 where !condition() { await Task.yield() }
        }
    }

    /// Lets everything that is due happen, without time passing.
    func settle() async { for _ in 0..<400 { await Task.yield() } }
}
