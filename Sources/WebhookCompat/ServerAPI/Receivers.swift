public import Shared

/// Whom a message goes to. Somebody whom several of these mean may get it more than once when the list is split.
public struct Receivers: Hashable, Sendable {
    /// Members by user id.
    public var users: [String]
    /// Departments by number.
    public var departments: [String]
    /// Tags by number or name.
    public var tags: [String]
    /// Everyone in the application's range; the rest is ignored.
    public var everyone: Bool

    /// Most members, departments and tags of one call.
    static let limits = (users: 1_000, departments: 100, tags: 100)

    /// Creates a list. Repeated entries count once; user ids without regard to case.
    public init(users: [String] = [], departments: [String] = [], tags: [String] = [], everyone: Bool = false) {
        self.users = Self.distinct(users) { $0.lowercased() }
        self.departments = Self.distinct(departments) { $0 }
        self.tags = Self.distinct(tags) { $0 }
        self.everyone = everyone
    }

    /// The receiver that a conversation stands for; nil for a group.
    public init?(_ conversation: Conversation) {
        switch conversation.kind {
        case .direct: self.init(users: [conversation.id])
        case .department: self.init(departments: [conversation.id])
        case .tag: self.init(tags: [conversation.id])
        case .group: return nil
        }
    }

    /// Whether nobody is meant.
    public var isEmpty: Bool { !everyone && count == 0 }

    var count: Int { users.count + departments.count + tags.count }

    /// Whether all ids can be written into one call.
    var isWellFormed: Bool {
        (users + departments + tags).allSatisfy { !$0.isEmpty && !$0.contains("|") && $0.utf8.count <= 256 }
    }

    /// Lists of which each fits into one call.
    var batches: [Receivers] {
        guard !everyone else { return [self] }
        var rest = self
        var batches: [Receivers] = []
        while rest.count > 0 {
            var batch = Receivers()
            (batch.users, rest.users) = Self.split(rest.users, Self.limits.users)
            (batch.departments, rest.departments) = Self.split(rest.departments, Self.limits.departments)
            (batch.tags, rest.tags) = Self.split(rest.tags, Self.limits.tags)
            batches.append(batch)
        }
        return batches
    }

    /// Members of a request.
    var members: [(name: String, value: String)] {
        if everyone { return [("touser", "\"@all\"")] }
        return [("touser", users), ("toparty", departments), ("totag", tags)]
            .filter { !$0.1.isEmpty }.map { ($0.0, JSONText.quoted($0.1.joined(separator: "|"))) }
    }

    /// One conversation for each receiver.
    var conversations: [Conversation] {
        users.map { Conversation(kind: .direct, id: $0) } + departments.map { Conversation(kind: .department, id: $0) }
            + tags.map { Conversation(kind: .tag, id: $0) }
    }

    init(_ conversations: [Conversation]) {
        func ids(_ kind: Conversation.Kind) -> [String] { conversations.filter { $0.kind == kind }.map(\.id) }
        self.init(users: ids(.direct), departments: ids(.department), tags: ids(.tag))
    }

    private static func split(_ list: [String], _ count: Int) -> ([String], [String]) {
        (Array(list.prefix(count)), Array(list.dropFirst(count)))
    }

    private static func distinct(_ list: [String], _ key: (String) -> String) -> [String] {
        var seen: Set<String> = []
        return list.filter { seen.insert(key($0)).inserted }
    }
}

/// What became of a message.
public struct SendReport: Hashable, Sendable {
    /// All in all.
    public enum Outcome: Hashable, Sendable {
        /// Everybody has it.
        case delivered
        /// Some have it; whom it did not reach is in the report.
        case partial
        /// Nobody has it.
        case rejected(PlatformError)
        /// Nobody knows.
        case unknown
        /// Nothing was sent.
        case notSent(ServerAPIFailure.Obstacle)
    }

    /// What became of one call.
    public struct Batch: Hashable, Sendable {
        /// Whom it went to.
        public var receivers: Receivers
        /// Why it failed; nil when the platform took it.
        public var failure: ServerAPIFailure?
        /// Members that do not exist or are out of range, as the platform writes them.
        public var invalidUsers: [String] = []
        /// Departments of the same kind.
        public var invalidDepartments: [String] = []
        /// Tags of the same kind.
        public var invalidTags: [String] = []
        /// Members in range without an interface licence.
        public var unlicensedUsers: [String] = []
        /// For `recall`.
        public var messageID: String?
        /// For one redrawing of a card, within 72 hours.
        public var responseCode: String?

        /// Whether it reached nobody of those who were named.
        var missedAll: Bool {
            guard failure == nil else { return true }
            if receivers.everyone { return false }
            let missed = Set((invalidUsers + unlicensedUsers).map { $0.lowercased() })
            return receivers.users.allSatisfy { missed.contains($0.lowercased()) }
                && Set(receivers.departments).isSubset(of: invalidDepartments)
                && Set(receivers.tags).isSubset(of: invalidTags)
        }

        /// Whether it reached everybody.
        var missedNobody: Bool {
            failure == nil && (invalidUsers + invalidDepartments + invalidTags + unlicensedUsers).isEmpty
        }
    }

    /// Calls in order.
    public var batches: [Batch]

    /// All in all. A list of which only a part was tried is `partial`, whatever became of that part.
    public var outcome: Outcome {
        let failures = batches.compactMap(\.failure)
        if failures.isEmpty {
            if batches.allSatisfy(\.missedNobody) { return .delivered }
            return batches.allSatisfy(\.missedAll)
                ? .rejected(PlatformError(code: 81_013, origin: .serverAPI)) : .partial
        }
        guard failures.count == batches.count, let first = failures.first, failures.allSatisfy({ $0 == first }) else {
            return failures.contains(.unknown) && failures.count == batches.count ? .unknown : .partial
        }
        return switch first {
        case .refused(let error): .rejected(error)
        case .notSent(let obstacle): .notSent(obstacle)
        case .unknown: .unknown
        }
    }
}
