import Foundation
import Shared
import Testing

@testable import AIBotWS

private func content(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
}

private func media(_ file: TemporaryFile, _ bytes: Int, kind: MediaReference.Kind = .file) -> OutboundMedia {
    OutboundMedia(path: file.path, kind: kind, name: "report.bin", bytes: bytes)
}

/// Numbers heard so far.
final class Heard<Value: Sendable>: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var values: [Value] = []
    func add(_ value: Value) { lock.withLock { values.append(value) } }
    var all: [Value] { lock.withLock { values } }
}

/// Lets time pass until `isDone`, half a second at a time.
private func pass(_ platform: FakePlatform, atMost limit: Duration = .seconds(600), until isDone: () -> Bool) async {
    let begun = platform.clock.now
    while !isDone(), begun.duration(to: platform.clock.now) < limit {
        platform.clock.advance(by: .milliseconds(500))
        await platform.transport.settle()
        for _ in 0..<64 { await Task.yield() }
    }
}

/// Uploads a file while time passes and `during` looks on.
private func upload(
    _ platform: FakePlatform, _ media: OutboundMedia, _ progress: Heard<Int> = Heard(), log: StatusLog = StatusLog(),
    during: @escaping @Sendable () async -> Void = {}
) async -> UploadOutcome {
    await platform.online(log) { session in
        let outcomes = Heard<UploadOutcome>()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let channel = LongConnection(session, clock: platform.clock)
                outcomes.add(await channel.upload(media) { progress.add($0) })
            }
            await during()
            await pass(platform) { !outcomes.all.isEmpty }
            await group.waitForAll()
        }
        return outcomes.all.first ?? .interrupted
    }
}

extension UploadOutcome {
    fileprivate var isUploaded: Bool { if case .uploaded = self { true } else { false } }
}

@Suite("MediaUpload")
struct MediaUploadTests {
    static let bytes = 3 * (512 << 10) + 1_000

    @Test("media.out: P13, WS-17: a file arrives whole, in pieces of 512 KiB counted from 0, and progress is told")
    func wholeFile() async {
        let platform = FakePlatform()
        let content = content(Self.bytes)
        let file = TemporaryFile(content)
        let progress = Heard<Int>()
        let outcome = await upload(platform, media(file, content.count), progress)
        #expect(outcome.isUploaded)
        #expect(platform.uploads.has(content))
        #expect(platform.uploads.finished == 1)
        #expect(platform.uploads.seen == ["init", "chunk", "chunk", "chunk", "chunk", "finish"])
        #expect(progress.all.sorted() == progress.all)
        #expect(progress.all.last == content.count)
        let ids = platform.state.withLock { $0.frames.compactMap { $0.value["headers"]?["req_id"]?.string } }
        #expect(Set(ids).count == ids.count)
    }

    @Test("WS-17: the end of an upload does not wait for answers that are still to come", .timeLimit(.minutes(1)))
    func cancelled() async {
        let platform = FakePlatform()
        let content = content(Self.bytes)
        let file = TemporaryFile(content)
        platform.uploads.obstruct("chunk", [.loses, .loses])
        let outcome = await platform.online { session in
            await withTaskGroup(of: UploadOutcome.self) { group in
                let media = media(file, content.count)
                group.addTask { await LongConnection(session, clock: platform.clock).upload(media, progress: nil) }
                await eventually("sent") { platform.uploads.seen == ["init", "chunk", "chunk"] }
                // No time passes, so no ack is overdue.
                group.cancelAll()
                return await group.next()
            }
        }
        #expect(outcome == .interrupted)
    }

    @Test("WS-17: a video carries its name as title; the md5 is that of the file")
    func video() async throws {
        let platform = FakePlatform()
        let file = TemporaryFile(Array("abc".utf8) + Array("de".utf8))
        let outcome = await upload(platform, media(file, 5, kind: .video))
        guard case .uploaded(let uploaded) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(uploaded.title == "report.bin")
        #expect(uploaded.mediaID.hasPrefix("media-of-"))
        let opening = platform.state.withLock { state in
            state.frames.first { $0.value["cmd"] == "aibot_upload_media_init" }?.value["body"]
        }
        #expect(opening?["md5"] == "ab56b4d92b40713acc5af89985d4b786")
        #expect(opening?["total_chunks"] == .integer(1))
    }

    @Test(
        "media.out: P13, WS-17: lost answers and a busy platform are overcome",
        arguments: [
            ("init", [FakeUploads.Obstacle.loses]), ("init", [.takesSilently]), ("init", [.refuses(-1)]),
            ("init", [.refuses(846_607), .refuses(846_607)]), ("init", [.refuses(45_009), .refuses(45_033)]),
            ("chunk", [.loses]), ("chunk", [.takesSilently, .loses]),
            ("chunk", [.refuses(-1), .refuses(6_000), .refuses(-1), .refuses(-1)]), ("finish", [.loses]),
            ("finish", [.takesSilently]), ("finish", [.refuses(-1)]), ("finish", [.refuses(40_058)]),
        ])
    func obstacles(command: String, list: [FakeUploads.Obstacle]) async {
        let platform = FakePlatform()
        platform.uploads.obstruct(command, list)
        let content = content(Self.bytes)
        let file = TemporaryFile(content)
        let outcome = await upload(platform, media(file, content.count))
        #expect(outcome.isUploaded)
        #expect(platform.uploads.has(content))
    }

