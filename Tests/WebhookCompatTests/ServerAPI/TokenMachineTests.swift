import Shared
import Testing

@testable import WebhookCompat

@Suite("AccessTokenStateMachine")
struct TokenMachineTests {
    private static let wrongSecret = PlatformError(code: 40_001, origin: .tokenRequest)
    private static let ended = PlatformError(code: 42_001, origin: .serverAPI)

    private func machine(fixed: String? = nil, canFetch: Bool = true) -> AccessTokenStateMachine {
        AccessTokenStateMachine(fixed: fixed, canFetch: canFetch)
    }

    /// A machine that holds a token that was fetched at 0 and lives for `seconds`.
    private func holding(_ value: String = "a", seconds: Int = 7_200) -> AccessTokenStateMachine {
        var machine = machine()
        _ = machine.requested(by: 1, now: 0)
        _ = machine.loaded(nil, by: 1, now: 0)
        _ = machine.fetched(AccessToken(value, lifetimeSeconds: seconds, now: 0), by: 1)
        return machine
    }

    @Test(
        "AG-3: refreshed 300 s before the end, of shorter lives when three quarters are over",
        arguments: [(7_200, 6_900), (1_200, 900), (1_199, 899), (100, 75), (0, 0), (-5, 0)])
    func margin(lifetime: Int, refresh: Int) {
        let token = AccessToken("x", lifetimeSeconds: lifetime, now: 0)
        #expect(token.refreshAt / 1_000 == Int64(refresh))
        #expect(token.expiresAt == Int64(max(lifetime, 0)) * 1_000)
    }

    @Test("AG-3: the first caller works, everyone else waits and is woken once")
    func singleFlight() {
        var machine = machine()
        #expect(machine.requested(by: 1, now: 0) == .load)
        #expect(machine.requested(by: 2, now: 0) == .wait)
        #expect(machine.loaded(nil, by: 1, now: 0) == .init(worker: .fetch))
        #expect(machine.requested(by: 3, now: 0) == .wait)
        let token = AccessToken("a", lifetimeSeconds: 7_200, now: 0)
        #expect(machine.fetched(token, by: 1) == .init(worker: .use(token), woken: [2, 3]))
        #expect(machine.requested(by: 2, now: 1) == .use(token))
    }

    @Test("AG-3: while it is refreshed early, the old token is used")
    func early() {
        var machine = holding()
        let old = AccessToken("a", lifetimeSeconds: 7_200, now: 0)
        #expect(machine.requested(by: 2, now: 6_899_999) == .use(old))
        #expect(machine.requested(by: 3, now: 6_900_000) == .fetch)
        #expect(machine.requested(by: 4, now: 6_900_001) == .use(old))
        // It fails: the old one lasts.
        #expect(machine.failed(.unreachable, by: 3, now: 6_900_002).worker == .use(old))
        #expect(machine.requested(by: 5, now: 6_900_003) == .use(old))
        #expect(machine.requested(by: 6, now: 6_901_002) == .fetch)
        #expect(machine.requested(by: 7, now: 7_200_000) == .wait)
        #expect(machine.failed(.unreachable, by: 6, now: 7_200_001).failed == [7])
    }

