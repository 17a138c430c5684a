import Foundation
import NIOCore
import Shared
import SwiftASN1
import Testing
import X509

@testable import AIBotWS

@Suite("LWSTransport: TLS", .timeLimit(.minutes(1)))
struct LWSTransportTLSTests {
    private func reason(
        _ server: WebSocketTestServer, host: String, caFile: String?
    ) async -> (CloseReason?, RecordingObserver.Event) {
        let transport = LWSTransport()
        let driver = TransportDriver(transport)
        let observer = RecordingObserver()
        var target = server.target(host: host)
        target.caFile = caFile
        await driver.connect(target, observer)
        let event = await observer.next()
        transport.shutdown()
        await server.stop()
        if case .closed(_, let reason) = event { return (reason, event) }
        return (nil, event)
    }

    @Test("WS-1: a certificate of the given authority is accepted for its name")
    func goodName() async throws {
        let authority = try TestAuthority()
        let server = try await WebSocketTestServer(tls: authority.server([.dnsName("localhost")]), host: "127.0.0.1")
        let link = try await Link(server, host: "localhost") { $0.caFile = try? authority.write() }
        await link.send("secret")
        #expect(await link.observer.nextText() == "secret")
        await link.driver.close(link.id)
        #expect(await link.observer.next() == .closed(link.id, .byUs))
        await link.end(afterClose: true)
    }

    @Test("WS-1: a certificate for an address is accepted for that address")
    func address() async throws {
        let authority = try TestAuthority()
        let tls = try authority.server([.ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))])
        let link = try await Link(try await WebSocketTestServer(tls: tls)) { $0.caFile = try? authority.write() }
        await link.send("hello")
        #expect(await link.observer.nextText() == "hello")
        await link.end()
    }

    @Test("WS-1: the system's authorities do not vouch for a stranger, nor does another authority")
    func untrusted() async throws {
        let other = try TestAuthority().write()
        for caFile in [nil, other] {
            let server = try await WebSocketTestServer(tls: TestAuthority().server([.dnsName("localhost")]))
            let (reason, _) = await reason(server, host: "localhost", caFile: caFile)
            guard case .connectFailed(let words)? = reason else {
                Issue.record("accepted")
                continue
            }
            #expect(words.hasPrefix("certificate not trusted ("))
        }
    }

    @Test("WS-1: a certificate for another name or address is refused", arguments: ["localhost", "127.0.0.1"])
    func wrongHost(host: String) async throws {
        let authority = try TestAuthority()
        let server = try await WebSocketTestServer(tls: authority.server([.dnsName("other.example")]))
        let (reason, _) = await reason(server, host: host, caFile: try authority.write())
        guard case .connectFailed(let words)? = reason else {
            Issue.record("accepted")
            return
        }
        #expect(words.hasPrefix("certificate is for another host"))
    }

    @Test("WS-1: an expired certificate is refused")
    func expired() async throws {
        let authority = try TestAuthority()
        let server = try await WebSocketTestServer(tls: authority.server([.dnsName("localhost")], expired: true))
        let (reason, _) = await reason(server, host: "localhost", caFile: try authority.write())
        #expect(reason == .connectFailed("certificate has expired"))
    }

    @Test("A CA file that is missing fails the connect")
    func missingFile() async throws {
        let server = try await WebSocketTestServer(tls: TestAuthority().server([.dnsName("localhost")]))
        let (reason, _) = await reason(server, host: "localhost", caFile: "/nonexistent/ca.pem")
        #expect(reason == .connectFailed("CA file cannot be read"))
    }

    @Test("A server without TLS where TLS is expected fails the connect")
    func notTLS() async throws {
        let server = try await WebSocketTestServer()
        let transport = LWSTransport()
        let observer = RecordingObserver()
        var target = server.target()
        target.secure = true
        await TransportDriver(transport).connect(target, observer)
        #expect(await observer.nextClose() == .connectFailed("TLS handshake failed"))
        transport.shutdown()
        await server.stop()
    }

    @Test("A slow reader gets every byte over TLS, and pings do not mix with a frame that is half written")
    func slowReader() async throws {
        let authority = try TestAuthority()
        let tls = try authority.server([.ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))])
        let link = try await Link(try await WebSocketTestServer(tls: tls)) { $0.caFile = try? authority.write() }
        await link.driver.send("stall", on: link.id)
        let sizes = (0..<60).map { 100_000 + $0 }
        await link.driver.run { [id = link.id] driver in
            for size in sizes { driver.send(String(repeating: "s", count: size), on: id) }
        }
        var left = sizes[...]
        while !left.isEmpty {
            let text = try #require(await link.observer.nextText())
            if text != "ponged" { #expect(text.utf8.count == left.removeFirst()) }
        }
        await link.end()
    }

    @Test("An oversized message over TLS closes without harm")
    func oversized() async throws {
        let authority = try TestAuthority()
        let server = try await WebSocketTestServer(tls: authority.server([.dnsName("localhost")]))
        let link = try await Link(server, host: "localhost") { $0.caFile = try? authority.write() }
        await link.send("big \(1 << 20)")
        #expect(await link.observer.nextText()?.utf8.count == 1 << 20)
        await link.send("big \(9 << 20)")
        #expect(await link.observer.next() == .closed(link.id, .messageTooLarge))
        await link.end(afterClose: true)
    }
}

