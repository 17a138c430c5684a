import Foundation
import Logging
import Shared
import Testing

@testable import AIBotWS

/// A system whose network is what the test says.
final class FakeNetwork: NetworkSource, @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var current: NetworkState
    private var looks = 0
    private let stream: AsyncStream<Void>?
    private let continuation: AsyncStream<Void>.Continuation?

    init(_ state: NetworkState = .wifi(1), tells: Bool = true) {
        current = state
        guard tells else {
            (stream, continuation) = (nil, nil)
            return
        }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        (self.stream, self.continuation) = (stream, continuation)
    }

    func events() -> AsyncStream<Void>? { stream }
    func state() -> NetworkState {
        lock.withLock {
            looks += 1
            return current
        }
    }

    /// How often somebody looked.
    var seen: Int { lock.withLock { looks } }
    /// Reports something; nil: nothing that matters is different.
    func report(_ state: NetworkState? = nil) {
        if let state { lock.withLock { current = state } }
        continuation?.yield()
    }
    func end() { continuation?.finish() }
}

extension NetworkState {
    static func wifi(_ host: UInt8, gateway: String = "0101A8C0") -> NetworkState {
        NetworkState(
            addresses: [Address(interface: "wlan0", bytes: [192, 168, 1, host])], routes: ["wlan0 \(gateway) 600"])
    }
    static let offline = NetworkState(addresses: [])
}

/// Counts from any task.
private final class Counter: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var count = 0
    func add() { lock.withLock { count += 1 } }
    var value: Int { lock.withLock { count } }
}

@Suite("NetworkWatch")
struct NetworkWatchTests {
    private let clock = ManualClock()
    private let changes = Counter()

    /// Runs a watch around `body`.
    private func watching(_ network: FakeNetwork, _ body: () async -> Void) async {
        let watch = NetworkWatch(
            source: network, clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        await withTaskGroup(of: Void.self) { [changes] group in
            group.addTask { await watch.run { changes.add() } }
            await eventually("first look") { network.seen == 1 }
            await body()
            group.cancelAll()
        }
    }

    /// Reports, and waits until the watch has looked.
    private func settle(_ network: FakeNetwork, _ states: [NetworkState?]) async {
        let looks = network.seen
        for state in states { network.report(state) }
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(499))
        #expect(network.seen == looks)
        clock.advance(by: .milliseconds(1))
        await eventually("looked") { network.seen > looks }
        // What was seen has been told by the time that the watch can sleep again.
        network.report()
        await clock.waitForSleepers()
        let again = network.seen
        clock.advance(by: .milliseconds(500))
        await eventually("looked again") { network.seen > again }
    }

    @Test("reconnect.policy: P17: another address, another default route, a VPN, a sleep: each is a change, told once")
    func tells() async {
        let network = FakeNetwork()
        var vpn = NetworkState.wifi(2, gateway: "0102A8C0")
        vpn.addresses.insert(.init(interface: "tun0", bytes: [10, 8, 0, 2]))
        var woken = vpn
        woken.slept = 3_600
        await watching(network) {
            for (count, state) in [.wifi(2), .wifi(2, gateway: "0102A8C0"), vpn, woken, .wifi(1)].enumerated() {
                await settle(network, [state])
                #expect(changes.value == count + 1)
            }
        }
    }

    @Test(
        "reconnect.policy: P17: reports that change nothing are no change, such as those about other people's containers"
    )
    func quiet() async {
        let network = FakeNetwork()
        await watching(network) {
            for _ in 0..<20 { await settle(network, [nil, nil, nil]) }
            #expect(changes.value == 0)
        }
    }

    @Test("reconnect.policy: P17: address and routes that come piece by piece are one change")
    func pieces() async {
        let network = FakeNetwork()
        await watching(network) {
            await settle(
                network,
                [.offline, NetworkState(addresses: [.init(interface: "wlan0", bytes: [10, 0, 0, 7])]), .wifi(7)])
            #expect(changes.value == 1)
        }
    }

    @Test("reconnect.policy: P17: without an address there is nothing to try; the same one, back again, is a change")
    func offline() async {
        let network = FakeNetwork()
        await watching(network) {
            await settle(network, [.offline])
            #expect(changes.value == 0)
            await settle(network, [.wifi(1)])
            #expect(changes.value == 1)
        }
    }

    @Test("reconnect.policy: P17: a system that does not tell, or stops to: the watch ends, and the program goes on")
    func silent() async {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        await NetworkWatch(source: FakeNetwork(tells: false), clock: clock, logger: logger).run { changes.add() }
        let network = FakeNetwork()
        network.end()
        await NetworkWatch(source: network, clock: clock, logger: logger).run { changes.add() }
        #expect(changes.value == 0)
    }

    @Test("reconnect.policy: P17: default routes are read from the kernel's tables, and nothing else")
    func tables() {
        let v4 = """
            Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
            wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
            wlan0\t0001A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0
            tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
            eth0\t00000000
            """
        #expect(NetworkState.routes(v4: v4) == ["wlan0 0101A8C0 600"])
        let zero = String(repeating: "0", count: 32)
        let gateway = "fe80" + String(repeating: "0", count: 27) + "1"
        func row(_ length: String, _ interface: String, uses: Int) -> String {
            "\(zero) \(length) \(zero) 00 \(gateway) 00000400 00000003 0000000\(uses) 00000003     \(interface)\n"
        }
        let v6 = row("00", "wlan0", uses: 1) + row("40", "wlan0", uses: 1) + row("00", "lo", uses: 1)
        #expect(NetworkState.routes(v6: v6) == ["wlan0 \(gateway) 00000400"])
        #expect(NetworkState.routes(v6: row("00", "wlan0", uses: 2)) == NetworkState.routes(v6: v6))
        #expect(NetworkState.routes(v4: "").isEmpty && NetworkState.routes(v6: "\n\n").isEmpty)
    }

    @Test("reconnect.policy: P17: addresses of links are known")
    func linkLocal() {
        func isLinkLocal(_ bytes: [UInt8]) -> Bool { NetworkState.Address(interface: "x", bytes: bytes).isLinkLocal }
        let rest = [UInt8](repeating: 1, count: 14)
        #expect(isLinkLocal([169, 254, 1, 1]) && !isLinkLocal([169, 253, 1, 1]) && !isLinkLocal([10, 0, 0, 1]))
        #expect(isLinkLocal([0xFE, 0x80] + rest) && isLinkLocal([0xFE, 0xBF] + rest))
        #expect(!isLinkLocal([0xFE, 0xC0] + rest) && !isLinkLocal([0xFD, 0x80] + rest))
    }

    @Test("reconnect.policy: P17: the system's network is the same twice, and holds no loopback")
    func system() {
        let network = SystemNetwork()
        let state = network.state()
        #expect(state == network.state())
        #expect(!state.addresses.contains { $0.bytes.starts(with: [127]) || $0.interface == "lo" || $0.isLinkLocal })
    }
}
