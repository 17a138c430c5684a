/// Shows the text of one answer: as bubbles that grow while their window is open, and as pushes after it.
///
/// The answer is divided into segments. The open one grows; one that reached the limit is closed and gets exactly one
/// final frame. A segment is delivered through its bubble, or, once the answer was handed over (deadline, refused reply
/// address, expired bubble, no bubble left), as a whole message on the next way of the `DeliveryPlan`. Sealed segments are
/// not repeated, so that sealed segments plus the text of those messages equal the answer.
///
/// One operation is in flight at a time. While it is, text only accumulates, so memory is the answer and the pace is that
/// of the acks. A bubble's frame is idempotent, so one without an outcome is simply sent again; a push is not, and is sent
/// again only when its connection died.
///
/// With a ledger, the complete answer is recorded before any of its frames goes out, and every step of a part is told
/// (`takeChanges`). After a restart a machine is made from what is left (`Resumption`).
///
/// States are a product: the way of delivery (`DeliveryPlan`), the bubble shown now, and whether the handler has ended and
/// its answer is recorded. Late or repeated inputs are ignored; nothing poisons the machine. Terminal: a report was given.
public struct ReplyStreamStateMachine: Sendable {
    private let frozen: Frozen<ReplySettings>
    var settings: ReplySettings { frozen.value }
    private let createdAt: MonotonicInstant
    private let keptSince: MonotonicInstant
    var text: AnswerText
    var bubbles: BubbleSlot
    /// State of the text that the last frame had.
    private var revisionSent = 0
    var ways: DeliveryWays
    private var ending: Ending?
    private var abandoned = false
    var inFlight: (operation: Operation, epoch: Int)?
    /// Refusals and unanswered tries of the operation that comes next.
    var refusals = 0
    var unanswered = 0
    var notBefore: MonotonicInstant?
    /// When an unanswered operation counts as delivered, unless its session turns out dead before.
    private var assumeAt: MonotonicInstant?
    /// What is learned about the operation in flight before its outcome is known.
    private var earlyVerdict: LateVerdict?
    /// Operation that is not sent again while it may have been delivered.
    private var doubtful: Operation?
    private var snapshotsNotBefore: MonotonicInstant?
    private var epoch = 0
    private var online: Bool
    var waiting: WaitingLine
    let records: Bool
    /// Whether a later run goes on with the message.
    public private(set) var isParked = false
    /// Whether the channel was closed before all was delivered.
    private(set) var isClosed = false
    /// Whether a part took more than one bubble.
    private(set) var isSplit = false
    /// The answer is complete, and the ledger does not have it yet.
    private var isUnrecorded = false
    private var changes: [Change] = []
    /// Last content of a bubble that is being sealed at its deadline. Once such a frame may have arrived, nothing else can
    /// follow in that bubble.
    private var sealContent: String?
    var isSealing: Bool { sealContent != nil }
    /// An earlier run may have shown segments without having heard of it.
    private var mayHaveArrived = false
    var report = DeliveryReport()

    /// Like the public initializer, with settings that many answers share.
    init(
        frozen: Frozen<ReplySettings>, name: String, capabilities: Capabilities, fallback: Capabilities?,
        queuedAhead: Int?, pushOnly: Bool, online: Bool, records: Bool, createdAt: MonotonicInstant?,
        keptSince: MonotonicInstant? = nil, lateUntil: MonotonicInstant?, resuming resumption: Resumption?,
        now: MonotonicInstant
    ) {
        let settings = frozen.value
        ways = DeliveryWays(
            channel: capabilities, fallback: fallback, addressIsOpen: !pushOnly, addressIsProven: resumption == nil,
            lateUntil: lateUntil)
        self.frozen = frozen
        self.online = online
        self.records = records
        waiting = WaitingLine(queuedAhead: queuedAhead, settings: settings, now: now)
        bubbles = BubbleSlot(name: name)
        self.createdAt = createdAt ?? now
        self.keptSince = keptSince ?? self.createdAt
        text = AnswerText(settings: settings, maxBytes: capabilities.maxTextBytes)
        if let resumption { resume(resumption) }
    }

