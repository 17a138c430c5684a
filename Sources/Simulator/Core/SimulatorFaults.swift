/// One thing that goes wrong on purpose: what, and on which frames.
///
/// A fault looks at frames whose command matches `cmd`: commands of the bot program as they arrive, and
/// callbacks (`aibot_msg_callback`, `aibot_event_callback`) as they are about to leave. `nth` skips matching
/// frames, `count` limits how often it fires, `probability` makes it a matter of (seeded) luck.
public struct SimulatorFault: Sendable, Hashable, Codable {
    /// What goes wrong. Times come from `ms`, codes from `code`.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// The command is carried out, its ack never comes.
        case dropAck
        /// The ack comes `ms` later (default 1,000).
        case delayAck
        /// The ack comes after the client gave up: `ms` later (default 15,000).
        case lateAck
        /// The ack comes twice, the second `ms` later (default 0).
        case duplicateAck
        /// The ack has no `headers`.
        case ackWithoutReqID
        /// The command is refused with `code` and not carried out.
        case errorCode
        /// The command is neither carried out nor acknowledged.
        case ignore
        /// A stream update is acknowledged but not shown.
        case discardStreamUpdate
        /// A card is acknowledged but not shown.
        case hideCard
        /// The ack comes in a binary frame.
        case binaryAck
        /// Before the ack comes text that is not JSON.
        case malformedFrame
        /// Before the ack comes a frame with `size` bytes of padding (default 2 MiB).
        case oversizedFrame
        /// Before the ack comes a frame with an unknown command.
        case unknownCommand
        /// Before the ack comes an event of an unknown type.
        case unknownEvent
        /// Before the ack comes a message of an unknown type.
        case unknownMessageType
        /// Before the ack comes a `ping` of the server.
        case serverPing
        /// The TCP connection stays, nothing is read or sent any more.
        case halfOpen
        /// The socket is dropped, without a close frame, before the command is carried out.
        case dropBefore
        /// The socket is dropped, without a close frame, after the command was carried out and before its ack.
        case dropAfter
        /// A close frame with `code` (default 1000) instead of the ack.
        case close
        /// The connection is displaced, as if another program had subscribed.
        case kick
        /// Nothing is read for `ms` (default 5,000).
        case slowReader
        /// A callback is delivered a second time, `ms` later (default 0): same `msgid`, new `req_id`.
        case redeliver
        /// A callback is lost.
        case dropCallback
        /// A callback comes `ms` later (default 1,000).
        case delayCallback
        /// Over HTTP: the answer to a callback is lost, so it counts as not answered.
        case loseAnswer
        /// Over HTTP: the callback comes with a signature that is wrong.
        case wrongSignature
        /// Webhook: a stream is not asked for any more.
        case stopPolls
        /// Server API: HTTP status `code` (default 502), nothing is carried out.
        case httpError
        /// Server API: the call is carried out, then HTTP status `code` (default 502).
        case httpErrorAfter
        /// Server API: the access token ends before the call, which `code` tells (default 40014).
        case invalidateToken
    }

    /// What goes wrong.
    public var fault: Kind
    /// Command that it looks at; nil is every command of a long connection except `ping` and `aibot_subscribe`,
    /// `*` is anything. Over HTTP: `webhook.message`, `webhook.event`, `webhook.refresh`, `agent.message`,
    /// `agent.event`; calls of the server API by path (`cgi-bin/message/send`). A `*` at the end is any ending.
    public var cmd: String?
    /// Bot that it looks at; nil is any.
    public var bot: String?
    /// First matching frame (from 1) on which it fires; nil is the first.
    public var nth: Int?
    /// How often it fires; nil is without limit, and once when `nth` is given.
    public var count: Int?
    /// Chance to fire on a matching frame, 0 to 1; nil is always.
    public var probability: Double?
    /// Longest time of a fault: one day.
    public static let maxMilliseconds = 86_400_000

    /// Milliseconds, where the kind has a time; cut to 0 to `maxMilliseconds`.
    public var ms: Int?
    /// Errcode or close code, where the kind has one.
    public var code: Int?
    /// Text of the refusal or of the malformed frame.
    public var text: String?
    /// Bytes of the oversized frame.
    public var size: Int?

    /// A fault.
    public init(
        _ fault: Kind, cmd: String? = nil, bot: String? = nil, nth: Int? = nil, count: Int? = nil,
        probability: Double? = nil, ms: Int? = nil, code: Int? = nil, text: String? = nil, size: Int? = nil
    ) {
        self.fault = fault
        self.cmd = cmd
        self.bot = bot
        self.nth = nth
        self.count = count
        self.probability = probability
        self.ms = ms
        self.code = code
        self.text = text
        self.size = size
    }

    fileprivate func matches(cmd: String, bot: String?) -> Bool {
        if let wanted = self.bot, wanted != bot { return false }
        switch self.cmd {
        case nil:
            return cmd != "ping" && cmd != "aibot_subscribe" && !cmd.hasSuffix("_callback")
                && !cmd.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
        case "*": return true
        case let wanted? where wanted.hasSuffix("*"): return cmd.hasPrefix(wanted.dropLast())
        default: return self.cmd == cmd
        }
    }
}

/// A script of faults, the first of which comes first when several fire on one frame.
public struct SimulatorFaults: Sendable, Hashable, Codable {
    /// Most faults in a script.
    public static let limit = 200

    /// The script.
    public var list: [SimulatorFault]

    /// A script.
    public init(_ list: [SimulatorFault] = []) { self.list = list }

    /// Reads a JSON array of faults.
    public init(from decoder: any Decoder) throws {
        list = try [SimulatorFault](from: decoder)
    }

    /// Writes a JSON array.
    public func encode(to encoder: any Encoder) throws { try list.encode(to: encoder) }
}

/// Decides which faults fire on which frame.
struct FaultPlan: Sendable {
    private(set) var faults: [SimulatorFault] = []
    private var seen: [Int] = []
    private var fired: [Int] = []
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func replace(with script: SimulatorFaults) {
        faults = script.list.prefix(SimulatorFaults.limit).map { fault in
            var fault = fault
            fault.ms = fault.ms.map { min(max($0, 0), SimulatorFault.maxMilliseconds) }
            return fault
        }
        seen = Array(repeating: 0, count: faults.count)
        fired = seen
    }

    /// Faults that fire on this frame; counts the frame.
    mutating func fire(cmd: String, bot: String?) -> [SimulatorFault] {
        var result: [SimulatorFault] = []
        for index in faults.indices where faults[index].matches(cmd: cmd, bot: bot) {
            let fault = faults[index]
            seen[index] += 1
            guard seen[index] >= fault.nth ?? 1 else { continue }
            let limit = fault.count ?? (fault.nth == nil ? Int.max : 1)
            guard fired[index] < limit else { continue }
            if let chance = fault.probability, Double.random(in: 0..<1, using: &random) >= chance { continue }
            fired[index] += 1
            result.append(fault)
        }
        return result
    }
}
