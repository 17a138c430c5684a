import Logging

/// What a message brings besides its text: files, and clicks on cards.
extension Turn {
    // MARK: Media of the message

    var hasMediaToFetch: Bool {
        guard services.hooks.fetch != nil, task != nil, case .handler = source else { return false }
        return entry.message.hasUnfetchedMedia
    }

    /// The addresses are good for five minutes, so this does not wait for the message's turn.
    func fetchMedia() async {
        guard let fetch = services.hooks.fetch else { return }
        // A file that brings the program down counts as a start, so that it cannot do so for ever.
        await count(waits: true)
        let fetched = await fetch(entry.message)
        guard !Task.isCancelled else { return }
        let ticket = state.withLock { state -> UInt64? in
            state.message = fetched
            return task.map { services.ledger.enqueue([.fetched($0, fetched)]) }
        }
        if let ticket { _ = await services.ledger.durable(ticket) }
        state.withLock { $0.hasFetched = true }
        mediaFetched.raise()
    }

    // MARK: Clicks

    /// Redraws the clicked card within the platform's five seconds: with what the handler returns in time, else with the
    /// choice marked.
    func redrawCard() async {
        defer { redrawDone.raise() }
        guard let click = entry.message.click, attempt == 1 else { return }
        let alarm = UInt64.max - number
        services.alarms.set(services.clock.now.advanced(by: services.settings.redrawAfter), for: alarm, cardReady)
        await cardReady.wait()
        services.alarms.set(nil, for: alarm, cardReady)
        guard !Task.isCancelled, let json = await redrawn(click) else { return }
        let outcome = await services.channel.perform(.updateCard(entry.route, json: json), late: nil)
        if case .acknowledged = outcome { return }
        services.logger.notice(
            "card not redrawn", metadata: .init([.messageID: entry.message.id, .reason: "\(outcome)"]))
    }

    private func redrawn(_ click: CardClick) async -> String? {
        let own = state.withLock { state -> String? in
            defer { state.isRedrawn = true }
            return state.redraw
        }
        if let own { return own }
        guard let sent = try? await services.store.card(taskID: click.taskID, account: entry.message.account),
            let card = try? TemplateCard(json: sent.json)
        else { return nil }
        return CardUpdate.marking(card, click: click).json
    }
}

extension InboundMessage {
    /// Media of the message and of what it quotes.
    private var allMedia: [MediaReference] {
        media + (quote?.parts.compactMap { if case .media(let reference) = $0 { reference } else { nil } } ?? [])
    }

    var hasUnfetchedMedia: Bool { allMedia.contains { $0.path == nil && $0.failure == nil } }

    var mediaFailures: [String] { allMedia.compactMap(\.failure) }

    /// A message of files alone, none of which could be fetched, is no question for the handler.
    var lineInsteadOfHandler: String? {
        guard text.isEmpty, click == nil, !media.isEmpty, media.allSatisfy({ $0.failure != nil }) else { return nil }
        return mediaFailures.joined(separator: "\n\n")
    }
}
