import DequeModule

/// Shows one answer: as bubbles that grow while their window is open, and as pushes after it.
///
/// The answer is divided into segments. The open one grows; one that reached the limit is closed and gets exactly one
/// final frame. A segment is delivered through its bubble, or, once the answer was handed over (deadline, refused reply
/// address, expired bubble), as a push. Sealed segments are not repeated, so that sealed segments plus pushed text equal
/// the answer.
///
/// One operation is in flight at a time. While it is, text only accumulates, so memory is the answer and the pace is that
/// of the acks. A bubble's frame is idempotent, so one without an outcome is simply sent again; a push is not, and is sent
/// again only when its connection died.
///
/// States are a product: the way of delivery (`Way`), the bubble shown now, and whether the handler has ended. Late or
/// repeated inputs are ignored; nothing poisons the machine. Terminal: a report was given.
public struct ReplyStreamStateMachine: Sendable {
    /// What the driver has to do next.
    public enum Action: Hashable, Sendable {
        /// Perform, then call `completed`.
        case perform(Operation)
        /// Nothing to do before that instant, or before the next input.
        case wait(until: MonotonicInstant?)
        /// All is said.
        case done(DeliveryReport)
    }

    /// One operation on the channel, without its address.
    public enum Operation: Hashable, Sendable {
        /// Show or refresh a bubble; `finish` seals it.
        case stream(id: StreamID, content: String, finish: Bool)
        /// Markdown at the reply address.
        case reply(String)
        /// Markdown to the conversation.
        case push(String)
    }

    /// How the handler ended.
    public enum Ending: Hashable, Sendable {
        /// Answer complete.
        case finished
        /// Failed, with words for the person.
        case failed(String)
        /// Stopped by the person.
        case stopped
        /// The program is going down.
        case interrupted
    }

    private enum Way: Hashable {
        case bubbles
        /// The client takes no streams: whole Markdown messages at the reply address.
        case replies
        case pushes
    }

    private struct Bubble {
        var id: StreamID
        var openedAt: MonotonicInstant
        var sent: String
        var sentAt: MonotonicInstant
    }

    private let settings: ReplySettings
    private let streamName: String
    private let createdAt: MonotonicInstant
    private var cutter: SegmentCutter
    private var filter: ReasoningFilter
    private var escaper = ThinkTagEscaper()
    private let replyWindow: Duration
    private var closed: Deque<String> = []
    private var segmentsDelivered = 0
    private var bubblesOpened = 0
    private var bubble: Bubble?
    private var way: Way
    private var ending: Ending?
    private var abandoned = false
    private var inFlight: (operation: Operation, epoch: Int)?
    /// Refusals and unanswered tries of the operation that comes next.
    private var refusals = 0
    private var unanswered = 0
    private var notBefore: MonotonicInstant?
    /// When an unanswered operation counts as delivered, unless its session turns out dead before.
    private var assumeAt: MonotonicInstant?
    /// Operation that is not sent again while it may have been delivered.
    private var doubtful: Operation?
    private var snapshotsNotBefore: MonotonicInstant?
    private var epoch = 0
    private var online: Bool
    private var queuedAhead: Int?
    private var hintsShown = 0
    private var hintAt: MonotonicInstant?
    /// Last content of a bubble that is being sealed at its deadline. Once such a frame may have arrived, nothing else can
    /// follow in that bubble.
    private var sealContent: String?
    private var report = DeliveryReport()

    /// Creates the machine for one answer.
    ///
    /// - Parameters:
    ///   - name: unique beginning of the ids of its bubbles.
    ///   - maxTextBytes: longest text of one message on the channel.
    ///   - replyWindow: time after the message within which a further bubble may be opened.
    ///   - queuedAhead: messages that come before this one; nil when its turn is now.
    ///   - pushOnly: there is no reply address.
    ///   - online: whether the session is subscribed now.
    public init(
        settings: ReplySettings, name: String, maxTextBytes: Int, replyWindow: Duration, queuedAhead: Int?,
        pushOnly: Bool = false, online: Bool = true, now: MonotonicInstant
    ) {
        way = pushOnly ? .pushes : .bubbles
        self.settings = settings
        self.replyWindow = replyWindow
        self.online = online
        self.queuedAhead = queuedAhead
        streamName = name
        createdAt = now
        filter = ReasoningFilter(mode: settings.reasoning)
        let limit = max(maxTextBytes - settings.noticeBytes, maxTextBytes / 2)
        let reserve = settings.reasoning == .fold ? filter.maxBlockBytes : 0
        cutter = SegmentCutter(limitBytes: limit, firstReserveBytes: reserve)
        if queuedAhead == nil { hintAt = firstHint(after: now) }
    }

