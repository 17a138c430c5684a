import AIBotWS
import Shared

/// Writes the lines of a recorded scenario.
struct RecordingWriter {
    private let options: ScenarioRecorder.Options
    private let words: ProgramWords
    private var scrubber: FrameScrubber
    private var lines: [String] = []
    private var frames: [RecordedFrame] = []
    private var table = RecordedTurnTable()
    private var heldErrors: [Int] = []
    private var now = MonotonicInstant()
    private var isConnected = false
    private var seenMessages: Set<String> = []
    private var heartbeats: Set<String> = []
    private var openHeartbeats = 0
    private var ownRequests: [String: String] = [:]
    private var streams: [String: String] = [:]
    private var openPushes: [(reqID: String, at: MonotonicInstant)] = []
    private var isSubscribing = false
    private var lossIsTold = false
    private var isSuperseded = false

    init(_ options: ScenarioRecorder.Options) {
        self.options = options
        words = ProgramWords(reply: options.engine.reply)
        scrubber = FrameScrubber(words: words, displayName: options.displayName, keepsText: options.keepsText)
    }

    mutating func write(_ entries: [ScenarioRecorder.Entry], title: String, isFull: Bool) -> String {
        frames = entries.compactMap { entry in
            guard let frame = try? JSONValue(parsing: entry.bytes), case .object = frame else { return nil }
            return RecordedFrame(direction: entry.direction, frame: scrubber.scrub(frame), at: entry.at)
        }
        table = RecordedTurnTable(frames, words)
        header(title)
        if let first = frames.first { now = first.at }
        for index in frames.indices { write(index) }
        tellWaitingHandlers()
        if isFull { lines.append("# The recording ends here: it reached its bound.") }
        return lines.joined(separator: "\n") + "\n"
    }

    private mutating func header(_ title: String) {
        let reply = options.engine.reply
        lines = [
            "# Recorded and scrubbed: names, ids, keys and addresses are pseudonyms"
                + (options.keepsText ? "." : ", texts are filler of the same length."),
            "title: \(title.split(separator: "\n").joined(separator: " "))",
            "set botID \(quoted(FrameScrubber.bot))",
            "set secret \(quoted(FrameScrubber.secret))", "set onReplaced \(options.onReplaced.rawValue)",
            "set firstHintAfter \(time(reply.firstHintAfter))", "set hintEvery \(time(reply.hintEvery))",
            "set minInterval \(time(reply.minInterval))", "set maxBubbleAge \(time(reply.maxBubbleAge))",
            "set queuedPerConversation \(options.engine.queuedPerConversation)",
            "set concurrentTasks \(options.engine.concurrentTasks)", "set slack 250ms", "set order free",
        ]
        if options.displayName != nil { lines.append("set displayName \(quoted(FrameScrubber.botName))") }
        if reply.hints != ReplySettings().hints { lines += reply.hints.map { "set hint \(quoted($0))" } }
        if reply.opening != ReplySettings().opening { lines.append("set opening \(quoted(reply.opening))") }
        if !reply.showsGrowth { lines.append("set growth hidden") }
        if reply.reasoning == .fold { lines.append("set reasoning fold") }
        if !options.engine.welcomeText.isEmpty {
            lines.append("set welcomeText \(quoted(scrubber.scrubText(options.engine.welcomeText)))")
        }
    }

    // MARK: Frames

    private mutating func write(_ index: Int) {
        let (entry, frame) = (frames[index], frames[index].frame)
        let reqID = frame["headers"]?["req_id"]?.string ?? ""
        switch (entry.direction, frame["cmd"]?.string) {
        case (.outbound, "aibot_subscribe"?): subscribe(frame, reqID, at: entry.at)
        case (.outbound, "ping"?):
            heartbeats.insert(reqID)
            openHeartbeats += 1
        case (.outbound, let command?): outbound(index, frame, command, reqID)
        case (.inbound, nil), (.inbound, "pong"?): acknowledge(frame, reqID, at: entry.at)
        case (.inbound, _?): callback(frame, reqID, at: entry.at)
        case (.outbound, nil): break
        }
    }

