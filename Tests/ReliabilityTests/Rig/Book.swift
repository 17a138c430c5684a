import Foundation

/// Everything that was asked in a round, and every kill, in order.
final class Book: Sendable {
    struct Kill: Sendable {
        var point: Int
        var plan: KillPlan
        /// Whether the moment came that it was planned for.
        var came: Bool
    }

    private struct State {
        var questions: [Question] = []
        var kills: [Kill] = []
        var nextNumber: Int
        var point: Int
        var isClosing = false
        var isPaused = false
        var endings = 0
    }

    private let lock = NSLock()
    private nonisolated(unsafe) var state: State

    /// Numbers go on over all rounds, so that a tag names one question of the whole run.
    init(firstNumber: Int, firstPoint: Int) { state = State(nextNumber: firstNumber, point: firstPoint) }

    var questions: [Question] { lock.withLock { state.questions } }
    var kills: [Kill] { lock.withLock { state.kills } }
    var nextNumber: Int { lock.withLock { state.nextNumber } }
    var point: Int { lock.withLock { state.point } }

    /// No further questions; what was begun is brought to its end.
    var isClosing: Bool { lock.withLock { state.isClosing } }
    func close() { lock.withLock { state.isClosing = true } }

    /// Nobody asks anything for the moment.
    var isPaused: Bool {
        get { lock.withLock { state.isPaused } }
        set { lock.withLock { state.isPaused = newValue } }
    }

    func next(_ kind: Question.Kind, at side: Side = .socket, user: String, group: String?) -> Question {
        lock.withLock {
            defer { state.nextNumber += 1 }
            return Question(
                number: state.nextNumber, kind: kind, side: side, user: user, group: group, point: state.point)
        }
    }

    func add(_ question: Question) { lock.withLock { state.questions.append(question) } }

    /// The program was gone before it was killed.
    func endedByItself() { lock.withLock { state.endings += 1 } }
    var endings: Int { lock.withLock { state.endings } }

    func killed(_ plan: KillPlan, came: Bool) {
        lock.withLock {
            state.kills.append(Kill(point: state.point, plan: plan, came: came))
            state.point += 1
        }
    }
}
