/// Error of this package, safe to show: it never holds message text or secrets.
public struct GatewayError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong, as a stable word.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case invalidConfiguration = "invalid_configuration"
            case notConnected = "not_connected"
            case queueFull = "queue_full"
            case answerTooLarge = "answer_too_large"
            case rejected
            case unknownOutcome = "unknown_outcome"
            case superseded
            case invalidFrame = "invalid_frame"
            case closed
        }
        private let kind: Kind

        /// A setting or argument is wrong; the message says which and how to mend it.
        public static let invalidConfiguration = Code(kind: .invalidConfiguration)
        /// There is no subscribed connection.
        public static let notConnected = Code(kind: .notConnected)
        /// A bound was reached; the message names it.
        public static let queueFull = Code(kind: .queueFull)
        /// An answer grew past the bound of one task.
        public static let answerTooLarge = Code(kind: .answerTooLarge)
        /// The platform refused; `platform` has its number.
        public static let rejected = Code(kind: .rejected)
        /// Sent, and no answer came: the platform may or may not have it.
        public static let unknownOutcome = Code(kind: .unknownOutcome)
        /// Another connection of the same bot took over.
        public static let superseded = Code(kind: .superseded)
        /// What arrived is not a frame of the protocol.
        public static let invalidFrame = Code(kind: .invalidFrame)
        /// The client was shut down.
        public static let closed = Code(kind: .closed)

        /// Stable word.
        public var description: String { kind.rawValue }
    }

    /// What went wrong.
    public var code: Code
    /// One sentence for a person.
    public var message: String
    /// The platform's refusal, for `.rejected`.
    public var platform: PlatformError?

    /// Creates an error.
    public init(_ code: Code, _ message: String, platform: PlatformError? = nil) {
        self.code = code
        self.message = message
        self.platform = platform
    }

    /// Code and sentence.
    public var description: String { "\(code): \(message)" + (platform.map { ": \($0)" } ?? "") }
}
