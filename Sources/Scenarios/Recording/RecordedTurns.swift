import AIBotWS
import Shared

/// What a recording tells about the answer to one message.
struct RecordedTurn {
    /// Frames that carried the answer, in order.
    enum Piece {
        case snapshot(stream: String, String)
        case final(stream: String, String)
        case markdown(String)
        case push(String)
    }

    var name: String
    var messageID: String
    var conversation: Conversation
    /// Clicks on cards are answered by pushes alone.
    var isClick: Bool
    var pieces: [Int: Piece] = [:]
    var order: [Int] = []
    /// A refusal or a deadline has ended its bubbles.
    var isHandedOver: Bool
    var isLine = false
    var isDelivered = false
    var isPushed = false
    private var isRefused = false
    /// Final frames that were refused as too long: what follows them are their parts.
    var splitRefusals: Set<Int> = []
    var thought = ""
    private var shown: (stream: String, content: String, at: MonotonicInstant)?
    private var openedAt = MonotonicInstant()
    private var isRefreshOpen = false
    private var refusals = 0
    private var refreshHeldUntil = MonotonicInstant()
    /// What the handler said so far in the replay.
    var said = ""
    var hasHandler = false
    var isOver = false

    init(name: String, messageID: String, conversation: Conversation, isClick: Bool) {
        self.name = name
        self.messageID = messageID
        self.conversation = conversation
        self.isClick = isClick
        isHandedOver = isClick
    }

    mutating func add(_ piece: Piece, at index: Int) {
        pieces[index] = piece
        order.append(index)
    }

    /// An answer to its last frame.
    mutating func acknowledged(code: Int) {
        guard let last = order.last, let piece = pieces[last] else { return }
        if code == 45_002 { splitRefusals.insert(last) }
        isRefused = code != 0
        if code != 0 {
            isHandedOver = true
            return
        }
        switch piece {
        case .push: isPushed = true
        case .final where !isHandedOver, .markdown: isDelivered = true
        case .final, .snapshot: break
        }
    }

    /// Whether a push to its chat is likely to be the answer, or its next part, or the same once more.
    func takesPush(_ text: String) -> Bool {
        guard isHandedOver, !isDelivered else { return false }
        guard case .push(let last)? = order.last.flatMap({ pieces[$0] }) else { return true }
        if !splitRefusals.isEmpty { return true }
        return isPushed ? last.utf8.count > 8_000 : last == text || isRefused
    }

    /// What the bubble shows in the replay from now on.
    mutating func shows(_ piece: Piece, at instant: MonotonicInstant) {
        guard case .snapshot(let stream, let content) = piece else { return }
        if shown?.stream != stream { openedAt = instant }
        shown = (stream, content, instant)
        isRefreshOpen = true
    }

    /// The answer to a refresh, at its time: a refusal holds the next one back.
    mutating func refreshAnswered(code: Int, at instant: MonotonicInstant) {
        isRefreshOpen = false
        guard code != 0 else { return }
        refreshHeldUntil = instant.advanced(by: .seconds(3) * (1 << min(refusals, 5)))
        refusals += 1
    }

    /// Whether new words would be shown at once.
    func mayRefresh(at now: MonotonicInstant, _ settings: ReplySettings) -> Bool {
        guard !isRefreshOpen, refreshHeldUntil <= now else { return false }
        guard let shown, shown.content != settings.opening else { return true }
        let age = openedAt.duration(to: now)
        let interval = settings.minInterval * (age < .seconds(60) ? 1 : age < .seconds(180) ? 2 : 3)
        return shown.at.duration(to: now) >= interval
    }

    var first: Piece? { order.first.flatMap { pieces[$0] } }

    /// Whole answer as of one frame: what was sealed before it, and what it shows. A sealed segment that others follow
    /// was sealed because there was more, so the beginning of the next is part of it.
    func answer(asOf index: Int, words: ProgramWords) -> (text: String, ends: Bool)? {
        guard let position = order.firstIndex(of: index) else { return nil }
        var sealed: [String] = []
        var lastStream = ""
        for earlier in order[..<position] {
            guard case .final(let stream, let text)? = pieces[earlier], !text.hasSuffix(words.words.handOver) else {
                continue
            }
            // A repeated final frame takes the place of the one before.
            if stream == lastStream, !sealed.isEmpty { sealed.removeLast() }
            lastStream = stream
            sealed.append(text)
        }
        guard let piece = pieces[index] else { return nil }
        switch piece {
        case .snapshot(_, let text): return (sealed.joined() + text, false)
        case .final(let stream, let text):
            if stream == lastStream, !sealed.isEmpty { sealed.removeLast() }
            if !splitRefusals.contains(index), let next = nextBubble(after: position, than: stream, words: words) {
                return (sealed.joined() + text + next, false)
            }
            return (sealed.joined() + text, true)
        case .markdown(let text), .push(let text): return (sealed.joined() + text, true)
        }
    }

    private func nextBubble(after position: Int, than stream: String, words: ProgramWords) -> String? {
        for index in order[(position + 1)...] {
            switch pieces[index] {
            case .snapshot(let other, let text)? where other != stream: return text
            case .final(let other, let text)? where other != stream: return text
            default: continue
            }
        }
        return nil
    }
}
