import AIBotWS
import Foundation
import Logging
import NIOSSL
import Shared
import Testing
import X509

@Suite("Complaints: one bad socket", .timeLimit(.minutes(5)))
struct NoSpinTests {
    private func bot(_ name: String, _ target: ConnectionTarget, _ transport: LWSTransport) -> AIBotClient {
        var configuration = AIBotClient.Configuration(
            session: SessionConfiguration(botID: BotID(name), secret: "secret", target: target))
        // So that a minute of a bot's life takes a second.
        configuration.session.minBackoff = .milliseconds(20)
        configuration.session.maxBackoff = .milliseconds(20)
        configuration.engine.perMinute = 0
        configuration.engine.perHour = 0
        return AIBotClient(
            configuration, transport: transport, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test(
        "robust.noSpin: P18: a platform that hangs up at every step in turn costs little, and a bot beside it answers as ever",
        arguments: [false, true])
    func everyStep(secure: Bool) async throws {
        let authority = try TestAuthority()
        let tls = secure ? try authority.server([.dnsName("localhost")]) : nil
        let hostile = try await HostilePeer(HostilePeer.Fault.allCases, tls: tls)
        let friendly = try await HostilePeer([])
        var target = ConnectionTarget(
            secure: secure, host: secure ? "localhost" : "127.0.0.1", port: hostile.port, connectTimeout: .seconds(50))
        target.caFile = secure ? try authority.write() : nil
        let transport = LWSTransport()
        let driver = TransportDriver(transport)
        let victim = bot("aib-victim", target, transport)
        let other = bot(
            "aib-other", ConnectionTarget(secure: false, host: "127.0.0.1", port: friendly.port), transport)
        let rounds = 2 * HostilePeer.Fault.allCases.count
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await victim.run { _, _ in } }
            await hostile.reaches { hostile.faults >= rounds }
            let used = await driver.run { _ in threadCPU() }
            // At most a try every half second at first, and one in 30 s later on: far below 2 %.
            #expect(used / rounds < .milliseconds(20), "\(used / rounds) for each connection")
            let before = hostile.faults
            group.addTask { try? await other.run { _, reply in try await reply.append("here") } }
            await friendly.reaches { friendly.answers >= 100 }
            await hostile.reaches { hostile.faults > before + HostilePeer.Fault.allCases.count }
            #expect(hostile.faults > rounds && friendly.answers >= 100)
            group.cancelAll()
        }
        transport.shutdown()
        await hostile.stop()
        await friendly.stop()
    }
}
