import Foundation
import Shared
import Testing

@testable import AIBotWS

@Suite("LWSContext")
struct LWSContextTests {
    @Test("wire.heartbeat: P20: no protocol pings of its own, and no hang-up of an idle line")
    func idle() throws {
        let context = try #require(LWSContext())
        // A pointer and four intervals; what follows is padding. libwebsockets takes 0 as never.
        #expect(withUnsafeBytes(of: &context.idlePolicy.pointee) { $0.prefix(16).allSatisfy { $0 == 0 } })
        context.destroy()
    }
}

@Suite("AlarmHeap")
struct AlarmHeapTests {
    @Test("Behaves like a sorted list under random adds, moves, removals and pops", arguments: [1, 2, 3])
    func model(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var heap = AlarmHeap<Int>()
        var model: [(deadline: Int64, order: Int, payload: Int, handle: AlarmHeap<Int>.Handle)] = []
        var stale: [AlarmHeap<Int>.Handle] = []
        for step in 0..<5000 {
            let deadline = MonotonicInstant(nanoseconds: .random(in: 0..<300, using: &random))
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                model.append((deadline.nanoseconds, step, step, heap.add(step, at: deadline)))
            case 1:
                guard let index = model.indices.randomElement(using: &random) else { continue }
                #expect(heap.move(model[index].handle, to: deadline) == true)
                model[index].deadline = deadline.nanoseconds
                model[index].order = step
            case 2:
                guard let index = model.indices.randomElement(using: &random) else { continue }
                #expect(heap.remove(model[index].handle) == model[index].payload)
                stale.append(model.remove(at: index).handle)
            default:
                model.sort { ($0.deadline, $0.order) < ($1.deadline, $1.order) }
                let due = model.first.flatMap { $0.deadline <= deadline.nanoseconds ? $0 : nil }
                #expect(heap.popDue(deadline) == due?.payload)
                if due != nil { stale.append(model.removeFirst().handle) }
            }
            #expect(heap.nearest?.nanoseconds == model.map(\.deadline).min())
            #expect(heap.count == model.count)
        }
        for handle in stale {
            #expect(heap[handle] == nil)
            #expect(heap.move(handle, to: MonotonicInstant()) == false)
            #expect(heap.remove(handle) == nil)
        }
    }
}

@Suite("ConnectThrottle")
struct ConnectThrottleTests {
    @Test("Starts up to the limit, then in order, skipping who gave up")
    func order() {
        var throttle = ConnectThrottle<Int>(plainLimit: 2, secureLimit: 1)
        let started = (1...5).map { throttle.request($0, secure: false) }
        #expect(started == [true, true, false, false, false])
        #expect(throttle.request(9, secure: true) == true)
        throttle.cancelWaiting(4, secure: false)
        #expect(throttle.finished(secure: false) == 3)
        #expect(throttle.finished(secure: false) == 5)
        #expect(throttle.finished(secure: false) == nil)
        #expect(throttle.request(6, secure: false) == true)
        #expect(throttle.finished(secure: true) == nil)
    }

    @Test("Who gave up, or never asked, leaves nothing behind")
    func cancelled() {
        var throttle = ConnectThrottle<Int>(plainLimit: 1, secureLimit: 1)
        throttle.cancelWaiting(8, secure: false)
        let started = [1, 8].map { throttle.request($0, secure: false) }
        #expect(started == [true, false])
        for id in 100..<10_000 {
            _ = throttle.request(id, secure: false)
            throttle.cancelWaiting(id, secure: false)
            #expect(throttle.queued < 32)
        }
        #expect(throttle.finished(secure: false) == 8)
        #expect(throttle.finished(secure: false) == nil)
        #expect(throttle.queued == 0)
    }
}

