/// The words of one answer as they come: reasoning is taken out, the rest is divided into segments, and those that are
/// closed wait for their delivery in order.
///
/// Every piece of text moves `revision`. Nothing here knows of bubbles, pushes or time.
struct AnswerText: Sendable {
    private let reasoning: ReasoningFilter.Mode
    private var cutter: SegmentCutter
    private var filter: ReasoningFilter
    private var escaper = ThinkTagEscaper()
    private var shown = ShownSegments()
    private var hasNewlyShown = false
    private var hasEnded = false
    /// Closed segments.
    var segments = SegmentQueue()
    /// Counts the pieces of text.
    private(set) var revision = 0

    /// - Parameter maxBytes: most that one bubble or message takes.
    init(settings: ReplySettings, maxBytes: Int) {
        reasoning = settings.reasoning
        filter = ReasoningFilter(mode: reasoning)
        let limit = max(maxBytes - settings.noticeBytes, maxBytes / 2)
        cutter = SegmentCutter(
            limitBytes: limit, firstReserveBytes: reasoning == .fold ? filter.maxBlockBytes : 0)
    }

    /// Takes up parts of an earlier run, or what it showed of an answer that is made again.
    mutating func resume(_ resumption: ReplyStreamStateMachine.Resumption) {
        segments = SegmentQueue(resuming: resumption.parts)
        if !resumption.isComplete { shown = ShownSegments(earlier: resumption.shown) }
    }

    // MARK: What comes in

    mutating func append(_ delta: String) { take(escaper.feed(filter.feed(delta).answer)) }

    mutating func think(_ delta: String) { _ = filter.feedReasoning(delta) }

    /// The whole answer so far was given anew.
    mutating func replace(with text: String) {
        filter = ReasoningFilter(mode: reasoning)
        escaper = ThinkTagEscaper()
        let answer = escaper.feed(filter.feed(text).answer)
        guard cutter.replace(with: answer) == .diverged else { return collectClosed() }
        // What is sealed cannot be unsaid: the new text follows as a whole.
        cutter = SegmentCutter(limitBytes: cutter.limitBytes)
        take(answer)
    }

    /// The answer so far reads better like this; left as it is when sealed text would have to change.
    mutating func rewrite(_ text: String) {
        guard segments.delivered == 0, segments.isEmpty else { return }
        if cutter.replace(with: text) != .diverged { collectClosed() }
    }

    /// Nothing more comes, but for `line`, which the program adds. `mustSeal` wants a segment to end an open bubble with.
    mutating func end(line: String?, mustSeal: Bool) {
        hasEnded = true
        take(escaper.feed(filter.finish().answer))
        take(escaper.finish())
        if let line { take((isVisible ? "\n\n" : "") + line) }
        if let last = lastSegment() ?? repetition(mustSeal) { segments.append(last) }
    }

    private mutating func lastSegment() -> String? {
        let display = cutter.open.display
        guard cutter.finish() != nil, VisibleText.isVisible(display) else { return nil }
        return display
    }

    /// An answer may end with what an earlier run had shown, while a bubble for more is open.
    private func repetition(_ mustSeal: Bool) -> String? { mustSeal && segments.isEmpty ? shown.lastMatched : nil }

    private mutating func take(_ answer: String) {
        guard !answer.isEmpty else { return }
        revision += 1
        cutter.append(answer)
        collectClosed()
    }

    private mutating func collectClosed() {
        let sealed = cutter.takeSealed()
        guard !sealed.isEmpty else { return }
        let answer = cutter.text
        // A bubble of blank lines alone would never stop spinning, and nobody misses it.
        for text in sealed.map({ $0.text(of: answer) }) where VisibleText.isVisible(text) {
            if shown.contains(text) { segments.skip() } else { segments.append(text) }
        }
    }

    // MARK: What there is

    /// Bytes so far.
    var utf8Count: Int { cutter.utf8Count }
    /// Whether these two bytes follow each other somewhere.
    func contains(_ first: UInt8, _ second: UInt8) -> Bool { cutter.contains(first, second) }
    /// Whole text so far.
    var whole: String { cutter.text }
    /// Whether anything of it can be seen, or is going to be.
    var isVisible: Bool { segments.delivered > 0 || !segments.isEmpty || VisibleText.isVisible(cutter.growing) }
    /// The segment that still grows; nothing while it may turn out to have been shown by an earlier run.
    var growing: String { isCatchingUp ? "" : cutter.growing }
    /// Whether the text has not yet come to where an earlier run ended.
    var isCatchingUp: Bool { shown.isCatchingUp }
    /// Folded reasoning.
    var thinkBlock: String? { filter.thinkBlock }

    /// Adds the folded reasoning to the first segment.
    func decorated(_ text: String) -> String {
        guard reasoning == .fold, segments.delivered == 0, let block = filter.thinkBlock else { return text }
        return block + text
    }

    // MARK: What was delivered

    /// The first segment was delivered, for certain or not. Returns its part when that is complete.
    mutating func firstDelivered(isSure: Bool) -> Int? {
        // Of a complete answer the ledger has the parts.
        if !hasEnded, let text = segments.first {
            shown.add(text, isSure: isSure)
            hasNewlyShown = true
        }
        return segments.firstDelivered()
    }

    /// Digests of the segments that people surely see, when there are more than at the last call.
    mutating func takeShown() -> [String]? {
        guard hasNewlyShown else { return nil }
        hasNewlyShown = false
        return shown.digests
    }
}
