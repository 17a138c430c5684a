import Crypto
import Foundation
import Logging
import NIOCore
import NIOWebSocket
import Simulator
import Testing
import _CryptoExtras

@Suite("Server on real sockets", .timeLimit(.minutes(2)))
struct ServerTests {
    private func running(
        manual: Bool = false, _ change: (inout SimulatorConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (PlatformSimulator, Int) async throws -> Void
    ) async throws {
        var configuration = SimulatorConfiguration()
        configuration.seed = 5
        change(&configuration)
        let clock: SimulatorClock = manual ? .manual() : .real()
        try await PlatformSimulator.withRunning(configuration: configuration, clock: clock) { simulator in
            try await body(simulator, try await simulator.boundPort)
        }
    }

    @Test("SIM-1: subscribe, message, stream, on any path, with fragments and protocol pings")
    func conversation() async throws {
        try await running { simulator, port in
            try await TestBot.run(port: port, path: "/any/path") { bot in
                try await bot.subscribe()
                try simulator.post("hello")
                let message = try await bot.next()
                let reqID = try #require(message["headers"]?["req_id"])
                let frame: JSONValue = [
                    "cmd": "aibot_respond_msg", "headers": ["req_id": reqID],
                    "body": ["msgtype": "stream", "stream": ["id": "s", "finish": true, "content": "答案"]],
                ]
                let bytes = frame.bytes
                try await bot.send(.text, Array(bytes.prefix(40)), isLast: false)
                try await bot.send(.ping, [1, 2, 3])
                try await bot.send(.continuation, Array(bytes.dropFirst(40)))
                let pong = try #require(try await bot.nextFrame())
                #expect(pong.opcode == .pong)
                #expect(Array(pong.data.readableBytesView) == [1, 2, 3])
                #expect(try await bot.next()["errcode"] == 0)
                #expect(simulator.view(of: "lin.wei").map(\.content) == ["hello", "答案"])
                try await bot.send(.binary, (["cmd": "ping", "headers": ["req_id": "p"]] as JSONValue).bytes)
                #expect(try await bot.next()["headers"]?["req_id"] == "p")
                try await bot.send(.connectionClose, [0x03, 0xE8])
                #expect(try await bot.nextFrame()?.opcode == .connectionClose)
                #expect(try await bot.nextFrame() == nil)
            }
            try await simulator.waitUntil { $0.connectionCount == 0 }
        }
    }

    @Test("SIM-2: a manual clock expires a stream and drops a displaced socket without a close frame")
    func manualClock() async throws {
        try await running(manual: true) { simulator, port in
            try await TestBot.run(port: port) { old in
                try await old.subscribe()
                try await TestBot.run(port: port) { new in
                    try await new.subscribe()
                    #expect(try await old.next()["body"]?["event"]?["eventtype"] == "disconnected_event")
                    simulator.advance(by: .milliseconds(2_200))
                    #expect(try await old.nextFrame() == nil)
                    try simulator.post("hello")
                    let reqID = try #require(try await new.next()["headers"]?["req_id"])
                    let frame: JSONValue = [
                        "cmd": "aibot_respond_msg", "headers": ["req_id": reqID],
                        "body": ["msgtype": "stream", "stream": ["id": "s", "finish": false, "content": "x"]],
                    ]
                    try await new.send(frame)
                    #expect(try await new.next()["errcode"] == 0)
                    simulator.advance(by: .seconds(600))
                    #expect(simulator.view(of: "lin.wei").last?.expired == true)
                    try await new.send(frame)
                    #expect(try await new.next()["errcode"] == 846_608)
                }
            }
        }
    }

    @Test("SIM-2: on the real clock deferred acks come by themselves")
    func realTimer() async throws {
        try await running { simulator, port in
            simulator.setFaults(SimulatorFaults([SimulatorFault(.delayAck, cmd: "ping", ms: 30)]))
            try await TestBot.run(port: port) { bot in
                try await bot.send(["cmd": "ping", "headers": ["req_id": "p"]])
                #expect(try await bot.next()["headers"]?["req_id"] == "p")
            }
        }
    }

    @Test("SIM-3: a hard drop, a close with a code, and a half-open socket")
    func brokenConnections() async throws {
        try await running { simulator, port in
            try await TestBot.run(port: port) { bot in
                try await bot.subscribe()
                try simulator.perform(.dropConnections(bot: nil))
                #expect(try await bot.nextFrame() == nil)
            }
            simulator.setFaults(SimulatorFaults([SimulatorFault(.close, cmd: "ping", code: 1_012)]))
            try await TestBot.run(port: port) { bot in
                try await bot.send(["cmd": "ping", "headers": ["req_id": "p"]])
                let frame = try #require(try await bot.nextFrame())
                #expect(frame.opcode == .connectionClose)
                #expect(Array(frame.data.readableBytesView) == [0x03, 0xF4])
            }
            simulator.setFaults(SimulatorFaults())
            try await TestBot.run(port: port) { bot in
                try await bot.subscribe()
                try simulator.perform(.halfOpen(bot: SimulatorBot.demo.id))
                try await bot.send(["cmd": "ping", "headers": ["req_id": "unread"]])
                #expect(try simulator.post("unheard").isDelivered == false)
                await #expect(throws: SimulatorError.timedOut) {
                    try await simulator.waitUntil(timeout: .milliseconds(50)) { core in
                        core.newestFrames.contains { $0.text.contains("unread") }
                    }
                }
                try simulator.perform(.dropConnections(bot: SimulatorBot.demo.id))
                #expect(simulator.snapshot.connectionCount == 0)
            }
        }
    }