    // MARK: Inputs from the handler

    /// Bytes of answer so far.
    public var answerBytes: Int { cutter.utf8Count }

    /// The message's turn has come.
    public mutating func started(now: MonotonicInstant) {
        guard queuedAhead != nil else { return }
        queuedAhead = nil
        hintAt = firstHint(after: now)
    }

    /// Text was added.
    public mutating func appended(_ delta: String) {
        guard ending == nil else { return }
        take(escaper.feed(filter.feed(delta).answer))
    }

    /// Reasoning was added.
    public mutating func thought(_ delta: String) {
        guard ending == nil else { return }
        _ = filter.feedReasoning(delta)
    }

    /// The whole answer so far was given anew.
    public mutating func replaced(with text: String) {
        guard ending == nil else { return }
        filter = ReasoningFilter(mode: settings.reasoning)
        escaper = ThinkTagEscaper()
        let answer = escaper.feed(filter.feed(text).answer)
        guard cutter.replace(with: answer) == .diverged else { return collectClosed() }
        // What is sealed cannot be unsaid: the new text follows as a whole.
        cutter = SegmentCutter(limitBytes: cutter.limitBytes)
        take(answer)
    }

    /// The handler ended; later text is ignored.
    public mutating func ended(_ how: Ending) {
        guard ending == nil else { return }
        take(escaper.feed(filter.finish().answer))
        take(escaper.finish())
        ending = how
        queuedAhead = nil
        if let line = line(for: how) {
            let visible = segmentsDelivered > 0 || !closed.isEmpty || VisibleText.isVisible(cutter.open.display)
            take((visible ? "\n\n" : "") + line)
        }
        let last = lastSegment()
        if let last { closed.append(last) }
        if segmentsDelivered == 0, closed.isEmpty { closed.append(settings.words.empty) }
    }

    private mutating func lastSegment() -> String? {
        let display = cutter.open.display
        guard cutter.finish() != nil, VisibleText.isVisible(display) else { return nil }
        return display
    }

    private func line(for ending: Ending) -> String? {
        switch ending {
        case .finished: nil
        case .failed(let words): words
        case .stopped: settings.words.stopped
        case .interrupted: settings.words.interrupted
        }
    }

    private mutating func take(_ answer: String) {
        guard !answer.isEmpty else { return }
        cutter.append(answer)
        collectClosed()
    }

    private mutating func collectClosed() {
        let sealed = cutter.takeSealed()
        guard !sealed.isEmpty else { return }
        let answer = cutter.text
        // A bubble of blank lines alone would never stop spinning, and nobody misses it.
        closed.append(contentsOf: sealed.map { $0.text(of: answer) }.filter(VisibleText.isVisible))
    }

    /// Nothing more is to be said; what is unsaid is reported with `reason`.
    public mutating func abandon(_ reason: String) {
        guard !isComplete else { return }
        give(up: reason)
    }

    // MARK: Inputs from the channel

    /// The session is subscribed again.
    public mutating func sessionOnline() {
        epoch += 1
        online = true
        sendDoubtfulAgain()
    }

    /// The session is gone.
    public mutating func sessionOffline() {
        online = false
        sendDoubtfulAgain()
    }

    /// An ack came for `operation` after its outcome had been given as unknown.
    public mutating func settledLate(_ operation: Operation, _ verdict: LateVerdict, now: MonotonicInstant) {
        snapshotsNotBefore = nil
        guard doubtful == operation else { return }
        doubtful = nil
        switch verdict {
        case .acknowledged: succeeded(operation)
        case .overtaken: assume(operation)
        case .rejected(let error): refused(operation, error, epoch: epoch, now: now)
        }
    }

    /// The line was dead, so the silence meant nothing.
    private mutating func sendDoubtfulAgain() {
        assumeAt = nil
        guard let operation = doubtful else { return }
        doubtful = nil
        if !operation.isStream { report.repeated += 1 }
    }

