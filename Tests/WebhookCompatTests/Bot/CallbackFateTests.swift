import Dispatch
import Logging
import ServiceLifecycle
import Shared
import Testing

@testable import WebhookCompat

/// Wall time of which one reading can be held up, and with it whoever reads.
private final class HeldClock: WallClock {
    let isHeld = Signal()
    private let clock: ManualClock
    private let isArmed = Locked(false)
    private let gate = DispatchSemaphore(value: 0)

    init(_ clock: ManualClock) { self.clock = clock }

    func holdNext() { isArmed.withLock { $0 = true } }
    func release() { gate.signal() }

    var unixMilliseconds: Int64 {
        let isMine = isArmed.withLock { isArmed in
            defer { isArmed = false }
            return isArmed
        }
        if isMine {
            isHeld.raise()
            gate.wait()
        }
        return clock.unixMilliseconds
    }
}

/// A thread of its own, which may be held up without others having to wait.
private final class OwnThread: TaskExecutor {
    private let queue = DispatchQueue(label: "test")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// What becomes of callbacks at odd moments.
@Suite("webhook bot, what becomes of callbacks", .timeLimit(.minutes(2)))
struct CallbackFateTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test(
        "dedupe.repeated: P8, WB-1: a copy that comes while the first one is being taken waits for it, and gets its bubble"
    )
    func copyMeanwhile() async throws {
        let clock = ManualClock()
        let held = HeldClock(clock)
        let stage = BotStage(clock: clock, wallClock: held)
        try await stage.run { _, reply in
            try await reply.append("answer")
        } _: {
            held.holdNext()
            let isOver = Locked(false)
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                group.addTask(executorPreference: OwnThread()) { try await stage.frame(BotStage.message("m1")).id }
                await held.isHeld.wait()
                let deadline = clock.now.advanced(by: stage.bot.settings.answerWithin)
                group.addTask {
                    defer { isOver.withLock { $0 = true } }
                    return try await stage.frame(BotStage.message("m1")).id
                }
                await eventually("waiting") { isOver.withLock { $0 } || clock.nextDeadline == deadline }
                #expect(isOver.withLock { $0 } == false)
                held.release()
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
        }
    }

    private struct Running: Service {
        let body: @Sendable () async -> Void
        func run() async { await body() }
    }