    /// An open bubble of an earlier run is continued under its id.
    private mutating func resume(_ resumption: Resumption) {
        text.resume(resumption)
        if resumption.isComplete { ending = .finished }
        guard way == .bubble else { return }
        bubbles.resume(resumption.bubbles, openedAt: nil)
        guard resumption.bubbles > 0 else { return }
        // Its last bubble is sealed when as many segments were shown.
        guard resumption.isComplete || resumption.shown.count < resumption.bubbles else { return }
        // Each bubble takes one segment: one that follows a delivered segment needs a bubble of its own.
        let next = resumption.parts.first.map { $0.index + 1 } ?? resumption.bubbles
        // Bubbles of an earlier start, which the answer does not count, make the last one somebody else's.
        mayHaveArrived = resumption.isComplete && next >= resumption.bubbles && resumption.countsAllBubbles
        guard next <= resumption.bubbles else { return }
        bubbles.resume(resumption.bubbles, openedAt: resumption.bubbleOpenedAt)
    }

    /// Way of delivery for text.
    var way: DeliveryRoute? { ways.route(bubbles) }

    // MARK: Inputs from the handler

    /// Whether the answer is complete.
    public var hasEnded: Bool { ending != nil }

    /// The message's turn has come.
    public mutating func started(now: MonotonicInstant) {
        waiting.started(settings, now: now)
    }

    /// Text was added.
    public mutating func appended(_ delta: String) {
        guard ending == nil else { return }
        text.append(delta)
    }

    /// Reasoning was added.
    public mutating func thought(_ delta: String) {
        guard ending == nil else { return }
        text.think(delta)
    }

    /// The whole answer so far was given anew.
    public mutating func replaced(with text: String) {
        guard ending == nil else { return }
        self.text.replace(with: text)
    }

    /// The answer so far reads better like this; left as it is when sealed text would have to change.
    public mutating func rewritten(_ text: String) {
        guard ending == nil else { return }
        self.text.rewrite(text)
    }

    /// The program goes down before the answer is complete: the bubble is sealed with a line that says so, and a later run
    /// goes on with the message.
    public mutating func park() {
        guard ending == nil else { return }
        isParked = true
        waiting.ended()
    }

    /// The handler ended; later text is ignored.
    public mutating func ended(_ how: Ending) {
        guard ending == nil else { return }
        ending = how
        waiting.ended()
        text.end(line: how.line(settings.words), mustSeal: bubbles.bubble != nil)
        if !text.isVisible, how != .silent { text.segments.append(settings.words.empty) }
        isUnrecorded = records
    }

    /// The complete answer while the ledger does not have it yet. Nothing more goes out before `recorded()`.
    public var unrecorded: Record? {
        guard isUnrecorded else { return nil }
        let texts = text.segments.texts
        return Record(answer: text.whole, parts: texts, firstPart: text.segments.end - texts.count)
    }

    /// The ledger has the answer, or could not take it and goes on trying.
    public mutating func recorded() { isUnrecorded = false }

    /// Steps of parts since the last call.
    public mutating func takeChanges() -> [Change] {
        guard !changes.isEmpty else { return [] }
        defer { changes = [] }
        return changes
    }

    mutating func tell(_ change: PartChange, part: Int? = nil) {
        // Before the answer is complete the ledger has no parts.
        guard records, ending != nil, let part = part ?? text.segments.firstPart else { return }
        changes.append(Change(part: part, change: change))
    }

    /// Whether all that was said so far stands in the bubble, or cannot stand there yet.
    public var isShown: Bool {
        inFlight == nil && revisionSent == text.revision || bubbles.bubble == nil && bubbles.opened > 0
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
        ways.online()
        sendDoubtfulAgain()
    }

    /// The session is gone.
    public mutating func sessionOffline() {
        online = false
        ways.history.addressIsProven = false
        sendDoubtfulAgain()
    }