    @Test(
        "SIM-1: media are encrypted as documented and expire after five minutes",
        arguments: [0, 5, 32, 65_536, 200_000])
    func mediaServer(size: Int) async throws {
        try await running(manual: true) { simulator, port in
            let plain = Array("#".utf8) + (0..<size).map { UInt8(truncatingIfNeeded: $0) }
            try await TestBot.run(port: port) { bot in
                try await bot.subscribe()
                let file = UserPost.File(name: "C++ 笔记.docx", bytes: plain)
                try simulator.post(UserPost(bot: SimulatorBot.demo.id, user: "lin.wei", content: .file(file)))
                let payload = try await bot.next()["body"]?["file"]
                let url = try #require(payload?["url"]?.stringValue)
                let path = try #require(url.firstRange(of: ":\(port)/").map { "/" + url[$0.upperBound...] })
                let answer = try await RawHTTP.get(port, path)
                #expect(answer.status == 200)
                #expect(
                    answer.head.contains(
                        "Content-Disposition: attachment; filename=\"C%2B%2B+%E7%AC%94%E8%AE%B0.docx\""))
                #expect(answer.body.count % 32 == 0)
                let key = try #require(payload?["aeskey"]?.stringValue.flatMap { Data(base64Encoded: $0 + "=") })
                let padded = try AES._CBC.decrypt(
                    answer.body, using: SymmetricKey(data: key), iv: AES._CBC.IV(ivBytes: key.prefix(16)),
                    noPadding: true)
                let padding = Int(try #require(padded.last))
                #expect((1...32).contains(padding))
                #expect(padded.suffix(padding).allSatisfy { Int($0) == padding })
                #expect(Array(padded.dropLast(padding)) == plain)
                let shown = try #require(simulator.view(of: "lin.wei").last?.media)
                #expect(try await RawHTTP.get(port, shown.path).body == plain)
                simulator.advance(by: .seconds(300))
                let late = try await RawHTTP.get(port, path)
                #expect(late.status == 403)
                #expect(late.head.contains("application/xml"))
            }
        }
    }

    @Test("SIM-1: wss with an authority made at start, for localhost and 127.0.0.1")
    func tls() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("ca-\(UUID().uuidString).pem")
        defer { try? FileManager.default.removeItem(at: file) }
        try await running { configuration in
            configuration.tlsListen = SimulatorAddress()
            configuration.caOut = file.path
        } _: { simulator, _ in
            let port = try #require(try await simulator.boundTLSPort)
            let pem = try String(contentsOf: file, encoding: .utf8)
            #expect(pem.hasPrefix("-----BEGIN CERTIFICATE-----"))
            for host in ["localhost", "127.0.0.1"] {
                let state = try await TLSProbe.get(host: host, port: port, path: "/api/state", caPEM: pem)
                #expect(state.contains("200 OK"))
            }
            await #expect(throws: (any Error).self) {
                _ = try await TLSProbe.get(host: "localhost", port: port, path: "/", caPEM: nil)
            }
        }
    }

    @Test("SIM-3: a client that does not read is dropped when too much waits for it")
    func slowConsumer() async throws {
        try await running {
            $0.maxPendingBytes = 1 << 20
        } _: { simulator, port in
            let wire = try await TestBot.connect(port: port)
            try await wire.executeThenClose { inbound, outbound in
                try await wire.channel.setOption(.autoRead, value: false).get()
                let bot = CoreHarness.credentials
                let frame: JSONValue = ["cmd": "aibot_subscribe", "headers": ["req_id": "s"], "body": bot]
                try await outbound.write(
                    WebSocketFrame(
                        fin: true, opcode: .text, maskKey: [9, 9, 9, 9], data: ByteBuffer(bytes: frame.bytes)))
                try await simulator.waitUntil { $0.owner(of: SimulatorBot.demo.id) != nil }
                let filler = String(repeating: "x", count: 1 << 20)
                for _ in 0..<64 where simulator.snapshot.owner(of: SimulatorBot.demo.id) != nil {
                    _ = try? simulator.perform(.rawFrame(bot: SimulatorBot.demo.id, text: filler))
                }
                try await simulator.waitUntil { $0.connectionCount == 0 }
            }
        }
    }

    @Test("SIM-2: waiting ends when the state comes, when time is up, and when it is cancelled")
    func waiting() async throws {
        try await running { simulator, _ in
            async let arrived: Void = simulator.waitUntil { !$0.conversationKeys.isEmpty }
            try simulator.post("hello")
            try await arrived
            await #expect(throws: SimulatorError.timedOut) {
                try await simulator.waitUntil(timeout: .milliseconds(20)) { _ in false }
            }
            let outcome = await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do {
                        try await simulator.waitUntil(timeout: .seconds(60)) { _ in false }
                        return false
                    } catch { return error is CancellationError }
                }
                group.cancelAll()
                return await group.next()
            }
            #expect(outcome == true)
        }
    }

    @Test("SIM-1: binding a port that is taken fails for everyone who waits for it")
    func portTaken() async throws {
        try await running { _, port in
            var configuration = SimulatorConfiguration()
            configuration.listen.port = port
            let second = PlatformSimulator(configuration: configuration)
            await #expect(throws: (any Error).self) { try await second.run() }
            await #expect(throws: (any Error).self) { _ = try await second.boundPort }
        }
    }
}
