import Testing

@testable import Shared

private let words = ReplyWords()
private let card =
    #"{"card_type":"text_notice","main_title":{"title":"Done"},"card_action":{"type":1,"url":"https://example.com"}}"#

/// What one handler does, drawn beforehand.
private struct Script: Sendable {
    enum Act: Sendable {
        case say(String)
        case file(sendable: Bool)
        case card
        case pause(seconds: Int)
    }
    enum End: CaseIterable, Sendable {
        case returns
        case fails
        case hangs
    }
    var acts: [Act] = []
    var end = End.returns

    init(_ number: Int, _ random: inout SeededGenerator) {
        for index in 0..<Int.random(in: 0..<7, using: &random) {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...3: acts.append(.say("t\(number).\(index) "))
            case 4: acts.append(.file(sendable: Bool.random(using: &random)))
            case 5: acts.append(.card)
            default: acts.append(.pause(seconds: [1, 20, 200, 400, 700][Int.random(in: 0..<5, using: &random)]))
            }
        }
        end = [.returns, .returns, .returns, .fails, .hangs][Int.random(in: 0..<5, using: &random)]
    }

    var tokens: [String] { acts.compactMap { if case .say(let text) = $0 { text } else { nil } } }

    func run(_ reply: any Replying, _ clock: ManualClock, said: (String) -> Void) async throws {
        for act in acts {
            switch act {
            case .say(let text):
                try await reply.append(text)
                said(text)
            case .file(let sendable):
                try await reply.attach(.file(location: sendable ? "/out/a.pdf" : "/etc/a", kind: nil, name: nil))
            case .card: try await reply.attach(.card(json: card))
            case .pause(let seconds): try await clock.sleep(for: .seconds(seconds))
            }
        }
        switch end {
        case .returns: break
        case .fails: throw BackendFailure(detail: "broken")
        case .hangs: await Signal().wait()
        }
    }
}

/// A few turns whose texts, files, cards, failures, stops, silences and lost lines come in any order.
private final class Interleaving: Sendable {
    let world = World()
    private let random: Locked<SeededGenerator>
    let scripts: [Int: Script]
    /// What the handlers were heard to say.
    private let said = Locked([String]())
    private let online = Locked(true)
    private let isCalm = Locked(false)

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        scripts = Dictionary(uniqueKeysWithValues: (1...4).map { ($0, Script($0, &random)) })
        self.random = Locked(random)
    }

    private func pick(_ upper: Int) -> Int { random.withLock { Int.random(in: 0..<upper, using: &$0) } }

    private func fate(_ operation: ChannelOperation) -> TestPlatform.Fate {
        guard online.withLock({ $0 }) else { return .answer(.notSent(.offline)) }
        guard !isCalm.withLock({ $0 }) else { return .take }
        switch pick(20) {
        case 0: return .show(.unknown(.ackTimeout))
        case 1: return .show(.unknown(.sessionLost))
        case 2: return .answer(.unknown(.sessionLost))
        case 3: return .answer(.rejected(PlatformError(code: [6_000, -1, 846_607][pick(3)])))
        case 4:
            guard case .stream = operation else { return .take }
            return .answer(.rejected(PlatformError(code: 846_605)))
        default: return .take
        }
    }

    func run() async -> [String] {
        var hooks = EngineHooks()
        hooks.resolve = { attachment, _ in
            guard case .file(let location, _, _) = attachment, location.hasPrefix("/out/") else {
                return .failure(AttachmentProblem(line: "cannot be sent"))
            }
            return .success(OutboundMedia(path: location, kind: .file, name: "a.pdf", bytes: 10))
        }
        world.platform.set { [self] in fate($0) }
        let (scripts, said, world) = (scripts, said, world)
        await world.life(
            hooks: hooks,
            handler: { message, reply in
                let number = Int(message.text) ?? 0
                try await scripts[number]?.run(reply, world.clock) { text in said.withLock { $0.append(text) } }
            }
        ) { engine, _ in
            for number in 1...4 { engine.accept(EngineBench.message(number, "\(number)", user: "user\(number % 3)")) }
            for _ in 0..<30 { await step(engine) }
            isCalm.withLock { $0 = true }
            await set(engine, online: true)
            for user in 0..<3 { engine.accept(EngineBench.message(90 + user, "/stop", user: "user\(user)")) }
            await world.pass(.seconds(3_000), step: .seconds(5)) {
                engine.openTurns == 0 && (1...4).allSatisfy { world.state($0)?.isEnded == true }
            }
        }
        return problems()
    }

    private func step(_ engine: ReplyEngine) async {
        switch pick(10) {
        case 0: await set(engine, online: false)
        case 1...3: await set(engine, online: true)
        case 4 where pick(8) == 0: engine.accept(EngineBench.message(70 + pick(20), "/stop", user: "user\(pick(3))"))
        default: break
        }
        let seconds = [1, 1, 1, 5, 5, 30, 90][pick(7)]
        await world.pass(.seconds(seconds), step: .seconds(seconds)) { false }
    }

    private func set(_ engine: ReplyEngine, online: Bool) async {
        // A lost session is one, even if the next one is there at once.
        self.online.withLock { $0 = online }
        engine.sessionChanged(online: false)
        if online { engine.sessionChanged(online: true) }
    }

    private func problems() -> [String] {
        var found: [String] = []
        for item in world.platform.unsealed {
            let number = Int(item.place.dropFirst()) ?? 0
            if world.task(number)?.isHandedOver != true { found.append("\(item.place) spins: \(item.text)") }
        }
        let all = world.platform.all
        for token in said.withLock({ $0 }) {
            let number = Int(token.dropFirst().prefix { $0 != "." }) ?? 0
            let times = all.count { $0.text.contains(token) }
            let task = world.task(number)
            let repeats = task?.parts.reduce(0) { $0 + max(0, $1.attempts - 1) } ?? 0
            if times == 0 { found.append("\(token) is not to be seen: \(String(describing: task?.state))") }
            if times > 1 + repeats + (task?.isHandedOver == true ? 1 : 0) { found.append("\(token) \(times) times") }
        }
        for number in 1...4 {
            guard world.state(number) == .done else {
                found.append(
                    "\(number) is \(String(describing: world.state(number))) \(world.task(number)?.reason ?? "")")
                continue
            }
            let hasText = said.withLock { $0.contains { $0.hasPrefix("t\(number).") } }
            let filler = all.contains { $0.place == "r\(number)" && [words.empty, words.seeBelow].contains($0.text) }
            if hasText, filler { found.append("\(number) ends with filler") }
        }
        return found
    }
}

@Suite("Complaints: a turn with two owners")
struct OwnerPropertyTests {
    @Test(
        "turn.oneOwner: P4: texts, files, cards, failures, stops, silences and lost lines in any order: each bubble is sealed once, and no filler takes the place of text",
        arguments: 0..<6)
    func interleavings(batch: Int) async {
        var failures: [String] = []
        for index in 0..<25 {
            let seed = UInt64(batch * 1_000 + index)
            failures += await Interleaving(seed: seed).run().prefix(2).map { "seed \(seed): \($0)" }
        }
        #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(5))")
    }
}
