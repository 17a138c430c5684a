import Shared

extension TraceReport {
    /// The report for a person: a time line for each task.
    public var lines: [String] {
        stories.enumerated().flatMap { index, story in (index == 0 ? [] : [""]) + story.lines(messageID) }
    }
}

extension TraceReport.Story {
    fileprivate func lines(_ messageID: String) -> [String] {
        let from = sender.map { ", from \($0)" } ?? ""
        let head =
            "\(messageID.isEmpty ? "(no id)" : messageID): task \(task), \(origin.rawValue), account \(account), "
        var lines = [head + "\(channel), \(conversation.kind.rawValue) \(conversation.id)\(from)"]
        if let text { lines += quoted("said", text) }
        lines += events.map { "  \(time($0.at))  \($0.what)" }
        lines += parts.filter { $0.sentAt == nil }.map { "  not sent yet              \($0.line)" }
        if let reason { lines.append("  reason: \(reason)") }
        lines += parts.compactMap { part in part.advice.map { "  part \(part.index + 1): \($0)" } }
        if let answer { lines += quoted("answered", answer) }
        lines.append("  now: \(verdict)")
        return lines
    }

    private var events: [(at: Int64, what: String)] {
        var events: [(at: Int64, what: String)] = [
            (acceptedAt, refusal.map { "accepted, kept from the handler: \($0)" } ?? "accepted")
        ]
        if let answeredAt {
            let tries = attempts == 1 ? "" : ", at the handler's start number \(attempts)"
            let size = answerBytes.map { ", \($0) bytes in \(count(parts.count, "part"))" } ?? ""
            let bubble = handedOver ? ", its bubble was over by then" : ""
            events.append((answeredAt, "answer complete" + size + tries + bubble))
        }
        for part in parts { if let sentAt = part.sentAt { events.append((sentAt, part.line)) } }
        for part in parts {
            if let settledAt = part.settledAt {
                events.append((settledAt, "part \(part.index + 1) \(part.state.rawValue)"))
            }
        }
        if let finishedAt { events.append((finishedAt, state == .dead ? "given up" : "finished")) }
        // Stable for equal times: the order above is the order in which these things happen.
        return events.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
    }

    private var verdict: String {
        let twice = parts.filter(\.possibleDuplicate).map { "\($0.index + 1)" }
        let again =
            earlierBubbles == 0
            ? ""
            : "; \(count(earlierBubbles, "bubble")) of an earlier start, which answered otherwise, can still be seen"
        let note = (twice.isEmpty ? "" : "; part \(twice.joined(separator: ", ")) may have been shown twice") + again
        switch state {
        case .accepted:
            return attempts == 0 ? "waiting for the handler" : "with the handler (start number \(attempts))"
        case .answered: return "\(count(parts.filter { !$0.state.isSettled }.count, "part")) to be delivered" + note
        case .done:
            let lost = parts.filter { $0.state == .failed || $0.state == .dead }.count
            return (lost == 0 ? "done" : "over, \(count(lost, "part")) not delivered") + note
        case .dead where refusal != nil: return "kept out by policy; nothing was kept that could be sent"
        case .dead: return "given up; `wecom-aibot outbox retry \(task)` tries again" + note
        }
    }

    private func time(_ at: Int64) -> String { Moments.text(at) }

    private func quoted(_ what: String, _ text: String) -> [String] {
        ["  \(what):"] + text.split(separator: "\n", omittingEmptySubsequences: false).map { "    | \($0)" }
    }

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}

extension TraceReport.Part {
    fileprivate var line: String {
        var words = "part \(index + 1) (\(kind), \(bytes) bytes)"
        guard attempts > 0 else { return words + ": \(state.rawValue)" + (reason.map { ", \($0)" } ?? "") }
        words += " sent" + (via.map { " by \($0.rawValue)" } ?? "")
        if attempts > 1 { words += ", try \(attempts)" }
        if let errcode { words += ", last refused with errcode \(errcode)" }
        if !state.isSettled { words += ": \(state.rawValue)" }
        if let reason { words += ", \(reason)" }
        return words + (possibleDuplicate ? " (possibly shown twice)" : "")
    }
}
