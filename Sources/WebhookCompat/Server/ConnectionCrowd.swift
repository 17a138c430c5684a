import NIOCore
import OrderedCollections
import Shared

/// Connections at a time, and which of them makes room.
///
/// Whoever opens connections and sends nothing would lock everybody else out until their time is over. So where the last
/// place is taken, the connection ends that has waited longest for a whole request. One whose request is being answered
/// never ends for that; when there are only such, new ones wait to be accepted.
final class ConnectionCrowd: Sendable {
    /// Number of a connection.
    typealias Place = UInt64

    private struct State {
        var count = 0
        var last: Place = 0
        var waiting: OrderedDictionary<Place, any NIOCore.Channel> = [:]

        mutating func room(_ limit: Int, without newcomer: Place?) -> (any NIOCore.Channel)? {
            guard count >= limit, let oldest = waiting.elements.first, oldest.key != newcomer else { return nil }
            return waiting.remove(at: 0).value
        }
    }

    private let limit: Int
    private let state = Locked(State())

    init(_ limit: Int) { self.limit = limit }

    /// A connection is there.
    func enter(_ channel: any NIOCore.Channel) -> Place {
        let (place, gone) = state.withLock { state in
            state.count += 1
            state.last += 1
            state.waiting[state.last] = channel
            return (state.last, state.room(limit, without: state.last))
        }
        gone?.close(promise: nil)
        return place
    }

    /// It has sent a whole request.
    func works(_ place: Place) { state.withLock { $0.waiting[place] = nil } }

    /// Its requests are answered.
    func waits(_ place: Place, _ channel: any NIOCore.Channel) {
        let gone = state.withLock { state in
            state.waiting[place] = channel
            return state.room(limit, without: nil)
        }
        gone?.close(promise: nil)
    }

    /// It has ended.
    func leave(_ place: Place) {
        state.withLock { state in
            state.count -= 1
            state.waiting[place] = nil
        }
    }
}
