/// What the driver of the core has to do, in this order.
public enum PlatformAction: Sendable, Hashable {
    /// Send a text frame.
    case send(ConnectionID, String)
    /// Send a binary frame.
    case sendBinary(ConnectionID, [UInt8])
    /// End the connection: with a close frame of that code, or (nil) by dropping the socket without one.
    case close(ConnectionID, code: UInt16?)
    /// Stop reading from the socket, but keep it.
    case pauseReading(ConnectionID)
    /// Read from the socket again.
    case resumeReading(ConnectionID)
    /// Make an HTTP request and report what became of it with `callbackAnswered`.
    case callback(CallbackRequest)
    /// Cut the request of that number; nothing is reported.
    case cancelCallback(Int)
    /// Tell observers.
    case event(SimulatorEvent)
}

/// Something that observers may want to know.
public enum SimulatorEvent: Sendable, Hashable {
    /// A bubble or message appeared or changed.
    case entry(ConversationKey, Entry)
    /// A frame was received or sent.
    case frame(FrameRecord)
    /// A connection changed its state.
    case connection(bot: String?, ConnectionID, ConnectionState)
    /// A callback over HTTP was made, or ended.
    case callback(CallbackRecord)
    /// A bot's program answered what it must not.
    case violation(ProtocolViolation)
    /// A fault fired.
    case fault(SimulatorFault.Kind, cmd: String, ConnectionID?)
}
