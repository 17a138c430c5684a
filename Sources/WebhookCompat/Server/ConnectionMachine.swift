/// What a connection is doing, which of its times runs, and when it ends.
///
/// Requests are counted from their head to the last byte of their answer, so a connection whose peer sends ahead without
/// reading, or stops in the middle of a request behind one that was answered, is still held to its time.
struct ConnectionMachine: Sendable {
    enum Action: Hashable, Sendable {
        case nothing
        /// Something is awaited from now on, of the peer or of ourselves.
        case startTimer
        /// Between two requests: only the idle limit holds.
        case rest
        /// The last answer is out.
        case close
        /// The last answer is out, and its request is not in: what still comes is not read, and the answer gets a moment to
        /// arrive, since bytes that nobody reads make the system take it back.
        case linger
    }

    private var open = 0
    private var isReading = false
    private var isLast = false
    private var isCutOff = false

    /// Whether whole requests wait for their answers.
    var isAtWork: Bool { open > (isReading ? 1 : 0) }
    /// Whether anything more is read.
    var reads: Bool { !isCutOff }

    /// The head of a request came; `isLast`: the peer wants no other after it.
    mutating func began(isLast: Bool) -> Action {
        open += 1
        isReading = true
        self.isLast = self.isLast || isLast
        return open == 1 ? .startTimer : .nothing
    }

    /// A request is whole.
    mutating func received() -> Action {
        isReading = false
        return open == 1 ? .startTimer : .nothing
    }

    /// The head of an answer goes out; `isLast` when it says so. True when it has to say that it is the last.
    mutating func answering(isLast: Bool) -> Bool {
        // To a request that is not whole, or to something that was none.
        if !isAtWork { isCutOff = true }
        if isCutOff || isLast { self.isLast = true }
        return isCutOff
    }

    /// An answer went out whole.
    mutating func answered() -> Action {
        open = max(0, open - 1)
        if isCutOff { return .linger }
        if open > 0 { return .startTimer }
        return isLast ? .close : .rest
    }
}