@Suite("LWSTransport: proxy", .timeLimit(.minutes(1)))
struct LWSTransportProxyTests {
    @Test(
        "WS-1: a proxy is asked to CONNECT to the name, with credentials when given", arguments: [nil, "user:p@ss w"])
    func connects(credentials: String?) async throws {
        let proxy = try await TestProxy(credentials: credentials)
        let link = try await Link(nil, host: "bots.example") {
            $0.proxy = .init(host: "localhost", port: proxy.port, credentials: credentials)
        }
        await link.send("through")
        #expect(await link.observer.nextText() == "through")
        #expect(proxy.lines == ["CONNECT bots.example:\(link.server.port) HTTP/1.1"])
        await link.end()
    }

    @Test("WS-1: TLS inside the tunnel is checked against the target's name")
    func tls() async throws {
        let authority = try TestAuthority()
        let proxy = try await TestProxy()
        let server = try await WebSocketTestServer(tls: authority.server([.dnsName("bots.example")]))
        let link = try await Link(server, host: "bots.example") {
            $0.caFile = try? authority.write()
            $0.proxy = .init(host: "127.0.0.1", port: proxy.port)
        }
        await link.send("through")
        #expect(await link.observer.nextText() == "through")
        await link.end()
    }

    @Test("A proxy that refuses is named as the reason", arguments: [nil, "user:wrong"])
    func refused(credentials: String?) async throws {
        let proxy = try await TestProxy(credentials: "user:right")
        let server = try await WebSocketTestServer()
        let transport = LWSTransport()
        let observer = RecordingObserver()
        var target = server.target()
        target.proxy = .init(host: "127.0.0.1", port: proxy.port, credentials: credentials)
        await TransportDriver(transport).connect(target, observer)
        guard case .connectFailed(let words) = await observer.nextClose() else {
            Issue.record("accepted")
            return
        }
        #expect(words.lowercased().contains("proxy"))
        #expect(!words.contains("wrong"))
        transport.shutdown()
        await server.stop()
    }

    @Test("The environment's proxy is not used unless told so")
    func environment() async throws {
        let trap = try await TestProxy()
        setenv("http_proxy", "http://127.0.0.1:\(trap.port)", 1)
        defer { unsetenv("http_proxy") }
        let link = try await Link()
        await link.send("direct")
        #expect(await link.observer.nextText() == "direct")
        #expect(trap.lines.isEmpty)
        await link.end()
    }
}

