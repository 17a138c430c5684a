/// What a session tells its owner. Called on the transport's thread: take it and return.
public enum SessionEvent: Sendable {
    /// Status changed.
    case status(SessionStatus)
    /// A message or event of a user came in.
    case callback(Callback)
    /// Replaced, with `onReplaced` set to `exit`: the session has ended for good.
    case exit
}

/// Direction of a frame seen by a tap.
public enum FrameDirection: String, Sendable {
    /// From the platform.
    case inbound = "in"
    /// To the platform.
    case outbound = "out"
}
