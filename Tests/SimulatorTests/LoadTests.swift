import Foundation
import NIOCore
import NIOPosix
import NIOWebSocket
import Simulator
import Testing

/// Files that this process may open.
private let openFileLimit: Int = {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(7), &limit) == 0 ? Int(clamping: limit.rlim_cur) : 0
}()

@Suite("Load", .timeLimit(.minutes(3)))
struct LoadTests {
    @Test("SIM-1: 5,000 connections at once, each its own bot, each answered", .enabled(if: openFileLimit >= 11_000))
    func manyConnections() async throws {
        let count = 5_000
        var configuration = SimulatorConfiguration()
        configuration.bots = (0..<count).map { SimulatorBot(id: "aib\($0)", secret: "s", name: "bot \($0)") }
        try await PlatformSimulator.withRunning(configuration: configuration) { simulator in
            let port = try await simulator.boundPort
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<8 {
                    group.addTask { try await Self.open(lane: lane, of: 8, count: count, port: port) }
                }
                try await simulator.waitUntil(timeout: .seconds(120)) { core in
                    core.subscribedCount == count
                }
                #expect(simulator.snapshot.connectionCount == count)
                try simulator.perform(.dropConnections(bot: nil))
                try await group.waitForAll()
            }
            #expect(simulator.snapshot.connectionCount == 0)
        }
    }

    /// Opens every eighth connection one after the other; each stays until the simulator drops it.
    private static func open(lane: Int, of lanes: Int, count: Int, port: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in stride(from: lane, to: count, by: lanes) {
                let wire = try await TestBot.connect(port: port)
                group.addTask {
                    try await wire.executeThenClose { inbound, outbound in
                        var frames = inbound.makeAsyncIterator()
                        let subscribe: JSONValue = [
                            "cmd": "aibot_subscribe", "headers": ["req_id": "s"],
                            "body": ["bot_id": .string("aib\(index)"), "secret": "s"],
                        ]
                        try await outbound.write(text(subscribe))
                        let ack = try #require(try await frames.next())
                        #expect(String(buffer: ack.unmaskedData).contains("\"errcode\":0"))
                        #expect(try await frames.next() == nil)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func text(_ value: JSONValue) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: .text, maskKey: [1, 2, 3, 4], data: ByteBuffer(bytes: value.bytes))
    }
}
