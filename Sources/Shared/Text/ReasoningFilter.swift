/// Separates a model's answer from the reasoning it mixes in as `<think>`, `<thinking>` or `<thought>` blocks.
///
/// Where a tag counts: an opening tag is recognised at the start of the answer and at the start of a line (behind at most three
/// spaces), never in a code fence, and so never in inline code or in running text either. Letter case does not matter, attributes
/// are not allowed. Reasoning ends at the first closing tag of any of the three names, wherever it stands; a block without one
/// reaches to the end of the answer. White space right after a block is dropped while the answer is still empty, later up
/// to the end of that line. A closing tag without an opening one is text, unless the filter was told that the
/// output starts inside reasoning.
///
/// States: answer, reasoning; both hold back a possible tag of at most eleven bytes. The result does not depend on how the
/// text was divided into deltas.
public struct ReasoningFilter: Sendable {
    /// What becomes of reasoning.
    public enum Mode: Sendable, Hashable {
        /// Thrown away at once: `Output.reasoning` is always empty.
        case drop
        /// Handed out, and kept for `thinkBlock`.
        case fold
    }

    /// Text that a call has made certain.
    public struct Output: Sendable, Hashable {
        /// Next part of the answer.
        public var answer: String
        /// Next part of the reasoning; always empty in mode `drop`.
        public var reasoning: String
    }

    /// What becomes of reasoning.
    public let mode: Mode
    /// Largest amount of reasoning that `thinkBlock` shows, in UTF-8 bytes.
    public let maxBlockBytes: Int

    private enum State {
        case answer
        case reasoning
    }

    private var state: State
    private var line = LineTracker()
    private var held: [UInt8] = []
    private var hasAnswer = false
    private var trim = Trim.none
    private var answer: [UInt8] = []
    private var reasoning: [UInt8] = []
    private var block: [UInt8] = []
    private var isBlockCut = false

    private enum Trim {
        case none
        /// All white space.
        case all
        /// White space up to the end of the line.
        case line
    }

    /// Makes a filter at the start of an answer.
    ///
    /// - Parameters:
    ///   - mode: what becomes of reasoning.
    ///   - startsInReasoning: the model's output begins inside a block whose opening tag it does not write.
    ///   - maxBlockBytes: largest amount of reasoning kept for `thinkBlock`, in UTF-8 bytes.
    public init(mode: Mode, startsInReasoning: Bool = false, maxBlockBytes: Int = 4_096) {
        self.mode = mode
        self.maxBlockBytes = max(maxBlockBytes, 0)
        state = startsInReasoning ? .reasoning : .answer
    }

    /// Whether the text so far ends inside a reasoning block.
    public var isReasoning: Bool { state == .reasoning }

    /// Takes the next part of the model's output.
    public mutating func feed(_ delta: String) -> Output {
        var delta = delta
        let wasHolding = !held.isEmpty
        delta.withUTF8 { read($0) }
        // Bytes leave in order: as many as came are the same.
        guard !wasHolding, reasoning.isEmpty, answer.count == delta.utf8.count else { return flush() }
        answer.removeAll(keepingCapacity: true)
        return Output(answer: delta, reasoning: "")
    }

    /// Takes reasoning that arrives apart from the answer (`reasoning_content`, `thinking`); dropped or handed out by mode.
    public mutating func feedReasoning(_ delta: String) -> Output {
        guard mode == .fold else { return Output(answer: "", reasoning: "") }
        for byte in delta.utf8 { addReasoning(byte) }
        return flush()
    }

    /// Ends the answer: what was held back as a possible tag is answer or reasoning after all.
    public mutating func finish() -> Output {
        release()
        return flush()
    }

    /// One closed `<think>` block with the reasoning so far, for the start of a bubble; nil in mode `drop` or without reasoning.
    ///
    /// At most `maxBlockBytes` and 19 bytes long; reasoning that is longer is cut and ends with `…`. It is display only:
    /// the text of a push or of the ledger is the answer alone.
    public var thinkBlock: String? {
        guard mode == .fold else { return nil }
        let escaped = VisibleText.escapeThinkTags(String(decoding: block, as: UTF8.self))
        var shown = VisibleText.prefix(of: escaped, maxBytes: maxBlockBytes)
        // What does not fit may have left half a cluster at the end.
        if isBlockCut, !shown.isEmpty, shown.utf8.count == escaped.utf8.count { shown.removeLast() }
        guard VisibleText.isVisible(String(shown)) else { return nil }
        return "<think>\(shown)\(isBlockCut || shown.utf8.count < escaped.utf8.count ? "…" : "")</think>\n"
    }
}

// MARK: - Bytes

extension ReasoningFilter {
    private mutating func flush() -> Output {
        defer {
            answer.removeAll(keepingCapacity: true)
            reasoning.removeAll(keepingCapacity: true)
        }
        return Output(
            answer: String(decoding: answer, as: UTF8.self), reasoning: String(decoding: reasoning, as: UTF8.self))
    }

