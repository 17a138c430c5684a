import Crypto
import Foundation
import Simulator

/// Something that people, or `send`, ask of the program, and what they must see for it.
struct Question: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case short, slow, long, file, card, media
        /// Sent with `send`: a text, a file.
        case push, parcel

        /// The side without an application has no way for files, and with its bubble gone one message at most.
        static func all(at side: Side, _ regime: Regime) -> [Kind] {
            let kinds: [Kind] = [.short, .slow, .long, .file, .card, .media]
            return side == .hook && regime.stopsPolls ? [.short, .slow, .long, .media] : kinds
        }

        /// Pieces of text of its answer; the answering script has the same numbers.
        var units: Int {
            switch self {
            case .short, .file, .card, .media, .push: 1
            case .slow: 12
            case .parcel: 0
            case .long: 660
            }
        }
    }

    /// Whether it is sent without a message that it answers.
    var isPush: Bool { kind == .push || kind == .parcel }
    /// Whether a file is part of what must be seen.
    var hasFile: Bool { kind == .file || kind == .parcel }

    let tag: String
    let kind: Kind
    let side: Side
    let user: String
    let group: String?
    /// Kill that comes next, over all rounds.
    let point: Int
    /// Id in the ledger: the platform's, or key and target of a push.
    var id = ""
    /// The platform had somebody to deliver it to; for a push: `send` succeeded.
    var isDelivered = false

    init(number: Int, kind: Kind, side: Side = .socket, user: String, group: String?, point: Int) {
        tag = "m" + String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)"
        self.kind = kind
        self.side = side
        self.user = user
        self.group = group
        self.point = point
    }

    var conversation: ConversationKey {
        ConversationKey(bot: side.bot, chat: group.map { .group($0) } ?? .single(user))
    }

    /// Where its answer may be seen: there, and what a bot in a group cannot deliver comes to the person by the application.
    var conversations: Set<ConversationKey> {
        side == .pair ? [conversation, ConversationKey(bot: side.bot, chat: .single(user))] : [conversation]
    }

    /// What is posted.
    var content: UserPost.Content {
        kind == .media ? .file(UserPost.File(name: "\(tag).bin", bytes: bytes)) : .text("\(kind.rawValue) \(tag)")
    }

    /// Bytes of the file of a media question: 5 bytes to some 200 KB, different for every tag.
    var bytes: [UInt8] {
        let seed = tag.utf8.reduce(into: UInt64(7)) { $0 = $0 &* 31 &+ UInt64($1) }
        var random = Random(seed: seed)
        let size = Int.random(in: 5...200_000, using: &random)
        return (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    /// What the one piece of text of a media answer says.
    var digest: String { SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined() }

    /// Bytes of the file that answers a `file` question, or that is sent.
    var answerFile: [UInt8] {
        let piece = Array("file of \(tag)\n".utf8)
        return Array(repeatElement(piece, count: 2_000 / piece.count + 1).joined().prefix(2_000))
    }
}

/// Repeatable randomness (SplitMix64).
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
