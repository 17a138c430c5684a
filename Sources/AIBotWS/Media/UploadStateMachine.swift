import Shared

/// Takes one file through its upload: open, pieces, finish (protocol reference, section 17).
///
/// States: `idle → opening → sending → finishing → ended`; from `sending` and `finishing` back to `opening`, within
/// bounds, when the platform does not know the upload any more. Offline is a flag beside them: an upload belongs to the
/// bot, not to the connection, and goes on where it was for 30 minutes.
///
/// Why everything may be repeated: pieces are told apart by their number, and an upload that is opened twice or finished
/// twice leaves at most a media id that nobody uses.
///
/// Ignored as late: every answer to a request of an earlier upload, or to one that is not awaited.
struct UploadStateMachine: Sendable {
    /// Bytes of a piece before base64.
    static let chunkBytes = 512 << 10
    /// Most pieces of one upload.
    static let maxChunks = 100

    /// One request to the platform.
    enum Step: Hashable, Sendable {
        case open
        case chunk(Int)
        case finish
    }

    /// A step of one certain upload.
    struct Request: Hashable, Sendable {
        var step: Step
        /// Id that the platform gave; empty for `open`.
        var upload: String
        /// Counts uploads of this file.
        var epoch: Int
    }

    /// How it ended.
    enum Ending: Equatable {
        case uploaded(mediaID: String)
        case rejected(PlatformError)
        case interrupted
    }

    /// What the driver has to do, in order.
    enum Action: Equatable {
        case send(Request)
        /// Call `paused` after this time.
        case pause(Request, Duration)
        /// Call `sessionBack` when there is one, `sessionGone` when there will be none by then.
        case awaitSession(until: MonotonicInstant)
        /// Bytes that the platform has.
        case progress(Int)
        case end(Ending)
    }

    /// Bounds: repeats of one step, of all, lost sessions, the whole once more, and the whole after a silent finish.
    struct Limits {
        var repeatsPerStep = 4
        var repeats = 24
        var losses = 8
        var restarts = 1
        var restartsAfterSilence = 4
        var lifetime = Duration.seconds(30 * 60)
        var busyPause = Duration.milliseconds(500)
        /// Uploads are limited to 30 a minute.
        var quotaPause = Duration.seconds(10)
    }

    private enum Phase: Equatable {
        case idle
        case opening
        case sending(String)
        case finishing(String)
        case ended
    }

    private let bytes: Int
    private let chunks: Int
    private let limits: Limits
    private var phase = Phase.idle
    private var epoch = 0
    private var isOffline = false
    /// Steps in flight or pausing.
    private var engaged: Set<Step> = []
    private var nextChunk = 0
    private var again: [Int] = []
    private var ackedBytes = 0
    /// Pieces at a time; one once the platform was busy.
    private var width = 2
    private var repeats: [Step: Int] = [:]
    private var allRepeats = 0
    private var losses = 0
    private var restarts = 0
    private var openedAt = MonotonicInstant()

    init(bytes: Int, limits: Limits = Limits()) {
        self.bytes = bytes
        self.limits = limits
        chunks = Self.chunks(of: bytes)
    }

    /// Pieces of a file.
    static func chunks(of bytes: Int) -> Int { (bytes + chunkBytes - 1) / chunkBytes }

    /// Where a piece lies in the file.
    func range(of chunk: Int) -> Range<Int> {
        chunk * Self.chunkBytes..<min(bytes, (chunk + 1) * Self.chunkBytes)
    }

    // MARK: Inputs

    mutating func started(now: MonotonicInstant) -> [Action] {
        guard phase == .idle else { return [] }
        phase = .opening
        openedAt = now
        return proceed()
    }

    /// The platform took it.
    mutating func acked(_ request: Request, body: String?, now: MonotonicInstant) -> [Action] {
        guard isAwaited(request) else { return [] }
        let answer = body.flatMap { try? JSONValue(parsing: $0.utf8) }
        switch request.step {
        case .open:
            guard let id = answer?["upload_id"]?.string, !id.isEmpty else { return timedOut(request) }
            engaged.remove(.open)
            phase = .sending(id)
            return proceed()
        case .chunk(let index):
            engaged.remove(request.step)
            ackedBytes += range(of: index).count
            return [.progress(ackedBytes)] + proceed()
        case .finish:
            guard let id = answer?["media_id"]?.string, !id.isEmpty else { return timedOut(request) }
            return end(.uploaded(mediaID: id))
        }
    }

