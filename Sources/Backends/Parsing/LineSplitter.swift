/// A line was longer than allowed. Carries the bound in bytes.
struct LineTooLong: Error, Equatable {
    /// Bytes that one line may have.
    var limit: Int
}

/// Cuts bytes into lines ended by LF or CRLF (and by a lone CR where asked), at any split of the input.
struct LineSplitter: Sendable {
    private let limit: Int
    private let loneCarriageReturnEnds: Bool
    private var line: [UInt8] = []
    private var afterCarriageReturn = false

    /// Creates a splitter for lines of at most `limit` bytes.
    ///
    /// - Parameter loneCarriageReturnEnds: whether CR alone ends a line, as server-sent events allow.
    init(limit: Int, loneCarriageReturnEnds: Bool = false) {
        self.limit = limit
        self.loneCarriageReturnEnds = loneCarriageReturnEnds
    }

    /// Takes one byte; returns the line that it ended, without its end.
    mutating func feed(_ byte: UInt8) throws(LineTooLong) -> [UInt8]? {
        let followsReturn = afterCarriageReturn
        afterCarriageReturn = false
        switch byte {
        case 0x0A:
            if followsReturn && loneCarriageReturnEnds { return nil }
            if line.last == 0x0D && !loneCarriageReturnEnds { line.removeLast() }
            return take()
        case 0x0D where loneCarriageReturnEnds:
            afterCarriageReturn = true
            return take()
        default:
            guard line.count < limit else { throw LineTooLong(limit: limit) }
            line.append(byte)
            return nil
        }
    }

    /// Ends the input; returns the unfinished last line, nil when there is none.
    mutating func finish() -> [UInt8]? { line.isEmpty ? nil : take() }

    private mutating func take() -> [UInt8] {
        defer { line.removeAll(keepingCapacity: true) }
        return line
    }
}