@Suite("WebSocket and proxy URLs")
struct TransportURLTests {
    @Test("WS-1: good URLs")
    func good() throws {
        let plain = try ConnectionTarget(url: "wss://openws.work.weixin.qq.com")
        #expect(plain == ConnectionTarget(secure: true, host: "openws.work.weixin.qq.com", port: 443, path: "/"))
        let full = try ConnectionTarget(url: "WSS://Bots.Example:8443/a/b?c=d", caFile: "/ca.pem")
        #expect(
            full
                == ConnectionTarget(
                    secure: true, host: "bots.example", port: 8443, path: "/a/b?c=d", caFile: "/ca.pem"))
        #expect(try ConnectionTarget(url: "wss://h?x=1").path == "/?x=1")
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            #expect(try ConnectionTarget(url: "ws://\(host):8787/ws").secure == false)
        }
        #expect(try ConnectionTarget(url: "wss://[2001:db8::1]:444/").host == "2001:db8::1")
    }

    @Test(
        "WS-1: bad URLs are refused with words that help",
        arguments: [
            ("ws://openws.work.weixin.qq.com", "use wss://"), ("ws://127.evil.example/", "use wss://"),
            ("https://h/", "wss://"), ("h:1", "wss://"), ("", "wss://"), ("wss://", "no host"),
            ("wss://u:secret@h/", "user or password"), ("wss://h:0/", "port"), ("wss://h:70000", "port"),
            ("wss://h:+1/", "port"), ("wss://h:/", "port"), ("wss://h/#x", "#"), ("wss://h h/", "ASCII"),
            ("wss://h\r\nX: y/", "ASCII"), ("wss://[::1/", "]"), ("wss://[h]/", "IPv6"), ("wss://a,b/", "host"),
            ("wss://\u{4F01}.example/", "ASCII"),
        ])
    func bad(url: String, words: String) {
        let problem = #expect(throws: URLProblem.self) { try ConnectionTarget(url: url) }
        #expect(problem?.description.contains(words) == true)
        #expect(problem?.description.contains("secret") == false)
    }

    @Test("Proxy URLs")
    func proxy() throws {
        typealias Proxy = ConnectionTarget.Proxy
        #expect(try Proxy(url: "http://p.example:3128") == Proxy(host: "p.example", port: 3128))
        #expect(try Proxy(url: "p.example") == Proxy(host: "p.example", port: 80))
        #expect(
            try Proxy(url: "http://us%40er:p%3Aw@p:1/") == Proxy(host: "p", port: 1, credentials: "us@er:p:w"))
        let long = "http://u:" + String(repeating: "x", count: 100) + "@p:1"
        for bad in [
            "socks5://p:1", "https://p:1", "http://p:1/path", "http://%zz@p:1", "http://%0Ax@p:1", "http://", long,
        ] {
            #expect(throws: URLProblem.self) { try Proxy(url: bad) }
        }
    }

    @Test("The environment's proxy counts only with `env`, and not for excepted hosts")
    func environment() throws {
        typealias Proxy = ConnectionTarget.Proxy
        let environment = [
            "https_proxy": "http://s:1", "HTTPS_PROXY": "http://capital:1", "http_proxy": "http://h:2",
            "no_proxy": "localhost, .corp.example,10.0.0.1,other.example:8443,*.star.example",
        ]
        func port(_ host: String, _ port: Int = 443, secure: Bool = true, setting: String = "env") throws -> Int? {
            let proxy = try Proxy.from(
                setting: setting, environment: environment, host: host, port: port, secure: secure)
            return proxy?.port
        }
        #expect(try port("bots.example") == 1)
        #expect(try port("bots.example", secure: false) == 2)
        #expect(try port("bots.example", setting: "") == nil)
        #expect(try port("bots.example", setting: "http://x:77") == 77)
        for host in ["localhost", "corp.example", "a.corp.example", "10.0.0.1", "x.star.example", "A.Corp.Example"] {
            #expect(try port(host) == nil)
        }
        #expect(try port("notcorp.example") == 1)
        #expect(try port("other.example", 8443) == nil)
        #expect(try port("other.example", 443) == 1)
        #expect(try Proxy.from(setting: "env", environment: ["no_proxy": "*"], host: "h", port: 1) == nil)
        let all = ["all_proxy": "http://a:5"]
        #expect(try Proxy.from(setting: "env", environment: all, host: "h", port: 1)?.port == 5)
        let capital = ["HTTP_PROXY": "http://a:5"]
        #expect(try Proxy.from(setting: "env", environment: capital, host: "h", port: 1, secure: false) == nil)
    }
}

@Suite("Resolver", .timeLimit(.minutes(1)))
struct ResolverTests {
    @Test("Names that are looked up at the same time share one lookup, and few run at once")
    func shares() async {
        let gate = DispatchSemaphore(value: 0)
        let calls = NIOLockedLines()
        let resolver = Resolver { host in
            calls.add(host)
            gate.wait()
            return .success([host])
        }
        let answers = await withTaskGroup(of: [String].self) { group in
            for number in 0..<40 {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        resolver.resolve("h\(number % 8)") { continuation.resume(returning: (try? $0.get()) ?? []) }
                    }
                }
            }
            group.addTask {
                // Let every lookup go, however they come to be shared.
                for _ in 0..<40 { gate.signal() }
                return []
            }
            var all: [String] = []
            for await answer in group { all += answer }
            return all
        }
        #expect(answers.sorted() == (0..<40).map { "h\($0 % 8)" }.sorted())
        #expect(calls.all.count >= 8)
    }

    @Test("WS-4: a lookup that hangs is joined for five seconds; then the name is looked up once more")
    func hanging() async {
        let clock = ManualClock()
        let gate = DispatchSemaphore(value: 0)
        let calls = NIOLockedLines()
        let answers = NIOLockedLines()
        let resolver = Resolver(clock: clock) { host in
            calls.add(host)
            if calls.all.count == 1 { gate.wait() }
            return .success(["192.0.2.\(calls.all.count)"])
        }
        func ask(_ name: String) {
            resolver.resolve("h") { answers.add("\(name): \((try? $0.get())?.first ?? "-")") }
        }
        ask("first")
        await eventually("hangs") { calls.all.count == 1 }
        clock.advance(by: .milliseconds(4_999))
        ask("second")
        #expect(calls.all.count == 1)
        clock.advance(by: .milliseconds(1))
        ask("third")
        await eventually("answered") { answers.all.count == 3 }
        #expect(answers.all.sorted() == ["first: 192.0.2.2", "second: 192.0.2.2", "third: 192.0.2.2"])
        gate.signal()
    }

    @Test("WS-4: the families of addresses take turns, the system's favorite first, eight in all")
    func families() {
        #expect(
            Resolver.alternating(["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"])
                == ["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"])
        #expect(Resolver.alternating(["1.1.1.1", "2.2.2.2", "::1"]) == ["1.1.1.1", "::1", "2.2.2.2"])
        #expect(Resolver.alternating([]).isEmpty)
        let many = (0..<20).map { "::\($0)" } + ["1.1.1.1"]
        #expect(Resolver.alternating(many).count == 8)
        #expect(Resolver.alternating(many).contains("1.1.1.1"))
    }

    @Test("The system knows localhost, and not a name reserved for absence")
    func system() throws {
        let addresses = try Resolver.systemLookup("localhost").get()
        #expect(addresses.contains("127.0.0.1") || addresses.contains("::1"))
        #expect(throws: ResolveFailure.self) { try Resolver.systemLookup("absent.invalid").get() }
    }
}
