/// Delivers one part of an answer that is not streamed text: a card, a file, or the text that takes its place.
///
/// States: waiting (for the line, a pause, an upload), in flight, doubtful (sent, and nobody knows), settled. None of the
/// messages here is idempotent, so one without an outcome follows `delivery.onUnknown`. What cannot be carried becomes
/// text; nothing ends unsaid but with a reason. Late or repeated inputs are ignored; nothing poisons the machine.
struct PartStateMachine: Sendable {
    /// What the driver has to do next.
    enum Action: Hashable, Sendable {
        /// Upload to the channel of that way, then call `uploaded`.
        case upload(OutboundMedia, DeliveryRoute)
        /// Send on this way, then call `completed`.
        case send(Message, DeliveryRoute)
        /// Nothing to do before that instant, or before the next input.
        case wait(until: MonotonicInstant?)
        /// Settled, or left as it is because the channel was closed.
        case done
    }

    /// What is sent.
    enum Message: Hashable, Sendable {
        case card(json: String)
        case media(UploadedMedia)
        case text(String)
    }

    private let settings: ReplySettings
    private var ways: DeliveryWays
    private let expiry: MonotonicInstant
    private(set) var content: PartContent
    private(set) var state: PartState
    private var uploaded: UploadedMedia?
    /// Way whose channel has the upload.
    private var uploadedFor: DeliveryRoute?
    private var uploadsTried = 0
    private var refusals = 0
    private var unanswered = 0
    private var notBefore: MonotonicInstant?
    private var assumeAt: MonotonicInstant?
    /// Way of a message that nobody knows the outcome of, on a line that lives.
    private var doubtful: DeliveryRoute?
    private var earlyVerdict: LateVerdict?
    private var inFlight: (route: DeliveryRoute?, epoch: Int)?
    private var epoch = 0
    private var online: Bool
    private var isClosed = false
    private var changes: [PartChange] = []

    /// Creates the machine. `doubts`: tries of earlier runs that nobody knows the outcome of.
    init(
        _ content: PartContent, settings: ReplySettings, terms: DeliveryPlan.Terms, history: DeliveryPlan.History,
        doubts: Int = 0, online: Bool, expiry: MonotonicInstant
    ) {
        self.content = content
        self.settings = settings
        ways = DeliveryWays(terms: terms, history: history)
        self.online = online
        self.expiry = expiry
        unanswered = doubts
        state = .pending
        if doubts > 0, settings.onUnknown == .drop || doubts > settings.maxRepeats { settle(.assumed, .assumed) }
    }

    /// Steps since the last call, for the ledger.
    mutating func takeChanges() -> [PartChange] {
        defer { changes = [] }
        return changes
    }

    // MARK: Inputs

    mutating func sessionOnline() {
        online = true
        ways.online()
        epoch += 1
    }

    mutating func sessionOffline() {
        online = false
        ways.history.addressIsProven = false
        guard doubtful != nil else { return }
        // The line was dead, so the silence meant nothing.
        doubtful = nil
        assumeAt = nil
        lost(isCounted: true)
    }

    /// The message asked for last has to wait; nothing of it was sent.
    mutating func postponed(until instant: MonotonicInstant) {
        guard inFlight != nil else { return }
        inFlight = nil
        notBefore = instant
    }

    /// What became of the upload.
    mutating func uploaded(_ outcome: UploadOutcome, now: MonotonicInstant) {
        guard let (route, _) = inFlight, !state.isSettled else { return }
        inFlight = nil
        switch outcome {
        case .uploaded(let media):
            uploaded = media
            uploadedFor = route
        case .interrupted: retryUpload(now: now)
        case .rejected(let error) where error.reaction == .retry || error.reaction == .pauseConversation:
            retryUpload(now: now)
        case .rejected(let error): uploadRefused(route, errcode: error.code)
        case .unreadable: fallBackToText(errcode: nil)
        }
    }

    /// What one channel does not take another may.
    private mutating func uploadRefused(_ route: DeliveryRoute?, errcode: Int) {
        guard route != .fallback, ways.terms.fallback != nil else { return fallBackToText(errcode: errcode) }
        ways.history.addressIsOpen = false
        ways.history.pushIsOpen = false
    }

    private mutating func retryUpload(now: MonotonicInstant) {
        uploadsTried += 1
        guard uploadsTried < 8 else { return fallBackToText(errcode: nil) }
        notBefore = now.advanced(by: Self.pause(uploadsTried - 1))
    }

