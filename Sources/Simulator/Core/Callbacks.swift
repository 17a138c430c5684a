/// A callback on its way to a bot's program over HTTP.
struct Delivery: Sendable {
    enum Kind: Sendable, Hashable {
        /// A message of a person; `progress` names it among those in progress.
        case message(progress: Int)
        case refresh(WebhookStreams.Key)
        case enterChat
        case cardClick(entry: String, taskID: String)
        case feedback
        case otherEvent
        case verification(echo: String)
    }

    var kind: Kind
    var transport: Transport
    var conversation: ConversationKey
    /// Person whose message or deed it is.
    var user: String?
    /// `msgtype` or type of the event.
    var type: String
    var msgID: String?
    var plaintext: String
    /// Entry of the person's message.
    var entry: String?
    /// When the person acted.
    var actedAt: Int
    /// Deliveries so far, this one included.
    var attempt = 1
    var maxAttempts = 1
    /// Whether a fault made it, in addition to the usual deliveries.
    var isExtra = false

    var bot: String { conversation.bot }

    /// Name that faults look at.
    var faultName: String {
        let side = transport == .agent ? "agent" : "webhook"
        return switch kind {
        case .message: "\(side).message"
        case .refresh: "\(side).refresh"
        case .verification: "\(side).verification"
        default: "\(side).event"
        }
    }
}

/// Callbacks over HTTP: those in flight, those that wait for a place, and the newest records.
///
/// At most `inFlightLimit` are posted at a time; the rest wait in order. Of those only `waitingLimit` are kept.
struct Callbacks: Sendable {
    /// Posts at a time.
    static let inFlightLimit = 256
    /// Deliveries that may wait for a place.
    static let waitingLimit = 10_000
    /// Records kept.
    static let recordLimit = 2_000
    /// Bytes of text kept per record.
    static let textLimit = 64 << 10
    /// Violations kept.
    static let violationLimit = 500

    struct InFlight: Sendable {
        var delivery: Delivery
        var nonce: String
        /// The answer is thrown away when it comes.
        var losesAnswer: Bool
    }

    private(set) var inFlight: [Int: InFlight] = [:]
    private var waiting: [Delivery] = []
    private(set) var records: [CallbackRecord] = []
    private(set) var violations: [ProtocolViolation] = []
    private var nextID = 1

    var hasRoom: Bool { inFlight.count < Self.inFlightLimit }

    /// Keeps a delivery until there is room; false when too many wait.
    mutating func wait(_ delivery: Delivery) -> Bool {
        guard waiting.count < Self.waitingLimit else { return false }
        waiting.append(delivery)
        return true
    }

    mutating func nextWaiting() -> Delivery? {
        guard hasRoom, !waiting.isEmpty else { return nil }
        return waiting.removeFirst()
    }

    /// Takes a number and notes the post.
    mutating func posted(_ delivery: Delivery, nonce: String, losesAnswer: Bool, now: Int) -> CallbackRecord {
        let id = nextID
        nextID += 1
        inFlight[id] = InFlight(delivery: delivery, nonce: nonce, losesAnswer: losesAnswer)
        return add(record(delivery, id: id, outcome: .pending, now: now))
    }

    /// Notes a delivery that never left.
    mutating func dropped(_ delivery: Delivery, now: Int) -> CallbackRecord {
        let id = nextID
        nextID += 1
        var record = record(delivery, id: id, outcome: .lost, now: now)
        record.endedAt = now
        return add(record)
    }

    mutating func ended(_ id: Int) -> InFlight? { inFlight.removeValue(forKey: id) }

    mutating func note(_ id: Int, _ change: (inout CallbackRecord) -> Void) -> CallbackRecord? {
        guard let index = records.lastIndex(where: { $0.id == id }) else { return nil }
        change(&records[index])
        return records[index]
    }

    mutating func add(_ violation: ProtocolViolation) {
        violations.append(violation)
        if violations.count > Self.violationLimit { violations.removeFirst() }
    }

    private func record(
        _ delivery: Delivery, id: Int, outcome: CallbackRecord.Outcome, now: Int
    ) -> CallbackRecord {
        var streamID: String?
        if case .refresh(let key) = delivery.kind { streamID = key.streamID }
        return CallbackRecord(
            id: id, bot: delivery.bot, transport: delivery.transport, type: delivery.type, msgID: delivery.msgID,
            streamID: streamID, attempt: delivery.attempt, plaintext: delivery.plaintext.cut(toBytes: Self.textLimit),
            outcome: outcome, time: now)
    }

    private mutating func add(_ record: CallbackRecord) -> CallbackRecord {
        records.append(record)
        if records.count > Self.recordLimit + 200 { records.removeFirst(records.count - Self.recordLimit) }
        return record
    }
}

/// Messages of people that a bot's program has not finished with: at most `limit` per person and bot, further ones
/// are held back until one ends.
struct Progress: Sendable {
    /// Messages in progress per person and bot.
    static let limit = 3
    /// Messages held back per person and bot.
    static let heldLimit = 100

    struct Key: Sendable, Hashable {
        var bot: String
        var user: String
    }

    private var active: [Key: Set<Int>] = [:]
    private var held: [Key: [Delivery]] = [:]
    private var nextNumber = 1

    mutating func number() -> Int {
        nextNumber += 1
        return nextNumber
    }

    /// Takes the delivery into progress (true), or holds it back.
    mutating func begin(_ number: Int, _ delivery: Delivery, key: Key) -> Bool {
        guard active[key]?.count ?? 0 < Self.limit else {
            if held[key]?.count ?? 0 < Self.heldLimit { held[key, default: []].append(delivery) }
            return false
        }
        active[key, default: []].insert(number)
        return true
    }

    /// Ends one; the delivery that may follow is returned, in progress already.
    mutating func end(_ number: Int, key: Key) -> Delivery? {
        guard active[key]?.remove(number) != nil else { return nil }
        guard var list = held[key], !list.isEmpty else {
            if active[key]?.isEmpty == true { active[key] = nil }
            return nil
        }
        let next = list.removeFirst()
        held[key] = list.isEmpty ? nil : list
        if case .message(let number) = next.kind { active[key, default: []].insert(number) }
        return next
    }

    func count(_ key: Key) -> Int { active[key]?.count ?? 0 }
    func heldCount(_ key: Key) -> Int { held[key]?.count ?? 0 }
}
