import Shared

extension ServerAPI {
    /// What was sent is sent, whatever the rest of the answer looks like: odd members count as absent.
    private struct SendAnswer: Decodable {
        private let texts: [Key: String]

        enum Key: String, CodingKey, CaseIterable {
            case invaliduser, invalidparty, invalidtag, unlicenseduser, msgid
            case responseCode = "response_code"
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Key.self)
            var texts: [Key: String] = [:]
            for key in Key.allCases {
                texts[key] =
                    (try? values.decode(String.self, forKey: key))
                    ?? (try? values.decode(Int.self, forKey: key)).map(String.init)
            }
            self.texts = texts
        }

        subscript(_ key: Key) -> String? { texts[key].flatMap { $0.isEmpty ? nil : $0 } }
        func ids(_ key: Key) -> [String] { self[key]?.split(separator: "|").map(String.init) ?? [] }
    }

    /// Sends a message (message/send). Long lists go out in several calls, at most 1,000 members, 100 departments and 100 tags
    /// each, and nobody gets more messages than the platform would show.
    public func send(_ message: AppMessage, to receivers: Receivers) async -> SendReport {
        func failed(_ failure: ServerAPIFailure) -> SendReport {
            SendReport(batches: [SendReport.Batch(receivers: receivers, failure: failure)])
        }
        if let fault = message.fault { return failed(.refused(fault)) }
        guard !receivers.isEmpty else { return failed(.refused(PlatformError(code: 82_001, origin: .serverAPI))) }
        guard receivers.isWellFormed else { return failed(.refused(PlatformError(code: 40_031, origin: .serverAPI))) }
        let resolved: Receivers
        do { resolved = try await resolvingTags(receivers) } catch { return failed(error) }
        var report = SendReport(batches: [])
        for batch in resolved.batches {
            for part in await admitted(batch) {
                report.batches.append(
                    part.hasRoom
                        ? await send(message, inOneCallTo: part.receivers)
                        : SendReport.Batch(receivers: part.receivers, failure: .notSent(.tooMany)))
            }
        }
        return report
    }

    private func members(_ message: AppMessage, _ receivers: Receivers) -> [(name: String, value: String)] {
        receivers.members + message.members + [("agentid", "\(settings.agentID)")]
    }

    /// A message was delivered, and will come again only because one that belongs to it was not: the platform is asked to
    /// drop it then.
    func mayComeAgain(_ message: AppMessage, to receivers: Receivers) {
        guard let hash = Self.hash(JSONText.object(members(message, receivers))) else { return }
        state.withLock { $0.duplicates.forget(hash) }
    }

    private func send(_ message: AppMessage, inOneCallTo receivers: Receivers) async -> SendReport.Batch {
        let members = members(message, receivers)
        let plain = JSONText.object(members)
        let hash = settings.checksDuplicates ? Self.hash(plain) : nil
        let isChecked = hash.map { hash in state.withLock { $0.duplicates.mayCheck(hash, now: now) } } ?? false
        let body =
            isChecked
            ? JSONText.object(
                members + [
                    ("enable_duplicate_check", "1"), ("duplicate_check_interval", "\(DuplicateMemory.interval)"),
                ])
            : plain
        var batch = SendReport.Batch(receivers: receivers)
        do {
            let answer = try await answer(
                to: Call("message/send", json: body, harm: isChecked ? .guarded : .duplicate), as: SendAnswer.self)
            batch.invalidUsers = answer.ids(.invaliduser)
            batch.invalidDepartments = answer.ids(.invalidparty)
            batch.invalidTags = answer.ids(.invalidtag)
            batch.unlicensedUsers = answer.ids(.unlicenseduser)
            batch.messageID = answer[.msgid]
            batch.responseCode = answer[.responseCode]
        } catch {
            batch.failure = error
            if let hash { state.withLock { $0.duplicates.forget(hash) } }
        }
        return batch
    }

    // MARK: - Whom

    /// Parts of a list in the order in which they may go out. Who has had as many messages as the platform shows waits.
    private func admitted(_ batch: Receivers) async -> [(receivers: Receivers, hasRoom: Bool)] {
        guard !batch.everyone else { return [(batch, true)] }
        var parts: [(receivers: Receivers, hasRoom: Bool)] = []
        var rest = batch.conversations
        let end = now + settings.maxWait.milliseconds
        while !rest.isEmpty {
            var free: [Conversation] = []
            var later: [Conversation] = []
            var wait = Duration.zero
            for conversation in rest {
                switch state.withLock({ $0.governor.request(conversation, .final, now: now) }) {
                case .allowed: free.append(conversation)
                case .wait(let time):
                    wait = max(wait, time)
                    later.append(conversation)
                }
            }
            if !free.isEmpty { parts.append((Receivers(free), true)) }
            rest = later
            guard !rest.isEmpty else { break }
            let isTooLong = now + wait.milliseconds > end
            if !isTooLong, (try? await sleep(wait, orSay: .notSent(.cancelled))) != nil { continue }
            parts.append((Receivers(rest), false))
            break
        }
        return parts
    }

    /// Names of tags become their numbers, which is what the platform takes.
    private func resolvingTags(_ receivers: Receivers) async throws(ServerAPIFailure) -> Receivers {
        guard !receivers.everyone else { return receivers }
        var resolved = receivers
        for (index, tag) in receivers.tags.enumerated() where !tag.utf8.allSatisfy({ (48...57).contains($0) }) {
            resolved.tags[index] = try await number(ofTag: tag)
        }
        return resolved
    }

    // MARK: - After sending

    /// Takes a message back (message/recall), within 24 hours. It stays in the WeChat plug-in.
    public func recall(messageID: String) async throws(ServerAPIFailure) {
        _ = try await answer(
            to: Call(
                "message/recall", json: JSONText.object([("msgid", JSONText.quoted(messageID))]), harm: .duplicate),
            as: EmptyAnswer.self)
    }

    /// What a card becomes.
    public enum CardUpdate: Hashable, Sendable {
        /// Its button shows this text and takes no further click.
        case button(String)
        /// Another card, as JSON text, with the same task id.
        case card(json: String)
    }

    /// Redraws a card for some members, or for everyone who got it (message/update_template_card). The response code of a click
    /// or of a sent card is good once, for 72 hours at most.
    public func updateCard(
        responseCode: String, _ update: CardUpdate, users: [String] = []
    ) async throws(ServerAPIFailure) {
        var members = [
            users.isEmpty ? ("atall", "1") : ("userids", JSONText.list(users)), ("agentid", "\(settings.agentID)"),
            ("response_code", JSONText.quoted(responseCode)),
        ]
        switch update {
        case .button(let text):
            members.append(("button", JSONText.object([("replace_name", JSONText.quoted(text))])))
        case .card(let json):
            guard JSONText.isObject(json) else { throw .refused(PlatformError(code: 40_058, origin: .serverAPI)) }
            members.append(("template_card", json))
        }
        _ = try await answer(
            to: Call("message/update_template_card", json: JSONText.object(members), harm: .duplicate),
            as: EmptyAnswer.self)
    }
}