    /// Outcome of the operation in flight.
    public mutating func completed(_ outcome: SendOutcome, now: MonotonicInstant) {
        guard let (operation, sentEpoch) = inFlight else { return }
        inFlight = nil
        switch outcome {
        case .acknowledged: succeeded(operation)
        case .rejected(let error): refused(operation, error, epoch: sentEpoch, now: now)
        // A time-out that is heard of only after its session ended is a lost session.
        case .unknown(.ackTimeout) where epoch == sentEpoch: unanswered(operation, now: now)
        case .unknown:
            if !operation.isSnapshot {
                unanswered += 1
                report.repeated += 1
            }
            wentOffline(epoch: sentEpoch)
        case .notSent(.offline): wentOffline(epoch: sentEpoch)
        case .notSent(.overflow): notBefore = now.advanced(by: settings.minInterval)
        case .notSent(.overtaken): break
        case .notSent(.closed): give(up: "closed")
        }
    }

    private mutating func wentOffline(epoch sentEpoch: Int) {
        // A newer session may have started before this outcome was heard of.
        if epoch == sentEpoch { sessionOffline() }
    }

    private mutating func succeeded(_ operation: Operation) {
        refusals = 0
        unanswered = 0
        assumeAt = nil
        notBefore = nil
        snapshotsNotBefore = nil
        switch operation {
        case .stream(_, _, finish: false): break
        case .stream where sealContent != nil: handOver()
        case .stream, .reply: segmentDelivered()
        case .push:
            report.pushed += 1
            segmentDelivered()
        }
    }

    private mutating func segmentDelivered() {
        bubble = nil
        segmentsDelivered += 1
        report.segments += 1
        if !closed.isEmpty { closed.removeFirst() }
    }

    private mutating func handOver() {
        sealContent = nil
        bubble = nil
        way = .pushes
        report.handedOver = true
        refusals = 0
        unanswered = 0
        assumeAt = nil
        notBefore = nil
    }

    private mutating func unanswered(_ operation: Operation, now: MonotonicInstant) {
        switch operation {
        case .stream(_, _, finish: false): snapshotsNotBefore = now.advanced(by: settings.ackTimeout)
        case .stream(_, _, finish: true):
            unanswered += 1
            guard unanswered >= 3 else {
                report.repeated += 1
                assumeAt = assumeAt ?? now.advanced(by: settings.assumeAfter)
                return
            }
            if sealContent == nil { doubt(operation, now: now) } else { assume(operation) }
        case .reply, .push: doubt(operation, now: now)
        }
    }

    /// If the session lives on for longer than a dead line stays unnoticed, the platform had it: order is kept.
    private mutating func doubt(_ operation: Operation, now: MonotonicInstant) {
        doubtful = operation
        assumeAt = assumeAt ?? now.advanced(by: settings.assumeAfter)
    }

    private mutating func assume(_ operation: Operation) {
        report.assumed += 1
        succeeded(operation)
    }

    private mutating func refused(
        _ operation: Operation, _ error: PlatformError, epoch sentEpoch: Int, now: MonotonicInstant
    ) {
        report.lastRefusal = error.code
        let earlier = refusals
        refusals += 1
        guard !operation.isSnapshot else {
            return snapshotRefused(operation, error, epoch: sentEpoch, now: now)
        }
        switch error.reaction {
        case .retry where earlier < 3: notBefore = now.advanced(by: .milliseconds(200) * (1 << earlier))
        // There is no way after a push: a busy platform is waited for.
        case .retry where way == .pushes: notBefore = now.advanced(by: pause(earlier - 3))
        case .pauseConversation: notBefore = now.advanced(by: pause(earlier))
        case .recycleConnection: wentOffline(epoch: sentEpoch)
        case .refuseContent: replaceRefusedContent(operation)
        case .split: splitClosed(operation)
        case .sendAsMarkdown where operation.isStream: fallBackToReplies()
        case .streamOver where arrivedBefore(operation, now: now): assume(operation)
        default: otherWay(operation)
        }
    }

    /// A snapshot may be left out; only an address or a bubble that is gone changes the way of delivery, since the bubble
    /// still wants its final frame.
    private mutating func snapshotRefused(
        _ operation: Operation, _ error: PlatformError, epoch sentEpoch: Int, now: MonotonicInstant
    ) {
        switch error.reaction {
        case .push, .streamOver: handOver()
        case .sendAsMarkdown: fallBackToReplies()
        case .recycleConnection: wentOffline(epoch: sentEpoch)
        case .refuseContent: replaceRefusedContent(operation)
        case .retry: snapshotsNotBefore = now.advanced(by: settings.minInterval)
        default: snapshotsNotBefore = now.advanced(by: pause(refusals - 1))
        }
    }

