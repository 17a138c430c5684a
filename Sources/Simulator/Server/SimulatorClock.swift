import Foundation
import NIOConcurrencyHelpers

/// Time of the simulated platform: the real time plus an offset, or a time that moves only by hand.
///
/// Instants are Unix milliseconds. Simulators that use the clock do what became due as soon as it is advanced.
public final class SimulatorClock: Sendable {
    /// What moves the clock.
    public enum Mode: String, Sendable, Hashable {
        /// The real time, plus what `advance` added.
        case real
        /// `advance` alone.
        case manual
    }

    private struct State {
        var offset = 0
        var newest = 0
        var nextObserver = 0
        var observers: [Int: @Sendable () -> Void] = [:]
    }

    /// What moves the clock.
    public let mode: Mode
    private let start: Int
    private let state = NIOLockedValueBox(State())

    private init(mode: Mode, start: Int) {
        self.mode = mode
        self.start = start
    }

    /// A clock that follows the real time.
    public static func real() -> SimulatorClock { SimulatorClock(mode: .real, start: 0) }

    /// A clock that stands at `start` (Unix milliseconds) until it is advanced.
    public static func manual(startingAt start: Int = 1_795_000_000_000) -> SimulatorClock {
        SimulatorClock(mode: .manual, start: start)
    }

    /// Now, in Unix milliseconds. Never goes back.
    public var now: Int {
        state.withLockedValue { state in
            let base = mode == .real ? Int(Date().timeIntervalSince1970 * 1000) : start
            state.newest = max(state.newest, base + state.offset)
            return state.newest
        }
    }

    /// Milliseconds that were added so far.
    public var offset: Int { state.withLockedValue { $0.offset } }

    /// Moves the clock forward (negative durations count as zero) and fires what became due.
    public func advance(by duration: Duration) {
        let seconds = min(max(duration.components.seconds, 0), 10_000_000_000)
        let milliseconds = max(0, Int(seconds) * 1000 + Int(duration.components.attoseconds / 1_000_000_000_000_000))
        let observers = state.withLockedValue { state in
            state.offset += milliseconds
            return state.observers.sorted { $0.key < $1.key }.map(\.value)
        }
        for observer in observers { observer() }
    }

    func addObserver(_ body: @escaping @Sendable () -> Void) -> Int {
        state.withLockedValue { state in
            state.nextObserver += 1
            state.observers[state.nextObserver] = body
            return state.nextObserver
        }
    }

    func removeObserver(_ id: Int) { state.withLockedValue { $0.observers[id] = nil } }
}
