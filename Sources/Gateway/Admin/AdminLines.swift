import Shared

extension GatewayStatus {
    /// The status for a person; `now` in Unix milliseconds.
    public func lines(now: Int64) -> [String] {
        let head = "wecom-aibot \(version), pid \(pid), up \(Moments.age(seconds: uptimeSeconds))"
        return [head] + accounts.flatMap { $0.lines(now: now) } + (ledger?.lines ?? [])
    }
}

extension AccountStatus {
    fileprivate func lines(now: Int64) -> [String] {
        let why = reason.map { ": \($0)" } ?? ""
        let seen = "last message \(ago(lastInboundAt, now))"
        return [
            "\(name) \(channel) (\(botID)): \(state) for \(Moments.age(seconds: Double(now - since) / 1000))\(why)",
            "  \(openTurns) being answered, \(waiting) waiting; \(seen)",
        ]
    }

    private func ago(_ at: Int64?, _ now: Int64) -> String {
        at.map { "\(Moments.age(seconds: Double(now - $0) / 1000)) ago" } ?? "never"
    }
}

extension LedgerFigures {
    fileprivate var lines: [String] {
        if let trouble { return ["ledger: \(trouble)"] }
        let counts = TaskState.allCases.map { "\(tasks[$0.rawValue] ?? 0) \($0.rawValue)" }.joined(separator: ", ")
        let oldest = oldestUndeliveredSeconds.map { "; oldest undelivered is \(Moments.age(seconds: $0)) old" } ?? ""
        return ["ledger: \(counts)\(oldest)"]
    }
}

extension SendResult {
    /// The result for a person.
    public var lines: [String] {
        let number = task.map { " (task \($0)\(messageID.map { ", id \($0)" } ?? ""))" } ?? ""
        let twice = possibleDuplicate ? "; possibly shown twice" : ""
        let line = "\(target): \(state.rawValue)\(number)\(reason.map { ", \($0)" } ?? "")\(twice)"
        return [line] + (advice.map { ["  \($0)"] } ?? [])
    }
}

/// What a send amounts to, in words.
public struct SendPlan: Sendable, Hashable {
    private let what: String
    private let targets: [Target]
    private let bytes: Int
    private let uploads: Bool

    /// Plan of a request whose content has `bytes` bytes.
    public init(_ request: SendRequest, bytes: Int) {
        targets = request.targets
        self.bytes = bytes
        switch request.content {
        case .text: (what, uploads) = ("text", false)
        case .markdown: (what, uploads) = ("Markdown", false)
        case .card: (what, uploads) = ("a card", false)
        case .file(let path): (what, uploads) = (path, true)
        }
    }

    /// `text (12 bytes) to user:lin.wei, group:wr…`
    public var sentence: String {
        "\(what) (\(bytes) bytes) to \(targets.map(\.description).joined(separator: ", "))"
    }

    /// Line before a send that takes long; nil for a short one. Counts half a second a target, and a second for each
    /// megabyte that is uploaded, once for all targets: a rule of thumb.
    public var estimate: String? {
        let upload = uploads ? bytes >> 20 : 0
        let seconds = upload + (targets.count + 1) / 2
        guard targets.count > 1 || upload > 2 else { return nil }
        let size = uploads ? "\(bytes >> 10) KB " : ""
        return "sending \(size)to \(targets.count) target\(targets.count == 1 ? "" : "s"), about \(max(1, seconds)) s"
    }
}
