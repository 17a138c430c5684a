/// Callbacks over HTTP, of webhook and application alike: posts, answers, time-outs, deliveries once more.
extension PlatformCore {
    // MARK: Inputs

    /// A `CallbackRequest` was answered, or failed. One that was cut before is ignored.
    public mutating func callbackAnswered(_ id: Int, _ result: CallbackResult, now: Int) -> [PlatformAction] {
        perform(now) { core in core.handleAnswer(id, result, now: now) }
    }

    // MARK: Posting

    /// Starts a delivery; faults may lose, delay or repeat it. False when it did not leave at once.
    @discardableResult
    mutating func launch(_ delivery: Delivery, now: Int) -> Bool {
        let fired = plan.fire(cmd: delivery.faultName, bot: delivery.bot)
        for fault in fired { emit(.fault(fault.fault, cmd: delivery.faultName, nil)) }
        for fault in fired where fault.fault == .redeliver {
            var copy = delivery
            copy.isExtra = true
            timeline.add(.delivery(copy, skipsFaults: true), at: now + (fault.ms ?? 0))
        }
        if case .refresh(let key) = delivery.kind, fired.contains(where: { $0.fault == .stopPolls }) {
            webhookStreams[key]?.pollsStopped = true
            return false
        }
        if let delay = fired.first(where: { $0.fault == .delayCallback }) {
            timeline.add(.delivery(delivery, skipsFaults: true), at: now + (delay.ms ?? 1_000))
            return false
        }
        if fired.contains(where: { $0.fault == .dropCallback }) {
            emit(.callback(callbacks.dropped(delivery, now: now)))
            deliveryFailed(delivery, now: now)
            return false
        }
        return post(
            delivery, losesAnswer: fired.contains { $0.fault == .loseAnswer },
            isForged: fired.contains { $0.fault == .wrongSignature }, now: now)
    }

    @discardableResult
    mutating func post(
        _ delivery: Delivery, losesAnswer: Bool = false, isForged: Bool = false, now: Int
    ) -> Bool {
        guard let cipher = cipher(of: delivery.bot, delivery.transport) else {
            // The side is gone, or its key was wrong from the start: nothing that could be tried again.
            emit(.callback(callbacks.dropped(delivery, now: now)))
            var last = delivery
            last.attempt = last.maxAttempts
            deliveryFailed(last, now: now)
            return false
        }
        guard callbacks.hasRoom else {
            if !callbacks.wait(delivery) { deliveryFailed(delivery, now: now) }
            return false
        }
        let nonce = random.hexToken(16)
        let record = callbacks.posted(delivery, nonce: nonce, losesAnswer: losesAnswer, now: now)
        guard
            let request = request(
                delivery, id: record.id, cipher: cipher, nonce: nonce, isForged: isForged, now: now)
        else {
            return false
        }
        if case .refresh(let key) = delivery.kind {
            webhookStreams[key]?.polls += 1
            webhookStreams[key]?.lastPoll = now
        }
        emit(.callback(record))
        logRequest(
            .outgoing, delivery.faultName, id: "h\(record.id)", bot: delivery.bot,
            body: Self.logged(delivery), now: now)
        actions.append(.callback(request))
        timeline.add(.callbackTimeout(record.id), at: now + limit(of: delivery.kind))
        return true
    }

    /// What the record of frames shows of a callback.
    private static func logged(_ delivery: Delivery) -> String {
        guard delivery.transport == .agent else { return json(Array(delivery.plaintext.utf8)) }
        var isMessage = false
        if case .message = delivery.kind { isMessage = true }
        return JSONValue.members([
            ("msgtype", isMessage ? .string(delivery.type) : "event"),
            ("event", isMessage ? nil : ["eventtype": .string(delivery.type)]), ("xml", .string(delivery.plaintext)),
        ]).text
    }

    private func limit(of kind: Delivery.Kind) -> Int {
        if case .verification = kind { options.verificationLimit } else { options.callbackLimit }
    }

    private mutating func request(
        _ delivery: Delivery, id: Int, cipher: CallbackCipher, nonce: String, isForged: Bool, now: Int
    ) -> CallbackRequest? {
        guard let bot = directory.bots[delivery.bot],
            let url = delivery.transport == .agent ? bot.app?.callbackURL : bot.webhook?.callbackURL,
            var envelope = try? CallbackEnvelope(
                sealing: Array(delivery.plaintext.utf8), with: cipher, random: random.bytes(16),
                timestamp: String(now / 1000), nonce: nonce)
        else { return nil }
        if isForged { envelope.signature = String(envelope.signature.reversed()) }
        let address = url + (url.contains("?") ? "&" : "?") + envelope.query
        if case .verification = delivery.kind {
            return CallbackRequest(
                id: id, method: "GET", url: "\(address)&echostr=\(percentEncoded(envelope.sealed))", contentType: "",
                body: [])
        }
        if delivery.transport == .agent, let app = bot.app {
            let text = envelope.xmlRequest(corpID: app.corpID, agentID: app.agentID)
            return CallbackRequest(
                id: id, method: "POST", url: address, contentType: "text/xml", body: Array(text.utf8))
        }
        return CallbackRequest(
            id: id, method: "POST", url: address, contentType: "application/json", body: envelope.jsonRequest.bytes)
    }

    /// Cipher of that side; nil when the bot has none, or its key is wrong.
    func cipher(of bot: String, _ transport: Transport) -> CallbackCipher? {
        guard let bot = directory.bots[bot] else { return nil }
        switch transport {
        case .longConnection: return nil
        case .webhook:
            return bot.webhook.flatMap {
                try? CallbackCipher(token: $0.token, encodingAESKey: $0.encodingAESKey, receiveID: $0.receiveID)
            }
        case .agent:
            return bot.app.flatMap {
                try? CallbackCipher(token: $0.token, encodingAESKey: $0.encodingAESKey, receiveID: $0.corpID)
            }
        }
    }

