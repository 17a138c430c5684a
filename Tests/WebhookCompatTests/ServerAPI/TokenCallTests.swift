import Shared
import Testing

@testable import WebhookCompat

@Suite("Access tokens of calls")
struct TokenCallTests {
    private static let lin = Receivers(users: ["lin.wei"])

    @Test("AG-3: fifty callers at once fetch one token, and it stays good for all that follow")
    func singleFlight() async throws {
        try await AgentBench.with { bench in
            await withTaskGroup(of: SendReport.Outcome.self) { group in
                for index in 0..<50 {
                    group.addTask {
                        await bench.api.send(.text("\(index)"), to: Receivers(users: ["u\(index)"])).outcome
                    }
                }
                for await outcome in group { #expect(outcome == .delivered) }
            }
            #expect(bench.server.tokensFetched == 1)
            #expect(Set(bench.server.requests.map { $0.query("access_token") }) == ["token-1"])
        }
    }

    @Test(
        "AG-3: a refused token is dropped and the call made once more, with the same body",
        arguments: [40_014, 42_001, 40_001])
    func refreshed(code: Int) async throws {
        try await AgentBench.with({ $0.query("access_token") == "token-1" ? .error(code) : nil }) { bench in
            #expect(await bench.api.send(.text("hi"), to: Self.lin).outcome == .delivered)
            #expect(bench.server.tokensFetched == 2)
            #expect(bench.server.requests.count == 2)
            #expect(Set(bench.server.requests.map(\.text)).count == 1)
        }
    }

    @Test("AG-3: a second refusal is final")
    func finalRefusal() async throws {
        try await AgentBench.with({ _ in .error(42_001) }) { bench in
            let error = PlatformError(code: 42_001, origin: .serverAPI)
            #expect(await bench.api.send(.text("hi"), to: Self.lin).outcome == .rejected(error))
            #expect(bench.server.requests.count == 2 && bench.server.tokensFetched == 2)
        }
    }

    @Test("AG-3: wrong credentials are asked about once", arguments: [40_001, 40_013, 40_091])
    func credentials(code: Int) async throws {
        try await AgentBench.with(tokens: { _ in .error(code, "invalid credential, hint: [17]") }) { bench in
            for _ in 0..<3 {
                guard case .rejected(let error) = await bench.api.send(.text("hi"), to: Self.lin).outcome else {
                    Issue.record("not rejected")
                    return
                }
                #expect(error.code == code && error.reaction == .credentials && error.hint == "17")
                #expect(error.advice?.contains("corpSecret") == true)
            }
            #expect(bench.server.tokensFetched == 1 && bench.server.requests.isEmpty)
            #expect(bench.api.complaint?.code == code)
        }
    }

    @Test("AG-3: the token outlives the process under a key that tells nothing, and is forgotten when refused")
    func kept() async throws {
        let kept = InMemoryKeptValues()
        try await AgentBench.with(kept: kept) { bench in
            _ = await bench.api.send(.text("1"), to: Self.lin)
            #expect(bench.server.tokensFetched == 1)
        }
        try await AgentBench.with({ $0.text.contains("third") ? .error(40_014) : nil }, kept: kept) { bench in
            _ = await bench.api.send(.text("2"), to: Self.lin)
            #expect(bench.server.tokensFetched == 0 && bench.server.requests.first?.query("access_token") == "token-1")
            _ = await bench.api.send(.text("third"), to: Self.lin)
            #expect(bench.server.tokensFetched == 1)
        }
        // Of the key only the hash is seen; another secret has another token.
        try await AgentBench.with(settings: { $0.secret = Secret("rotated") }, kept: kept) { bench in
            _ = await bench.api.send(.text("1"), to: Self.lin)
            #expect(bench.server.tokensFetched == 1)
        }
    }

    @Test("AG-3: a fixed token serves without a secret; when it ends, the advice says what to do")
    func fixed() async throws {
        func change(_ settings: inout AgentSettings) {
            settings.secret = nil
            settings.accessToken = Secret("fixed token&x=1")
        }
        try await AgentBench.with(settings: change) { bench in
            #expect(await bench.api.send(.text("hi"), to: Self.lin).outcome == .delivered)
            #expect(bench.server.requests.first?.query("access_token") == "fixed token&x=1")
            #expect(bench.server.tokensFetched == 0)
        }
        try await AgentBench.with({ _ in .error(42_001) }, settings: change) { bench in
            for _ in 0..<2 {
                guard case .rejected(let error) = await bench.api.send(.text("hi"), to: Self.lin).outcome else {
                    Issue.record("not rejected")
                    return
                }
                #expect(error.code == 42_001 && error.advice?.contains("accessToken") == true)
            }
            #expect(bench.server.requests.count == 1 && bench.api.complaint?.code == 42_001)
        }
        try await AgentBench.with(
            { $0.query("access_token") == "fixed" ? .error(40_014) : nil },
            settings: { $0.accessToken = Secret("fixed") }
        ) { bench in
            #expect(await bench.api.send(.text("hi"), to: Self.lin).outcome == .delivered)
            #expect(bench.server.tokensFetched == 1)
        }
    }

    @Test("AG-3: neither token nor secret show in logs or errors, whatever goes wrong")
    func secrets() async throws {
        for answer in [
            QyapiAnswer.error(60_020, "from ip: 203.0.113.7"), .status(502), .hangUp, .error(42_001), .json("no"),
        ] {
            try await AgentBench.with({ _ in answer }, settings: { $0.accessToken = Secret("fixed-token") }) { bench in
                let report = await bench.api.send(.text("words of a person"), to: Self.lin)
                let text = bench.log.text + String(reflecting: report.outcome) + "\(report.batches.map(\.failure))"
                for word in ["token-1", "fixed-token", AgentBench.secret, "words of", "secret%2Bof"] {
                    #expect(!text.contains(word), "\(word)")
                }
                #expect(!bench.log.text.isEmpty)
            }
        }
    }

    @Test("AG-3: a token that cannot be had for a moment is waited for")
    func passing() async throws {
        try await AgentBench.with(tokens: { $0 < 3 ? .status(502) : AgentBench.token($0) }) { bench in
            #expect(await bench.api.send(.text("hi"), to: Self.lin).outcome == .delivered)
            #expect(bench.server.tokensFetched == 3)
        }
    }

    /// Sends, and cancels that once `flag` is set.
    private static func send(
        _ text: String, _ bench: AgentBench, cancelledWhen flag: @escaping @Sendable () -> Bool
    ) async -> SendReport.Outcome? {
        await withTaskGroup(of: SendReport.Outcome.self) { group in
            group.addTask { await bench.api.send(.text(text), to: Self.lin).outcome }
            while !flag() { await Task.yield() }
            group.cancelAll()
            return await group.next()
        }
    }

    @Test("AG-3: when the caller that fetches is cancelled, one who waits takes over")
    func takenOver() async throws {
        try await AgentBench.with(tokens: { $0 == 1 ? .silence : AgentBench.token($0) }) { bench in
            let isOver = Locked(false)
            async let first = Self.send("1", bench) { isOver.withLock { $0 } }
            while bench.server.tokensFetched < 1 { await Task.yield() }
            async let others = withTaskGroup(of: SendReport.Outcome.self) { group in
                for index in 2..<6 { group.addTask { await bench.api.send(.text("\(index)"), to: Self.lin).outcome } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            for _ in 0..<1_000 { await Task.yield() }
            isOver.withLock { $0 = true }
            #expect(await first == .notSent(.cancelled))
            #expect(await others == Array(repeating: .delivered, count: 4))
            #expect(bench.server.tokensFetched == 2)
        }
    }

    @Test("AG-3: who is cancelled while waiting leaves at once, and nobody else is hurt")
    func left() async throws {
        try await AgentBench.with(tokens: { _ in .silence }) { bench in
            let isOver = Locked(false)
            async let first = Self.send("1", bench) { isOver.withLock { $0 } }
            while bench.server.tokensFetched < 1 { await Task.yield() }
            let turns = Locked(0)
            let second = await Self.send("2", bench) {
                turns.withLock {
                    $0 += 1
                    return $0 > 1_000
                }
            }
            #expect(second == .notSent(.cancelled))
            isOver.withLock { $0 = true }
            #expect(await first == .notSent(.cancelled))
        }
    }

    @Test("AG-8: a send that is cancelled after it was written has an unknown outcome")
    func cancelledSend() async throws {
        try await AgentBench.with({ _ in .silence }) { bench in
            #expect(await Self.send("1", bench) { !bench.server.requests.isEmpty } == .unknown)
            #expect(bench.server.requests.count == 1)
        }
    }
}
