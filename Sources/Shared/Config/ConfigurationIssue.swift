/// One thing to say about a configuration file, on one line.
public struct ConfigurationIssue: Sendable, Hashable, CustomStringConvertible {
    /// The file as it was named by the caller.
    public let file: String
    /// Where in the file.
    public let position: JSON5Position
    /// The key in question, as it is written in the documentation; empty for a syntax error.
    public let keyPath: String
    /// What is wrong, without a full stop. Holds no secret.
    public let problem: String
    /// What to do, without a full stop.
    public let fix: String

    /// Creates an issue; `problem` and `fix` are given without a full stop.
    public init(file: String, position: JSON5Position, keyPath: String, problem: String, fix: String) {
        self.file = file
        self.position = position
        self.keyPath = keyPath
        self.problem = problem
        self.fix = fix
    }

    /// Line, counted from 1.
    public var line: Int { position.line }

    /// `FILE:LINE: key.path: problem. Fix.`, always one line.
    public var description: String {
        let place = keyPath.isEmpty ? "\(file):\(line): " : "\(file):\(line): \(keyPath): "
        let text = place + problem + ". " + fix + (fix.hasSuffix("?") ? "" : ".")
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            let breaksLine = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
            return breaksLine || scalar.value == 0x2028 || scalar.value == 0x2029 ? "\u{FFFD}" : scalar
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