    /// The platform refused it.
    mutating func rejected(_ request: Request, _ error: PlatformError, now: MonotonicInstant) -> [Action] {
        guard isAwaited(request) else { return [] }
        switch error.reaction {
        case .recycleConnection: return sessionLost(request)
        case .retry: return pause(request, limits.busyPause, error)
        case .pauseConversation:
            return pause(request, error.code == 846_607 ? limits.quotaPause : limits.busyPause, error)
        default:
            // Of a piece or the end it means, as far as we can know, that this upload is not there any more.
            return request.step == .open ? end(.rejected(error)) : restart(or: .rejected(error), now: now)
        }
    }

    /// No answer came. A finish is sent once more too: its answer says whether the first one arrived.
    mutating func timedOut(_ request: Request) -> [Action] {
        guard isAwaited(request) else { return [] }
        width = 1
        guard countRepeat(request.step) != nil else { return end(.interrupted) }
        giveBack(request.step)
        return proceed()
    }

    /// It was not taken for now, by our own side: the same as a busy platform.
    mutating func notTaken(_ request: Request) -> [Action] {
        guard isAwaited(request) else { return [] }
        return pause(request, limits.busyPause, nil)
    }

    /// The connection ended on the way, or there was none.
    mutating func sessionLost(_ request: Request) -> [Action] {
        guard isAwaited(request) else { return [] }
        giveBack(request.step)
        // Without an upload there is nothing to keep: the caller knows better when to begin.
        guard phase != .opening else { return end(.interrupted) }
        guard !isOffline else { return [] }
        losses += 1
        guard losses <= limits.losses else { return end(.interrupted) }
        isOffline = true
        return [.awaitSession(until: openedAt.advanced(by: limits.lifetime))]
    }

    /// There is a session again.
    mutating func sessionBack(now: MonotonicInstant) -> [Action] {
        guard isOffline else { return [] }
        isOffline = false
        guard openedAt.duration(to: now) < limits.lifetime else { return restart(or: .interrupted, now: now) }
        return proceed()
    }

    /// There will be none in time.
    mutating func sessionGone() -> [Action] { isOffline ? end(.interrupted) : [] }

    /// A pause is over.
    mutating func paused(_ request: Request) -> [Action] {
        guard isAwaited(request) else { return [] }
        giveBack(request.step)
        return proceed()
    }

    // MARK: Transitions

    private func isAwaited(_ request: Request) -> Bool {
        request.epoch == epoch && phase != .ended && engaged.contains(request.step)
    }

    private mutating func giveBack(_ step: Step) {
        engaged.remove(step)
        if case .chunk(let index) = step { again.append(index) }
    }

    /// Starts what may be started now.
    private mutating func proceed() -> [Action] {
        guard !isOffline else { return [] }
        switch phase {
        case .idle, .ended: return []
        case .opening: return engaged.isEmpty ? [engage(.open, upload: "")] : []
        case .finishing(let id): return engaged.isEmpty ? [engage(.finish, upload: id)] : []
        case .sending(let id):
            var actions: [Action] = []
            while engaged.count < width, let index = takeChunk() { actions.append(engage(.chunk(index), upload: id)) }
            guard engaged.isEmpty else { return actions }
            phase = .finishing(id)
            return [engage(.finish, upload: id)]
        }
    }

    private mutating func takeChunk() -> Int? {
        if !again.isEmpty { return again.removeFirst() }
        guard nextChunk < chunks else { return nil }
        nextChunk += 1
        return nextChunk - 1
    }

    private mutating func engage(_ step: Step, upload: String) -> Action {
        engaged.insert(step)
        return .send(Request(step: step, upload: upload, epoch: epoch))
    }

    private mutating func pause(_ request: Request, _ unit: Duration, _ error: PlatformError?) -> [Action] {
        width = 1
        guard let count = countRepeat(request.step) else {
            return end(error.map { .rejected($0) } ?? .interrupted)
        }
        return [.pause(request, unit * count)]
    }

    /// How many times the step is repeated by now; nil when that is enough.
    private mutating func countRepeat(_ step: Step) -> Int? {
        let count = repeats[step, default: 0] + 1
        repeats[step] = count
        allRepeats += 1
        return count <= limits.repeatsPerStep && allRepeats <= limits.repeats ? count : nil
    }

    private mutating func restart(or ending: Ending, now: MonotonicInstant) -> [Action] {
        // A finish that is refused after one without an answer says that the first arrived: nothing is wrong but the line.
        let isSilent = repeats[.finish, default: 0] > 0
        guard restarts < (isSilent ? limits.restartsAfterSilence : limits.restarts) else { return end(ending) }
        restarts += 1
        epoch += 1
        engaged = []
        again = []
        nextChunk = 0
        ackedBytes = 0
        repeats = [:]
        phase = .opening
        openedAt = now
        return proceed()
    }

    private mutating func end(_ ending: Ending) -> [Action] {
        phase = .ended
        engaged = []
        return [.end(ending)]
    }
}
