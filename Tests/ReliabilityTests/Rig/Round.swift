import Foundation
import Simulator

/// One platform and one state folder, in which the program is killed several times under load and then left in peace.
struct Round: Sendable {
    let regime: Regime
    let plans: [KillPlan]
    let seed: UInt64
    let simulator: PlatformSimulator
    let program: Program
    let commands: Set<String>
    let book: Book
    /// Where the program listens for callbacks.
    let port: Int
    let watch = FrameWatch()

    static func platform(_ regime: Regime, callbacksTo port: Int, seed: UInt64) -> SimulatorConfiguration {
        var settings = SimulatorConfiguration()
        settings.bots = Side.bots(callbacksTo: port)
        settings.users = Traffic.users.map { SimulatorUser(id: $0, name: $0) }
        settings.groups = [Traffic.group]
        settings.seed = seed
        // A kill that is tied to a frame falls between its effect and its ack.
        settings.options.ackDelay = 30
        settings.options.quotaPerMinute = 1_000_000
        settings.options.quotaPerHour = 1_000_000
        settings.options.appMessagesPerMinute = 1_000_000
        settings.options.appMessagesPerHour = 1_000_000
        settings.options.pollInterval = 400
        settings.options.callbackRetryDelay = 700
        settings.options.acceptsOldRequests = regime.keepsAddresses
        return settings
    }