    private func pause(_ earlier: Int) -> Duration { min(.seconds(60), .seconds(3) * (1 << min(max(earlier, 0), 5))) }

    /// Whether a refused final frame means that an earlier try of it had arrived.
    private func arrivedBefore(_ operation: Operation, now: MonotonicInstant) -> Bool {
        guard operation.isFinal, unanswered > 0, sealContent == nil, let bubble else { return false }
        return bubble.openedAt.duration(to: now) < settings.maxBubbleAge
    }

    /// This way of delivery is shut; the next one takes the segment over.
    private mutating func otherWay(_ operation: Operation) {
        switch operation {
        case .stream, .reply: handOver()
        case .push: give(up: "refused")
        }
    }

    private mutating func fallBackToReplies() {
        way = .replies
        bubble = nil
        sealContent = nil
    }

    private mutating func replaceRefusedContent(_ operation: Operation) {
        guard !report.contentRefused else { return otherWay(operation) }
        report.contentRefused = true
        ending = ending ?? .finished
        closed = [settings.words.refused]
    }

    private mutating func splitClosed(_ operation: Operation) {
        guard sealContent == nil, let first = closed.first, first.utf8.count > Chunker.minLimitBytes * 4 else {
            return otherWay(operation)
        }
        closed.removeFirst()
        let pieces = Chunker(limitBytes: first.utf8.count / 2 + 64).chunks(of: first).map { $0.text(of: first) }
        closed.insert(contentsOf: pieces, at: closed.startIndex)
    }

    private mutating func give(up reason: String) {
        report.failure = reason
        abandoned = true
    }

    // MARK: Deciding

    /// Next thing to do. Call after every input and whenever the instant of a wait has come.
    public mutating func next(now: MonotonicInstant) -> Action {
        guard inFlight == nil else { return .wait(until: nil) }
        if abandoned || isComplete { return .done(report) }
        let expiry = createdAt.advanced(by: settings.keepFor)
        guard now < expiry else {
            give(up: "expired")
            return .done(report)
        }
        guard online else { return .wait(until: expiry) }
        if let notBefore, now < notBefore { return .wait(until: notBefore) }
        if let doubtful {
            if let assumeAt, now < assumeAt { return .wait(until: assumeAt) }
            self.doubtful = nil
            assume(doubtful)
            return next(now: now)
        }
        switch way {
        case .bubbles: return nextBubbleAction(now: now)
        case .replies: return nextWhole(expiry) { .reply($0) }
        case .pushes: return nextWhole(expiry) { .push($0) }
        }
    }

    private var isComplete: Bool { ending != nil && closed.isEmpty }

    private mutating func nextWhole(_ expiry: MonotonicInstant, _ operation: (String) -> Operation) -> Action {
        // Nothing is pushed before the answer is complete: pieces of it would each cost quota and attention.
        guard ending != nil, let first = closed.first else { return .wait(until: expiry) }
        return begin(operation(first))
    }

    private mutating func begin(_ operation: Operation) -> Action {
        inFlight = (operation, epoch)
        return .perform(operation)
    }

    private mutating func nextBubbleAction(now: MonotonicInstant) -> Action {
        // Past every window a platform may swallow the frame instead of refusing it.
        if let bubble, bubble.openedAt.duration(to: now) >= replyWindow {
            handOver()
            return next(now: now)
        }
        if let sealContent { return finalFrame(sealContent, now: now) }
        guard let shown = bubble else { return withoutBubble(now: now) }
        if let first = closed.first { return finalFrame(decorated(first), now: now) }
        let deadline = shown.openedAt.advanced(by: settings.maxBubbleAge)
        guard now < deadline else { return seal(now: now) }
        return growing(shown, deadline, now: now)
    }

    private mutating func withoutBubble(now: MonotonicInstant) -> Action {
        guard bubblesOpened == 0 || createdAt.duration(to: now) < replyWindow else {
            handOver()
            return next(now: now)
        }
        if let first = closed.first { return finalFrame(decorated(first), now: now) }
        if bubblesOpened == 0 { return snapshot(waitingContent(now: now), now: now) }
        let open = cutter.open.display
        guard settings.showsGrowth, VisibleText.isVisible(open) else { return .wait(until: nil) }
        return snapshot(open, now: now)
    }

    /// Seals the bubble at its deadline with what it would show, and says that the rest comes as a new message.
    private mutating func seal(now: MonotonicInstant) -> Action {
        let text = decorated(cutter.open.display)
        let notice = settings.words.handOver
        let content = VisibleText.isVisible(text) ? text + "\n\n" + notice : notice
        sealContent = content
        return finalFrame(content, now: now)
    }

