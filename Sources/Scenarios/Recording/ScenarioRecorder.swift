public import AIBotWS
import Foundation
public import Shared

/// Makes a scenario from the frames of a running program, with everything personal taken out.
///
/// Feed it from the tap of a client. What the program's handler did is read off its frames, so a recording covers one bot
/// without policies; messages that got no answer are left out. Answers with folded reasoning and commands that the
/// scenarios do not know are named in comments and need a hand.
public final class ScenarioRecorder: Sendable {
    /// What to keep, and how much.
    public struct Options: Sendable {
        /// Bounds and texts of the recorded program: they tell its own words from answers.
        public var engine = EngineSettings()
        /// Name of the bot in mentions.
        public var displayName: String?
        /// Reaction to being replaced.
        public var onReplaced = SessionConfiguration.ReplacedPolicy.wait
        /// Whether texts stay as they were. Ids and secrets never do.
        public var keepsText = false
        /// Frames after which nothing more is kept.
        public var maxFrames = 5_000
        /// Bytes after which nothing more is kept.
        public var maxBytes = 4 << 20

        /// Creates the defaults.
        public init() {}
    }

    struct Entry: Sendable {
        var direction: FrameDirection
        var bytes: [UInt8]
        var at: MonotonicInstant
    }

    private struct State {
        var entries: [Entry] = []
        var bytes = 0
        var isFull = false
    }

    /// What to keep.
    public let options: Options
    private let state: RecorderBox<State>

    /// Creates an empty recording.
    public init(_ options: Options = Options()) {
        self.options = options
        state = RecorderBox(State())
    }

    /// Keeps one frame; called by a tap, on the transport's thread.
    public func record(_ direction: FrameDirection, _ bytes: ArraySlice<UInt8>, at instant: MonotonicInstant) {
        state.withLock { state in
            guard !state.isFull else { return }
            guard state.entries.count < options.maxFrames, state.bytes + bytes.count <= options.maxBytes else {
                state.isFull = true
                return
            }
            state.bytes += bytes.count
            state.entries.append(Entry(direction: direction, bytes: Array(bytes), at: instant))
        }
    }

    /// Frames kept so far.
    public var count: Int { state.withLock { $0.entries.count } }
    /// Whether a bound was reached, so that the rest is missing.
    public var isFull: Bool { state.withLock { $0.isFull } }

    /// The recording as a scenario, scrubbed.
    public func text(title: String) -> String {
        let (entries, isFull) = state.withLock { ($0.entries, $0.isFull) }
        var writer = RecordingWriter(options)
        return writer.write(entries, title: title, isFull: isFull)
    }
}

/// A value behind a lock.
final class RecorderBox<Value>: @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<Result>(_ body: (inout Value) -> Result) -> Result { lock.withLock { body(&value) } }
}
