/// What people see, per conversation. Each conversation keeps its newest entries.
struct Conversations: Sendable {
    /// Entries kept per conversation; older ones scroll away.
    static let entryLimit = 2_000

    private var entries: [ConversationKey: [Entry]] = [:]
    /// Conversations in which somebody wrote to the bot.
    private(set) var opened: Set<ConversationKey> = []
    private var nextSeq = 1

    mutating func append(
        to key: ConversationKey, from: Entry.Author, sender: String, kind: Entry.Kind, content: String? = nil,
        time: Int, _ fill: (inout Entry) -> Void = { _ in }
    ) -> Entry {
        var entry = Entry(seq: nextSeq, from: from, sender: sender, kind: kind, content: content, time: time)
        nextSeq += 1
        fill(&entry)
        entries[key, default: []].append(entry)
        if let count = entries[key]?.count, count > Self.entryLimit + 200 {
            entries[key]?.removeFirst(count - Self.entryLimit)
        }
        if from == .user { opened.insert(key) }
        return entry
    }

    /// Changes an entry and returns it as it is now; nil when it has scrolled away.
    mutating func update(_ id: String, in key: ConversationKey, time: Int, _ change: (inout Entry) -> Void) -> Entry? {
        guard let index = position(of: id, in: key) else { return nil }
        entries[key]?[index].updatedAt = time
        if var entry = entries[key]?[index] {
            change(&entry)
            entries[key]?[index] = entry
            return entry
        }
        return nil
    }

    func entry(_ id: String, in key: ConversationKey) -> Entry? {
        position(of: id, in: key).flatMap { entries[key]?[$0] }
    }

    func view(of key: ConversationKey) -> [Entry] { entries[key] ?? [] }

    var keys: [ConversationKey] { Array(entries.keys) }

    private func position(of id: String, in key: ConversationKey) -> Int? {
        guard let list = entries[key], let seq = Int(id.dropFirst()), id.hasPrefix("e") else { return nil }
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) / 2
            if list[middle].seq < seq { low = middle + 1 } else { high = middle }
        }
        return low < list.count && list[low].seq == seq ? low : nil
    }
}