    /// Outcome of the message in flight.
    mutating func completed(_ outcome: SendOutcome, now: MonotonicInstant) {
        guard let (route, sentEpoch) = inFlight, !state.isSettled else { return }
        inFlight = nil
        defer { earlyVerdict = nil }
        if case .notSent = outcome { changes.append(.notSent) }
        if let route, ways.isAside(route) { return completedAside(route, outcome, now: now) }
        switch outcome {
        case .acknowledged: settle(.acked, .acked)
        case .rejected(let error): refused(error, route, epoch: sentEpoch, now: now)
        case .unknown(.ackTimeout) where epoch == sentEpoch:
            timedOut(route, now: now)
            if let verdict = earlyVerdict { settledLate(verdict, now: now) }
        case .unknown:
            lost(isCounted: false)
            if epoch == sentEpoch { online = false }
        case .notSent(.offline): if epoch == sentEpoch { online = false }
        case .notSent(.overflow), .notSent(.overtaken): notBefore = now.advanced(by: settings.roomPause)
        case .notSent(.closed): isClosed = true
        }
    }

    /// Outcome of a message that took no part in the order of a connection: to the late address, or by the fallback.
    private mutating func completedAside(_ route: DeliveryRoute, _ outcome: SendOutcome, now: MonotonicInstant) {
        let isOneShot = ways.isLate(route)
        switch outcome {
        case .notSent(.closed): isClosed = true
        case .notSent:
            notBefore = now.advanced(by: Self.pause(refusals))
            refusals += 1
        case .acknowledged: settle(.acked, .acked)
        case .rejected(let error) where !error.mayBeTriedAgain || isOneShot && refusals >= 3:
            changes.append(.refused(errcode: error.code))
            switch route {
            // What it does not take as a card or a file it may take in words.
            case .fallback where content.isText || error.closesTheWay: ways.loseFallback()
            case .reply where isOneShot: ways.history.lateAddressIsOpen = false
            default: return refusedAside(error)
            }
            if case .card = content, ways.terms.fallback == nil { fallBackToText(errcode: error.code) }
        case .rejected(let error):
            changes.append(.refused(errcode: error.code))
            notBefore = now.advanced(by: Self.pause(refusals))
            refusals += 1
        case .unknown(let reason):
            changes.append(.unknown(reason))
            unanswered += 1
            if isOneShot { ways.history.lateAddressIsOpen = false }
            let isWorthIt =
                settings.onUnknown != .drop && unanswered <= 2 && (ways.terms.fallback != nil || !isOneShot)
            guard isWorthIt else { return settle(.assumed, .assumed) }
            notBefore = now.advanced(by: Self.pause(unanswered - 1))
        }
    }

    /// A channel of single requests refused a message for good.
    private mutating func refusedAside(_ error: PlatformError) {
        switch error.reaction {
        case .uploadAgain where uploadsTried == 0:
            uploadsTried += 1
            (uploaded, uploadedFor) = (nil, nil)
        case .refuseContent: fail(errcode: error.code)
        default:
            if case .text = content { fail(errcode: error.code) } else { fallBackToText(errcode: error.code) }
        }
    }

    /// Something was learned after the outcome had been given as unknown.
    mutating func settledLate(_ verdict: LateVerdict, now: MonotonicInstant) {
        guard let route = doubtful else {
            // It may be heard of before the time-out that it belongs to.
            if inFlight != nil { earlyVerdict = verdict.sharpened(by: earlyVerdict) }
            return
        }
        doubtful = nil
        switch verdict {
        case .acknowledged: settle(.acked, .acked)
        case .overtaken: believe(route)
        case .rejected(let error): refused(error, nil, epoch: epoch, now: now)
        }
    }

    // MARK: Outcomes

    private mutating func settle(_ state: PartState, _ change: PartChange) {
        self.state = state
        changes.append(change)
    }

    /// No ack, and the line lives.
    private mutating func believe(_ route: DeliveryRoute) {
        let isSure = DeliveryPlan.believesSilence(on: route, terms: ways.terms, history: ways.history)
        if isSure { settle(.assumed, .assumed) } else { ways.history.addressIsOpen = false }
    }

    private mutating func timedOut(_ route: DeliveryRoute?, now: MonotonicInstant) {
        unanswered += 1
        changes.append(.unknown(.ackTimeout))
        switch settings.onUnknown {
        case .drop: settle(.assumed, .assumed)
        case .resend where unanswered == 1: break
        case .auto, .resend:
            doubtful = route
            assumeAt = now.advanced(by: settings.assumeAfter)
        }
    }