    private mutating func advance(to instant: MonotonicInstant) {
        for push in openPushes where push.at.duration(to: instant) >= .seconds(10) {
            let due = push.at.advanced(by: .seconds(10))
            step(to: due)
            lines.append("outcome unknown ackTimeout")
        }
        openPushes.removeAll { $0.at.duration(to: instant) >= .seconds(10) }
        step(to: instant)
    }

    private mutating func step(to instant: MonotonicInstant) {
        guard now < instant else { return }
        lines.append("advance \(time(now.duration(to: instant)))")
        now = instant
    }

    private mutating func subscribe(_ frame: JSONValue, _ reqID: String, at instant: MonotonicInstant) {
        if isConnected {
            if !lossIsTold {
                if isSubscribing, now.duration(to: instant) >= .seconds(10) {
                    lines += ["advance 10s", "client closes"]
                } else {
                    lines.append("drops connection")
                }
            }
            for _ in openPushes { lines.append("outcome unknown sessionLost") }
            openPushes = []
            // Whatever was in flight is not answered any more.
            for reqID in table.order { table.turns[reqID]?.refreshAnswered(code: 0, at: now) }
            if isSuperseded, options.onReplaced == .wait {
                advance(to: instant)
                lines.append("reconnect")
            } else {
                lines.append("wait 2h")
            }
            now = instant
        }
        isConnected = true
        lossIsTold = false
        isSuperseded = false
        isSubscribing = true
        lines.append("connects")
        lines.append("out \(expected(frame).text)")
    }

    private mutating func acknowledge(_ frame: JSONValue, _ reqID: String, at instant: MonotonicInstant) {
        if heartbeats.remove(reqID) != nil || reqID.isEmpty && openHeartbeats > 0 && frame["errcode"]?.integer ?? 0 == 0
        {
            openHeartbeats = max(0, openHeartbeats - 1)
            return
        }
        advance(to: instant)
        lines.append("in \(named(frame).text)")
        let code = frame["errcode"]?.integer ?? 0
        table.turns[reqID]?.refreshAnswered(code: code, at: now)
        if let index = openPushes.firstIndex(where: { $0.reqID == reqID }) {
            openPushes.remove(at: index)
            lines.append(code == 0 ? "outcome acknowledged" : "outcome rejected \(code)")
        } else if reqID.isEmpty, code != 0 {
            heldErrors.append(code)
        }
        if let held = heldErrors.first, openPushes.count == heldErrors.count {
            for _ in openPushes { lines.append("outcome rejected \(held)") }
            openPushes = []
            heldErrors = []
        }
        if code == 846_609 || code != 0 && isSubscribing { closes() }
        isSubscribing = false
    }

    private mutating func closes() {
        lines.append("client closes")
        for _ in openPushes { lines.append("outcome unknown sessionLost") }
        openPushes = []
        lossIsTold = true
    }

    private mutating func callback(_ frame: JSONValue, _ reqID: String, at instant: MonotonicInstant) {
        if let turn = table.turns[reqID], turn.order.isEmpty, !turn.isClick {
            return lines.append("# A message that got no answer is left out.")
        }
        advance(to: instant)
        lines.append("in \(Self.escaped(frame).text)")
        let id = frame["body"]?["msgid"]?.string ?? ""
        guard id.isEmpty || seenMessages.insert(id).inserted else { return }
        switch frame["body"]?["event"]?["eventtype"]?.string {
        case nil, "enter_chat"?, "template_card_event"?: break
        case "disconnected_event"?:
            closes()
            isSuperseded = true
        case "feedback_event"?: lines.append("event {\"event\": \"feedback\"}")
        case let type?:
            lines.append("event \(JSONValue.dictionary(["event": "other", "type": .string(type)]).text)")
        }
    }