    /// An ack came for `operation` after its outcome had been given as unknown.
    public mutating func settledLate(_ operation: Operation, _ verdict: LateVerdict, now: MonotonicInstant) {
        snapshotsNotBefore = nil
        // It may be heard of before the time-out that it belongs to.
        if inFlight?.operation == operation { earlyVerdict = verdict.sharpened(by: earlyVerdict) }
        guard doubtful == operation else { return }
        doubtful = nil
        switch verdict {
        case .acknowledged: succeeded(operation)
        case .overtaken: believe(operation)
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
        let wasOpening = bubbles.settle()
        defer { earlyVerdict = nil }
        if case .notSent(let reason) = outcome {
            if !operation.isStream { tell(.notSent) }
            if reason == .closed {
                isClosed = true
                return give(up: "closed")
            }
        }
        if ways.isAside(operation.route) {
            return completedAside(operation, outcome, now: now)
        }
        switch outcome {
        case .acknowledged: succeeded(operation)
        case .rejected(let error):
            refused(operation, error, epoch: sentEpoch, now: now)
            if wasOpening, case .stream(let id, _, _) = operation { bubbles.neverOpened(id) }
        // A time-out that is heard of only after its session ended is a lost session.
        case .unknown(.ackTimeout) where epoch == sentEpoch:
            unanswered(operation, now: now)
            if let verdict = earlyVerdict { settledLate(operation, verdict, now: now) }
        case .unknown:
            lost(operation)
            wentOffline(epoch: sentEpoch)
        case .notSent(.offline): wentOffline(epoch: sentEpoch)
        case .notSent(.overflow): notBefore = now.advanced(by: settings.roomPause)
        case .notSent(.overtaken), .notSent(.closed): break
        }
    }

    /// The line ended before the ack. Nobody knows, and the next line gets it once more, unless that is not wanted.
    private mutating func lost(_ operation: Operation) {
        guard !operation.isSnapshot else { return }
        tell(.unknown(.sessionLost))
        unanswered += 1
        guard operation.isStream || settings.onUnknown != .drop && unanswered <= settings.maxRepeats else {
            return believe(operation)
        }
        report.repeated += 1
    }

    private mutating func wentOffline(epoch sentEpoch: Int) {
        // A newer session may have started before this outcome was heard of.
        if epoch == sentEpoch { sessionOffline() }
    }

    mutating func succeeded(_ operation: Operation, _ change: PartChange = .acked) {
        refusals = 0
        unanswered = 0
        assumeAt = nil
        notBefore = nil
        snapshotsNotBefore = nil
        if change == .acked, operation.route == .bubble || operation.route == .reply {
            ways.history.addressIsProven = true
        }
        switch operation {
        case .stream(_, _, finish: false): break
        case .stream where sealContent != nil: handOver()
        case .stream, .reply:
            segmentDelivered(change)
            if text.segments.remainder != nil { isSplit = true }
        case .push:
            report.pushed += 1
            segmentDelivered(change)
        case .fallback:
            report.pushed += 1
            segmentDelivered(change)
        }
    }

    private mutating func segmentDelivered(_ change: PartChange) {
        bubbles.close()
        report.segments += 1
        if let part = text.firstDelivered(isSure: change == .acked) { tell(change, part: part) }
        // A later run goes on behind the piece.
        if let rest = text.segments.remainder { tell(.replaced(.text(rest.text)), part: rest.part) }
    }

    private mutating func handOver() {
        sealContent = nil
        bubbles.close()
        ways.history.addressIsOpen = false
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
            tell(.unknown(.ackTimeout))
            unanswered += 1
            guard unanswered >= 3 else {
                report.repeated += 1
                assumeAt = assumeAt ?? now.advanced(by: settings.assumeAfter)
                return
            }
            if sealContent == nil { doubt(operation, now: now) } else { assume(operation) }
        case .reply, .push, .fallback:
            tell(.unknown(.ackTimeout))
            unanswered += 1
            switch settings.onUnknown {
            case .drop: assume(operation)
            case .resend where unanswered == 1: report.repeated += 1
            case .auto, .resend: doubt(operation, now: now)
            }
        }
    }

    /// If the session lives on for longer than a dead line stays unnoticed, the platform had it: order is kept.
    private mutating func doubt(_ operation: Operation, now: MonotonicInstant) {
        doubtful = operation
        assumeAt = assumeAt ?? now.advanced(by: settings.assumeAfter)
    }

    private mutating func believe(_ operation: Operation) {
        let isSure = DeliveryPlan.believesSilence(on: operation.route, terms: ways.terms, history: ways.history)
        if isSure || settings.onUnknown == .drop { assume(operation) } else { otherWay(operation) }
    }

    private mutating func refused(
        _ operation: Operation, _ error: PlatformError, epoch sentEpoch: Int, now: MonotonicInstant
    ) {
        report.lastRefusal = error.code
        if !operation.isSnapshot { tell(.refused(errcode: error.code)) }
        let earlier = refusals
        refusals += 1
        guard !operation.isSnapshot else {
            return snapshotRefused(operation, error, epoch: sentEpoch, now: now)
        }
        switch error.reaction {
        case .retry where earlier < 3: notBefore = now.advanced(by: .milliseconds(200) * (1 << earlier))
        // There is no way after a push: a busy platform is waited for.
        case .retry where way == .push: notBefore = now.advanced(by: pause(earlier - 3))
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
        case .retry: snapshotsNotBefore = now.advanced(by: settings.roomPause)
        default: snapshotsNotBefore = now.advanced(by: pause(refusals - 1))
        }
    }

