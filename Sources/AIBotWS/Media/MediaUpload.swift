import Logging
import Shared

/// Uploads files of one session: asks the machine what to do, reads, sends and waits.
struct MediaUpload: Sendable {
    /// How long a piece may take: half a megabyte over a slow line.
    static let chunkTimeout = Duration.seconds(30)

    let session: SessionRunner
    let clock: any MonotonicClock

    private enum Event: Sendable {
        case answered(UploadStateMachine.Request, SendOutcome)
        case paused(UploadStateMachine.Request)
        case session(isBack: Bool)
    }

    /// Uploads one file when its turn has come.
    ///
    /// - Parameter progress: hears the bytes that the platform has; less than before when it starts again.
    func upload(_ media: OutboundMedia, progress: (@Sendable (Int) -> Void)?) async -> UploadOutcome {
        guard media.bytes > 0 else { return .unreadable("the file is empty") }
        guard UploadStateMachine.chunks(of: media.bytes) <= UploadStateMachine.maxChunks else {
            return .unreadable("the file is too large")
        }
        guard await session.uploads.enter() else { return .interrupted }
        defer { session.uploads.leave() }
        let logger = await session.logger
        let begun = clock.now
        logger.info("media upload begins", metadata: .init([.kind: media.kind.rawValue, .bytes: media.bytes]))
        let outcome: UploadOutcome
        do { outcome = try await transfer(media, logger, progress) } catch { outcome = .unreadable(error.reason) }
        logger.info(
            "media upload ended",
            metadata: .init([
                .kind: media.kind.rawValue, .bytes: media.bytes, .seconds: begun.duration(to: clock.now).inSeconds,
                .reason: Self.words(outcome),
            ]))
        return outcome
    }

    private static func words(_ outcome: UploadOutcome) -> String {
        switch outcome {
        case .uploaded: "uploaded"
        case .rejected(let error): "refused: \(error)"
        case .interrupted: "interrupted"
        case .unreadable(let reason): "unreadable: \(reason)"
        }
    }

    private func transfer(
        _ media: OutboundMedia, _ logger: Logger, _ progress: (@Sendable (Int) -> Void)?
    ) async throws(UploadFile.Unreadable) -> UploadOutcome {
        let file = try UploadFile(path: media.path, bytes: media.bytes)
        let source = Source(media: media, file: file, md5: try file.md5())
        // Answers come by this and not by tasks that wait for them: the end of an upload need not.
        let (events, post) = AsyncStream<Event>.makeStream()
        let result = await withDiscardingTaskGroup { group -> Result<UploadOutcome, UploadFile.Unreadable> in
            defer { group.cancelAll() }
            var incoming = events.makeAsyncIterator()
            var machine = UploadStateMachine(bytes: media.bytes)
            var actions = machine.started(now: clock.now)
            while true {
                for action in actions {
                    switch action {
                    case .send(let request):
                        do throws(UploadFile.Unreadable) {
                            try await send(request, source, machine, post)
                        } catch { return .failure(error) }
                    case .pause(let request, let time): pause(request, time, &group, post)
                    case .awaitSession(let until): awaitSession(until, &group, post)
                    case .progress(let bytes):
                        logger.debug("media upload", metadata: .init([.bytes: bytes]))
                        progress?(bytes)
                    case .end(let ending): return .success(Self.outcome(ending, media))
                    }
                }
                guard let event = await incoming.next(), !Task.isCancelled else { return .success(.interrupted) }
                actions = feed(event, to: &machine)
            }
        }
        return try result.get()
    }

    /// What the frames of an upload are made of.
    private struct Source {
        var media: OutboundMedia
        var file: UploadFile
        var md5: String?
    }

    private static func outcome(_ ending: UploadStateMachine.Ending, _ media: OutboundMedia) -> UploadOutcome {
        switch ending {
        case .uploaded(let id):
            .uploaded(UploadedMedia(kind: media.kind, mediaID: id, title: media.kind == .video ? media.name : nil))
        case .rejected(let error): .rejected(error)
        case .interrupted: .interrupted
        }
    }

    // MARK: Performing

    /// Reads here, one piece after another.
    private func send(
        _ request: UploadStateMachine.Request, _ source: Source, _ machine: UploadStateMachine,
        _ post: AsyncStream<Event>.Continuation
    ) async throws(UploadFile.Unreadable) {
        let frame: OutboundFrame
        switch request.step {
        case .open:
            frame = .uploadInit(
                await session.nextReqID(.uploadInit), source.media,
                chunks: UploadStateMachine.chunks(of: source.media.bytes), md5: source.md5)
        case .chunk(let index):
            let id = await session.nextReqID(.uploadChunk)
            let range = machine.range(of: index)
            frame = try .uploadChunk(id, upload: request.upload, index: index, bytes: range.count) {
                text throws(UploadFile.Unreadable) in
                try source.file.appendBase64(range, to: &text)
            }
        case .finish: frame = .uploadFinish(await session.nextReqID(.uploadFinish), upload: request.upload)
        }
        let timeout = frame.command == .uploadChunk ? Self.chunkTimeout : nil
        await session.send(frame, timeout: timeout) { post.yield(.answered(request, $0)) }
    }

    private func pause(
        _ request: UploadStateMachine.Request, _ time: Duration, _ group: inout DiscardingTaskGroup,
        _ post: AsyncStream<Event>.Continuation
    ) {
        let until = clock.now.advanced(by: time)
        group.addTask {
            try? await clock.sleep(until: until, tolerance: nil)
            post.yield(.paused(request))
        }
    }

    private func awaitSession(
        _ until: MonotonicInstant, _ group: inout DiscardingTaskGroup, _ post: AsyncStream<Event>.Continuation
    ) {
        group.addTask {
            let isBack = await withTaskGroup(of: Bool.self) { group in
                group.addTask { await session.isOnlineAgain() }
                group.addTask {
                    try? await clock.sleep(until: until, tolerance: nil)
                    return false
                }
                defer { group.cancelAll() }
                return await group.next() ?? false
            }
            post.yield(.session(isBack: isBack))
        }
    }

    private func feed(_ event: Event, to machine: inout UploadStateMachine) -> [UploadStateMachine.Action] {
        let now = clock.now
        switch event {
        case .paused(let request): return machine.paused(request)
        case .session(let isBack): return isBack ? machine.sessionBack(now: now) : machine.sessionGone()
        case .answered(let request, let outcome):
            switch outcome {
            case .acknowledged(let body): return machine.acked(request, body: body, now: now)
            case .rejected(let error): return machine.rejected(request, error, now: now)
            case .unknown(.ackTimeout): return machine.timedOut(request)
            case .notSent(.overflow), .notSent(.overtaken): return machine.notTaken(request)
            case .unknown(.sessionLost), .notSent(.offline), .notSent(.closed): return machine.sessionLost(request)
            }
        }
    }
}

extension SessionRunner {
    /// Waits for a subscribed session; false when none can be expected, and when the task is cancelled.
    nonisolated func isOnlineAgain() async -> Bool {
        for await status in await statuses() {
            switch status {
            case .online: return true
            case .closed, .superseded: return false
            case .idle, .connecting, .backingOff, .credentialsRejected: break
            }
        }
        return false
    }
}