    private mutating func outbound(_ index: Int, _ frame: JSONValue, _ command: String, _ reqID: String) {
        let at = frames[index].at
        switch command {
        case "aibot_respond_msg", "aibot_send_msg":
            if let owner = table.pushOwners[reqID] ?? (table.turns[reqID] == nil ? nil : reqID) {
                answer(index, owner, at: at)
            } else {
                advance(to: at)
                programPush(frame, reqID, at: at)
            }
        case "aibot_respond_welcome_msg", "pong": advance(to: at)
        default:
            lines.append("# \(command) cannot be replayed and is left out.")
            return
        }
        lines.append("out \(expected(frame).text)")
    }

    private mutating func programPush(_ frame: JSONValue, _ reqID: String, at instant: MonotonicInstant) {
        let body = frame["body"]
        let kind = body?["chat_type"]?.integer == 1 ? "single" : "group"
        let text = body?["markdown"]?["content"]?.string ?? ""
        lines.append("push \(kind) \(body?["chatid"]?.string ?? "nobody") \(quoted(text))")
        openPushes.append((reqID, instant))
    }

    // MARK: Handlers

    /// What the handler must have done for this frame, at the time of the frame.
    private mutating func answer(_ index: Int, _ owner: String, at instant: MonotonicInstant) {
        guard var turn = table.turns[owner], let piece = turn.pieces[index] else { return advance(to: instant) }
        defer { table.turns[owner] = turn }
        if turn.isLine || turn.isOver { return advance(to: instant) }
        if turn.order.first == index { opening(piece, owner, at: instant) }
        guard let step = turn.answer(asOf: index, words: words) else { return advance(to: instant) }
        if case .snapshot(_, let text) = piece, words.isWaiting(text) {
            turn.shows(piece, at: instant)
            return advance(to: instant)
        }
        if case .final(_, let text) = piece, text == words.words.refused { return advance(to: instant) }
        let (text, tail) = words.splitOwnEnding(step.text)
        let isSeal = tail.hasSuffix(words.words.handOver)
        if isSeal {
            // What is new in it was said before the deadline, and too late for a refresh.
            if turn.said != text { advance(to: instant.advanced(by: .milliseconds(-1))) }
        } else {
            advance(to: instant)
        }
        tellHandler(&turn)
        let hadMore = say(text == words.words.empty ? "" : text, &turn)
        if isSeal { advance(to: instant) }
        guard step.ends, !isSeal else { return turn.shows(piece, at: now) }
        if hadMore { snapshotBeforeFinal(piece, owner, turn) }
        turn.isOver = true
        end(tail, &turn)
    }

    private mutating func end(_ tail: String, _ turn: inout RecordedTurn) {
        if tail.hasSuffix(words.words.stopped) { return }
        if tail.hasSuffix(words.words.failed) { return lines.append("handler \(turn.name) fails") }
        for ending in [words.words.interrupted, words.words.tooLong] where tail.hasSuffix(ending) {
            return lines.append("handler \(turn.name) fails \(quoted(ending))")
        }
        lines.append("handler \(turn.name) finishes")
    }

    /// A program that answers at once may skip the opening frame; a scripted handler never does.
    private mutating func opening(_ piece: RecordedTurn.Piece, _ reqID: String, at instant: MonotonicInstant) {
        let stream: String
        switch piece {
        case .snapshot(let id, let text):
            if words.isWaiting(text) { return }
            stream = id
        case .final(let id, _): stream = id
        case .markdown, .push: return
        }
        lines.append("# The program was faster than its opening frame.")
        lines.append("out bubble \(name(stream: stream)) \(quoted(options.engine.reply.opening)) at \(reqID)")
        lines.append("ack")
    }

    private mutating func tellHandler(_ turn: inout RecordedTurn) {
        guard !turn.hasHandler else { return }
        turn.hasHandler = true
        lines.append("handler \(turn.name) gets \(JSONValue.dictionary(["id": .string(turn.messageID)]).text)")
    }