    /// Whether a refused final frame means that an earlier try of it had arrived.
    private func arrivedBefore(_ operation: Operation, now: MonotonicInstant) -> Bool {
        // One that nobody asks for is over, whether an earlier run gave it to somebody or not.
        guard ways.channel.hasSession else { return false }
        guard operation.isFinal, unanswered > 0 || mayHaveArrived, sealContent == nil, let bubble = bubbles.bubble
        else { return false }
        return bubble.openedAt.duration(to: now) < settings.maxBubbleAge
    }

    /// This way of delivery is shut; the next one takes the segment over.
    mutating func otherWay(_ operation: Operation) {
        switch operation {
        case .stream, .reply: handOver()
        case .push where ways.terms.fallback != nil: ways.history.pushIsOpen = false
        case .push: refuseForGood()
        case .fallback:
            ways.loseFallback()
            if way == nil { refuseForGood() }
        }
    }

    private mutating func refuseForGood() {
        tell(.failed(reason: "refused", errcode: report.lastRefusal))
        give(up: "refused")
    }

    private mutating func fallBackToReplies() {
        ways.history.takesStreams = false
        bubbles.close()
        sealContent = nil
    }

    private mutating func replaceRefusedContent(_ operation: Operation) {
        guard !report.contentRefused else { return otherWay(operation) }
        report.contentRefused = true
        ending = ending ?? .finished
        let line = settings.words.refused
        let dropped = text.segments.replaceAll(with: line)
        for part in dropped {
            tell(.failed(reason: "content refused", errcode: report.lastRefusal), part: part)
        }
    }

    private mutating func splitClosed(_ operation: Operation) {
        guard sealContent == nil, text.segments.splitFirst() else { return otherWay(operation) }
    }

    mutating func give(up reason: String) {
        report.failure = reason
        abandoned = true
    }

    // MARK: Deciding

    /// Next thing to do. Call after every input and whenever the instant of a wait has come.
    public mutating func next(now: MonotonicInstant) -> Action {
        guard inFlight == nil else { return .wait(until: nil) }
        if abandoned || isComplete { return .done(report) }
        let expiry = keptSince.advanced(by: settings.keepFor)
        guard now < expiry else {
            give(up: "expired")
            return .done(report)
        }
        if isParked, let action = parking(now: now) { return action }
        ways.tick(now: now)
        guard !isUnrecorded else { return .wait(until: expiry) }
        if !online,
            let instant = ways.offlineWait(hasAnswer: ending != nil, patience: settings.fallbackAfter, now: now)
        {
            return .wait(until: min(instant, expiry))
        }
        if let notBefore, now < notBefore { return .wait(until: notBefore) }
        if let doubtful {
            if let assumeAt, now < assumeAt { return .wait(until: assumeAt) }
            self.doubtful = nil
            believe(doubtful)
            return next(now: now)
        }
        let notice = lateNotice(now: now)
        switch way {
        case .bubble: return nextBubbleAction(now: now)
        case .reply:
            guard ways.isLate(.reply) else { return nextWhole(expiry) { .reply($0) } }
            let end = withCutNotice("")
            return nextWhole(expiry) { .reply(notice + $0 + end) }
        case .push: return nextWhole(expiry) { .push(notice + $0) }
        case .fallback:
            // In pieces that each are one message there, so that none is repeated for the sake of another.
            if ending != nil, let limit = ways.terms.fallback?.maxTextBytes {
                _ = text.segments.splitFirst(maxBytes: limit - min(limit / 4, settings.noticeBytes))
            }
            return nextWhole(expiry) { .fallback(notice + $0) }
        case nil:
            give(up: "no way to the conversation")
            return .done(report)
        }
    }

    private var isComplete: Bool { ending != nil && text.segments.isEmpty }

    private mutating func nextWhole(_ expiry: MonotonicInstant, _ operation: (String) -> Operation) -> Action {
        // Nothing is pushed before the answer is complete: pieces of it would each cost quota and attention.
        guard ending != nil, let first = text.segments.first else { return .wait(until: expiry) }
        return begin(operation(first))
    }

    /// Says how old the message is that a push answers, once, when that is long ago.
    private func lateNotice(now: MonotonicInstant) -> String {
        let age = createdAt.duration(to: now)
        guard settings.ageNoticeAfter > .zero, age >= settings.ageNoticeAfter, report.pushed == 0 else { return "" }
        return settings.words.late(age) + "\n\n"
    }