    @Test(
        "restart.drain: P31, WB-1: while a stop drains, messages are taken if the ledger is durable, else they come again",
        arguments: [true, false])
    func drain(isDurable: Bool) async throws {
        let inner = InMemoryLedger()
        let stage = BotStage(ledger: inner, store: TroubledLedger(inner, isDurable: isDurable))
        let (isUp, isStopping, ends) = (Latch<Bool>(), Latch<Bool>(), Locked(0))
        let running = Running {
            await withGracefulShutdownHandler {
                await stage.client.run(
                    onEngine: { engine in
                        stage.bot.attach(engine)
                        if engine == nil { ends.withLock { $0 += 1 } } else { isUp.set(true) }
                    }, handler: { _, _ in await Signal().wait() })
            } onGracefulShutdown: {
                isStopping.set(true)
            }
        }
        let services = ServiceGroup(services: [running], logger: Self.quiet)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { try await services.run() == () }
            let never = stage.clock.now.advanced(by: .seconds(3_600))
            _ = await isUp.value(until: never, on: stage.clock)
            _ = try await stage.frame(BotStage.message("m1"))
            await services.triggerGracefulShutdown()
            _ = await isStopping.value(until: never, on: stage.clock)
            if !isDurable { await eventually("detached") { ends.withLock { $0 } == 1 } }
            let isTaken =
                if case .passive = await stage.bot.answer(BotStage.message("m2", user: "mei.chen")) { true } else {
                    false
                }
            #expect(isTaken == isDurable && inner.trace(messageID: "m2").count == (isDurable ? 1 : 0))
            let isEnded = Locked(false)
            group.addTask {
                await eventually("drained") {
                    stage.clock.advance(by: .seconds(1))
                    return isEnded.withLock { $0 }
                }
                return false
            }
            while let isService = try await group.next() { if isService { isEnded.withLock { $0 = true } } }
            // Once more at the end, when nobody is there to take anything.
            #expect(ends.withLock { $0 } == (isDurable ? 1 : 2))
        }
    }

    /// A signed request to the bot of the vectors.
    private static func request(_ content: [UInt8], nonce: String = "n1") throws -> CallbackRequest {
        let account = try Vectors.account("bot-a")
        let ring = CallbackKeyRing(current: try account.credentials(), receiveID: .any)
        var random = SeededGenerator(seed: 1)
        let sealed = try ring.seal(
            content, timestamp: 1_767_225_600, nonce: nonce, generation: .current, using: &random)
        return CallbackRequest(
            method: "POST", path: account.path,
            query: "msg_signature=\(sealed.signature.hexadecimal)&timestamp=\(sealed.timestamp)&nonce=\(sealed.nonce)",
            body: Array("{\"encrypt\":\"\(sealed.encrypted)\"}".utf8))
    }

    private static func desk(_ stage: BotStage) throws -> CallbackDesk {
        CallbackDesk(
            [stage.bot.receiver(try Vectors.account("bot-a").endpoint())], clock: stage.clock, wallClock: stage.clock,
            logger: quiet)
    }

    @Test(
        "webhook.refresh: P21, WB-2: a last refresh whose answer got lost counts as written once its repetition is answered"
    )
    func repeatedRefresh() async throws {
        let stage = BotStage()
        let desk = try Self.desk(stage)
        try await stage.run { _, reply in
            try await reply.append("answer")
        } _: {
            let id = try await stage.frame(BotStage.message("m1")).id
            await eventually("complete") {
                stage.clock.advance(by: .milliseconds(20))
                guard case .passive(.stream(let frame)) = await stage.bot.answer(BotStage.refresh(id)) else {
                    return false
                }
                return frame.isFinal
            }
            let request = try Self.request(BotStage.refresh(id))
            let lost = await desk.answer(request)
            #expect(lost.status == 200 && stage.ledger.counts()[.done] == 0)
            let repeated = await desk.answer(request)
            // Not only the same words: the same bytes, nonce and all.
            #expect(repeated.body == lost.body)
            let onWritten = try #require(repeated.onWritten)
            onWritten()
            await eventually("done") { stage.ledger.counts()[.done] == 1 }
        }
    }

    @Test(
        "webhook.refresh: P21, WB-5: what the ledger cannot be asked about is sent back to come again, and not called expired"
    )
    func unreadable() async throws {
        let inner = InMemoryLedger()
        let ledger = TroubledLedger(inner)
        let stage = BotStage(ledger: inner, store: ledger)
        let desk = try Self.desk(stage)
        try await stage.run(gate: { _ in .deny(line: nil, reason: "test") }, handler: { _, _ in }) {
            // Known from now on, and without a bubble.
            guard case .empty = await stage.bot.answer(BotStage.message("m1")) else {
                return #expect(Bool(false), "answered")
            }
            for (nonce, content) in [("a", BotStage.refresh("of an earlier run")), ("b", BotStage.message("m1"))] {
                ledger.fail(.busy)
                let request = try Self.request(content, nonce: nonce)
                #expect(await desk.answer(request).status == 503)
                ledger.fail(nil)
                // The same request again, which was not remembered as answered.
                #expect(await desk.answer(request).status == 200)
            }
            // Whom the policy keeps out silently hears nothing the second time either.
            guard case .empty = await stage.bot.answer(BotStage.message("m1")) else {
                return #expect(Bool(false), "answered")
            }
        }
    }

    @Test(
        "isolation.matrix: P10, WB-2: a group that is not named is no direct chat: neither of a message nor of a refresh"
    )
    func namelessGroup() async throws {
        let stage = BotStage()
        let runs = Locked<[Conversation]>([])
        try await stage.run { message, _ in
            runs.withLock { $0.append(message.conversation) }
            await Signal().wait()
        } _: {
            let nameless = """
                {"msgid":"m1","chattype":"group","from":{"userid":"lin.wei"},"msgtype":"text","text":{"content":"a"}}
                """
            guard case .empty = await stage.bot.answer(Array(nameless.utf8)) else {
                return #expect(Bool(false), "answered")
            }
            let id = try await stage.frame(BotStage.message("m2", group: "wrGROUP")).id
            let refresh = """
                {"msgid":"r","chattype":"group","from":{"userid":"lin.wei"},"msgtype":"stream","stream":{"id":"\(id)"}}
                """
            #expect(try await stage.frame(Array(refresh.utf8)).isFinal == false)
            // A direct chat of the same person asks in vain.
            #expect(try await stage.frame(BotStage.refresh(id)).content == ReplyWords().bubbleGone)
            await eventually("begun") { runs.withLock { $0 } == [Conversation(kind: .group, id: "wrGROUP")] }
        }
    }
}