    /// True when there was something to say.
    private mutating func say(_ answer: String, _ turn: inout RecordedTurn) -> Bool {
        let (reasoning, text) = words.splitReasoning(answer)
        if let more = reasoning.after(turn.thought), !more.isEmpty {
            lines.append("handler \(turn.name) thinks \(quoted(more))")
            turn.thought = reasoning
        }
        guard text != turn.said else { return false }
        if let more = text.after(turn.said) {
            lines.append("handler \(turn.name) says \(quoted(more))")
        } else {
            lines.append("handler \(turn.name) replaces \(quoted(text))")
        }
        turn.said = text
        return true
    }

    /// Words and the end of an answer may come so close together that only the final frame showed them; a scripted
    /// handler leaves time for a refresh between the two.
    private mutating func snapshotBeforeFinal(_ piece: RecordedTurn.Piece, _ reqID: String, _ turn: RecordedTurn) {
        guard case .final(let stream, let content) = piece, options.engine.reply.showsGrowth,
            turn.mayRefresh(at: now, options.engine.reply)
        else { return }
        lines.append("# The program ended before its last words could be shown.")
        let text = words.splitOwnEnding(content).head
        lines.append("out bubble \(name(stream: stream)) \(quoted(Self.escaped(text))) at \(reqID)")
        lines.append("ack")
    }

    /// Handlers that were asked and had not said anything when the recording ended.
    private mutating func tellWaitingHandlers() {
        for reqID in table.order {
            guard var turn = table.turns[reqID], !turn.hasHandler, !turn.isLine else { continue }
            if turn.order.isEmpty, !turn.isClick { continue }
            if case .snapshot(_, let text)? = turn.order.last.flatMap({ turn.pieces[$0] }), words.isQueued(text) {
                continue
            }
            tellHandler(&turn)
        }
    }

    // MARK: Names and words

    /// A frame of the client with names for the ids that it chose.
    private mutating func expected(_ frame: JSONValue) -> JSONValue {
        var frame = named(frame, isNew: true)
        if let id = frame["body"]?["stream"]?["id"]?.string {
            frame = frame.setting(path: ["body", "stream", "id"], to: .string(name(stream: id)))
        }
        // The ids that answers are judged by follow from those of the bubbles; a scenario plays without them.
        for kind in ["stream", "markdown"] { frame = frame.removing(path: ["body", kind, "feedback"]) }
        return frame
    }

    private mutating func named(_ frame: JSONValue, isNew: Bool = false) -> JSONValue {
        let written = Self.escaped(frame)
        guard let id = frame["headers"]?["req_id"]?.string, table.turns[id] == nil else { return written }
        if let name = ownRequests[id] { return written.setting(path: ["headers", "req_id"], to: .string(name)) }
        let command = frame["cmd"]?.string
        guard isNew, command == "aibot_subscribe" || command == "aibot_send_msg" else { return written }
        let name = "$r\(ownRequests.count + 1)"
        ownRequests[id] = name
        return written.setting(path: ["headers", "req_id"], to: .string(name))
    }

    /// Strings that would have a meaning in a pattern.
    private static func escaped(_ frame: JSONValue) -> JSONValue { frame.mapStrings { _, string in escaped(string) } }

    private static func escaped(_ string: String) -> String {
        string.hasPrefix("$") || string == "*" ? "$" + string : string
    }

    private mutating func name(stream id: String) -> String {
        if let name = streams[id] { return name }
        let name = "$b\(streams.count + 1)"
        streams[id] = name
        return name
    }

    private func quoted(_ text: String) -> String { JSONValue.string(text).text }

    private func time(_ duration: Duration) -> String {
        let nanoseconds = max(0, duration.clampedNanoseconds)
        let (milliseconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        if rest == 0 { return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms" }
        let digits = String(rest)
        return "\(milliseconds).\(String(repeating: "0", count: 6 - digits.count))\(digits)ms"
    }
}
