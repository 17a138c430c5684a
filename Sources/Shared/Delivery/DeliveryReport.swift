/// How an answer was delivered.
public struct DeliveryReport: Hashable, Sendable {
    /// Segments that reached the platform.
    public var segments = 0
    /// Of these, pushed after the reply window.
    public var pushed = 0
    /// Of these, without an ack but with reason to believe that they were shown.
    public var assumed = 0
    /// Frames sent again because nobody knew whether they had arrived.
    public var repeated = 0
    /// Whether a bubble was sealed before its answer was there, or could not be sealed at all.
    public var handedOver = false
    /// Whether the platform refused the content.
    public var contentRefused = false
    /// Number of the last refusal.
    public var lastRefusal: Int?
    /// Why not all was delivered; nil when it was.
    public var failure: String?

    /// Creates an empty report.
    public init() {}
}