    /// Kills, peace, verdict.
    func play() async throws -> Tally {
        try await writeConfiguration()
        simulator.setFaults(regime.faults)
        let traffic = Traffic(simulator: simulator, program: program, book: book, regime: regime, seed: seed)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            // Never true: it looks at every change as long as the round lasts.
            group.addTask { try? await simulator.waitUntil(timeout: .seconds(3_600)) { record($0) } }
            group.addTask { try await traffic.write() }
            if commands.contains("send") { group.addTask { try await traffic.push() } }
            defer { group.cancelAll() }
            let last = try await killAll()
            simulator.setFaults(SimulatorFaults())
            book.close()
            let judge = await peace()
            try await untilSettled()
            if last.hasEnded { book.endedByItself() }
            let tally = try await verdict(judge)
            last.kill()
            _ = await last.end()
            return tally
        }
    }

    private func record(_ core: PlatformCore) -> Bool {
        watch.record(core)
        return false
    }

    // MARK: Killing

    private func killAll() async throws -> RunningProgram {
        for plan in plans {
            let running = try program.start()
            await spareVeterans()
            watch.startCounting()
            let came = await wait(for: plan)
            if running.hasEnded { book.endedByItself() }
            running.kill()
            _ = await running.end()
            book.killed(plan, came: came)
        }
        return try program.start()
    }

    /// The program gives up a message whose handler it started three times, since it may be what kills it. So whatever has
    /// been through two kills is answered before the third.
    private func spareVeterans() async {
        var judge = Judge()
        book.isPaused = true
        defer { book.isPaused = false }
        _ = await Deadline(in: .seconds(30)).until {
            let veterans = book.questions.filter { $0.point + 1 < book.point && isAccepted($0) }
            let seen = look(&judge, veterans)
            for veteran in veterans where seen[veteran.tag]?.isComplete(veteran) != true && !isGivenUp(veteran) {
                if await !isOnlyUndelivered(veteran) { return false }
            }
            return true
        }
    }

    /// Whether the answer is complete in the ledger and waits for a bubble that nobody asks for any more: that takes its
    /// time, and starts no handler.
    private func isOnlyUndelivered(_ question: Question) async -> Bool {
        guard question.side.isCalled, watch.hasStopped(question.id) else { return false }
        return (try? await trace(question))??.hasAnswer == true
    }

    /// Waits for the moment of a kill; one that does not come within 4 s is that, and false.
    private func wait(for plan: KillPlan) async -> Bool {
        switch plan {
        case .start(let time):
            await Deadline.pause(.milliseconds(time))
            return true
        case .online(let time):
            let isOnline = await happens(within: .seconds(10)) { $0.subscribedCount > 0 }
            await Deadline.pause(.milliseconds(time))
            return isOnline
        case .frames(let sort, let number):
            return await happens(within: .seconds(4)) { core in
                watch.record(core)
                return watch.count(of: sort) >= number
            }
        }
    }

    private func happens(
        within time: Duration, _ predicate: @escaping @Sendable (PlatformCore) -> Bool
    ) async -> Bool {
        (try? await simulator.waitUntil(timeout: time, predicate)) != nil
    }

    // MARK: Peace

    /// Silence after which nothing more is to come: longer than the program believes in an ack that is not coming (75 s).
    private static let patience = Duration.seconds(90)
    /// Silence after which nothing is under way.
    private static let calm = Duration.seconds(10)

    /// Waits until everything that was accepted is answered and the line is silent, or until silence has lasted so long
    /// that nothing more will come.
    private func peace() async -> Judge {
        var judge = Judge()
        let deadline = Deadline(in: .seconds(300))
        _ = await deadline.until {
            await Deadline.pause(.milliseconds(200))
            let silence = watch.silence
            guard silence > .milliseconds(1_200) else { return false }
            if silence > Self.patience { return true }
            let questions = book.questions
            let seen = look(&judge, questions)
            guard openBubbles.isEmpty else { return false }
            for question in questions where isAccepted(question) && seen[question.tag]?.isComplete(question) != true {
                guard silence > Self.calm else { return false }
                // Which message it was is not to be seen when the line was pushed.
                if showsApology(question) { continue }
                let trace = question.side == .hook ? try? await trace(question) : nil
                guard isDoubtful(question, seen[question.tag] ?? .init(), trace ?? nil) else { return false }
            }
            return true
        }
        return judge
    }

    func look(_ judge: inout Judge, _ questions: [Question]) -> [String: Judge.Sighting] {
        judge.look(
            at: { simulator.view(of: $0) }, media: { simulator.snapshot.storedMedia($0)?.bytes }, questions: questions)
    }

    func isAccepted(_ question: Question) -> Bool {
        question.isPush ? question.isDelivered : watch.hasHeard(of: question.id)
    }

    /// Bubbles that still spin, where they could be sealed.
    var openBubbles: [Entry] {
        let conversations = book.questions.reduce(into: Set<ConversationKey>()) { $0.formUnion($1.conversations) }
        return conversations.flatMap { simulator.view(of: $0) }.filter {
            $0.from == .bot && $0.kind == .stream && !($0.finished && !$0.sealedInvisibly && !$0.expired)
                && canBeSealed($0)
        }
    }

    private func canBeSealed(_ bubble: Entry) -> Bool {
        guard bubble.via == .webhook else { return regime.keepsAddresses }
        return !regime.stopsPolls || bubble.streamID.map { watch.isRefreshed($0) } ?? true
    }

    // MARK: Setting up

    private func writeConfiguration() async throws {
        let script = Repository.root.appendingPathComponent("fixtures/reliability/answer.py").path
        let text = """
            {
              channels: {wecom: {
                defaultAccount: "default", media: {allowPrivateHosts: ["127.0.0.1"]},
                accounts: {\(Side.accounts(platform: try await simulator.boundPort))},
              }},
              backends: {default: {type: "command", command: ["python3", "-SE", "\(script)"]}},
              sessions: {mergeSeconds: 0},
              limits: {queuedPerConversation: 1000, perConversationPerMinute: 10000, perConversationPerHour: 100000},
              gateway: {stateDir: "\(program.folder.path)/state", listen: "127.0.0.1:\(port)", admin: "127.0.0.1:0", log: {level: "debug"}},
            }

            """
        try text.write(to: program.configuration, atomically: true, encoding: .utf8)
    }
}