    /// The operation that was asked for last has to wait; nothing of it was sent.
    public mutating func postponed(until instant: MonotonicInstant) {
        guard let (operation, _) = inFlight else { return }
        inFlight = nil
        if bubbles.settle(), case .stream(let id, _, _) = operation { bubbles.postponed(id) }
        if operation.isSnapshot { snapshotsNotBefore = instant } else { notBefore = instant }
    }

    private mutating func begin(_ operation: Operation) -> Action {
        revisionSent = text.revision
        inFlight = (operation, epoch)
        return .perform(operation)
    }

    private mutating func nextBubbleAction(now: MonotonicInstant) -> Action {
        // Past every window a platform may swallow the frame instead of refusing it.
        if let bubble = bubbles.bubble, bubble.openedAt.duration(to: now) >= ways.channel.replyWindow {
            handOver()
            return next(now: now)
        }
        if let sealContent { return finalFrame(sealContent, now: now) }
        guard let shown = bubbles.bubble else { return withoutBubble(now: now) }
        if let first = text.segments.first { return finalFrame(closing(first), now: now) }
        let deadline = shown.openedAt.advanced(by: settings.maxBubbleAge)
        guard now < deadline else { return seal(handOverNotice, now: now) }
        return growing(shown, deadline, now: now)
    }

    private mutating func withoutBubble(now: MonotonicInstant) -> Action {
        guard bubbles.opened == 0 || createdAt.duration(to: now) < ways.channel.replyWindow else {
            handOver()
            return next(now: now)
        }
        if let first = text.segments.first { return finalFrame(closing(first), now: now) }
        if let snapshotsNotBefore, now < snapshotsNotBefore { return .wait(until: snapshotsNotBefore) }
        if bubbles.opened == 0 {
            return snapshot(waiting.content(settings, thinking: text.thinkBlock, now: now), now: now)
        }
        let open = text.growing
        guard settings.showsGrowth, VisibleText.isVisible(open) else { return .wait(until: nil) }
        return snapshot(open, now: now)
    }

    /// Seals an open bubble, then leaves; nil while the seal is going on.
    private mutating func parking(now: MonotonicInstant) -> Action? {
        guard online, way == .bubble, bubbles.bubble != nil else { return .done(report) }
        if sealContent == nil { return seal(settings.words.parked, now: now) }
        return nil
    }

    /// Seals the bubble at its deadline with what it would show, and says that the rest comes as a new message.
    private mutating func seal(_ notice: String, now: MonotonicInstant) -> Action {
        let open = text.decorated(text.growing)
        let content = VisibleText.isVisible(open) ? open + "\n\n" + notice : notice
        sealContent = content
        return finalFrame(content, now: now)
    }

    private mutating func finalFrame(_ content: String, now: MonotonicInstant) -> Action {
        begin(.stream(id: bubbles.show(content, now: now), content: content, finish: true))
    }

    private mutating func snapshot(_ content: String, now: MonotonicInstant) -> Action {
        begin(.stream(id: bubbles.show(content, now: now), content: content, finish: false))
    }

    private mutating func growing(_ shown: BubbleSlot.Bubble, _ deadline: MonotonicInstant, now: MonotonicInstant)
        -> Action
    {
        if let snapshotsNotBefore, now < snapshotsNotBefore { return wait(snapshotsNotBefore, deadline) }
        // What the bubble shows already is not to be replaced by what stands above it.
        guard !text.isCatchingUp else { return wait(nil, deadline) }
        // The first words need not wait for the pace.
        if shown.sent != settings.opening {
            let allowed = shown.sentAt.advanced(by: shown.interval(settings, now: now))
            if now < allowed { return wait(allowed, deadline) }
        }
        let open = text.growing
        let visible = settings.showsGrowth && VisibleText.isVisible(open)
        guard visible || text.segments.delivered == 0 else { return wait(nil, deadline) }
        let wanted = visible ? text.decorated(open) : waiting.content(settings, thinking: text.thinkBlock, now: now)
        guard !wanted.isSameBytes(as: shown.sent) else { return wait(visible ? nil : waiting.hintAt, deadline) }
        return snapshot(wanted, now: now)
    }

    private func wait(_ first: MonotonicInstant?, _ second: MonotonicInstant?) -> Action {
        .wait(until: .earliest(first, second))
    }
}