    /// The rest of a line that nothing depends on is taken whole.
    private mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) {
        var index = 0
        while index < bytes.count {
            if state == .answer, held.isEmpty, trim == .none, hasAnswer, line.isPlain {
                let end = bytes.firstIndex(of: ASCII.lineFeed, from: index) ?? bytes.count
                answer.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[index..<end]))
                index = end
                guard index < bytes.count else { return }
            }
            take(bytes[index])
            index += 1
        }
    }

    private mutating func take(_ byte: UInt8) {
        if held.isEmpty {
            let mayBeTag = byte == ASCII.less && (state == .reasoning || line.mayOpenTag)
            if !mayBeTag { return add(byte) }
        }
        held.append(byte)
        switch (ThinkTags.match(held), state) {
        case (.partial, _): break
        case (.opener, .answer):
            held.removeAll()
            state = .reasoning
        case (.closer, .reasoning):
            held.removeAll()
            state = .answer
            trim = hasAnswer ? .line : .all
            line.startOver()
        default:
            // The byte that ends a false beginning may begin a tag itself.
            let last = held.removeLast()
            guard !held.isEmpty else { return add(last) }
            release()
            take(last)
        }
    }

    private mutating func release() {
        let bytes = held
        held.removeAll()
        for byte in bytes { add(byte) }
    }

    private mutating func add(_ byte: UInt8) {
        switch state {
        case .answer: addAnswer(byte)
        case .reasoning: addReasoning(byte)
        }
    }

    private mutating func addAnswer(_ byte: UInt8) {
        if trim != .none {
            let isDropped = ASCII.isWhitespace(byte)
            if !isDropped || (trim == .line && byte == ASCII.lineFeed) { trim = .none }
            if isDropped { return }
        }
        if !ASCII.isWhitespace(byte) { hasAnswer = true }
        line.take(byte)
        answer.append(byte)
    }

    private mutating func addReasoning(_ byte: UInt8) {
        guard mode == .fold else { return }
        reasoning.append(byte)
        if block.count < maxBlockBytes { block.append(byte) } else { isBlockCut = true }
    }
}

/// Knows, byte by byte, whether a tag may open here: at a line's start, outside code fences.
private struct LineTracker: Sendable {
    private enum Phase {
        case indent(Int)
        case markers(UInt8, Int)
        /// Rest of a line that may open or close a fence.
        case info(UInt8, Int, hasBacktick: Bool, hasText: Bool)
        case rest
    }

    private var phase = Phase.indent(0)
    private var fence: (marker: UInt8, length: Int)?

    var mayOpenTag: Bool {
        if case .indent(let width) = phase { return fence == nil && width <= 3 }
        return false
    }

    /// Whether the rest of the line changes nothing here.
    var isPlain: Bool { if case .rest = phase { true } else { false } }

    /// A block that began at a line's start has ended: what follows stands at that start again.
    mutating func startOver() { phase = .indent(0) }

    mutating func take(_ byte: UInt8) {
        if byte == ASCII.lineFeed {
            endLine()
            phase = .indent(0)
            return
        }
        switch phase {
        case .indent(let width):
            switch byte {
            case ASCII.space: phase = .indent(width + 1)
            case ASCII.tab: phase = .indent(width + 4)
            // Fences in quotes count, tags in quotes do not.
            case ASCII.greater: phase = .indent(width + 4)
            case ASCII.backtick, ASCII.tilde: phase = .markers(byte, 1)
            default: phase = .rest
            }
        case .markers(let marker, let count):
            if byte == marker {
                phase = .markers(marker, count + 1)
            } else if count >= 3 {
                phase = .info(
                    marker, count, hasBacktick: byte == ASCII.backtick, hasText: !ASCII.isWhitespace(byte))
            } else {
                phase = .rest
            }
        case .info(let marker, let count, let hasBacktick, let hasText):
            phase = .info(
                marker, count, hasBacktick: hasBacktick || byte == ASCII.backtick,
                hasText: hasText || !ASCII.isWhitespace(byte))
        case .rest: break
        }
    }

    private mutating func endLine() {
        switch phase {
        case .markers(let marker, let count) where count >= 3:
            fenceLine(marker, count, hasBacktick: false, hasText: false)
        case .info(let marker, let count, let hasBacktick, let hasText):
            fenceLine(marker, count, hasBacktick: hasBacktick, hasText: hasText)
        default: break
        }
    }

    private mutating func fenceLine(_ marker: UInt8, _ count: Int, hasBacktick: Bool, hasText: Bool) {
        if let fence {
            if marker == fence.marker, count >= fence.length, !hasText { self.fence = nil }
        } else if marker == ASCII.tilde || !hasBacktick {
            fence = (marker, count)
        }
    }
}