@Suite("LWSTransport: names", .timeLimit(.minutes(1)))
struct LWSTransportNameTests {
    private func transport(_ clock: any MonotonicClock = SystemMonotonicClock(), lookup: @escaping Resolver.Lookup)
        -> LWSTransport
    {
        LWSTransport(clock: clock, resolver: Resolver(lookup: lookup), throttle: ConnectThrottle())
    }

    @Test("Each address of a name is tried until one answers")
    func severalAddresses() async throws {
        let server = try await WebSocketTestServer()
        let transport = transport { _ in .success(["127.0.0.9", "::1", "127.0.0.1"]) }
        let observer = RecordingObserver()
        let id = await TransportDriver(transport).connect(server.target(host: "bots.example"), observer)
        #expect(await observer.next() == .opened(id))
        transport.shutdown()
        await server.stop()
    }

    @Test("IPv6 addresses work")
    func ipv6() async throws {
        let server = try await WebSocketTestServer(host: "::1")
        let link = try await Link(server, host: "::1")
        await link.send("six")
        #expect(await link.observer.nextText() == "six")
        await link.end()
    }

    @Test("A name that does not exist fails the connect, with the name")
    func unknown() async throws {
        let transport = transport { _ in .failure(ResolveFailure(text: "no such name")) }
        let observer = RecordingObserver()
        await TransportDriver(transport).connect(
            ConnectionTarget(secure: false, host: "bots.example", port: 1), observer)
        #expect(await observer.nextClose() == .connectFailed("cannot resolve bots.example: no such name"))
        transport.shutdown()
    }

    @Test("A slow lookup delays nobody else and counts into the connect time-out")
    func slowLookup() async throws {
        let gate = DispatchSemaphore(value: 0)
        let clock = ManualClock()
        let server = try await WebSocketTestServer()
        let transport = transport(clock) { _ in
            gate.wait()
            return .success(["127.0.0.1"])
        }
        let driver = TransportDriver(transport)
        let slow = RecordingObserver()
        let slowID = await driver.connect(server.target(host: "slow.example"), slow)
        let quick = RecordingObserver()
        let quickID = await driver.connect(server.target(), quick)
        #expect(await quick.next() == .opened(quickID))
        #expect(slow.pending.isEmpty)
        clock.advance(by: .seconds(50))
        #expect(await slow.next() == .closed(slowID, .connectTimedOut))
        gate.signal()
        transport.shutdown()
        #expect(slow.pending.isEmpty)
        await server.stop()
    }

    @Test("An answer that comes after shutdown is dropped")
    func lateAnswer() async throws {
        let gate = DispatchSemaphore(value: 0)
        let transport = transport { _ in
            gate.wait()
            return .success(["127.0.0.1"])
        }
        let observer = RecordingObserver()
        let id = await TransportDriver(transport).connect(
            ConnectionTarget(secure: false, host: "slow.example", port: 1), observer)
        transport.shutdown()
        gate.signal()
        #expect(await observer.next() == .closed(id, .byUs))
    }

    @Test("Attempts beyond the limit wait; their time-out counts from their turn")
    func stagger() async throws {
        let silent = try await SilentServer()
        let clock = ManualClock()
        let transport = LWSTransport(
            clock: clock, resolver: Resolver(), throttle: ConnectThrottle(plainLimit: 1, secureLimit: 1))
        let driver = TransportDriver(transport)
        let target = ConnectionTarget(secure: false, host: "127.0.0.1", port: silent.port)
        let observers = [RecordingObserver(), RecordingObserver(), RecordingObserver()]
        var ids: [ConnectionID] = []
        for observer in observers { ids.append(await driver.connect(target, observer)) }
        await driver.abort(ids[1])
        #expect(await observers[1].next() == .closed(ids[1], .byUs))
        clock.advance(by: .seconds(15))
        #expect(await observers[0].next() == .closed(ids[0], .connectTimedOut))
        #expect(observers[2].pending.isEmpty)
        clock.advance(by: .seconds(15))
        #expect(await observers[2].next() == .closed(ids[2], .connectTimedOut))
        transport.shutdown()
    }
}