    private mutating func finalFrame(_ content: String, now: MonotonicInstant) -> Action {
        let shown = bubble ?? newBubble(content, now: now)
        bubble = shown
        return begin(.stream(id: shown.id, content: content, finish: true))
    }

    private mutating func newBubble(_ content: String, now: MonotonicInstant) -> Bubble {
        bubblesOpened += 1
        let id = bubblesOpened == 1 ? streamName : "\(streamName)-\(bubblesOpened)"
        return Bubble(id: StreamID(id), openedAt: now, sent: content, sentAt: now)
    }

    private mutating func snapshot(_ content: String, now: MonotonicInstant) -> Action {
        var shown = bubble ?? newBubble(content, now: now)
        shown.sent = content
        shown.sentAt = now
        bubble = shown
        return begin(.stream(id: shown.id, content: content, finish: false))
    }

    private mutating func growing(_ shown: Bubble, _ deadline: MonotonicInstant, now: MonotonicInstant) -> Action {
        if let snapshotsNotBefore, now < snapshotsNotBefore { return wait(snapshotsNotBefore, deadline) }
        // The first words need not wait for the pace.
        if shown.sent != settings.opening {
            let allowed = shown.sentAt.advanced(by: interval(shown, now: now))
            if now < allowed { return wait(allowed, deadline) }
        }
        let open = cutter.open.display
        let visible = settings.showsGrowth && VisibleText.isVisible(open)
        guard visible || segmentsDelivered == 0 else { return wait(nil, deadline) }
        let wanted = visible ? decorated(open) : waitingContent(now: now)
        guard wanted != shown.sent else { return wait(visible ? nil : hintAt, deadline) }
        return snapshot(wanted, now: now)
    }

    private func wait(_ first: MonotonicInstant?, _ second: MonotonicInstant?) -> Action {
        .wait(until: [first, second].compactMap { $0 }.min())
    }

    private func interval(_ shown: Bubble, now: MonotonicInstant) -> Duration {
        let age = shown.openedAt.duration(to: now)
        return settings.minInterval * (age < .seconds(60) ? 1 : age < .seconds(180) ? 2 : 3)
    }

    private func firstHint(after now: MonotonicInstant) -> MonotonicInstant? {
        guard settings.firstHintAfter > .zero, !settings.hints.isEmpty else { return nil }
        return now.advanced(by: settings.firstHintAfter)
    }

    /// What a bubble shows before there is anything of the answer.
    private mutating func waitingContent(now: MonotonicInstant) -> String {
        if let queuedAhead, queuedAhead > 0 { return settings.words.queued(ahead: queuedAhead) }
        if let due = hintAt, due <= now {
            hintsShown += 1
            hintAt = settings.hintEvery > .zero ? now.advanced(by: settings.hintEvery) : nil
        }
        let thinking = filter.thinkBlock ?? settings.opening
        guard hintsShown > 0, !settings.hints.isEmpty else { return thinking }
        return settings.hints[(hintsShown - 1) % settings.hints.count]
    }

    /// Adds the folded reasoning to the first segment of a bubble.
    private func decorated(_ text: String) -> String {
        guard settings.reasoning == .fold, segmentsDelivered == 0, let block = filter.thinkBlock else { return text }
        return block + text
    }
}

extension ReplyStreamStateMachine.Operation {
    fileprivate var isStream: Bool { if case .stream = self { true } else { false } }
    fileprivate var isSnapshot: Bool { if case .stream(_, _, finish: false) = self { true } else { false } }
    fileprivate var isFinal: Bool { if case .stream(_, _, finish: true) = self { true } else { false } }
}

/// How an answer was delivered.
public struct DeliveryReport: Hashable, Sendable {
    /// Segments that reached the platform.
    public var segments = 0
    /// Of these, pushed after the reply window.
    public var pushed = 0
    /// Of these, without an ack but with reason to believe that they were shown.
    public var assumed = 0
    /// Frames sent again because nobody knew whether they had arrived.
    public var repeated = 0
    /// Whether a bubble was sealed before its answer was there, or could not be sealed at all.
    public var handedOver = false
    /// Whether the platform refused the content.
    public var contentRefused = false
    /// Number of the last refusal.
    public var lastRefusal: Int?
    /// Why not all was delivered; nil when it was.
    public var failure: String?

    /// Creates an empty report.
    public init() {}
}
