import Testing

@testable import Shared

private func chat(_ number: Int) -> Conversation { Conversation(kind: .direct, id: "u\(number)") }

@Suite("ConversationQueue")
struct ConversationQueueTests {
    @Test("WS-10: the first starts, the next ones wait and know how many are ahead, one too many is refused")
    func bounds() {
        var queue = ConversationQueue<Int>(waitingPerConversation: 2, places: 10)
        #expect(queue.arrived(1, in: chat(1)) == .start)
        #expect(queue.arrived(2, in: chat(1)) == .queued(ahead: 1))
        #expect(queue.arrived(3, in: chat(1)) == .queued(ahead: 2))
        #expect(queue.arrived(4, in: chat(1)) == .refused)
        #expect(queue.arrived(5, in: chat(2)) == .start)
        #expect(queue.items(in: chat(1)) == [1, 2, 3])
        #expect(queue.finished(1, in: chat(1)) == [2])
        #expect(queue.arrived(6, in: chat(1)) == .queued(ahead: 2))
        #expect(queue.finished(2, in: chat(1)) == [3])
        #expect(queue.finished(3, in: chat(1)) == [6])
        #expect(queue.finished(6, in: chat(1)) == [])
        #expect(queue.count == 1)
    }

    @Test("WS-10: without room to wait a busy conversation refuses at once")
    func noWaiting() {
        var queue = ConversationQueue<Int>(waitingPerConversation: 0, places: 1)
        #expect(queue.arrived(1, in: chat(1)) == .start)
        #expect(queue.arrived(2, in: chat(1)) == .refused)
        #expect(queue.arrived(3, in: chat(2)) == .queued(ahead: 0))
        #expect(queue.finished(1, in: chat(1)) == [3])
    }

    @Test("WS-10: places are given in order of arrival, conversation by conversation")
    func places() {
        var queue = ConversationQueue<Int>(waitingPerConversation: 5, places: 2)
        #expect(queue.arrived(1, in: chat(1)) == .start)
        #expect(queue.arrived(2, in: chat(2)) == .start)
        #expect(queue.arrived(3, in: chat(3)) == .queued(ahead: 0))
        #expect(queue.arrived(4, in: chat(1)) == .queued(ahead: 1))
        #expect(queue.arrived(5, in: chat(4)) == .queued(ahead: 0))
        #expect(queue.finished(1, in: chat(1)) == [3])
        #expect(queue.finished(2, in: chat(2)) == [5])
        #expect(queue.finished(3, in: chat(3)) == [4])
    }

    @Test("WS-10: one that is stopped while it waits leaves no hole")
    func removedWhileWaiting() {
        var queue = ConversationQueue<Int>(waitingPerConversation: 5, places: 1)
        _ = queue.arrived(1, in: chat(1))
        _ = queue.arrived(2, in: chat(2))
        _ = queue.arrived(3, in: chat(3))
        #expect(queue.finished(2, in: chat(2)) == [])
        #expect(queue.finished(1, in: chat(1)) == [3])
        #expect(queue.finished(7, in: chat(7)) == [])
        #expect(queue.finished(3, in: chat(3)) == [])
        #expect(queue.count == 0)
    }

    @Test(
        "WS-10: 20,000 random arrivals and ends: one per conversation, bounded places, order kept, none lost",
        arguments: 0..<5)
    func model(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var queue = ConversationQueue<Int>(waitingPerConversation: 3, places: 4)
        var expected: [Conversation: [Int]] = [:]
        var running: [Int: Conversation] = [:]
        var waiting: [Int: Conversation] = [:]
        func began(_ item: Int, _ chat: Conversation) {
            #expect(!running.values.contains(chat), "two of one conversation")
            #expect(expected[chat]?.first == item, "out of order")
            running[item] = chat
            waiting[item] = nil
            #expect(running.count <= 4)
        }
        func ended(_ item: Int, _ chat: Conversation) {
            expected[chat]?.removeAll { $0 == item }
            running[item] = nil
            waiting[item] = nil
            let owner = waiting
            for next in queue.finished(item, in: chat) {
                guard let place = owner[next] else {
                    Issue.record("\(next) started, which did not wait")
                    continue
                }
                began(next, place)
            }
        }
        for item in 0..<20_000 {
            if Int.random(in: 0..<2, using: &random) == 0 {
                let place = chat(Int.random(in: 0..<8, using: &random))
                switch queue.arrived(item, in: place) {
                case .start:
                    expected[place, default: []].append(item)
                    began(item, place)
                case .queued(let ahead):
                    #expect(ahead == expected[place, default: []].count)
                    expected[place, default: []].append(item)
                    waiting[item] = place
                case .refused: #expect(expected[place, default: []].count >= 3)
                }
            } else if Int.random(in: 0..<5, using: &random) == 0, let item = waiting.keys.min(),
                let place = waiting[item]
            {
                ended(item, place)
            } else if let item = running.keys.min(), let place = running[item] {
                ended(item, place)
            }
        }
        while let item = running.keys.min(), let place = running[item] { ended(item, place) }
        #expect(waiting.isEmpty)
        #expect(queue.count == 0)
    }

    @Test(
        "WS-10: an answer that waits for its delivery leaves its place to other conversations, and keeps its own in order"
    )
    func released() {
        var queue = ConversationQueue<Int>(waitingPerConversation: 5, places: 1)
        let first = Conversation(kind: .direct, id: "a")
        let second = Conversation(kind: .direct, id: "b")
        #expect(queue.arrived(1, in: first) == .start)
        #expect(queue.arrived(2, in: first) == .queued(ahead: 1))
        #expect(queue.arrived(3, in: second) == .queued(ahead: 0))
        #expect(queue.released(1, in: first) == [3], "the waiting one of the same conversation keeps waiting")
        #expect(queue.released(1, in: first) == [], "a place is given up once")
        #expect(queue.finished(1, in: first) == [], "the only place is taken")
        #expect(queue.finished(3, in: second) == [2])
        #expect(queue.finished(2, in: first) == [])
        #expect(queue.count == 0)
        #expect(queue.arrived(4, in: first) == .start)
    }
}