    @Test("WS-17: a refusal that lasts ends it with its number")
    func refused() async {
        let platform = FakePlatform()
        platform.uploads.obstruct("init", [.refuses(40_005)])
        let file = TemporaryFile(content(100))
        #expect(await upload(platform, media(file, 100)) == .rejected(PlatformError(code: 40_005)))
        #expect(platform.uploads.seen == ["init"])
        platform.uploads.obstruct("finish", Array(repeating: .refuses(-1), count: 50))
        #expect(await upload(platform, media(file, 100)) == .rejected(PlatformError(code: -1)))
    }

    @Test("media.out: P13, WS-17: goes on with the same upload after a reconnect")
    func reconnect() async {
        let platform = FakePlatform()
        let log = StatusLog()
        platform.uploads.obstruct("chunk", [.takesSilently, .loses])
        let content = content(Self.bytes)
        let file = TemporaryFile(content)
        let outcome = await upload(platform, media(file, content.count), log: log) {
            await eventually("two pieces on their way") { platform.uploads.seen.count { $0 == "chunk" } == 2 }
            platform.transport.dropConnection(platform.current)
            await eventually("lost") { if case .backingOff = log.last { true } else { false } }
        }
        #expect(outcome.isUploaded)
        #expect(platform.uploads.has(content))
        #expect(platform.uploads.finished == 1)
        #expect(platform.uploads.seen.count { $0 == "init" } == 1)
        #expect(platform.count("aibot_subscribe") == 2)
    }

    @Test("WS-17: 846609 on a piece recycles the connection and goes on")
    func notSubscribed() async {
        let platform = FakePlatform()
        platform.uploads.obstruct("chunk", [.refuses(846_609)])
        let content = content(Self.bytes)
        let file = TemporaryFile(content)
        #expect(await upload(platform, media(file, content.count)).isUploaded)
        #expect(platform.uploads.has(content))
        #expect(platform.uploads.finished == 1)
        #expect(platform.count("aibot_subscribe") == 2)
    }

    @Test("WS-17: an upload that the platform forgot is started again, once")
    func forgotten() async {
        let platform = FakePlatform()
        let log = StatusLog()
        platform.uploads.obstruct("chunk", [.loses, .loses])
        let content = content(Self.bytes)
        let file = TemporaryFile(content)
        let outcome = await upload(platform, media(file, content.count), log: log) {
            await eventually("two pieces on their way") { platform.uploads.seen.count { $0 == "chunk" } == 2 }
            platform.uploads.forget()
        }
        #expect(outcome.isUploaded)
        #expect(platform.uploads.has(content))
        #expect(platform.uploads.finished == 1)
        #expect(platform.uploads.seen.count { $0 == "init" } == 2)
    }

    @Test("WS-17: without a session it is interrupted at once")
    func offline() async {
        let platform = FakePlatform()
        let file = TemporaryFile(content(100))
        let channel = LongConnection(platform.client().session, clock: platform.clock)
        #expect(await channel.upload(media(file, 100), progress: nil) == .interrupted)
    }

    @Test("WS-17: a missing, changed or oversized file is unreadable")
    func unreadable() async {
        let platform = FakePlatform()
        let file = TemporaryFile(content(100))
        func isUnreadable(_ media: OutboundMedia) async -> Bool {
            if case .unreadable = await upload(platform, media) { true } else { false }
        }
        #expect(await isUnreadable(OutboundMedia(path: file.path + "-none", kind: .file, name: "x", bytes: 100)))
        #expect(await isUnreadable(OutboundMedia(path: "/", kind: .file, name: "x", bytes: 100)))
        #expect(await isUnreadable(media(file, 99)))
        #expect(await isUnreadable(media(file, 0)))
        #expect(await isUnreadable(media(file, 51 << 20)))
        #expect(platform.uploads.seen.isEmpty)
    }

    @Test("WS-17: a file that changes on the way is not sent as a mixture")
    func changes() async {
        let platform = FakePlatform()
        platform.uploads.obstruct("chunk", [.loses, .loses])
        let file = TemporaryFile(content(Self.bytes))
        let outcome = await upload(platform, media(file, Self.bytes)) {
            await eventually("two pieces on their way") { platform.uploads.seen.count { $0 == "chunk" } == 2 }
            file.write(content(Self.bytes - 1, seed: 2))
        }
        #expect(!outcome.isUploaded)
        #expect(platform.uploads.finished == 0)
    }
}

@Suite("UploadQueue")
struct UploadQueueTests {
    @Test("WS-17: two at a time, others in order, more than 64 waiting are turned away")
    func order() async {
        let queue = UploadQueue()
        #expect(await queue.enter())
        #expect(await queue.enter())
        let entered = Heard<Int>()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<UploadQueue.capacity {
                group.addTask {
                    if await queue.enter() { entered.add(number) }
                }
                await eventually("waits") { queue.waitingCount == number + 1 }
            }
            #expect(!(await queue.enter()))
            for number in 0..<UploadQueue.capacity {
                queue.leave()
                await eventually("its turn") { entered.all.count == number + 1 }
            }
            #expect(entered.all == Array(0..<UploadQueue.capacity))
        }
    }

    @Test("WS-17: who is cancelled while waiting takes no place")
    func cancelled() async {
        let queue = UploadQueue()
        _ = await queue.enter()
        _ = await queue.enter()
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await queue.enter() }
            await eventually("waits") { queue.waitingCount == 1 }
            group.cancelAll()
            #expect(await group.next() == false)
        }
        #expect(queue.waitingCount == 0)
        queue.leave()
        #expect(await queue.enter())
    }
}