    // MARK: Answers

    private mutating func handleAnswer(_ id: Int, _ result: CallbackResult, now: Int) {
        guard let flight = callbacks.ended(id) else { return }
        defer { launchWaiting(now: now) }
        guard !flight.losesAnswer else {
            end(id, .lost, now: now)
            deliveryFailed(flight.delivery, now: now)
            return
        }
        switch result {
        case .failed:
            end(id, .failed, now: now)
            deliveryFailed(flight.delivery, now: now)
        case .answered(let status, let body):
            end(id, .answered(status: status), now: now)
            if status != 200 || body.isEmpty {
                logAnswer(
                    .incoming, id: "h\(id)", bot: flight.delivery.bot, code: status == 200 ? 0 : status, body: nil,
                    now: now)
            }
            if status == 200 {
                read(body, of: id, flight, now: now)
            } else {
                deliveryFailed(flight.delivery, now: now)
            }
        }
    }

    mutating func callbackTimedOut(_ id: Int, now: Int) {
        guard let flight = callbacks.ended(id) else { return }
        actions.append(.cancelCallback(id))
        end(id, flight.losesAnswer ? .lost : .timedOut, now: now)
        deliveryFailed(flight.delivery, now: now)
        launchWaiting(now: now)
    }

    private mutating func end(_ id: Int, _ outcome: CallbackRecord.Outcome, now: Int) {
        let record = callbacks.note(id) { record in
            record.outcome = outcome
            record.endedAt = now
        }
        if let record { emit(.callback(record)) }
    }

    private mutating func launchWaiting(now: Int) {
        while let next = callbacks.nextWaiting() {
            if case .refresh(let key) = next.kind, webhookStreams[key]?.isOver != false { continue }
            post(next, now: now)
        }
    }

    /// No answer, or not with 200: messages and most events come again, a refresh at the next tick.
    private mutating func deliveryFailed(_ delivery: Delivery, now: Int) {
        if case .refresh(let key) = delivery.kind {
            if !delivery.isExtra { schedulePoll(key, now: now) }
            return
        }
        guard !delivery.isExtra else { return }
        guard delivery.attempt < delivery.maxAttempts else {
            if case .message(let number) = delivery.kind { endProgress(number, delivery, now: now) }
            return
        }
        var next = delivery
        next.attempt += 1
        timeline.add(.delivery(next, skipsFaults: false), at: now + options.callbackRetryDelay)
    }

    private mutating func read(_ body: [UInt8], of id: Int, _ flight: Callbacks.InFlight, now: Int) {
        let delivery = flight.delivery
        do throws(ReplyProblem) {
            if case .verification(let echo) = delivery.kind {
                noteAnswer(id, body, flight, now: now)
                guard body == Array(echo.utf8) else { throw ReplyProblem("verification", "another echo") }
            } else if delivery.transport == .agent {
                try readAgentAnswer(body, of: id, flight, now: now)
            } else {
                try readWebhookAnswer(body, of: id, flight, now: now)
            }
        } catch {
            violated(error, by: delivery, callback: id, now: now)
            switch delivery.kind {
            case .message(let number): endProgress(number, delivery, now: now)
            case .refresh(let key) where !delivery.isExtra: schedulePoll(key, now: now)
            default: break
            }
        }
    }

    /// Opens an envelope that answers a callback.
    func open(
        _ envelope: CallbackEnvelope?, _ flight: Callbacks.InFlight
    ) throws(ReplyProblem) -> [UInt8] {
        guard let envelope else { throw ReplyProblem("envelope", "members missing or mistyped") }
        guard envelope.nonce == flight.nonce else { throw ReplyProblem("nonce", "not the one of the callback") }
        guard let cipher = cipher(of: flight.delivery.bot, flight.delivery.transport) else {
            throw ReplyProblem("envelope", "the bot has no such side any more")
        }
        do throws(CallbackCipherError) { return try envelope.open(with: cipher) } catch {
            throw ReplyProblem(error == .signature ? "signature" : "envelope", "\(error)")
        }
    }

    /// Keeps the opened answer with its callback.
    mutating func noteAnswer(_ id: Int, _ bytes: [UInt8], _ flight: Callbacks.InFlight, now: Int) {
        logAnswer(.incoming, id: "h\(id)", bot: flight.delivery.bot, code: 0, body: Self.json(bytes), now: now)
        let record = callbacks.note(id) {
            $0.answer = String(decoding: bytes.prefix(Callbacks.textLimit), as: UTF8.self)
        }
        if let record { emit(.callback(record)) }
    }

    mutating func violated(_ problem: ReplyProblem, by delivery: Delivery, callback id: Int, now: Int) {
        let violation = ProtocolViolation(
            bot: delivery.bot, transport: delivery.transport, callback: id, rule: problem.rule,
            detail: problem.detail, time: now)
        callbacks.add(violation)
        emit(.violation(violation))
    }

    /// A message has its answer; one that was held back may follow.
    mutating func endProgress(_ number: Int, _ delivery: Delivery, now: Int) {
        guard let user = delivery.user else { return }
        endProgress(number, Progress.Key(bot: delivery.bot, user: user), now: now)
    }

    mutating func endProgress(_ number: Int, _ key: Progress.Key, now: Int) {
        if let next = progress.end(number, key: key) { launch(next, now: now) }
    }
}
