/// How to run the program that answers.
public struct CommandSettings: Sendable, Equatable {
    /// Program and arguments; no shell reads them. A name without a slash is looked up in `PATH`.
    public var command: [String]
    /// Folder that a relative program path starts at; nil for the gateway's own working directory. The
    /// program itself runs in the workspace of the session.
    public var baseDirectory: String?
    /// Bound of one run.
    public var timeout: Duration
    /// Time between SIGTERM and SIGKILL.
    public var killGrace: Duration
    /// Time that a program has for exiting once its answer is over.
    public var exitGrace: Duration
    /// Whether a failure carries the end of the standard error, which may quote messages, instead of its size alone.
    public var showsStandardError = false

    /// Creates settings.
    public init(
        command: [String], baseDirectory: String? = nil, timeout: Duration = .seconds(600),
        killGrace: Duration = .seconds(2), exitGrace: Duration = .seconds(5)
    ) {
        self.command = command
        self.baseDirectory = baseDirectory
        self.timeout = timeout
        self.killGrace = killGrace
        self.exitGrace = exitGrace
    }
}
