import Shared
import Testing

@testable import WebhookCompat

/// Plays random callers against the machine and keeps its own account of who works, who waits, and what was promised.
@Suite("AccessTokenStateMachine, random schedules")
struct TokenModelTests {
    private struct Model {
        var machine = AccessTokenStateMachine(fixed: nil, canFetch: true)
        var now: Int64 = 1_000_000
        var worker: UInt64?
        var waiters: Set<UInt64> = []
        var nextID: UInt64 = 0
        var serial = 0
        /// Tokens that the platform refuses by now.
        var refused: Set<String> = []
        var credentialsRefusedUntil: Int64 = 0
        var tokensUsed = 0
        var woken = 0

        mutating func ask(_ id: UInt64) {
            switch machine.requested(by: id, now: now) {
            case .use(let token):
                tokensUsed += 1
                #expect(now < token.expiresAt && !refused.contains(token.value))
            case .load, .fetch:
                #expect(worker == nil && now >= credentialsRefusedUntil)
                worker = id
                if machine.requested(by: id + 1_000_000, now: now) == .wait { machine.left(id + 1_000_000) }
            case .wait:
                #expect(worker != nil)
                waiters.insert(id)
            case .later(let time):
                #expect(worker == nil && time > now && time <= now + AccessTokenStateMachine.maxPause)
            case .fail: #expect(now < credentialsRefusedUntil + 3_300_000)
            }
        }

        mutating func end(_ ended: AccessTokenStateMachine.WorkEnded) {
            worker = nil
            // Everyone who waits hears of it, once.
            #expect(
                Set(ended.woken + ended.failed) == waiters && ended.woken.count + ended.failed.count == waiters.count)
            waiters = []
            woken += ended.woken.count
            for id in ended.woken { ask(id) }
        }

        mutating func finish(_ random: inout SeededGenerator) {
            guard let id = worker else { return }
            switch random.next() % 24 {
            case 0...3:
                let ended = machine.failed(.unreachable, by: id, now: now)
                end(ended)
            case 4:
                credentialsRefusedUntil = now + 300_000
                let error = PlatformError(code: 40_001, origin: .tokenRequest)
                end(machine.failed(.credentials(error), by: id, now: now))
                #expect(machine.complaint == error)
            case 5...8:
                let woken = machine.abandoned(by: id)
                #expect(Set(woken) == waiters)
                worker = nil
                waiters = []
                for id in woken { ask(id) }
            default:
                serial += 1
                let token = AccessToken("t\(serial)", lifetimeSeconds: Int(random.next() % 8_000), now: now)
                credentialsRefusedUntil = 0
                end(machine.fetched(token, by: id))
            }
        }

        mutating func step(_ random: inout SeededGenerator) {
            switch random.next() % 10 {
            case 0...5:
                nextID += 1
                ask(nextID)
            case 6: finish(&random)
            case 7: now += Int64(random.next() % 400_000)
            case 8:
                guard let id = waiters.randomElement(using: &random) else { return }
                waiters.remove(id)
                machine.left(id)
            default:
                let value = "t\(max(serial - Int(random.next() % 3), 0))"
                refused.insert(value)
                _ = machine.refused(AccessToken(value, lifetimeSeconds: 0, now: now), Self.ended)
            }
        }

        private static let ended = PlatformError(code: 42_001, origin: .serverAPI)
    }

    @Test(
        "AG-3: one works at a time, everyone who waits is told once, no ended token is handed out",
        arguments: [1, 2, 3, 4])
    func schedule(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var model = Model()
        for _ in 0..<10_000 { model.step(&random) }
        #expect(model.tokensUsed > 500 && model.woken > 100 && model.serial > 100)
    }
}
