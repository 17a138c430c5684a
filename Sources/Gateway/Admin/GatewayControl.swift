public import Shared

/// What the admin listener may ask of the running program.
public protocol GatewayControl: Sendable {
    /// What was accepted and delivered, for traces, the outbox and feedback.
    var ledger: any LedgerStore { get }
    /// Where every enabled account stands. The listener adds the figures of the ledger.
    func status() async -> GatewayStatus
    /// Sends to every target, and waits for what becomes of it. One result per target, in order; a target that cannot be
    /// written to is a failed result, not an error.
    ///
    /// - Throws: when nothing could be tried: an unknown account, a file that cannot be read.
    func send(_ request: SendRequest) async throws(GatewayError) -> [SendResult]
    /// Ends the wait for a connection of one account, or of all, and takes replaced bots back. Names of the accounts.
    ///
    /// - Throws: for an account that does not run.
    func reconnect(account: String?) async throws(GatewayError) -> [String]
    /// Makes a dead task deliverable again, and begins with it. False when there is none such.
    func retry(_ task: TaskID) async throws(LedgerTrouble) -> Bool
    /// Gives a task up, and stops what is being done for it. False when it had ended.
    func drop(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool
}

/// Where the whole program stands.
public struct GatewayStatus: Sendable, Hashable, Codable {
    /// Version of the program.
    public var version: String
    /// Process.
    public var pid: Int32
    /// Seconds since the start.
    public var uptimeSeconds: Double
    /// Enabled accounts by name.
    public var accounts: [AccountStatus]
    /// What the ledger holds; filled in by the listener.
    public var ledger: LedgerFigures?

    /// Creates a status.
    public init(version: String, pid: Int32, uptimeSeconds: Double, accounts: [AccountStatus]) {
        self.version = version
        self.pid = pid
        self.uptimeSeconds = uptimeSeconds
        self.accounts = accounts
    }

    /// Why the program is not ready, one sentence for each account that is not online; empty when it is.
    public var troubles: [String] {
        if accounts.isEmpty { return ["no account runs"] }
        let offline = accounts.filter { !$0.online }.map { account in
            let hasOtherSide = accounts.contains { $0.name == account.name && $0.channel != account.channel }
            let side = hasOtherSide ? " (\(account.channel))" : ""
            return "account \(account.name)\(side): \(account.state)" + (account.reason.map { ": \($0)" } ?? "")
        }
        return offline + (ledger?.trouble.map { ["ledger: \($0)"] } ?? [])
    }
}

/// Where one account stands.
public struct AccountStatus: Sendable, Hashable, Codable {
    /// Name in the configuration.
    public var name: String
    /// Its bot.
    public var botID: String
    /// Transport name: `aibot-ws`, `bot-webhook` or `agent`.
    public var channel = "aibot-ws"
    /// Word for what the session does: `idle`, `connecting`, `online`, `backing off`, `credentials rejected`,
    /// `superseded`, `closed`.
    public var state: String
    /// Unix milliseconds at which the state began.
    public var since: Int64
    /// Why it is so, when it is not online.
    public var reason: String?
    /// Whether messages come in and answers go out.
    public var online: Bool
    /// Messages that are being answered or delivered.
    public var openTurns: Int
    /// Messages that wait for one before them.
    public var waiting: Int
    /// Unix milliseconds of the last message or event.
    public var lastInboundAt: Int64?

    private enum CodingKeys: String, CodingKey {
        case name
        case botID = "botId"
        case channel, state, since, reason, online, openTurns, waiting, lastInboundAt
    }

    /// Creates a status.
    public init(
        name: String, botID: String, state: String, since: Int64, reason: String? = nil, online: Bool,
        openTurns: Int = 0, waiting: Int = 0, lastInboundAt: Int64? = nil
    ) {
        self.name = name
        self.botID = botID
        self.state = state
        self.since = since
        self.reason = reason
        self.online = online
        self.openTurns = openTurns
        self.waiting = waiting
        self.lastInboundAt = lastInboundAt
    }
}

/// What the ledger holds.
public struct LedgerFigures: Sendable, Hashable, Codable {
    /// Number of tasks by state (`accepted`, `answered`, `done`, `dead`).
    public var tasks: [String: Int] = [:]
    /// Age of the oldest task that is not finished.
    public var oldestUndeliveredSeconds: Double?
    /// Why the ledger cannot be read.
    public var trouble: String?
}

/// Something to be sent without a message that it answers.
public struct SendRequest: Sendable, Hashable {
    /// What is sent.
    public enum Content: Sendable, Hashable {
        /// Text as it stands.
        case text(String)
        /// Markdown.
        case markdown(String)
        /// A file on the machine of the running program, by its absolute path.
        case file(path: String)
        /// A template card as JSON text.
        case card(json: String)
    }

    /// Account that sends; nil for the default account.
    public var account: String?
    /// Whom to, at least one.
    public var targets: [Target]
    /// What.
    public var content: Content
    /// Idempotency key: a request with a key that was used before for the same target sends nothing.
    public var key: String?

    /// Creates a request.
    public init(account: String? = nil, targets: [Target], content: Content, key: String? = nil) {
        self.account = account
        self.targets = targets
        self.content = content
        self.key = key
    }

    /// Id of the stand-in message in the ledger, by which repetitions are known and traces are found: key and target, so
    /// that one key serves many targets. Empty without a key.
    public func ledgerID(for target: Target) -> MessageID {
        MessageID(key.map { "\($0)@\(target)" } ?? "")
    }
}