    @Test("AG-3: a failure reaches all who wait, is not kept, and the next tries come after 1, 2, 4 … 60 s")
    func backOff() {
        var machine = machine()
        _ = machine.requested(by: 1, now: 0)
        _ = machine.loaded(nil, by: 1, now: 0)
        _ = machine.requested(by: 2, now: 0)
        #expect(
            machine.failed(.unreachable, by: 1, now: 0)
                == .init(worker: .fail(.unreachable), woken: [], failed: [2]))
        var now: Int64 = 0
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] as [Int64] {
            #expect(machine.requested(by: 9, now: now) == .later(now + pause * 1_000))
            now += pause * 1_000
            #expect(machine.requested(by: 9, now: now) == .fetch)
            _ = machine.failed(.refused(PlatformError(code: -1)), by: 9, now: now)
        }
        // The clock goes back: nobody waits longer than the pause is.
        #expect(machine.requested(by: 9, now: now - 1_000_000) == .later(now - 1_000_000 + 60_000))
        _ = machine.requested(by: 9, now: now + 60_000)
        _ = machine.fetched(AccessToken("b", lifetimeSeconds: 0, now: now), by: 9)
        #expect(machine.requested(by: 9, now: now + 60_000) == .fetch)
    }

    @Test("AG-3: wrong credentials make the account unhealthy, and nobody asks again for 5, 10 … 60 minutes")
    func credentials() {
        var machine = machine()
        _ = machine.requested(by: 1, now: 0)
        _ = machine.loaded(nil, by: 1, now: 0)
        _ = machine.failed(.credentials(Self.wrongSecret), by: 1, now: 0)
        #expect(machine.complaint == Self.wrongSecret)
        var now: Int64 = 0
        for minutes in [5, 10, 20, 40, 60, 60] as [Int64] {
            #expect(machine.requested(by: 2, now: now + minutes * 60_000 - 1) == .fail(.credentials(Self.wrongSecret)))
            now += minutes * 60_000
            #expect(machine.requested(by: 2, now: now) == .fetch)
            _ = machine.failed(.credentials(Self.wrongSecret), by: 2, now: now)
        }
        _ = machine.requested(by: 3, now: now + 3_600_000)
        _ = machine.fetched(AccessToken("ok", lifetimeSeconds: 7_200, now: now), by: 3)
        #expect(machine.complaint == nil)
    }

    @Test("AG-3: a refusal drops its own token and no other")
    func compareAndClear() {
        let old = AccessToken("a", lifetimeSeconds: 7_200, now: 0)
        var machine = holding("a")
        #expect(machine.refused(old, Self.ended) == true)
        #expect(machine.requested(by: 2, now: 1) == .fetch)
        let new = AccessToken("b", lifetimeSeconds: 7_200, now: 1)
        _ = machine.fetched(new, by: 2)
        // A late refusal of the first one.
        #expect(machine.refused(old, Self.ended) == true)
        #expect(machine.requested(by: 3, now: 2) == .use(new))
    }

    @Test("AG-3: a worker that is cancelled hands over to those who wait; one who waits just leaves")
    func cancelled() {
        var machine = machine()
        _ = machine.requested(by: 1, now: 0)
        _ = machine.requested(by: 2, now: 0)
        _ = machine.requested(by: 3, now: 0)
        machine.left(2)
        #expect(machine.abandoned(by: 1) == [3])
        #expect(machine.requested(by: 3, now: 0) == .load)
        #expect(machine.abandoned(by: 1) == [])
    }

    @Test("AG-3: what an earlier run kept is used, unless it is old or makes no sense")
    func stored() {
        let token = AccessToken("kept with blanks", lifetimeSeconds: 7_200, now: 0)
        #expect(AccessToken(stored: token.stored) == token)
        for text in [
            "", "1 2", "a b c", "1 2 ", "9223372036854775808 1 x", "-9223372036854775808 5 x",
            "5 -9223372036854775808 x", "1 9223372036854775807 x", "7 6 x",
        ] {
            #expect(AccessToken(stored: text) == nil)
        }
        for (now, isUsed) in [(6_899_999, true), (6_900_000, false), (-90_000_000, false)] as [(Int64, Bool)] {
            var machine = machine()
            _ = machine.requested(by: 1, now: now)
            #expect(machine.loaded(token, by: 1, now: now).worker == (isUsed ? .use(token) : .fetch), "at \(now)")
        }
        #expect("\(token)" == "<token>")
    }

    @Test("AG-3: a fixed token is used as it is; once refused it is fetched anew, or said to have ended")
    func fixed() {
        for canFetch in [true, false] {
            var machine = machine(fixed: "fixed", canFetch: canFetch)
            guard case .use(let token) = machine.requested(by: 1, now: 5) else {
                Issue.record("no token")
                continue
            }
            #expect(token.value == "fixed" && machine.complaint == nil)
            #expect(machine.refused(token, Self.ended) == canFetch)
            #expect(machine.refused(token, Self.ended) == canFetch)
            #expect(machine.requested(by: 1, now: 6) == (canFetch ? .load : .fail(.fixedTokenEnded(Self.ended))))
            #expect((machine.complaint == nil) == canFetch)
        }
        var none = machine(canFetch: false)
        #expect(none.requested(by: 1, now: 0) == .fail(.notConfigured))
    }
}
