import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@testable import Gateway
@testable import Shared

/// A listener on a free port and on a socket of its own, with a fake program behind it.
struct AdminStage {
    let control: FakeControl
    let configuration: GatewayConfiguration.Gateway
    let port: Int
    let log: LogCapture

    /// Runs `body` against a listener that is up, then stops it.
    static func run(
        _ control: FakeControl = FakeControl(), token: String? = "sesame", tcp: Bool = true,
        prepare: (String) throws -> Void = { _ in }, _ body: (AdminStage) async throws -> Void
    ) async throws {
        let folder = "/tmp/admin-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try prepare(folder)
        var configuration = GatewayConfiguration.Gateway()
        configuration.admin = tcp ? NetworkAddress(host: "127.0.0.1", port: 0) : nil
        configuration.adminToken = token.map { Secret($0) }
        configuration.stateDirectory = folder
        let log = LogCapture()
        let ports = LogCapture.Lines()
        let listener = AdminListener(
            control, configuration: configuration, wallClock: FixedClock(), logger: log.logger,
            onListening: { ports.add("\($0)") })
        let group = ServiceGroup(
            services: [listener], logger: Logger(label: "services", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { log.lines.finish() }
                try await group.run()
            }
            if await log.lines.wait(for: "admin listener is up", times: tcp ? 2 : 1) {
                let port = Int(ports.text) ?? 0
                let stage = AdminStage(control: control, configuration: configuration, port: port, log: log)
                do { try await body(stage) } catch { Issue.record(error) }
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    var client: AdminClient { AdminClient(configuration: configuration) }

    struct Answer {
        var status: Int
        var body: String
        var problem: AdminErrorBody.Words? {
            try? JSONDecoder().decode(AdminErrorBody.self, from: Data(body.utf8)).error
        }
    }

    /// Asks over TCP.
    func ask(
        _ path: String, _ method: HTTPMethod = .GET, token: String? = "sesame", body: String? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let buffer = try await response.body.collect(upTo: 4 << 20)
        return Answer(status: Int(response.status.code), body: String(buffer: buffer))
    }
}

/// Log lines in memory.
struct LogCapture: Sendable {
    let lines = Lines()

    var logger: Logger {
        Logger(label: "test") { [lines] _ in LogLines(format: .text, level: .trace) { lines.add($0) } }
    }

    var text: String { lines.text }

    final class Lines: @unchecked Sendable {
        // `stored` is touched under `lock` alone.
        private let lock = NSLock()
        private var stored: [String] = []
        private let stream: AsyncStream<String>
        private let added: AsyncStream<String>.Continuation

        init() { (stream, added) = AsyncStream.makeStream() }

        var text: String { lock.withLock { stored.joined(separator: "\n") } }

        func add(_ line: String) {
            lock.withLock { stored.append(line) }
            added.yield(line)
        }

        func finish() { added.finish() }

        /// True once so many lines had these words; false when there will be no more.
        func wait(for words: String, times: Int) async -> Bool {
            var left = times
            for await line in stream where line.contains(words) {
                left -= 1
                if left == 0 { return true }
            }
            return false
        }
    }
}