    /// The line ended before the ack.
    private mutating func lost(isCounted: Bool) {
        if !isCounted { unanswered += 1 }
        changes.append(.unknown(.sessionLost))
        if settings.onUnknown == .drop || unanswered > settings.maxRepeats { settle(.assumed, .assumed) }
    }

    private mutating func refused(
        _ error: PlatformError, _ route: DeliveryRoute?, epoch sentEpoch: Int, now: MonotonicInstant
    ) {
        let earlier = refusals
        refusals += 1
        changes.append(.refused(errcode: error.code))
        switch error.reaction {
        case .retry where earlier < 3: notBefore = now.advanced(by: .milliseconds(200) * (1 << earlier))
        case .retry: notBefore = now.advanced(by: Self.pause(earlier - 3))
        case .pauseConversation: notBefore = now.advanced(by: Self.pause(earlier))
        case .recycleConnection: if epoch == sentEpoch { online = false }
        case .uploadAgain where uploadsTried == 0:
            uploadsTried += 1
            uploaded = nil
        case .sendCardAsText, .sendAsMarkdown, .uploadAgain: fallBackToText(errcode: error.code)
        case .refuseContent: fail(errcode: error.code)
        default: otherWay(route, errcode: error.code)
        }
    }

    private mutating func otherWay(_ route: DeliveryRoute?, errcode: Int) {
        guard route != .reply else {
            ways.history.addressIsOpen = false
            return
        }
        if route == .push, ways.terms.fallback != nil {
            ways.history.pushIsOpen = false
            return
        }
        if case .card = content { fallBackToText(errcode: errcode) } else { fail(errcode: errcode) }
    }

    private mutating func fail(errcode: Int?) { settle(.failed, .failed(reason: "refused", errcode: errcode)) }

    private mutating func fallBackToText(errcode: Int?) {
        let text: String
        switch content {
        case .text: return fail(errcode: errcode)
        case .card(_, _, let words): text = words
        case .media(_, _, let name, _): text = settings.words.notSent(name)
        }
        content = .text(text)
        (uploaded, uploadedFor) = (nil, nil)
        changes.append(.replaced(content))
    }

    static func pause(_ earlier: Int) -> Duration {
        min(.seconds(60), .seconds(3) * (1 << min(max(earlier, 0), 5)))
    }

    // MARK: Deciding

    /// Next thing to do. Call after every input and whenever the instant of a wait has come.
    mutating func next(now: MonotonicInstant) -> Action {
        guard !state.isSettled, !isClosed else { return .done }
        guard inFlight == nil else { return .wait(until: nil) }
        guard now < expiry else {
            settle(.dead, .dead(reason: "expired"))
            return .done
        }
        if !online, let instant = ways.offlineWait(hasAnswer: true, patience: settings.fallbackAfter, now: now) {
            return .wait(until: min(instant, expiry))
        }
        if let notBefore, now < notBefore { return .wait(until: notBefore) }
        if let route = doubtful {
            if let assumeAt, now < assumeAt { return .wait(until: assumeAt) }
            doubtful = nil
            believe(route)
            guard !state.isSettled else { return .done }
        }
        return begin(now: now)
    }

    private mutating func begin(now: MonotonicInstant) -> Action {
        let kind = content.planned
        let routes = DeliveryPlan.routes(for: kind, terms: ways.terms, history: ways.history)
        // A bubble of its own for one line would have to be sealed first; Markdown says the same.
        guard let route = routes.first(where: { $0 != .bubble }) else {
            guard kind != .text else {
                settle(.failed, .failed(reason: "no way to the conversation", errcode: nil))
                return .done
            }
            fallBackToText(errcode: nil)
            return next(now: now)
        }
        let message: Message
        switch content {
        case .text(let text): message = .text(text)
        case .card(let json, _, _): message = .card(json: json)
        case .media(let path, let media, let name, let bytes):
            // A file of one channel is nothing to another.
            guard let uploaded, (uploadedFor == .fallback) == (route == .fallback) else {
                inFlight = (route, epoch)
                return .upload(OutboundMedia(path: path, kind: media, name: name, bytes: bytes), route)
            }
            message = .media(uploaded)
        }
        inFlight = (route, epoch)
        return .send(message, route)
    }
}
