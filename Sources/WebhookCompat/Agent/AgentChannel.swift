public import Shared

/// A self-built application as a channel: whole messages by the server API. Nothing streams and nothing has a reply address,
/// so what is addressed to one is pushed to its conversation.
public struct AgentChannel: Channel {
    private let api: ServerAPI

    init(_ api: ServerAPI) { self.api = api }

    /// What an application can carry.
    public var capabilities: Capabilities { api.settings.capabilities }

    /// Sends what an operation says and waits for its outcome. `late` is never called: nothing is learned later.
    public nonisolated(nonsending) func perform(
        _ operation: ChannelOperation, late: (@Sendable (LateVerdict) -> Void)?
    ) async -> SendOutcome {
        switch operation {
        case .stream, .seal: return .rejected(PlatformError(code: 40_008, origin: .serverAPI))
        case .reply(let route, let markdown, _): return await push(markdown, to: route.conversation)
        case .push(let conversation, let markdown, _): return await push(markdown, to: conversation)
        case .welcome(let route, let text): return await push(text, to: route.conversation)
        case .replyCard(let route, let json): return await send(.templateCard(json: json), to: route.conversation)
        case .pushCard(let conversation, let json): return await send(.templateCard(json: json), to: conversation)
        case .replyMedia(let route, let media): return await send(.media(media), to: route.conversation)
        case .pushMedia(let conversation, let media): return await send(.media(media), to: conversation)
        case .updateCard(let route, let json): return await update(route, json)
        }
    }

    /// Uploads a file whole; `progress` hears of it once, at the end.
    public func upload(_ media: OutboundMedia, progress: (@Sendable (Int) -> Void)?) async -> UploadOutcome {
        do {
            let uploaded = try await api.upload(media)
            progress?(media.bytes)
            return .uploaded(uploaded)
        } catch {
            switch error {
            case .refused(let error): return .rejected(error)
            case .notSent(.unreadable): return .unreadable("\(error)")
            case .notSent, .unknown: return .interrupted
            }
        }
    }

    // MARK: - Text

    /// Parts go out strictly one after the other; the first one that fails ends it.
    private func push(_ text: String, to conversation: Conversation) async -> SendOutcome {
        let parts = Self.parts(of: text, limit: capabilities.maxTextBytes)
        guard !parts.isEmpty else { return .rejected(PlatformError(code: 44_004, origin: .serverAPI)) }
        let messages = parts.map { api.settings.sendsMarkdown ? AppMessage.markdown($0) : .text($0) }
        for (index, message) in messages.enumerated() {
            let outcome = await send(message, to: conversation)
            if case .acknowledged = outcome { continue }
            if let receivers = Receivers(conversation) {
                for sent in messages[..<index] { api.mayComeAgain(sent, to: receivers) }
            }
            // Where the beginning is there, sending all of it once more would show that twice, but for a minute.
            return index > 0 && Self.isSentAgain(outcome) ? .unknown(.ackTimeout) : outcome
        }
        return .acknowledged()
    }

    /// Whether a sender repeats what has this outcome.
    private static func isSentAgain(_ outcome: SendOutcome) -> Bool {
        switch outcome {
        case .notSent: true
        case .rejected(let error): error.reaction == .retry || error.reaction == .pauseConversation
        case .acknowledged, .unknown: false
        }
    }

    /// Messages of a text, each within the limit. A cut that would fall into an `<a>` element is made before it.
    static func parts(of text: String, limit: Int) -> [String] {
        var parts: [String] = []
        var rest = text
        let isShort = text.utf8.count <= Self.maxBytesWithAnchors
        search: while true {
            let chunks = Chunker(limitBytes: limit).chunks(of: rest)
            let anchors = isShort && chunks.count > 1 ? AnchorElements.ranges(in: rest) : []
            for chunk in chunks {
                guard chunk.prefix.isEmpty, chunk.suffix.isEmpty,
                    let cut = anchors.first(where: { $0.contains(chunk.source.upperBound) })?.lowerBound,
                    cut > chunk.source.lowerBound, cut < chunk.source.upperBound
                else {
                    parts.append(chunk.text(of: rest))
                    continue
                }
                parts.append(Chunk(prefix: "", source: chunk.source.lowerBound..<cut, suffix: "").text(of: rest))
                rest = String(decoding: rest.utf8.dropFirst(cut), as: UTF8.self)
                continue search
            }
            return parts.filter(VisibleText.isVisible)
        }
    }

    /// Longest text whose links are looked for: each that is in the way has the rest of the text cut anew.
    private static let maxBytesWithAnchors = 65_536

    // MARK: - Everything

    private func send(_ message: AppMessage, to conversation: Conversation) async -> SendOutcome {
        guard let receivers = Receivers(conversation) else { return await send(message, toGroup: conversation.id) }
        let report = await api.send(message, to: receivers)
        switch report.outcome {
        case .delivered: return .acknowledged(body: Self.body(report))
        // Of a department or tag: who can be reached has it.
        case .partial: return .acknowledged(body: Self.body(report))
        case .rejected(let error): return .rejected(error)
        case .unknown: return ServerAPIFailure.unknown.outcome
        case .notSent(let obstacle): return ServerAPIFailure.notSent(obstacle).outcome
        }
    }

    private func send(_ message: AppMessage, toGroup id: String) async -> SendOutcome {
        guard api.settings.allowGroupSend else {
            return .rejected(PlatformError(code: 86_008, origin: .serverAPI))
        }
        do {
            try await api.send(message, toGroup: id)
            return .acknowledged()
        } catch {
            return error.outcome
        }
    }

    private func update(_ route: ReplyRoute, _ json: String) async -> SendOutcome {
        do {
            try await api.updateCard(
                responseCode: route.key, .card(json: json),
                users: route.conversation.kind == .direct ? [route.conversation.id] : [])
            return .acknowledged()
        } catch {
            return error.outcome
        }
    }

    private static func body(_ report: SendReport) -> String? {
        guard let batch = report.batches.first else { return nil }
        let members = [("msgid", batch.messageID), ("response_code", batch.responseCode)]
        return JSONText.object(members.compactMap { member in member.1.map { (member.0, JSONText.quoted($0)) } })
    }
}

/// Where links stand in a text.
enum AnchorElements {
    /// UTF-8 offsets of `<a …>…</a>`.
    static func ranges(in text: String) -> [Range<Int>] {
        let bytes = Array(text.utf8)
        var ranges: [Range<Int>] = []
        var index = 0
        while let start = find("<a ", in: bytes, from: index) {
            guard let end = find("</a>", in: bytes, from: start) else { break }
            ranges.append(start..<(end + 4))
            index = end + 4
        }
        return ranges
    }

    private static func find(_ word: String, in bytes: [UInt8], from start: Int) -> Int? {
        let word = Array(word.utf8)
        var index = start
        while index + word.count <= bytes.count {
            let isHere = word.indices.allSatisfy {
                bytes[index + $0] | (bytes[index + $0] &- 65 < 26 ? 0x20 : 0) == word[$0]
            }
            if isHere { return index }
            index += 1
        }
        return nil
    }
}
